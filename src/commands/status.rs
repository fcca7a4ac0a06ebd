use serde::Serialize;

use crate::jobs::status;
use crate::store::Location;
use crate::ui::{self, Exit, Failure};

use super::args::AwsArgs;
use super::{Context, values};

const EXAMPLES: &str = "\
Examples:
  s3logs status s3://lake/logs
  s3logs status ./dataset 2024-02-29-23-59-59-0123456789ABCDEF
  s3logs status --json ./dataset | jq 'select(.event == \"failure\")'";

/// Shows what a dataset holds and what became of every object
///
/// Tells the tables, the objects that failed or were skipped and why, and work that broke off. With
/// a key it tells what became of that object.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the dataset is
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// Key of an object, or the end of it after a slash
    #[arg(value_name = "KEY")]
    key: Option<String>,

    #[command(flatten)]
    aws: AwsArgs,
}

#[derive(Serialize)]
struct Shown {
    lines: usize,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let place = args.place.to_string();
    let done = Box::pin(tell(args, context)).await;
    done.map_err(|failure| failure.at(&place))
}

async fn tell(args: Args, context: &Context) -> Result<Exit, Failure> {
    let ui = &context.ui;
    let aws = args.aws.options();
    let destination = context.existing(&args.place, &aws).await?;
    let (lines, text) = if let Some(key) = &args.key {
        let story = status::story(&destination, key);
        let stories = context.unless_interrupted(story).await?;
        if stories.is_empty() {
            return Err(unknown(key, &args.place));
        }
        (ui::stories_json(&stories), ui::stories_text(&stories))
    } else {
        let status = context.unless_interrupted(status::status(&destination));
        let status = status.await?;
        let text = ui::status_text(&status, &args.place.to_string());
        (ui::status_json(&status), text)
    };
    if ui.style().json {
        for line in &lines {
            ui.json(line)?;
        }
    } else {
        ui.data(&text)?;
    }
    let shown = Shown { lines: lines.len() };
    ui.conclude(shown, "", Exit::Done)
}

fn unknown(key: &str, place: &Location) -> Failure {
    Failure::not_found(
        format!("the ledger of {place} does not know an object {key}"),
        "give the whole key, or the end of it that follows a slash; what no run has come to yet is not in the ledger",
    )
}
