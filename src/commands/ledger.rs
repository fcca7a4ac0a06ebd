use crate::jobs::rebuild::{self, RebuildOptions};
use crate::ledger::Folding;
use crate::store::Location;
use crate::ui::{self, Exit, Failure};

use super::args::AwsArgs;
use super::{Context, host, values};

const EXAMPLES: &str = "\
Examples:
  s3logs ledger rebuild s3://lake/logs
  s3logs ledger rebuild --from-files --dry-run ./dataset
  s3logs ledger rebuild --from-files s3://lake/logs";

/// Makes the ledger of a dataset again when it is damaged
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Rebuild(Rebuild),
}

/// Makes the checkpoints again from the commits, or the commits from the Parquet files
///
/// With --from-files the commits are made from what the last file of each batch says. Files that
/// belong to no complete batch and the old records are moved to DEST/_s3logs/quarantine/, and the
/// next sync reads again what was in them. Failures and skipped objects are forgotten, and so are the
/// versions of objects of local folders. If it breaks off, run it again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
struct Rebuild {
    /// Where the dataset is
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// Trust no record of the ledger; make them all from the Parquet files
    #[arg(long)]
    from_files: bool,

    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    aws: AwsArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Action::Rebuild(args) = args.action;
    let place = args.place.to_string();
    let done = Box::pin(make_again(args, context)).await;
    done.map_err(|failure| failure.at(&place))
}

async fn make_again(args: Rebuild, context: &Context) -> Result<Exit, Failure> {
    let (ui, aws) = (&context.ui, args.aws.options());
    let destination = context.writable(&args.place, &aws, args.dry_run).await?;
    let dry_run = args.dry_run;
    let options = RebuildOptions {
        claim: host::claim(),
        folding: Folding::default(),
        dry_run,
    };
    let cancel = &context.cancel;
    let rebuilt = if args.from_files {
        Box::pin(rebuild::from_files(&destination, &options, cancel)).await?
    } else {
        Box::pin(rebuild::from_commits(&destination, &options, cancel)).await?
    };
    if ui.style().json {
        for line in ui::moved_json(&rebuilt.moved) {
            ui.json(&line)?;
        }
    }
    let text = ui::rebuilt_text(&rebuilt, &destination.shown, dry_run);
    ui.conclude(ui::rebuilt_json(&rebuilt, dry_run), &text, Exit::Done)
}
