//! What can go wrong, as the user sees it: standard error and exit code of every failure.

mod destination;
mod ledger;
mod objects;
mod source;

use std::fmt::Write as _;

use crate::support::env::{Ended, Env};

/// What several runs told, one after the other.
#[derive(Default)]
struct Story(String);

impl Story {
    /// Runs the program and adds what it told.
    #[track_caller]
    fn run(&mut self, what: &str, env: &Env, args: &[&str], code: i32) -> Ended {
        let ended = env.run(args).code(code);
        self.add(what, &ended);
        ended
    }

    /// The same of a run that has nothing to give.
    #[track_caller]
    fn fails(&mut self, what: &str, env: &Env, args: &[&str], code: i32) {
        let ended = self.run(what, env, args, code);
        assert_eq!(ended.stdout(), "", "{what}: {args:?}");
    }

    fn add(&mut self, what: &str, ended: &Ended) {
        self.tell(what, &steady(&ended.told()));
    }

    fn tell(&mut self, what: &str, told: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# {what}\n{told}");
    }
}

/// Names that depend on bytes, on chance and on the clock, replaced.
fn steady(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, placeholder) in [
        ("[0-9a-f]{16}-[0-9]{2}-[0-9a-f]{8}", "[NAME]"),
        ("dt=2026-03-[0-9]{2}", "dt=[DAY]"),
        ("intents/[0-9a-f]{16}-[0-9a-f]{8}", "intents/[NAME]"),
        ("tmp/(s3logs|merge)-[0-9A-Za-z]{6}", "tmp/[NAME]"),
        (r"\.[0-9A-Za-z]{6}\.s3logs-tmp", "[NAME]"),
        (r"[0-9.]+ s \([0-9,]+ rows/s\)", "[TIME]"),
    ] {
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        text = pattern.replace_all(&text, placeholder).into_owned();
    }
    text
}
