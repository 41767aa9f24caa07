//! The directory of a run, as keys of effects name it.

use std::path::{Path, PathBuf};

/// The directory in which a run's programs run: this one, or that of the process.
pub(crate) fn run_folder(given: Option<&Path>) -> PathBuf {
    given.map(Path::to_path_buf).or_else(|| std::env::current_dir().ok()).unwrap_or_default()
}

/// The name of a directory in keys: inside a project its path from the folder of `cascade.toml`, so
/// that a project can be moved; elsewhere its own path.
pub(crate) fn folder_key(folder: &Path) -> String {
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let project = folder.ancestors().find(|folder| folder.join("cascade.toml").is_file());
    let name = project.and_then(|project| folder.strip_prefix(project).ok()).unwrap_or(&folder);
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn a_folder_of_a_project_is_named_from_its_root() {
        let dir = TempDir::new();
        let sub = dir.path().join("a/b");
        std::fs::create_dir_all(&sub).unwrap();
        assert_eq!(folder_key(&sub), std::fs::canonicalize(&sub).unwrap().to_string_lossy());
        std::fs::write(dir.path().join("cascade.toml"), "").unwrap();
        assert_eq!((folder_key(&sub), folder_key(dir.path())), ("a/b".to_owned(), String::new()));
    }
}
