//! The real program as users and scripts meet it: one file per verb, and one for what can go wrong.

mod failures;
mod help;
mod list;
mod logs;
mod parse;
mod sync;
