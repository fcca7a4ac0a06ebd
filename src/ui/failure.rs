//! Why a verb failed, as the user sees it: one line, what to try, and the exit code.
//!
//! This is the only place that maps the library's errors to words of advice and to exit codes.

use std::io;

use serde::Serialize;

use crate::jobs::JobError;
use crate::ledger::LedgerError;
#[cfg(feature = "query")]
use crate::query::QueryError;
use crate::store::{ErrorKind, StoreError};
use crate::units::rfc3339;

use super::tables::one_line;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is done, or nobody reads the output any more.
    Done,
    /// It could not be done.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// It is done but for some objects, or with more rejected lines than allowed.
    Partial,
    /// The ledger cannot be read.
    Ledger,
    /// Another run is at work.
    Held,
    /// The user stopped it.
    Interrupted,
}

impl Exit {
    /// How work on objects ends: stopped by the user, with failed objects, with more rejected lines
    /// than allowed, or well.
    pub fn of_work(interrupted: bool, failed: u64, excess_rejects: bool) -> Self {
        if interrupted {
            Self::Interrupted
        } else if failed > 0 || excess_rejects {
            Self::Partial
        } else {
            Self::Done
        }
    }

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Ledger => 10,
            Self::Held => 11,
            Self::Interrupted => 130,
        }
    }
}

/// Categories of failure; scripts branch on their names and exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The command line makes no sense.
    Usage,
    /// Access is denied.
    Denied,
    /// Credentials are missing or refused.
    Credentials,
    /// The bucket is in another region.
    WrongRegion,
    /// A bucket, folder or object is not there.
    NotFound,
    /// Something was written by somebody else meanwhile.
    Conflict,
    /// An object must be restored first.
    Archived,
    /// The server asks for patience.
    Throttled,
    /// The connection failed.
    Network,
    /// No room is left.
    Full,
    /// A name cannot be stored.
    Name,
    /// The destination cannot keep two runs apart.
    Unconditional,
    /// Another run is at work.
    Held,
    /// The ledger cannot be read.
    Ledger,
    /// A local file or stream cannot be read or written.
    File,
    /// The user stopped it.
    Interrupted,
    /// Nobody reads the output any more.
    Closed,
    /// A fault of this program.
    Internal,
    /// Anything else.
    Other,
}

impl Kind {
    /// How the program ends with such a failure.
    pub fn exit(self) -> Exit {
        match self {
            Self::Usage => Exit::Usage,
            Self::Held => Exit::Held,
            Self::Ledger => Exit::Ledger,
            Self::Interrupted => Exit::Interrupted,
            Self::Closed => Exit::Done,
            _ => Exit::Failed,
        }
    }
}

/// What went wrong and what to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Category.
    pub kind: Kind,
    /// What went wrong: object or bucket, step, cause.
    pub error: String,
    /// What to try, one sentence each.
    pub hints: Vec<String>,
}

/// The failure as an event.
#[derive(Debug, Serialize)]
pub struct ErrorEvent<'a> {
    event: &'static str,
    kind: Kind,
    message: &'a str,
    hints: &'a [String],
    exit: u8,
}

impl Failure {
    fn new(kind: Kind, error: impl Into<String>, hints: &[&str]) -> Self {
        Self {
            kind,
            error: error.into(),
            hints: hints.iter().map(|hint| (*hint).to_owned()).collect(),
        }
    }

    /// The command line makes no sense.
    pub fn usage(error: impl Into<String>, hint: &str) -> Self {
        Self::new(Kind::Usage, error, &[hint])
    }

    /// What was asked about is not there.
    pub fn not_found(error: impl Into<String>, hint: &str) -> Self {
        Self::new(Kind::NotFound, error, &[hint])
    }

