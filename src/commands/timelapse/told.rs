//! What is told of a film that is made.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::query::Bucket;
use crate::timelapse::{Counts, Film, Replayed, step_text};
use crate::ui::{count, one_line};
use crate::units::{ByteSize, grouped, rfc3339};

use super::Form;

#[derive(Serialize)]
pub(super) struct Told {
    bucket: String,
    prefix: String,
    versioned: bool,
    objects: u64,
    events: u64,
    moves: u64,
    frames: u16,
    step_seconds: i64,
    from: String,
    to: String,
    width: usize,
    height: usize,
    objects_per_cell: u64,
    #[serde(flatten)]
    drawn: Option<Drawn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory: Option<u64>,
    dry_run: bool,
}

#[derive(Serialize)]
struct Drawn {
    file: String,
    bytes: u64,
    film_seconds: f64,
    end: Counts,
    #[serde(skip)]
    hint: Option<String>,
}

impl Told {
    pub(super) fn new(
        bucket: &Bucket,
        prefix: &str,
        versioned: bool,
        film: &Film,
        replayed: &Replayed,
    ) -> Self {
        let size = film.layout.size();
        Self {
            bucket: bucket.name.clone(),
            prefix: prefix.to_owned(),
            versioned,
            objects: replayed.objects,
            events: replayed.events,
            moves: replayed.moves,
            frames: film.timeline.frames,
            step_seconds: film.timeline.step / 1_000_000,
            from: rfc3339(bucket.span.0),
            to: rfc3339(bucket.span.1),
            width: size.width,
            height: size.height,
            objects_per_cell: film.layout.cell().1,
            drawn: None,
            peak_memory: peak_memory(),
            dry_run: true,
        }
    }

    pub(super) fn drawn(&mut self, (bytes, end): (u64, Counts), out: &Path, form: Form, fps: u16) {
        let film_seconds = f64::from(self.frames) / f64::from(fps);
        let hint = (form == Form::Frames).then(|| {
            let folder = out.display().to_string();
            let folder = folder.trim_end_matches('/');
            format!(
                "ffmpeg -framerate {fps} -i '{folder}/frame-%05d.ppm' -pix_fmt yuv420p film.mp4"
            )
        });
        self.drawn = Some(Drawn {
            file: out.display().to_string(),
            bytes,
            film_seconds: (film_seconds * 10.0).round() / 10.0,
            end,
            hint,
        });
        self.peak_memory = peak_memory();
        self.dry_run = false;
    }

    /// For people.
    pub(super) fn text(&self, took: Duration) -> String {
        let mut text = String::new();
        let of = one_line(&name(&self.bucket, &self.prefix));
        let versioned = if self.versioned { ", versioned" } else { "" };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            text,
            "{of}{versioned}: {}, {} from {} to {}",
            count(self.objects, "object"),
            count(self.events, "event"),
            self.from,
            self.to
        );
        let each = match self.objects_per_cell {
            1 => "one square = one object".to_owned(),
            many => format!("one dot = {} objects", grouped(many)),
        };
        let _ = writeln!(
            text,
            "{} of {} x {}, one every {}, {each}",
            count(u64::from(self.frames), "frame"),
            self.width,
            self.height,
            step_text(self.step_seconds * 1_000_000)
        );
        let took = took.as_secs_f64();
        let peak = self.peak_memory.map(ByteSize);
        let peak = peak.map_or_else(String::new, |peak| format!(", {peak} of memory at most"));
        let Some(drawn) = &self.drawn else {
            let _ = writeln!(text, "nothing is written; read in {took:.2} s{peak}");
            return text;
        };
        let end = drawn.end;
        let _ = writeln!(
            text,
            "at its end {} present, {} under a delete marker, {} expired, {} gone",
            grouped(end.present),
            grouped(end.marked),
            grouped(end.expired),
            grouped(end.gone)
        );
        let _ = writeln!(
            text,
            "{}: {}, {:.1} s of film, made in {took:.2} s{peak}",
            one_line(&drawn.file),
            ByteSize(drawn.bytes),
            drawn.film_seconds
        );
        if let Some(hint) = &drawn.hint {
            let _ = writeln!(text, "try: {}", one_line(hint));
        }
        text
    }
}

/// A bucket, and the prefix where it is only a part.
pub(super) fn name(bucket: &str, prefix: &str) -> String {
    if prefix.is_empty() {
        bucket.to_owned()
    } else {
        format!("{bucket}/{prefix}")
    }
}

/// The most memory that this process has had, bytes, where the system tells (Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kilobytes.checked_mul(1024)
}
