//! The `cascadec` command.
fn main() {}
