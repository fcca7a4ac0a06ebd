//! Logs in a bucket of the fake server, synced into a dataset in memory.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use s3logs::event::{Observer, Silent};
use s3logs::jobs::JobError;
use s3logs::jobs::source::{Destination, Source};
use s3logs::jobs::sync::{Report, SyncOptions, sync_into};
use s3logs::ledger::{Journal, KeyState};
use s3logs::pipeline::Cancel;
use s3logs::plan::{Limits, Selection};
use s3logs::store::{AccessKeys, AwsOptions, MemoryStore, Patience, S3Store, Store};

use super::{line, options};
use crate::support::fake_s3::FakeS3;

/// Little, so that nobody waits long for what never comes.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    answer: Duration::from_millis(500),
    stall: Duration::from_millis(500),
    attempts: 3,
    pause: Duration::from_millis(4),
    quota: 500,
};

/// A bucket `logs` and what is synced from it.
pub(super) struct Bucket {
    pub(super) fake: FakeS3,
    pub(super) dataset: Arc<MemoryStore>,
    pub(super) aws: AwsOptions,
    pub(super) options: SyncOptions,
}

impl Bucket {
    pub(super) fn new() -> Self {
        let fake = FakeS3::start();
        fake.create_bucket("logs");
        let keys = AccessKeys {
            id: fake.access_key().to_owned(),
            secret: fake.secret_key().to_owned(),
            session_token: None,
        };
        let aws = AwsOptions {
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(fake.endpoint()),
            credentials: Some(keys),
            patience: PATIENCE,
            ..AwsOptions::default()
        };
        let mut options = options(1);
        options.limits = Limits::default();
        Self {
            fake,
            dataset: Arc::default(),
            aws,
            options,
        }
    }

    /// Stores an object of one line, which carries the number.
    pub(super) fn put(&self, key: &str, number: usize) {
        self.fake.put("logs", key, line(number, 0));
    }

    pub(super) async fn try_sync(&self) -> Result<Report, JobError> {
        let source = Source {
            store: Arc::new(S3Store::open("logs", &self.aws).await),
            prefix: String::new(),
            selection: Selection::default(),
            single: false,
            leave_out: None,
        };
        let destination = Destination {
            store: self.dataset.clone(),
            base: "lake/".to_owned(),
            shown: "memory".to_owned(),
        };
        let observer: Arc<dyn Observer> = Arc::new(Silent);
        let cancel = Cancel::never();
        sync_into(&source, &destination, &self.options, &observer, &cancel).await
    }

    pub(super) async fn sync(&self) -> Report {
        self.try_sync().await.expect("a run that ends well")
    }

    /// What the ledger knows of an object.
    pub(super) async fn state(&self, key: &str) -> Option<KeyState> {
        let journal = Journal::new(self.dataset.clone() as Arc<dyn Store>, "lake/");
        let mut state = None;
        let read = journal.history(0, |_, commit| {
            let mut inputs = commit.inputs.into_iter();
            if let Some(input) = inputs.find(|input| input.key == key) {
                state = Some(input.state);
            }
            Ok(ControlFlow::Continue(()))
        });
        read.await.expect("a ledger");
        state
    }
}
