use std::path::PathBuf;

use crate::jobs::transfer::{TransferOptions, Transferred};
use crate::jobs::{Place, download};
use crate::outcome::Requests;
use crate::store::Location;
use crate::ui::{self, Exit, Failure, Flow, Transfer};

use super::args::{AwsArgs, SelectArgs, TransferArgs};
use super::{Context, values};

const EXAMPLES: &str = "\
Examples:
  s3logs download s3://logs/s3/ ./raw
  s3logs download --month 2024-02 --include '*.gz' s3://logs/cdn/ ./raw
  s3logs download --dry-run s3://logs/ ./raw";

/// Copies raw objects to a local folder
///
/// Sizes and checksums are verified. What is there already is not fetched again, so that a second
/// run goes on where the first one stopped.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the log objects are
    #[arg(value_name = "SRC", value_parser = values::place)]
    source: Location,

    /// Where they go
    #[arg(value_name = "DIR", value_parser = values::folder)]
    folder: PathBuf,

    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    transfer: TransferArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let ui = &context.ui;
    let (aws, selection) = (args.aws.options(), args.select.selection()?);
    let source = context.source(&args.source, &aws, selection).await?;
    if context.is_empty(&source, &args.source).await? {
        let none = Transfer::of(&Transferred::default(), args.dry_run, Requests::default());
        return ui.conclude(none, "", Exit::Done);
    }
    let place = Place {
        location: Location::Local(args.folder.clone()),
        aws,
    };
    let source = place.apart(&source)?;
    let options = TransferOptions {
        jobs: args.transfer.jobs(),
        memory: args.transfer.memory,
        dry_run: args.dry_run,
    };
    let watch = ui.watch(Flow::Events, None);
    let (observer, cancel) = (watch.observer(), &context.cancel);
    let done = download::download(&source, &args.folder, &options, observer.as_ref(), cancel).await;
    watch.finish();
    let done = done?;
    if done.listed == 0 && !done.interrupted {
        context.tell_nothing(&source, &args.source).await?;
    }
    let place = args.folder.display().to_string();
    let requests = Requests::default().and(source.store.requests());
    let mut text = ui::transfer_text(&done, "downloaded", &place, args.dry_run, ui.elapsed());
    text.push_str(&ui::requests_text(&requests));
    let exit = Exit::of_work(done.interrupted, done.failed, false);
    let exit = ui.conclude(Transfer::of(&done, args.dry_run, requests), &text, exit)?;
    if done.interrupted {
        ui.alert("interrupted; run the same command again: what is there is not fetched again");
    }
    Ok(exit)
}
