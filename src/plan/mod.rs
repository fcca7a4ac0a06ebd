//! Which objects are chosen, and how they are put together into batches. Pure.

mod batch;
mod horizon;
mod selection;
mod shard;

pub use batch::{Batch, INFLATION, Limits, Origin, Planner, batch_id};
pub use horizon::{Horizons, Jump, Order};
pub use selection::{Glob, Selection, TimeRange};
pub use shard::Shard;
