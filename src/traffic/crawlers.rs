//! Crawlers that tell their names: those of a licensed set, and before them some of ours.
//!
//! Ours are the names under which operators document their crawlers. The set comes as patterns, most of them
//! plain text; see `data/NOTICE.md`. `CloudFront` writes a space as `%20`, of 2018 as `%2520`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

/// What a crawler collects pages for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The index of a search engine.
    Search,
    /// Training of language models, or their answers.
    Ai,
    /// Previews of links in messages and posts.
    Preview,
    /// Search engine optimisation and marketing.
    Marketing,
    /// Checks whether a site is up, or feeds for readers.
    Service,
    /// Holes in security, open ports.
    Scanner,
    /// A copy for later times.
    Archive,
    /// Studies of universities.
    Research,
}

impl Purpose {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Ai => "ai",
            Self::Preview => "preview",
            Self::Marketing => "marketing",
            Self::Service => "service",
            Self::Scanner => "scanner",
            Self::Archive => "archive",
            Self::Research => "research",
        }
    }

    const ALL: [Self; 8] = [
        Self::Search,
        Self::Ai,
        Self::Preview,
        Self::Marketing,
        Self::Service,
        Self::Scanner,
        Self::Archive,
        Self::Research,
    ];
}

/// A crawler that tells its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crawler {
    /// The name in its user agent.
    pub name: &'static str,
    /// What it is for.
    pub purpose: Purpose,
}

/// Names that come before those of the set, and before others that are part of them.
const CRAWLERS: &[(Purpose, &[&str])] = &[
    (
        Purpose::Ai,
        &[
            "GPTBot",
            "OAI-SearchBot",
            "ChatGPT-User",
            "ClaudeBot",
            "Claude-User",
            "Claude-SearchBot",
            "Claude-Web",
            "anthropic-ai",
            "PerplexityBot",
            "Perplexity-User",
            "CCBot",
            "Bytespider",
            "Amazonbot",
            "Applebot-Extended",
            "Google-Extended",
            "GoogleOther",
            "Google-CloudVertexBot",
            "meta-externalagent",
            "meta-externalfetcher",
            "FacebookBot",
            "cohere-ai",
            "cohere-training-data-crawler",
            "DuckAssistBot",
            "MistralAI-User",
            "YouBot",
            "Diffbot",
            "Timpibot",
            "ImagesiftBot",
            "AI2Bot",
            "Ai2Bot-Dolma",
            "omgili",
            "PanguBot",
            "TikTokSpider",
            "Kangaroo",
            "img2dataset",
            "PetalBot",
            "SemrushBot-OCOB",
            "Webzio-Extended",
            "iaskspider",
            "VelenPublicWebCrawler",
        ],
    ),
    (
        Purpose::Search,
        &[
            "Googlebot-Image",
            "Googlebot-Video",
            "Googlebot-News",
            "Googlebot",
            "Storebot-Google",
            "AdsBot-Google",
            "Mediapartners-Google",
            "Google-InspectionTool",
            "bingbot",
            "BingPreview",
            "adidxbot",
            "msnbot",
            "Slurp",
            "DuckDuckBot",
            "Baiduspider",
            "YandexBot",
            "YandexImages",
            "YandexMobileBot",
            "Applebot",
            "SeznamBot",
            "Sogou",
            "360Spider",
            "Yeti",
            "Qwantify",
            "MojeekBot",
            "Exabot",
            "coccocbot",
            "Neevabot",
        ],
    ),
    (
        Purpose::Preview,
        &[
            "facebookexternalhit",
            "Twitterbot",
            "LinkedInBot",
            "Slackbot",
            "Slack-ImgProxy",
            "Discordbot",
            "TelegramBot",
            "WhatsApp",
            "Pinterestbot",
            "redditbot",
            "SkypeUriPreview",
            "Mastodon",
            "Bluesky",
            "Embedly",
            "Iframely",
            "vkShare",
        ],
    ),
    (
        Purpose::Marketing,
        &[
            "AhrefsBot",
            "AhrefsSiteAudit",
            "SemrushBot",
            "SiteAuditBot",
            "MJ12bot",
            "DotBot",
            "rogerbot",
            "BLEXBot",
            "DataForSeoBot",
            "serpstatbot",
            "Screaming",
            "SEOkicks",
            "barkrowler",
            "MegaIndex",
            "linkdexbot",
            "ZoominfoBot",
            "BrightEdge",
            "proximic",
            "AwarioBot",
            "Turnitin",
        ],
    ),
    (
        Purpose::Service,
        &[
            "UptimeRobot",
            "Pingdom",
            "StatusCake",
            "Site24x7",
            "Better-Uptime",
            "NewRelicPinger",
            "Datadog",
            "Amazon-Route53-Health-Check-Service",
            "ELB-HealthChecker",
            "Amazon-CloudFront",
            "GoogleImageProxy",
            "Chrome-Lighthouse",
            "Feedly",
            "Feedbin",
            "Inoreader",
            "NewsBlur",
            "FreshRSS",
            "Tiny-Tiny-RSS",
            "W3C_Validator",
        ],
    ),
    (Purpose::Archive, &["ia_archiver", "archive.org_bot"]),
    (Purpose::Scanner, &["CensysInspect", "Expanse", "zgrab"]),
];

