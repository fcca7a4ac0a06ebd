//! What addresses, user agents and edge locations in logs stand for. Data and pure functions.

mod addresses;
mod agents;
mod edges;
mod pages;

pub use addresses::ip_prefix;
pub use agents::{Crawler, Purpose, agent_family, crawler, is_bot};
pub use edges::{Edge, edge};
pub use pages::{is_asset, url_host};
