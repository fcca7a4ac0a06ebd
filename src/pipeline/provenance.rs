//! What a batch was made from, for the last of its files.

use std::collections::BTreeMap;

use crate::ledger::{
    FORMAT_VERSION, FileRecord, Input, KeyState, LinesRecord, Provenance, RejectsRecord,
};
use crate::store::{ObjectMeta, Store};
use crate::table::FileSummary;
use crate::units::Day;

use super::dedupe::LinesPart;
use super::parts::{OpenPart, Part, RejectsPart};

/// The record for the file that is still open; the other files are in the order they were written.
pub(super) fn provenance<'a>(
    store: &dyn Store,
    objects: impl Iterator<Item = &'a (ObjectMeta, KeyState)>,
    others: &[Part],
    last: &OpenPart,
    (rejects, lines): (&[RejectsPart], &[LinesPart]),
) -> Provenance {
    let strong = store.etag_is_content();
    let mut numbers = BTreeMap::new();
    let mut files: Vec<FileRecord> = others
        .iter()
        .map(|part| FileRecord {
            bytes: part.bytes,
            hash: short(&part.hash),
            ..file(&mut numbers, part.table, part.day, part.summary)
        })
        .collect();
    files.push(file(&mut numbers, last.table, last.day, last.summary()));
    Provenance {
        version: FORMAT_VERSION,
        root: store.root().to_owned(),
        inputs: objects.filter_map(|one| input(one, strong)).collect(),
        files,
        rejects: rejects
            .iter()
            .map(|part| RejectsRecord {
                table: part.table.to_owned(),
                lines: part.lines,
                hash: short(&part.hash),
            })
            .collect(),
        lines: lines
            .iter()
            .map(|part| LinesRecord {
                table: part.table.to_owned(),
                day: part.day,
                rows: part.rows,
                duplicates: part.duplicates,
                hash: short(&part.hash),
            })
            .collect(),
    }
}

fn input((object, state): &(ObjectMeta, KeyState), strong: bool) -> Option<Input> {
    let KeyState::Parsed(done) = state else {
        return None;
    };
    Some(Input {
        key: object.key.clone(),
        etag: if strong {
            object.etag.clone()
        } else {
            String::new()
        },
        size: object.size,
        modified: 0,
        state: KeyState::Committed(done.clone()),
    })
}

/// Files of a table and day are numbered as they were written; so are their names.
fn file<'a>(
    numbers: &mut BTreeMap<(&'a str, Day), usize>,
    table: &'a str,
    day: Day,
    summary: FileSummary,
) -> FileRecord {
    let number = numbers.entry((table, day)).or_default();
    let part = *number;
    *number += 1;
    FileRecord {
        table: table.to_owned(),
        day,
        part,
        rows: summary.rows,
        min_ts: summary.min_ts,
        max_ts: summary.max_ts,
        bytes: 0,
        hash: String::new(),
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(8).collect()
}
