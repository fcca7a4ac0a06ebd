//! Which object goes to which output, and what outputs are called.

use crate::formats;
use crate::jobs::list::day_of;
use crate::schema::{From, LogFormat};
use crate::store::ObjectMeta;
use crate::units::Day;

use super::{Compression, Span};

/// First day of the span that an object belongs to, by its name or else its last modification.
pub(super) fn period_of(object: &ObjectMeta, by: Span) -> Day {
    let day = day_of(object);
    match by {
        Span::Day => day,
        Span::Month => format!("{}-01", day.month()).parse().unwrap_or(day),
    }
}

/// The piece of the object's name that becomes a column, which the output's name must carry on.
pub(super) fn piece_of(format: &LogFormat, key: &str) -> Option<String> {
    format
        .derived
        .iter()
        .find_map(|derived| match derived.from {
            From::ObjectName(piece) => piece(key).map(str::to_owned),
            From::RawKey(_) | From::RequestLine(..) => None,
        })
}

/// Path of an output: `<table>/[<piece>.]<day or month>.merged.<gz or zst>`.
pub(super) fn path_of(
    format: &LogFormat,
    piece: Option<&str>,
    period: Day,
    (by, compression): (Span, Compression),
) -> String {
    let piece = piece.map_or_else(String::new, |piece| format!("{piece}."));
    let date = match by {
        Span::Day => period.to_string(),
        Span::Month => period.month(),
    };
    let end = match compression {
        Compression::Gzip => "gz",
        Compression::Zstd => "zst",
    };
    format!("{}/{piece}{date}{MERGED}{end}", format.table)
}

const MERGED: &str = ".merged.";

/// Whether a path relative to the destination is one of [`path_of`].
pub(super) fn is_output(path: &str) -> bool {
    path.split_once('/').is_some_and(|(table, name)| {
        let ends = [Compression::Gzip, Compression::Zstd].map(|one| match one {
            Compression::Gzip => ".merged.gz",
            Compression::Zstd => ".merged.zst",
        });
        !name.contains('/')
            && ends.iter().any(|end| name.ends_with(end))
            && formats::ALL.iter().any(|format| format.table == table)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{CLOUDFRONT, S3_ACCESS};
    use crate::schema::{KeyPeriod, key_period};

    #[test]
    fn outputs_carry_on_what_names_say() {
        let day: Day = "2026-03-01".parse().expect("a day");
        let gz = (Span::Day, Compression::Gzip);
        let piece = piece_of(&CLOUDFRONT, "x/E2EXAMPLE1.2026-03-01-10.a1b2c3d4.gz");
        assert_eq!(piece.as_deref(), Some("E2EXAMPLE1"));
        let path = path_of(&CLOUDFRONT, piece.as_deref(), day, gz);
        assert_eq!(path, "cloudfront/E2EXAMPLE1.2026-03-01.merged.gz");
        assert_eq!(key_period(&path).map(KeyPeriod::day), Some(day));
        assert_eq!(piece_of(&CLOUDFRONT, &path), piece);
        assert!(is_output(&path));
        let month = (Span::Month, Compression::Zstd);
        let path = path_of(&CLOUDFRONT, piece.as_deref(), day, month);
        assert_eq!(path, "cloudfront/E2EXAMPLE1.2026-03.merged.zst");
        assert_eq!(piece_of(&CLOUDFRONT, &path), piece);
        assert!(is_output(&path));
        for format in formats::ALL {
            for how in [gz, month] {
                let path = path_of(format, None, day, how);
                assert_eq!(piece_of(format, &path), None);
                assert!(is_output(&path));
            }
        }
        assert_eq!(
            path_of(&S3_ACCESS, None, day, gz),
            "s3_access/2026-03-01.merged.gz"
        );
        assert!(
            !is_output("x/cloudfront/2026-03-01.merged.gz") && !is_output("2026-03-01.merged.gz")
        );
    }
}
