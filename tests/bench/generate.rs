//! Writes realistic S3 access or `CloudFront` logs for benchmarks: the same bytes for the same arguments.
//!
//! Prints one line of JSON with the truth about what it wrote, so that a run over the logs can be checked to the row.

#![expect(
    unreachable_pub,
    reason = "`pub` marks what the modules of this program offer each other; a program exports nothing"
)]

#[path = "generate/calendar.rs"]
mod calendar;
#[path = "generate/cloudfront.rs"]
mod cloudfront;
#[path = "generate/object.rs"]
mod object;
#[path = "generate/options.rs"]
mod options;
#[path = "generate/pools.rs"]
mod pools;
#[path = "generate/random.rs"]
mod random;
#[path = "generate/s3_access.rs"]
mod s3_access;
#[path = "generate/text.rs"]
mod text;
#[path = "generate/truth.rs"]
mod truth;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, io, thread};

use object::Writer;
use options::{Ask, HELP, Options};
use pools::Pools;
use truth::Truth;

fn main() -> ExitCode {
    let options = match Ask::from_arguments(env::args().skip(1)) {
        Ok(Ask::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Ask::Logs(options)) => options,
        Err(problem) => {
            eprintln!("generate-logs: {problem}\nSee generate-logs --help");
            return ExitCode::from(2);
        }
    };
    match write_logs(&options) {
        Ok(truth) => {
            println!("{}", truth.to_json(&options));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("generate-logs: {}: {error}", options.out.display());
            ExitCode::FAILURE
        }
    }
}

/// Every object has its own random stream, so the number of threads does not show in the bytes.
fn write_logs(options: &Options) -> io::Result<Truth> {
    fs::create_dir_all(&options.out)?;
    let pools = Pools::new(options.seed);
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| write_share(options, &pools, &next)))
            .collect();
        let mut truth = Truth::default();
        for worker in workers {
            truth.add(worker.join().expect("a worker reports its errors")?);
        }
        Ok(truth)
    })
}

/// Writes objects until none is left for this thread to take.
fn write_share(options: &Options, pools: &Pools, next: &AtomicU64) -> io::Result<Truth> {
    let mut writer = Writer::new(options, pools);
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= options.objects {
            return Ok(writer.into_truth());
        }
        writer.write(index)?;
    }
}
