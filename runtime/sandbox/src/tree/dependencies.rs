//! Folders of installed packages, which git ignores and programs need: the copy leads to those of the user.
//!
//! They hold more files than the project itself, so that they are not copied. Programs inside read them through a link,
//! and can change nothing there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Result, Tree, error_at, spare::with_outer};

/// A link in a copy to a folder of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Where it is in the copy.
    path: PathBuf,
    /// Where it leads, without links.
    pub(super) target: PathBuf,
}

/// Names of such folders, with a file that tells one, if its name could mean something else.
const NAMES: &[(&str, Option<&str>)] =
    &[("node_modules", None), (".venv", Some("pyvenv.cfg")), ("venv", Some("pyvenv.cfg"))];

/// Looks for folders of packages beside the files that are copied. One in which a file is copied is none: git knows it.
pub(super) fn find_package_folders<'p>(source: &Path, files: impl Iterator<Item = &'p Path>) -> Vec<Link> {
    let known = with_outer(files.filter_map(Path::parent));
    let mut found = Vec::new();
    for folder in known.iter().copied().chain((!known.contains(Path::new(""))).then_some(Path::new(""))) {
        for (name, sign) in NAMES {
            let path = folder.join(name);
            let place = source.join(&path);
            // Those in a folder of packages are reached through its link.
            let is_meant = place.is_dir() && sign.is_none_or(|sign| place.join(sign).is_file());
            if is_meant
                && !known.contains(path.as_path())
                && let Ok(target) = place.canonicalize()
            {
                found.push(Link { path, target });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Makes the links that are not there.
pub(super) fn make_links(work: &Path, links: &[Link]) -> Result<()> {
    for link in links {
        let place = work.join(&link.path);
        // The folder may be gone, or something else be there: of a copy that was left by an earlier process.
        if place.parent().is_some_and(Path::is_dir) && fs::symlink_metadata(&place).is_err() {
            std::os::unix::fs::symlink(&link.target, &place).map_err(error_at(&place))?;
        }
    }
    Ok(())
}

/// The rules by which git in the copy ignores them: a rule for a folder is none for a link.
pub(super) fn write_ignore_rules(links: &[Link]) -> String {
    links.iter().map(|link| format!("/{}\n", link.path.display())).collect()
}

impl Tree {
    /// Whether a path is one of the links that were made with the copy, and still that link.
    pub(super) fn is_link_to_packages(&self, path: &Path, place: &Path) -> bool {
        self.links.iter().any(|link| link.path == path && fs::read_link(place).is_ok_and(|to| to == link.target))
    }
}
