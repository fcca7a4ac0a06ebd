//! Pieces of one object to rows, several at a time, in order.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::cpu;
use crate::parse::{Batch, Counts, Lines, Reject};
use crate::schema::LogFormat;

use super::decode::{Rejected, Rows, Rules};
use super::fetch::Task;
use super::workbench::Workbenches;

/// Whole lines of an object, of which nothing else is to be known to decode them.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) format: &'static LogFormat,
    pub(super) key: Arc<str>,
    /// Blank lines before it that are in no piece.
    pub(super) blank: u64,
    pub(super) lines: Lines,
}

/// What a piece became; lines are numbered from its beginning.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The rows, if any.
    pub(super) batch: Option<Batch>,
    /// The rejected lines.
    pub(super) rejects: Vec<Reject>,
    /// The lines.
    pub(super) counts: Counts,
}

impl Piece {
    /// Decodes it.
    pub(super) fn decode(self, rules: &Rules, benches: &Workbenches) -> Decoded {
        benches.with(|bench| bench.decode_lines(self.format, &self.key, &self.lines, rules))
    }
}

/// Rows and rejects of an object that became known.
#[derive(Debug)]
pub(super) struct Step<T> {
    pub(super) rows: Option<T>,
    pub(super) rejected: Rejected,
}

/// What turns rows into what is wanted of them; runs on the CPU pool.
pub(super) type Finish<T> = Arc<dyn Fn(Rows) -> T + Send + Sync>;

/// The pieces of one object that are being decoded.
///
/// Bound: as many pieces as there are slots, with their rows.
pub(super) struct Decoding<T> {
    rules: Rules,
    slots: usize,
    benches: Workbenches,
    finish: Finish<T>,
    under_way: VecDeque<UnderWay<T>>,
    counts: Counts,
}

struct UnderWay<T> {
    format: &'static LogFormat,
    key: Arc<str>,
    blank: u64,
    task: Task<(Option<T>, Vec<Reject>, Counts)>,
}

impl<T: Send + 'static> Decoding<T> {
    pub(super) fn new(
        (rules, slots): (Rules, usize),
        benches: Workbenches,
        finish: Finish<T>,
    ) -> Self {
        Self {
            rules,
            slots: slots.max(1),
            benches,
            finish,
            under_way: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// Whether a step should be taken before another piece is put in.
    pub(super) fn is_full(&self) -> bool {
        self.under_way.len() >= self.slots
    }

    /// Starts to decode a piece.
    pub(super) fn push(&mut self, piece: Piece) {
        let (format, key, blank) = (piece.format, Arc::clone(&piece.key), piece.blank);
        let (rules, benches) = (self.rules, self.benches.clone());
        let finish = Arc::clone(&self.finish);
        let task = Task::spawn(cpu::run(move || {
            let decoded = piece.decode(&rules, &benches);
            let rows = decoded.batch.map(|batch| finish(Rows { format, batch }));
            (rows, decoded.rejects, decoded.counts)
        }));
        self.under_way.push_back(UnderWay {
            format,
            key,
            blank,
            task,
        });
    }

    /// What the piece that was put in first became; none if there is none.
    pub(super) async fn next(&mut self) -> Option<Step<T>> {
        let UnderWay {
            format,
            key,
            blank,
            task,
        } = self.under_way.pop_front()?;
        let (rows, mut rejects, counts) = task.finish().await;
        self.counts.lines += blank;
        self.counts.comments += blank;
        for reject in &mut rejects {
            reject.line += self.counts.lines;
        }
        self.counts.add(&counts);
        let rejected = Rejected {
            format,
            key: key.to_string(),
            rejects,
        };
        Some(Step { rows, rejected })
    }

    /// The lines of all pieces whose steps were taken.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}
