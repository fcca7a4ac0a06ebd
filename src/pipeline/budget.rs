//! How the memory ceiling is shared out.

use super::FetchLimits;
use crate::cpu;

const MIB: u64 = 1 << 20;

/// What the program takes before it holds anything, and the encoders' contexts and pages.
const FIXED: u64 = 40 * MIB;

/// The same where days are encoded one after the other, which wastes more of what is freed.
const FIXED_SMALL: u64 = 44 * MIB;

/// Below this, days are encoded one after the other.
const SMALL: u64 = 128 * MIB;

/// Least memory that is shared out.
const LEAST: u64 = 12 * MIB;

/// Bounds of everything that is held in memory while objects become files.
///
/// Of the ceiling, 40 MiB (44 below 128 MiB) are for the program itself and the encoders. Of the rest, an eighth is for
/// fetched bytes, a quarter for objects being decoded, two fifths for rows that wait to be written; what
/// is left is for the encoded columns of the days at hand, and for what an allocator loses. All but the
/// numbers of slots and of days depend on the ceiling alone, so that the same ceiling gives the same files
/// on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bounds of the fetches.
    pub fetch: FetchLimits,
    /// Text, estimated, that one CPU job decodes.
    pub group_text: u64,
    /// Text of one object that is inflated at once; larger ones are streamed.
    pub whole_text: usize,
    /// CPU jobs that decode at the same time.
    pub slots: usize,
    /// Bytes of a range of a large object.
    pub range: u64,
    /// Text of a piece of a streamed object: as much again is held by the rest of the text.
    pub piece: usize,
    /// Bytes of rows after which the rest of a group of objects is streamed.
    pub rows: usize,
    /// Bytes of rows that wait to be written.
    pub gather: usize,
    /// Days that are encoded at the same time: while one is sorted or its file written, the cores have
    /// the other's columns.
    pub days: usize,
}

impl Budget {
    /// Shares out `memory` bytes among `jobs` fetches and the CPU pool.
    pub fn of(memory: u64, jobs: usize) -> Self {
        // Less would not hold a group of objects beside the next one: see `grouped`.
        let (days, fixed) = if memory < SMALL {
            (1, FIXED_SMALL)
        } else {
            (2, FIXED)
        };
        let memory = memory.saturating_sub(fixed).max(LEAST);
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let range = (memory / 32).clamp(MIB, 8 * MIB);
        let whole_text = (memory / 16).clamp(2 * MIB, 16 * MIB);
        let slots = (memory / 4 / (2 * whole_text)).max(1);
        Self {
            fetch: FetchLimits {
                jobs: jobs.max(1),
                bytes: memory / 8,
                whole: range.min(memory / 32),
            },
            group_text: range,
            whole_text: size(whole_text),
            slots: size(slots).min(cpu::threads()),
            range,
            piece: size(whole_text / 2),
            rows: size(whole_text),
            gather: size(memory / 5 * 2),
            days,
        }
    }
}
