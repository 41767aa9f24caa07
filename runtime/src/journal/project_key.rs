//! The key of a project: a file beside its journal. With it digests are made that say nothing to one
//! who does not have it, and answers are sealed in which there is a secret.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value as Json, json};

use super::{JournalError, Result, private, tables};
use crate::{interpreter::to_hex, project_key::ProjectKey};

/// The name of its mark in the journal: which key the journal's digests were made with.
const MARK: &str = "key";

/// A new key.
pub(super) fn random_key() -> Result<ProjectKey> {
    let mut bytes = [0; ProjectKey::LENGTH];
    fill_random(&mut bytes)?;
    Ok(ProjectKey::new(bytes))
}

fn fill_random(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| JournalError("the system has no random numbers".to_owned()))
}

fn file_of(journal: &Path) -> PathBuf {
    let folder = journal.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.join("key")
}

/// The key of a journal's project. It is made with the journal's first run that has one; from then on
/// no other will do, since with another key nothing that was recorded would be found again.
pub(super) fn load_key(journal: &Path, connection: &Connection) -> Result<ProjectKey> {
    load_while(journal, connection, || ())
}

/// The same, and what happens elsewhere after the key was looked for the first time.
fn load_while(journal: &Path, connection: &Connection, elsewhere: impl FnOnce()) -> Result<ProjectKey> {
    let file = file_of(journal);
    let known = || -> Result<Option<i64>> {
        let mark = connection.query_row("SELECT value FROM meta WHERE name = ?1", [MARK], |row| row.get(0)).optional();
        mark.map_err(|e| tables::explain_error(journal, &e))
    };
    let found = read_key(&file)?;
    elsewhere();
    let key = match found {
        Some(key) => key,
        // The mark is written after the key: another process may have made both since the key was looked for.
        None if known()?.is_some() => read_key(&file)?.ok_or_else(|| wrong_key(&file, "is missing"))?,
        None => create_key(&file)?,
    };
    let mark = mark_of(&key);
    if known()?.is_none() {
        connection
            .execute("INSERT OR IGNORE INTO meta VALUES (?1, ?2)", rusqlite::params![MARK, mark])
            .map_err(|e| tables::explain_error(journal, &e))?;
    }
    match known()? == Some(mark) {
        true => Ok(key),
        false => Err(wrong_key(&file, "is not the one that the journal beside it was written with")),
    }
}

fn wrong_key(file: &Path, what: &str) -> JournalError {
    JournalError(format!(
        "the project's key `{}` {what}; put the right one back, or move the folder away and begin anew",
        file.display()
    ))
}

fn mark_of(key: &ProjectKey) -> i64 {
    let digest = key.digest(MARK, b"");
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(bytes)
}

fn read_key(file: &Path) -> Result<Option<ProjectKey>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong_key(file, &format!("cannot be read: {error}"))),
    };
    let digits = text.trim().as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> =
        digits.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect();
    match bytes.and_then(|bytes| bytes.try_into().ok()) {
        Some(bytes) => Ok(Some(ProjectKey::new(bytes))),
        None => Err(wrong_key(file, "is damaged")),
    }
}

/// Makes the key, or reads the one of a process that was faster. The file gets its name when it is
/// whole, so that nobody reads a part of it.
fn create_key(file: &Path) -> Result<ProjectKey> {
    let wrong = |e: io::Error| JournalError(format!("the project's key `{}` cannot be written: {e}", file.display()));
    let (mut bytes, mut name) = ([0; ProjectKey::LENGTH], [0; 8]);
    fill_random(&mut bytes)?;
    // Runs of other threads and processes may make one, too.
    fill_random(&mut name)?;
    let partial = file.with_extension(to_hex(&name));
    let text = format!("{}\n", to_hex(&bytes));
    let write = || {
        let mut out = private::create_file(&partial)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        match std::fs::hard_link(&partial, file) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // Some file systems have no links. A rename would take the key of a process that was faster.
            Err(_) => match private::private_options().create_new(true).open(file) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                created => created.and_then(|mut out| out.write_all(text.as_bytes()).and_then(|()| out.sync_all())),
            },
        }
    };
    let written = write();
    // It has its other name by now, or is not wanted.
    let _ = std::fs::remove_file(&partial);
    written.map_err(wrong)?;
    read_key(file)?.ok_or_else(|| wrong_key(file, "is missing"))
}

