//! `s3://bucket/prefix`, a local path, or `-`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a verb reads or writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A bucket and a key prefix (may be empty).
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix, as given.
        prefix: String,
    },
    /// A local file or folder.
    Local(PathBuf),
    /// Standard input or output.
    Std,
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-" {
            return Ok(Self::Std);
        }
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err("the bucket is missing; write s3://bucket/prefix".to_owned());
            }
            return Ok(Self::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            });
        }
        if ["s3:", "arn:aws"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            return Err("write s3://bucket/prefix, or ./ before a local path".to_owned());
        }
        match text.split_once("://") {
            Some((scheme, _)) => Err(format!(
                "{scheme}:// is not supported; write s3://bucket/prefix or a local path"
            )),
            None if text.is_empty() => Err("an empty path".to_owned()),
            None => Ok(Self::Local(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Std => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_users_write() {
        let s3 = |bucket: &str, prefix: &str| {
            Ok(Location::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            })
        };
        assert_eq!("s3://b".parse(), s3("b", ""));
        assert_eq!("s3://b/".parse(), s3("b", ""));
        assert_eq!("s3://b/p/q".parse(), s3("b", "p/q"));
        assert_eq!("-".parse(), Ok(Location::Std));
        assert_eq!("./dir".parse(), Ok(Location::Local("./dir".into())));
        assert!("s3:///p".parse::<Location>().is_err());
        assert!("gs://b/p".parse::<Location>().is_err());
    }
}
