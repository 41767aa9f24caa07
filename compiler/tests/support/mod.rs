//! What several tests of the compiler need.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Adds the `.cascade` files of a folder and of those below it.
pub fn programs_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            programs_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "cascade") {
            found.push(path);
        }
    }
}
