//! Compressed bytes to text: as the reference decompressors do it, however input and room are cut.

use std::io::{BufReader, Read, Write as _};

use flate2::Compression;
use s3logs::parse::{Encoding, InflateError, Inflater};

use super::dice::Dice;

/// Most text that is looked at.
const CAP: usize = 1 << 16;

/// What inflating gives: the text, up to [`CAP`] and before any damage, and how it ended.
struct Outcome {
    text: Vec<u8>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    Damaged,
    /// There is more text than [`CAP`].
    More,
}

/// Inflates the input; what is not compressed is made into something that is, whole or damaged.
pub(super) fn inflate(data: &[u8]) {
    let mut dice = Dice::of(data);
    if Encoding::of(data) == Encoding::Plain {
        let made = recipe(data, &mut dice);
        check(&made, &mut dice);
    }
    check(data, &mut dice);
}

fn check(data: &[u8], dice: &mut Dice) {
    let whole = ours(data, &[data], usize::MAX);
    let cut = dice.pieces(data);
    let most = 4 << dice.roll(12);
    let room = 1 + dice.roll(most);
    let cut = ours(data, &cut, room);
    same(&cut, &whole);
    let reference = match Encoding::of(data) {
        Encoding::Plain => plain(data),
        Encoding::Gzip => gunzip(data),
        Encoding::Zstd => unzstd(data),
    };
    if whole.end == End::Damaged {
        // The reference may hold back what it has of a damaged block.
        assert_eq!(reference.end, End::Damaged);
        let both = whole.text.len().min(reference.text.len());
        assert!(whole.text[..both] == reference.text[..both]);
    } else {
        same(&whole, &reference);
    }
}

fn same(a: &Outcome, b: &Outcome) {
    let ends = |outcome: &Outcome| (outcome.end, outcome.text.len());
    assert_eq!(ends(a), ends(b));
    assert!(a.text == b.text, "the same text");
}

/// Inflates with our inflater: input in `pieces`, text in portions of at most `room` bytes.
fn ours(data: &[u8], pieces: &[&[u8]], room: usize) -> Outcome {
    let mut text = Vec::new();
    let end = match push_all(data, pieces, room, &mut text) {
        _ if text.len() > CAP => End::More,
        Ok(()) => End::Whole,
        Err(error) => {
            assert!(error.at <= data.len() as u64, "{error}");
            End::Damaged
        }
    };
    text.truncate(CAP);
    Outcome { text, end }
}

fn push_all(
    data: &[u8],
    pieces: &[&[u8]],
    room: usize,
    text: &mut Vec<u8>,
) -> Result<(), InflateError> {
    let mut inflater = Inflater::new(Encoding::of(data)).expect("memory for it");
    for piece in pieces {
        let mut at = 0;
        while at < piece.len() {
            let limit = text.len().saturating_add(room).min(CAP + 1);
            let used = inflater.push(&piece[at..], text, limit);
            assert!(text.len() <= limit && text.capacity() <= 2 * (CAP + 1));
            let used = used?;
            assert!(used <= piece.len() - at);
            assert!(
                used == piece.len() - at || text.len() == limit,
                "input is left although there is room"
            );
            at += used;
            if text.len() > CAP {
                return Ok(());
            }
        }
    }
    inflater.finish()
}

/// What a reader gives up to its end.
fn read(mut reader: impl Read, text: &mut Vec<u8>) -> End {
    let room = (CAP + 1).saturating_sub(text.len()) as u64;
    let read = reader.by_ref().take(room).read_to_end(text);
    let end = match read {
        _ if text.len() > CAP => End::More,
        Ok(_) => End::Whole,
        Err(_) => End::Damaged,
    };
    text.truncate(CAP);
    end
}

fn plain(data: &[u8]) -> Outcome {
    let mut text = Vec::new();
    let end = read(data, &mut text);
    Outcome { text, end }
}

/// Member by member with flate2's own reader, as zeros after a member are padding for us.
fn gunzip(data: &[u8]) -> Outcome {
    let mut text = Vec::new();
    let mut rest = data;
    let end = loop {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        let end = read(&mut member, &mut text);
        if end != End::Whole {
            break end;
        }
        rest = member.into_inner();
        let padding = rest.iter().take_while(|byte| **byte == 0).count();
        rest = &rest[padding..];
        if rest.is_empty() {
            break End::Whole;
        }
    };
    Outcome { text, end }
}

/// With zstd's own reader, and the largest window that we allow. It gets single bytes, as zstd is
/// stricter where it sees a whole frame: without a sum and with an empty last block, a frame that is
/// shorter than it says passes in a stream.
fn unzstd(data: &[u8]) -> Outcome {
    let mut text = Vec::new();
    let bytes = BufReader::with_capacity(1, data);
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).expect("memory for it");
    decoder.window_log_max(24).expect("a known parameter");
    let end = read(decoder, &mut text);
    Outcome { text, end }
}

/// Several members or frames of the data, perhaps many times, perhaps with padding, cut or changed.
fn recipe(data: &[u8], dice: &mut Dice) -> Vec<u8> {
    let gzip = dice.roll(3) > 0;
    let times = if dice.roll(8) == 0 { 40 } else { 1 };
    let data = data.repeat(times);
    let mut made = Vec::new();
    for piece in dice.pieces(&data).into_iter().take(20) {
        made.extend(if gzip {
            gz(piece, dice)
        } else {
            let level = [1, 3, 9][dice.roll(3)];
            zstd::encode_all(piece, level).expect("to memory")
        });
        if gzip && dice.roll(8) == 0 {
            made.extend(vec![0; dice.roll(40)]);
        }
    }
    match dice.roll(4) {
        0 => made.truncate(dice.roll(made.len() + 1)),
        1 if !made.is_empty() => {
            let at = dice.roll(made.len());
            made[at] ^= 1 << dice.roll(8);
        }
        _ => {}
    }
    made
}

fn gz(data: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut header = flate2::GzBuilder::new();
    if dice.roll(4) == 0 {
        header = header.filename("name").comment("comment").extra("extra");
    }
    let level = [0, 1, 6, 9][dice.roll(4)];
    let mut encoder = header.write(Vec::new(), Compression::new(level));
    encoder.write_all(data).expect("to memory");
    encoder.finish().expect("to memory")
}
