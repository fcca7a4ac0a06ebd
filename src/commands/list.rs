use serde::Serialize;

use crate::jobs::JobError;
use crate::jobs::list::{self, Listing, Row};
use crate::jobs::source::Source;
use crate::outcome::Requests;
use crate::store::{Location, ObjectMeta};
use crate::ui::{self, Exit, Failure, Flow, Loudness, Table, Ui};
use crate::units::{ByteSize, Day, rfc3339};

use super::args::{AwsArgs, SelectArgs};
use super::{Context, values};

const EXAMPLES: &str = "\
Examples:
  s3logs list s3://logs/
  s3logs list --month 2024-02 s3://logs/s3/
  s3logs list --long --json --since 2024-02-29 s3://logs/ | jq -r .key";

/// Shows the log objects per day and format
///
/// Goes by the names of the objects and reads none of them. The day is the one in the key, or else
/// that of the last modification.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the log objects are
    #[arg(value_name = "SRC", value_parser = values::place)]
    source: Location,

    /// One line for each object
    #[arg(long)]
    long: bool,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

#[derive(Serialize)]
struct RowLine<'a> {
    day: Day,
    format: &'a str,
    objects: u64,
    bytes: u64,
    first: &'a str,
    last: &'a str,
}

#[derive(Serialize)]
struct KeyLine<'a> {
    key: &'a str,
    size: u64,
    modified: String,
    etag: &'a str,
    day: Day,
    format: &'a str,
}

#[derive(Serialize)]
struct Totals {
    objects: u64,
    bytes: u64,
    wanted: u64,
    #[serde(skip_serializing_if = "Requests::is_empty")]
    requests: Requests,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let ui = &context.ui;
    let (aws, selection) = (args.aws.options(), args.select.selection()?);
    let source = context.source(&args.source, &aws, selection).await?;
    let watch = ui.watch(Flow::Rows, None);
    let observer = watch.observer();
    let listed = if args.long {
        let mut failure = None;
        let each = list::each(&source, observer.as_ref(), |object, day, format| {
            key_line(ui, object, day, format).map_err(|error| {
                failure = Some(error);
                JobError::Closed
            })
        });
        let seen = context.unless_interrupted(each).await;
        // The stream's own failure says more than the job's.
        failure.map_or(seen, Err)
    } else {
        let list = list::list(&source, observer.as_ref());
        let listing = context.unless_interrupted(list).await;
        listing.and_then(|listing| rows(ui, &source, &listing).map(|()| listing.seen))
    };
    watch.finish();
    let seen = listed?;
    if seen.wanted == 0 {
        context.tell_nothing(&source, &args.source).await?;
    }
    let requests = Requests::default().and(source.store.requests());
    let told = ui::requests_text(&requests);
    // Standard output is for the objects, and standard error for what needs a look, unless asked.
    if !told.is_empty() && ui.style().loudness == Loudness::Verbose && !ui.style().json {
        ui.note(told.trim_end());
    }
    let totals = Totals {
        objects: seen.objects,
        bytes: seen.bytes,
        wanted: seen.wanted,
        requests,
    };
    ui.conclude(totals, "", Exit::Done)
}

fn rows(ui: &Ui, source: &Source, listing: &Listing) -> Result<(), Failure> {
    if ui.style().json {
        for ((day, format), row) in &listing.rows {
            ui.json(&RowLine {
                day: *day,
                format,
                objects: row.objects,
                bytes: row.bytes,
                first: &row.first_key,
                last: &row.last_key,
            })?;
        }
        return Ok(());
    }
    if listing.rows.is_empty() {
        return Ok(());
    }
    ui.data(&table(source, listing))
}

fn table(source: &Source, listing: &Listing) -> String {
    let mut table = Table::new(&["day", "format", ">objects", ">bytes", "first", "last"]);
    let (mut objects, mut bytes) = (0, 0);
    for ((day, format), row) in &listing.rows {
        let Row {
            first_key,
            last_key,
            ..
        } = row;
        objects += row.objects;
        bytes += row.bytes;
        table.row([
            day.to_string(),
            (*format).to_owned(),
            ui::number(row.objects),
            ByteSize(row.bytes).to_string(),
            ui::one_line(source.below(first_key)),
            ui::one_line(source.below(last_key)),
        ]);
    }
    table.row([
        "total".to_owned(),
        String::new(),
        ui::number(objects),
        ByteSize(bytes).to_string(),
    ]);
    table.render()
}

fn key_line(ui: &Ui, object: &ObjectMeta, day: Day, format: &str) -> Result<(), Failure> {
    let modified = rfc3339(object.modified);
    if ui.style().json {
        return ui.json(&KeyLine {
            key: &object.key,
            size: object.size,
            modified,
            etag: &object.etag,
            day,
            format,
        });
    }
    ui.data(&format!(
        "{day}  {format:<10}  {:>12}  {modified:<20}  {}\n",
        object.size,
        ui::one_line(&object.key)
    ))
}
