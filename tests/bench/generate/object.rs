//! One log object: its name, the times of its rows, its bytes.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::calendar::{DAY, HOUR, Moment, START};
use super::options::{Format, Options};
use super::pools::Pools;
use super::random::{Random, scramble};
use super::text::Text;
use super::truth::Truth;
use super::{cloudfront, s3_access};

/// How old a late row may be.
const LATE: u64 = 3 * DAY;
/// Keeps the streams of objects apart from those of the pools.
const OBJECT_STREAMS: u64 = 1 << 32;

/// What a row is drawn from.
pub struct Draw<'a> {
    pub random: Random,
    pub pools: &'a Pools,
    /// Place of the distribution or bucket in its list.
    pub source: usize,
    /// A scrambled number that no other row of the run has.
    pub id: u64,
}

/// A log object as it is delivered.
pub struct Object {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Makes one object after the other with the same buffer, which is as large as the largest object's text.
pub struct Writer<'a> {
    options: &'a Options,
    pools: &'a Pools,
    text: Text,
    truth: Truth,
}

impl<'a> Writer<'a> {
    pub fn new(options: &'a Options, pools: &'a Pools) -> Self {
        let separator = match options.format {
            Format::S3Access => b' ',
            Format::CloudFront => b'\t',
        };
        Self {
            options,
            pools,
            text: Text::new(separator),
            truth: Truth::default(),
        }
    }

    pub fn into_truth(self) -> Truth {
        self.truth
    }

    pub fn make(&mut self, index: u64) -> Object {
        let Options { format, seed, .. } = *self.options;
        let mut draw = Draw {
            random: Random::new(seed, OBJECT_STREAMS + index),
            pools: self.pools,
            source: usize::try_from(index % 3).expect("below three"),
            id: 0,
        };
        let stamp = self.stamp(index, &mut draw.random);
        self.text.clear();
        if format == Format::CloudFront {
            self.text.part(cloudfront::HEADER);
        }
        for row in 0..self.options.rows {
            draw.id = scramble(seed ^ (index * self.options.rows + row));
            self.row(stamp, &mut draw);
        }
        let (name, bytes, header_lines) = match format {
            Format::S3Access => (
                s3_access::object_name(stamp, scramble(seed ^ index)),
                self.text.bytes().to_vec(),
                0,
            ),
            Format::CloudFront => (
                cloudfront::object_name(stamp, draw.source, index, seed),
                gzip(self.text.bytes()),
                2,
            ),
        };
        self.truth
            .count_object(header_lines, self.text.bytes().len(), bytes.len());
        Object { name, bytes }
    }

    fn row(&mut self, stamp: u64, draw: &mut Draw) {
        let seconds = self.event_time(stamp, &mut draw.random);
        let at = Moment::new(seconds);
        let bytes = match self.options.format {
            Format::S3Access => s3_access::row(&mut self.text, &at, draw),
            Format::CloudFront => Some(cloudfront::row(&mut self.text, &at, draw)),
        };
        self.truth.count_row(seconds, bytes);
    }

    /// Objects are spread evenly over the days, a little shaken.
    fn stamp(&self, index: u64, random: &mut Random) -> u64 {
        let span = self.options.days * DAY;
        let step = span / self.options.objects.max(1);
        START + index * span / self.options.objects + random.below(step.max(1))
    }

    /// S3 delivers within the hour after the events; a `CloudFront` object holds the hour in its name.
    fn event_time(&self, stamp: u64, random: &mut Random) -> u64 {
        let within = random.below(HOUR);
        let usual = match self.options.format {
            Format::S3Access => stamp - within,
            Format::CloudFront => stamp - stamp % HOUR + within,
        };
        if random.chance(self.options.late_percent) {
            usual - random.below(LATE)
        } else {
            usual
        }
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
