//! The command line: one verb, one file. A file's doc comments are the verb's help.

mod args;
mod completions;
mod convert;
mod download;
mod ending;
mod formats;
mod host;
mod interrupt;
mod ledger;
mod list;
mod man;
mod merge;
#[cfg(feature = "query")]
mod new_file;
mod parse;
#[cfg(feature = "query")]
mod query;
#[cfg(feature = "query")]
mod report;
mod status;
mod sync;
#[cfg(feature = "query")]
mod timelapse;
mod upload;
mod values;
mod verify;

use std::future::Future;
use std::sync::Arc;
#[cfg(feature = "query")]
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::cpu;
use crate::event::Silent;
use crate::jobs::JobError;
use crate::jobs::source::{Destination, Nothing, Seen, Source};
use crate::pipeline::Cancel;
use crate::plan::Selection;
use crate::store::{AwsOptions, Location, MemoryStore};
use crate::ui::{self, Exit, Failure, Kind, Ui};

use args::StyleArgs;
use interrupt::Patience;

const AFTER_HELP: &str = "\
Places are s3://bucket/prefix or a local path. AWS settings come from the environment, the shared
configuration, SSO and instance roles, as with every AWS tool.

Exit codes:
    0  done (also when nobody reads the output any more)
    1  failed
    2  the command line makes no sense
    3  done, but objects failed or more lines were rejected than --max-rejected allows
   10  the ledger of the dataset cannot be read
   11  another run is at work on the dataset
  130  interrupted

`s3logs VERB --help` shows examples.";

/// Turns AWS access logs into one typed, sorted Parquet dataset, exactly once
#[derive(Debug, Parser)]
#[command(name = "s3logs", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    style: StyleArgs,

    #[command(subcommand)]
    command: Command,
}

/// Enough to take away what was begun, and short for one who waits.
#[cfg(feature = "query")]
const LONGEST_END: Duration = Duration::from_secs(2);

/// Threads that wait for the network; CPU work has a pool of its own.
const NETWORK_THREADS: usize = 2;

impl Cli {
    /// Threads for asynchronous work. Those of the SQL engine compute as well.
    fn threads(&self) -> usize {
        match self.command {
            #[cfg(feature = "query")]
            Command::Query(_) | Command::Report(_) | Command::Timelapse(_) => crate::cpu::threads(),
            _ => NETWORK_THREADS,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Sync(sync::Args),
    Status(status::Args),
    List(list::Args),
    Parse(parse::Args),
    Convert(convert::Args),
    Download(download::Args),
    Merge(merge::Args),
    Upload(upload::Args),
    Verify(verify::Args),
    #[cfg(feature = "query")]
    Query(query::Args),
    #[cfg(feature = "query")]
    Report(report::Args),
    #[cfg(feature = "query")]
    Timelapse(timelapse::Args),
    Ledger(ledger::Args),
    Formats(formats::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    fn reads_terminal(&self) -> bool {
        match self {
            #[cfg(feature = "query")]
            Self::Query(args) => args.is_shell(),
            _ => false,
        }
    }

    /// How long it may go on after Ctrl-C.
    fn patience(&self) -> Patience {
        match self {
            #[cfg(feature = "query")]
            Self::Query(_) | Self::Report(_) | Self::Timelapse(_) => Patience::Until(LONGEST_END),
            _ => Patience::Endless,
        }
    }

    fn verb(&self) -> &'static str {
        match self {
            Self::Sync(_) => "sync",
            Self::Status(_) => "status",
            Self::List(_) => "list",
            Self::Parse(_) => "parse",
            Self::Convert(_) => "convert",
            Self::Download(_) => "download",
            Self::Merge(_) => "merge",
            Self::Upload(_) => "upload",
            Self::Verify(_) => "verify",
            #[cfg(feature = "query")]
            Self::Query(_) => "query",
            #[cfg(feature = "query")]
            Self::Report(_) => "report",
            #[cfg(feature = "query")]
            Self::Timelapse(_) => "timelapse",
            Self::Ledger(_) => "ledger",
            Self::Formats(_) => "formats",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

/// What every verb gets. Opening a place loads the AWS configuration, whose future is large; hence
/// the boxes.
struct Context {
    ui: Ui,
    cancel: Cancel,
}

impl Context {
    /// Work that need not be asked to stop, as it leaves nothing behind: it is dropped.
    async fn unless_interrupted<T, E: Into<Failure>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            result = work => result.map_err(Into::into),
            () = self.cancel.cancelled() => Err(JobError::Interrupted.into()),
        }
    }

    /// Tells why a source gave no object, if it did not.
    async fn tell_nothing(&self, source: &Source, shown: &Location) -> Result<(), Failure> {
        let look = async {
            let seen = source.each::<JobError>(&Silent, async |_| Ok(true)).await?;
            Ok::<_, JobError>(match seen {
                Seen { objects: 0, .. } => Some(Nothing::Empty {
                    nearest: source.nearest().await,
                }),
                Seen {
                    wanted: 0, objects, ..
                } => Some(Nothing::Unselected { objects }),
                Seen { .. } => None,
            })
        };
        if let Some(nothing) = self.unless_interrupted(Box::pin(look)).await? {
            self.ui
                .note(&ui::nothing_text(&shown.to_string(), &nothing));
        }
        Ok(())
    }

    async fn source(
        &self,
        location: &Location,
        aws: &AwsOptions,
        selection: Selection,
    ) -> Result<Source, Failure> {
        self.unless_interrupted(Box::pin(Source::open(location, aws, selection)))
            .await
    }

    /// A destination; a dry run does not make a folder, and takes one that is not there for empty.
    async fn destination_or_plan(
        &self,
        location: &Location,
        aws: &AwsOptions,
        dry_run: bool,
    ) -> Result<Destination, Failure> {
        if !dry_run {
            return self
                .unless_interrupted(Box::pin(Destination::open(location, aws)))
                .await;
        }
        match self.existing(location, aws).await {
            Err(failure) if failure.kind == Kind::NotFound => Ok(Destination {
                store: Arc::new(MemoryStore::default()),
                base: String::new(),
                shown: location.to_string(),
            }),
            other => other,
        }
    }

    /// Whether there is no object at all below the source, which is told. Verbs ask before they open
    /// a destination, so that a source that cannot be read leaves nothing behind.
    async fn is_empty(&self, source: &Source, shown: &Location) -> Result<bool, Failure> {
        let nothing = self.unless_interrupted(source.nothing()).await?;
        if let Some(nothing) = &nothing {
            let text = ui::nothing_text(&shown.to_string(), nothing);
            self.ui.note(&text);
        }
        Ok(nothing.is_some())
    }

    /// A dataset that must be there, to be written unless it is a dry run.
    async fn writable(
        &self,
        location: &Location,
        aws: &AwsOptions,
        dry_run: bool,
    ) -> Result<Destination, Failure> {
        let existing = self.existing(location, aws).await?;
        if dry_run {
            return Ok(existing);
        }
        self.unless_interrupted(Box::pin(Destination::open(location, aws)))
            .await
    }

    async fn existing(
        &self,
        location: &Location,
        aws: &AwsOptions,
    ) -> Result<Destination, Failure> {
        self.unless_interrupted(Box::pin(Destination::open_existing(location, aws)))
            .await
    }
}

/// Threads that wait for the file system. More would gain little, and the allocator keeps memory for each.
const FILE_THREADS: usize = 4;

/// Runs a verb to its end, on threads of its own.
pub fn run(cli: Cli) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cli.threads())
        .max_blocking_threads(FILE_THREADS)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let exit = cpu::on_large_stack(|| runtime.block_on(run_verb(cli)));
            // A read from a terminal that nobody answers must not keep the program.
            runtime.shutdown_background();
            exit
        }
        Err(error) => cannot_start(&cli, &error),
    }
}

