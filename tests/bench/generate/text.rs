//! A growing log text: fields with a separator after each, numbers without the formatter's overhead.

use super::calendar::Moment;
use super::random::Random;

/// The letters ids are written in.
pub const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
pub const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
pub const BASE64_URL: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Holds one object's text; lines of a fixed separator.
pub struct Text {
    bytes: Vec<u8>,
    separator: u8,
}

impl Text {
    pub fn new(separator: u8) -> Self {
        Self {
            bytes: Vec::new(),
            separator,
        }
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A part of a field: no separator follows.
    pub fn part(&mut self, part: &str) -> &mut Self {
        self.bytes.extend_from_slice(part.as_bytes());
        self
    }

    pub fn field(&mut self, field: &str) -> &mut Self {
        self.part(field).next()
    }

    pub fn quoted(&mut self, field: &str) -> &mut Self {
        self.part("\"").part(field).part("\"").next()
    }

    pub fn next(&mut self) -> &mut Self {
        self.bytes.push(self.separator);
        self
    }

    /// Ends the line: the last separator becomes the newline.
    pub fn end(&mut self) {
        if let Some(last) = self.bytes.last_mut() {
            *last = b'\n';
        }
    }

    pub fn number(&mut self, number: u64) -> &mut Self {
        self.digits(number, 1).next()
    }

    /// A number, or the dash of an absent one.
    pub fn number_or_dash(&mut self, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.field("-"),
        }
    }

    /// Milliseconds as decimal seconds, `0.042`.
    pub fn seconds(&mut self, millis: u64) -> &mut Self {
        self.digits(millis / 1000, 1)
            .part(".")
            .digits(millis % 1000, 3)
            .next()
    }

    /// `10:15:42`, a part.
    pub fn clock(&mut self, at: &Moment) -> &mut Self {
        self.digits(at.hour, 2)
            .part(":")
            .digits(at.minute, 2)
            .part(":")
            .digits(at.second, 2)
    }

    /// Digits with leading zeros up to `width`, a part.
    pub fn digits(&mut self, mut number: u64, width: usize) -> &mut Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        while number > 0 || digits.len() - start < width {
            start -= 1;
            digits[start] += u8::try_from(number % 10).expect("a digit");
            number /= 10;
        }
        self.bytes.extend_from_slice(&digits[start..]);
        self
    }

    /// The low bits of `bits` as `length` letters of an alphabet of 2^`width` letters, a part.
    pub fn letters(&mut self, mut bits: u64, length: usize, alphabet: &[u8]) -> &mut Self {
        let width = alphabet.len().trailing_zeros();
        let mask = (1 << width) - 1;
        for _ in 0..length {
            let letter = usize::try_from(bits & mask).expect("within the alphabet");
            self.bytes.push(alphabet[letter]);
            bits >>= width;
        }
        self
    }

    /// Random base-64 letters, a part: `length` is a multiple of ten.
    pub fn noise(&mut self, random: &mut Random, length: usize, alphabet: &[u8]) -> &mut Self {
        for _ in 0..length / 10 {
            self.letters(random.bits(), 10, alphabet);
        }
        self
    }
}