    /// A local file or stream failed: `action` is a verb, `name` what it was done to.
    pub fn file(action: &str, name: &str, error: &io::Error) -> Self {
        // Of a temporary file nobody has heard the name.
        let cause = error.to_string();
        let cause = cause.split(" at path \"").next().unwrap_or_default();
        let text = format!("cannot {action} {name}: {cause}");
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::Closed, text, &[]),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::new(Kind::Full, text, &["free some space, then run it again"])
            }
            _ => Self::new(Kind::File, text, &[]),
        }
    }

    /// Standard output failed.
    pub fn output(error: &io::Error) -> Self {
        Self::file("write", "standard output", error)
    }

    /// One line that begins with `error: `, then one line for each hint; nothing for a closed pipe.
    pub fn render(&self) -> String {
        if self.kind == Kind::Closed {
            return String::new();
        }
        let mut text = format!("error: {}\n", one_line(&self.error));
        for hint in &self.hints {
            text.push_str("hint: ");
            text.push_str(&one_line(hint));
            text.push('\n');
        }
        text
    }

    /// The same with the place in commands that are to be tried on it.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=+@".contains(c);
        let place = if !place.is_empty() && place.chars().all(plain) {
            place.to_owned()
        } else {
            format!("'{}'", one_line(place).replace('\'', "'\\''"))
        };
        for hint in &mut self.hints {
            *hint = hint.replace(" DEST`", &format!(" {place}`"));
        }
        self
    }

    /// The failure as an event.
    pub fn event(&self) -> ErrorEvent<'_> {
        ErrorEvent {
            event: "error",
            kind: self.kind,
            message: &self.error,
            hints: &self.hints,
            exit: self.kind.exit().code(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            kind: kind_of(&error.kind),
            hints: hints(&error.kind, error.action, &error.place),
            error: error.to_string(),
        }
    }
}

const NO_DATASET: &[&str] = &[
    "`s3logs sync SRC DEST` makes one; is this the right place, and has a run ended?",
    "if its ledger is lost, `s3logs ledger rebuild --from-files DEST` makes it again",
];
const NEWER: &str = "use the version of s3logs that wrote it, or a later one";
const FROM_COMMITS: &str = "`s3logs ledger rebuild DEST` makes it again from the commits";
const PUT_BACK: &str = "put the record back from a backup or an older version of the object";
const FROM_FILES: &str =
    "or `s3logs ledger rebuild --from-files DEST` makes the ledger again from the Parquet files";

/// Whether a record can be made again from the commits.
fn is_folded(path: &str) -> bool {
    path.contains("_s3logs/checkpoints/") || path.contains("_s3logs/segments/")
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let text = error.to_string();
        let hints: &[&str] = match &error {
            LedgerError::Store(error) => return error.clone().into(),
            LedgerError::Newer { path, .. } if is_folded(path) => &[NEWER, FROM_COMMITS],
            LedgerError::Newer { .. } => &[NEWER],
            LedgerError::Unreadable { path, .. } if is_folded(path) => &[FROM_COMMITS],
            LedgerError::Unreadable { .. } => &[PUT_BACK, FROM_FILES],
            LedgerError::Unfinished { .. } => {
                &["`s3logs ledger rebuild --from-files DEST` finishes it"]
            }
        };
        Self::new(Kind::Ledger, text, hints)
    }
}

#[cfg(feature = "query")]
impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let text = error.to_string();
        match error {
            QueryError::Ledger(error) => error.into(),
            QueryError::NoDataset => Self::new(Kind::NotFound, text, NO_DATASET),
            QueryError::Sql(_) => Self::new(
                Kind::Usage,
                text,
                &["`SHOW TABLES` and `DESCRIBE cloudfront` tell what there is"],
            ),
            QueryError::ReadOnly(_) => Self::new(
                Kind::Usage,
                text,
                &[
                    "a dataset is only read: SELECT, EXPLAIN, SHOW, DESCRIBE and CREATE VIEW work; --to writes rows to a file",
                ],
            ),
            QueryError::Inventory(_) => Self::new(
                Kind::Other,
                text,
                &[
                    "--inventory takes a manifest.json, or a folder of reports as S3 Inventory delivers them",
                ],
            ),
            QueryError::Places(_) => Self::new(
                Kind::File,
                text,
                &[
                    "--geoip takes a MaxMind DB file (.mmdb) of countries, cities or networks, such as GeoLite2's or DB-IP's",
                ],
            ),
            QueryError::Memory(_) => Self::new(
                Kind::Other,
                text,
                &["give it more with --memory, or ask for less"],
            ),
            QueryError::Value(_) => Self::new(Kind::Other, text, &[]),
            QueryError::Temporary { folder, error } => {
                let mut failure = Self::file("write temporary files to", &folder, &error);
                let hint = "name another folder with TMPDIR";
                failure.hints.push(hint.to_owned());
                failure
            }
            QueryError::Failed(_) => Self::new(
                Kind::Other,
                text,
                &["where a file is missing or damaged, `s3logs verify SRC DEST` tells which"],
            ),
        }
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        let text = error.to_string();
        match error {
            JobError::Store(error) => error.into(),
            JobError::Ledger(error) => error.into(),
            JobError::Held(held) => {
                let wait = format!(
                    "wait until it ends; its lease runs out at {} unless it is renewed",
                    rfc3339(held.expires)
                );
                let take = "if that process is gone, `sync` takes the lease over with --take-over";
                Self::new(Kind::Held, text, &[&wait, take])
            }
            JobError::Unconditional { .. } => Self::new(
                Kind::Unconditional,
                text,
                &["if no other run writes there, say so with --single-writer"],
            ),
            JobError::NoDataset { .. } => Self::new(Kind::NotFound, text, NO_DATASET),
            JobError::Misuse { hint, .. } => Self::new(Kind::Usage, text, &[&hint]),
            JobError::Temporary { .. } => Self::new(
                Kind::File,
                text,
                &["free some space there, or name another folder with TMPDIR"],
            ),
            JobError::Encode { .. } => Self::new(
                Kind::Internal,
                text,
                &["this is a fault of s3logs; please report it with the command line"],
            ),
            JobError::Interrupted => Self::new(
                Kind::Interrupted,
                text,
                &["run the same command again; what is done stays done"],
            ),
            JobError::Closed => Self::new(Kind::Closed, text, &[]),
        }
    }
}

