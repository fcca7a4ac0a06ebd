//! Proves the fake against the real SDK, so that a test that fails on it can trust it.

mod conditions;
mod faults;
mod listing;
mod multipart;
mod objects;
mod refusals;

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::FakeS3;

/// The bucket that every self-test uses.
const BUCKET: &str = "bucket";

/// A server with the one bucket.
fn fake() -> FakeS3 {
    let fake = FakeS3::start();
    fake.create_bucket(BUCKET);
    fake
}

/// A client that tries once.
fn client(fake: &FakeS3) -> Client {
    client_with(fake, fake.access_key(), fake.secret_key(), 1)
}

fn client_with(fake: &FakeS3, access_key: &str, secret_key: &str, attempts: u32) -> Client {
    let retries = RetryConfig::standard().with_max_attempts(attempts);
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(fake.endpoint())
        .force_path_style(true)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(
            access_key, secret_key, None, None, "selftest",
        ))
        .retry_config(retries.with_initial_backoff(Duration::from_millis(5)))
        .timeout_config(
            TimeoutConfig::builder()
                .read_timeout(Duration::from_secs(2))
                .build(),
        );
    Client::from_conf(config.build())
}

/// The status and S3 error code of an answer that must be an error. A HEAD has no code: `""`.
#[track_caller]
fn refusal<T, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> (u16, String) {
    let Err(error) = result else {
        panic!("the request was expected to fail")
    };
    let code = error.code().unwrap_or_default().to_owned();
    let response = error
        .raw_response()
        .unwrap_or_else(|| panic!("no answer at all, code {code:?}"));
    (response.status().as_u16(), code)
}

/// The pair that [`refusal`] gives.
fn says(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
