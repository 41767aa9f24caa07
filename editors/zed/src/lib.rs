//! Starts the language server of Cascade for Zed.

use zed_extension_api::{self as zed, settings::LspSettings, LanguageServerId, Result};

struct Cascade;

impl zed::Extension for Cascade {
    fn new() -> Self {
        Self
    }

    /// `cascadec lsp`: the program that the settings name under `lsp.cascade.binary.path`, else the one on `PATH`.
    fn language_server_command(&mut self, id: &LanguageServerId, worktree: &zed::Worktree) -> Result<zed::Command> {
        let settings = LspSettings::for_worktree(id.as_ref(), worktree)?;
        let chosen = settings.binary.and_then(|binary| binary.path);
        let command = chosen.or_else(|| worktree.which("cascadec")).ok_or_else(|| {
            "cascadec is not on PATH: install it with `cargo install --path compiler/cli` in the repository of Cascade, \
             or name it in the settings under lsp.cascade.binary.path"
                .to_owned()
        })?;
        Ok(zed::Command { command, args: vec!["lsp".to_owned()], env: worktree.shell_env() })
    }
}

zed::register_extension!(Cascade);
