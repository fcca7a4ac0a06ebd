use super::*;

fn done() -> KeyState {
    KeyState::Committed(Done {
        table: "t".to_owned(),
        lines: 2,
        rows: 2,
        ..Done::default()
    })
}

fn commit(key: &str, state: KeyState) -> Commit {
    Commit {
        root: "s3://b".to_owned(),
        inputs: vec![Input {
            key: key.to_owned(),
            etag: "e".to_owned(),
            size: 1,
            modified: 0,
            state,
        }],
        ..Commit::default()
    }
}

fn id(key: &str) -> ObjectId {
    ObjectId::of("s3://b", key)
}

#[test]
fn an_object_is_done_once() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.standing(id("k"), "e", false), Standing::New);
    ledger
        .apply(1, &commit("k", done()))
        .expect("the first commit");
    assert_eq!(ledger.standing(id("k"), "e", true), Standing::Done);
    assert_eq!(ledger.standing(id("k"), "other", false), Standing::Changed);
    assert!(ledger.apply(2, &commit("k", done())).is_err());
    assert_eq!((ledger.head(), ledger.commit_of(id("k"))), (1, 1));
}

#[test]
fn a_commit_settles_each_of_its_objects_once() {
    let mut twice = commit("k", done());
    twice.inputs.push(twice.inputs[0].clone());
    for bad in [twice, commit("k", KeyState::Listed)] {
        let mut ledger = Ledger::default();
        assert!(ledger.apply(1, &bad).is_err());
        assert_eq!(ledger.head(), 0);
    }
    let mut census = Census::default();
    assert!(census.apply(1, &commit("k", KeyState::Listed)).is_err());
}

#[test]
fn commits_follow_each_other() {
    let mut ledger = Ledger::default();
    assert!(ledger.apply(2, &commit("k", done())).is_err());
    ledger
        .apply(1, &commit("k", done()))
        .expect("the first commit");
    assert!(ledger.apply(1, &commit("l", done())).is_err());
}

#[test]
fn failures_are_tried_again_or_remembered() {
    let mut ledger = Ledger::default();
    let failed = |lasting| KeyState::Failed {
        step: Step::Gunzip,
        error: "cut".to_owned(),
        attempts: 1,
        lasting,
    };
    ledger
        .apply(1, &commit("passing", failed(false)))
        .expect("a commit");
    ledger
        .apply(2, &commit("lasting", failed(true)))
        .expect("a commit");
    let standing = |key, etag, retry| ledger.standing(id(key), etag, retry);
    assert_eq!(standing("passing", "e", false), Standing::New);
    assert_eq!(standing("lasting", "e", false), Standing::Remembered);
    assert_eq!(standing("lasting", "e", true), Standing::New);
    assert_eq!(standing("lasting", "changed", false), Standing::New);
    assert_eq!(ledger.attempts(id("lasting")), 1);
}

#[test]
fn a_segment_that_was_let_go_of_is_not_taken_for_what_came_after_it() {
    let checkpoint = |ledger: &mut Ledger| {
        let (record, place) = ledger.fold(Bucket::Undated);
        ledger.adopt(BTreeMap::from([(Bucket::Undated, place)]));
        record
    };
    let mut ledger = Ledger::default();
    ledger
        .apply(1, &commit("k", done()))
        .expect("the first commit");
    checkpoint(&mut ledger);
    assert_eq!(ledger.standing(id("k"), "e", false), Standing::Done);
    ledger
        .apply(2, &commit("l", done()))
        .expect("the second commit");
    let record = checkpoint(&mut ledger);
    assert_eq!(ledger.standing(id("l"), "e", false), Standing::Done);

    ledger
        .apply(3, &commit("m", done()))
        .expect("the third commit");
    ledger.held.clear();
    ledger.adopt(BTreeMap::new());
    assert!(!ledger.holds(Bucket::Undated));
    let read = Segment::decode(&record, Bucket::Undated, 2).expect("as written");
    ledger.put(Bucket::Undated, read);
    assert_eq!(ledger.standing(id("k"), "e", false), Standing::Done);
}
