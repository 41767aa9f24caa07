//! The programs that tests read from folders.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The root of the repository.
pub fn repository_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// All `.cascade` files below a folder of the repository, sorted.
///
/// # Errors
/// When a folder cannot be read.
pub fn programs_below(folder: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(&repository_root().join(folder), &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|e| e == "cascade") {
            found.push(path);
        }
    }
    Ok(())
}

/// How a path is written in messages: seen from the root, with `/`.
pub fn shown_path(path: &Path) -> String {
    path.strip_prefix(repository_root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
