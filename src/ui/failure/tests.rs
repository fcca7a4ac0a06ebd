use std::fmt::Write as _;

use super::*;
use crate::ledger::{Held, Owner};

fn store(kind: ErrorKind, action: &'static str, place: &str, cause: &str) -> JobError {
    JobError::Store(StoreError {
        kind,
        action,
        place: place.to_owned(),
        cause: cause.to_owned(),
    })
}

fn store_errors() -> Vec<JobError> {
    let object = "s3://logs/s3/2024-02-29-23-59-59-0123456789ABCDEF";
    let denied = |action, place| {
        store(
            ErrorKind::Denied,
            action,
            place,
            "AccessDenied: Access Denied",
        )
    };
    vec![
        denied("list", "s3://logs/s3/"),
        denied("read", object),
        denied("write", "s3://lake/logs/_s3logs/lock"),
        denied("delete", "s3://lake/logs/_s3logs/intents/b0b0.json"),
        store(
            ErrorKind::Denied,
            "read",
            "file:///logs/a",
            "Permission denied (os error 13)",
        ),
        store(
            ErrorKind::Credentials,
            "list",
            "s3://logs/",
            "ExpiredToken: The provided token has expired.",
        ),
        store(
            ErrorKind::WrongRegion(Some("eu-west-1".to_owned())),
            "list",
            "s3://logs/",
            "PermanentRedirect (HTTP 301)",
        ),
        store(
            ErrorKind::WrongRegion(None),
            "list",
            "s3://logs/",
            "HTTP 301",
        ),
        store(
            ErrorKind::NoRoot,
            "list",
            "s3://lgos/",
            "NoSuchBucket: The specified bucket does not exist",
        ),
        store(
            ErrorKind::NoRoot,
            "open",
            "./nowhere",
            "No such file or directory (os error 2)",
        ),
        store(
            ErrorKind::NotFound,
            "read",
            object,
            "NoSuchKey: The specified key does not exist.",
        ),
        store(
            ErrorKind::NotFound,
            "read",
            "file:///logs/a",
            "No such file or directory (os error 2)",
        ),
    ]
}

fn object_errors() -> Vec<JobError> {
    let object = "s3://logs/s3/2024-02-29-23-59-59-0123456789ABCDEF";
    vec![
        store(
            ErrorKind::Exists,
            "write",
            object,
            "PreconditionFailed (HTTP 412)",
        ),
        store(
            ErrorKind::Changed,
            "read",
            object,
            "PreconditionFailed (HTTP 412)",
        ),
        store(
            ErrorKind::Archived,
            "read",
            object,
            "it lies in an archive storage class",
        ),
        store(
            ErrorKind::Throttled,
            "read",
            object,
            "SlowDown: Please reduce your request rate.",
        ),
        store(
            ErrorKind::Network,
            "list",
            "s3://logs/",
            "tcp connect error: Connection refused",
        ),
        store(
            ErrorKind::Full,
            "write",
            "file:///lake/s3_access/x",
            "No space left on device (os error 28)",
        ),
        store(
            ErrorKind::BadName,
            "write",
            "file:///lake/a/../b",
            "the key cannot be a file name",
        ),
        store(ErrorKind::Other, "read", "-", "two\nlines"),
    ]
}

fn other_errors() -> Vec<JobError> {
    let text = str::to_owned;
    vec![
        JobError::Ledger(LedgerError::Unreadable {
            path: text("logs/_s3logs/commits/00000000000000000007.json.zst"),
            cause: text("expected value at line 1 column 1"),
        }),
        JobError::Ledger(LedgerError::Newer {
            path: text("logs/_s3logs/commits/00000000000000000007.json.zst"),
            found: 9,
        }),
        JobError::Ledger(LedgerError::Unreadable {
            path: text("logs/_s3logs/segments/2026-03-01-00000000000000000032.zst"),
            cause: text("it is missing"),
        }),
        JobError::Ledger(LedgerError::Newer {
            path: text("logs/_s3logs/checkpoints/00000000000000000032.json.zst"),
            found: 9,
        }),
        JobError::Ledger(LedgerError::Unfinished {
            path: text("logs/_s3logs/commits/rebuild.json"),
        }),
        JobError::Held(Held {
            owner: Owner {
                host: text("build-7"),
                boot: String::new(),
                pid: 4711,
                started: 1,
            },
            since: 1_709_251_199_000_000,
            expires: 1_709_251_319_000_000,
        }),
        JobError::Unconditional {
            place: text("s3://lake/logs"),
        },
        JobError::Misuse {
            what: text("the destination lies in the source"),
            hint: text("give a destination outside of it"),
        },
        JobError::Temporary {
            folder: text("/tmp"),
            cause: text("No space left on device (os error 28)"),
        },
        JobError::Encode {
            what: text("s3_access 2024-02-29"),
            cause: text("invalid argument"),
        },
        JobError::Interrupted,
        JobError::Closed,
    ]
}

#[test]
fn every_error_as_the_user_sees_it() {
    let mut text = String::new();
    let errors = [store_errors(), object_errors(), other_errors()];
    for error in errors.into_iter().flatten() {
        let failure = Failure::from(error);
        let exit = failure.kind.exit().code();
        let _ = write!(
            text,
            "[{:?}, exit {exit}]\n{}\n",
            failure.kind,
            failure.render()
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn one_line_whatever_the_cause_holds() {
    let failure = Failure::from(store(ErrorKind::Other, "read", "a\nb", "c\u{1b}[2J\r\nd"));
    assert_eq!(failure.render().lines().count(), 1);
    assert!(!failure.render().contains('\u{1b}'));
}

#[test]
fn the_error_is_an_event_too() {
    let failure = Failure::from(JobError::Unconditional {
        place: "s3://lake/logs".to_owned(),
    });
    let event = serde_json::to_value(failure.event()).expect("strings and numbers");
    let expected = serde_json::json!({
        "event": "error",
        "kind": "unconditional",
        "message": "s3://lake/logs does not honour conditional writes, which keep two runs apart",
        "hints": ["if no other run writes there, say so with --single-writer"],
        "exit": 1,
    });
    assert_eq!(event, expected);
}

#[test]
fn streams_that_fail() {
    let failed = |kind: io::ErrorKind| Failure::output(&kind.into()).kind;
    assert_eq!(failed(io::ErrorKind::BrokenPipe), Kind::Closed);
    assert_eq!(failed(io::ErrorKind::StorageFull), Kind::Full);
    assert_eq!(failed(io::ErrorKind::PermissionDenied), Kind::File);
    assert_eq!(Kind::Closed.exit(), Exit::Done);
}
