//! The `s3logs` program.

fn main() {}
