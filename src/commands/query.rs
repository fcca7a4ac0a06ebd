mod shell;
mod sink;

use std::fs;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use futures::stream::TryStreamExt;
use serde::Serialize;

use crate::query::{Engine, Limits, Places, Query};
use crate::store::Location;
use crate::ui::{self, Exit, Failure, Ui};
use crate::units::ByteSize;

use super::args::{AwsArgs, InventoryArgs};
use super::{Context, values};
use sink::Sink;

const EXAMPLES: &str = "\
Examples:
  s3logs query ./dataset 'SELECT sc_status, count(*) FROM cloudfront GROUP BY 1 ORDER BY 2 DESC'
  s3logs query s3://lake/logs \"SELECT * FROM s3_access WHERE dt = '2024-02-29' AND http_status = 403\"
  s3logs query ./dataset --file report.sql --output csv > report.csv
  s3logs query ./dataset --output parquet --to slow.parquet 'SELECT * FROM cloudfront WHERE time_taken > 5'
  s3logs query ./dataset --inventory s3://inventory/photos/daily/ \
    'SELECT storage_class, count(*), sum(size) FROM inventory GROUP BY 1'

Functions beside those of SQL: url_decode, url_host, is_asset, edge_city, edge_country, is_bot, crawler,
crawler_purpose, agent_family, ip_prefix, visitor, text_key, hour_start, month_start, and total, a sum that does not
wrap at 2^63; with --geoip country, country_name, asn, network_name of an address. `SHOW TABLES` and
`DESCRIBE cloudfront` tell what there is.";

/// Asks a dataset in SQL
///
/// Each table of the dataset is a table; the column dt is the day. Conditions on dt and on ts leave whole
/// days unread, those on other columns leave parts of files unread. Rows come as an aligned table on a
/// terminal and as CSV otherwise; on a terminal long cells are shortened to fit. Nothing is ever changed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the dataset is
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// One or more statements, separated by semicolons [default: standard input, asked for one by one
    /// on a terminal]
    #[arg(
        value_name = "SQL",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    sql: Option<String>,

    /// File with statements, or - for standard input
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Form of the rows [default: table on a terminal, else csv]
    #[arg(long, value_name = "FORM", value_enum)]
    output: Option<Form>,

    /// File for the rows, in the form that its name ends in; it appears when all of them are there
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

    /// Database (.mmdb) of countries or networks for the functions of addresses; may be given again
    #[arg(long, value_name = "FILE")]
    geoip: Vec<PathBuf>,

    /// Memory for sorts, groups and joins, at least 32MiB; sorts and plain groups go on on disk
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = values::memory)]
    memory: u64,

    #[command(flatten)]
    listed: InventoryArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

const NOTHING: &str = "there is no SQL to run";

/// Forms of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Aligned columns.
    Table,
    /// Comma-separated, with a header line.
    Csv,
    /// Tab-separated, with a header line.
    Tsv,
    /// One JSON object a line.
    Ndjson,
    /// A Parquet file; needs --to.
    Parquet,
}

