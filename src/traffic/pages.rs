//! Paths and addresses of pages.

/// Endings of what pages are made of, by their length.
const ASSETS: [&[&str]; 12] = [
    &[],
    &[],
    &["js"],
    &[
        "bmp", "css", "eot", "gif", "ico", "jpg", "map", "mjs", "mp3", "mp4", "ogg", "otf", "png",
        "svg", "ttf", "txt", "wav", "xml",
    ],
    &["avif", "jpeg", "json", "wasm", "webm", "webp", "woff"],
    &["woff2"],
    &[],
    &[],
    &[],
    &[],
    &[],
    &["webmanifest"],
];

/// Whether a path is that of a part of pages, such as an image or a script, by its ending.
pub fn is_asset(path: &str) -> bool {
    // A report asks this of each row: nothing but the end is looked at.
    let path = path.as_bytes();
    let end = &path[path.len().saturating_sub(ASSETS.len())..];
    let Some(dot) = end.iter().rposition(|byte| *byte == b'.') else {
        return false;
    };
    let ending = &end[dot + 1..];
    let is_ending = |known: &&str| known.as_bytes().eq_ignore_ascii_case(ending);
    ASSETS[ending.len()].iter().any(is_ending)
}

/// The host of an address in lower case, without port and user; `None` where there is none.
pub fn url_host(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    // An IPv6 address stands in brackets.
    let end = match host.find(']') {
        Some(end) => end + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    let host = host.get(..end).filter(|host| !host.is_empty())?;
    Some(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_stand_by_their_length() {
        for (length, endings) in ASSETS.iter().enumerate() {
            for ending in *endings {
                assert_eq!(ending.len(), length, "{ending}");
                assert!(is_asset(&format!("/a.b/c.{}", ending.to_uppercase())));
                assert!(!is_asset(ending));
                assert!(!is_asset(&format!("/c.{ending}/")));
            }
        }
    }

    #[test]
    fn pages_and_what_they_are_made_of() {
        for (path, asset) in [
            ("/", false),
            ("/blog/", false),
            ("/about.html", false),
            ("/a.b/c", false),
            ("/style.CSS", true),
            ("/img/a.b.webp", true),
            ("/js", false),
            ("", false),
        ] {
            assert_eq!(is_asset(path), asset, "{path}");
        }
    }

    #[test]
    fn hosts_of_addresses() {
        for (url, host) in [
            ("https://Example.com/a?b", Some("example.com")),
            ("http://u:p@example.com:8080", Some("example.com")),
            ("https://[2001:db8::1]:80/", Some("[2001:db8::1]")),
            ("https://example.com?x", Some("example.com")),
            ("android-app://com.example", None),
            ("https://", None),
            ("-", None),
        ] {
            assert_eq!(url_host(url).as_deref(), host, "{url}");
        }
    }
}
