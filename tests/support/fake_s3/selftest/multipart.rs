//! Multipart uploads, from their beginning to each of their ends.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use super::{BUCKET, client, fake, refusal, says};

async fn upload_two_parts(client: &Client, key: &str) -> (String, CompletedMultipartUpload) {
    let begun = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .send()
        .await
        .expect("begun");
    let id = begun.upload_id.expect("an upload has an id");
    let mut upload = CompletedMultipartUpload::builder();
    for (number, text) in [(1, "one"), (2, "two")] {
        let put = client
            .upload_part()
            .bucket(BUCKET)
            .key(key)
            .upload_id(&id)
            .part_number(number);
        let part = put
            .body(ByteStream::from_static(text.as_bytes()))
            .send()
            .await
            .expect("a part");
        let named = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag);
        upload = upload.parts(named.build());
    }
    (id, upload.build())
}

#[tokio::test]
async fn joins_the_parts_in_order() {
    let fake = fake();
    let client = client(&fake);
    let (id, parts) = upload_two_parts(&client, "m").await;
    let listed = client
        .list_parts()
        .bucket(BUCKET)
        .key("m")
        .upload_id(&id)
        .send()
        .await
        .expect("listed");
    assert_eq!(listed.parts().len(), 2);
    let complete = |id: &str| {
        client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("m")
            .upload_id(id)
    };
    let too_small = complete(&id).multipart_upload(parts.clone()).send().await;
    assert_eq!(refusal(too_small), says(400, "EntityTooSmall"));
    fake.smallest_part(1);
    let done = complete(&id)
        .multipart_upload(parts)
        .if_none_match("*")
        .send()
        .await
        .expect("completed");
    // MD5 of the MD5s of "one" and "two".
    assert_eq!(done.e_tag(), Some("\"1397b7ee3222e3980d0d20f23a871b02-2\""));
    assert_eq!(fake.get(BUCKET, "m").as_deref(), Some(b"onetwo".as_slice()));
}

#[tokio::test]
async fn a_refused_upload_stays_open_until_aborted() {
    let fake = fake();
    fake.smallest_part(1);
    fake.put(BUCKET, "m", "here first");
    let client = client(&fake);
    let complete = |id: &str| {
        client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("m")
            .upload_id(id)
    };
    let (id, parts) = upload_two_parts(&client, "m").await;
    let second = complete(&id)
        .multipart_upload(parts.clone())
        .if_none_match("*")
        .send()
        .await;
    assert_eq!(refusal(second), says(412, "PreconditionFailed"));
    assert_eq!(fake.open_uploads(), 1);
    client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key("m")
        .upload_id(&id)
        .send()
        .await
        .expect("aborted");
    assert_eq!(fake.open_uploads(), 0);
    assert_eq!(
        refusal(complete(&id).multipart_upload(parts).send().await),
        says(404, "NoSuchUpload")
    );
}
