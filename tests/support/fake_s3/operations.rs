//! The S3 operations of the fake server: each translates a request into calls on the state.
//!
//! [`s3s`] does the wire format, signatures and chunked bodies; an operation that is missing here
//! answers 501 `NotImplemented`. Multipart uploads have their rules in [`super::multipart`].

use std::time::Duration;

use async_trait::async_trait;
use s3s::dto::*;
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

use super::listing;
use super::log::form_pairs;
use super::memory::{Conditions, KeptHeaders, Memory};
use super::wire::{cut, receive, whole_if};

/// How long a server that is not atomic takes between looking and storing.
const HESITATION: Duration = Duration::from_millis(20);

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait]
impl S3 for Memory {
    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> Answer<CreateBucketOutput> {
        self.lock().create_bucket(&request.input.bucket)?;
        let location = Some(format!("/{}", request.input.bucket));
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        let state = self.lock();
        state.bucket(&request.input.bucket)?;
        let bucket_region = Some(state.region_name());
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region,
            ..Default::default()
        }))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        let state = self.lock();
        state.bucket(&request.input.bucket)?;
        // S3 has no word for its first region.
        let named = Some(state.region_name()).filter(|region| region != "us-east-1");
        let location_constraint = named.map(BucketLocationConstraint::from);
        Ok(S3Response::new(GetBucketLocationOutput {
            location_constraint,
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> Answer<ListObjectsV2Output> {
        let state = self.lock();
        let bucket = state.bucket(&request.input.bucket)?;
        let page = listing::list(bucket, request.input, state.order, state.page_size)?;
        Ok(S3Response::new(page))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = request.input;
        let object = self.lock().object(&input.bucket, &input.key)?.clone();
        Conditions::new(input.if_match, input.if_none_match).check_read(&object)?;
        if object.is_archived() {
            let message = "The operation is not valid for the object's storage class";
            return Err(s3_error!(InvalidObjectState, "{message}"));
        }
        let (data, content_range) = cut(&object.data, input.range)?;
        let wants_checksum = input.checksum_mode.is_some() && content_range.is_none();
        let checksum_crc32 = object.crc32.clone().filter(|_| wants_checksum);
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(data.len()).ok(),
            content_range,
            checksum_type: whole_if(checksum_crc32.is_some()),
            checksum_crc32,
            storage_class: object.class_header(),
            tag_count: object.tag_count(),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            content_type: object.headers.content_type,
            content_encoding: object.headers.content_encoding,
            metadata: object.headers.metadata,
            body: Some(StreamingBlob::from(Body::from(data))),
            ..Default::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = request.input;
        let object = self.lock().object(&input.bucket, &input.key)?.clone();
        Conditions::new(input.if_match, input.if_none_match).check_read(&object)?;
        let checksum_crc32 = object
            .crc32
            .clone()
            .filter(|_| input.checksum_mode.is_some());
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(object.data.len()).ok(),
            checksum_type: whole_if(checksum_crc32.is_some()),
            checksum_crc32,
            storage_class: object.class_header(),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            content_type: object.headers.content_type,
            content_encoding: object.headers.content_encoding,
            metadata: object.headers.metadata,
            ..Default::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let (input, trailers) = (request.input, request.trailing_headers);
        let md5 = input.content_md5.as_deref();
        let (data, crc32) = receive(input.body, md5, input.checksum_crc32, trailers).await?;
        let mut conditions = Conditions::new(input.if_match, input.if_none_match);
        if self.lock().hesitates {
            let present = self.lock().object(&input.bucket, &input.key).ok().cloned();
            std::mem::take(&mut conditions).check_write(present.as_ref())?;
            tokio::time::sleep(HESITATION).await;
        }
        let mut state = self.lock();
        let mut object = state.new_object(data);
        object.crc32.clone_from(&crc32);
        object.tags = input.tagging.as_deref().map(form_pairs).unwrap_or_default();
        object.headers = KeptHeaders {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            metadata: input.metadata,
        };
        if let Some(class) = input.storage_class {
            class.as_str().clone_into(&mut object.class);
        }
        let etag = state.store(&input.bucket, &input.key, object, &conditions)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_type: whole_if(crc32.is_some()),
            checksum_crc32: crc32,
            ..Default::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> Answer<DeleteObjectOutput> {
        let mut state = self.lock();
        let bucket = state.bucket_mut(&request.input.bucket)?;
        bucket.remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> Answer<DeleteObjectsOutput> {
        let mut state = self.lock();
        let bucket = state.bucket_mut(&request.input.bucket)?;
        let mut deleted = Vec::new();
        for object in request.input.delete.objects {
            bucket.remove(&object.key);
            deleted.push(DeletedObject {
                key: Some(object.key),
                ..Default::default()
            });
        }
        let quiet = request.input.delete.quiet.unwrap_or(false);
        let deleted = (!quiet).then_some(deleted);
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted,
            ..Default::default()
        }))
    }

    async fn put_object_tagging(
        &self,
        request: S3Request<PutObjectTaggingInput>,
    ) -> Answer<PutObjectTaggingOutput> {
        let input = request.input;
        let set = input.tagging.tag_set.into_iter();
        let pairs = set.filter_map(|tag| Some((tag.key?, tag.value?)));
        self.lock().object_mut(&input.bucket, &input.key)?.tags = pairs.collect();
        Ok(S3Response::new(PutObjectTaggingOutput::default()))
    }

    async fn get_object_tagging(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> Answer<GetObjectTaggingOutput> {
        let state = self.lock();
        let object = state.object(&request.input.bucket, &request.input.key)?;
        let tags = object.tags.iter().map(|(key, value)| Tag {
            key: Some(key.clone()),
            value: Some(value.clone()),
        });
        let tag_set = tags.collect();
        Ok(S3Response::new(GetObjectTaggingOutput {
            tag_set,
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        Ok(S3Response::new(self.lock().begin_upload(request.input)?))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let (input, trailers) = (request.input, request.trailing_headers);
        let md5 = input.content_md5.as_deref();
        let (data, checksum_crc32) =
            receive(input.body, md5, input.checksum_crc32, trailers).await?;
        let mut state = self.lock();
        let part = state.new_object(data);
        let e_tag = Some(ETag::Strong(part.etag.clone()));
        let upload = state.upload(&input.bucket, &input.key, &input.upload_id)?;
        upload.parts.insert(input.part_number, part);
        Ok(S3Response::new(UploadPartOutput {
            e_tag,
            checksum_crc32,
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        Ok(S3Response::new(self.lock().complete_upload(request.input)?))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let input = request.input;
        let mut state = self.lock();
        state.upload(&input.bucket, &input.key, &input.upload_id)?;
        state.uploads.remove(&input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let mut state = self.lock();
        Ok(S3Response::new(state.list_parts(request.input)?))
    }
}
