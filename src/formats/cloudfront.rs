//! `CloudFront` standard logs (v1, legacy): gzip, tab-separated, columns named by `#Fields`.
//!
//! Fields: `CloudFront` Developer Guide, "Standard log file fields" (standard-logs-reference). Files
//! of 12 to 35 columns are in circulation. Text values stay percent-encoded as `CloudFront` writes
//! them: files up to about 2018 encode some twice, and only the reader can know.

use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::schema::Quoting::Bare;
use crate::schema::{Derived, EventTime, Expect, Field, From, Kind, LogFormat, Sample, Syntax};

const fn field(wire: &'static str, column: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        wire,
        column,
        kind,
        quoting: Bare,
        about,
    }
}

/// `CloudFront` standard logs.
pub static CLOUDFRONT: LogFormat = LogFormat {
    name: "cloudfront",
    table: "cloudfront",
    about: "CloudFront standard logs (v1)",
    spec: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html",
    syntax: Syntax::Tabbed,
    min_fields: 12,
    event_time: EventTime::DateAndTime("date", "time"),
    fields: &[
        field("date", "date", Kind::EventTime, "day of the event, UTC"),
        field(
            "time",
            "time",
            Kind::EventTime,
            "time the response ended, UTC",
        ),
        field(
            "x-edge-location",
            "x_edge_location",
            Kind::Text,
            "edge location, airport code and number",
        ),
        field(
            "sc-bytes",
            "sc_bytes",
            Kind::Int64,
            "bytes sent to the viewer, headers included",
        ),
        field("c-ip", "c_ip", Kind::Text, "address of the viewer"),
        field("cs-method", "cs_method", Kind::Text, "HTTP method"),
        field(
            "cs(Host)",
            "cs_host",
            Kind::Text,
            "domain name of the distribution",
        ),
        field(
            "cs-uri-stem",
            "cs_uri_stem",
            Kind::Text,
            "path, percent-encoded",
        ),
        field(
            "sc-status",
            "sc_status",
            Kind::Int32,
            "HTTP status; 0 if the viewer left before a response",
        ),
        field(
            "cs(Referer)",
            "cs_referer",
            Kind::Text,
            "Referer header, percent-encoded",
        ),
        field(
            "cs(User-Agent)",
            "cs_user_agent",
            Kind::Text,
            "User-Agent header, percent-encoded",
        ),
        field(
            "cs-uri-query",
            "cs_uri_query",
            Kind::Text,
            "query string, percent-encoded",
        ),
        field(
            "cs(Cookie)",
            "cs_cookie",
            Kind::Text,
            "Cookie header, if logged",
        ),
        field(
            "x-edge-result-type",
            "x_edge_result_type",
            Kind::Text,
            "how the edge answered: Hit, Miss, Error ...",
        ),
        field(
            "x-edge-request-id",
            "x_edge_request_id",
            Kind::Id,
            "request id",
        ),
        field(
            "x-host-header",
            "x_host_header",
            Kind::Text,
            "Host header of the viewer",
        ),
        field(
            "cs-protocol",
            "cs_protocol",
            Kind::Text,
            "http, https, ws, wss, grpcs",
        ),
        field(
            "cs-bytes",
            "cs_bytes",
            Kind::Int64,
            "bytes the viewer sent, headers included",
        ),
        field(
            "time-taken",
            "time_taken",
            Kind::Double,
            "from request received to last byte sent, s",
        ),
        field(
            "x-forwarded-for",
            "x_forwarded_for",
            Kind::Text,
            "X-Forwarded-For header",
        ),
        field("ssl-protocol", "ssl_protocol", Kind::Text, "TLS version"),
        field("ssl-cipher", "ssl_cipher", Kind::Text, "TLS cipher"),
        field(
            "x-edge-response-result-type",
            "x_edge_response_result_type",
            Kind::Text,
            "result type before the response left",
        ),
        field(
            "cs-protocol-version",
            "cs_protocol_version",
            Kind::Text,
            "HTTP version",
        ),
        field(
            "fle-status",
            "fle_status",
            Kind::Text,
            "field-level encryption status",
        ),
        field(
            "fle-encrypted-fields",
            "fle_encrypted_fields",
            Kind::Int32,
            "fields encrypted",
        ),
        field("c-port", "c_port", Kind::Int32, "port of the viewer"),
        field(
            "time-to-first-byte",
            "time_to_first_byte",
            Kind::Double,
            "from request received to first byte sent, s",
        ),
        field(
            "x-edge-detailed-result-type",
            "x_edge_detailed_result_type",
            Kind::Text,
            "result type with its cause",
        ),
        field(
            "sc-content-type",
            "sc_content_type",
            Kind::Text,
            "Content-Type of the response",
        ),
        field(
            "sc-content-len",
            "sc_content_len",
            Kind::Int64,
            "Content-Length of the response, bytes",
        ),
        field(
            "sc-range-start",
            "sc_range_start",
            Kind::Int64,
            "first byte of the range",
        ),
        field(
            "sc-range-end",
            "sc_range_end",
            Kind::Int64,
            "last byte of the range",
        ),
        field(
            "distribution-tenant-id",
            "distribution_tenant_id",
            Kind::Text,
            "distribution tenant",
        ),
        field(
            "connection-id",
            "connection_id",
            Kind::Text,
            "connection id, viewer mTLS only",
        ),
    ],
    derived: &[Derived {
        column: "distribution_id",
        from: From::ObjectName(distribution_id),
        about: "distribution, from the object's name",
    }],
    names: |key| NAME.is_match(key.as_bytes()),
    detect: |line| HEADER.is_match(line) || LINE.is_match(line),
    samples: SAMPLES,
};

