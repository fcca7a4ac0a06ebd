//! Which objects are chosen, and how they are put together into batches. Pure.

mod batch;
mod cuts;
mod horizon;
mod selection;
mod shard;

pub use batch::{Batch, INFLATION, Limits, Origin, Planner, batch_id};
pub use cuts::{Lengths, cuts};
pub use horizon::{Horizons, Jump, Order, is_behind};
pub use selection::{Glob, Selection, TimeRange};
pub use shard::Shard;
