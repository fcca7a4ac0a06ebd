//! Paths and addresses of pages.

/// Endings of what pages are made of.
const ASSETS: &[&str] = &[
    "avif",
    "bmp",
    "css",
    "eot",
    "gif",
    "ico",
    "jpeg",
    "jpg",
    "js",
    "json",
    "map",
    "mjs",
    "mp3",
    "mp4",
    "ogg",
    "otf",
    "png",
    "svg",
    "ttf",
    "wasm",
    "wav",
    "webm",
    "webmanifest",
    "webp",
    "woff",
    "woff2",
    "xml",
    "txt",
];

/// Whether a path is that of a part of pages, such as an image or a script, by its ending.
pub fn is_asset(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| {
        ASSETS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(ending))
    })
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
