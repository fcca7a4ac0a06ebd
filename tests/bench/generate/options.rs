//! What logs to make.

use std::str::FromStr;

/// Which log to make.
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

/// A set of logs.
pub struct Options {
    pub format: Format,
    pub objects: u64,
    pub rows: u64,
    pub days: u64,
    pub seed: u64,
    pub late_percent: u64,
}
