//! S3 server access logs, text form.
//!
//! Fields: S3 User Guide, "Amazon S3 server access log format". Widths of 17 (2012) to 27 fields
//! are in circulation; AWS appends new ones at the end.

use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::schema::Quoting::{Bare, Brackets, Quotes, RequestLine};
use crate::schema::{
    Derived, EventTime, Expect, Field, From, Kind, LogFormat, Quoting, RequestPart, Sample, Syntax,
};

const fn field(column: &'static str, kind: Kind, quoting: Quoting, about: &'static str) -> Field {
    Field {
        wire: column,
        column,
        kind,
        quoting,
        about,
    }
}

/// S3 server access logs.
pub static S3_ACCESS: LogFormat = LogFormat {
    name: "s3-access",
    table: "s3_access",
    about: "S3 server access logs, text form",
    spec: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html",
    syntax: Syntax::Spaced,
    min_fields: 17,
    event_time: EventTime::CommonLog("time"),
    fields: &[
        field(
            "bucket_owner",
            Kind::Text,
            Bare,
            "canonical user id of the bucket's owner",
        ),
        field("bucket", Kind::Text, Bare, "bucket the request was for"),
        field(
            "time",
            Kind::EventTime,
            Brackets,
            "when the request was received",
        ),
        field(
            "remote_ip",
            Kind::Text,
            Bare,
            "address the request came from",
        ),
        field(
            "requester",
            Kind::Text,
            Bare,
            "canonical id, ARN or service; null if unauthenticated",
        ),
        field(
            "request_id",
            Kind::Id,
            Bare,
            "request id; not unique, one multi-object delete repeats it",
        ),
        field(
            "operation",
            Kind::Text,
            Bare,
            "SOAP.x, REST.METHOD.RESOURCE, WEBSITE.x, BATCH.x or S3.x",
        ),
        field(
            "key",
            Kind::Key {
                operation: "operation",
            },
            Bare,
            "object key, decoded",
        ),
        field(
            "request_uri",
            Kind::Text,
            RequestLine,
            "request line as the client sent it",
        ),
        field(
            "http_status",
            Kind::Int32,
            Bare,
            "HTTP status; null for lifecycle records",
        ),
        field("error_code", Kind::Text, Bare, "S3 error code"),
        field(
            "bytes_sent",
            Kind::Int64,
            Bare,
            "bytes of the response body; null when zero",
        ),
        field(
            "object_size",
            Kind::Int64,
            Bare,
            "size of the object, bytes",
        ),
        field(
            "total_time",
            Kind::Int64,
            Bare,
            "from request received to last byte sent, ms",
        ),
        field(
            "turn_around_time",
            Kind::Int64,
            Bare,
            "time S3 spent on the request, ms",
        ),
        field("referer", Kind::Text, Quotes, "Referer header"),
        field("user_agent", Kind::Text, Quotes, "User-Agent header"),
        field("version_id", Kind::Text, Bare, "version id in the request"),
        field(
            "host_id",
            Kind::Id,
            Bare,
            "extended request id (x-amz-id-2)",
        ),
        field(
            "signature_version",
            Kind::Text,
            Bare,
            "SigV2 or SigV4; null if unauthenticated",
        ),
        field(
            "cipher_suite",
            Kind::Text,
            Bare,
            "TLS cipher; null for plain HTTP",
        ),
        field(
            "authentication_type",
            Kind::Text,
            Bare,
            "AuthHeader or QueryString",
        ),
        field("host_header", Kind::Text, Bare, "endpoint the client asked"),
        field("tls_version", Kind::Text, Bare, "TLS version"),
        field(
            "access_point_arn",
            Kind::Text,
            Bare,
            "ARN of the access point",
        ),
        field(
            "acl_required",
            Kind::Yes,
            Bare,
            "true if an ACL was needed to allow the request",
        ),
        field(
            "source_region",
            Kind::Text,
            Bare,
            "region the request came from",
        ),
    ],
    derived: &[
        Derived {
            column: "key_raw",
            from: From::RawKey("key"),
            about: "key as logged, only where encoding `key` again gives something else",
        },
        Derived {
            column: "request_method",
            from: From::RequestLine("request_uri", RequestPart::Method),
            about: "method of the request line",
        },
        Derived {
            column: "request_path",
            from: From::RequestLine("request_uri", RequestPart::Path),
            about: "path and query of the request line",
        },
        Derived {
            column: "http_version",
            from: From::RequestLine("request_uri", RequestPart::Version),
            about: "HTTP version of the request line",
        },
    ],
    names: |key| NAME.is_match(key.as_bytes()),
    detect: |line| LINE.is_match(line),
    samples: SAMPLES,
};

/// `…YYYY-MM-DD-hh-mm-ss-UniqueString`, the unique string being 16 hex digits.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}-[0-9A-F]{16}(\.gz)?$")
        .expect("a constant pattern")
});

/// Owner, bucket, bracketed time, address, requester, request id, operation with a dot.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^[^ \x22]+ [^ \x22]+ \[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] [^ ]+ [^ ]+ [^ ]+ [A-Z0-9]+\.[A-Z0-9_.]+ ",
    )
    .expect("a constant pattern")
});

