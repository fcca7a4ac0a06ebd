//! One row of an S3 server access log, 27 fields.

use super::calendar::Moment;
use super::object::Draw;
use super::pools::Path;
use super::random::weighted;
use super::text::{BASE32, BASE64, Text};

const OWNER: &str = "8f2d41c09be7a6530d1f94e87c25ab36f0e19d7384c6b25aef01379d6c8b4e52";
const BUCKETS: [&str; 3] = ["example-assets", "example-downloads", "example-data-lake"];

/// What happened; the weights are those of a public site with a build behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Get,
    NotModified,
    Range,
    Missing,
    Denied,
    Head,
    Put,
    List,
    BatchDelete,
    Expire,
}

const EVENTS: [(u64, Event); 10] = [
    (660, Event::Get),
    (80, Event::NotModified),
    (60, Event::Range),
    (45, Event::Missing),
    (25, Event::Denied),
    (45, Event::Head),
    (45, Event::Put),
    (15, Event::List),
    (20, Event::BatchDelete),
    (5, Event::Expire),
];

/// `2026-03-01-10-15-42-0A1B2C3D4E5F6789`
pub fn object_name(stamp: u64, unique: u64) -> String {
    let at = Moment::new(stamp);
    let (hour, minute, second) = (at.hour, at.minute, at.second);
    format!(
        "{}-{hour:02}-{minute:02}-{second:02}-{unique:016X}",
        at.date()
    )
}

/// Appends a row and says how many bytes it reports as sent.
pub fn row(text: &mut Text, at: &Moment, draw: &mut Draw) -> Option<u64> {
    let event = weighted(&mut draw.random, &EVENTS);
    let path = draw.pools.paths.pick(&mut draw.random);
    let bucket = BUCKETS[draw.source];
    text.field(OWNER).field(bucket);
    time(text, at);
    let sent = match event {
        Event::BatchDelete | Event::Expire => internal(text, event, path, bucket, draw),
        _ => request(text, event, path, bucket, draw),
    };
    text.end();
    sent
}

fn time(text: &mut Text, at: &Moment) {
    text.part("[").digits(at.day, 2).part("/");
    text.part(at.month_name()).part("/").digits(at.year, 4);
    text.part(":").clock(at).field(" +0000]");
}

fn request_id(text: &mut Text, draw: &mut Draw) {
    text.letters(draw.id, 13, BASE32)
        .letters(draw.random.bits(), 3, BASE32)
        .next();
}

/// A request with a client behind it.
fn request(
    text: &mut Text,
    event: Event,
    path: &Path,
    bucket: &str,
    draw: &mut Draw,
) -> Option<u64> {
    let pools = draw.pools;
    let client = pools.clients.pick(&mut draw.random);
    let signed = matches!(event, Event::Put | Event::List) || draw.random.chance(35);
    let requester = if signed {
        pools.requesters.pick(&mut draw.random)
    } else {
        "-"
    };
    text.field(&client.address).field(requester);
    request_id(text, draw);
    subject(text, event, path, draw);
    let sent = outcome(text, event, path, draw);
    let (referer, agent) = if signed {
        ("-", pools.tools.pick(&mut draw.random).raw.as_str())
    } else {
        let referer = pools.referers.pick(&mut draw.random);
        (referer.as_str(), client.agent.raw.as_str())
    };
    text.quoted(referer).quoted(agent);
    if event == Event::Put {
        text.letters(draw.random.bits(), 10, BASE64).part(".");
        text.letters(draw.random.bits(), 10, BASE32).next();
    } else {
        text.field("-");
    }
    tail(text, signed, bucket, draw);
    sent
}

/// Operation, key and request URI.
fn subject(text: &mut Text, event: Event, path: &Path, draw: &mut Draw) {
    let (operation, method) = match event {
        Event::Put => ("REST.PUT.OBJECT", "PUT"),
        Event::Head => ("REST.HEAD.OBJECT", "HEAD"),
        Event::List => ("REST.GET.BUCKET", "GET"),
        _ => ("REST.GET.OBJECT", "GET"),
    };
    text.field(operation);
    if event == Event::List {
        text.field("-").part("\"GET /?list-type=2&prefix=");
        text.part(path.folder())
            .part("&encoding-type=url HTTP/1.1\"")
            .next();
        return;
    }
    text.field(&path.encoded);
    text.part("\"").part(method).part(" /").part(&path.uri);
    if draw.random.chance(20) {
        let query: &String = draw.random.pick(&draw.pools.queries);
        text.part(query);
    }
    text.part(" HTTP/1.1\"").next();
}

/// Status to turn-around time.
fn outcome(text: &mut Text, event: Event, path: &Path, draw: &mut Draw) -> Option<u64> {
    let random = &mut draw.random;
    let size = Some(path.size);
    let (status, error, sent, size) = match event {
        Event::NotModified => ("304", "-", None, size),
        Event::Range => (
            "206",
            "-",
            Some(path.size.min(random.magnitude(10, 20))),
            size,
        ),
        Event::Missing => ("404", "NoSuchKey", Some(280 + random.below(40)), None),
        Event::Denied => ("403", "AccessDenied", Some(243), None),
        Event::Head | Event::Put => ("200", "-", None, size),
        Event::List => ("200", "-", Some(random.magnitude(10, 17)), None),
        _ => ("200", "-", size, size),
    };
    let turn_around = random.magnitude(2, 8);
    let total = turn_around + path.size / 40_000 + random.below(4);
    text.field(status).field(error);
    text.number_or_dash(sent).number_or_dash(size);
    text.number(total).number(turn_around);
    sent
}

/// Host id to source region.
fn tail(text: &mut Text, signed: bool, bucket: &str, draw: &mut Draw) {
    let (signature, authentication) = if signed {
        ("SigV4", "AuthHeader")
    } else {
        ("-", "-")
    };
    let (cipher, tls) = if draw.random.chance(85) {
        ("TLS_AES_128_GCM_SHA256", "TLSv1.3")
    } else {
        ("ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2")
    };
    host_id(text, draw);
    text.field(signature).field(cipher).field(authentication);
    text.part(bucket)
        .field(".s3.eu-west-1.amazonaws.com")
        .field(tls);
    let region = *draw
        .random
        .pick(&["eu-west-1", "eu-west-1", "us-east-1", "-"]);
    text.field("-").field("-").field(region);
}

fn host_id(text: &mut Text, draw: &mut Draw) {
    text.noise(&mut draw.random, 70, BASE64);
    text.letters(draw.random.bits(), 5, BASE64).part("=").next();
}

/// Rows no client asked for one by one: keys of a batch delete, lifecycle.
fn internal(
    text: &mut Text,
    event: Event,
    path: &Path,
    bucket: &str,
    draw: &mut Draw,
) -> Option<u64> {
    if event == Event::Expire {
        text.field("-").field("AmazonS3");
        request_id(text, draw);
        text.field("S3.EXPIRE.OBJECT").field(&path.uri);
        text.field("\"-\" - - -").number(path.size);
        text.field("- - \"-\" \"-\" -");
        host_id(text, draw);
        text.field("- - - - - - - -");
    } else {
        let client = draw.pools.clients.pick(&mut draw.random);
        text.field(&client.address);
        text.field(draw.pools.requesters.pick(&mut draw.random));
        request_id(text, draw);
        text.field("BATCH.DELETE.OBJECT").field(&path.uri);
        text.field("- 204 - -").number(path.size).field("- - - - -");
        tail(text, true, bucket, draw);
    }
    None
}
