//! Large answers: files named by a keyed hash of their content.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{JournalError, Result, private};
use crate::{interpreter::to_hex, project_key::ProjectKey};

/// The folder that holds them, and the key that their names are made with.
#[derive(Debug, Clone)]
pub(super) struct Artifacts {
    folder: PathBuf,
    key: ProjectKey,
}

impl Artifacts {
    /// Those of a journal's file.
    pub(super) fn beside_journal(journal: &Path, key: ProjectKey) -> Self {
        let dir = journal.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { folder: dir.join("artifacts"), key }
    }

    fn name(&self, text: &str) -> String {
        self.key.name_content("artifact", text.as_bytes())
    }

    pub(super) fn file(&self, hash: &str) -> PathBuf {
        self.folder.join(hash)
    }

    /// Keeps a text; gives its name.
    pub(super) fn keep_text(&self, text: &str) -> Result<String> {
        let hash = self.name(text);
        let file = self.folder.join(&hash);
        // One of another length is damaged, and is written anew.
        if file.metadata().is_ok_and(|m| m.len() == text.len() as u64) {
            return Ok(hash);
        }
        let wrong =
            |e: std::io::Error| JournalError(format!("the artifact `{}` cannot be written: {e}", file.display()));
        private::create_dir(&self.folder).map_err(wrong)?;
        // Renamed when it is complete, so that a partial file never has the final name.
        let partial = self.folder.join(format!("{hash}.{}", std::process::id()));
        let write = || {
            let mut out = private::create_file(&partial)?;
            out.set_len(0)?;
            std::io::Write::write_all(&mut out, text.as_bytes())?;
            out.sync_all()?;
            std::fs::rename(&partial, &file)?;
            // The name, too, must survive a loss of power.
            std::fs::File::open(&self.folder)?.sync_all()
        };
        write().map_err(wrong)?;
        Ok(hash)
    }

    /// Reads a text and checks that its name is right. Earlier versions named it by its bare hash.
    pub(super) fn read(&self, hash: &str) -> Result<String> {
        let file = self.folder.join(hash);
        let wrong = |what: String| {
            JournalError(format!("the artifact `{}` {what}; its answer must be asked for again", file.display()))
        };
        let text = std::fs::read_to_string(&file).map_err(|e| wrong(format!("cannot be read: {e}")))?;
        if self.name(&text) != hash && to_hex(&Sha256::digest(text.as_bytes())) != hash {
            return Err(wrong("is damaged".to_owned()));
        }
        Ok(text)
    }

    /// All hashes that are kept.
    pub(super) fn all_names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect()
    }
}