impl Form {
    /// What the ending of a file's name says.
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct Asked {
    rows: u64,
    requests: u64,
    bytes_read: u64,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let place = args.place.to_string();
    let done = Box::pin(ask(args, context)).await;
    done.map_err(|failure| failure.at(&place))
}

async fn ask(args: Args, context: &Context) -> Result<Exit, Failure> {
    let ui = &context.ui;
    let form = args.form(ui)?;
    if let Some(path) = &args.to {
        super::new_file::outside(path, &args.place)?;
    }
    let sql = if args.is_shell() {
        None
    } else {
        Some(args.text()?)
    };
    let engine = open(&args.place, &args.aws, args.memory, &args.listed, context).await?;
    let engine = located(engine, &args.geoip)?;
    let asking = Asking {
        engine: &engine,
        form,
        to: args.to.as_deref(),
        ui,
    };
    let Some(sql) = sql else {
        return shell::run(&asking).await;
    };
    let queries = engine.statements(&sql)?;
    if queries.is_empty() {
        return Err(Failure::usage(
            NOTHING,
            "`s3logs query --help` shows examples",
        ));
    }
    if args.to.is_some() && queries.len() > 1 {
        return Err(Failure::usage(
            "--to takes the rows of one statement",
            "run the statements one by one",
        ));
    }
    let mut rows = 0;
    for query in queries {
        rows += context
            .unless_interrupted(Box::pin(asking.tell(query)))
            .await?;
    }
    let (requests, bytes_read) = engine.read_so_far();
    if ui.width().is_some() && !ui.style().json {
        let (read, seconds) = (ByteSize(bytes_read), ui.elapsed().as_secs_f64());
        ui.note(&format!(
            "{}, {read} read, {seconds:.2} s",
            ui::count(rows, "row")
        ));
    }
    let asked = Asked {
        rows,
        requests,
        bytes_read,
    };
    ui.conclude(asked, "", Exit::Done)
}

/// A dataset ready to be asked.
pub(super) async fn open(
    place: &Location,
    aws: &AwsArgs,
    memory: u64,
    listed: &InventoryArgs,
    context: &Context,
) -> Result<Engine, Failure> {
    let destination = context.existing(place, &aws.options()).await?;
    let limits = Limits {
        memory,
        spill: std::env::temp_dir(),
    };
    let opened = Engine::open(destination.store, &destination.base, &limits);
    let mut engine = context.unless_interrupted(Box::pin(opened)).await?;
    if let Some(inventory) = &listed.inventory {
        let (root, name) = report_of(inventory);
        let added = async {
            let at = context.existing(&root, &aws.options()).await?;
            let name = format!("{}{name}", at.base);
            let added = engine.add_inventory(at.store, &name);
            context.unless_interrupted(Box::pin(added)).await
        };
        let added: Result<(), Failure> = added.await;
        added.map_err(|failure| failure.at(&inventory.to_string()))?;
    }
    Ok(engine)
}

/// What to open for a report of an inventory, and its name in there. Files lie in a folder beside the
/// report's own.
fn report_of(inventory: &Location) -> (Location, String) {
    match inventory {
        Location::S3 { bucket, prefix } => {
            let whole = Location::S3 {
                bucket: bucket.clone(),
                prefix: String::new(),
            };
            (whole, prefix.clone())
        }
        Location::Local(path) => {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let is_file = path.is_file();
            let name = |path: &Path| {
                let name = path.file_name().unwrap_or_default();
                name.to_string_lossy().into_owned()
            };
            let own = if is_file {
                path.parent()
            } else {
                Some(path.as_path())
            };
            let Some((own, above)) = own.and_then(|own| Some((own, own.parent()?))) else {
                return (Location::Local(path), String::new());
            };
            let file = if is_file {
                format!("/{}", name(&path))
            } else {
                String::new()
            };
            if is_file || own.join("manifest.json").is_file() {
                return (
                    Location::Local(above.to_owned()),
                    format!("{}{file}", name(own)),
                );
            }
            (Location::Local(path), String::new())
        }
        Location::Std => (inventory.clone(), String::new()),
    }
}

/// The same with databases of addresses, if there are any.
pub(super) fn located(engine: Engine, geoip: &[PathBuf]) -> Result<Engine, Failure> {
    if geoip.is_empty() {
        return Ok(engine);
    }
    Ok(engine.with_places(Places::open(geoip)?))
}

/// An engine, and how its answers are told.
struct Asking<'a> {
    engine: &'a Engine,
    form: Form,
    to: Option<&'a Path>,
    ui: &'a Ui,
}

impl Asking<'_> {
    /// Runs a statement and hands its rows on; returns how many there were.
    async fn tell(&self, query: Query) -> Result<u64, Failure> {
        let mut answer = self.engine.run(query).await?;
        if answer.schema.fields().is_empty() {
            while answer.batches.try_next().await?.is_some() {}
            return Ok(0);
        }
        let mut sink = Sink::open(self.form, self.to, &answer.schema, self.ui)?;
        let mut rows = 0;
        while let Some(batch) = answer.batches.try_next().await? {
            rows += batch.num_rows() as u64;
            sink.take(&batch, self.ui)?;
        }
        sink.finish(self.ui)?;
        Ok(rows)
    }
}

impl Args {
    /// Whether statements are asked for one by one.
    pub(super) fn is_shell(&self) -> bool {
        let none = self.sql.is_none() && self.file.is_none() && self.to.is_none();
        none && io::stdin().is_terminal()
    }

    fn form(&self, ui: &Ui) -> Result<Form, Failure> {
        let json = ui.style().json;
        let usual = match ui.width() {
            _ if json => Form::Ndjson,
            Some(_) if self.to.is_none() => Form::Table,
            _ => Form::Csv,
        };
        let by_name = self.to.as_deref().and_then(Form::of);
        let form = self.output.or(by_name).unwrap_or(usual);
        if json && form != Form::Ndjson && self.to.is_none() {
            return Err(Failure::usage(
                "--json does not go together with this --output",
                "leave one of them out",
            ));
        }
        if form == Form::Parquet && self.to.is_none() {
            return Err(Failure::usage(
                "--output parquet needs a file",
                "name it with --to FILE",
            ));
        }
        Ok(form)
    }

    fn text(&self) -> Result<String, Failure> {
        if let Some(sql) = &self.sql {
            return Ok(sql.clone());
        }
        let file = self.file.as_deref().filter(|file| *file != Path::new("-"));
        if let Some(file) = file {
            let name = file.display().to_string();
            return fs::read_to_string(file).map_err(|error| Failure::file("read", &name, &error));
        }
        if self.file.is_none() && io::stdin().is_terminal() {
            return Err(Failure::usage(
                NOTHING,
                "give it after the dataset, with --file, or on standard input",
            ));
        }
        let mut text = String::new();
        let read = io::stdin().read_to_string(&mut text);
        read.map_err(|error| Failure::file("read", "standard input", &error))?;
        Ok(text)
    }
}