fn kind_of(kind: &ErrorKind) -> Kind {
    match kind {
        ErrorKind::NotFound | ErrorKind::NoRoot => Kind::NotFound,
        ErrorKind::Exists | ErrorKind::Changed => Kind::Conflict,
        ErrorKind::Denied => Kind::Denied,
        ErrorKind::Credentials => Kind::Credentials,
        ErrorKind::WrongRegion(_) => Kind::WrongRegion,
        ErrorKind::Archived => Kind::Archived,
        ErrorKind::Throttled => Kind::Throttled,
        ErrorKind::Network => Kind::Network,
        ErrorKind::Full => Kind::Full,
        ErrorKind::BadName => Kind::Name,
        ErrorKind::Other => Kind::Other,
    }
}

/// What to try after a store failed to do `action` to `place`.
pub(super) fn hints(kind: &ErrorKind, action: &str, place: &str) -> Vec<String> {
    let s3 = place.strip_prefix("s3://");
    let texts: &[&str] = match kind {
        ErrorKind::Denied => return denied(action, place),
        ErrorKind::WrongRegion(Some(region)) => return vec![format!("try --region {region}")],
        ErrorKind::WrongRegion(None) => &["name the region of the bucket with --region"],
        ErrorKind::NotFound if s3.is_some() => {
            &["it may have been deleted in this moment; run the same command again"]
        }
        ErrorKind::NoRoot if s3.is_some() => &[
            "check the name of the bucket; a server other than AWS needs --endpoint-url or AWS_ENDPOINT_URL",
        ],
        ErrorKind::NotFound | ErrorKind::NoRoot => &["check the path"],
        ErrorKind::Exists | ErrorKind::BadName if matches!(action, "create" | "open") => {
            &["a file stands where a folder is needed; name another place"]
        }
        ErrorKind::Exists | ErrorKind::Changed => {
            &["somebody else wrote it in this moment; run the same command again"]
        }
        ErrorKind::Credentials => &[
            "choose a profile with --profile or AWS_PROFILE; an expired session needs `aws sso login`",
            "--no-sign-request reads public buckets without credentials",
        ],
        ErrorKind::Archived => &[
            "restore it first (`aws s3api restore-object`), or leave it out with --exclude or --since",
        ],
        ErrorKind::Throttled => &["run the same command again later, or with fewer --jobs"],
        ErrorKind::Network => {
            &["check the connection and, if it is set, --endpoint-url or AWS_ENDPOINT_URL"]
        }
        ErrorKind::Full => &["make room there, then run the same command again"],
        ErrorKind::BadName => {
            &["leave it out with --exclude, or give a place that can hold such names"]
        }
        ErrorKind::Other => &[],
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn denied(action: &str, place: &str) -> Vec<String> {
    let Some(name) = place.strip_prefix("s3://") else {
        return vec!["check the permissions of the file or folder".to_owned()];
    };
    let bucket = name.split('/').next().unwrap_or(name);
    let (permission, resource) = match action {
        "list" => ("s3:ListBucket", bucket),
        "write" => ("s3:PutObject", name),
        "delete" => ("s3:DeleteObject", name),
        _ => ("s3:GetObject", name),
    };
    let mut hints = vec![
        format!("the credentials in use need {permission} on arn:aws:s3:::{resource}"),
        "--profile chooses other credentials".to_owned(),
    ];
    if matches!(action, "list" | "read") {
        hints.push(
            "--no-sign-request reads public buckets, --request-payer those whose reader pays"
                .to_owned(),
        );
    }
    hints
}

#[cfg(test)]
mod tests;
