use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::query::Engine;
use crate::report::{self, Period, Report};
use crate::store::Location;
use crate::ui::{self, Exit, Failure, Kind, Ui};

use super::args::{AwsArgs, InventoryArgs};
use super::new_file::{self, NewFile};
use super::values::{Month, When};
use super::{Context, query, values};

const EXAMPLES: &str = "\
Examples:
  s3logs report ./dataset
  s3logs report s3://lake/logs --month 2024-02 --table cloudfront
  s3logs report ./dataset --since 2024-02-01 --html report.html
  s3logs report s3://lake/logs --inventory s3://inventory/photos/daily/ --lifecycle rules.json
  s3logs report --json ./dataset | jq 'select(.id == \"pages\").rows'";

/// Rows of a list.
const TOP: u16 = 10;

/// Shows who asks for what, how it is answered, and how that changes
///
/// Tells of web traffic from CloudFront logs and of the use of buckets from S3 access logs. With a
/// period the totals are compared with the period of the same length before it. Times are UTC. Visitors
/// are pairs of address and user agent, counted anew each day.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the dataset is
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// Only this table; may be given again [default: all that have a report]
    #[arg(long, value_name = "NAME")]
    table: Vec<String>,

    /// From this day or time on (2024-02-29 or 2024-02-29T23:00:00Z)
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,

    /// Up to the end of this day, or before this time
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,

    /// All of this month (2024-02)
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["since", "until"])]
    month: Option<Month>,

    /// Rows of each list
    #[arg(long, value_name = "N", default_value_t = TOP, value_parser = clap::value_parser!(u16).range(1..=1000))]
    top: u16,

    /// One line per value: table, section, row, column, value
    #[arg(long, conflicts_with = "json")]
    csv: bool,

    /// Write a page of HTML that needs nothing else, instead of to the terminal
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "csv"])]
    html: Option<PathBuf>,

    /// Show the page in the browser
    #[arg(long, requires = "html")]
    open: bool,

    /// Memory for groups and sorts, at least 32MiB; a section that needs more fails
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = values::memory)]
    memory: u64,

    /// Write lifecycle rules for prefixes of which nothing was read, as `aws s3api
    /// put-bucket-lifecycle-configuration` takes them
    #[arg(long, value_name = "FILE", requires = "inventory")]
    lifecycle: Option<PathBuf>,

    #[command(flatten)]
    listed: InventoryArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

#[derive(Serialize)]
struct Shown {
    tables: usize,
    requests: u64,
    bytes_read: u64,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let place = args.place.to_string();
    let done = Box::pin(tell(args, context)).await;
    done.map_err(|failure| failure.at(&place))
}

async fn tell(args: Args, context: &Context) -> Result<Exit, Failure> {
    let shown = show(&args, context).await?;
    context.ui.conclude(shown, "", Exit::Done)
}

/// Writes a page of all that a dataset holds.
pub(super) async fn write_page(
    path: &Path,
    place: &Location,
    aws: &AwsArgs,
    memory: u64,
    context: &Context,
) -> Result<(), Failure> {
    let args = Args {
        place: place.clone(),
        table: Vec::new(),
        since: None,
        until: None,
        month: None,
        top: TOP,
        csv: false,
        html: Some(path.to_owned()),
        open: false,
        memory,
        lifecycle: None,
        listed: InventoryArgs::default(),
        aws: aws.clone(),
    };
    match show(&args, context).await {
        Err(failure) if failure.kind == Kind::NotFound => {
            context.ui.note("no page is written: the dataset is empty");
            Ok(())
        }
        done => done.map(drop),
    }
}

