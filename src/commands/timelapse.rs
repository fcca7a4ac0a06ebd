mod output;
mod told;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::cpu;
use crate::jobs::JobError;
use crate::plan::TimeRange;
use crate::query::{Bucket, Engine, LOGS, QueryError, Wanted};
use crate::store::Location;
use crate::timelapse::{Counts, Film, Layout, Replay, Replayed, Size, Sorter, Spool, Timeline};
use crate::ui::{Exit, Failure, Ui, one_line};
use crate::units::{ByteSize, grouped};

use super::args::{AwsArgs, InventoryArgs, PeriodArgs};
use super::{Context, query, values};
use output::{Form, Output};
use told::Told;

const EXAMPLES: &str = "\
Examples:
  s3logs timelapse ./dataset film.gif
  s3logs timelapse s3://lake/logs film.html --bucket example-assets --prefix img/ --month 2024-02
  s3logs timelapse ./dataset film.gif --every 1d --width 1920 --height 1080
  s3logs timelapse ./dataset frames/ && ffmpeg -framerate 20 -i frames/frame-%05d.ppm -pix_fmt yuv420p film.mp4
  s3logs timelapse s3://lake/logs film.gif --inventory s3://inventory/photos/daily/2024-02-01T01-00Z/";

/// Shows the objects of a bucket as they come and go, as an animated picture
///
/// Each object is a square, in the order of keys, or where there are more than fit each dot stands for
/// many: grey while it is not there yet, green when it is, yellow under a delete marker, red when its data
/// has expired, black when nothing is left of it. OUT says what is made: a GIF, a page of HTML with a
/// slider, or a folder of numbered frames for other programs. What happened comes from S3 access logs:
/// puts, copies, deletes and what lifecycle did. An object whose first row is none of its creation was
/// there before, and so was what --inventory lists. With --since, what is logged from before tells how the
/// film begins. Times are UTC.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the dataset is
    #[arg(value_name = "DEST", value_parser = values::place)]
    place: Location,

    /// What is made: a name that ends in .gif, in .html, or in / for a folder of frames
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// Objects of this bucket [default: the one of which most is logged]
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,

    /// Only objects whose keys begin with this
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,

    #[command(flatten)]
    within: PeriodArgs,

    /// A frame for each step of this length (90s, 10m, 1h, 1d) [default: what gives up to 300 frames, as 1h does for twelve days]
    #[arg(long, value_name = "TIME", conflicts_with = "frames")]
    every: Option<Step>,

    /// So many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=i64::from(Timeline::MOST)))]
    frames: Option<u16>,

    /// Frames shown in a second [default: 20, fewer if there are few]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=50))]
    fps: Option<u16>,

    /// Width of the picture, dots
    #[arg(long, value_name = "DOTS", default_value_t = 960, value_parser = clap::value_parser!(u16).range(480..=3840))]
    width: u16,

    /// Height of the picture, dots
    #[arg(long, value_name = "DOTS", default_value_t = 540, value_parser = clap::value_parser!(u16).range(270..=2160))]
    height: u16,

    /// Whether the bucket keeps versions, so that a delete is a marker
    #[arg(long, value_name = "WHETHER", value_enum, default_value_t = Versioned::Auto)]
    versioned: Versioned,

    /// Memory to put rows in order, at least 32MiB; what does not fit goes to disk
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = values::memory)]
    memory: u64,

    /// Tell what would be shown and write nothing; the rows are read all the same
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    listed: InventoryArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Versioned {
    /// It does if lifecycle makes delete markers in it, or a change names a version.
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// A length of time, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step(i64);

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || format!("{text:?} is no length of time; write it like 90s, 10m, 1h or 1d");
        let (number, unit) =
            text.split_at(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(bad()),
        };
        let number: u32 = number.parse().map_err(|_| bad())?;
        if number == 0 {
            return Err(bad());
        }
        Ok(Self(i64::from(number) * seconds * 1_000_000))
    }
}

/// Rows between two looks at the clock.
const LOOK: u64 = 1 << 16;

/// Time between two lines about how far things are.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let place = args.place.to_string();
    let done = Box::pin(make(args, context)).await;
    done.map_err(|failure| failure.at(&place))
}

