//! Failures of the source as a whole. None of them may leave a trace at the destination.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;

use crate::cli::logs::Logs;
use crate::support::env::{Ended, Env};
use crate::support::fake_s3::FakeS3;

use super::Story;
use super::destination::files;

/// The verbs that read logs.
const READERS: [&str; 6] = ["sync", "convert", "list", "parse", "download", "merge"];

/// The arguments of a reader: with a destination where it has one.
fn args<'a>(verb: &'a str, source: &'a str, place: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![verb, source];
    if !["list", "parse"].contains(&verb) {
        args.push(place);
    }
    args.extend(more);
    args
}

impl Story {
    /// Runs every reader at the same time. Those that tell the same are told once.
    #[track_caller]
    fn readers(&mut self, what: &str, env: &Env, source: &str, more: &[&str], code: i32) {
        let place = env.arg("out");
        let runs: Vec<_> = READERS
            .iter()
            .map(|verb| (verb, env.start(args(verb, source, &place, more))))
            .collect();
        let mut told: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (verb, run) in runs {
            let ended: Ended = run.wait().code(code);
            if code != 0 {
                assert_eq!(ended.stdout(), "", "{verb}");
            }
            told.entry(ended.told()).or_default().push(verb);
        }
        for (told, verbs) in told {
            self.tell(&format!("{what}: {}", verbs.join(" ")), &told);
        }
        if more.contains(&"--month") {
            // Whether anything is selected shows when the source has been listed to its end.
            assert_eq!(files(&env.path("out")), [""; 0], "{what}");
            std::fs::remove_dir_all(env.path("out")).expect("a folder");
        }
        assert!(!env.path("out").exists(), "{what}: a folder was made");
    }
}

/// A few objects below `s3://logs/in/`, an empty bucket `lake`, and nothing else.
fn served() -> (FakeS3, Env) {
    let fake = Logs::new(25).served();
    let env = Env::with_s3(&fake);
    (fake, env)
}

/// Runs those that may write to S3 from one bucket into the other, which must stay empty.
#[track_caller]
fn leaves_the_bucket_alone(fake: &FakeS3, env: &Env, source: &str, more: &[&str], code: i32) {
    for verb in ["sync", "convert", "merge"] {
        let ended = env.run(args(verb, source, "s3://lake/out", more));
        drop(ended.code(code));
        assert_eq!(fake.keys("lake", ""), [""; 0], "{verb}");
    }
}

#[test]
fn what_is_not_there() {
    let (fake, env) = served();
    let mut story = Story::default();
    story.readers("no such bucket", &env, "s3://lgos/in", &[], 1);
    story.readers("no such path", &env, &env.arg("nowhere"), &[], 1);
    leaves_the_bucket_alone(&fake, &env, "s3://lgos/in", &[], 1);
    insta::assert_snapshot!(story.0);
}

#[test]
fn what_is_denied() {
    let (fake, env) = served();
    let mut story = Story::default();
    fake.deny("ListBucket", "s3://logs");
    story.readers("denied to list", &env, "s3://logs/in/", &[], 1);
    leaves_the_bucket_alone(&fake, &env, "s3://logs/in/", &[], 1);
    fake.clear_faults();
    fake.deny("GetObject", "s3://logs");
    fake.clear_log();
    let mut told = BTreeSet::new();
    for verb in ["sync", "convert", "download", "merge", "parse"] {
        let place = env.arg(verb);
        // One at a time, so that the order is known.
        let ended = env.run(args(verb, "s3://logs/in/", &place, &["--jobs", "1"]));
        told.insert(ended.code(1).told());
        // The folder is made, as there was work to do; nothing stays in it.
        assert_eq!(files(&env.path(verb)), [""; 0], "{verb}");
    }
    assert_eq!(told.len(), 1, "{told:#?}");
    story.tell(
        "denied to read: every verb",
        &told.pop_first().unwrap_or_default(),
    );
    insta::assert_snapshot!(story.0);
}

#[test]
fn another_region() {
    let (fake, env) = served();
    fake.region("eu-west-1");
    let mut story = Story::default();
    story.readers("wrong region", &env, "s3://logs/in/", &[], 1);
    leaves_the_bucket_alone(&fake, &env, "s3://logs/in/", &[], 1);
    let listed = env.run(["list", "s3://logs/in/", "--region", "eu-west-1"]);
    listed.code(0).stderr_is_empty();
    insta::assert_snapshot!(story.0);
}

#[test]
fn credentials() {
    let (fake, env) = served();
    let mut story = Story::default();
    fake.expire_token();
    story.readers("expired token", &env, "s3://logs/in/", &[], 1);
    fake.clear_faults();
    let mut env = Env::new();
    env.set("AWS_ENDPOINT_URL", fake.endpoint());
    env.set("AWS_REGION", "us-east-1");
    story.readers("no credentials", &env, "s3://logs/in/", &[], 1);
    env.set("AWS_ACCESS_KEY_ID", "somebody-else");
    env.set("AWS_SECRET_ACCESS_KEY", "secret");
    story.readers("unknown access key", &env, "s3://logs/in/", &[], 1);
    env.set("AWS_ACCESS_KEY_ID", fake.access_key());
    story.readers("wrong secret key", &env, "s3://logs/in/", &[], 1);
    let mut env = Env::new();
    env.set("AWS_ENDPOINT_URL", fake.endpoint());
    let nobody = ["--profile", "nobody", "--region", "us-east-1"];
    story.readers("no such profile", &env, "s3://logs/in/", &nobody, 1);
    insta::assert_snapshot!(story.0);
}

#[test]
fn an_endpoint_that_does_not_answer() {
    // The port is free again when the listener is gone.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = port.expect("loopback has a free port");
    let (_fake, mut env) = served();
    env.set("AWS_ENDPOINT_URL", format!("http://{address}"));
    let mut story = Story::default();
    story.readers("unreachable", &env, "s3://logs/in/", &["-q"], 1);
    insta::assert_snapshot!(story.0);
}

#[test]
fn nothing_to_do() {
    let (fake, env) = served();
    Logs::new(3).write(&env.path("in"));
    std::fs::create_dir(env.path("empty")).expect("a folder");
    let mut story = Story::default();
    let old = ["--month", "2020-12"];
    story.readers("nothing selected", &env, "s3://logs/in/", &old, 0);
    story.readers("nothing selected", &env, &env.arg("in"), &old, 0);
    story.readers("no objects", &env, "s3://logs/inn/2026/", &[], 0);
    story.readers("no objects at all", &env, "s3://lake/in/", &[], 0);
    story.readers("an empty folder", &env, &env.arg("empty"), &[], 0);
    leaves_the_bucket_alone(&fake, &env, "s3://logs/in/", &old, 0);
    leaves_the_bucket_alone(&fake, &env, "s3://logs/inn/", &[], 0);
    insta::assert_snapshot!(story.0);
}