static SAMPLES: &[Sample] = &[
    Sample {
        about: "a typical request with 27 fields",
        header: "",
        line: br#"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be example-assets [06/Feb/2026:00:01:57 +0000] 192.0.2.3 arn:aws:iam::123456789012:user/ana DD6CC733AEXAMPLE REST.GET.OBJECT photos/2026/a%2522b.jpg "GET /example-assets/photos/2026/a%22b.jpg HTTP/1.1" 200 - 4406 4406 41 28 "https://example.com/start" "S3Console/0.4" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader example-assets.s3.us-west-1.amazonaws.com TLSv1.2 - Yes us-west-1"#,
        expect: Expect::Row(&[
            ("ts", "\"2026-02-06T00:01:57Z\""),
            ("bucket", "\"example-assets\""),
            ("key", "\"photos/2026/a\\\"b.jpg\""),
            ("key_raw", "null"),
            ("request_method", "\"GET\""),
            ("request_path", "\"/example-assets/photos/2026/a%22b.jpg\""),
            ("http_version", "\"HTTP/1.1\""),
            ("http_status", "200"),
            ("error_code", "null"),
            ("bytes_sent", "4406"),
            ("user_agent", "\"S3Console/0.4\""),
            ("acl_required", "true"),
            ("source_region", "\"us-west-1\""),
            ("extra", "null"),
        ]),
    },
    Sample {
        about: "a lifecycle record: dashes everywhere, key encoded once",
        header: "",
        line: br#"owner bucket [06/Feb/2026:00:01:57 +0000] - AmazonS3 3E57427F33A59F07 S3.EXPIRE.OBJECT foo-%2525Y "-" - - - 12 - - "-" "-" - - - - - - - - - -"#,
        expect: Expect::Row(&[
            ("remote_ip", "null"),
            ("operation", "\"S3.EXPIRE.OBJECT\""),
            ("key", "\"foo-%25Y\""),
            ("request_uri", "null"),
            ("request_method", "null"),
            ("http_status", "null"),
            ("object_size", "12"),
            ("acl_required", "null"),
        ]),
    },
    Sample {
        about: "quotes inside the request URI, the referer and the user agent; a forged tail in the agent",
        header: "",
        line: br#"owner bucket [06/Feb/2026:00:01:57 +0000] 192.0.2.3 - A1 REST.GET.OBJECT k "GET /k?response-content-disposition=attachment;filename="a b.json" HTTP/1.1" 403 AccessDenied 243 - 7 - "http://example.com/"" ""Mozilla/5.0" 200 - 1 1 1 1 "x"" - h= - - - bucket.s3.amazonaws.com -"#,
        expect: Expect::Row(&[
            ("request_uri", "\"GET /k?response-content-disposition=attachment;filename=\\\"a b.json\\\" HTTP/1.1\""),
            ("http_status", "403"),
            ("error_code", "\"AccessDenied\""),
            ("referer", "\"http://example.com/\\\"\""),
            ("user_agent", "\"\\\"Mozilla/5.0\\\" 200 - 1 1 1 1 \\\"x\\\"\""),
            ("host_header", "\"bucket.s3.amazonaws.com\""),
        ]),
    },
    Sample {
        about: "bare dashes for URI, referer and agent (multi-object delete), 24 fields",
        header: "",
        line: br"owner bucket [06/Feb/2026:00:01:57 -0500] 192.0.2.3 arn:aws:iam::1:user/b A1 BATCH.DELETE.OBJECT a+b.txt - 204 - - 5 - - - - - h= SigV4 TLS AuthHeader bucket.s3.amazonaws.com TLSv1.2",
        expect: Expect::Row(&[
            ("ts", "\"2026-02-06T05:01:57Z\""),
            ("key", "\"a b.txt\""),
            ("request_uri", "null"),
            ("http_status", "204"),
            ("user_agent", "null"),
            ("tls_version", "\"TLSv1.2\""),
            ("source_region", "null"),
        ]),
    },
    Sample {
        about: "the oldest width, 17 fields, invalid UTF-8 in the agent",
        header: "",
        line: b"owner bucket [06/Feb/2012:00:01:57 +0000] 192.0.2.3 - A1 REST.GET.OBJECT k \"GET /k HTTP/1.0\" 200 - 5 5 7 6 \"\" \"caf\xe9\"",
        expect: Expect::Row(&[
            ("referer", "\"\""),
            ("user_agent", "\"caf\\\\xE9\""),
            ("version_id", "null"),
        ]),
    },
    Sample {
        about: "fields that AWS has not announced yet",
        header: "",
        line: br#"owner bucket [06/Feb/2026:00:01:57 +0000] 192.0.2.3 - A1 REST.GET.OBJECT odd%zz "GET /odd%zz HTTP/1.1" 200 - 5 5 7 6 "-" "curl/8.5" - h= - - - bucket.s3.amazonaws.com TLSv1.3 - - eu-west-1 new newer "#,
        expect: Expect::Row(&[
            ("key", "\"odd%zz\""),
            ("key_raw", "\"odd%zz\""),
            ("extra", "\"new newer\""),
        ]),
    },
    Sample {
        about: "a line that was cut",
        header: "",
        line: br#"owner bucket [06/Feb/2026:00:01:57 +0000] 192.0.2.3 - A1 REST.GET.OBJECT k "GET /k HT"#,
        expect: Expect::Reject("request_uri"),
    },
    Sample {
        about: "no such day",
        header: "",
        line: br#"owner bucket [31/Feb/2026:00:01:57 +0000] 192.0.2.3 - A1 REST.GET.OBJECT k "GET /k HTTP/1.1" 200 - 5 5 7 6 "-" "curl/8.5" -"#,
        expect: Expect::Reject("time"),
    },
];