async fn make(args: Args, context: &Context) -> Result<Exit, Failure> {
    let form = args.form()?;
    super::new_file::outside(&args.out, &args.place)?;
    let mut wanted = args.wanted()?;
    let engine = query::open(&args.place, &args.aws, args.memory, &args.listed, context).await?;
    let mut bucket = args.choose(&engine, &wanted, context).await?;
    wanted.bucket = Some(bucket.name.clone());
    if engine.has_inventory() {
        let listed = engine.listed_keys(&wanted);
        if let Some(keys) = context.unless_interrupted(Box::pin(listed)).await? {
            bucket.widen(keys);
        }
    }
    let timeline = args.timeline(&bucket)?;
    let fps = args.fps.unwrap_or((timeline.frames / 10).clamp(2, 20));
    // What cannot be written fails before all is read.
    let output = if args.dry_run {
        None
    } else {
        Some(Output::create(&args.out, form, fps)?)
    };
    let versioned = args.is_versioned(&bucket);
    let sorter = args.read(&engine, &wanted, &bucket, context).await?;
    drop(engine);
    let (replayed, spool) = replay(sorter, args.new_replay(&bucket, timeline)?, context).await?;
    let layout = Layout::new(args.size(), replayed.objects, &replayed.prefixes);
    let film = Film {
        title: told::name(&bucket.name, &args.prefix),
        timeline,
        layout,
        turns: replayed.turns.clone(),
        moves: replayed.moves > 0,
    };
    args.check_memory(&film.layout)?;
    let mut told = Told::new(&bucket, &args.prefix, versioned, &film, &replayed);
    if let (Some(output), Some(spool)) = (output, spool) {
        let drawn = draw(film, spool, output, context).await?;
        told.drawn(drawn, &args.out, form, fps);
    }
    context
        .ui
        .conclude(&told, &told.text(context.ui.elapsed()), Exit::Done)
}

/// Replays the rows of a sorter on the CPU pool, and puts what they change in the order of time.
async fn replay(
    sorter: Sorter,
    mut replay: Replay,
    context: &Context,
) -> Result<(Replayed, Option<Spool>), Failure> {
    let (ui, cancel) = (context.ui.clone(), context.cancel.clone());
    let done = cpu::run(move || {
        let mut progress = Progress::new(ui);
        let mut in_order = sorter.finish()?;
        let mut rows = 0_u64;
        while in_order.next(|key, at, action| replay.row(key, at, action))? {
            rows += 1;
            if rows.is_multiple_of(LOOK) {
                progress.tell(|| format!("{} rows replayed", grouped(rows)));
                if cancel.is_cancelled() {
                    return Ok(None);
                }
            }
        }
        replay.finish().map(Some)
    });
    let done = done.await.map_err(Stop::Disk)?;
    done.ok_or_else(|| JobError::Interrupted.into())
}

/// Draws the film on the CPU pool. Returns its bytes and what its last frame shows.
async fn draw(
    film: Film,
    spool: Spool,
    output: Output,
    context: &Context,
) -> Result<(u64, Counts), Failure> {
    let (ui, cancel) = (context.ui.clone(), context.cancel.clone());
    let drawn = cpu::run(move || {
        let mut progress = Progress::new(ui);
        let mut last = Counts::default();
        let failed = |error| Failure::file("read", "a temporary file", &error);
        let mut merge = spool.merge().map_err(failed)?;
        let frames = film.timeline.frames;
        let bytes = output.draw(&film, &mut merge, &mut |frame, counts| {
            last = *counts;
            progress.tell(|| format!("frame {} of {frames}", frame + 1));
            !cancel.is_cancelled()
        })?;
        Ok::<_, Failure>(bytes.map(|bytes| (bytes, last)))
    });
    drawn.await?.ok_or_else(|| JobError::Interrupted.into())
}

/// Says how far things are, now and then.
struct Progress {
    ui: Ui,
    next: Instant,
}

impl Progress {
    fn new(ui: Ui) -> Self {
        let next = Instant::now() + PATIENCE;
        Self { ui, next }
    }

    fn tell(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if now >= self.next {
            self.ui.note(&text());
            self.next = now + PATIENCE;
        }
    }
}

/// What stops a replay.
enum Stop {
    Query(QueryError),
    Disk(std::io::Error),
}

impl From<QueryError> for Stop {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Query(error) => error.into(),
            Stop::Disk(error) => Self::file("write", "a temporary file", &error),
        }
    }
}

impl Args {
    fn form(&self) -> Result<Form, Failure> {
        let form = Form::of(&self.out)?;
        let odd = self.width % 2 == 1 || self.height % 2 == 1;
        if form == Form::Frames && odd {
            return Err(Failure::usage(
                "films need an even width and height",
                "make --width or --height one less",
            ));
        }
        Ok(form)
    }

    fn size(&self) -> Size {
        Size {
            width: self.width.into(),
            height: self.height.into(),
        }
    }

