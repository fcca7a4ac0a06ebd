//! How a rejected line is written down.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::Reject;

/// A rejected line as one JSON object: which object and line, why, and its bytes. They stand in
/// `text` where they are UTF-8 and in `base64` where not.
#[derive(Serialize)]
struct Record<'a> {
    object: &'a str,
    line: u64,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Reject {
    /// The reject as a line of JSON, with its line end.
    ///
    /// # Panics
    /// Never: the record holds strings and a number.
    pub fn to_json_line(&self, object: &str) -> Vec<u8> {
        let text = std::str::from_utf8(&self.bytes).ok();
        let record = Record {
            object,
            line: self.line,
            reason: &self.reason,
            text,
            base64: text.is_none().then(|| STANDARD.encode(&self.bytes)),
        };
        let mut line = serde_json::to_vec(&record).expect("strings and a number");
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_whatever_they_are() {
        let reject = |bytes: &[u8]| Reject {
            line: 3,
            reason: "why".to_owned(),
            bytes: bytes.to_vec(),
        };
        assert_eq!(
            reject(b"a\"b").to_json_line("k"),
            b"{\"object\":\"k\",\"line\":3,\"reason\":\"why\",\"text\":\"a\\\"b\"}\n"
        );
        assert_eq!(
            reject(b"\xff\x00").to_json_line("k"),
            b"{\"object\":\"k\",\"line\":3,\"reason\":\"why\",\"base64\":\"/wA=\"}\n"
        );
    }
}
