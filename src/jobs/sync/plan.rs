//! What a run would do.

use std::collections::BTreeMap;

use crate::event::Observer;
use crate::formats;
use crate::ledger::{Journal, Loaded, Standing};
use crate::outcome::ObjectCounts;
use crate::plan::Planner;
use crate::schema::{KeyPeriod, key_period};
use crate::store::ErrorKind;
use crate::units::Day;

use super::super::JobError;
use super::super::place::Place;
use super::super::source::{Nothing, Source};
use super::{SyncOptions, beyond_lookback, horizons};

/// What a run would do, by the names of the objects; nothing is read or written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// Objects by what they are to the ledger.
    pub objects: ObjectCounts,
    /// Bytes of the new objects.
    pub bytes: u64,
    /// Batches they would be committed in.
    pub batches: u64,
    /// Batches that broke off and would be finished first.
    pub open_intents: u64,
    /// New objects and their bytes, by the day and format that their names tell.
    pub days: BTreeMap<(Day, &'static str), (u64, u64)>,
    /// Why there is nothing to look at, if there is nothing.
    pub nothing: Option<Nothing>,
    /// What keys begin with of which those beyond the lookback were not listed: from before that day.
    pub not_listed: BTreeMap<String, Day>,
}

/// Tells what [`sync`](super::sync) would do.
///
/// # Errors
/// [`JobError`].
pub async fn plan(
    source: &Source,
    place: &Place,
    options: &SyncOptions,
    observer: &dyn Observer,
) -> Result<Planned, JobError> {
    let source = &place.apart(source)?;
    let (journal, mut loaded) = load(place).await?;
    let mut planned = Planned {
        nothing: source.nothing().await?,
        open_intents: loaded.intents.len() as u64,
        ..Planned::default()
    };
    let mut batches = Planner::new(options.limits);
    let horizons = horizons(source, &loaded.ledger, options.lookback);
    let seen = source
        .each_young::<JobError>(&horizons, observer, async |object| {
            if options.shard.is_some_and(|shard| !shard.has(&object.key)) {
                return Ok(true);
            }
            planned.objects.listed += 1;
            let id = source.id(&object.key);
            if let Some(journal) = &journal {
                journal.hold(&mut loaded.ledger, [id.bucket]).await?;
            }
            match loaded
                .ledger
                .standing(id, &object.etag, options.retry_failed)
            {
                Standing::New => {
                    planned.add(&object.key, object.modified, object.size);
                    planned.batches += u64::from(batches.push(object).is_some());
                }
                Standing::Done => {}
                Standing::Remembered => planned.objects.remembered += 1,
                Standing::Ignored => planned.objects.ignored += 1,
                Standing::Changed => planned.objects.changed += 1,
            }
            Ok(true)
        })
        .await?;
    planned.batches += u64::from(batches.finish().is_some());
    planned.not_listed = beyond_lookback(source, seen.left_out);
    if seen.wanted == 0 && seen.objects > 0 {
        planned.nothing = Some(Nothing::Unselected {
            objects: seen.objects,
        });
    }
    Ok(planned)
}

impl Planned {
    /// Counts a new object.
    pub(in crate::jobs) fn add(&mut self, key: &str, modified: i64, bytes: u64) {
        self.objects.new += 1;
        self.bytes += bytes;
        let day = key_period(key).map_or(Day::of_micros(modified), KeyPeriod::day);
        let format = formats::by_name(key).map_or("unknown", |format| format.name);
        let counts = self.days.entry((day, format)).or_default();
        counts.0 += 1;
        counts.1 += bytes;
    }
}

async fn load(place: &Place) -> Result<(Option<Journal>, Loaded), JobError> {
    match place.open_existing().await {
        Ok(destination) => {
            let journal = Journal::new(destination.store.clone(), &destination.base);
            let loaded = journal.load().await?;
            Ok((Some(journal), loaded))
        }
        Err(error) if error.kind == ErrorKind::NoRoot => Ok(<_>::default()),
        Err(error) => Err(error.into()),
    }
}
