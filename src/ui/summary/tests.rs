use super::*;
use crate::jobs::merge::{MergeCounts, MergedFile};
use crate::outcome::ObjectCounts;

const DAYS: [&str; 2] = ["2024-02-28", "2024-02-29"];

fn report() -> Report {
    let mut report = Report::default();
    report.outcome.objects = ObjectCounts {
        listed: 5012,
        new: 5007,
        committed: 5000,
        partial: 0,
        skipped: 4,
        unwanted: 0,
        failed: 3,
        remembered: 2,
        ignored: 0,
        changed: 1,
    };
    let counts = TableCounts {
        objects: 4990,
        lines: 500_000,
        rows: 499_980,
        rejects: 20,
        bytes_in: 297 << 20,
        bytes_out: 11 << 20,
        days: DAYS.map(|day| day.parse().expect("a day")).into(),
        files: 2,
        unconverted: [("bytes_sent", 1234), ("turn_around_time", 5)].into(),
        invalid_text: 7,
        ..TableCounts::default()
    };
    report.outcome.add_table("s3_access", &counts);
    let few = TableCounts {
        objects: 10,
        lines: 12,
        rows: 10,
        comments: 2,
        ..TableCounts::default()
    };
    report.outcome.add_table("cloudfront", &few);
    report
}

fn told(place: Option<&str>) -> Told<'_> {
    Told {
        place,
        local: true,
        ledger: true,
        elapsed: Duration::from_millis(2500),
    }
}

#[test]
fn a_run_that_did_something() {
    insta::assert_snapshot!(report_text(&report(), &told(Some("lake/"))));
}

#[test]
fn rows_on_standard_output() {
    insta::assert_snapshot!(report_text(&report(), &told(None)));
}

#[test]
fn no_command_is_offered_that_would_not_work() {
    let text = report_text(&report(), &told(Some("it's")));
    assert!(!text.contains("duckdb"));
    let remote = Told {
        local: false,
        ..told(Some("s3://lake/logs"))
    };
    let text = report_text(&report(), &remote);
    assert!(!text.contains("duckdb") && text.contains("s3logs status s3://lake/logs"));
}

#[test]
fn a_second_run() {
    let mut second = Report::default();
    second.outcome.objects.listed = 5000;
    assert_eq!(
        report_text(&second, &told(Some("lake"))),
        "nothing new: 5,000 objects, all done before\n"
    );
    second.outcome.objects.remembered = 2;
    second.outcome.objects.ignored = 3;
    second.outcome.objects.changed = 1;
    assert_eq!(
        report_text(&second, &told(Some("lake"))),
        "nothing new: 5,000 objects, 4,995 done before, 2 failed before, 3 not logs\n\
         `s3logs status lake` shows them, `--retry-failed` tries them again\n\
         1 object replaced in the source after being read, and not read again (-v names them)\n"
    );
}

#[test]
fn keys_that_were_not_listed_are_named() {
    let mut second = Report::default();
    second.outcome.objects.listed = 50;
    let day = |text: &str| text.parse::<Day>().expect("a day");
    second.not_listed = [("in/E1.".to_owned(), day("2026-03-06"))].into();
    assert_eq!(
        report_text(&second, &told(Some("lake"))),
        "nothing new: 50 objects, all done before\n\
         keys beyond the lookback were not listed: in/E1.* before 2026-03-06; --full lists all\n"
    );
    let more = (2..6).map(|number| (format!("in/E{number}."), day("2026-03-07")));
    second.not_listed.extend(more);
    let text = report_text(&second, &told(Some("lake")));
    assert!(
        text.contains("in/E3.* before 2026-03-07, and 2 more; --full lists all\n"),
        "{text}"
    );
}

#[test]
fn a_run_in_which_all_failed() {
    let mut failed = Report::default();
    failed.outcome.objects.listed = 2;
    failed.outcome.objects.new = 2;
    failed.outcome.objects.failed = 2;
    assert_eq!(
        report_text(&failed, &told(Some("lake"))),
        "no rows: 2 objects listed, 2 new, 2 failed\n"
    );
}

#[test]
fn why_there_is_nothing() {
    let nearest = Some("s3://logs/s3/".to_owned());
    assert_eq!(
        nothing_text("s3://logs/s4/", &Nothing::Empty { nearest }),
        "no objects under s3://logs/s4/; the nearest prefix that has some is s3://logs/s3/"
    );
    assert_eq!(
        nothing_text("x", &Nothing::Empty { nearest: None }),
        "no objects under x"
    );
    assert!(
        nothing_text("x", &Nothing::Unselected { objects: 1 }).starts_with("1 object under x, but")
    );
}

#[test]
fn transfers() {
    let done = Transferred {
        listed: 12,
        transferred: 10,
        present: 1,
        failed: 1,
        bytes: 2048,
        interrupted: false,
    };
    let text = |dry_run| transfer_text(&done, "downloaded", "raw", dry_run, Duration::from_secs(2));
    assert_eq!(
        text(false),
        "downloaded 10 objects (2.0 KiB) to raw in 2.0 s; 1 there already; 1 failed\n"
    );
    assert_eq!(
        text(true),
        "10 objects (2.0 KiB) would be downloaded to raw; 1 there already; 1 failed\n"
    );
}

#[test]
fn merges() {
    let merged = Merged {
        outputs: vec![MergedFile {
            path: "s3_access/2024-02-29.log.gz".to_owned(),
            objects: 1000,
            lines: 12_345,
            bytes: 4096,
        }],
        objects: MergeCounts {
            listed: 1002,
            merged: 1000,
            partial: 1,
            skipped: 2,
            failed: 0,
        },
        lines: 12_345,
        repeated_headers: 3,
        bytes_in: 8192,
        bytes_out: 4096,
        interrupted: false,
    };
    let text = |dry_run| merge_text(&merged, "merged", dry_run, Duration::from_secs(1));
    insta::assert_snapshot!(format!("{}---\n{}", text(false), text(true)));
}
