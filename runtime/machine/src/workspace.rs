//! Workspaces: the working directories of effects, with a policy.
//!
//! A request names a [`Workspace`]; the host ensures that the effect works there and does no more than
//! the [`Policy`] allows. An effect that changed files of its workspace reports a [`WorkspacePatch`],
//! which is recorded with its answer: a resumed run that uses the recorded answer applies the patch
//! instead of repeating the effect.

use serde::{Deserialize, Serialize};

/// The working directory of an effect, and its permissions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Workspace {
    /// The directory, relative to that of the run. `None`: the directory of the run itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// The sandbox that it is in, by the name with which it was opened. A directory at or below the one that the
    /// sandbox is a copy of means the same directory in the copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// The permissions.
    #[serde(skip_serializing_if = "Policy::allows_everything")]
    pub policy: Policy,
}

/// A sandbox to open: a private copy of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSandbox {
    /// Its name in the run.
    pub name: String,
    /// The directory that is copied, relative to that of the run; `None`: that of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Whether all of the repository around the directory is copied, if there is one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole_repository: bool,
    /// The sandbox that it is opened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// What effects in it may do.
    pub policy: Policy,
}

/// A sandbox whose block has ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseSandbox {
    /// Its name in the run.
    pub name: String,
    /// What becomes of its changes.
    pub end: SandboxEnd,
}

/// What becomes of the changes of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxEnd {
    /// They are applied to its directory.
    Apply,
    /// They are thrown away.
    Discard,
    /// They are committed to this new branch.
    Branch(String),
}

/// What a closed sandbox has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClosedSandbox {
    /// The changes, as the text of a patch.
    pub patch: String,
    /// The branch that they were committed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// What is not in the patch, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The permissions of an effect. The default allows everything that the user is allowed to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Files that it can read.
    pub read: Access,
    /// Files that it can create, change and remove.
    pub write: Access,
    /// Hosts that it can connect to, by name.
    pub network: Access,
}

impl Policy {
    /// Whether nothing is forbidden.
    pub fn allows_everything(&self) -> bool {
        let Self { read, write, network } = self;
        [read, write, network].into_iter().all(|access| *access == Access::All)
    }
}

/// One permission of a [`Policy`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Everything.
    #[default]
    All,
    /// Only these: directories and files, relative to the workspace's directory, with everything below
    /// them; or host names. An empty list forbids everything.
    Only(Vec<String>),
}

/// The changes of an effect to its workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspacePatch {
    /// [`Workspace::directory`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// The changed files, each once.
    pub changes: Vec<FileChange>,
}

/// A file that an effect created, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Its path relative to the workspace's directory, with `/` between the parts and without `..`.
    pub path: String,
    /// The SHA-256 of the content before the change, in hex; `None`: the file did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The file after the change; `None`: it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileState>,
    /// Whether the file is a declared output of the effect: it is put back whatever has become of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_output: bool,
}

/// The content and the kind of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// The content.
    pub content: FileContent,
    /// Whether it is executable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

/// The content of a file in a record: as text if it is UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// UTF-8.
    Text(String),
    /// Other bytes, as Base64.
    #[serde(with = "base64_bytes")]
    Bytes(Vec<u8>),
    /// The SHA-256 of a content that is too large to be kept, in hex.
    Hash(String),
    /// The target of a symbolic link.
    Link(String),
}

mod base64_bytes {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl FileContent {
    /// The content for these bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }

    /// Its bytes; `None` when only their hash was kept.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            Self::Hash(_) | Self::Link(_) => None,
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
                FileChange {
                    path: "a/b.txt".into(),
                    before: None,
                    after: Some(state(b"text\n", true)),
                    is_output: false,
                },
                FileChange {
                    path: "c".into(),
                    before: Some("00".into()),
                    after: Some(state(&[0xff, 0], false)),
                    is_output: true,
                },
                FileChange { path: "d".into(), before: Some("11".into()), after: None, is_output: false },
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
