//! Writes realistic S3 access or `CloudFront` logs for benchmarks: the same bytes for the same arguments.
//!
//! Prints one line of JSON with the truth about what it wrote, so that a run over the logs can be checked to the row.

mod generate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, io, thread};

use generate::{Options, Pools, Truth, Writer};

const HELP: &str = "\
Writes realistic AWS logs, the same bytes for the same arguments, and prints the truth about them as JSON.

Usage: generate-logs --format FORMAT [OPTIONS] OUTDIR

  --format FORMAT   s3-access or cloudfront
  --objects N       log objects to write [100]
  --rows M          rows in each object [1000]
  --days D          days the objects' stamps are spread over, from 2026-03-01 [1]
  --seed S          another seed, another set of logs [1]
  --late PERCENT    rows up to three days older than their object [1]
  --help            this text
";

fn main() -> ExitCode {
    let (options, out) = match Ask::from_arguments(env::args().skip(1)) {
        Ok(Ask::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Ask::Logs(options, out)) => (options, out),
        Err(problem) => {
            eprintln!("generate-logs: {problem}\nSee generate-logs --help");
            return ExitCode::from(2);
        }
    };
    match write_logs(&options, &out) {
        Ok(truth) => {
            println!("{}", truth.to_json(&options));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("generate-logs: {}: {error}", out.display());
            ExitCode::FAILURE
        }
    }
}

/// Every object has its own random stream, so the number of threads does not show in the bytes.
fn write_logs(options: &Options, out: &Path) -> io::Result<Truth> {
    fs::create_dir_all(out)?;
    let pools = Pools::new(options.seed);
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| write_share(options, out, &pools, &next)))
            .collect();
        let mut truth = Truth::default();
        for worker in workers {
            truth.add(worker.join().expect("a worker reports its errors")?);
        }
        Ok(truth)
    })
}

/// Writes objects until none is left for this thread to take.
fn write_share(
    options: &Options,
    out: &Path,
    pools: &Pools,
    next: &AtomicU64,
) -> io::Result<Truth> {
    let mut writer = Writer::new(options, pools);
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= options.objects {
            return Ok(writer.into_truth());
        }
        let object = writer.make(index);
        fs::write(out.join(object.name), object.bytes)?;
    }
}

/// What the command line asks for.
enum Ask {
    Help,
    Logs(Options, PathBuf),
}

impl Ask {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut format, mut out) = (None, None);
        let (mut objects, mut rows, mut days, mut seed, mut late_percent) = (100, 1000, 1, 1, 1);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--format" => format = Some(value()?.parse()?),
                "--objects" => objects = number(&argument, &value()?)?,
                "--rows" => rows = number(&argument, &value()?)?,
                "--days" => days = number(&argument, &value()?)?.max(1),
                "--seed" => seed = number(&argument, &value()?)?,
                "--late" => late_percent = number(&argument, &value()?)?.min(100),
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                path => out = Some(PathBuf::from(path)),
            }
        }
        let options = Options {
            format: format.ok_or("--format is missing")?,
            objects,
            rows,
            days,
            seed,
            late_percent,
        };
        Ok(Self::Logs(options, out.ok_or("OUTDIR is missing")?))
    }
}

fn number(option: &str, text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("{option}: {text} is not a whole number"))
}