/// `DISTRIBUTIONID.YYYY-MM-DD-HH.unique-id.gz`; merged objects name a day or a month instead.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|/)[A-Z0-9]{6,20}\.\d{4}-\d{2}(?:-\d{2}){0,2}\.[^/]+$")
        .expect("a constant pattern")
});

/// Date, time, edge location, bytes (even if they do not convert), client address, method: enough
/// to know a line without a header.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\d{4}-\d{2}-\d{2}\t\d{2}:\d{2}:\d{2}\t[^\t]+\t[^\t]+\t[0-9A-Fa-f.:]+\t[A-Z]+\t")
        .expect("a constant pattern")
});

/// A header that names the edge location.
static HEADER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^#Fields:.*[ \t]x-edge-location").expect("a constant pattern"));

fn distribution_id(key: &str) -> Option<&str> {
    NAME.is_match(key.as_bytes())
        .then(|| key.rsplit('/').next()?.split('.').next())
        .flatten()
}

const HEADER_33: &str = "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end";
const HEADER_12: &str = "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query";
const HEADER_ODD: &str = "#Fields: sc-status time date c-ip x-edge-location brand-new sc-bytes cs-method cs(Host) cs-uri-stem cs(Referer) cs(User-Agent) cs-uri-query";

static SAMPLES: &[Sample] = &[
    Sample {
        about: "a typical request with 33 columns",
        header: HEADER_33,
        line: b"2026-03-01\t10:02:31\tHAM50-P1\t675\t192.0.2.10\tGET\td111111abcdef8.cloudfront.net\t/index.html\t200\thttps://example.com/\tMozilla/5.0%20(X11)\tq=1\t-\tHit\tY5rIQOuGsI2v==\twww.example.com\thttps\t536\t0.623\t192.0.2.1,\\x20192.0.2.2\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t12812\t0.5\tHit\ttext/html;%20charset=utf-8\t312\t0\t311",
        expect: Expect::Row(&[
            ("ts", "\"2026-03-01T10:02:31Z\""),
            ("x_edge_location", "\"HAM50-P1\""),
            ("sc_bytes", "675"),
            ("cs_user_agent", "\"Mozilla/5.0%20(X11)\""),
            ("cs_cookie", "null"),
            ("time_taken", "0.623"),
            ("x_forwarded_for", "\"192.0.2.1,\\\\x20192.0.2.2\""),
            ("fle_encrypted_fields", "null"),
            ("time_to_first_byte", "0.5"),
            ("sc_range_end", "311"),
            ("connection_id", "null"),
            ("distribution_id", "\"E2EXAMPLE\""),
        ]),
    },
    Sample {
        about: "twelve columns, status 000",
        header: HEADER_12,
        line: b"2014-05-23\t01:13:11\tFRA2\t0\t2001:db8::1\tGET\td111111abcdef8.cloudfront.net\t/\t000\t-\t-\t-",
        expect: Expect::Row(&[("sc_status", "0"), ("c_ip", "\"2001:db8::1\""), ("cs_uri_query", "null"), ("cs_protocol", "null")]),
    },
    Sample {
        about: "columns in another order and one that is not known",
        header: HEADER_ODD,
        line: b"304\t01:13:11\t2026-05-23\t192.0.2.1\tFRA2\tsurprise\t182\tGET\thost\t/\t-\t-\t-",
        expect: Expect::Row(&[("ts", "\"2026-05-23T01:13:11Z\""), ("sc_status", "304"), ("sc_bytes", "182"), ("extra", "\"brand-new=surprise\"")]),
    },
    Sample {
        about: "no header: columns by position; a number that is none becomes null",
        header: "",
        line: b"2014-05-23\t01:13:11\tFRA2\tmany\t192.0.2.1\tGET\thost\t/view/my/file.html\t200\t-\tagent\t-\t-\tHit",
        expect: Expect::Row(&[("sc_bytes", "null"), ("cs_uri_stem", "\"/view/my/file.html\""), ("x_edge_result_type", "\"Hit\"")]),
    },
    Sample {
        about: "a line that was cut",
        header: HEADER_33,
        line: b"2014-05-23\t01:13:11\tFRA2",
        expect: Expect::Reject("3 columns"),
    },
    Sample {
        about: "no time",
        header: HEADER_12,
        line: b"2014-05-23\t-\tFRA2\t0\t192.0.2.1\tGET\thost\t/\t200\t-\t-\t-",
        expect: Expect::Reject("time"),
    },
];