async fn show(args: &Args, context: &Context) -> Result<Shown, Failure> {
    let ui = &context.ui;
    let engine = query::open(&args.place, &args.aws, args.memory, &args.listed, context).await?;
    let tables = args.tables(&engine)?;
    let mut reports = Vec::new();
    for table in &tables {
        if let Some(report) = args.report(&engine, table, context).await? {
            reports.push(report);
        }
    }
    if reports.is_empty() {
        ui.note("there are no rows in this period");
    }
    if let Some(path) = &args.lifecycle {
        write_rules(path, &reports, ui)?;
    }
    if let Some(path) = &args.html {
        let title = format!("Logs of {}", args.place);
        let mut file = NewFile::create(path)?;
        let written = file.write_all(report::page(&title, &reports).as_bytes());
        written.map_err(|error| new_file::failure(path, &error))?;
        file.put()?;
        ui.note(&format!("written: {}", path.display()));
        if args.open {
            ui.show_page(path);
        }
        reports.clear();
    }
    for (at, report) in reports.iter().enumerate() {
        if ui.style().json {
            for line in ui::report_json(report) {
                ui.json(&line)?;
            }
        } else if args.csv {
            ui.data(&ui::report_csv(report, at == 0))?;
        } else {
            ui.data(&format!(
                "{}{}",
                if at == 0 { "" } else { "\n" },
                ui::report_on_terminal(report)
            ))?;
        }
    }
    let (requests, bytes_read) = engine.read_so_far();
    Ok(Shown {
        tables: tables.len(),
        requests,
        bytes_read,
    })
}

/// Writes the rules of the bucket that has an inventory.
fn write_rules(path: &Path, reports: &[Report], ui: &Ui) -> Result<(), Failure> {
    let mut rules = reports.iter().filter_map(report::lifecycle_rules).flatten();
    let Some((bucket, rules)) = rules.next() else {
        ui.note("no lifecycle rules are written: no prefix was left unread");
        return Ok(());
    };
    let mut file = NewFile::create(path)?;
    let written = serde_json::to_writer_pretty(&mut file, &rules).map_err(std::io::Error::from);
    let written = written.and_then(|()| file.write_all(b"\n"));
    written.map_err(|error| new_file::failure(path, &error))?;
    file.put()?;
    let path = path.display();
    ui.note(&format!("written: {path}; the command replaces the rules that a bucket has: add those of `aws s3api get-bucket-lifecycle-configuration --bucket {bucket}` first"));
    Ok(())
}

impl Args {
    fn tables(&self, engine: &Engine) -> Result<Vec<String>, Failure> {
        let known = |table: &&String| report::sections(table).is_some();
        let all: Vec<String> = engine.tables().keys().filter(known).cloned().collect();
        if self.table.is_empty() {
            return Ok(all);
        }
        // Formats and tables go by either name.
        let wanted = self.table.iter().map(|name| name.replace('-', "_"));
        let mut wanted: Vec<String> = wanted.collect();
        wanted.sort();
        wanted.dedup();
        match wanted.iter().find(|table| !all.contains(table)) {
            Some(missing) => Err(Failure::not_found(
                format!("there is no table {missing} that has a report"),
                "`s3logs status DEST` lists the tables; there are reports for cloudfront and s3_access",
            )),
            None => Ok(wanted),
        }
    }

    async fn report(
        &self,
        engine: &Engine,
        table: &str,
        context: &Context,
    ) -> Result<Option<Report>, Failure> {
        let Some(period) = self.period(engine, table)? else {
            return Ok(None);
        };
        let compare = self.since.is_some() || self.month.is_some();
        let filled = report::report(engine, table, period, compare, self.top.into());
        let report = context.unless_interrupted(Box::pin(filled)).await?;
        Ok(Some(report))
    }

    /// What is asked for, within the days that the table has; `None` if it has none of them.
    fn period(&self, engine: &Engine, table: &str) -> Result<Option<Period>, Failure> {
        let Some((first, last)) = engine.tables().get(table).and_then(|table| table.days) else {
            return Ok(None);
        };
        let all = Period::of_days(first, last);
        if let Some(Month(range)) = self.month {
            let (from, until) = (
                range.since.unwrap_or(all.from),
                range.until.unwrap_or(all.until),
            );
            let period = Period { from, until };
            return Ok((from < all.until && all.from < until).then_some(period));
        }
        let given = (self.since.map(When::first), self.until.map(When::after));
        let from = given.0.unwrap_or(all.from);
        let until = given.1.unwrap_or(all.until);
        if given
            .1
            .is_some_and(|until| given.0.is_some_and(|from| from >= until))
        {
            return Err(Failure::usage("--until lies before --since", "swap them"));
        }
        let none = from >= until || from >= all.until || until <= all.from;
        Ok((!none).then_some(Period { from, until }))
    }
}
