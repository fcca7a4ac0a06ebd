use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::query::Engine;
use crate::report::{self, Period, Report};
use crate::store::Location;
use crate::ui::{self, Exit, Failure, Kind, Ui};
use crate::units::Day;

use super::args::{AwsArgs, InventoryArgs, PeriodArgs};
use super::new_file::{self, NewFile};
use super::{Context, query, values};

const EXAMPLES: &str = "\
Examples:
  s3logs report ./dataset
  s3logs report s3://lake/logs --month 2024-02 --table cloudfront
  s3logs report ./dataset --by month --html report.html
  s3logs report s3://lake/logs --inventory s3://inventory/photos/daily/ --lifecycle rules.json
  s3logs report --json ./dataset | jq 'select(.id == \"pages\").rows'";

/// Rows of a list.
const TOP: u16 = 10;

/// Shows who asks for what, how it is answered, and how that changes
///
/// Tells of web traffic from CloudFront logs and of the use of buckets from S3 access logs. With --since
/// the totals are compared with the period of the same length before it, those of a month with the month
/// before, or as many days of it as there are. Times are UTC. Visitors are pairs of address and user agent,
/// counted anew each day.
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

    #[command(flatten)]
    within: PeriodArgs,

    /// A report for each month that has rows, newest first
    #[arg(long, value_name = "STEP", value_enum)]
    by: Option<By>,

    /// Rows of each list
    #[arg(long, value_name = "N", default_value_t = TOP, value_parser = clap::value_parser!(u16).range(1..=1000))]
    top: u16,

    /// One line per value: table, from, to, section, row, column, value
    #[arg(long, conflicts_with = "json")]
    csv: bool,

    /// Write a page of HTML that needs nothing else, instead of to the terminal; less than 300 kB for each
    /// table and month with the usual --top
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "csv"])]
    html: Option<PathBuf>,

    /// Show the page in the browser
    #[arg(long, requires = "html")]
    open: bool,

    /// Database (.mmdb) for sections of countries and networks; may be given again, as each has one of them
    #[arg(long, value_name = "FILE")]
    geoip: Vec<PathBuf>,

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

/// How a period is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// Calendar months, UTC.
    Month,
}

/// What a report is of, and what its totals are compared with.
type Compared = (Period, Option<Period>);

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
        within: PeriodArgs::default(),
        by: None,
        top: TOP,
        csv: false,
        html: Some(path.to_owned()),
        open: false,
        geoip: Vec::new(),
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
    let engine = query::open(&args.place, &args.aws, args.memory, &args.listed, context).await?;
    let engine = query::located(engine, &args.geoip)?;
    for path in args.html.iter().chain(&args.lifecycle) {
        new_file::outside(path, &args.place)?;
    }
    let tables = args.tables(&engine)?;
    let mut reports = Vec::new();
    for table in &tables {
        for (period, before) in args.periods(&engine, table)? {
            let filled = report::report(&engine, table, period, before, args.top.into());
            reports.push(context.unless_interrupted(Box::pin(filled)).await?);
        }
    }
    if tables.is_empty() {
        context.ui.note("the dataset has no rows yet");
    } else if reports.is_empty() {
        context.ui.note("there are no rows in this period");
    }
    if let Some(path) = &args.lifecycle {
        write_rules(path, &reports, &context.ui)?;
    }
    match &args.html {
        Some(path) => args.page(path, &reports, context)?,
        None => args.print(&reports, context)?,
    }
    let (requests, bytes_read) = engine.read_so_far();
    Ok(Shown {
        tables: tables.len(),
        requests,
        bytes_read,
    })
}

/// Whether any of the days with rows is in a period.
fn has_rows(days: &BTreeSet<Day>, period: &Period) -> bool {
    let last = Day::of_micros(period.until - 1);
    let mut within = days.range(Day::of_micros(period.from)..=last);
    within.next().is_some()
}

