use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};

use crate::jobs::parse::{self, ParseOptions, Sink};
use crate::jobs::sync::Report;
use crate::jobs::{JobError, source::Source};
use crate::parse::Reject;
use crate::store::Location;
use crate::ui::{Exit, Failure, Flow, Ui, Watch};

use super::Context;
use super::args::{AwsArgs, ReadArgs, RejectArgs, SelectArgs};
use super::ending::Ending;
use super::values::RowFormat;

const EXAMPLES: &str = "\
Examples:
  s3logs parse access.log | jq .key
  zcat old.gz | s3logs parse --format s3-access --output csv --columns ts,key,http_status -
  s3logs parse --since 2024-02-29 --rejects bad.ndjson s3://logs/s3/ ./more";

/// Writes typed rows as text to standard output
///
/// Reads files, folders and prefixes, plain or compressed, of mixed formats, or standard input
/// (`-`, or nothing in a pipe). With --json the rows are followed by a summary, and failures stand
/// between them; those lines alone have a field `event`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Files, folders, prefixes, or - for standard input
    #[arg(value_name = "SRC", value_parser = str::parse::<Location>)]
    sources: Vec<Location>,

    /// Form of the rows
    #[arg(long, value_name = "FORM", value_enum, default_value = "ndjson")]
    output: RowFormat,

    /// Only these columns, in this order
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    columns: Vec<String>,

    /// File for rejected lines, one JSON object each
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    reject_limit: RejectArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

impl Args {
    fn options(&self) -> ParseOptions {
        ParseOptions {
            jobs: self.read.transfer.jobs(),
            memory: self.read.transfer.memory,
            max_object: self.read.max_object,
            keep_partial: self.read.keep_partial,
            text: self.output.into(),
            columns: self.columns.clone(),
        }
    }

    /// What to read instead of places: standard input, or a pipe that was named.
    fn stream(&self) -> Result<Option<Box<dyn Read + Send>>, Failure> {
        match self.sources.as_slice() {
            [] if io::stdin().is_terminal() => Err(Failure::usage(
                "nothing to parse",
                "name files, folders or prefixes, or pipe a log in",
            )),
            [] | [Location::Std] => Ok(Some(Box::new(io::stdin()))),
            [Location::Local(path)] if is_pipe(path) => {
                let name = path.display().to_string();
                let pipe =
                    File::open(path).map_err(|error| Failure::file("read", &name, &error))?;
                Ok(Some(Box::new(pipe)))
            }
            several if several.contains(&Location::Std) => Err(Failure::usage(
                "- does not go together with other sources",
                "parse standard input on its own",
            )),
            _ => Ok(None),
        }
    }

    /// Opens the file for rejected lines, which must not be one of the logs.
    fn rejects_file(&self) -> Result<Option<RejectsFile>, Failure> {
        let Some(path) = &self.rejects else {
            return Ok(None);
        };
        let same = |source: &Location| match (source, path.canonicalize()) {
            (Location::Local(source), Ok(path)) => source.canonicalize().is_ok_and(|s| s == path),
            _ => false,
        };
        if self.sources.iter().any(same) {
            return Err(Failure::usage(
                "--rejects names one of the logs to parse",
                "name another file",
            ));
        }
        RejectsFile::create(path).map(Some)
    }

    async fn open(&self, context: &Context) -> Result<Vec<Source>, Failure> {
        let aws = self.aws.options();
        let mut sources = Vec::new();
        for location in &self.sources {
            let selection = self.select.selection()?;
            sources.push(context.source(location, &aws, selection).await?);
        }
        Ok(sources)
    }

    fn shown(&self) -> String {
        let names: Vec<String> = self.sources.iter().map(ToString::to_string).collect();
        names.join(", ")
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let ui = &context.ui;
    if ui.style().json && args.output != RowFormat::Ndjson {
        return Err(Failure::usage(
            "--json does not go together with this --output",
            "leave one of them out",
        ));
    }
    let stream = args.stream()?;
    let sources = if stream.is_some() {
        Vec::new()
    } else {
        args.open(context).await?
    };
    let rejects = args.rejects_file()?;
    let watch = ui.watch(Flow::Rows, None);
    let mut rows = Rows {
        ui,
        watch: &watch,
        rejects,
        failure: None,
    };
    let result = read(&args, stream, &sources, &mut rows, context).await;
    let closed = rows.finish();
    watch.finish();
    // The stream's own failure says more than the job's.
    closed?;
    let ending = Ending {
        source: args.shown(),
        place: None,
        ledger: false,
        max_rejected: args.reject_limit.max_rejected,
    };
    ending.report(&result?, ui)
}

async fn read(
    args: &Args,
    stream: Option<Box<dyn Read + Send>>,
    sources: &[Source],
    rows: &mut Rows<'_>,
    context: &Context,
) -> Result<Report, JobError> {
    let (options, observer) = (args.options(), rows.watch.observer());
    if let Some(input) = stream {
        let format = args.select.format();
        parse::parse_stream(input, format, &options, rows, &observer, &context.cancel).await
    } else {
        parse::parse(sources, &options, rows, &observer, &context.cancel).await
    }
}

/// Neither a file nor a folder: a named pipe, `/dev/stdin`, `<(…)` of a shell.
fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// The file of rejected lines.
struct RejectsFile {
    name: String,
    writer: BufWriter<File>,
}

impl RejectsFile {
    fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let file = File::create(path).map_err(|error| Failure::file("write", &name, &error))?;
        Ok(Self {
            name,
            writer: BufWriter::new(file),
        })
    }
}

/// Rows to standard output, rejects to their file or, the first of them, to standard error.
struct Rows<'a> {
    ui: &'a Ui,
    watch: &'a Watch,
    rejects: Option<RejectsFile>,
    /// The first failure of one of the streams.
    failure: Option<Failure>,
}

impl Rows<'_> {
    fn finish(mut self) -> Result<(), Failure> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if let Some(file) = &mut self.rejects {
            let flushed = file.writer.flush();
            flushed.map_err(|error| Failure::file("write", &file.name, &error))?;
        }
        Ok(())
    }
}

impl Sink for Rows<'_> {
    fn rows(&mut self, text: &[u8]) -> io::Result<()> {
        let output = self.ui.output();
        // Rows come in large pieces; who follows a stream wants each at once.
        let written = output.write(text).and_then(|()| output.flush());
        if let Err(error) = &written {
            self.failure.get_or_insert_with(|| Failure::output(error));
        }
        written
    }

    fn reject(&mut self, key: &str, reject: &Reject) -> io::Result<()> {
        let Some(file) = &mut self.rejects else {
            self.watch.reject(key, reject.line, &reject.reason);
            return Ok(());
        };
        let written = file.writer.write_all(&reject.to_json_line(key));
        if let Err(error) = &written {
            self.failure
                .get_or_insert_with(|| Failure::file("write", &file.name, error));
        }
        written
    }
}
