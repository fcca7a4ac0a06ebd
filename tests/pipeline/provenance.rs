//! The last file of a batch tells what the batch was made from, and readers do not mind.

use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use s3logs::ledger::Provenance;
use s3logs::pipeline::Part;
use s3logs::table::footer_in;

use super::*;

fn read(part: &Part) -> Bytes {
    std::fs::read(&part.file).expect("a file").into()
}

/// What is in a file, if anything is; its rows are read as well.
fn told(part: &Part) -> Option<Provenance> {
    let bytes = read(part);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).expect("Parquet");
    let batches = reader.build().expect("Parquet");
    let rows: usize = batches.map(|rows| rows.expect("rows").num_rows()).sum();
    assert_eq!(rows as u64, part.summary.rows);
    let footer = footer_in(&bytes).expect("a footer").expect("all of it");
    assert_eq!(footer.rows, part.summary.rows);
    let (offset, length) = footer.embedded?;
    let at = |place: u64| usize::try_from(place).expect("a small file");
    let record = bytes.slice(at(offset)..at(offset + length));
    Some(Provenance::decode(&record).expect("a record"))
}

fn hashes(encoded: &Encoded) -> Vec<String> {
    let parts = encoded.parts.iter();
    parts.map(|part| part.hash.clone()).collect()
}

#[tokio::test]
async fn one_file_of_a_batch_tells_of_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let (big, small) = (gzip(lines(20_000).as_bytes()), lines(10));
    let bad = format!("{}a bad line\n", lines(9_000));
    let objects: &[(&str, &[u8])] = &[
        ("a", small.as_bytes()),
        ("big", &big),
        ("plain", bad.as_bytes()),
    ];
    for memory in [USUAL, 16 << 20] {
        let setup = Setup {
            memory,
            rules: rules(),
        };
        let encoded = setup.run(objects, folder.path()).await;
        let mut records: Vec<Provenance> = encoded.parts.iter().filter_map(told).collect();
        assert_eq!(records.len(), 1, "one of {} files", encoded.parts.len());
        let record = records.remove(0);
        assert_eq!(record.root, "memory:");
        assert_eq!(record.rejects.len(), 1);
        let keys: Vec<&str> = record.inputs.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys, ["a", "big", "plain"]);
        assert!(
            record
                .inputs
                .iter()
                .all(|one| !one.etag.is_empty() && one.modified == 0)
        );
        // All others are named as they will be, with their sizes.
        let mut numbers = BTreeMap::new();
        let mut expected: Vec<_> = encoded
            .parts
            .iter()
            .map(|part| {
                let number: &mut usize = numbers.entry(part.day).or_default();
                *number += 1;
                let own = told(part).is_some();
                let bytes = if own { 0 } else { part.bytes };
                (part.day, *number - 1, part.summary.rows, bytes)
            })
            .collect();
        let found = record.files.iter();
        let mut found: Vec<_> = found
            .map(|one| (one.day, one.part, one.rows, one.bytes))
            .collect();
        assert_eq!(found.last().map(|one| one.3), Some(0), "its own comes last");
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}

/// A batch that is made again from what was committed has the same bytes.
#[tokio::test]
async fn what_failed_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup {
        memory: USUAL,
        rules: rules(),
    };
    let text = lines(50);
    let (good, cut) = (text.as_bytes(), [0x1f, 0x8b, 8, 0, 0]);
    let alone = setup.run(&[("a", good), ("z", good)], folder.path()).await;
    let image = b"\x89PNG\r\n\x1a\n";
    let objects: &[(&str, &[u8])] = &[("a", good), ("cut.gz", &cut), ("image", image), ("z", good)];
    let beside = setup.run(objects, folder.path()).await;
    assert_eq!(hashes(&alone), hashes(&beside));
    assert_eq!(beside.objects.len(), 4);
}
