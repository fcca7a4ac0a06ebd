//! What addresses, user agents and edge locations in logs stand for. Data and pure functions.

mod addresses;
mod agents;
mod countries;
mod crawlers;
mod edges;
mod pages;

pub use addresses::ip_prefix;
pub use agents::{agent_family, is_bot};
pub use countries::country_name;
pub use crawlers::{Crawler, Purpose, crawler};
pub use edges::{Edge, edge};
pub use pages::{is_asset, url_host};