async fn run_verb(cli: Cli) -> Exit {
    let ui = Ui::new(cli.command.verb(), cli.style.style());
    let (cancel, _watch) = if cli.command.reads_terminal() {
        // There Ctrl-C means a line or a query.
        (Cancel::never(), None)
    } else {
        interrupt::watch_signals(&ui, cli.command.patience())
    };
    let context = Context {
        ui: ui.clone(),
        cancel,
    };
    let result = match cli.command {
        Command::Sync(args) => Box::pin(sync::run(args, &context)).await,
        Command::Status(args) => status::run(args, &context).await,
        Command::List(args) => list::run(args, &context).await,
        Command::Parse(args) => Box::pin(parse::run(args, &context)).await,
        Command::Convert(args) => Box::pin(convert::run(args, &context)).await,
        Command::Download(args) => Box::pin(download::run(args, &context)).await,
        Command::Merge(args) => Box::pin(merge::run(args, &context)).await,
        Command::Verify(args) => Box::pin(verify::run(args, &context)).await,
        #[cfg(feature = "query")]
        Command::Query(args) => Box::pin(query::run(args, &context)).await,
        #[cfg(feature = "query")]
        Command::Report(args) => Box::pin(report::run(args, &context)).await,
        #[cfg(feature = "query")]
        Command::Timelapse(args) => Box::pin(timelapse::run(args, &context)).await,
        Command::Ledger(args) => ledger::run(args, &context).await,
        Command::Upload(args) => Box::pin(upload::run(args, &context)).await,
        Command::Formats(args) => formats::run(&args, &context),
        Command::Completions(args) => completions::run(&args, &context),
        Command::Man(args) => man::run(&args, &context),
    };
    ui.end(result)
}

/// Tells that the system refuses the threads the program needs.
fn cannot_start(cli: &Cli, error: &std::io::Error) -> Exit {
    let ui = Ui::new(cli.command.verb(), cli.style.style());
    ui.end(Err(Failure::file("start", "threads", error)))
}

#[cfg(test)]
mod tests;
