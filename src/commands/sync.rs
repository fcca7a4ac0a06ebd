use crate::jobs::Place;
use crate::jobs::sync::{self, SyncOptions};
use crate::plan::{Limits, Shard};
use crate::store::Location;
use crate::ui::{Exit, Failure, Flow};

use super::args::{AwsArgs, SelectArgs, WorkArgs};
use super::ending::{Ending, status_command};
use super::values::Lookback;
use super::{Context, host, values};

const EXAMPLES: &str = "\
Examples:
  s3logs sync s3://logs/s3/ s3://lake/logs
  s3logs sync --dedupe s3://logs/s3/ s3://lake/logs
  s3logs sync --dry-run --month 2024-02 s3://logs/ ./dataset
  s3logs sync --json -q ./raw ./dataset | tail -n 1";

/// Brings a dataset up to date with a source, exactly once
///
/// Lists the source, reads what the dataset does not hold yet, and adds it as sorted Parquet files,
/// one day each. It can be stopped at any moment and run again: what is committed stays, what is not
/// is done again. Objects that failed for a reason that passes are tried again by every run.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct Args {
    /// Where the log objects are
    #[arg(value_name = "SRC", value_parser = values::place)]
    source: Location,

    /// Where the dataset is, or will be
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,

    /// Try objects again that an earlier run failed at or skipped for good
    #[arg(long)]
    retry_failed: bool,

    /// List only keys that are at most this much older than the newest one that is committed
    ///
    /// For keys that carry their time, on S3, where neither --since nor --month is given.
    #[arg(
        long,
        value_name = "DAYS",
        default_value = "14d",
        conflicts_with = "full"
    )]
    lookback: Lookback,

    /// List all keys, however old
    #[arg(long)]
    full: bool,

    /// Do one part of the keys, such as 2/16; as many runs do the others at the same time
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Leave out rows whose whole line is that of another row of the same day
    ///
    /// AWS delivers some lines twice. Compared is every byte of a line, never a request id, with
    /// the rows of this run and with those that earlier runs with --dedupe added. What was left out is
    /// counted for each object, and `verify` counts it too. For each row 16 bytes more are kept.
    #[arg(long)]
    dedupe: bool,

    /// Promise that no other run writes there, for servers that cannot tell runs apart
    #[arg(long)]
    single_writer: bool,

    /// Begin although another run seems to be at work
    #[arg(long)]
    take_over: bool,

    /// Then write a page of HTML about all that the dataset holds; see `report`
    #[cfg(feature = "query")]
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    report: Option<std::path::PathBuf>,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    work: WorkArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

impl Args {
    fn options(&self) -> SyncOptions {
        SyncOptions {
            work: self.work.options(),
            owner: host::owner(),
            now: host::now,
            gone: host::gone,
            retry_failed: self.retry_failed,
            single_writer: self.single_writer,
            take_over: self.take_over,
            limits: Limits::within(self.work.memory()),
            folding: crate::ledger::Folding::default(),
            shard: self.shard,
            dedupe: self.dedupe,
            lookback: (!self.full).then_some(self.lookback.0),
        }
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let place = args.place.to_string();
    let done = Box::pin(bring_up_to_date(args, context)).await;
    done.map_err(|failure| failure.at(&place))
}

async fn bring_up_to_date(args: Args, context: &Context) -> Result<Exit, Failure> {
    let (ui, options, aws) = (&context.ui, args.options(), args.aws.options());
    let selection = args.select.selection()?;
    let source = context.source(&args.source, &aws, selection).await?;
    let place = Place {
        location: args.place.clone(),
        aws,
    };
    let ending = Ending {
        source: args.source.to_string(),
        place: Some(&args.place),
        ledger: true,
        max_rejected: args.work.rejects.max_rejected,
    };
    let watch = ui.watch(Flow::Events, Some(status_command(&args.place)));
    let observer = watch.observer();
    if args.dry_run {
        let plan = sync::plan(&source, &place, &options, observer.as_ref());
        let planned = context.unless_interrupted(Box::pin(plan)).await;
        watch.finish();
        return ending.plan(&planned?, ui);
    }
    #[cfg(feature = "query")]
    if let Some(path) = &args.report {
        // Before the work, that it is not in vain.
        super::new_file::outside(path, &args.place)?;
        super::new_file::check(path)?;
    }
    let report = sync::sync(&source, &place, &options, &observer, &context.cancel).await;
    watch.finish();
    let report = report?;
    #[cfg(feature = "query")]
    if let Some(path) = args.report.as_deref().filter(|_| !report.interrupted) {
        let (place, aws, memory) = (&args.place, &args.aws, args.work.memory());
        Box::pin(super::report::write_page(path, place, aws, memory, context)).await?;
    }
    ending.report(&report, ui)
}
