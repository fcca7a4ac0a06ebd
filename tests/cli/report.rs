//! `report`: numbers that the rows have, as text for people, lines for machines and a page.

use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use s3logs::query::{Engine, Limits};
use s3logs::store::LocalStore;
use serde_json::{Value, json};

use super::logs::{Logs, key, line};
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
    csv.stdout_contains("table,from,to,section,row,column,value\n");
    csv.stdout_contains("s3_access,2026-03-01,2026-03-04,totals,1,bytes,171\n");
    let since = ["report", &set, "--csv", "--since", "2026-03-03"];
    let csv = env.run(since).code(0);
    csv.stdout_contains("s3_access,2026-03-03,2026-03-04,totals,1,requests,10\n");
    csv.stdout_contains("s3_access,2026-03-01,2026-03-02,before,1,requests,8\n");
    let none = ["report", &set, "--csv", "--month", "2020-01"];
    let none = env.run(none).code(0);
    assert_eq!(none.stdout(), "table,from,to,section,row,column,value\n");
    let page = env.arg("report.html");
    env.run(["report", &set, "--html", &page]).code(0);
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.starts_with("<!DOCTYPE html>") && page.len() < 300_000);
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("<h1>Logs of set</h1>"), "not where it lies");
}

/// Lines of three months with a gap of one, sent by an agent and an address each.
fn three_months(env: &Env) -> String {
    let of = |month: &str, days: std::ops::RangeInclusive<u8>| -> String {
        let line = |day| line(day, u64::from(day)).replace("/Mar/", &format!("/{month}/"));
        days.map(line).collect()
    };
    let text = of("Jan", 1..=31) + &of("Feb", 1..=28) + &of("Apr", 1..=10);
    std::fs::create_dir(env.path("logs")).expect("a folder");
    std::fs::write(env.path("logs").join(key(1, 1)), text).expect("a file");
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    env.arg("set")
}

#[test]
fn a_report_for_each_month_newest_first() {
    let env = Env::new();
    let set = three_months(&env);
    let ended = env.run(["report", "--json", &set, "--by", "month"]).code(0);
    let totals = |kind: &str| -> Vec<Value> {
        let events = ended.events_of(kind).into_iter();
        let totals = events.filter(|event| event["id"] == "totals");
        let told = totals.map(|one| json!([one["from"], one["to"], one["rows"][0]["requests"]]));
        told.collect()
    };
    assert_eq!(
        totals("section"),
        [
            json!(["2026-04-01", "2026-04-10", 10]),
            json!(["2026-02-01", "2026-02-28", 28]),
            json!(["2026-01-01", "2026-01-31", 31]),
        ]
    );
    // April has no March before it, and January nothing.
    assert_eq!(totals("before"), [json!(["2026-01-01", "2026-01-31", 31])]);
    let part = [
        "--by",
        "month",
        "--since",
        "2026-01-30",
        "--until",
        "2026-02-05",
    ];
    let csv = env
        .run(["report", "--csv", &set].iter().chain(&part))
        .code(0);
    csv.stdout_contains("s3_access,2026-02-01,2026-02-05,totals,1,requests,5\n");
    csv.stdout_contains("s3_access,2026-01-30,2026-01-31,totals,1,requests,2\n");
    csv.stdout_contains("s3_access,2026-01-01,2026-01-05,before,1,requests,5\n");
    assert_eq!(csv.stdout().matches("table,from").count(), 1);
    let text = env.run(["report", &set, "--by", "month"]).code(0);
    text.stdout_contains(
        "s3_access, 2026-02-01 to 2026-02-28\ncompared with 2026-01-01 to 2026-01-31\n",
    );
    text.stdout_contains("\n\ns3_access, 2026-01-01 to 2026-01-31\n");
}

#[test]
fn months_share_a_page_that_stays_small() {
    let env = Env::new();
    let set = three_months(&env);
    let page = |args: &[&str]| {
        let path = env.arg("page.html");
        let all = ["report", &set, "--html", &path];
        drop(env.run(all.iter().chain(args)).code(0));
        std::fs::read_to_string(path).expect("a page")
    };
    let all = page(&["--by", "month"]);
    let one = page(&["--month", "2026-01"]);
    assert_eq!(all.matches("<article").count(), 3);
    assert!(one.len() < 300_000 && all.len() < one.len() + 2 * 300_000);
    for month in ["04", "02", "01"] {
        assert!(all.contains(&format!("<li><a href=\"#s3_access-2026-{month}-01\">")));
    }
    assert!(all.contains("Totals are compared with 2026-01-01 to 2026-01-31."));
    assert!(one.contains("<article id=\"s3_access-2026-01-01\""));
    assert!(
        !one.contains("<nav aria-label=\"Reports\">"),
        "there is one"
    );
}