/// Lines of a purpose, a name and a pattern. The purpose `program` is that of libraries.
const SET: &str = include_str!("data/crawlers.tsv");

/// How a space can stand in a log.
const SPACES: [&str; 3] = [" ", "%20", "%2520"];

/// Patterns, all of which begin with plain text, and most are no more than that.
struct Patterns {
    /// By the first four bytes of that text, ours before those of the set.
    by_start: HashMap<[u8; 4], Vec<Pattern>>,
    /// Which four bytes can begin one, by their hashes: most of an agent is passed over by this.
    starts: Vec<bool>,
}

struct Pattern {
    text: String,
    /// The rest, where there is one.
    whole: Option<Regex>,
    /// Nothing for a library.
    crawler: Option<Crawler>,
}

impl Patterns {
    fn new(all: impl Iterator<Item = (Cow<'static, str>, Option<Crawler>)>) -> Self {
        let mut by_start: HashMap<_, Vec<_>> = HashMap::new();
        let mut starts = vec![false; 1 << 16];
        for (pattern, crawler) in all {
            let forms = &SPACES[..if pattern.contains(' ') {
                SPACES.len()
            } else {
                1
            }];
            for space in forms {
                let pattern = pattern.replace(' ', space);
                let (text, is_whole) = beginning(&pattern);
                // A test looks at the lengths.
                let Some(first) = text.as_bytes().first_chunk::<4>() else {
                    continue;
                };
                starts[hashed(*first)] = true;
                let whole = || Regex::new(&pattern).expect("a test looks at each");
                by_start.entry(*first).or_default().push(Pattern {
                    whole: (!is_whole).then(whole),
                    text,
                    crawler,
                });
            }
        }
        Self { by_start, starts }
    }

    /// The first that stands in an agent and is wanted.
    fn find(&self, agent: &str, wanted: fn(&Pattern) -> bool) -> Option<&Pattern> {
        let bytes = agent.as_bytes();
        bytes.array_windows().enumerate().find_map(|(at, first)| {
            if !self.starts[hashed(*first)] {
                return None;
            }
            let stands = |one: &&Pattern| {
                bytes[at..].starts_with(one.text.as_bytes())
                    && one.whole.as_ref().is_none_or(|whole| whole.is_match(agent))
            };
            let mut all = self.by_start.get(first)?.iter();
            all.find(|one| wanted(one) && stands(one))
        })
    }
}

/// A number of 16 bits for four bytes.
fn hashed(bytes: [u8; 4]) -> usize {
    (u32::from_le_bytes(bytes).wrapping_mul(0x9e37_79b1) >> 16) as usize
}

/// The text that a pattern begins with, and whether it is no more than that.
fn beginning(pattern: &str) -> (String, bool) {
    let anchored = pattern.strip_prefix('^');
    let mut text = String::with_capacity(pattern.len());
    let mut characters = anchored.unwrap_or(pattern).chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => text.push(escaped),
                _ => return (text, false),
            },
            '.' | '[' | '(' | '$' => return (text, false),
            // These are about the character before them, and `|` about all.
            '*' | '+' | '?' | '{' | '|' => return (String::new(), false),
            other => text.push(other),
        }
    }
    (text, anchored.is_none())
}

