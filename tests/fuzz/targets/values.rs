//! Single values: as the general parsers of other libraries read them.

use s3logs::schema::values::{self, DateCache};
use s3logs::units::rfc3339;

/// Converts each line of the input as everything that it could be.
pub(super) fn values(data: &[u8]) {
    let mut shared = DateCache::default();
    for line in data.split(|byte| *byte == b'\n') {
        integers(line);
        decimals(line);
        times(line, &mut shared);
        keys(line);
        texts(line);
    }
}

fn integers(text: &[u8]) {
    let found = values::integer(text);
    let plain = std::str::from_utf8(text)
        .ok()
        .filter(|text| !text.starts_with('+') && text.len() <= 20);
    let reference = plain.and_then(|text| text.parse::<i64>().ok());
    // More than 19 digits are none of ours, even where the first are zeros.
    let digits = text.strip_prefix(b"-").unwrap_or(text).len();
    assert_eq!(found, reference.filter(|_| digits <= 19));
}

fn decimals(text: &[u8]) {
    let found = values::decimal(text);
    let reference = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
        .filter(|value| value.is_finite());
    assert_eq!(found.map(f64::to_bits), reference.map(f64::to_bits));
}

/// A cache that has seen other dates tells the same as one that has not, and both tell what chrono
/// does of whatever both can read.
fn times(text: &[u8], shared: &mut DateCache) {
    let fresh = DateCache::default().common_log(text);
    assert_eq!(shared.common_log(text), fresh);
    let readable = std::str::from_utf8(text).unwrap_or_default();
    if let Some(found) = fresh {
        let reference = chrono::DateTime::parse_from_str(readable, "%d/%b/%Y:%H:%M:%S %z")
            .expect("chrono reads it too");
        assert_eq!(found, reference.timestamp_micros(), "{}", rfc3339(found));
    }
    let (date, time) = text.split_at(text.len().min(10));
    let time = time.get(1..).unwrap_or_default();
    let fresh = DateCache::default().date_and_time(date, time);
    assert_eq!(shared.date_and_time(date, time), fresh);
    if let Some(found) = fresh {
        let both = [date, b" ", time].concat();
        let both = std::str::from_utf8(&both).expect("digits");
        let reference = chrono::NaiveDateTime::parse_from_str(both, "%Y-%m-%d %H:%M:%S")
            .expect("chrono reads it too");
        assert_eq!(found, reference.and_utc().timestamp_micros());
    }
}

/// Whatever is logged can be led back to, from the plain key or because it is kept.
fn keys(logged: &[u8]) {
    for times in [1, 2] {
        let plain = values::plain_key(logged, times);
        let again = encoded(&plain.key, times);
        assert_eq!(plain.raw, (again != logged).then_some(logged));
        let there_and_back = encoded(logged, times);
        let back = values::plain_key(&there_and_back, times);
        assert_eq!((&back.key[..], back.raw), (logged, None));
    }
}

fn encoded(key: &[u8], times: u8) -> Vec<u8> {
    let mut text = key.to_vec();
    for _ in 0..times {
        let mut out = Vec::new();
        for byte in text {
            match byte {
                b' ' if times == 1 => out.push(b'+'),
                byte if byte.is_ascii_alphanumeric() || b"-_.*/~".contains(&byte) => {
                    out.push(byte);
                }
                byte => out.extend(format!("%{byte:02X}").bytes()),
            }
        }
        text = out;
    }
    text
}

fn texts(text: &[u8]) {
    let (clean, escaped) = values::clean_utf8(text);
    match std::str::from_utf8(text) {
        Ok(same) => assert_eq!((&clean[..], escaped), (same, false)),
        Err(_) => assert!(escaped && clean.contains("\\x")),
    }
    if let Some((method, path, version)) = values::request_line(&clean) {
        let version = version.map_or_else(String::new, |version| format!(" {version}"));
        assert_eq!(format!("{method} {path}{version}"), clean);
    }
}
