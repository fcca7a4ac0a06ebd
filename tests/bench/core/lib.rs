//! The pure modules of `s3logs`, which import nothing but each other.

#[path = "../../../src/formats/mod.rs"]
pub mod formats;
#[path = "../../../src/parse/mod.rs"]
pub mod parse;
#[path = "../../../src/schema/mod.rs"]
pub mod schema;
#[path = "../../../src/table/mod.rs"]
pub mod table;
#[path = "../../../src/units.rs"]
pub mod units;
