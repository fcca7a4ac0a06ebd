//! Listings, page by page.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, ObjectStorageClass};
use futures::stream::{self, BoxStream, StreamExt};

use super::super::{ObjectMeta, Result};
use super::{S3Store, plain_etag};

/// Where a listing goes on.
#[derive(Clone, Debug)]
enum From {
    Start(Option<String>),
    Token(String),
}

/// The first page of a listing, and where it goes on. Holds at most a page of keys.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    prefix: String,
    objects: Vec<ObjectMeta>,
    next: Option<From>,
}

impl S3Store {
    /// The pages of a listing. With `keep`, the first one is kept for whoever lists next.
    pub(super) fn pages(
        &self,
        prefix: &str,
        after: Option<&str>,
        keep: bool,
    ) -> BoxStream<'_, Result<Vec<ObjectMeta>>> {
        let start = From::Start(after.map(str::to_owned));
        let state = Some((prefix.to_owned(), start));
        stream::try_unfold(state, move |state| async move {
            let Some((prefix, from)) = state else {
                return Ok(None);
            };
            let first = matches!(from, From::Start(None));
            let begun = first.then(|| self.take_begun(&prefix)).flatten();
            let page = match begun {
                Some(begun) => begun,
                None => self.begin(prefix, &from).await?,
            };
            if first && keep {
                *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(page.clone());
            }
            let Begun {
                prefix,
                objects,
                next,
            } = page;
            Ok(Some((objects, next.map(|next| (prefix, next)))))
        })
        .boxed()
    }

    async fn begin(&self, prefix: String, from: &From) -> Result<Begun> {
        let (page, next) = self.page(&prefix, None, from).await?;
        let objects = page.contents.unwrap_or_default();
        Ok(Begun {
            prefix,
            objects: objects.into_iter().filter_map(object_meta).collect(),
            next,
        })
    }

    fn take_begun(&self, prefix: &str) -> Option<Begun> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.take_if(|begun| begun.prefix == prefix)
    }

    pub(super) async fn folder_names(&self, prefix: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut from = From::Start(None);
        loop {
            let (page, next) = self.page(prefix, Some("/"), &from).await?;
            let prefixes = page.common_prefixes.unwrap_or_default();
            found.extend(prefixes.into_iter().filter_map(|folder| folder.prefix));
            match next {
                Some(next) => from = next,
                None => return Ok(found),
            }
        }
    }

    /// One page of a listing, and where the next one begins.
    async fn page(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        from: &From,
    ) -> Result<(ListObjectsV2Output, Option<From>)> {
        self.counts.list.fetch_add(1, Ordering::Relaxed);
        let mut request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            // XML cannot hold control characters, and turns some of them into others.
            .encoding_type(EncodingType::Url)
            .set_delimiter(delimiter.map(str::to_owned))
            .set_request_payer(self.payer.clone());
        request = match from {
            From::Start(after) => request.set_start_after(after.clone()),
            From::Token(token) => request.continuation_token(token),
        };
        let mut answer = request
            .send()
            .await
            .map_err(|error| self.error(&error, "list", prefix))?;
        // A server that does not know the encoding does not name it.
        if answer.encoding_type == Some(EncodingType::Url) {
            let objects = answer.contents.iter_mut().flatten();
            let folders = answer.common_prefixes.iter_mut().flatten();
            let keys = objects.map(|object| &mut object.key);
            let names = keys.chain(folders.map(|folder| &mut folder.prefix));
            names.flatten().for_each(decode);
        }
        let next = answer
            .next_continuation_token()
            .filter(|_| answer.is_truncated == Some(true))
            .map(|token| From::Token(token.to_owned()));
        Ok((answer, next))
    }
}

/// Undoes the encoding of names in listings: `%XX` is a byte, `+` a space.
fn decode(name: &mut String) {
    if !name.contains(['%', '+']) {
        return;
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let escaped = digit(0).zip(digit(1)).filter(|_| first == b'%');
        let byte = match escaped.map(|(high, low)| u8::try_from(high << 4 | low)) {
            Some(Ok(byte)) => byte,
            _ if first == b'+' => b' ',
            _ => first,
        };
        bytes.push(byte);
        rest = after
            .get(if escaped.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    *name = String::from_utf8_lossy(&bytes).into_owned();
}

fn object_meta(object: aws_sdk_s3::types::Object) -> Option<ObjectMeta> {
    Some(ObjectMeta {
        size: object
            .size
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0),
        etag: object.e_tag.as_deref().map(plain_etag).unwrap_or_default(),
        modified: object
            .last_modified
            .map_or(0, |time| i64::try_from(time.as_nanos() / 1000).unwrap_or(0)),
        archived: matches!(
            object.storage_class,
            Some(ObjectStorageClass::Glacier | ObjectStorageClass::DeepArchive)
        ),
        key: object.key?,
    })
}
