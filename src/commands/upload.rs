use std::path::PathBuf;

use crate::jobs::transfer::TransferOptions;
use crate::jobs::upload;
use crate::outcome::Requests;
use crate::store::{LocalStore, Location};
use crate::ui::{self, Exit, Failure, Flow, Transfer};

use super::args::{AwsArgs, TransferArgs};
use super::{Context, values};

const EXAMPLES: &str = "\
Examples:
  s3logs upload ./dataset s3://lake/logs
  s3logs upload --dry-run ./raw s3://backup/raw";

/// Sends the files of a local folder to a bucket
///
/// What arrives is verified. What is there already is not sent again, so that a second run goes on
/// where the first one stopped.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the files are
    #[arg(value_name = "DIR", value_parser = values::folder)]
    folder: PathBuf,

    /// Where they go
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    transfer: TransferArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let ui = &context.ui;
    // A folder that is not there is told before a local destination is made for it.
    LocalStore::open(&args.folder)?;
    let aws = args.aws.options();
    let destination = context
        .destination_or_plan(&args.place, &aws, args.dry_run)
        .await?;
    let options = TransferOptions {
        jobs: args.transfer.jobs(),
        memory: args.transfer.memory,
        dry_run: args.dry_run,
    };
    let watch = ui.watch(Flow::Events, None);
    let (observer, cancel) = (watch.observer(), &context.cancel);
    let done = upload::upload(
        &args.folder,
        &destination,
        &options,
        observer.as_ref(),
        cancel,
    )
    .await;
    watch.finish();
    let done = done?;
    if done.listed == 0 && !done.interrupted {
        let folder = ui::one_line(&args.folder.display().to_string());
        ui.note(&format!("nothing to upload in {folder}"));
    }
    let requests = Requests::default().and(destination.store.requests());
    let mut text = ui::transfer_text(
        &done,
        "uploaded",
        &destination.shown,
        args.dry_run,
        ui.elapsed(),
    );
    text.push_str(&ui::requests_text(&requests));
    let exit = Exit::of_work(done.interrupted, done.failed, false);
    let exit = ui.conclude(Transfer::of(&done, args.dry_run, requests), &text, exit)?;
    if done.interrupted {
        ui.alert("interrupted; run the same command again: what is there is not sent again");
    }
    Ok(exit)
}