#[test]
fn odd_values_and_periods_are_told_apart() {
    let env = Env::new();
    let lines = [
        line(1, 1).replace(" 200 - 1 1 79", " 200 - 9223372036854775807 1 79"),
        line(1, 2).replace(" 200 - 2 2 79", " 200 - 9223372036854775807 2 79"),
        line(1, 3).replace(" example-assets [", " - ["),
        line(2, 4),
    ];
    std::fs::create_dir(env.path("logs")).expect("a folder");
    std::fs::write(env.path("logs").join(key(1, 1)), lines.concat()).expect("a file");
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    let set = env.arg("set");
    let text = env
        .run(["report", &set, "--since", "2026-03-01T06:00:00Z"])
        .code(0);
    text.stdout_contains("s3_access, 2026-03-01 06:00:00 to 2026-03-02\n");
    text.stdout_contains("bytes                              16.0 EiB");
    text.stdout_contains("\n  (none)                 1");
    let json = env.run(["report", "--json", &set]).code(0);
    let totals = rows(&json.events_of("section"), "totals")[0].clone();
    let bytes = totals["bytes"].as_f64().expect("a number");
    assert!(bytes > 1.8e19, "it has not wrapped: {bytes}");
    let from = env.run(["report", "--json", &set, "--since", "2026-03-01T06:00:00Z"]);
    assert_eq!(from.code(0).events()[0]["from"], "2026-03-01T06:00:00Z");
}

/// A line of a year that nanoseconds do not reach costs itself, whatever the step of time is.
#[test]
fn years_far_away_are_reported_on() {
    let env = Env::new();
    let far = line(1, 3).replace("01/Mar/2026", "31/Dec/9999");
    let lines = [line(1, 1), line(1, 2), far];
    std::fs::create_dir(env.path("logs")).expect("a folder");
    std::fs::write(env.path("logs").join(key(1, 1)), lines.concat()).expect("a file");
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    let set = env.arg("set");
    let all = env.run(["report", "--json", &set]).code(0);
    let time = rows(&all.events_of("section"), "time");
    assert_eq!(
        time,
        json!([
            {"time": "2026-03-01T00:00:00Z", "requests": 2, "bytes": 3},
            {"time": "9999-12-01T00:00:00Z", "requests": 1, "bytes": 3},
        ])
    );
    let day = ["report", "--json", &set, "--since", "9999-12-31"];
    let time = rows(&env.run(day).code(0).events_of("section"), "time");
    assert_eq!(time[0]["time"], "9999-12-31T12:00:00Z");
    env.run(["report", &set, "--month", "2027-01"])
        .code(0)
        .stderr_contains("there are no rows in this period");
}

/// Hours of a series that do not fit are told, and midnight looks like its neighbours.
#[test]
fn what_a_series_leaves_out_is_said() {
    let env = Env::new();
    let hours = (0..40_u64).map(|hour| {
        let (day, hour) = (1 + hour / 24, hour % 24);
        let day = u8::try_from(day).expect("a day");
        line(day, 1).replace(":12:00:00", &format!(":{hour:02}:00:00"))
    });
    std::fs::create_dir(env.path("logs")).expect("a folder");
    let text: String = hours.collect();
    std::fs::write(env.path("logs").join(key(2, 1)), text).expect("a file");
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    let text = env.run(["report", &env.arg("set")]).code(0);
    text.stdout_contains("  and 9 earlier rows, which --json, --csv and --html show\n");
    text.stdout_contains("\n  2026-03-02 00:00 ");
}

/// What is shown does not shorten what is written.
#[test]
fn rules_are_written_however_few_rows_are_shown() {
    let env = Env::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let logs = fixtures.join("logs");
    let set = env.arg("set");
    drop(env.run(["sync", "-q", logs.to_str().expect("a name"), &set]));
    let daily = fixtures.join("inventory/example-assets/daily");
    let (daily, rules) = (daily.to_str().expect("a name"), env.arg("rules.json"));
    let options = ["--top", "1", "--inventory", daily, "--lifecycle", &rules];
    let report = ["report", &set, "--json", "--table", "s3_access"];
    let ended = env.run([&report[..], &options[..]].concat()).code(0);
    let shown = rows(&ended.events_of("section"), "lifecycle");
    assert_eq!(shown.as_array().map(Vec::len), Some(1));
    let written = std::fs::read(&rules).expect("a file");
    let written: Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(written["Rules"].as_array().map(Vec::len), Some(3));
}

