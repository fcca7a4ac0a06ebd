//! `query`: what counts is asked, nothing else is read, and nothing is changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::logs::{Logs, key, line};
use crate::support::env::{Ended, Env};
use crate::support::fake_s3::FakeS3;

const SET: &str = "s3://lake/set";

fn synced() -> (FakeS3, Env) {
    let fake = Logs::new(6).served();
    let env = Env::with_s3(&fake);
    drop(env.run(["sync", "s3://logs/in", SET]).code(0));
    (fake, env)
}

/// Rows and the summary behind them.
fn asked(env: &Env, sql: &str) -> (Vec<Value>, Value) {
    let ended = env.run(["query", "--json", SET, sql]).code(0);
    let mut rows = ended.events();
    let summary = rows.pop().expect("a summary");
    assert_eq!(summary["rows"], rows.len());
    (rows, summary)
}

/// The days of which files were read.
fn days_read(fake: &FakeS3) -> BTreeSet<String> {
    let requests = fake.requests().into_iter();
    let read = requests.filter(|request| request.operation == "GetObject");
    let day = |key: String| Some(key.split_once("/dt=")?.1.get(..10)?.to_owned());
    read.filter_map(|request| day(request.key)).collect()
}

#[test]
fn rows_of_files_that_commits_name() {
    let (fake, env) = synced();
    let numbers = "SELECT bytes_sent AS n FROM s3_access ORDER BY n";
    let expected: Vec<Value> = (1..=18).map(|n| json!({"n": n})).collect();
    assert_eq!(asked(&env, numbers).0, expected);

    // A file that a run left behind, or that somebody copied, does not count.
    let files = fake.keys("lake", "set/s3_access/");
    let copy = fake.get("lake", &files[0]).expect("a file");
    fake.put("lake", &files[0].replace("-00-", "-01-"), copy);
    assert_eq!(asked(&env, numbers).0, expected);
    let writes = |fake: &FakeS3| {
        let requests = fake.requests().into_iter();
        requests.filter(|request| request.method != "GET").count()
    };
    fake.clear_log();
    asked(&env, numbers);
    assert_eq!(writes(&fake), 0, "it only reads");
}

#[test]
fn days_and_columns_that_are_not_asked_for_are_not_read() {
    let (fake, env) = synced();
    let days = |condition: &str| {
        fake.clear_log();
        let sql = format!("SELECT key FROM s3_access WHERE {condition}");
        let (rows, summary) = asked(&env, &sql);
        let read = days_read(&fake);
        (
            rows.len(),
            read,
            summary["bytes_read"].as_u64().expect("a number"),
        )
    };
    let (rows, read, all) = days("true");
    assert_eq!((rows, read.len()), (18, 4));
    for condition in [
        "dt = '2026-03-02'",
        "ts >= '2026-03-02T00:00:00Z' AND ts < '2026-03-02T23:59:59Z'",
        "ts BETWEEN '2026-03-02 11:00:00' AND '2026-03-02 13:00:00'",
        "date_trunc('hour', ts) = '2026-03-02T12:00:00Z' AND dt = '2026-03-02'",
    ] {
        let (rows, read, bytes) = days(condition);
        let only: BTreeSet<String> = ["2026-03-02".to_owned()].into();
        assert_eq!((rows, read), (6, only), "{condition}");
        assert!(bytes < all / 3, "{condition}: {bytes} of {all}");
    }
    assert_eq!(days("ts < '2026-03-01T00:00:00Z'").1.len(), 1);

    // In small files the footer is the most of it.
    let lines: String = (0..5000).map(|number| line(9, number)).collect();
    fake.put("logs", &format!("large/{}", key(9, 1)), lines);
    drop(
        env.run(["sync", "s3://logs/large", "s3://lake/large"])
            .code(0),
    );
    let bytes = |columns: &str| {
        let sql = format!("SELECT {columns} FROM s3_access");
        let ended = env
            .run(["query", "--json", "s3://lake/large", &sql])
            .code(0);
        ended.events_of("summary")[0]["bytes_read"]
            .as_u64()
            .expect("a number")
    };
    // To count, the footer is enough.
    let footer = bytes("count(*)");
    let (narrow, whole) = (bytes("max(bytes_sent)") - footer, bytes("*") - footer);
    assert!(narrow * 3 < whole, "{narrow} {whole}");
}

