//! The client, from the caller's options and the SDK's own chain.

use std::fmt;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_types::service_config::ServiceConfigKey;

/// How the AWS chain is to be used; everything unset comes from environment and profile.
#[derive(Clone, Debug, Default)]
pub struct AwsOptions {
    /// Profile of the shared configuration.
    pub profile: Option<String>,
    /// Region of the bucket.
    pub region: Option<String>,
    /// Endpoint of an S3-compatible server.
    pub endpoint_url: Option<String>,
    /// Keys that take the place of whatever the chain would find.
    pub credentials: Option<AccessKeys>,
    /// Agree to pay for requests and transfer of requester-pays buckets.
    pub request_payer: bool,
    /// Send requests without a signature, for public buckets.
    pub no_sign_request: bool,
    /// How long to wait for a server, and how often to ask it again.
    pub patience: Patience,
}

/// How long a server may take, and how often a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For an answer to begin.
    pub answer: Duration,
    /// For the next byte of a body.
    pub stall: Duration,
    /// Requests for one answer.
    pub attempts: u32,
    /// The longest pause before the second one; the others double it.
    pub pause: Duration,
    /// What may be spent on repeated requests before others end: each costs 5, one after a timeout
    /// 10; 25 come back every second.
    pub quota: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            stall: Duration::from_secs(20),
            attempts: 7,
            pause: Duration::from_millis(200),
            quota: 500,
        }
    }
}

/// Access keys for programs that bring their own, such as tests. `Debug` keeps the secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKeys {
    /// The access key's id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The token of temporary keys.
    pub session_token: Option<String>,
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Builds the client. No request is made, but the shared configuration files are read.
pub(super) async fn connect(options: &AwsOptions) -> Client {
    let shared = load(options).await;
    let mut config = aws_sdk_s3::config::Builder::from(&shared)
        // Servers other than S3 seldom have a host name for each bucket.
        .force_path_style(has_endpoint(&shared))
        .retry_partition(quota(options.patience));
    if shared.region().is_none() {
        config = config.region(Region::new("us-east-1"));
    }
    Client::from_conf(config.build())
}

/// A quota of the client's own; the usual one is shared by all clients, allows 35 repeated requests and
/// comes back with successes only, so that a bad minute would cost every later object its retries.
fn quota(patience: Patience) -> RetryPartition {
    let bucket = TokenBucket::builder()
        .capacity(patience.quota)
        .retry_cost(5)
        .throttling_retry_cost(5)
        .timeout_retry_cost(10)
        .success_reward(1.0)
        .refill_rate(25.0)
        .build();
    RetryPartition::custom("s3logs")
        .token_bucket(bucket)
        .build()
}

async fn load(options: &AwsOptions) -> SdkConfig {
    let patience = options.patience;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        // Not adaptive: that one answers a single 503 of an idle client with 10 to 20 seconds of silence.
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(patience.attempts)
                .with_initial_backoff(patience.pause),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(patience.connect)
                .read_timeout(patience.answer)
                .build(),
        )
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled()
                .grace_period(patience.stall)
                .build(),
        );
    if let Some(profile) = &options.profile {
        // Keys in the environment would win otherwise, and be another account's.
        let keys = ProfileFileCredentialsProvider::builder()
            .profile_name(profile)
            .build();
        loader = loader.profile_name(profile).credentials_provider(keys);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &options.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(keys) = &options.credentials {
        let (id, secret) = (keys.id.clone(), keys.secret.clone());
        let token = keys.session_token.clone();
        loader = loader.credentials_provider(Credentials::new(id, secret, token, None, "caller"));
    }
    if options.no_sign_request {
        loader = loader.no_credentials();
    }
    loader.load().await
}

/// Whether requests go to an endpoint of the user's, for all services or for S3 alone.
fn has_endpoint(shared: &SdkConfig) -> bool {
    let key = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let for_s3 = || shared.service_config()?.load_config(key.ok()?);
    shared.endpoint_url().is_some() || for_s3().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let keys = AccessKeys {
            id: "AKIAEXAMPLE".to_owned(),
            secret: "hush".to_owned(),
            session_token: Some("quiet".to_owned()),
        };
        let options = AwsOptions {
            credentials: Some(keys),
            ..AwsOptions::default()
        };
        let shown = format!("{options:?}");
        assert!(shown.contains("AKIAEXAMPLE"), "{shown}");
        assert!(
            !shown.contains("hush") && !shown.contains("quiet"),
            "{shown}"
        );
    }
}
