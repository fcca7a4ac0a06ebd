//! Groups of options that several verbs share.

use clap::Args;

use crate::jobs::WorkOptions;
use crate::plan::{Glob, Selection, TimeRange};
use crate::schema::LogFormat;
use crate::store::{AwsOptions, Patience};
use crate::ui::{Failure, Loudness, Style};

use super::values::{self, Month, When};

// No doc comments on these structs: clap would take them for the help of the verb that holds them.

#[derive(Args, Clone, Copy, Debug)]
pub(super) struct StyleArgs {
    /// Write events and the result as JSON, one object a line
    #[arg(long, global = true, display_order = 900)]
    json: bool,

    /// Print errors only
    #[arg(
        long,
        short,
        global = true,
        conflicts_with = "verbose",
        display_order = 901
    )]
    quiet: bool,

    /// Tell what becomes of every object
    #[arg(long, short, global = true, display_order = 902)]
    verbose: bool,
}

impl StyleArgs {
    pub(super) fn style(self) -> Style {
        let loudness = match (self.quiet, self.verbose) {
            (true, _) => Loudness::Quiet,
            (_, true) => Loudness::Verbose,
            _ => Loudness::Normal,
        };
        Style {
            json: self.json,
            loudness,
        }
    }
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "AWS (the rest comes from the environment and the profile)")]
pub(super) struct AwsArgs {
    /// Profile of the shared configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// Region of the bucket
    #[arg(long, value_name = "NAME")]
    region: Option<String>,

    /// Address of an S3-compatible server
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,

    /// Agree to pay for requests and transfer where the reader pays
    #[arg(long)]
    request_payer: bool,

    /// Send requests without a signature, for public buckets
    #[arg(long)]
    no_sign_request: bool,
}

impl AwsArgs {
    pub(super) fn options(&self) -> AwsOptions {
        AwsOptions {
            profile: self.profile.clone(),
            region: self.region.clone(),
            endpoint_url: self.endpoint_url.clone(),
            request_payer: self.request_payer,
            no_sign_request: self.no_sign_request,
            credentials: None,
            patience: Patience::default(),
        }
    }
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Selection")]
pub(super) struct SelectArgs {
    /// From this day or time on, by the time in the key (2024-02-29 or 2024-02-29T23:00:00Z)
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,

    /// Up to the end of this day, or before this time
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,

    /// All of this month (2024-02)
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["since", "until"])]
    month: Option<Month>,

    /// Only keys that match, below the prefix; may be given again
    #[arg(long, value_name = "GLOB")]
    include: Vec<Glob>,

    /// No keys that match; may be given again
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Glob>,

    /// Only objects of this format; objects that no format knows are read as it as well
    #[arg(long, value_name = "NAME", value_parser = values::log_format())]
    format: Option<&'static LogFormat>,
}

impl SelectArgs {
    pub(super) fn selection(&self) -> Result<Selection, Failure> {
        Ok(Selection {
            range: self.range()?,
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            format: self.format,
        })
    }

    pub(super) fn format(&self) -> Option<&'static LogFormat> {
        self.format
    }

    fn range(&self) -> Result<TimeRange, Failure> {
        range(self.since, self.until, self.month)
    }
}

fn range(
    since: Option<When>,
    until: Option<When>,
    month: Option<Month>,
) -> Result<TimeRange, Failure> {
    if let Some(Month(range)) = month {
        return Ok(range);
    }
    let range = TimeRange {
        since: since.map(When::first),
        until: until.map(When::after),
    };
    match (range.since, range.until) {
        (Some(since), Some(until)) if since >= until => {
            Err(Failure::usage("--until lies before --since", "swap them"))
        }
        _ => Ok(range),
    }
}

/// The same by the time of events, for what reads a dataset.
#[cfg(feature = "query")]
#[derive(Args, Clone, Debug, Default)]
pub(super) struct PeriodArgs {
    /// From this day or time on (2024-02-29 or 2024-02-29T23:00:00Z)
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,

    /// Up to the end of this day, or before this time
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,

    /// All of this month (2024-02)
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["since", "until"])]
    month: Option<Month>,
}

#[cfg(feature = "query")]
impl PeriodArgs {
    pub(super) fn range(&self) -> Result<TimeRange, Failure> {
        range(self.since, self.until, self.month)
    }

    /// Whether it is a month.
    pub(super) fn is_month(&self) -> bool {
        self.month.is_some()
    }
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Work")]
pub(super) struct TransferArgs {
    /// Transfers at the same time [default: 32 with S3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// Memory to stay within, at least 32MiB
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = values::memory)]
    pub(super) memory: u64,
}

impl TransferArgs {
    pub(super) fn jobs(&self) -> Option<usize> {
        self.jobs.map(usize::from)
    }
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Work")]
pub(super) struct ReadArgs {
    #[command(flatten)]
    pub(super) transfer: TransferArgs,

    /// Largest object, inflated; a larger one fails
    #[arg(long, value_name = "SIZE", default_value = "8GiB", value_parser = values::size)]
    pub(super) max_object: u64,

    /// Take the complete lines of a damaged object that stand before the damage
    #[arg(long)]
    pub(super) keep_partial: bool,
}

#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Work")]
pub(super) struct RejectArgs {
    /// Rejected lines that do not turn the exit code to 3
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) max_rejected: u64,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Work")]
pub(super) struct WorkArgs {
    #[command(flatten)]
    read: ReadArgs,

    /// Effort of compression, 1 to 22
    #[arg(long, value_name = "LEVEL", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=22))]
    zstd_level: i32,

    #[command(flatten)]
    pub(super) rejects: RejectArgs,
}

impl WorkArgs {
    pub(super) fn memory(&self) -> u64 {
        self.read.transfer.memory
    }

    pub(super) fn options(&self) -> WorkOptions {
        WorkOptions {
            jobs: self.read.transfer.jobs(),
            memory: self.read.transfer.memory,
            max_object: self.read.max_object,
            keep_partial: self.read.keep_partial,
            zstd_level: self.zstd_level,
        }
    }
}

#[cfg(feature = "query")]
#[derive(Args, Clone, Debug, Default)]
pub(super) struct InventoryArgs {
    /// S3 Inventory of a bucket, as CSV or Parquet: a manifest.json, or a folder of reports, of which the
    /// newest counts; it is the table inventory
    #[arg(long, value_name = "PLACE", value_parser = values::place)]
    pub(super) inventory: Option<crate::store::Location>,
}
