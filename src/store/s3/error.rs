//! What the SDK reports, in our categories.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::super::ErrorKind;

/// Category and cause of a failed request.
pub(super) fn explain<E>(error: &SdkError<E, HttpResponse>) -> (ErrorKind, String)
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let response = service.raw();
            let status = response.status().as_u16();
            let code = service.err().code().unwrap_or_default();
            let region = region(response, service.err().message().unwrap_or_default());
            let kind = kind(status, code, region);
            let cause = match (code, service.err().message()) {
                ("", None) => format!("HTTP {status}"),
                (code, None) => format!("{code} (HTTP {status})"),
                (code, Some(message)) => format!("{code}: {message}"),
            };
            (kind, cause)
        }
        SdkError::TimeoutError(_) => (ErrorKind::Network, "the request timed out".to_owned()),
        other => {
            let mut causes = causes(other);
            // The rest of it is a page on every place that was looked at in vain.
            for cause in &mut causes {
                if let Some(end) = cause.find(". Attempted:") {
                    cause.truncate(end);
                }
            }
            let about = |word| causes.iter().any(|cause| cause.contains(word));
            let kind = if about("credential") || about("identity") {
                ErrorKind::Credentials
            } else {
                ErrorKind::Network
            };
            (kind, innermost(&causes))
        }
    }
}

fn kind(status: u16, code: &str, region: Option<String>) -> ErrorKind {
    match kind_of_code(code) {
        Some(ErrorKind::WrongRegion(_)) => ErrorKind::WrongRegion(region),
        Some(kind) => kind,
        None => match status {
            301 | 307 => ErrorKind::WrongRegion(region),
            403 => ErrorKind::Denied,
            404 => ErrorKind::NotFound,
            412 => ErrorKind::Changed,
            429 | 503 => ErrorKind::Throttled,
            500..=599 => ErrorKind::Network,
            _ => ErrorKind::Other,
        },
    }
}

/// Category of an S3 error code, where the code alone tells.
pub(super) fn kind_of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchKey" | "NotFound" => ErrorKind::NotFound,
        "NoSuchBucket" => ErrorKind::NoRoot,
        "AccessDenied" | "AllAccessDisabled" => ErrorKind::Denied,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "RequestTimeTooSkewed" => ErrorKind::Credentials,
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "TemporaryRedirect"
        | "IllegalLocationConstraintException" => ErrorKind::WrongRegion(None),
        "InvalidObjectState" => ErrorKind::Archived,
        "PreconditionFailed" => ErrorKind::Changed,
        "SlowDown" | "ServiceUnavailable" | "ThrottlingException" => ErrorKind::Throttled,
        "InternalError" => ErrorKind::Network,
        "EntityTooLarge" | "QuotaExceeded" | "XMinioStorageFull" => ErrorKind::Full,
        "KeyTooLongError" => ErrorKind::BadName,
        _ => return None,
    })
}

/// The bucket's region, where the server names it.
fn region(response: &HttpResponse, message: &str) -> Option<String> {
    if let Some(region) = response.headers().get("x-amz-bucket-region") {
        return Some(region.to_owned());
    }
    let expecting = message.split("expecting '").nth(1)?;
    expecting.split('\'').next().map(str::to_owned)
}

/// An error and what caused it, outermost first.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    causes.dedup();
    causes
}

/// The last two causes say what happened; the first ones only that something did.
pub(super) fn innermost(causes: &[String]) -> String {
    let skip = causes.len().saturating_sub(2);
    causes[skip..].join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Link(&'static str, #[source] Option<Box<Link>>);

    fn chain(texts: &[&'static str]) -> Option<Box<Link>> {
        let (first, rest) = texts.split_first()?;
        Some(Box::new(Link(first, chain(rest))))
    }

    #[test]
    fn what_the_system_says_is_told() {
        let texts = [
            "dispatch failure",
            "client error (Connect)",
            "tcp",
            "tcp",
            "refused (111)",
        ];
        let error = chain(&texts).expect("some links");
        let causes = causes(error.as_ref());
        assert_eq!(causes.len(), 4);
        assert_eq!(innermost(&causes), "tcp: refused (111)");
        assert_eq!(innermost(&causes[..1]), "dispatch failure");
    }
}
