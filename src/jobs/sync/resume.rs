//! Work that broke off is finished first.

use crate::event::Event;
use crate::ledger::{Intent, TERM_MICROS};
use crate::plan::Batch;
use crate::store::ObjectMeta;

use super::super::JobError;
use super::Sync;
use super::commit::Leftovers;

impl Sync<'_> {
    /// Finishes a batch whose files may be visible already.
    ///
    /// With the same grouping the same files come out under the same names. Where another run has
    /// settled some of its objects meanwhile, its files go and the other objects are done anew.
    pub(super) async fn resume(&mut self, intent: Intent) -> Result<(), JobError> {
        if intent.root != self.source.store.root() {
            let message = format!(
                "an unfinished batch from {} is left to a run on that source",
                intent.root
            );
            self.observer.on(&Event::Warned { message });
            return Ok(());
        }
        let ours = self.shard.map(|shard| shard.to_string());
        if ours.is_some() && intent.shard != ours {
            // Another worker of the same job is at it.
            return Ok(());
        }
        let objects: Vec<ObjectMeta> = intent
            .inputs
            .iter()
            .map(|input| ObjectMeta {
                key: input.key.clone(),
                size: input.size,
                etag: input.etag.clone(),
                modified: input.modified,
                archived: false,
            })
            .collect();
        self.hold(&objects).await?;
        self.outcome.objects.new += self.unsettled(objects.clone()).len() as u64;
        let expired = (self.now)().saturating_sub(intent.written) > TERM_MICROS;
        let gone = intent.owner.as_ref().is_none_or(|owner| (self.gone)(owner));
        let leftovers = Leftovers::of(&intent, expired || gone);
        let batch = Batch {
            id: intent.batch,
            generation: intent.generation,
            objects,
        };
        self.settle(batch, leftovers).await
    }
}
