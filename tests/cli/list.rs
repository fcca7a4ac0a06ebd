//! `list`: what there is, by the names of the objects.

use serde_json::json;

use super::logs::{Logs, key, line};
use crate::support::env::Env;
use crate::support::fake_s3::Order;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/logs");

#[test]
fn days_and_formats() {
    let env = Env::new();
    let ended = env.run(["list", FIXTURES]).code(0);
    ended.stderr_is_empty();
    insta::assert_snapshot!(ended.stdout());
    let month = ["list", FIXTURES, "--month", "2018-06"];
    let month = env.run(month).code(0);
    assert_eq!(month.stdout().lines().count(), 3, "{}", month.stdout());
    month.stdout_contains("2018-06-14  cloudfront        1");
}

/// Pages, orders and servers make no difference.
#[test]
fn a_bucket_is_listed_page_by_page() {
    let logs = Logs::new(30);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let list = ["list", "s3://logs/in/"];
    let expected = env.run(list).code(0);
    expected.stdout_contains("2026-03-02  s3-access       10");
    expected.stdout_contains("total                       30");
    fake.page_size(7);
    fake.clear_log();
    assert_eq!(env.run(list).code(0).stdout(), expected.stdout());
    assert_eq!(fake.count("ListObjectsV2", ""), 5);
    fake.list_order(Order::Path);
    assert_eq!(env.run(list).code(0).stdout(), expected.stdout());
    assert_eq!(fake.count("GetObject", ""), 0, "nothing is read");
    logs.write(&env.path("in"));
    let here = env.run(["list", "in"]).code(0);
    assert_eq!(here.stdout(), expected.stdout());
}

#[test]
fn one_line_for_each_object() {
    let fake = Logs::new(6).served();
    for odd in ["two\nlines", "\u{1b}[31mred", "a+b c%2Fd", "caf\u{e9}\r"] {
        fake.put("logs", &format!("in/{odd}"), "x");
    }
    fake.put("logs", "in/folder/", "");
    let env = Env::with_s3(&fake);
    let ended = env.run(["list", "--long", "s3://logs/in/"]).code(0);
    insta::assert_snapshot!(ended.stdout());
    let ended = env
        .run(["list", "--long", "--json", "s3://logs/in/"])
        .code(0);
    let mut lines = ended.events();
    let summary = lines.pop().expect("a summary");
    assert_eq!(
        (&summary["verb"], &summary["objects"]),
        (&json!("list"), &json!(10))
    );
    let keys: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["key"].as_str())
        .collect();
    assert_eq!(
        keys,
        fake.keys("logs", "in/")
            .iter()
            .filter(|key| !key.ends_with('/'))
            .collect::<Vec<_>>()
    );
    for line in &lines {
        let key = line["key"].as_str().expect("a key");
        assert_eq!(line["etag"].as_str(), fake.etag("logs", key).as_deref());
        assert_eq!(
            line["size"],
            fake.get("logs", key).expect("an object").len()
        );
    }
}

#[test]
fn selections() {
    let fake = Logs::new(6).served();
    fake.put("logs", "in/other/app.log", line(5, 1));
    let env = Env::with_s3(&fake);
    let keys = |more: &[&str]| {
        let list = ["list", "--long", "--json", "s3://logs/in"];
        let ended = env.run(list.iter().chain(more)).code(0);
        let lines = ended.events().into_iter();
        let keys = lines
            .filter_map(|line| Some(line["key"].as_str()?.trim_start_matches("in/").to_owned()));
        keys.collect::<Vec<String>>()
    };
    let of = |day| [key(day, u64::from(day) - 2), key(day, u64::from(day) + 1)];
    assert_eq!(
        keys(&["--since", "2026-03-03", "--until", "2026-03-03"]),
        of(3)
    );
    assert_eq!(keys(&["--since", "2026-03-04"]), of(4));
    assert_eq!(
        keys(&[
            "--since",
            "2026-03-02T13:00:00Z",
            "--until",
            "2026-03-02T13:00:01Z"
        ]),
        of(2)
    );
    assert_eq!(keys(&["--include", "other/*"]), ["other/app.log"]);
    assert_eq!(keys(&["--exclude", "2026*"]), ["other/app.log"]);
    assert_eq!(
        keys(&["--include", "*0004", "--include", "*0005"]),
        [key(3, 4), key(4, 5)]
    );
    assert_eq!(
        keys(&["--include", "*000?", "--exclude", "*-03-0[23]-*"]),
        of(4)
    );
}