fn cipher_of(key: &ProjectKey) -> Result<LessSafeKey> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, &key.digest("seal", b""));
    key.map(LessSafeKey::new).map_err(|_| JournalError("an answer with a secret cannot be sealed".to_owned()))
}

/// The answer as only the key opens it.
pub(super) fn seal_text(key: &ProjectKey, text: &str) -> Result<String> {
    let mut nonce = [0; NONCE_LEN];
    fill_random(&mut nonce)?;
    let mut content = text.as_bytes().to_vec();
    cipher_of(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut content)
        .map_err(|_| JournalError("an answer with a secret cannot be sealed".to_owned()))?;
    let sealed = STANDARD.encode([&nonce[..], &content].concat());
    Ok(json!({ "kind": "sealed", "sealed": sealed }).to_string())
}

/// What was sealed; `None` for an answer that was not.
pub(super) fn open_sealed(key: &ProjectKey, text: &str) -> Result<Option<String>> {
    let Some(sealed) = sealed_part(text) else { return Ok(None) };
    let wrong = || JournalError("the journal holds a sealed answer that the project's key does not open".to_owned());
    let bytes = STANDARD.decode(sealed).map_err(|_| wrong())?;
    let (nonce, content) = bytes.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
    let mut content = content.to_vec();
    let opened = cipher_of(key)?.open_in_place(nonce, Aad::empty(), &mut content).map_err(|_| wrong())?;
    String::from_utf8(opened.to_vec()).map(Some).map_err(|_| wrong())
}

/// Whether an answer is sealed.
pub(super) fn is_sealed(text: &str) -> bool {
    sealed_part(text).is_some()
}

fn sealed_part(text: &str) -> Option<String> {
    // Cheap for all others: this is how `seal` writes it.
    if !text.starts_with("{\"kind\":\"sealed\"") {
        return None;
    }
    let json: Json = serde_json::from_str(text).ok()?;
    json.get("sealed").and_then(Json::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn a_sealed_answer_is_opened_by_its_key_alone() {
        let (key, other) = (random_key().unwrap(), random_key().unwrap());
        let sealed = seal_text(&key, "{\"text\":\"minted\"}").unwrap();
        assert!(is_sealed(&sealed) && !sealed.contains("minted"));
        assert_eq!(open_sealed(&key, &sealed).unwrap().unwrap(), "{\"text\":\"minted\"}");
        assert!(open_sealed(&other, &sealed).is_err());
        assert_eq!(open_sealed(&key, "{\"text\":\"x\"}").unwrap(), None);
        assert_ne!(sealed, seal_text(&key, "{\"text\":\"minted\"}").unwrap());
    }

    #[test]
    fn a_project_has_one_key_and_loses_it_to_nobody() {
        let dir = TempDir::new();
        let journal = dir.path().join(".cascade/runs.db");
        let connection = tables::open_journal_file(&journal).unwrap();
        let key = load_key(&journal, &connection).unwrap();
        assert_eq!(load_key(&journal, &connection).unwrap(), key);
        let file = file_of(&journal);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(load_key(&journal, &connection).unwrap_err().0.contains("is missing; put the right one back"));
        std::fs::write(&file, "ab".repeat(32)).unwrap();
        assert!(load_key(&journal, &connection).unwrap_err().0.contains("is not the one"));
        std::fs::write(&file, "abc").unwrap();
        assert!(load_key(&journal, &connection).unwrap_err().0.contains("is damaged"));
        std::fs::write(&file, text).unwrap();
        assert_eq!(load_key(&journal, &connection).unwrap(), key);
    }

    #[test]
    fn a_key_that_another_process_makes_meanwhile_is_taken() {
        let dir = TempDir::new();
        let journal = dir.path().join(".cascade/runs.db");
        let (ours, theirs) =
            (tables::open_journal_file(&journal).unwrap(), tables::open_journal_file(&journal).unwrap());
        let mut made = None;
        let key = load_while(&journal, &ours, || made = load_key(&journal, &theirs).ok()).unwrap();
        assert_eq!(made, Some(key));
    }
}
