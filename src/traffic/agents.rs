//! User agents: which are programs, and the families of browsers.
//!
//! `CloudFront` writes a space as `%20`, S3 as it is. No pattern here has one, so both forms match.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::crawlers::{crawler, is_listed};

/// Words by which programs are known that are not listed. `cubot` makes phones.
const PROGRAMS: &str = r"(?x)
    (?: ^ | [^u] | [^c]u | ^u ) bot (?: [^a-z] | $ )
    | crawl | spider | scrap | fetcher | archiver | monitor | checker | validator
    | ^curl/ | ^wget/ | python | ^java/ | okhttp | apache-httpclient | go-http-client | axios/ | node-fetch
    | undici | got\ \( | ^ruby | ^perl | libwww | lwp | php/ | guzzle | httpie | postman | insomnia
    | headless | phantomjs | selenium | puppeteer | playwright | aws-cli | aws-sdk | boto | s3cmd
    | rclone | \+https?: | ^- $";

static PROGRAM: LazyLock<Regex> = LazyLock::new(|| insensitive(PROGRAMS));

/// Browsers by what stands in their user agents, those first that also carry another's mark.
const FAMILIES: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("Vivaldi/", "Vivaldi"),
    ("UCBrowser/", "UC Browser"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("MSIE", "Internet Explorer"),
    ("Trident/", "Internet Explorer"),
    ("Safari/", "Safari"),
    ("AppleWebKit/", "Safari"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("aws-cli", "AWS CLI"),
    ("Boto3", "Boto3"),
    ("aws-sdk-", "AWS SDK"),
    ("python", "Python"),
    ("Python", "Python"),
    ("S3Console", "S3 console"),
    ("Go-http-client", "Go"),
    ("Java/", "Java"),
    ("okhttp", "OkHttp"),
];

fn insensitive(pattern: &str) -> Regex {
    let mut builder = RegexBuilder::new(pattern);
    let built = builder.case_insensitive(true).build();
    built.expect("a pattern of ours")
}

/// Whether a user agent is that of a program and not of a person's browser.
pub fn is_bot(agent: &str) -> bool {
    agent.is_empty() || is_listed(agent) || PROGRAM.is_match(agent)
}

/// The name that a user agent is known by: a crawler's, a browser's, a library's, or the part before the
/// first slash.
pub fn agent_family(agent: &str) -> &str {
    if let Some(crawler) = crawler(agent) {
        return crawler.name;
    }
    let known = FAMILIES.iter().find(|(mark, _)| agent.contains(mark));
    if let Some((_, family)) = known {
        return family;
    }
    let end = agent.find(['/', ' ', '%', '(']).unwrap_or(agent.len());
    agent
        .get(..end)
        .filter(|name| !name.is_empty() && *name != "Mozilla")
        .unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20Chrome/126.0.0.0%20Safari/537.36";

    #[test]
    fn people_and_programs() {
        let edge = format!("{CHROME}%20Edg/126.0.0.0");
        for (agent, bot, family) in [
            (CHROME, false, "Chrome"),
            (&edge, false, "Edge"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                false,
                "Safari",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/90.0 Mobile Safari/537.36",
                false,
                "Chrome",
            ),
            (
                "Mozilla/5.0%20(compatible;%20Googlebot/2.1;%20+http://www.google.com/bot.html)",
                true,
                "Googlebot",
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
                true,
                "GPTBot",
            ),
            ("curl/8.5.0", true, "curl"),
            ("python-requests/2.32", true, "Python"),
            ("SomeNewBot/1.0", true, "SomeNewBot"),
            ("bot", true, "bot"),
            ("a%20bot%20of%20mine", true, "a"),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36",
                true,
                "Chrome",
            ),
            ("aws-cli/2.15 Python/3.11", true, "AWS CLI"),
            ("", true, "other"),
        ] {
            assert_eq!(
                (is_bot(agent), agent_family(agent)),
                (bot, family),
                "{agent}"
            );
        }
    }
}
