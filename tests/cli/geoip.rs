//! `--geoip`: countries and networks of addresses, from files that the user brings.

use std::path::Path;

use serde_json::{Value, json};

use super::logs::Logs;
use crate::support::env::Env;
use crate::support::mmdb::{self, Value as Record};

/// The database of the fixtures: what `GeoLite2` and DB-IP tell, in one file.
const FIXTURE: &str = "fixtures/addresses.mmdb";

fn country(code: &'static str, name: &'static str) -> (&'static str, Record) {
    let names = Record::Map(vec![("en", Record::Text(name))]);
    let country = vec![("iso_code", Record::Text(code)), ("names", names)];
    ("country", Record::Map(country))
}

fn network(number: u32, name: &'static str) -> [(&'static str, Record); 2] {
    [
        ("autonomous_system_number", Record::Number(number)),
        ("autonomous_system_organization", Record::Text(name)),
    ]
}

fn fixture() -> Vec<u8> {
    let record = |code, name, number, organisation| {
        let mut fields = vec![country(code, name)];
        fields.extend(network(number, organisation));
        Record::Map(fields)
    };
    mmdb::database(&[
        (
            "192.0.2.0/24",
            record("DE", "Germany", 64_496, "Example Networks"),
        ),
        (
            "198.51.100.0/25",
            record("JP", "Japan", 64_497, "Example Hosting"),
        ),
        (
            "203.0.113.0/24",
            record("US", "United States", 64_498, "Example Cloud"),
        ),
        (
            "2001:db8::/32",
            record("FR", "France", 64_499, "Example Télécom"),
        ),
    ])
}

fn synced() -> (Env, String) {
    let env = Env::new();
    Logs::new(6).write(&env.path("logs"));
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    let set = env.arg("set");
    (env, set)
}

/// `cargo test -- --ignored the_fixture_is_written` after a change of it.
#[test]
#[ignore = "it writes"]
fn the_fixture_is_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    std::fs::write(path, fixture()).expect("a file");
}

#[test]
fn the_fixture_is_what_it_is_described_as() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    assert_eq!(std::fs::read(path).expect("a file"), fixture());
}

#[test]
fn addresses_have_countries_and_networks() {
    let (env, set) = synced();
    let path = env.arg("addresses.mmdb");
    std::fs::write(&path, fixture()).expect("a file");
    let asked = |address: &str| -> Value {
        let sql = format!(
            "SELECT country('{address}') AS c, country_name('{address}') AS n, asn('{address}') AS a, \
             network_name('{address}') AS o"
        );
        let ended = env.run(["query", "--json", "--geoip", &path, &set, &sql]);
        ended.code(0).events().swap_remove(0)
    };
    let germany = json!({"c": "DE", "n": "Germany", "a": 64_496, "o": "Example Networks"});
    assert_eq!(asked("192.0.2.255"), germany);
    assert_eq!(asked("::ffff:192.0.2.0"), germany);
    assert_eq!(asked("2001:db8:ffff::1")["o"], "Example Télécom");
    for unknown in ["198.51.100.128", "2001:db9::1", "-", "192.0.2"] {
        assert_eq!(asked(unknown), json!({}), "{unknown}");
    }
}

#[test]
fn one_file_of_each_kind() {
    let (env, set) = synced();
    let (places, networks) = (env.arg("country.mmdb"), env.arg("asn.mmdb"));
    // Without a name of the country, as in files of codes alone.
    let code = Record::Map(vec![("iso_code", Record::Text("NL"))]);
    let record = Record::Map(vec![("registered_country", code)]);
    std::fs::write(
        &places,
        mmdb::database(&[
            ("0.0.0.0/1", record),
            ("128.0.0.0/1", Record::Map(vec![country("ZZ", "Nowhere")])),
        ]),
    )
    .expect("a file");
    let asn = Record::Map(network(64_500, "All of it").into());
    std::fs::write(&networks, mmdb::database(&[("::/1", asn)])).expect("a file");
    let both = [
        "report", "--json", &set, "--geoip", &places, "--geoip", &networks,
    ];
    let events = env.run(both).code(0).events_of("section");
    let ids: Vec<&Value> = events.iter().map(|event| &event["id"]).collect();
    assert_eq!(&ids[2..6], ["hours", "countries", "networks", "buckets"]);
    let row =
        json!({"country": "ZZ", "name": "Nowhere", "requests": 18, "bytes": 171, "addresses": 1});
    assert_eq!(events[3]["rows"], json!([row]));
    let row = json!({"network": "AS64500", "name": "All of it", "requests": 18, "bytes": 171, "addresses": 1});
    assert_eq!(events[4]["rows"], json!([row]));
    let named = "SELECT country_name('10.0.0.1') AS n";
    let ended = env
        .run(["query", "--json", "--geoip", &places, &set, named])
        .code(0);
    assert_eq!(ended.events()[0]["n"], "Netherlands");
    let one = env
        .run(["report", "--json", &set, "--geoip", &networks])
        .code(0);
    let ids: Vec<Value> = one
        .events_of("section")
        .iter()
        .map(|event| event["id"].clone())
        .collect();
    assert!(ids.contains(&json!("networks")) && !ids.contains(&json!("countries")));
}

#[test]
fn what_is_missing_is_said() {
    let (env, set) = synced();
    let networks = env.arg("asn.mmdb");
    let asn = Record::Map(network(64_500, "All of it").into());
    std::fs::write(&networks, mmdb::database(&[("::/1", asn)])).expect("a file");
    let country = "SELECT country(remote_ip) FROM s3_access";
    env.run(["query", &set, country])
        .code(2)
        .stderr_contains("country needs a database of countries: name one with --geoip FILE.mmdb");
    env.run(["query", "--geoip", &networks, &set, country])
        .code(2)
        .stderr_contains("country needs a database of countries");
    std::fs::write(env.path("text.mmdb"), "192.0.2.0/24,DE\n").expect("a file");
    let empty = mmdb::database(&[("::/1", Record::Map(vec![]))]);
    std::fs::write(env.path("empty.mmdb"), empty).expect("a file");
    for (bad, why) in [
        ("none.mmdb", "No such file"),
        ("logs", "Is a directory"),
        ("text.mmdb", "metadata"),
        ("empty.mmdb", "it tells of neither countries nor networks"),
    ] {
        env.run(["report", &set, "--geoip", &env.arg(bad)])
            .code(1)
            .stderr_contains(&format!("{bad}: "))
            .stderr_contains(why)
            .stderr_contains("hint: --geoip takes a MaxMind DB file");
    }
}
