//! `cascadec lsp`.

use crate::{args::LspArgs, error::Stop};

/// Serves an editor until it leaves.
pub fn run(_: &LspArgs) -> Result<u8, Stop> {
    cascade_lsp::stdio().map_err(|e| Stop::usage(format!("the language server cannot start: {e}")))
}
