use crate::jobs::verify::{self, Repaired, VerifyOptions};
use crate::store::Location;
use crate::ui::{self, Exit, Failure, Flow};

use super::args::{AwsArgs, SelectArgs, WorkArgs};
use super::{Context, host, values};

const EXAMPLES: &str = "\
Examples:
  s3logs verify s3://logs/s3/ s3://lake/logs
  s3logs verify --quick --month 2024-02 s3://logs/ ./dataset
  s3logs verify --repair --dry-run s3://logs/s3/ s3://lake/logs
  s3logs verify --json ./raw ./dataset | jq 'select(.problem)'";

/// Proves that a dataset holds what its source holds
///
/// Every object of the source must be in the ledger, and read again it must give the counts that the
/// ledger has; every file that the ledger names must be there with its size, rows and bytes, and no
/// other Parquet file may lie beside them; the rows of objects and files must add up. Exit code 1 and
/// a list if anything is off.
///
/// With --repair, files that are missing or damaged are made again from the source, and files that no
/// commit names are moved to DEST/_s3logs/quarantine/. Then all is checked again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the log objects are
    #[arg(value_name = "SRC", value_parser = values::place)]
    source: Location,

    /// Where the dataset is
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// Do not read the source's objects and the dataset's files again
    #[arg(long)]
    quick: bool,

    /// Put right what can be put right
    ///
    /// Give the --memory and --zstd-level that the dataset was made with: a file is only put if it
    /// comes out with the same bytes.
    #[arg(long)]
    repair: bool,

    /// With --repair, only tell what would be done
    #[arg(long, requires = "repair")]
    dry_run: bool,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    work: WorkArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let place = args.place.to_string();
    let done = Box::pin(check(args, context)).await;
    done.map_err(|failure| failure.at(&place))
}

async fn check(args: Args, context: &Context) -> Result<Exit, Failure> {
    let (ui, aws) = (&context.ui, args.aws.options());
    let selection = args.select.selection()?;
    let source = context.source(&args.source, &aws, selection).await?;
    let read_only = !args.repair || args.dry_run;
    let destination = context.writable(&args.place, &aws, read_only).await?;
    let options = VerifyOptions {
        work: args.work.options(),
        quick: args.quick,
    };
    let watch = ui.watch(Flow::Events, None);
    let (observer, cancel) = (watch.observer(), &context.cancel);
    let ended = if args.repair {
        let claim = (&host::claim(), args.dry_run);
        let work = verify::repair(&source, &destination, &options, claim, &observer, cancel);
        Box::pin(work).await
    } else {
        let work = verify::verify(&source, &destination, &options, &observer, cancel);
        let verified = Box::pin(work).await;
        verified.map(|verified| (Repaired::default(), verified))
    };
    watch.finish();
    let (repaired, verified) = ended?;
    if ui.style().json {
        for line in ui::repaired_json(&repaired, args.dry_run) {
            ui.json(&line)?;
        }
        for problem in &verified.problems {
            ui.json(problem)?;
        }
    }
    let exit = match (verified.interrupted, verified.problems.is_empty()) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Done,
        (false, false) => Exit::Failed,
    };
    let text = ui::repaired_text(&repaired, args.dry_run)
        + &ui::verified_text(&verified, &destination.shown, args.quick);
    ui.conclude(ui::verified_json(&verified), &text, exit)
}
