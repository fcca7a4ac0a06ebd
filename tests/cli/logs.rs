//! Small S3 access logs in which every line has a number of its own, so that a lost or doubled row
//! shows.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::dataset::Dataset;
use crate::support::fake_s3::FakeS3;

/// Objects by key.
pub(super) struct Logs(BTreeMap<String, Vec<u8>>);

/// A line of the day `day` of March 2026; its number is the bytes that were sent.
pub(super) fn line(day: u8, number: u64) -> String {
    format!(
        "5f0c1e8a7b3d4926a1c4e7f08d2b6359714fae0c93d85b12647ce0f9a3b18d27 example-assets \
         [{day:02}/Mar/2026:12:00:00 +0000] 198.51.100.23 - 0C1YGJ1NCW1NHN1H REST.GET.OBJECT \
         img/{number}.webp \"GET /img/{number}.webp HTTP/1.1\" 200 - {number} {number} 79 37 \"-\" \
         \"curl/8\" - MDOIg8cTLoFlk90DDyJ8ygj7ZNH+a0cOeVKkXD8iNdHADAmfuhAmF2GXOhEdwVH/6WG5FPAeLtk= - \
         TLS_AES_128_GCM_SHA256 - example-assets.s3.eu-west-1.amazonaws.com TLSv1.3 - -\n"
    )
}

/// An object of the day `day`, delivered an hour after noon.
pub(super) fn key(day: u8, object: u64) -> String {
    format!("2026-03-{day:02}-13-00-00-{object:016X}")
}

/// What the rows of S3 access logs say about their lines, in order.
pub(super) fn numbers(dataset: &Dataset) -> Vec<u64> {
    dataset.assert_sound();
    let rows = dataset.rows("s3_access").into_iter();
    let mut numbers: Vec<u64> = rows.filter_map(|row| row["bytes_sent"].as_u64()).collect();
    numbers.sort_unstable();
    numbers
}

impl Logs {
    /// So many objects of three lines each, over three days; the last line of an object is of the
    /// day before the others.
    pub(super) fn new(objects: u64) -> Self {
        let objects = (0..objects).map(|object| {
            let day = u8::try_from(2 + object % 3).expect("a small number");
            let first = 1 + 3 * object;
            let text = line(day, first) + &line(day, first + 1) + &line(day - 1, first + 2);
            (key(day, object), text.into_bytes())
        });
        Self(objects.collect())
    }

    /// The numbers that a dataset of them holds.
    pub(super) fn numbers(&self) -> Vec<u64> {
        (1..=3 * self.0.len() as u64).collect()
    }

    /// The keys, in order.
    pub(super) fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Stores them below a prefix; the bucket must be there.
    pub(super) fn put(&self, fake: &FakeS3, bucket: &str, prefix: &str) {
        for (key, text) in &self.0 {
            fake.put(bucket, &format!("{prefix}{key}"), text);
        }
    }

    /// Writes them to a folder, which is made.
    pub(super) fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).expect("a folder");
        for (key, text) in &self.0 {
            std::fs::write(folder.join(key), text).expect("a file");
        }
    }

    /// A server with the buckets `logs`, which holds them below `in/`, and `lake`.
    pub(super) fn served(&self) -> FakeS3 {
        let fake = FakeS3::start();
        fake.create_bucket("logs");
        fake.create_bucket("lake");
        self.put(&fake, "logs", "in/");
        fake
    }
}