    fn wanted(&self) -> Result<Wanted, Failure> {
        let TimeRange { since, until } = self.within.range()?;
        Ok(Wanted {
            bucket: self.bucket.clone(),
            prefix: self.prefix.clone(),
            since,
            until,
        })
    }

    /// The bucket that is shown; the others are named.
    async fn choose(
        &self,
        engine: &Engine,
        wanted: &Wanted,
        context: &Context,
    ) -> Result<Bucket, Failure> {
        if !engine.tables().contains_key(LOGS) {
            return Err(Failure::not_found(
                "the dataset has no S3 access logs",
                "`s3logs status DEST` lists its tables; what became of objects is told by s3_access",
            ));
        }
        let found = context.unless_interrupted(Box::pin(engine.buckets(wanted)));
        let mut found = found.await?.into_iter();
        let Some(bucket) = found.next() else {
            return Err(Failure::not_found(
                "nothing is logged that created, deleted or moved one of these objects",
                "choose another --bucket, --prefix or time; `s3logs report DEST` shows what there is",
            ));
        };
        let others: Vec<String> = found.map(|other| other.name).collect();
        if !others.is_empty() {
            let named = others
                .iter()
                .take(3)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            let more = if others.len() > 3 { " and more" } else { "" };
            context.ui.note(&one_line(&format!(
                "shown is {}; --bucket shows another: {named}{more}",
                bucket.name
            )));
        }
        Ok(bucket)
    }

    fn timeline(&self, bucket: &Bucket) -> Result<Timeline, Failure> {
        let (first, last) = bucket.span;
        match (self.frames, self.every) {
            (Some(frames), _) => Ok(Timeline::of_frames(first, last, frames)),
            (None, Some(Step(step))) => Timeline::every(first, last, step).ok_or_else(|| {
                Failure::usage(
                    format!("these would be more than {} frames", Timeline::MOST),
                    "make --every longer, or choose a shorter time",
                )
            }),
            (None, None) => Ok(Timeline::usual(first, last)),
        }
    }

    fn is_versioned(&self, bucket: &Bucket) -> bool {
        match self.versioned {
            Versioned::Auto => bucket.versioned,
            Versioned::Yes => true,
            Versioned::No => false,
        }
    }

    /// Reads all rows and puts them in order.
    async fn read(
        &self,
        engine: &Engine,
        wanted: &Wanted,
        bucket: &Bucket,
        context: &Context,
    ) -> Result<Sorter, Failure> {
        let mut sorter = Sorter::create(&std::env::temp_dir(), self.part(4)).map_err(Stop::Disk)?;
        let mut progress = Progress::new(context.ui.clone());
        let mut rows = 0_u64;
        let lives = engine.lives(wanted, bucket.begins, |key, at, action| {
            rows += 1;
            if rows.is_multiple_of(LOOK) {
                progress.tell(|| format!("{} rows read", grouped(rows)));
            }
            sorter.push(key, at, action).map_err(Stop::Disk)
        });
        context.unless_interrupted(Box::pin(lives)).await?;
        Ok(sorter)
    }

    /// A part of the memory, bytes.
    fn part(&self, part: u64) -> usize {
        usize::try_from(self.memory / part).unwrap_or(usize::MAX)
    }

    /// A replay of a bucket; one that only counts for a dry run.
    fn new_replay(&self, bucket: &Bucket, timeline: Timeline) -> Result<Replay, Failure> {
        let spool = if self.dry_run {
            None
        } else {
            let spool = Spool::create(&std::env::temp_dir(), self.part(8));
            Some(spool.map_err(Stop::Disk)?)
        };
        let keys = (bucket.keys.0.as_bytes(), bucket.keys.1.as_bytes());
        Ok(Replay::new(
            timeline,
            self.is_versioned(bucket),
            keys,
            spool,
        ))
    }

    fn check_memory(&self, layout: &Layout) -> Result<(), Failure> {
        let needed = layout.memory();
        if needed <= self.memory {
            return Ok(());
        }
        let needed = ByteSize(needed);
        Err(Failure::usage(
            format!("a picture of this size takes {needed} of memory"),
            "give it more with --memory, or make it smaller",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timelapse::SIZES;

    #[test]
    fn steps() {
        let micros = |text: &str| text.parse::<Step>().map(|step| step.0);
        assert_eq!(micros("90s"), Ok(90_000_000));
        assert_eq!(micros("1d"), Ok(86_400_000_000));
        for wrong in ["", "h", "0h", "1w", "1.5h", "-1h", "1 h", "1é"] {
            assert!(micros(wrong).is_err(), "{wrong}");
        }
        let [least, most] = SIZES;
        assert_eq!(
            (least.width, most.height),
            (480, 2160),
            "as the options say"
        );
    }
}
