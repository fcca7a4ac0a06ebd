//! What must hold for any input, as functions of bytes.
//!
//! `cargo test` runs them over the corpus, the crate in `guided` over whatever a fuzzer thinks of.

mod decode;
mod dice;
mod inflate;
mod ledger;
mod names;
mod objects;
mod rows;
mod tabbed;
mod values;

/// Panics where something does not hold for these bytes.
pub(super) type Target = fn(&[u8]);

/// Every target with its name, which is that of its folder in the corpus too.
pub(super) const ALL: [(&str, Target); 6] = [
    ("decode", decode::decode),
    ("inflate", inflate::inflate),
    ("ledger", ledger::ledger),
    ("names", names::names),
    ("objects", objects::objects),
    ("values", values::values),
];

/// The parts of an input that stands for several things: a line of `==` is between them.
fn parts(data: &[u8]) -> Vec<&[u8]> {
    const BETWEEN: &[u8] = b"\n==\n";
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some(at) = memchr::memmem::find(rest, BETWEEN) {
        // The line before keeps its end.
        parts.push(&rest[..=at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}
