//! The `s3logs` program: parses the command line, runs the verb, maps the result to an exit code.

use std::process::ExitCode;

use clap::Parser;
use s3logs::commands::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    allocator::tune();
    ExitCode::from(commands::run(cli).code())
}

/// glibc keeps what is freed for the thread that freed it, and takes ever larger blocks from there: of 350 MB
/// that five million rows took, 150 MB were free. It reads its settings before `main`, so the program
/// starts itself once more with them, as the same process.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator {
    use std::env;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    const VARIABLE: &str = "GLIBC_TUNABLES";

    /// Two heaps for all threads; blocks of 1 MiB go back to the system when they are freed, smaller ones when
    /// 4 MiB of them are free in a row: each page that comes back costs a fault.
    const SETTINGS: &str = "glibc.malloc.arena_max=2:glibc.malloc.mmap_threshold=1048576:\
                            glibc.malloc.trim_threshold=4194304";

    /// Does nothing where the user has chosen settings, and goes on without where it does not work.
    pub(super) fn tune() {
        let chosen = env::var(VARIABLE).unwrap_or_default();
        if chosen.contains("glibc.malloc.") {
            return;
        }
        let Ok(program) = env::current_exe() else {
            return;
        };
        let others = if chosen.is_empty() {
            String::new()
        } else {
            format!("{chosen}:")
        };
        let mut arguments = env::args_os();
        let mut again = Command::new(program);
        if let Some(name) = arguments.next() {
            again.arg0(name);
        }
        let again = again.args(arguments).env(VARIABLE, others + SETTINGS);
        // It returns only if it failed.
        drop(again.exec());
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod allocator {
    pub(super) fn tune() {}
}
