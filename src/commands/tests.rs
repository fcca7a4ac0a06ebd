use clap::{CommandFactory as _, Parser as _};

use super::*;

fn verbs() -> Vec<String> {
    let command = Cli::command();
    let verbs = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned());
    verbs.filter(|verb| verb != "help").collect()
}

fn error(arguments: &[&str]) -> String {
    let all = ["s3logs"].iter().chain(arguments);
    match Cli::try_parse_from(all) {
        Ok(_) => panic!("{arguments:?} is accepted"),
        Err(error) => error.to_string(),
    }
}

fn accepts(arguments: &[&str]) -> Cli {
    let all = ["s3logs"].iter().chain(arguments);
    Cli::try_parse_from(all).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_verb_tells_what_it_does_with_examples() {
    let sql = if cfg!(feature = "query") { 3 } else { 0 };
    assert_eq!(verbs().len(), 13 + sql);
    for verb in verbs() {
        let mut command = Cli::command();
        command.build();
        let verb = command.find_subcommand_mut(&verb).expect("a verb");
        let about = verb.get_about().expect("a line about it").to_string();
        assert!(!about.contains('\n') && about.len() < 80, "{about}");
        assert!(
            verb.get_name() != "sync" || about.contains("exactly once"),
            "{about}"
        );
        let help = verb.render_long_help().to_string();
        let example = format!("s3logs {}", verb.get_name());
        let shown = help.lines().filter(|line| line.contains(&example));
        // The first one is the usage line.
        assert!(shown.count() >= 3, "{help}");
    }
}

#[test]
fn what_makes_no_sense_together_is_refused() {
    let month = error(&["list", "x", "--month", "2024-02", "--since", "2024-02-01"]);
    assert!(month.contains("cannot be used with"), "{month}");
    assert!(error(&["list", "-q", "-v", "x"]).contains("cannot be used with"));
    assert!(error(&["sync", "x", "y", "--jobs", "0"]).contains("--jobs"));
    assert!(error(&["sync", "x", "-"]).contains("only parse"));
    assert!(error(&["download", "x", "s3://b"]).contains("local folder"));
    assert!(error(&["sync", "x", "y", "--memory", "much"]).contains("256MiB"));
}

#[test]
fn formats_go_by_name_and_an_unknown_one_gives_the_list() {
    let text = error(&["list", "x", "--format", "nginx"]);
    assert!(
        text.contains("s3-access") && text.contains("cloudfront"),
        "{text}"
    );
    for name in ["s3-access", "s3_access"] {
        let Command::List(args) = accepts(&["list", "x", "--format", name]).command else {
            panic!("another verb");
        };
        assert!(format!("{args:?}").contains("s3-access"));
    }
}

#[test]
fn options_of_all_verbs_stand_before_or_after_the_verb() {
    for arguments in [["--json", "list", "x"], ["list", "x", "--json"]] {
        assert!(accepts(&arguments).style.style().json);
    }
}

#[test]
fn manual_pages() {
    let page = |verb| man::page(verb).map(|page| String::from_utf8_lossy(&page).into_owned());
    let main = page(None).expect("a page");
    assert!(
        main.contains(".TH s3logs 1") && main.contains("Exit codes"),
        "{main}"
    );
    let sync = page(Some("sync")).expect("a page");
    assert!(
        sync.contains("s3logs\\-sync")
            && sync.contains("take\\-over")
            && sync.contains("\\-\\-quiet"),
        "{sync}"
    );
    let unknown = page(Some("snyc")).expect_err("no such verb");
    assert_eq!(unknown.kind.exit(), Exit::Usage);
}
