use crate::jobs::merge::{self, Compression, MergeOptions, Merged, Span};
use crate::store::Location;
use crate::ui::{self, Exit, Failure, Flow, Merge};

use super::args::{AwsArgs, ReadArgs, SelectArgs};
use super::{Context, values};

const EXAMPLES: &str = "\
Examples:
  s3logs merge s3://logs/s3/ ./merged
  s3logs merge --by month --compress zstd --level 9 ./raw s3://archive/logs
  s3logs merge --dry-run --month 2024-02 s3://logs/ ./merged";

/// Puts many raw objects together into one compressed text per day or month
///
/// The lines stay as they are. The day is the one in the key.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the log objects are
    #[arg(value_name = "SRC", value_parser = values::place)]
    source: Location,

    /// Where the texts go
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// What one text holds
    #[arg(long, value_enum, default_value = "day")]
    by: Period,

    /// How the texts are compressed
    #[arg(long, value_name = "HOW", value_enum, default_value = "gzip")]
    compress: Codec,

    /// Effort of compression: 0 to 9 for gzip, 1 to 19 for zstd
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..=19))]
    level: Option<i32>,

    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Period {
    Day,
    Month,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Codec {
    Gzip,
    Zstd,
}

impl Args {
    fn options(&self) -> Result<MergeOptions, Failure> {
        let (codec, levels) = match self.compress {
            Codec::Gzip => ("gzip", 0..=9),
            Codec::Zstd => ("zstd", 1..=19),
        };
        if let Some(level) = self.level.filter(|level| !levels.contains(level)) {
            return Err(Failure::usage(
                format!("{codec} has no --level {level}"),
                &format!("choose {} to {}", levels.start(), levels.end()),
            ));
        }
        Ok(MergeOptions {
            by: match self.by {
                Period::Day => Span::Day,
                Period::Month => Span::Month,
            },
            compression: match self.compress {
                Codec::Gzip => Compression::Gzip,
                Codec::Zstd => Compression::Zstd,
            },
            level: self.level,
            jobs: self.read.transfer.jobs(),
            memory: self.read.transfer.memory,
            max_object: self.read.max_object,
            keep_partial: self.read.keep_partial,
            dry_run: self.dry_run,
        })
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let ui = &context.ui;
    let options = args.options()?;
    let (aws, selection) = (args.aws.options(), args.select.selection()?);
    let source = context.source(&args.source, &aws, selection).await?;
    if context.is_empty(&source, &args.source).await? {
        let none = Merged::default();
        return ui.conclude(Merge::of(&none, args.dry_run), "", Exit::Done);
    }
    let destination = context
        .destination_or_plan(&args.place, &aws, args.dry_run)
        .await?;
    let watch = ui.watch(Flow::Events, None);
    let (observer, cancel) = (watch.observer(), &context.cancel);
    let merged = merge::merge(&source, &destination, &options, observer.as_ref(), cancel).await;
    watch.finish();
    let merged = merged?;
    if merged.objects.listed == 0 && !merged.interrupted {
        context.tell_nothing(&source, &args.source).await?;
    }
    let text = ui::merge_text(&merged, &destination.shown, args.dry_run, ui.elapsed());
    let exit = Exit::of_work(merged.interrupted, merged.objects.failed, false);
    let exit = ui.conclude(Merge::of(&merged, args.dry_run), &text, exit)?;
    if merged.interrupted {
        ui.alert("interrupted; run the same command again for the rest");
    }
    Ok(exit)
}