#[test]
fn forms_of_rows() {
    let (_fake, env) = synced();
    let sql = "SELECT dt, count(*) AS rows, NULL AS nothing, 'a,b' AS text FROM s3_access GROUP BY dt ORDER BY dt LIMIT 2";
    let form = |form: &str| {
        let ended = env.run(["query", SET, sql, "--output", form]).code(0);
        ended.stderr_is_empty();
        ended.stdout().to_owned()
    };
    let plain: Ended = env.run(["query", SET, sql]).code(0);
    assert_eq!(plain.stdout(), form("csv"));
    assert_eq!(
        form("csv"),
        "dt,rows,nothing,text\n2026-03-01,2,,\"a,b\"\n2026-03-02,6,,\"a,b\"\n"
    );
    assert_eq!(
        form("tsv"),
        "dt\trows\tnothing\ttext\n2026-03-01\t2\t\ta,b\n2026-03-02\t6\t\ta,b\n"
    );
    assert_eq!(
        form("table"),
        "dt          rows  nothing  text\n2026-03-01     2           a,b\n2026-03-02     6           a,b\n"
    );
    assert_eq!(
        form("ndjson"),
        "{\"dt\":\"2026-03-01\",\"rows\":2,\"text\":\"a,b\"}\n{\"dt\":\"2026-03-02\",\"rows\":6,\"text\":\"a,b\"}\n"
    );
    let none = env.run(["query", SET, "SELECT key FROM s3_access WHERE false"]);
    assert_eq!(none.code(0).stdout(), "key\n");
}

#[test]
fn rows_into_a_file() {
    let (_fake, env) = synced();
    let to = env.arg("rows.parquet");
    let sql = "SELECT ts, key, bytes_sent FROM s3_access ORDER BY ts, key";
    let export = ["query", SET, sql, "--output", "parquet", "--to", &to];
    env.run(export).code(0).stderr_is_empty();
    let file = std::fs::File::open(&to).expect("a file");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024);
    let rows: usize = reader
        .expect("a Parquet file")
        .map(|batch| batch.expect("rows").num_rows())
        .sum();
    assert_eq!(rows, 18);

    // One that fails leaves what was there.
    let bad = "SELECT CAST(key AS BIGINT) FROM s3_access";
    drop(
        env.run(["query", SET, bad, "--output", "parquet", "--to", &to])
            .code(1),
    );
    assert!(std::fs::metadata(&to).is_ok_and(|meta| meta.len() > 0));
    let left = std::fs::read_dir(env.path("")).expect("a folder").flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".tmp"));
    assert_eq!(left.count(), 0);
}

#[test]
fn statements_from_anywhere() {
    let (_fake, env) = synced();
    let sql = "-- what there is\nCREATE VIEW early AS SELECT * FROM s3_access WHERE dt < '2026-03-02';\n\
               SELECT count(*) AS n FROM early; SELECT max(bytes_sent) AS n FROM early;";
    std::fs::write(env.path("q.sql"), sql).expect("a file");
    let file = env.run(["query", SET, "--file", &env.arg("q.sql"), "--output", "csv"]);
    assert_eq!(file.code(0).stdout(), "n\n2\nn\n12\n");
    let piped = env.run_with_input(["query", SET], sql.as_bytes());
    assert_eq!(piped.code(0).stdout(), "n\n2\nn\n12\n");
    let functions = "SELECT url_decode('a%20b'), edge_city('FRA56-P4'), edge_country('GRU3'), is_bot('curl/8'), \
                     crawler('x gptbot/1'), crawler_purpose('GPTBot'), agent_family('curl/8'), \
                     ip_prefix('192.0.2.9'), ip_prefix('2001:db8::1', 32), is_bot(NULL)";
    let values = env.run(["query", SET, functions]).code(0);
    let values = values.stdout().lines().last().map(str::to_owned);
    assert_eq!(
        values.as_deref(),
        Some("a b,Frankfurt,Brazil,true,GPTBot,ai,curl,192.0.2.0/24,2001:db8::/32,")
    );
}

#[test]
fn totals_do_not_wrap() {
    let (_fake, env) = synced();
    let rows = "(VALUES (1, 9223372036854775807), (1, 9223372036854775807), (2, NULL)) AS rows(part, number)";
    let sql = format!(
        "SELECT part, total(number) AS n, total(part) AS parts FROM {rows} GROUP BY 1 ORDER BY 1; \
         SELECT total(number) AS n, text_key('a') = text_key('a') AS same FROM {rows}"
    );
    let totals = env.run(["query", SET, &sql, "--output", "csv"]).code(0);
    assert_eq!(
        totals.stdout(),
        "part,n,parts\n1,18446744073709551614,2\n2,,2\nn,same\n18446744073709551614,true\n"
    );
    let distinct = format!("SELECT total(DISTINCT number), total(number) FROM {rows}");
    let refused = env.run(["query", SET, &distinct]).code(2);
    refused.stderr_contains("total knows no DISTINCT");
}

