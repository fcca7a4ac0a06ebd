//! The command line of the generator.

use std::path::PathBuf;
use std::str::FromStr;

pub const HELP: &str = "\
Writes realistic AWS logs, the same bytes for the same arguments, and prints the truth about them as JSON.

Usage: generate-logs --format FORMAT [OPTIONS] OUTDIR

  --format FORMAT   s3-access or cloudfront
  --objects N       log objects to write [100]
  --rows M          rows in each object [1000]
  --days D          days the objects' stamps are spread over, from 2026-03-01 [1]
  --seed S          another seed, another set of logs [1]
  --late PERCENT    rows up to three days older than their object [1]
  --help            this text
";

/// Which log to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    S3Access,
    CloudFront,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Self::S3Access => "s3-access",
            Self::CloudFront => "cloudfront",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "s3-access" => Ok(Self::S3Access),
            "cloudfront" => Ok(Self::CloudFront),
            other => Err(format!("unknown format {other}: s3-access or cloudfront")),
        }
    }
}

/// What to write, and where.
pub struct Options {
    pub format: Format,
    pub objects: u64,
    pub rows: u64,
    pub days: u64,
    pub seed: u64,
    pub late_percent: u64,
    pub out: PathBuf,
}

/// What the command line asks for.
pub enum Ask {
    Help,
    Logs(Options),
}

impl Ask {
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut format, mut out) = (None, None);
        let (mut objects, mut rows, mut days, mut seed, mut late_percent) = (100, 1000, 1, 1, 1);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--format" => format = Some(value()?.parse()?),
                "--objects" => objects = number(&argument, &value()?)?,
                "--rows" => rows = number(&argument, &value()?)?,
                "--days" => days = number(&argument, &value()?)?.max(1),
                "--seed" => seed = number(&argument, &value()?)?,
                "--late" => late_percent = number(&argument, &value()?)?.min(100),
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                path => out = Some(PathBuf::from(path)),
            }
        }
        Ok(Self::Logs(Options {
            format: format.ok_or("--format is missing")?,
            objects,
            rows,
            days,
            seed,
            late_percent,
            out: out.ok_or("OUTDIR is missing")?,
        }))
    }
}

fn number(option: &str, text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("{option}: {text} is not a whole number"))
}
