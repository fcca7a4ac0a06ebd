//! Objects to batches: what one commit holds.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::store::ObjectMeta;

/// Version of the table layouts and of the writer's profile; part of every batch's name, so that
/// files written under another version never share a name.
const SCHEMA_VERSION: &str = "1";

/// Objects that are committed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Names the batch and its files: a hash of the inputs.
    pub id: String,
    /// The objects in listing order.
    pub objects: Vec<ObjectMeta>,
}

impl Batch {
    /// A batch of these objects. `strong`: whether `ETag`s depend on content alone.
    ///
    /// Pages of a listing may overlap: an object that comes twice is in the batch once, as it came
    /// last.
    pub fn new(mut objects: Vec<ObjectMeta>, strong: bool) -> Self {
        let mut seen = HashSet::with_capacity(objects.len());
        objects.reverse();
        objects.retain(|object| seen.insert(object.key.clone()));
        objects.reverse();
        Self {
            id: batch_id(&objects, strong),
            objects,
        }
    }
}

/// When a batch is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most objects.
    pub objects: usize,
    /// Most bytes of text, estimated: compressed objects count [`INFLATION`] times their size.
    pub text: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            objects: 50_000,
            text: 1 << 30,
        }
    }
}

/// How much bigger a compressed log is taken to be when inflated.
pub const INFLATION: u64 = 6;

impl Limits {
    /// Estimated bytes of text in an object.
    pub fn text_of(object: &ObjectMeta) -> u64 {
        let compressed = [".gz", ".zst"]
            .iter()
            .any(|suffix| object.key.ends_with(suffix));
        object.size * if compressed { INFLATION } else { 1 }
    }
}

/// Puts objects together as the listing brings them; holds at most one batch.
#[derive(Debug)]
pub struct Planner {
    limits: Limits,
    strong: bool,
    objects: Vec<ObjectMeta>,
    text: u64,
}

impl Planner {
    /// A planner. `strong`: whether the source's `ETag`s depend on content alone.
    pub fn new(limits: Limits, strong: bool) -> Self {
        Self {
            limits,
            strong,
            objects: Vec::new(),
            text: 0,
        }
    }

    /// Takes an object; returns the batch that it did not fit into any more.
    pub fn push(&mut self, object: ObjectMeta) -> Option<Batch> {
        let text = Limits::text_of(&object);
        let full = self.objects.len() >= self.limits.objects || self.text + text > self.limits.text;
        let batch = if full { self.finish() } else { None };
        self.text += text;
        self.objects.push(object);
        batch
    }

    /// The last batch.
    pub fn finish(&mut self) -> Option<Batch> {
        self.text = 0;
        let objects = std::mem::take(&mut self.objects);
        (!objects.is_empty()).then(|| Batch::new(objects, self.strong))
    }
}

/// Sixteen hex digits that depend on the objects alone: key, size and, where it depends on content
/// only, `ETag`. The order of listing does not matter.
pub fn batch_id(objects: &[ObjectMeta], strong: bool) -> String {
    let mut lines: Vec<String> = objects
        .iter()
        .map(|object| {
            let etag = if strong { object.etag.as_str() } else { "" };
            format!("{}\0{}\0{etag}\n", object.key, object.size)
        })
        .collect();
    lines.sort_unstable();
    let mut hash = Sha256::new();
    hash.update(SCHEMA_VERSION);
    for line in lines {
        hash.update(line);
    }
    let digest = hash.finalize();
    let first = digest.iter().take(8);
    let number = first.fold(0, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:016x}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(key: &str, size: u64) -> ObjectMeta {
        ObjectMeta {
            key: key.to_owned(),
            size,
            etag: "e".to_owned(),
            modified: 0,
            archived: false,
        }
    }

    #[test]
    fn the_id_depends_on_the_inputs_alone() {
        let (a, b) = (object("a", 1), object("b", 2));
        let id = batch_id(&[a.clone(), b.clone()], true);
        assert_eq!(id, batch_id(&[b.clone(), a.clone()], true));
        assert_eq!(id.len(), 16);
        assert_ne!(id, batch_id(std::slice::from_ref(&a), true));
        let touched = ObjectMeta {
            etag: "f".to_owned(),
            ..a.clone()
        };
        assert_ne!(id, batch_id(&[touched.clone(), b.clone()], true));
        assert_eq!(
            batch_id(&[a, b.clone()], false),
            batch_id(&[touched, b], false)
        );
    }

    #[test]
    fn an_object_that_is_listed_twice_is_in_the_batch_once() {
        let (a, b, other) = (object("a", 1), object("b", 2), object("a", 3));
        let batch = Batch::new(vec![a.clone(), b.clone(), other.clone(), b.clone()], true);
        assert_eq!(batch.objects, [other.clone(), b.clone()]);
        assert_eq!(batch.id, batch_id(&[other, b], true));
    }

    proptest! {
        #[test]
        fn no_object_is_lost_and_limits_hold(sizes in proptest::collection::vec(0u64..100, 0..60)) {
            let limits = Limits { objects: 7, text: 150 };
            let mut planner = Planner::new(limits, true);
            let objects: Vec<_> = sizes.iter().enumerate().map(|(i, size)| object(&format!("k{i}"), *size)).collect();
            let mut batches: Vec<Batch> = objects.iter().cloned().filter_map(|o| planner.push(o)).collect();
            batches.extend(planner.finish());
            for batch in &batches {
                let text: u64 = batch.objects.iter().map(Limits::text_of).sum();
                prop_assert!(batch.objects.len() <= 7 && (text <= 150 || batch.objects.len() == 1));
            }
            let all: Vec<_> = batches.into_iter().flat_map(|batch| batch.objects).collect();
            prop_assert_eq!(all, objects);
        }
    }
}
