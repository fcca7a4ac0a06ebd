//! The repeated values: some 5,000 paths, 300 agents, 20,000 clients, drawn by Zipf's law.

use super::random::{Random, Zipf};

/// A key of the site.
pub struct Path {
    /// As a browser sends it, without the leading slash: encoded once.
    pub uri: String,
    /// As both logs show it: encoded once more.
    pub encoded: String,
    pub mime: &'static str,
    pub size: u64,
}

impl Path {
    /// Up to the first slash.
    pub fn folder(&self) -> &str {
        self.uri.split('/').next().unwrap_or_default()
    }
}

/// A user agent as S3 and as `CloudFront` write it.
#[derive(Clone)]
pub struct Agent {
    pub raw: String,
    pub encoded: String,
}

/// An address that keeps its browser.
pub struct Client {
    pub address: String,
    pub agent: Agent,
}

/// Everything rows are drawn from; about 10 MB.
pub struct Pools {
    pub paths: Zipf<Path>,
    pub clients: Zipf<Client>,
    pub tools: Zipf<Agent>,
    pub referers: Zipf<String>,
    pub requesters: Zipf<String>,
    pub edges: Zipf<String>,
    /// Each with its question mark.
    pub queries: Vec<String>,
}

impl Pools {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 0);
        let browsers = Zipf::new(browsers(&mut random));
        Self {
            paths: Zipf::new((0..5_000).map(|rank| path(rank, &mut random)).collect()),
            clients: Zipf::new(
                (0..20_000)
                    .map(|_| client(&browsers, &mut random))
                    .collect(),
            ),
            tools: Zipf::new(tools()),
            referers: Zipf::new(referers(&mut random)),
            requesters: Zipf::new(requesters(&mut random)),
            edges: Zipf::new(edges(&mut random)),
            queries: queries(&mut random),
        }
    }
}

const FOLDERS: [&str; 12] = [
    "assets",
    "blog",
    "css",
    "data",
    "docs",
    "downloads",
    "fonts",
    "img",
    "js",
    "media",
    "news",
    "products",
];
const WORDS: [&str; 24] = [
    "annual", "banner", "basket", "catalog", "checkout", "coast", "detail", "gallery", "garden",
    "handbook", "header", "index", "journey", "market", "mountain", "overview", "portrait",
    "pricing", "release", "report", "spring", "summary", "thumb", "winter",
];
const KINDS: [(&str, &str); 10] = [
    ("html", "text/html;charset=UTF-8"),
    ("js", "application/javascript"),
    ("css", "text/css"),
    ("webp", "image/webp"),
    ("jpg", "image/jpeg"),
    ("svg", "image/svg+xml"),
    ("json", "application/json"),
    ("pdf", "application/pdf"),
    ("woff2", "font/woff2"),
    ("mp4", "video/mp4"),
];

/// The rank in the name keeps paths apart; one in forty has a space.
fn path(rank: u64, random: &mut Random) -> Path {
    let &(extension, mime) = random.pick(&KINDS);
    let (folder, one, two) = (
        random.pick(&FOLDERS),
        random.pick(&WORDS),
        random.pick(&WORDS),
    );
    let glue = if random.below(40) == 0 { "%20" } else { "-" };
    let year = 2020 + random.below(7);
    let uri = match random.below(3) {
        0 => format!("{folder}/{one}{glue}{two}.{rank:x}.{extension}"),
        1 => format!("{folder}/{year}/{one}/{two}{glue}{rank}.{extension}"),
        _ => {
            let hash = random.bits() >> 24;
            format!("{folder}/{one}/{two}{glue}{rank}.{hash:010x}.{extension}")
        }
    };
    Path {
        encoded: uri.replace('%', "%25"),
        uri,
        mime,
        size: random.magnitude(9, 22),
    }
}

fn agent(raw: String) -> Agent {
    Agent {
        encoded: raw.replace(' ', "%20"),
        raw,
    }
}

