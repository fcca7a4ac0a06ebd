//! Multipart uploads: the parts that wait, and how they become one object.
//!
//! Parts are held whole until the upload is completed or aborted; nothing else frees them, as on S3.

use std::collections::BTreeMap;

use bytes::Bytes;
use md5::{Digest, Md5};
use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::log::form_pairs;
use super::memory::{Conditions, KeptHeaders, State, StoredObject, hex};

/// An upload that was begun and neither completed nor aborted.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) parts: BTreeMap<i32, StoredObject>,
    bucket: String,
    key: String,
    class: String,
    tags: BTreeMap<String, String>,
    headers: KeptHeaders,
}

impl State {
    /// Begins an upload under a new id.
    pub(super) fn begin_upload(
        &mut self,
        input: CreateMultipartUploadInput,
    ) -> S3Result<CreateMultipartUploadOutput> {
        self.bucket(&input.bucket)?;
        self.uploads_begun += 1;
        let id = format!("upload-{}", self.uploads_begun);
        let output = CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(id.clone()),
            ..Default::default()
        };
        self.uploads.insert(id, Upload::begun_by(input));
        Ok(output)
    }

    /// The open upload of that id, or `NoSuchUpload` if it is gone or belongs to another key.
    pub(super) fn upload(&mut self, bucket: &str, key: &str, id: &str) -> S3Result<&mut Upload> {
        let upload = self.uploads.get_mut(id);
        let upload = upload.filter(|upload| upload.bucket == bucket && upload.key == key);
        upload.ok_or_else(|| s3_error!(NoSuchUpload))
    }

    /// Joins the named parts into an object, if the conditions hold. A refused upload stays open.
    pub(super) fn complete_upload(
        &mut self,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let conditions = Conditions::new(input.if_match, input.if_none_match);
        let named = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        let upload = self
            .upload(&input.bucket, &input.key, &input.upload_id)?
            .clone();
        let (data, etag) = upload.join(&named, self.smallest_part)?;
        let mut object = self.new_object(data);
        object.etag = etag;
        object.class = upload.class;
        object.tags = upload.tags;
        object.headers = upload.headers;
        let etag = self.store(&input.bucket, &input.key, object, &conditions)?;
        self.uploads.remove(&input.upload_id);
        Ok(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(etag)),
            ..Default::default()
        })
    }

    /// Lists all parts of an upload on one page.
    pub(super) fn list_parts(&mut self, input: ListPartsInput) -> S3Result<ListPartsOutput> {
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let parts = upload.describe_parts();
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(false),
            parts: Some(parts),
            ..Default::default()
        })
    }
}

impl Upload {
    fn begun_by(input: CreateMultipartUploadInput) -> Self {
        let class = input.storage_class.map(|class| class.as_str().to_owned());
        Self {
            parts: BTreeMap::new(),
            bucket: input.bucket,
            key: input.key,
            class: class.unwrap_or_else(|| StorageClass::STANDARD.to_owned()),
            tags: input.tagging.as_deref().map(form_pairs).unwrap_or_default(),
            headers: KeptHeaders {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                metadata: input.metadata,
            },
        }
    }

    fn describe_parts(&self) -> Vec<Part> {
        let describe = |(number, part): (&i32, &StoredObject)| Part {
            part_number: Some(*number),
            size: i64::try_from(part.data.len()).ok(),
            e_tag: Some(ETag::Strong(part.etag.clone())),
            last_modified: Some(part.modified.into()),
            ..Default::default()
        };
        self.parts.iter().map(describe).collect()
    }

    /// The bytes of the named parts and the composite `ETag`: MD5 of the MD5s, then how many.
    fn join(&self, named: &[CompletedPart], smallest_part: usize) -> S3Result<(Bytes, String)> {
        if named.is_empty() {
            return Err(s3_error!(
                MalformedXML,
                "a multipart upload needs at least one part"
            ));
        }
        if !named
            .windows(2)
            .all(|pair| pair[0].part_number < pair[1].part_number)
        {
            return Err(s3_error!(InvalidPartOrder));
        }
        let (mut data, mut digests) = (Vec::new(), Md5::new());
        for (index, name) in named.iter().enumerate() {
            let part = self.part(name)?;
            if part.data.len() < smallest_part && index + 1 < named.len() {
                return Err(s3_error!(EntityTooSmall));
            }
            data.extend_from_slice(&part.data);
            digests.update(Md5::digest(&part.data));
        }
        let etag = format!("{}-{}", hex(&digests.finalize()), named.len());
        Ok((data.into(), etag))
    }

    fn part(&self, name: &CompletedPart) -> S3Result<&StoredObject> {
        let part = name.part_number.and_then(|number| self.parts.get(&number));
        let etag = name.e_tag.as_ref().map(ETag::value);
        part.filter(|part| etag.is_none_or(|etag| etag == part.etag))
            .ok_or_else(|| s3_error!(InvalidPart))
    }
}
