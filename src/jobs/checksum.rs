//! MD5 sums, and the `ETag`s that are made of them.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use md5::{Digest as _, Md5};

use crate::cpu;
use crate::store::{PART_SIZE, Store};
use crate::units::hex;

/// Bytes of a file that are held while its sum is made.
const BUFFER: usize = 256 << 10;

/// Whether an `ETag` looks like the MD5 sum of the object: 32 hexadecimal digits.
pub fn is_plain_md5(etag: &str) -> bool {
    etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// How many parts an `ETag` of the form `<sum of sums>-<parts>` stands for.
fn parts(etag: &str) -> Option<u64> {
    let (sum, parts) = etag.split_once('-')?;
    is_plain_md5(sum).then(|| parts.parse().ok()).flatten()
}

/// A sum that grows.
#[derive(Clone, Debug, Default)]
pub struct Sum(Md5);

impl Sum {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Whether it is the one that an `ETag` tells.
    pub fn is(&self, etag: &str) -> bool {
        self.hex().eq_ignore_ascii_case(etag)
    }

    /// The sum of all bytes, as an `ETag` writes it.
    pub fn hex(&self) -> String {
        hex(&self.0.clone().finalize())
    }
}

/// Whether a file has the content that an `ETag` stands for; `None` if the `ETag` does not tell.
///
/// An object sent in parts is compared by parts of [`PART_SIZE`], as this program sends them.
///
/// # Errors
/// What reading the file reports.
pub async fn file_matches(path: PathBuf, etag: &str) -> io::Result<Option<bool>> {
    let etag = etag.to_ascii_lowercase();
    if !is_plain_md5(&etag) && parts(&etag).is_none() {
        return Ok(None);
    }
    cpu::run(move || {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        match parts(&etag) {
            None => Ok(Some(hex(&sum(&mut file)?) == etag)),
            Some(count) if count == size.div_ceil(PART_SIZE) => {
                let mut sums = Md5::new();
                for _ in 0..count {
                    sums.update(sum(&mut Read::by_ref(&mut file).take(PART_SIZE))?);
                }
                Ok(Some(format!("{}-{count}", hex(&sums.finalize())) == etag))
            }
            Some(_) => Ok(None),
        }
    })
    .await
}

fn sum(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut sum = Md5::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(sum.finalize().to_vec());
        }
        sum.update(buffer.get(..read).unwrap_or_default());
    }
}

/// Whether an object of the store has the file's content; `None` if its `ETag` does not tell, be
/// it by its form or because the object is encrypted with a key of its own.
///
/// # Errors
/// What reading the file reports.
pub async fn object_matches(
    store: &dyn Store,
    key: &str,
    etag: &str,
    path: PathBuf,
) -> io::Result<Option<bool>> {
    if !store.etag_is_content() {
        return Ok(None);
    }
    match file_matches(path, etag).await? {
        Some(false) if is_no_md5(store, key).await => Ok(None),
        other => Ok(other),
    }
}

/// Whether the store says that a sum which differs proves nothing. If it cannot say, it does.
pub async fn is_no_md5(store: &dyn Store, key: &str) -> bool {
    matches!(store.etag_is_md5(key).await, Ok(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_written_like_etags() {
        assert_eq!(Sum::default().hex(), "d41d8cd98f00b204e9800998ecf8427e");
        let mut sum = Sum::default();
        sum.update(b"a");
        sum.update(b"bc");
        assert_eq!(sum.hex(), "900150983cd24fb0d6963f7d28e17f72");
        assert!(!is_plain_md5("900150983cd24fb0d6963f7d28e17f7"));
        assert!(!is_plain_md5("z00150983cd24fb0d6963f7d28e17f72"));
        assert_eq!(parts("900150983cd24fb0d6963f7d28e17f72-3"), Some(3));
        assert_eq!(parts("24-18a0b"), None);
    }

    #[tokio::test]
    async fn a_file_is_compared_whole_or_in_parts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, b"abc").expect("a file");
        let matches = async |etag: &str| file_matches(path.clone(), etag).await.expect("a file");
        assert_eq!(
            matches("900150983CD24FB0D6963F7D28E17F72").await,
            Some(true)
        );
        assert_eq!(
            matches("900150983cd24fb0d6963f7d28e17f73").await,
            Some(false)
        );
        assert_eq!(matches("3-18a0b").await, None);
        // The sum of the one part's sum.
        assert_eq!(
            matches("af5da9f45af7a300e3aded972f8ff687-1").await,
            Some(true)
        );
        assert_eq!(
            matches("af5da9f45af7a300e3aded972f8ff687-2").await,
            None,
            "parts of another size"
        );
    }
}
