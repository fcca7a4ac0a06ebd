use crate::jobs::{Place, convert};
use crate::store::Location;
use crate::ui::{Exit, Failure, Flow};

use super::args::{AwsArgs, SelectArgs, WorkArgs};
use super::ending::Ending;
use super::{Context, values};

const EXAMPLES: &str = "\
Examples:
  s3logs convert ./raw ./parquet
  s3logs convert --month 2024-02 --zstd-level 9 s3://logs/s3/ s3://lake/once
  s3logs convert --format cloudfront E2EXAMPLE.2024-02-29-23.0123abcd.gz ./parquet";

/// Turns raw objects into sorted Parquet files, once and without a ledger
///
/// The files are the same as those of sync, but nothing remembers what was done: for logs that keep
/// coming use sync.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the log objects are
    #[arg(value_name = "SRC", value_parser = values::place)]
    source: Location,

    /// Where the Parquet files go
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    work: WorkArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let (ui, aws) = (&context.ui, args.aws.options());
    let selection = args.select.selection()?;
    let source = context.source(&args.source, &aws, selection).await?;
    let place = Place {
        location: args.place.clone(),
        aws,
    };
    let ending = Ending {
        source: args.source.to_string(),
        place: Some(&args.place),
        ledger: false,
        max_rejected: args.work.rejects.max_rejected,
    };
    let watch = ui.watch(Flow::Events, None);
    let observer = watch.observer();
    if args.dry_run {
        let plan = convert::plan(&source, &place, observer.as_ref());
        let planned = context.unless_interrupted(Box::pin(plan)).await;
        watch.finish();
        return ending.plan(&planned?, ui);
    }
    let options = args.work.options();
    let report = convert::convert(&source, &place, &options, &observer, &context.cancel).await;
    watch.finish();
    ending.report(&report?, ui)
}
