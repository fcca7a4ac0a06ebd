//! The `s3logs` program: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use s3logs::commands::{self, Cli};

/// Threads that wait for the file system. More would gain little, and the allocator keeps memory for each.
const FILE_THREADS: usize = 4;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cli.threads())
        .max_blocking_threads(FILE_THREADS)
        .enable_all()
        .build();
    let exit = match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(commands::run(cli));
            // A read from a terminal that nobody answers must not keep the program.
            runtime.shutdown_background();
            exit
        }
        Err(error) => commands::cannot_start(&cli, &error),
    };
    ExitCode::from(exit.code())
}
