//! Pieces of a text against the whole.

use proptest::prelude::*;

use crate::parse::{Counts, Decoder, Fingerprint, Reject, TextFormat, TextWriter};
use crate::schema::{EventTime, Field, Kind, LogFormat, Quoting};

use super::*;

const fn field(wire: &'static str, kind: Kind) -> Field {
    Field {
        wire,
        column: wire,
        kind,
        quoting: Quoting::Bare,
        about: "",
    }
}

static FORMAT: LogFormat = LogFormat {
    name: "test",
    table: "test",
    about: "",
    spec: "",
    syntax: Syntax::Tabbed,
    min_fields: 2,
    event_time: EventTime::DateAndTime("date", "time"),
    fields: &[
        field("date", Kind::EventTime),
        field("time", Kind::EventTime),
        field("address", Kind::Text),
        field("bytes", Kind::Int64),
    ],
    derived: &[],
    names: |_| false,
    detect: |_| false,
    samples: &[],
};

/// What a text becomes in pieces, read in portions of `portion` bytes.
fn cut(text: &[u8], piece: usize, portion: usize) -> Vec<Lines> {
    let mut cutter = LineCutter::new(0);
    cutter.piece = piece;
    cutter.watch_headers_of(&FORMAT);
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (into, limit) = cutter.room();
        let take = (limit - into.len()).min(portion).min(rest.len());
        into.extend_from_slice(&rest[..take]);
        rest = &rest[take..];
        while cutter.is_full() {
            pieces.extend(cutter.full());
        }
    }
    pieces.extend(std::iter::from_fn(|| cutter.rest()));
    pieces
}

/// What is to be the same, however a text is cut.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    counts: Counts,
    rejects: Vec<Reject>,
    /// The rows, as NDJSON.
    rows: String,
    prints: Vec<Fingerprint>,
}

fn decode(pieces: &[Lines]) -> Outcome {
    let mut decoder = Decoder::new(&FORMAT).with_fingerprints(true);
    let mut outcome = Outcome::default();
    let mut rows = Vec::new();
    for piece in pieces {
        decoder.begin("key");
        decoder.decode_lines(piece);
        let counts = decoder.end();
        let before = outcome.counts.lines;
        outcome
            .rejects
            .extend(decoder.take_rejects().into_iter().map(|mut reject| {
                reject.line += before;
                reject
            }));
        outcome.counts.add(&counts);
        if let Some(batch) = decoder.flush().expect("a batch") {
            let mut writer = TextWriter::new(&mut rows, TextFormat::Ndjson, false);
            writer.write(&batch.records).expect("to memory");
            outcome.prints.extend(batch.prints.expect("asked for").rows);
        }
    }
    outcome.rows = String::from_utf8(rows).expect("JSON");
    outcome
}

#[test]
fn a_line_that_is_too_long_keeps_its_beginning_and_its_length() {
    let long = [b"x".repeat(3 * MAX_LINE), b"\nshort\n".to_vec()].concat();
    let pieces = cut(&long, MAX_LINE + 1, 100_000);
    let Outcome {
        counts, rejects, ..
    } = decode(&pieces);
    assert_eq!((counts.lines, counts.rejects), (2, 2));
    assert_eq!(rejects[0].bytes.len(), MAX_LINE);
    assert!(rejects[0].reason.contains(&(3 * MAX_LINE).to_string()));
    assert_eq!((rejects[1].line, &rejects[1].bytes[..]), (2, &b"short"[..]));
}

#[test]
fn short_lines_make_small_pieces() {
    let pieces = cut(&b"\n".repeat(10_000), 6400, 1000);
    assert!(
        pieces.iter().all(|piece| piece.text.len() <= 101),
        "lines in a piece"
    );
    assert_eq!(decode(&pieces).counts.lines, 10_000);
}

proptest! {
    #[test]
    fn pieces_give_what_the_whole_gives(
        lines in proptest::collection::vec(prop_oneof![
            Just("#Fields: date time x bytes address"),
            Just("#Fields: time date address"),
            Just("#Version: 1.0\r"),
            Just(""),
            Just("2020-12-01\t10:00:00\tFRA2\t10\t1.2.3.4"),
            Just("10:00:00\t2020-12-01\t1.2.3.4\r"),
            Just("no log line at all"),
        ], 0..60),
        end in any::<bool>(), piece in 1usize..400, portion in 1usize..300,
    ) {
        let mut text = lines.join("\n").into_bytes();
        if end {
            text.push(b'\n');
        }
        let whole = cut(&text, usize::MAX >> 1, usize::MAX);
        // The last line comes by itself if it has no end.
            prop_assert!(whole.len() <= 2);
        let pieces = cut(&text, piece, portion);
        prop_assert_eq!(&pieces, &cut(&text, piece, 1), "whatever the portions");
        if lines.iter().all(|line| line.len() < piece) {
            prop_assert_eq!(decode(&pieces), decode(&whole));
        } else {
            // Lines longer than a piece are too long here.
            prop_assert_eq!(decode(&pieces).counts.lines, decode(&whole).counts.lines);
        }
    }
}