/// Some 240 browsers and crawlers.
fn browsers(random: &mut Random) -> Vec<Agent> {
    const SYSTEMS: [&str; 8] = [
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "Linux; Android 10; K",
        "Linux; Android 14; SM-S918B",
        "Linux; Android 13; Pixel 7",
        "X11; CrOS x86_64 14541.0.0",
        "iPhone; CPU iPhone OS 18_3 like Mac OS X",
    ];
    const CRAWLERS: [&str; 4] = ["Spider", "Preview", "Archive", "Monitor"];
    let mut agents = Vec::new();
    for version in 0..10 {
        for system in SYSTEMS {
            let (chrome, webkit) = (134 - version, 605 - version);
            agents.push(format!("Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{chrome}.0.0.0 Safari/537.36"));
            agents.push(format!(
                "Mozilla/5.0 ({system}; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
                136 - version
            ));
            agents.push(format!("Mozilla/5.0 ({system}) AppleWebKit/{webkit}.1.15 (KHTML, like Gecko) Version/18.{version} Mobile/15E148 Safari/604.1"));
        }
    }
    for name in CRAWLERS {
        let (major, minor) = (1 + random.below(4), random.below(10));
        agents.push(format!("Mozilla/5.0 (compatible; Example{name}/{major}.{minor}; +https://bot.example.org/{name})"));
    }
    agents.into_iter().map(agent).collect()
}

/// Sixty command lines and SDKs.
fn tools() -> Vec<Agent> {
    let mut agents = Vec::new();
    for patch in 0..20 {
        agents.push(format!("aws-cli/2.24.{patch} md/awscrt#0.23.8 ua/2.1 os/linux#6.1.128 md/arch#x86_64 lang/python#3.12.9 md/command#s3.cp"));
        agents.push(format!("Boto3/1.37.{patch} md/Botocore#1.37.{patch} ua/2.1 os/linux#5.10.233 md/arch#x86_64 lang/python#3.11.11 Botocore/1.37.{patch}"));
        agents.push(format!("aws-sdk-java/2.30.{patch} ua/2.1 os/Linux#6.1.128 lang/java#21.0.6 md/OpenJDK_64-Bit_Server_VM"));
    }
    agents.into_iter().map(agent).collect()
}

/// Addresses of the ranges kept free for benchmarks and documentation; one in eight is IPv6.
fn client(browsers: &Zipf<Agent>, random: &mut Random) -> Client {
    let bits = random.bits();
    let address = if random.below(8) == 0 {
        let (net, host) = (bits >> 8 & 0xFFFF, bits >> 32 & 0xFFFF);
        format!("2001:db8:{net:x}::{host:x}")
    } else {
        let (second, third, fourth) = (bits >> 8 & 1, bits >> 16 & 255, bits >> 24 & 255);
        format!("198.{}.{third}.{fourth}", 18 + second)
    };
    Client {
        address,
        agent: browsers.pick(random).clone(),
    }
}

/// More than a quarter of the requests come without a referer, as the first of the list are drawn most.
fn referers(random: &mut Random) -> Vec<String> {
    let mut referers = vec![
        "-".to_owned(),
        "-".to_owned(),
        "https://www.example.com/".to_owned(),
        "-".to_owned(),
    ];
    for number in 0..400 {
        let (folder, word) = (random.pick(&FOLDERS), random.pick(&WORDS));
        referers.push(format!("https://www.example.com/{folder}/{word}-{number}/"));
    }
    referers
}

fn requesters(random: &mut Random) -> Vec<String> {
    (0..40)
        .map(|number| match number % 2 {
            0 => format!("arn:aws:iam::123456789012:user/service-{number}"),
            _ => format!(
                "arn:aws:sts::123456789012:assumed-role/{}-deploy/run-{number}",
                random.pick(&WORDS)
            ),
        })
        .collect()
}

fn edges(random: &mut Random) -> Vec<String> {
    const CITIES: [&str; 20] = [
        "FRA", "DUB", "LHR", "IAD", "CDG", "AMS", "NRT", "SIN", "DFW", "SEA", "MXP", "ARN", "SYD",
        "GRU", "BOM", "ORD", "MAD", "HKG", "ICN", "JNB",
    ];
    (0..60)
        .map(|number| {
            let city = random.pick(&CITIES);
            format!("{city}{}-P{}", 50 + number, 1 + random.below(8))
        })
        .collect()
}

fn queries(random: &mut Random) -> Vec<String> {
    (0..120)
        .map(|number| match number % 3 {
            0 => format!("?v={:08x}", random.bits() >> 32),
            1 => format!("?utm_source={}&utm_medium=mail", random.pick(&WORDS)),
            _ => format!("?page={}&sort={}", random.below(40), random.pick(&WORDS)),
        })
        .collect()
}
