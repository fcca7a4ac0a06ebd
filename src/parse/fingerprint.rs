//! Fingerprints of lines, by which rows are compared without keeping their text.

use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The first 128 bits of a SHA-256 sum of a line (without its line end) and of what else decides its
/// row: the pieces of the object's name that fill columns, and the `#Fields` line above it.
///
/// A cryptographic sum, as parts of a line are written by whoever sends the request: nobody can make
/// two lines that pass for one. By chance two of a thousand million lines do with a probability of
/// 2 in 10^21.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; Self::BYTES]);

impl Fingerprint {
    /// Its size, in memory and in files.
    pub const BYTES: usize = 16;
}

/// The fingerprints of a batch's rows, and which object each row is from.
#[derive(Clone, Debug, Default)]
pub struct Prints {
    /// One per row.
    pub rows: Vec<Fingerprint>,
    /// Keys of the objects, each with its first row, in order.
    objects: Vec<(Arc<str>, usize)>,
}

impl Prints {
    /// Key of the object that a row is from; none if there is no such row.
    pub fn object_of(&self, row: usize) -> Option<&Arc<str>> {
        let behind = self.objects.partition_point(|(_, first)| *first <= row);
        let (key, _) = self.objects.get(behind.checked_sub(1)?)?;
        (row < self.rows.len()).then_some(key)
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let keys = self.objects.iter().map(|(key, _)| key.len() + 40);
        self.rows.len() * Fingerprint::BYTES + keys.sum::<usize>()
    }
}

/// Takes the fingerprints of the lines of one object after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Printer {
    /// What decides the rows of the object beside their lines.
    names: Sha256,
    seed: Sha256,
    prints: Prints,
}

impl Printer {
    /// Starts an object whose name gives these values.
    pub(super) fn begin(&mut self, key: &str, names: &[Option<Vec<u8>>]) {
        self.names = Sha256::new();
        for name in names {
            self.names.update([u8::from(name.is_some())]);
            let text = name.as_deref().unwrap_or_default();
            add(&mut self.names, text);
        }
        self.header(b"");
        let first = self.prints.rows.len();
        let objects = &mut self.prints.objects;
        if objects.last().is_some_and(|(_, start)| *start == first) {
            objects.pop();
        }
        objects.push((key.into(), first));
    }

    /// Takes note of the line that names the columns of those that follow.
    pub(super) fn header(&mut self, line: &[u8]) {
        let mut seed = self.names.clone();
        add(&mut seed, line);
        // A sum of a fixed length, so that what follows cannot be taken for a part of it.
        self.seed = Sha256::new().chain_update(seed.finalize());
    }

    /// Takes a line that became a row.
    pub(super) fn row(&mut self, line: &[u8]) {
        let sum = self.seed.clone().chain_update(line).finalize();
        let mut print = [0; Fingerprint::BYTES];
        print.copy_from_slice(&sum[..Fingerprint::BYTES]);
        self.prints.rows.push(Fingerprint(print));
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.prints.memory()
    }

    /// The fingerprints so far; the object at hand goes on.
    pub(super) fn take(&mut self) -> Prints {
        let current = self.prints.objects.last();
        let objects = current.map(|(key, _)| (Arc::clone(key), 0));
        let next = Prints {
            rows: Vec::new(),
            objects: objects.into_iter().collect(),
        };
        std::mem::replace(&mut self.prints, next)
    }
}

/// Adds a text and where it ends.
fn add(sum: &mut Sha256, text: &[u8]) {
    sum.update((text.len() as u64).to_le_bytes());
    sum.update(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(names: &[Option<Vec<u8>>], header: &[u8], line: &[u8]) -> Fingerprint {
        let mut printer = Printer::default();
        printer.begin("k", names);
        printer.header(header);
        printer.row(line);
        printer.take().rows[0]
    }

    #[test]
    fn whatever_decides_a_row_decides_its_fingerprint() {
        let name = |text: &str| [Some(text.as_bytes().to_vec())];
        let one = print(&name("E1"), b"#Fields: a b", b"1\t2");
        assert_eq!(one, print(&name("E1"), b"#Fields: a b", b"1\t2"));
        assert_ne!(one, print(&name("E2"), b"#Fields: a b", b"1\t2"));
        assert_ne!(one, print(&[None], b"#Fields: a b", b"1\t2"));
        assert_ne!(one, print(&name("E1"), b"#Fields: b a", b"1\t2"));
        assert_ne!(one, print(&name("E1"), b"#Fields: a b", b"1\t3"));
        assert_ne!(print(&[], b"ab", b"c"), print(&[], b"a", b"bc"));
    }

    #[test]
    fn rows_are_told_their_objects() {
        let mut printer = Printer::default();
        printer.begin("a", &[]);
        printer.row(b"1");
        printer.begin("empty", &[]);
        printer.begin("b", &[]);
        printer.row(b"2");
        printer.row(b"3");
        let first = printer.take();
        printer.row(b"4");
        let second = printer.take();
        let key = |prints: &Prints, row| prints.object_of(row).map(ToString::to_string);
        let keys: Vec<_> = (0..4).map(|row| key(&first, row)).collect();
        let some = |key: &str| Some(key.to_owned());
        assert_eq!(keys, [some("a"), some("b"), some("b"), None]);
        assert_eq!(key(&second, 0), some("b"));
        assert_eq!(second.rows.len(), 1);
    }
}
