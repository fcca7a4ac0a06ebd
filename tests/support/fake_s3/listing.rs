//! `ListObjectsV2`: which keys of a bucket stand on one page, in which order, and how they are spelt.

use std::cmp::Ordering;

use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass,
};
use s3s::{S3Result, s3_error};

use super::memory::{Bucket, StoredObject, hex};

/// The order in which listings give keys out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// UTF-8 byte order, as S3 does.
    Bytes,
    /// Path component by path component (`a/b` before `a-b`), as `SeaweedFS` does.
    Path,
}

/// One line of a listing.
enum Entry<'a> {
    Object(&'a str, &'a StoredObject),
    CommonPrefix(&'a str),
}

/// Where a page begins.
enum Start {
    Beginning,
    /// After this key: the client's `start-after`.
    AfterKey(String),
    /// After this key, or after every key that was rolled up into this common prefix.
    AfterEntry(String),
}

/// Answers a listing request from the objects of its bucket.
pub(super) fn list(
    bucket: &Bucket,
    input: ListObjectsV2Input,
    order: Order,
    page_size: usize,
) -> S3Result<ListObjectsV2Output> {
    let wanted = input
        .max_keys
        .map_or(page_size, |keys| usize::try_from(keys).unwrap_or(0));
    let limit = wanted.min(page_size);
    let (entries, more) = page(bucket, &input, order, limit)?;
    let next = entries
        .last()
        .filter(|_| more)
        .map(|entry| hex(entry.name().as_bytes()));
    let spell = |text: &str| match &input.encoding_type {
        Some(encoding) if encoding.as_str() == EncodingType::URL => url_encode(text),
        _ => text.to_owned(),
    };
    let (mut contents, mut common_prefixes) = (Vec::new(), Vec::new());
    for entry in &entries {
        match entry {
            Entry::Object(key, object) => contents.push(describe(spell(key), object)),
            Entry::CommonPrefix(prefix) => common_prefixes.push(CommonPrefix {
                prefix: Some(spell(prefix)),
            }),
        }
    }
    Ok(ListObjectsV2Output {
        prefix: Some(input.prefix.as_deref().map(spell).unwrap_or_default()),
        delimiter: input.delimiter.as_deref().map(spell),
        start_after: input.start_after.as_deref().map(spell),
        key_count: i32::try_from(entries.len()).ok(),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        name: Some(input.bucket),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    })
}

/// The entries of one page, and whether more follow.
fn page<'a>(
    bucket: &'a Bucket,
    input: &ListObjectsV2Input,
    order: Order,
    limit: usize,
) -> S3Result<(Vec<Entry<'a>>, bool)> {
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let delimiter = input
        .delimiter
        .as_deref()
        .filter(|delimiter| !delimiter.is_empty());
    let start = Start::of(input)?;
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for (key, object) in order.walk(bucket, prefix, start.bound()) {
        let entry = match delimiter.and_then(|delimiter| rolled_up(key, prefix, delimiter)) {
            Some(common_prefix) => Entry::CommonPrefix(common_prefix),
            None => Entry::Object(key, object),
        };
        let repeated = entries
            .last()
            .is_some_and(|last| last.name() == entry.name());
        if repeated || !start.is_before(key, &entry, order) {
            continue;
        }
        if entries.len() == limit {
            return Ok((entries, true));
        }
        entries.push(entry);
    }
    Ok((entries, false))
}

/// The common prefix that stands for this key: up to the first delimiter after the prefix.
fn rolled_up<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    let rest = &key[prefix.len()..];
    let at = rest.find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

impl Entry<'_> {
    fn name(&self) -> &str {
        match self {
            Entry::Object(name, _) | Entry::CommonPrefix(name) => name,
        }
    }
}

impl Start {
    fn of(input: &ListObjectsV2Input) -> S3Result<Self> {
        if let Some(token) = &input.continuation_token {
            let name = unhex(token)
                .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token is incorrect"))?;
            return Ok(Self::AfterEntry(name));
        }
        Ok(input
            .start_after
            .clone()
            .map_or(Self::Beginning, Self::AfterKey))
    }

    /// The name that no key of the page sorts before.
    fn bound(&self) -> &str {
        match self {
            Self::Beginning => "",
            Self::AfterKey(name) | Self::AfterEntry(name) => name,
        }
    }

    fn is_before(&self, key: &str, entry: &Entry<'_>, order: Order) -> bool {
        match self {
            Self::Beginning => true,
            Self::AfterKey(name) => order.compare(key, name).is_gt(),
            Self::AfterEntry(name) => order.compare(entry.name(), name).is_gt(),
        }
    }
}

impl Order {
    /// The objects below `prefix`, in this order. In byte order none before `bound` is touched.
    fn walk<'a: 'b, 'b>(
        self,
        bucket: &'a Bucket,
        prefix: &'b str,
        bound: &str,
    ) -> Box<dyn Iterator<Item = (&'a str, &'a StoredObject)> + 'b> {
        let below = |from: &str| {
            let objects = bucket
                .range(from.to_owned()..)
                .map(|(key, object)| (key.as_str(), object));
            objects.take_while(move |(key, _)| key.starts_with(prefix))
        };
        match self {
            Self::Bytes => Box::new(below(bound.max(prefix))),
            Self::Path => {
                let mut all: Vec<_> = below(prefix).collect();
                all.sort_by(|(a, _), (b, _)| self.compare(a, b));
                Box::new(all.into_iter())
            }
        }
    }

    fn compare(self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Bytes => a.cmp(b),
            Self::Path => a.split('/').cmp(b.split('/')),
        }
    }
}

fn describe(key: String, object: &StoredObject) -> Object {
    Object {
        key: Some(key),
        size: i64::try_from(object.data.len()).ok(),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(object.modified.into()),
        storage_class: Some(ObjectStorageClass::from(object.class.clone())),
        ..Object::default()
    }
}

/// Spells a key as S3 does under `encoding-type=url`: a space is `+`, `/` stays.
fn url_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'-' | b'_' | b'.' | b'*' | b'/' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.extend(['%', hex_upper(byte >> 4), hex_upper(byte & 15)]),
        }
    }
    encoded
}

fn hex_upper(digit: u8) -> char {
    char::from(if digit < 10 {
        b'0' + digit
    } else {
        b'A' + digit - 10
    })
}

fn unhex(digits: &str) -> Option<String> {
    let pairs = digits.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}
