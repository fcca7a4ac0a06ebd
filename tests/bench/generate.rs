//! Realistic S3 access and `CloudFront` logs, made in memory: the same bytes for the same options.

#![allow(
    dead_code,
    unused_imports,
    reason = "each of the programs that make logs uses a part of this"
)]
#![expect(
    unreachable_pub,
    reason = "`pub` marks what the modules offer each other; a program exports nothing"
)]

// With their paths, so that this file can be a module of any program.
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

pub use object::{Object, Writer};
pub use options::{Format, Options};
pub use pools::Pools;
pub use truth::Truth;

/// All objects of a set, in order.
pub fn objects(options: &Options) -> Vec<Object> {
    let pools = Pools::new(options.seed);
    let mut writer = Writer::new(options, &pools);
    (0..options.objects)
        .map(|index| writer.make(index))
        .collect()
}
