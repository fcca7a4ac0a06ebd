//! The life of a bucket's objects as a film: what happened to each, when, and how that looks.
//!
//! A [`Sorter`] puts the rows into the order of keys, all of an object together, so that one object at a time
//! is replayed ([`Replay`]) and its place is its rank. What becomes of it are [`Change`]s, two bits for the state
//! before and two for the state after, which a [`Spool`] puts into the order of time on disk. Drawing
//! ([`draw()`]) then needs counters for each cell of the picture and nothing for each object.
//!
//! Nothing here knows of SQL, of terminals or of the names of files.

mod caption;
mod draw;
mod events;
mod font;
mod frames;
mod layout;
mod life;
mod moving;
mod order;
mod page;
mod palette;
mod picture;
mod piece;
mod prefixes;
mod replay;
mod spool;
mod timeline;

pub use draw::{Counts, Film, Screen, draw};
pub use events::{Action, OPERATIONS, TRANSITIONS};
pub use frames::FrameFolder;
pub use layout::{Layout, SIZES, Size};
pub use life::{Life, State};
pub use moving::MovingPicture;
pub use order::{Sorted, Sorter};
pub use page::Page;
pub use palette::{Palette, color_of};
pub use prefixes::Prefix;
pub use replay::{Change, Replay, Replayed};
pub use spool::{Merge, Spool};
pub use timeline::{Timeline, step_text};
