//! Who this process is, for the lease, and whether another one of this host still lives.
//!
//! All of it comes from `/proc`; where that is missing nobody is ever held for gone.

use std::fs;
use std::io::ErrorKind;

use chrono::Utc;

use crate::jobs::Claim;
use crate::ledger::Owner;

/// The clock, microseconds UTC.
pub(super) fn now() -> i64 {
    Utc::now().timestamp_micros()
}

/// This process.
pub(super) fn owner() -> Owner {
    Owner {
        host: host(),
        boot: boot(),
        pid: std::process::id(),
        started: match process("self") {
            Process::Alive { started } => started,
            Process::Gone | Process::Unknown => 0,
        },
    }
}

/// This process as one that asks for a dataset alone.
pub(super) fn claim() -> Claim {
    Claim {
        owner: owner(),
        now,
        gone,
    }
}

/// Whether an owner was a process of this host that surely no longer lives.
pub(super) fn gone(other: &Owner) -> bool {
    is_gone(other, &owner(), process)
}

fn is_gone(other: &Owner, own: &Owner, look: impl Fn(&str) -> Process) -> bool {
    let comparable = !own.boot.is_empty() && own.started != 0 && other.started != 0;
    if !comparable || other.host != own.host || other.boot != own.boot {
        return false;
    }
    match look(&other.pid.to_string()) {
        Process::Alive { started } => started != other.started,
        Process::Gone => true,
        Process::Unknown => false,
    }
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::env::var("HOSTNAME"))
        .or_else(|_| std::env::var("COMPUTERNAME"))
        .unwrap_or_default();
    match name.trim() {
        "" => "unknown".to_owned(),
        name => name.to_owned(),
    }
}

/// One boot of the host and, as containers of it may share the host's name but not see each other's
/// processes, the space in which process ids are counted.
fn boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let space = fs::read_link("/proc/self/ns/pid");
    match (boot, space) {
        (Ok(boot), Ok(space)) => format!("{} {}", boot.trim(), space.display()),
        _ => String::new(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    Alive { started: u64 },
    Gone,
    Unknown,
}

fn process(pid: &str) -> Process {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => parse_stat(&stat),
        Err(error) if error.kind() == ErrorKind::NotFound => Process::Gone,
        Err(_) => Process::Unknown,
    }
}

/// Reads a line of `/proc/<pid>/stat`: the name, in parentheses, may itself hold blanks and
/// parentheses; the state is the field after it and the start time the 22nd of the line.
fn parse_stat(stat: &str) -> Process {
    let Some((_, rest)) = stat.rsplit_once(')') else {
        return Process::Unknown;
    };
    let mut fields = rest.split_whitespace();
    if matches!(fields.next(), Some("Z" | "X")) {
        return Process::Gone;
    }
    match fields.nth(18).and_then(|field| field.parse().ok()) {
        Some(started) => Process::Alive { started },
        None => Process::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner_of(host: &str, boot: &str, pid: u32, started: u64) -> Owner {
        Owner {
            host: host.to_owned(),
            boot: boot.to_owned(),
            pid,
            started,
        }
    }

    #[test]
    fn the_start_time_is_field_22() {
        let rest = "R 1 1 1 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 200";
        let stat = format!("4711 (a (b) c) {rest}");
        assert_eq!(parse_stat(&stat), Process::Alive { started: 987_654 });
        assert_eq!(parse_stat(&stat.replace(" R ", " Z ")), Process::Gone);
        assert_eq!(parse_stat("4711 (cut) R 1"), Process::Unknown);
        assert_eq!(parse_stat(""), Process::Unknown);
    }

    #[test]
    fn only_a_dead_process_of_this_boot_is_gone() {
        let own = owner_of("h", "b", 1, 10);
        let alive = |_: &str| Process::Alive { started: 20 };
        let dead = |_: &str| Process::Gone;
        assert!(!is_gone(&owner_of("h", "b", 2, 20), &own, alive));
        assert!(
            is_gone(&owner_of("h", "b", 2, 19), &own, alive),
            "a reused pid"
        );
        assert!(is_gone(&owner_of("h", "b", 2, 20), &own, dead));
        assert!(!is_gone(&owner_of("other", "b", 2, 20), &own, dead));
        assert!(!is_gone(&owner_of("h", "earlier", 2, 20), &own, dead));
        assert!(!is_gone(
            &owner_of("h", "", 2, 20),
            &owner_of("h", "", 1, 10),
            dead
        ));
        assert!(!is_gone(&owner_of("h", "b", 2, 20), &own, |_| {
            Process::Unknown
        }));
    }

    #[test]
    fn this_process_lives() {
        assert!(!gone(&owner()));
    }
}
