//! Which file a program's name stands for.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

/// The program `name` in the search path of this process: the first file of that name that may be executed. A name with
/// a slash is a path already.
pub fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|file| is_program(file));
    }
    find_in(&env::var_os("PATH")?, name)
}

fn find_in(path: &OsStr, name: &str) -> Option<PathBuf> {
    env::split_paths(path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn the_first_file_that_may_be_executed_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let make = |place: &str, mode: u32| {
            let file = folder.path().join(place);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            file
        };
        make("text/tool", 0o644);
        fs::create_dir_all(folder.path().join("folder/tool")).unwrap();
        let wanted = make("first/tool", 0o755);
        make("second/tool", 0o755);
        let folders = ["missing", "text", "folder", "first", "second"].map(|name| folder.path().join(name));
        let path = env::join_paths(folders).unwrap();
        assert_eq!(find_in(&path, "tool"), Some(wanted));
        assert_eq!(find_in(&path, "other"), None);
    }
}