/// A dataset is not written over by what is made of it.
#[test]
fn nothing_is_written_into_a_dataset() {
    let (env, set) = synced();
    let commit = format!("{set}/_s3logs/commits/00000000000000000001.json.zst");
    let before = std::fs::read(&commit).expect("a commit");
    for command in [
        ["report", &set, "--html", &commit],
        ["query", &set, "SELECT 1", "--to"],
        [
            "timelapse",
            &set,
            &format!("{set}/_s3logs/film.gif"),
            "--quiet",
        ],
    ] {
        let mut command = command.to_vec();
        if command[0] == "query" {
            command.push(&commit);
        }
        env.run(command)
            .code(2)
            .stderr_contains("lies in a folder of the dataset");
    }
    assert_eq!(std::fs::read(&commit).expect("a commit"), before);
    let beside = format!("{set}/report.html");
    drop(env.run(["report", &set, "--html", &beside]).code(0));
    env.run(["report", &set, "--html", "nowhere/report.html"])
        .code(1)
        .stderr_contains("error: cannot write nowhere/report.html: No such file or directory")
        .stderr_contains("hint: there is no folder nowhere");
}

#[test]
fn a_dataset_without_rows_is_called_so() {
    let env = Env::new();
    std::fs::create_dir(env.path("logs")).expect("a folder");
    std::fs::write(env.path("logs").join(key(1, 1)), "no line of a log\n").expect("a file");
    drop(env.run([
        "sync",
        "--format",
        "s3-access",
        &env.arg("logs"),
        &env.arg("set"),
    ]));
    env.run(["report", &env.arg("set")])
        .code(0)
        .stderr_contains("the dataset has no rows yet");
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
        text.contains(">s3_access, 2026-03-01 to 2026-03-04</h2>"),
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

/// What several sections start from does not have to fit into memory, and is gone with the report.
#[tokio::test]
async fn kept_rows_go_to_a_file_where_there_are_many() {
    let (env, _) = synced();
    let store = LocalStore::open(&env.path("set")).expect("a dataset");
    std::fs::create_dir(env.path("spill")).expect("a folder");
    let limits = Limits {
        memory: 64 << 20,
        spill: env.path("spill"),
    };
    let engine = Engine::open(Arc::new(store), "", &limits).await;
    let engine = engine.expect("a dataset");
    let files = || {
        let spill = std::fs::read_dir(env.path("spill")).expect("a folder");
        let own = spill.map(|entry| entry.expect("a folder").path()).next();
        let files = std::fs::read_dir(own.expect("the engine's folder")).expect("a folder");
        let files = files.map(|entry| entry.expect("an entry").path());
        files
            .filter(|path| path.is_file() && !path.ends_with("lock"))
            .count()
    };
    for (rows, in_files) in [(100_i64, 0), (300_000, 1)] {
        let sql = format!("SELECT value, 'text ' || value AS text FROM generate_series(1, {rows})");
        let kept = engine.keep(&sql).await.expect("rows");
        let sum = format!(
            "SELECT count(*), sum(value), sum(length(text)), max(text) FROM {}",
            kept.name()
        );
        let ask = || async {
            let statement = engine.statements(&sum)?.remove(0);
            let answer = engine.run(statement).await?;
            answer.batches.try_collect::<Vec<_>>().await
        };
        let batches = ask().await.expect("a sum");
        let found: Vec<i64> = (0..3)
            .map(|column| {
                batches[0]
                    .column(column)
                    .as_primitive::<Int64Type>()
                    .value(0)
            })
            .collect();
        let digits: usize = (1..=rows).map(|row| row.to_string().len() + 5).sum();
        let digits = i64::try_from(digits).expect("few");
        assert_eq!(found, [rows, rows * (rows + 1) / 2, digits]);
        assert_eq!(files(), in_files, "{rows} rows");
        drop(kept);
        assert_eq!(files(), 0, "{rows} rows");
        assert!(ask().await.is_err(), "the table is gone");
    }
}
