//! The client, from the caller's options and the SDK's own chain.

use std::fmt;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::config::retry::RetryConfig;
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
        .force_path_style(has_endpoint(&shared));
    if shared.region().is_none() {
        config = config.region(Region::new("us-east-1"));
    }
    Client::from_conf(config.build())
}

async fn load(options: &AwsOptions) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        // Not adaptive: that one answers a single 503 of an idle client with 10 to 20 seconds of silence.
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(7)
                .with_initial_backoff(Duration::from_millis(200)),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(10))
                .read_timeout(Duration::from_secs(30))
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