#[test]
fn what_makes_no_sense() {
    let (fake, env) = synced();
    let refused = |sql: &str, code: i32, words: &[&str]| {
        let ended = env.run(["query", SET, sql]).code(code);
        for word in words {
            ended.stderr_contains(word);
        }
        assert_eq!(ended.stdout(), "");
    };
    refused("SELEC 1", 2, &["SELEC", "hint:"]);
    refused(
        "SELECT 1 FROM nowhere",
        2,
        &["there is no table nowhere; the dataset has s3_access"],
    );
    refused("SELECT nothing FROM s3_access", 2, &["nothing", "DESCRIBE"]);
    refused("", 2, &["there is no SQL to run"]);
    for change in [
        "INSERT INTO s3_access (key) VALUES ('x')",
        "DELETE FROM s3_access",
        "COPY s3_access TO 'out.parquet'",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE TABLE x AS SELECT 1",
        "DROP TABLE s3_access",
        "SET datafusion.runtime.memory_limit = '100G'",
    ] {
        refused(change, 2, &["only read"]);
    }
    assert!(std::fs::metadata(env.path("out.parquet")).is_err());
    let two = [
        "query",
        SET,
        "SELECT 1; SELECT 2",
        "--output",
        "csv",
        "--to",
        &env.arg("x"),
    ];
    env.run(two).code(2).stderr_contains("one statement");
    let to = ["query", SET, "SELECT 1", "--output", "parquet"];
    env.run(to).code(2).stderr_contains("--to FILE");
    let nowhere = env.run(["query", "s3://lake/other", "SELECT 1"]);
    nowhere
        .code(1)
        .stderr_contains("s3logs sync SRC s3://lake/other");

    let files = fake.keys("lake", "set/s3_access/");
    let sum = "SELECT sum(bytes_sent) FROM s3_access";
    let whole = fake.get("lake", &files[0]).expect("a file");
    fake.put("lake", &files[0], &whole[..whole.len() / 2]);
    refused(sum, 1, &["s3_access/dt=", "s3logs verify"]);
    fake.remove("lake", &files[0]);
    refused(sum, 1, &["s3_access/dt=", "s3logs verify"]);
}

#[test]
fn what_is_nested_deeply() {
    let (_fake, env) = synced();
    let sums = "1+".repeat(800) + "1 AS n";
    std::fs::write(env.path("deep.sql"), format!("SELECT {sums}")).expect("a file");
    let deep = env.run(["query", SET, "--file", &env.arg("deep.sql")]);
    assert_eq!(deep.code(0).stdout(), "n\n801\n");
    let parentheses = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    env.run(["query", SET, &parentheses]).code(2);
}

/// One Ctrl-C ends it, though it computes where it cannot be asked: while it reads nothing (a product of tables),
/// and within a single value that is found out while the query is planned.
#[cfg(unix)]
#[test]
fn what_computes_for_hours_is_interrupted() {
    let (_fake, env) = synced();
    let rows = "SELECT value FROM generate_series(1, 100000)";
    let series = "generate_series(1, 1000000)";
    let product = format!(
        "SELECT sum(a.value * b.value * c.value % 7) FROM {series} a, {series} b, {series} c"
    );
    let value = "SELECT levenshtein(repeat('a', 2000000), repeat('b', 2000000)) AS n".to_owned();
    for endless in [product, value] {
        let mut run = env.start(["query", SET, &format!("{rows}; {endless}")]);
        run.wait_for_stdout("\n90000\n");
        run.interrupt();
        run.wait().code(130).stderr_contains("stopping");
    }
}

#[cfg(unix)]
#[test]
fn links_stay_links() {
    let (_fake, env) = synced();
    std::fs::write(env.path("rows.csv"), "old").expect("a file");
    std::os::unix::fs::symlink("rows.csv", env.path("link.csv")).expect("a link");
    env.run(["query", SET, "SELECT 1 AS n", "--to", &env.arg("link.csv")])
        .code(0);
    let text = std::fs::read_to_string(env.path("rows.csv"));
    assert_eq!(text.expect("a file"), "n\n1\n");
    let to = env.run(["query", SET, "SELECT 1 AS n", "--to", "/dev/null"]);
    to.code(0).stderr_is_empty();
    assert!(std::fs::metadata("/dev/null").is_ok_and(|meta| !meta.is_file()));
}