/// Writes the rules of the bucket that has an inventory.
fn write_rules(path: &Path, reports: &[Report], ui: &Ui) -> Result<(), Failure> {
    let mut rules = reports
        .iter()
        .filter_map(|report| Some((report, report::lifecycle_rules(report)?)));
    let Some((report, rules)) = rules.next() else {
        ui.note(
            "no lifecycle rules are written: the inventory lists no prefix that was left unread, of a bucket that these logs tell of",
        );
        return Ok(());
    };
    let mut file = NewFile::create(path)?;
    let written = serde_json::to_writer_pretty(&mut file, &rules).map_err(std::io::Error::from);
    let written = written.and_then(|()| file.write_all(b"\n"));
    written.map_err(|error| new_file::failure(path, &error))?;
    file.put()?;
    let path = path.display();
    let span = report::span(&report.from, &report.to);
    ui.note(&format!("written: {path}, by what was read from {span}"));
    ui.note("`aws s3api put-bucket-lifecycle-configuration` replaces all rules of a bucket: add those it has");
    Ok(())
}

impl Args {
    fn page(&self, path: &Path, reports: &[Report], context: &Context) -> Result<(), Failure> {
        let ui = &context.ui;
        let title = format!("Logs of {}", self.name());
        let mut file = NewFile::create(path)?;
        let written = file.write_all(report::page(&title, reports).as_bytes());
        written.map_err(|error| new_file::failure(path, &error))?;
        file.put()?;
        ui.note(&format!("written: {}", path.display()));
        if self.open {
            ui.show_page(path);
        }
        Ok(())
    }

    /// The dataset as a page calls it, which may be shown to others: of a folder of this host its own name.
    fn name(&self) -> String {
        let folder = match &self.place {
            Location::Local(path) => path.canonicalize().ok(),
            _ => None,
        };
        let name = folder.as_deref().and_then(Path::file_name);
        name.map_or_else(
            || self.place.to_string(),
            |name| name.to_string_lossy().into_owned(),
        )
    }

    fn print(&self, reports: &[Report], context: &Context) -> Result<(), Failure> {
        let ui = &context.ui;
        if self.csv {
            ui.data(ui::CSV_HEADER)?;
        }
        for (at, report) in reports.iter().enumerate() {
            if ui.style().json {
                for line in ui::report_json(report) {
                    ui.json(&line)?;
                }
            } else if self.csv {
                ui.lines(ui::report_csv(report).as_bytes())?;
            } else {
                let gap = if at == 0 { "" } else { "\n" };
                ui.data(&format!("{gap}{}", ui::report_on_terminal(report)))?;
            }
        }
        Ok(())
    }

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

    /// What is reported on, newest first, and compared with what has rows.
    fn periods(&self, engine: &Engine, table: &str) -> Result<Vec<Compared>, Failure> {
        let Some(asked) = self.period(engine, table)? else {
            return Ok(Vec::new());
        };
        let days = engine.days(table);
        let has_rows = |period: &Period| has_rows(&days, period);
        let monthly = |month: Period| (month, month.month_before().filter(has_rows));
        if self.by == Some(By::Month) {
            let months = days.iter().rev().filter_map(|day| {
                let month = Period::month_of(day.start_micros())?;
                month.within(asked)
            });
            let mut months: Vec<Period> = months.filter(has_rows).collect();
            months.dedup();
            return Ok(months.into_iter().map(monthly).collect());
        }
        let since = self.within.range()?.since;
        Ok(vec![if self.within.is_month() {
            monthly(asked)
        } else {
            let before = since.map(|_| asked.before());
            (asked, before.filter(has_rows))
        }])
    }

    /// What is asked for, within the days that the table has; `None` if it has none of them.
    fn period(&self, engine: &Engine, table: &str) -> Result<Option<Period>, Failure> {
        let Some((first, last)) = engine.tables().get(table).and_then(|table| table.days) else {
            return Ok(None);
        };
        let all = Period::of_days(first, last);
        let range = self.within.range()?;
        let asked = Period {
            from: range.since.unwrap_or(all.from),
            until: range.until.unwrap_or(all.until),
        };
        if !has_rows(&engine.days(table), &asked) {
            return Ok(None);
        }
        let both = asked.within(all);
        // A period that was given keeps its length, as it is compared with the one before.
        let whole = !self.within.is_month() && self.by.is_none();
        Ok(if whole { both.and(Some(asked)) } else { both })
    }
}
