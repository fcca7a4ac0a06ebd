//! Intents in a store: work that has made files visible and has not committed them yet.

use std::collections::BTreeSet;

use futures::stream::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

use crate::store::{Body, ErrorKind, Precondition, StoreError};
use crate::units::hex;

use super::Intent;
use super::journal::{Journal, LedgerError, json};

impl Journal {
    /// Reads the open intents.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn intents(&self) -> Result<Vec<Intent>, LedgerError> {
        let mut intents = Vec::new();
        let prefix = format!("{}intents/", self.base);
        let listed: Vec<_> = self.store.list(&prefix, None).try_concat().await?;
        for object in listed {
            match self.read::<Intent>(&object.key).await {
                Ok(intent) => intents.push(Intent {
                    name: name_of(&object.key),
                    written: object.modified,
                    ..intent
                }),
                // Another run finished it in this moment.
                Err(LedgerError::Store(error)) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(intents)
    }

    /// Writes an intent down and returns its name, which carries the batch, its files and its owner:
    /// runs on the same batch neither replace nor remove each other's intents, as long as they live.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn put_intent(&self, intent: &Intent) -> Result<String, StoreError> {
        let mut hash = Sha256::new();
        for path in &intent.outputs {
            hash.update(path);
            hash.update("\n");
        }
        hash.update(json(&intent.owner));
        let digest = hash.finalize();
        let short = hex(&digest[..4]);
        let name = format!("{}-{short}", intent.batch);
        let body = Body::Bytes(json(intent).into());
        self.store
            .put(&self.intent_path(&name), body, Precondition::Always)
            .await?;
        Ok(name)
    }

    /// Removes intents, by their names, whose batch is settled.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn remove_intents(&self, names: &BTreeSet<String>) -> Result<(), StoreError> {
        let paths: Vec<String> = names.iter().map(|name| self.intent_path(name)).collect();
        self.store.delete(&paths).await
    }

    fn intent_path(&self, name: &str) -> String {
        format!("{}intents/{name}.json", self.base)
    }
}

fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.strip_suffix(".json").unwrap_or(file).to_owned()
}
