//! One of several parts that a source's keys are split into.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Part `number` of `of`, counted from 1, written `2/16`. Each key belongs to one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// Whether a key belongs to this part.
    pub fn has(self, key: &str) -> bool {
        crc32fast::hash(key.as_bytes()) % self.of == self.number - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text
            .split_once('/')
            .and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err(format!("{text:?} is no part such as 2/16")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Serialize for Shard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Shard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_one_part() {
        let shards: Vec<Shard> = (1..=5)
            .map(|number| format!("{number}/5").parse().expect("a part"))
            .collect();
        let mut sizes = [0; 5];
        for key in (0..1000).map(|number| format!("logs/{number}")) {
            let homes: Vec<usize> = (0..5).filter(|at| shards[*at].has(&key)).collect();
            assert_eq!(homes.len(), 1, "{key}");
            sizes[homes[0]] += 1;
        }
        assert!(
            sizes.iter().all(|size| (100..300).contains(size)),
            "{sizes:?}"
        );
        for text in ["0/5", "6/5", "1/0", "1", "a/b", "1/5/2", "-1/5"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
