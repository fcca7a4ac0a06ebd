//! Runs that are stopped, killed or met by another one: the next run ends with exact rows.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{SYNC, assert_settled};
use crate::cli::logs::{Logs, numbers};
use crate::support::dataset::Dataset;
use crate::support::env::Env;
use crate::support::fake_s3::Fault;

#[test]
fn an_interrupted_run_gives_its_lease_back() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let stuck = format!("in/{}", logs.keys()[7]);
    fake.fault("GetObject", &stuck, 1, Fault::Hang);
    let run = env.start(SYNC.iter().chain(&["--json"]));
    fake.wait_for("GetObject", &stuck, 1);
    assert!(fake.get("lake", "set/_s3logs/lock").is_some());
    run.interrupt();
    let ended = run.wait().code(130);
    ended.stderr_contains("stopping; again to quit at once");
    ended.stderr_contains("interrupted; run the same command again: what is committed stays");
    let summary = ended.events_of("summary").remove(0);
    assert_eq!(
        (&summary["exit"], &summary["interrupted"]),
        (&json!(130), &json!(true))
    );
    assert_eq!(
        fake.object_count("lake"),
        0,
        "neither lock nor anything else"
    );
    env.run(SYNC).code(0).stdout_contains("12 new, 12 done");
    assert_settled(&fake, &logs.numbers());
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    // Puts are not broken off by the first.
    fake.fault("PutObject", "dt=2026-03-02", 1, Fault::Hang);
    let mut run = env.start(SYNC);
    fake.wait_for("PutObject", "dt=2026-03-02", 1);
    run.interrupt();
    // The first must have been taken note of: two signals at the same time are one.
    run.wait_for_stderr("stopping");
    run.interrupt();
    drop(run.wait().code(130));
    assert!(
        fake.get("lake", "set/_s3logs/lock").is_some(),
        "nobody gave it back"
    );
    // Its owner is gone, and on this host: no need to wait for the lease to run out.
    drop(env.run(SYNC).code(0));
    assert_settled(&fake, &logs.numbers());
}

#[test]
fn a_run_killed_anywhere_is_finished_by_the_next() {
    let logs = Logs::new(12);
    let places = [
        ("GetObject", "s3://logs/in/"),
        ("PutObject", "intents/"),
        ("PutObject", "dt=2026-03-02"),
        ("PutObject", "dt=2026-03-04"),
        ("PutObject", "commits/"),
        ("DeleteObjects", ""),
    ];
    for (operation, place) in places {
        for fault in [Fault::Hang, Fault::StoreAndDrop] {
            let fake = logs.served();
            let env = Env::with_s3(&fake);
            let stored = fault == Fault::StoreAndDrop;
            if stored {
                // Done, but the run does not hear of it, and is killed when it asks again.
                fake.fault(operation, place, 1, fault);
                fake.fault(operation, place, 1, Fault::Hang);
            } else {
                fake.fault(operation, place, 1, fault);
            }
            let run = env.start(SYNC);
            fake.wait_for(operation, place, if stored { 2 } else { 1 });
            run.kill().killed();
            fake.clear_faults();
            let next = env.run(SYNC).code(0);
            next.stderr_is_empty();
            assert_settled(&fake, &logs.numbers());
            env.run(SYNC).code(0).stdout_contains("nothing new");
        }
    }
}

#[test]
fn a_killed_run_leaves_no_clutter_on_a_disk() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let stuck = format!("in/{}", logs.keys()[11]);
    fake.fault("GetObject", &stuck, 1, Fault::Hang);
    let run = env.start(["sync", "s3://logs/in", "lake"]);
    fake.wait_for("GetObject", &stuck, 1);
    run.kill().killed();
    let own = env.path("lake/_s3logs");
    assert!(own.join("lock").exists());
    drop(env.run(["sync", "s3://logs/in", "lake"]).code(0));
    assert_eq!(
        numbers(&Dataset::in_folder(&env.path("lake"))),
        logs.numbers()
    );
    assert_only_commits(&own);
}

/// Fails if anything but commits lies in our own folder.
#[track_caller]
fn assert_only_commits(own: &Path) {
    let left = super::tree(own)
        .into_keys()
        .filter(|path| !path.contains("/commits/"));
    assert_eq!(left.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_second_run_is_told_of_the_first() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    for place in ["lake", "s3://lake/set"] {
        fake.clear_log();
        let stuck = format!("in/{}", logs.keys()[3]);
        fake.fault("GetObject", &stuck, 1, Fault::Hang);
        let sync = ["sync", "s3://logs/in", place];
        let first = env.start(sync);
        fake.wait_for("GetObject", &stuck, 1);
        let second = env.run(sync).code(11);
        second.stderr_contains(&format!("process {} on ", first.id()));
        first.interrupt();
        drop(first.wait().code(130));
        drop(env.run(sync).code(0));
    }
    let dataset = Dataset::in_folder(&env.path("lake"));
    assert_eq!(numbers(&dataset), logs.numbers());
    assert_settled(&fake, &logs.numbers());
}

/// The lease only saves work: two runs that both do it end with the same rows.
#[test]
fn two_runs_that_both_do_the_work() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let stuck = format!("in/{}", logs.keys()[3]);
    fake.fault("GetObject", &stuck, 1, Fault::Delay(Duration::from_secs(2)));
    let first = env.start(SYNC);
    fake.wait_for("GetObject", &stuck, 1);
    let second = env.start(SYNC.iter().chain(&["--take-over"]));
    first.wait().code(0).stderr_is_empty();
    second.wait().code(0).stderr_is_empty();
    assert_settled(&fake, &logs.numbers());
    assert_eq!(fake.keys("lake", "set/_s3logs/commits/").len(), 1);
}

/// The lease keeps none of them out, and every other one has a batch of its own.
#[test]
fn eight_runs_at_once() {
    let logs = Logs::new(48);
    let fake = logs.served();
    let env = Env::with_s3(&fake);
    let stuck = format!("in/{}", logs.keys()[3]);
    for place in ["lake", "s3://lake/set"] {
        // Until all of them have listed the source.
        let wait = Fault::Delay(Duration::from_millis(500));
        fake.fault("GetObject", &stuck, 8, wait);
        let sync = ["sync", "s3://logs/in", place, "--take-over"];
        let fewer = ["--exclude", "*-03-04-*"];
        let runs: Vec<_> = (0..8)
            .map(|number| env.start(sync.iter().chain(&fewer[..number % 2 * 2])))
            .collect();
        for run in runs {
            run.wait().code(0).stderr_is_empty();
        }
        env.run(sync).code(0).stdout_contains("nothing new");
    }
    let dataset = Dataset::in_folder(&env.path("lake"));
    assert_eq!(numbers(&dataset), logs.numbers());
    assert_only_commits(&env.path("lake/_s3logs"));
    assert_settled(&fake, &logs.numbers());
}
