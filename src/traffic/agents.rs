//! User agents: which are programs, which of those crawl for what, and the families of browsers.
//!
//! `CloudFront` writes a space as `%20`, S3 as it is. No pattern here has one, so both forms match.
//! The names are those under which the crawlers' operators document them.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

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
        }
    }
}

/// A crawler that tells its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crawler {
    /// The name in its user agent.
    pub name: &'static str,
    /// What it is for.
    pub purpose: Purpose,
}

/// Names before others that are part of them.
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
            "ia_archiver",
            "archive.org_bot",
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
            "CensysInspect",
            "Expanse",
            "zgrab",
        ],
    ),
];

/// Words by which programs are known that do not tell a name of [`CRAWLERS`]. `cubot` makes phones.
const PROGRAMS: &str = r"(?x)
    (?: ^ | [^u] | [^c]u | ^u ) bot (?: [^a-z] | $ )
    | crawl | spider | scrap | fetcher | archiver | monitor | checker | validator
    | ^curl/ | ^wget/ | python | ^java/ | okhttp | apache-httpclient | go-http-client | axios/ | node-fetch
    | undici | got\ \( | ^ruby | ^perl | libwww | lwp | php/ | guzzle | httpie | postman | insomnia
    | headless | phantomjs | selenium | puppeteer | playwright | aws-cli | aws-sdk | boto | s3cmd
    | rclone | \+https?: | ^- $";

struct Known {
    pattern: Regex,
    crawlers: Vec<Crawler>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let all = CRAWLERS.iter();
    let crawlers: Vec<Crawler> = all
        .flat_map(|(purpose, names)| {
            names.iter().map(|name| Crawler {
                name,
                purpose: *purpose,
            })
        })
        .collect();
    let names: Vec<String> = crawlers.iter().map(|one| regex::escape(one.name)).collect();
    Known {
        pattern: insensitive(&names.join("|")),
        crawlers,
    }
});

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
    ("python", "Python"),
    ("Python", "Python"),
    ("aws-cli", "AWS CLI"),
    ("Boto3", "Boto3"),
    ("aws-sdk-", "AWS SDK"),
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

/// The crawler that a user agent names.
pub fn crawler(agent: &str) -> Option<Crawler> {
    let found = KNOWN.pattern.find(agent)?;
    let named = |one: &&Crawler| one.name.eq_ignore_ascii_case(found.as_str());
    KNOWN.crawlers.iter().find(named).copied()
}

/// Whether a user agent is that of a program and not of a person's browser.
pub fn is_bot(agent: &str) -> bool {
    agent.is_empty() || KNOWN.pattern.is_match(agent) || PROGRAM.is_match(agent)
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
            ("aws-cli/2.15 Python/3.11", true, "Python"),
            ("", true, "other"),
        ] {
            assert_eq!(
                (is_bot(agent), agent_family(agent)),
                (bot, family),
                "{agent}"
            );
        }
    }

    #[test]
    fn crawlers_have_names_and_purposes() {
        let named = |agent| crawler(agent).map(|one| (one.name, one.purpose));
        assert_eq!(named("x claudebot/1.0"), Some(("ClaudeBot", Purpose::Ai)));
        assert_eq!(
            named("Googlebot-Image/1.0"),
            Some(("Googlebot-Image", Purpose::Search))
        );
        assert_eq!(
            named("AhrefsBot/7.0"),
            Some(("AhrefsBot", Purpose::Marketing))
        );
        assert_eq!(
            named("Applebot-Extended"),
            Some(("Applebot-Extended", Purpose::Ai))
        );
        assert_eq!(named("Applebot/0.1"), Some(("Applebot", Purpose::Search)));
        assert_eq!(named(CHROME), None);
    }
}
