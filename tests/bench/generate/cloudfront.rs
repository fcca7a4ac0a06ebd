//! One row of a `CloudFront` standard log, 33 columns.

use super::calendar::Moment;
use super::object::Draw;
use super::pools::Path;
use super::random::{scramble, weighted};
use super::text::{BASE64_URL, Text};

pub const HEADER: &str = "#Version: 1.0
#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) \
x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type \
cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end
";

/// Distribution id, its domain, the viewer's host name.
const DISTRIBUTIONS: [(&str, &str, &str); 3] = [
    (
        "E1BENCHMARK00A",
        "d1bench0aaaaa1.cloudfront.net",
        "www.example.com",
    ),
    (
        "E2BENCHMARK00B",
        "d2bench0bbbbb2.cloudfront.net",
        "cdn.example.net",
    ),
    (
        "E3BENCHMARK00C",
        "d3bench0ccccc3.cloudfront.net",
        "api.example.org",
    ),
];

/// How the edge answered: result type, detailed type, status.
type Answer = (&'static str, &'static str, &'static str);

const RESULTS: [(u64, Answer); 11] = [
    (700, ("Hit", "Hit", "200")),
    (60, ("Hit", "Hit", "304")),
    (40, ("Hit", "Hit", "206")),
    (45, ("RefreshHit", "RefreshHit", "200")),
    (90, ("Miss", "Miss", "200")),
    (15, ("Miss", "MissGeneratedResponse", "200")),
    (20, ("Redirect", "Redirect", "301")),
    (18, ("Error", "Error", "404")),
    (7, ("Error", "AccessDenied", "403")),
    (3, ("Error", "OriginCommError", "502")),
    (2, ("Error", "ClientCommError", "000")),
];

/// `E1BENCHMARK00A.2026-03-01-10.a1b2c3d4.gz`; the odd factor keeps the unique part unique.
pub fn object_name(stamp: u64, source: usize, index: u64, seed: u64) -> String {
    let at = Moment::new(stamp);
    let unique = (index.wrapping_mul(0x9E37_79B1) ^ scramble(seed)) & 0xFFFF_FFFF;
    let (distribution, _, _) = DISTRIBUTIONS[source];
    format!(
        "{distribution}.{}-{:02}.{unique:08x}.gz",
        at.date(),
        at.hour
    )
}

/// Appends a row and says how many bytes it reports.
pub fn row(text: &mut Text, at: &Moment, draw: &mut Draw) -> u64 {
    let result = weighted(&mut draw.random, &RESULTS);
    let path = draw.pools.paths.pick(&mut draw.random);
    let (_, domain, host) = DISTRIBUTIONS[draw.source];
    text.digits(at.year, 4).part("-").digits(at.month, 2);
    text.part("-").digits(at.day, 2).next().clock(at).next();
    text.field(draw.pools.edges.pick(&mut draw.random));
    let (length, range) = content(result.2, path, draw);
    let sent = match result.2 {
        "000" => 0,
        _ => length.unwrap_or(0) + 380 + draw.random.below(300),
    };
    text.number(sent);
    request(text, domain, path, result.2, draw);
    connection(text, result, host, draw);
    let timing = times(path, result.0, draw);
    protocol(text, result, timing, draw);
    answer(text, path, result, length, range);
    text.end();
    sent
}

/// Content length and range start to end.
fn content(status: &str, path: &Path, draw: &mut Draw) -> (Option<u64>, Option<(u64, u64)>) {
    match status {
        "200" => (Some(path.size), None),
        "206" => {
            let start = draw.random.below(path.size);
            let end = (start + draw.random.magnitude(10, 20)).min(path.size - 1);
            (Some(end - start + 1), Some((start, end)))
        }
        "304" | "000" => (None, None),
        _ => (Some(120 + draw.random.below(600)), None),
    }
}

/// Client address to cookie.
fn request(text: &mut Text, domain: &str, path: &Path, status: &str, draw: &mut Draw) {
    let pools = draw.pools;
    let client = pools.clients.pick(&mut draw.random);
    let method = weighted(
        &mut draw.random,
        &[(94, "GET"), (3, "HEAD"), (2, "POST"), (1, "OPTIONS")],
    );
    text.field(&client.address).field(method).field(domain);
    text.part("/").field(&path.encoded).field(status);
    text.field(pools.referers.pick(&mut draw.random))
        .field(&client.agent.encoded);
    if draw.random.chance(25) {
        let query = draw.random.pick(&pools.queries);
        text.field(&query[1..]);
    } else {
        text.field("-");
    }
    text.field("-");
}

/// Result type to forwarded-for, without the time taken, which `protocol` needs again.
fn connection(text: &mut Text, result: Answer, host: &str, draw: &mut Draw) {
    text.field(result.0);
    text.letters(draw.id, 10, BASE64_URL);
    text.letters(draw.id >> 60, 1, BASE64_URL);
    text.noise(&mut draw.random, 40, BASE64_URL);
    text.letters(draw.random.bits(), 3, BASE64_URL)
        .part("==")
        .next();
    let protocol = match result.0 {
        "Redirect" => "http",
        _ => "https",
    };
    text.field(host).field(protocol);
    text.number(draw.random.magnitude(5, 10));
}

/// Time taken and time to first byte in milliseconds: hits are quick.
fn times(path: &Path, result: &str, draw: &mut Draw) -> (u64, u64) {
    let first = match result {
        "Hit" | "Redirect" => draw.random.magnitude(0, 5),
        _ => draw.random.magnitude(4, 10),
    };
    (
        first + draw.random.below(path.size / 20_000 + 2),
        first.saturating_sub(1),
    )
}

/// Time taken to detailed result type.
fn protocol(text: &mut Text, result: Answer, (taken, first): (u64, u64), draw: &mut Draw) {
    text.seconds(taken);
    if draw.random.chance(3) {
        let client = draw.pools.clients.pick(&mut draw.random);
        text.field(&client.address);
    } else {
        text.field("-");
    }
    let (ssl, cipher) = match (result.0, draw.random.chance(92)) {
        ("Redirect", _) => ("-", "-"),
        (_, true) => ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
        (_, false) => ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
    };
    let version = weighted(
        &mut draw.random,
        &[(60, "HTTP/2.0"), (30, "HTTP/3.0"), (10, "HTTP/1.1")],
    );
    text.field(ssl).field(cipher).field(result.0).field(version);
    text.field("-").field("-");
    text.number(1024 + draw.random.below(64_000));
    text.seconds(first).field(result.1);
}

/// Content type to range end.
fn answer(
    text: &mut Text,
    path: &Path,
    result: Answer,
    length: Option<u64>,
    range: Option<(u64, u64)>,
) {
    let kind = match result.2 {
        "200" | "206" => path.mime,
        "304" | "000" => "-",
        _ => "text/html",
    };
    text.field(kind).number_or_dash(length);
    text.number_or_dash(range.map(|(start, _)| start));
    text.number_or_dash(range.map(|(_, end)| end));
}
