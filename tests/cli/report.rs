//! `report`: numbers that the rows have, as text for people, lines for machines and a page.

use serde_json::{Value, json};

use super::logs::Logs;
use crate::support::env::Env;

fn synced() -> (Env, String) {
    let env = Env::new();
    Logs::new(6).write(&env.path("logs"));
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    let set = env.arg("set");
    (env, set)
}

/// Rows of a section.
fn rows(events: &[Value], id: &str) -> Value {
    let section = events.iter().find(|event| event["id"] == id);
    section.unwrap_or_else(|| panic!("no section {id}"))["rows"].clone()
}

#[test]
fn sections_say_what_the_rows_say() {
    let (env, set) = synced();
    let ended = env.run(["report", "--json", &set]).code(0);
    let events = ended.events_of("section");
    let totals = rows(&events, "totals")[0].clone();
    // Eighteen lines that sent 1 to 18 bytes.
    assert_eq!(
        totals,
        json!({
            "requests": 18, "bytes": 171, "keys": 18, "addresses": 1,
            "error_share": 0.0, "unauthenticated_share": 1.0,
            "first": "2026-03-01T12:00:00Z", "last": "2026-03-04T12:00:00Z",
        })
    );
    let days = rows(&events, "time");
    let requests: Vec<&Value> = days
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["requests"])
        .collect();
    assert_eq!(requests, [2, 6, 6, 4]);
    assert_eq!(
        rows(&events, "hours")[0],
        json!({"weekday": 0, "hour": 12, "requests": 2})
    );
    assert_eq!(
        rows(&events, "operations"),
        json!([{"operation": "REST.GET.OBJECT", "requests": 18, "bytes": 171}])
    );
    assert_eq!(
        rows(&events, "agents"),
        json!([{"agent": "curl", "requests": 18, "bytes": 171}])
    );
    assert_eq!(rows(&events, "errors"), json!([]));
    assert_eq!(
        rows(&events, "hottest"),
        json!([{"prefix": "example-assets/img/", "requests": 18, "bytes": 171}])
    );
    let summary = &ended.events_of("summary")[0];
    assert_eq!(summary["tables"], 1);
}

#[test]
fn a_period_is_compared_with_the_one_before() {
    let (env, set) = synced();
    let days = [
        "report",
        "--json",
        &set,
        "--since",
        "2026-03-03",
        "--until",
        "2026-03-04",
    ];
    let ended = env.run(days).code(0);
    assert_eq!(
        rows(&ended.events_of("section"), "totals")[0]["requests"],
        10
    );
    let before = ended.events_of("before").remove(0);
    assert_eq!(before["rows"][0]["requests"], 8);
    let part = ["report", "--json", &set, "--since", "2026-03-03T12:00:01Z"];
    let ended = env.run(part).code(0);
    assert_eq!(
        rows(&ended.events_of("section"), "totals")[0]["requests"],
        4
    );
    let none = env.run(["report", &set, "--month", "2020-01"]).code(0);
    none.stderr_contains("there are no rows in this period");
    assert_eq!(none.stdout(), "");
    env.run([
        "report",
        &set,
        "--since",
        "2026-03-04",
        "--until",
        "2026-03-01",
    ])
    .code(2)
    .stderr_contains("--until lies before --since");
    env.run(["report", &set, "--table", "cloudfront"])
        .code(1)
        .stderr_contains("there is no table cloudfront that has a report");
}

#[test]
fn forms_of_a_report() {
    let (env, set) = synced();
    let text = env.run(["report", &set]).code(0);
    insta::assert_snapshot!("report_of_s3_access", text.stdout());
    assert!(text.stdout().lines().all(|line| line.chars().count() <= 80));
    let csv = env.run(["report", &set, "--csv"]).code(0);
    csv.stdout_contains("table,section,row,column,value\n");
    csv.stdout_contains("s3_access,totals,1,bytes,171\n");
    let page = env.arg("report.html");
    env.run(["report", &set, "--html", &page]).code(0);
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.starts_with("<!DOCTYPE html>") && page.len() < 300_000);
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_run_writes_a_page() {
    let env = Env::new();
    Logs::new(3).write(&env.path("logs"));
    let (logs, set, page) = (env.arg("logs"), env.arg("set"), env.arg("page.html"));
    let ended = env
        .run(["sync", "--json", &logs, &set, "--report", &page])
        .code(0);
    assert_eq!(
        ended.events().last().expect("a summary")["event"],
        "summary"
    );
    let text = std::fs::read_to_string(&page).expect("a page");
    assert!(
        text.contains("<h2>s3_access, 2026-03-01 to 2026-03-04</h2>"),
        "{text}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&page)
            .expect("a page")
            .permissions()
            .mode();
        assert_eq!(mode & 0o600, 0o600);
        assert_ne!(mode & 0o044, 0, "not its writer's alone");
    }
    std::fs::create_dir(env.path("none")).expect("a folder");
    let empty = [
        "sync",
        &env.arg("none"),
        &env.arg("other"),
        "--report",
        &env.arg("no.html"),
    ];
    env.run(empty).code(0).stderr_contains("no page is written");
    assert!(!env.path("no.html").exists());
}

#[test]
fn cloudfront_as_people_see_it() {
    let env = Env::new();
    let logs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs");
    let logs = logs.to_str().expect("a name");
    let set = env.arg("set");
    drop(env.run(["sync", "-q", logs, &set]));
    let text = env
        .run(["report", &set, "--table", "cloudfront", "--top", "3"])
        .code(0);
    insta::assert_snapshot!("report_of_cloudfront", text.stdout());
    assert!(text.stdout().lines().all(|line| line.chars().count() <= 80));
}
