//! What the server was asked: one entry per request, and the words to pick entries by.

use std::collections::BTreeMap;

use http::{HeaderMap, Method, Request, header};

/// One request as the server saw it, whether or not a fault then hit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The HTTP method.
    pub method: String,
    /// The S3 operation, such as `GetObject` or `ListObjectsV2`.
    pub operation: &'static str,
    /// The bucket, empty if the request names none.
    pub bucket: String,
    /// The key, decoded; empty for requests on the bucket.
    pub key: String,
    /// The query as sent, without its `?`.
    pub query: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `If-Match` header, with its quotes.
    pub if_match: Option<String>,
}

impl LoggedRequest {
    /// Notes a path-style request.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let path = request.uri().path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = request.uri().query().unwrap_or_default();
        Self {
            method: request.method().to_string(),
            operation: operation(request.method(), bucket, key, query),
            bucket: decode(bucket, false),
            key: decode(key, false),
            query: query.to_owned(),
            range: header_text(request.headers(), header::RANGE.as_str()),
            if_match: header_text(request.headers(), header::IF_MATCH.as_str()),
        }
    }

    /// Whether a rule or a count that names this action and key part means this request.
    ///
    /// An action is an HTTP method or an operation, `""` is any. A key part is any piece of the
    /// key (for a listing: of its prefix); `s3://bucket/part` also asks for that bucket.
    pub(super) fn is_for(&self, action: &str, key_part: &str) -> bool {
        let of_action = action.is_empty() || action == self.method || action == self.operation;
        of_action && self.is_about(key_part)
    }

    /// Whether withholding this permission refuses the request. As in IAM, `PutObject` covers
    /// multipart uploads, `GetObject` covers `HeadObject`, and `ListBucket` covers listings.
    pub(super) fn needs_permission(&self, action: &str, key_part: &str) -> bool {
        let permission = match self.operation {
            "HeadObject" => "GetObject",
            "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => "PutObject",
            "DeleteObjects" => "DeleteObject",
            "HeadBucket" | "ListObjectsV2" => "ListBucket",
            operation => operation,
        };
        self.is_for(action, key_part) || (action == permission && self.is_about(key_part))
    }

    fn is_about(&self, key_part: &str) -> bool {
        let (in_bucket, part) = match key_part.strip_prefix("s3://") {
            Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
            None => (self.bucket.as_str(), key_part),
        };
        in_bucket == self.bucket && self.subject().contains(part)
    }

    /// The key, or the prefix that a listing asks for.
    fn subject(&self) -> String {
        if self.operation == "ListObjectsV2" {
            return form_pairs(&self.query).remove("prefix").unwrap_or_default();
        }
        self.key.clone()
    }
}

/// Names the S3 operation of a request.
fn operation(method: &Method, bucket: &str, key: &str, query: &str) -> &'static str {
    let asks = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let on_key = !key.is_empty();
    match method.as_str() {
        "GET" if bucket.is_empty() => "ListBuckets",
        "GET" if on_key && asks("tagging") => "GetObjectTagging",
        "GET" if on_key && asks("uploadId") => "ListParts",
        "GET" if on_key => "GetObject",
        "GET" if asks("location") => "GetBucketLocation",
        "GET" if asks("list-type") => "ListObjectsV2",
        "HEAD" if on_key => "HeadObject",
        "HEAD" => "HeadBucket",
        "PUT" if on_key && asks("tagging") => "PutObjectTagging",
        "PUT" if on_key && asks("partNumber") => "UploadPart",
        "PUT" if on_key => "PutObject",
        "PUT" => "CreateBucket",
        "POST" if asks("delete") => "DeleteObjects",
        "POST" if asks("uploads") => "CreateMultipartUpload",
        "POST" if asks("uploadId") => "CompleteMultipartUpload",
        "DELETE" if on_key && asks("uploadId") => "AbortMultipartUpload",
        "DELETE" if on_key => "DeleteObject",
        _ => "Other",
    }
}

/// The region in the credential scope that a request was signed with.
pub(super) fn signing_region<B>(request: &Request<B>) -> Option<String> {
    let in_header =
        header_text(request.headers(), header::AUTHORIZATION.as_str()).and_then(|text| {
            Some(
                text.split_once("Credential=")?
                    .1
                    .split([',', ' '])
                    .next()?
                    .to_owned(),
            )
        });
    let in_query = || form_pairs(request.uri().query()?).remove("X-Amz-Credential");
    let scope = in_header.or_else(in_query)?;
    scope.rsplit('/').nth(2).map(str::to_owned)
}

/// The decoded pairs of a query, or of a header spelt like one.
pub(super) fn form_pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let split = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    split
        .map(|(name, value)| (decode(name, true), decode(value, true)))
        .collect()
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Undoes percent encoding; in a query `+` is a space.
fn decode(text: &str, in_query: bool) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        let escaped = match (byte, rest.as_slice()) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            decoded.push(high << 4 | low);
            rest.nth(1);
        } else if byte == b'+' && in_query {
            decoded.push(b' ');
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
