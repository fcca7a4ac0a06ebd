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
    /// Newest commit that any of the objects is in; 0 for objects that are new.
    pub generation: u64,
    /// The objects in listing order.
    pub objects: Vec<ObjectMeta>,
}

/// What a batch's name depends on beside its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Root of the source: the same keys elsewhere are other objects.
    pub root: String,
    /// Whether `ETag`s depend on content alone.
    pub strong: bool,
}

impl Batch {
    /// A batch of these objects.
    ///
    /// Pages of a listing may overlap: an object that comes twice is in the batch once, as it came
    /// last.
    pub fn new(mut objects: Vec<ObjectMeta>, origin: &Origin, generation: u64) -> Self {
        let mut seen = HashSet::with_capacity(objects.len());
        objects.reverse();
        objects.retain(|object| seen.insert(object.key.clone()));
        objects.reverse();
        Self {
            id: batch_id(&objects, origin, generation),
            generation,
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

/// What an object of a batch takes beside its bytes: key, `ETag`, what became of it, and all of that again
/// in the intent and in the commit while they are written.
const OBJECT_BYTES: u64 = 900;

impl Limits {
    /// What fits into memory: a sixth of it is for what is known of a batch's objects.
    pub fn within(memory: u64) -> Self {
        let usual = Self::default();
        let objects = usize::try_from(memory / 6 / OBJECT_BYTES).unwrap_or(usize::MAX);
        Self {
            objects: usual.objects.min(objects),
            ..usual
        }
    }

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
    objects: Vec<ObjectMeta>,
    text: u64,
}

impl Planner {
    /// A planner.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            objects: Vec::new(),
            text: 0,
        }
    }

    /// Takes an object; returns the objects that it did not fit to any more.
    pub fn push(&mut self, object: ObjectMeta) -> Option<Vec<ObjectMeta>> {
        let text = Limits::text_of(&object);
        let full = self.objects.len() >= self.limits.objects || self.text + text > self.limits.text;
        let batch = if full { self.finish() } else { None };
        self.text += text;
        self.objects.push(object);
        batch
    }

    /// The last objects.
    pub fn finish(&mut self) -> Option<Vec<ObjectMeta>> {
        self.text = 0;
        let objects = std::mem::take(&mut self.objects);
        (!objects.is_empty()).then_some(objects)
    }
}

/// Sixteen hex digits that depend on the source's root, the generation, and of each object on key,
/// size and, where it depends on content only, `ETag`. The order of listing does not matter.
pub fn batch_id(objects: &[ObjectMeta], origin: &Origin, generation: u64) -> String {
    let mut lines: Vec<String> = objects
        .iter()
        .map(|object| {
            let etag = if origin.strong {
                object.etag.as_str()
            } else {
                ""
            };
            format!("{}\0{}\0{etag}\n", object.key, object.size)
        })
        .collect();
    lines.sort_unstable();
    let mut hash = Sha256::new();
    hash.update(SCHEMA_VERSION);
    hash.update(format!("\0{}\0{generation}\n", origin.root));
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

    fn origin(root: &str, strong: bool) -> Origin {
        Origin {
            root: root.to_owned(),
            strong,
        }
    }

    #[test]
    fn the_id_depends_on_the_inputs_alone() {
        let (a, b) = (object("a", 1), object("b", 2));
        let id = |objects: &[&ObjectMeta], strong| {
            let objects: Vec<ObjectMeta> = objects.iter().map(|one| (*one).clone()).collect();
            batch_id(&objects, &origin("s3://b", strong), 0)
        };
        assert_eq!(id(&[&a, &b], true), id(&[&b, &a], true));
        assert_eq!(id(&[&a, &b], true).len(), 16);
        assert_ne!(id(&[&a, &b], true), id(&[&a], true));
        let touched = ObjectMeta {
            etag: "f".to_owned(),
            ..a.clone()
        };
        assert_ne!(id(&[&a, &b], true), id(&[&touched, &b], true));
        assert_eq!(id(&[&a, &b], false), id(&[&touched, &b], false));
        let both = [a, b];
        let here = batch_id(&both, &origin("s3://b", true), 0);
        assert_ne!(here, batch_id(&both, &origin("s3://c", true), 0));
        assert_ne!(here, batch_id(&both, &origin("s3://b", true), 1));
    }

    #[test]
    fn an_object_that_is_listed_twice_is_in_the_batch_once() {
        let (a, b, other) = (object("a", 1), object("b", 2), object("a", 3));
        let origin = origin("s3://b", true);
        let twice = vec![a, b.clone(), other.clone(), b.clone()];
        let batch = Batch::new(twice, &origin, 0);
        assert_eq!(batch.objects, [other.clone(), b.clone()]);
        assert_eq!(batch.id, batch_id(&[other, b], &origin, 0));
    }

    proptest! {
        #[test]
        fn no_object_is_lost_and_limits_hold(sizes in proptest::collection::vec(0u64..100, 0..60)) {
            let limits = Limits { objects: 7, text: 150 };
            let mut planner = Planner::new(limits);
            let objects: Vec<_> = sizes.iter().enumerate().map(|(i, size)| object(&format!("k{i}"), *size)).collect();
            let mut batches: Vec<Vec<ObjectMeta>> = objects.iter().cloned().filter_map(|o| planner.push(o)).collect();
            batches.extend(planner.finish());
            for batch in &batches {
                let text: u64 = batch.iter().map(Limits::text_of).sum();
                prop_assert!(batch.len() <= 7 && (text <= 150 || batch.len() == 1));
            }
            let all: Vec<_> = batches.into_iter().flatten().collect();
            prop_assert_eq!(all, objects);
        }
    }
}
