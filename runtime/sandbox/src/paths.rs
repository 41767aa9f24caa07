//! Paths as they are written, without a look at the disk.

use std::path::{Component, Path, PathBuf};

/// The path without `.`, and with `..` taken literally.
pub fn without_dots(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
