//! Changes of a copy as they are recorded, and back.

use cascade_ir::ErrorKind;
use cascade_sandbox::tree::{Change, Content, Entry, Kind};

use crate::{
    failure::{Failure, Raise},
    interpreter::to_hex,
    workspace::{FileChange, FileContent, FileState},
};

pub(super) fn change_as_record(change: Change) -> Result<FileChange, Raise> {
    let after = match change.after {
        None => None,
        Some(Content { kind: Kind::Link, bytes }) => {
            let target = String::from_utf8(bytes).map_err(|_| {
                Failure::raise(ErrorKind::Failed, format!("the target of the link `{}` is no UTF-8", change.path))
            })?;
            Some(FileState { content: FileContent::Link(target), executable: false })
        }
        Some(Content { kind, bytes }) => {
            Some(FileState { content: FileContent::from_bytes(bytes), executable: kind == Kind::Executable })
        }
    };
    let before = change.before.map(|entry| to_hex(&entry.hash));
    Ok(FileChange { path: change.path, before, after, is_output: false })
}

pub(super) fn change_from_record(change: &FileChange) -> Result<Change, Raise> {
    let lost = || {
        let message = format!("the change of `{}` was too large to be kept; run its stage again", change.path);
        Failure::raise(ErrorKind::MergeConflict, message)
    };
    let after = match &change.after {
        None => None,
        Some(FileState { content: FileContent::Link(target), .. }) => {
            Some(Content { kind: Kind::Link, bytes: target.clone().into_bytes() })
        }
        Some(FileState { content, executable }) => {
            let kind = if *executable { Kind::Executable } else { Kind::File };
            Some(Content { kind, bytes: content.as_bytes().ok_or_else(lost)?.to_vec() })
        }
    };
    // The kind before is not recorded, and not compared.
    let before = change.before.as_deref().map(parse_hash).transpose()?;
    Ok(Change { path: change.path.clone(), before: before.map(|hash| Entry { kind: Kind::File, hash }), after })
}

fn parse_hash(text: &str) -> Result<[u8; 32], Raise> {
    let wrong = || Failure::raise(ErrorKind::Internal, format!("`{text}` is no SHA-256"));
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        let digits = text.get(2 * index..2 * index + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(hash)
}
