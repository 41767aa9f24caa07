//! Workspaces: the directories that effects work in, under a policy.
//!
//! A request names a [`Workspace`]; the host makes sure that the effect works there and does no
//! more than the [`Policy`] allows. An effect that changed files of its workspace says so by a
//! [`WorkspacePatch`], which is recorded with its answer: a resumed run that takes the answer from
//! the record restores the change instead of repeating the effect.

use serde::{Deserialize, Serialize};

/// Where an effect works, and what it may do there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Workspace {
    /// The directory; relative to that of the run. `None`: the directory of the run itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// What the effect may do.
    #[serde(skip_serializing_if = "Policy::allows_everything")]
    pub policy: Policy,
}

/// What an effect may do. The default allows everything that the user who started the run may do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Files that it may read.
    pub read: Access,
    /// Files that it may create, change and remove.
    pub write: Access,
    /// Hosts that it may connect to, by name.
    pub network: Access,
}

impl Policy {
    /// Whether it forbids nothing.
    pub fn allows_everything(&self) -> bool {
        let Self { read, write, network } = self;
        [read, write, network].into_iter().all(|access| *access == Access::All)
    }
}

/// A part of a [`Policy`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Everything.
    #[default]
    All,
    /// These only: directories and files, relative to the workspace's directory, with all that is
    /// below them; or names of hosts. An empty list forbids everything.
    Only(Vec<String>),
}

/// What an effect changed in its workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspacePatch {
    /// [`Workspace::directory`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Changed files, each once.
    pub changes: Vec<FileChange>,
}

/// A file that an effect created, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Its path relative to the workspace's directory, with `/` between the parts and without `..`.
    pub path: String,
    /// SHA-256 of its content before the change, in hex; `None`: there was no such file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The file after the change; `None`: it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileState>,
}

/// A file's content and kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// The content.
    pub content: FileContent,
    /// Whether it can be executed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

/// The content of a file in a record: as text where it is text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// UTF-8.
    Text(String),
    /// Other bytes.
    Bytes(Vec<u8>),
}

impl FileContent {
    /// The content that these bytes are.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_the_same_after_it_was_written_and_read() {
        let state =
            |bytes: &[u8], executable| FileState { content: FileContent::from_bytes(bytes.to_vec()), executable };
        let patch = WorkspacePatch {
            directory: Some("sub".into()),
            changes: vec![
                FileChange { path: "a/b.txt".into(), before: None, after: Some(state(b"text\n", true)) },
                FileChange { path: "c".into(), before: Some("00".into()), after: Some(state(&[0xff, 0], false)) },
                FileChange { path: "d".into(), before: Some("11".into()), after: None },
            ],
        };
        let text = serde_json::to_string(&patch).unwrap();
        assert!(
            text.contains(r#"{"path":"a/b.txt","after":{"content":{"text":"text\n"},"executable":true}}"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<WorkspacePatch>(&text).unwrap(), patch);
    }

    #[test]
    fn only_the_default_policy_allows_everything() {
        assert!(Policy::default().allows_everything());
        let nothing = || Access::Only(Vec::new());
        let everything = Policy::default;
        for policy in [
            Policy { read: nothing(), ..everything() },
            Policy { write: nothing(), ..everything() },
            Policy { network: nothing(), ..everything() },
        ] {
            assert!(!policy.allows_everything());
        }
    }
}