/// Purpose, name and pattern of the lines of the set.
fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    SET.lines().filter_map(|line| {
        let (purpose, rest) = line.split_once('\t')?;
        let (name, pattern) = rest.split_once('\t')?;
        Some((purpose, name, pattern))
    })
}

/// Patterns and what they stand for. A name of ours stands there as it is, in small letters and in capitals.
fn all() -> impl Iterator<Item = (Cow<'static, str>, Option<Crawler>)> {
    let ours = CRAWLERS.iter().flat_map(|(purpose, names)| {
        let purpose = *purpose;
        names.iter().flat_map(move |name| {
            let forms = [(*name).to_owned(), name.to_lowercase(), name.to_uppercase()];
            let crawler = Some(Crawler { name, purpose });
            forms.map(|form| (Cow::Owned(regex::escape(&form)), crawler))
        })
    });
    let theirs = lines().map(|(purpose, name, pattern)| {
        let purpose = Purpose::ALL.into_iter().find(|one| one.name() == purpose);
        let crawler = purpose.map(|purpose| Crawler { name, purpose });
        (Cow::Borrowed(pattern), crawler)
    });
    ours.chain(theirs)
}

static KNOWN: LazyLock<Patterns> = LazyLock::new(|| Patterns::new(all()));

/// The crawler that a user agent names: the first, if there are several.
pub fn crawler(agent: &str) -> Option<Crawler> {
    KNOWN.find(agent, |one| one.crawler.is_some())?.crawler
}

/// Whether a user agent is that of a crawler, or of a library or a steered browser of the set.
pub(super) fn is_listed(agent: &str) -> bool {
    KNOWN.find(agent, |_| true).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands for a purpose where there is none.
    const LIBRARY: &str = "program";

    #[test]
    fn the_set_is_whole() {
        for (purpose, name, _) in lines() {
            let known = Purpose::ALL.iter().any(|one| one.name() == purpose);
            assert!(known || purpose == LIBRARY, "{purpose}");
            assert!(!name.is_empty());
        }
        assert_eq!(lines().count(), SET.lines().count());
        assert!(lines().count() > 1_400);
        for (pattern, _) in all() {
            let (text, is_whole) = beginning(&pattern);
            assert!(text.len() >= 4, "{pattern}");
            assert!(is_whole || Regex::new(&pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn crawlers_have_names_and_purposes() {
        let named = |agent| crawler(agent).map(|one| (one.name, one.purpose));
        for (agent, name, purpose) in [
            ("x claudebot/1.0", "ClaudeBot", Purpose::Ai),
            ("Googlebot-Image/1.0", "Googlebot-Image", Purpose::Search),
            ("AhrefsBot/7.0", "AhrefsBot", Purpose::Marketing),
            ("Applebot-Extended", "Applebot-Extended", Purpose::Ai),
            ("Applebot/0.1", "Applebot", Purpose::Search),
            // Of the set: with a space as S3 and as CloudFront write it, and one that is no plain text.
            (
                "Xenu Link Sleuth/1.3",
                "Xenu Link Sleuth",
                Purpose::Marketing,
            ),
            (
                "Xenu%20Link%20Sleuth/1.3",
                "Xenu Link Sleuth",
                Purpose::Marketing,
            ),
            ("CrunchBot/1.0", "CrunchBot", Purpose::Marketing),
            ("a SISTRIX Crawler", "SISTRIX Crawler", Purpose::Marketing),
            ("sqlmap/1.8#stable", "sqlmap", Purpose::Scanner),
            ("Wayback", "Wayback", Purpose::Archive),
        ] {
            assert_eq!(named(agent), Some((name, purpose)), "{agent}");
        }
        assert_eq!(named("not CrunchBot"), None, "only at the beginning");
        assert_eq!(named("python-httpx/0.27"), None, "a library");
        assert!(is_listed("python-httpx/0.27"));
    }

    #[test]
    fn patterns_begin_with_text() {
        for (pattern, text, is_whole) in [
            (r"yandex\.com/bots", "yandex.com/bots", true),
            ("^curl", "curl", false),
            (r"Traffic/\d", "Traffic/", false),
            ("Google([^-]|$)", "Google", false),
            ("ab?", "", false),
        ] {
            assert_eq!(beginning(pattern), (text.to_owned(), is_whole));
        }
    }
}
