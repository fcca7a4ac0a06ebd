//! What each verb does, without a terminal.

pub mod source;
