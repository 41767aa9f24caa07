//! Copies that nobody uses any more, from which the next copy of the same folder is made.
//!
//! To create 50,000 files takes a second or more, even if they are empty; to look at as many takes a tenth of that. So
//! a copy of a large folder is not removed when it is closed. The next one begins with it and looks at both sides of
//! each file: one that looks at home as it did when it was copied, and in the copy as it did when its content was last
//! compared, is still the same. Everything else is removed and copied again, so that nothing is left of what commands
//! did in it.

use std::{
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};

use super::{
    Result, Tree, TreeError, error_at,
    list::on_threads,
    manifest::{self, Listed, Look},
};

/// From how many files on a copy is kept: fewer are copied as fast as they are compared.
const FEWEST_FILES: usize = 2_000;
/// How many copies of one folder are kept: for two sandboxes at a time.
const MOST_OF_A_FOLDER: usize = 2;
/// What part of the free space of the disk a kept copy may take.
const PART_OF_FREE_SPACE: u64 = 10;
/// After what time a kept copy that nobody has used is removed.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// The name that a kept copy has while it is being removed.
const REMOVED: &str = "old";

/// What is known of the files of a kept copy.
pub(super) struct Spare {
    /// By their paths: as text they are compared faster than part by part.
    files: HashMap<OsString, Known>,
    /// The number of the first pack that is not in use.
    pub(super) next_pack: u32,
}

struct Known {
    listed: Listed,
    origin: Look,
    copy: Look,
}

impl Spare {
    /// A file that is in the copy as it is at home, if the file at home looks like this.
    pub(super) fn find(&self, path: &Path, origin: Look, copy: &Path) -> Option<(Listed, Look)> {
        let known = self.files.get(path.as_os_str()).filter(|known| known.origin == origin)?;
        let now = Look::of(&fs::symlink_metadata(copy).ok()?);
        (now == known.copy).then_some((known.listed, now))
    }
}

/// Moves a kept copy of `source` to `root`, if there is one. It has no manifest there and is therefore not whole until
/// it has been compared with the folder.
pub(super) fn take_spare(source: &Path, ignores: bool, root: &Path, spares: &Path) -> Option<Spare> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(root.parent()?).ok()?;
    for entry in fs::read_dir(folder_for(source, spares)).ok()?.flatten() {
        // Whoever renames it has it: others fail.
        let is_removed = entry.path().extension().is_some_and(|extension| extension == REMOVED);
        if is_removed || fs::rename(entry.path(), root).is_err() {
            continue;
        }
        match load_spare(source, ignores, root) {
            Some(spare) => return Some(spare),
            None => fs::remove_dir_all(root).ok()?,
        }
    }
    None
}

fn load_spare(source: &Path, ignores: bool, root: &Path) -> Option<Spare> {
    let (base, base_ignores, base_source) = manifest::load_manifest(&root.join("spare")).ok()??;
    if base_ignores != ignores || base_source != source {
        return None;
    }
    let looks = fs::read(root.join("looks")).ok()?;
    let (looks, []) = looks.as_chunks::<{ 2 * Look::SIZE }>() else { return None };
    if looks.len() != base.len() {
        return None;
    }
    let mut spare = Spare { files: HashMap::with_capacity(base.len()), next_pack: 0 };
    for ((path, listed), bytes) in base.into_iter().zip(looks) {
        spare.next_pack = spare.next_pack.max(listed.kept?.pack.checked_add(1)?);
        let (origin, copy) = bytes.split_at(Look::SIZE);
        if let (Some(origin), Some(copy)) = (Look::from_bytes(origin), Look::from_bytes(copy)) {
            spare.files.insert(path.into_os_string(), Known { listed, origin, copy });
        }
    }
    Some(spare)
}

/// Where the kept copies of a folder are.
fn folder_for(source: &Path, spares: &Path) -> PathBuf {
    let digest = Sha256::digest(source.as_os_str().as_bytes());
    spares.join(digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Removes everything from the files of a copy that is not to be there.
///
/// # Errors
/// When something cannot be removed, or a folder has attributes that new files in it would inherit.
pub(super) fn clear_others(work: &Path, files: &HashSet<&OsStr>, folders: &HashSet<&Path>) -> Result<()> {
    // As a new folder is.
    let sample = work.with_extension("new");
    fs::create_dir(&sample).map_err(error_at(&sample))?;
    let mode = fs::metadata(&sample).map_err(error_at(&sample))?.mode();
    fs::remove_dir(&sample).map_err(error_at(&sample))?;
    // The folders of one depth are divided among the threads.
    let mut depth = vec![PathBuf::new()];
    while !depth.is_empty() {
        let parts = on_threads(&depth, |_, part| {
            let mut inner = Vec::new();
            part.iter().try_for_each(|folder| clear_folder(work, folder, mode, files, folders, &mut inner))?;
            Ok(inner)
        })?;
        depth = parts.into_iter().flatten().collect();
    }
    Ok(())
}

fn clear_folder(
    work: &Path,
    folder: &Path,
    mode: u32,
    files: &HashSet<&OsStr>,
    folders: &HashSet<&Path>,
    inner: &mut Vec<PathBuf>,
) -> Result<()> {
    let here = work.join(folder);
    if fs::symlink_metadata(&here).map_err(error_at(&here))?.mode() != mode {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode & 0o7777);
        fs::set_permissions(&here, permissions).map_err(error_at(&here))?;
    }
    check_attributes(&here).map_err(error_at(&here))?;
    for entry in fs::read_dir(&here).map_err(error_at(&here))? {
        let entry = entry.map_err(error_at(&here))?;
        let path = folder.join(entry.file_name());
        let is_folder = entry.file_type().map_err(error_at(&entry.path()))?.is_dir();
        match (is_folder, is_folder && folders.contains(path.as_path())) {
            (true, true) => inner.push(path),
            (true, false) => fs::remove_dir_all(entry.path()).map_err(error_at(&entry.path()))?,
            (false, _) if files.contains(path.as_os_str()) => {}
            (false, _) => fs::remove_file(entry.path()).map_err(error_at(&entry.path()))?,
        }
    }
    Ok(())
}

/// Refuses a folder with attributes that a command can have given it: the access lists of new files come from there.
#[cfg(target_os = "linux")]
fn check_attributes(folder: &Path) -> io::Result<()> {
    let mut names = [0; 4096];
    let length = match rustix::fs::llistxattr(folder, &mut names) {
        Err(rustix::io::Errno::NOTSUP) => 0,
        found => found?,
    };
    let mut names = names.get(..length).unwrap_or_default().split(|byte| *byte == 0);
    match names.any(|name| name.starts_with(b"user.") || name.starts_with(b"system.")) {
        true => Err(io::Error::other("it has attributes")),
        false => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn check_attributes(_: &Path) -> io::Result<()> {
    Ok(())
}

impl Tree {
    /// Keeps a copy that nobody uses any more for the next copy of the same folder, which must be opened with the same
    /// `spares`. `false`: that is not worth its space, and the copy is as it was.
    ///
    /// # Errors
    /// When it cannot be kept. Then it can only be removed.
    pub fn keep_as_spare(&self, spares: &Path) -> Result<bool> {
        remove_old(spares);
        let folder = folder_for(&self.source, spares);
        let kept = fs::read_dir(&folder).into_iter().flatten().count();
        if self.base.len() < FEWEST_FILES || self.origins.is_empty() || kept >= MOST_OF_A_FOLDER {
            return Ok(false);
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(error_at(&folder))?;
        let used: u64 = self.base.values().filter_map(|listed| listed.kept).map(|kept| kept.length).sum();
        let packed = self.size_of_packs();
        let free = rustix::fs::statvfs(&folder).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let free = free.map_err(|error| TreeError::Io(folder.clone(), error.into()))?;
        // Contents that are of no use any more stay in packs: a copy with too many of them is made anew.
        if (used + packed).saturating_mul(PART_OF_FREE_SPACE) > free || packed > 2 * used + (64 << 20) {
            return Ok(false);
        }
        let files = self.base.keys().map(PathBuf::as_path);
        clear_others(
            &self.work(),
            &files.clone().map(Path::as_os_str).collect(),
            &with_outer(files.filter_map(Path::parent)),
        )?;
        let mut looks = Vec::with_capacity(self.base.len() * 2 * Look::SIZE);
        for ((path, first), origin) in self.base.iter().zip(&self.origins) {
            let is_first = self.current.get(path).is_some_and(|now| now.entry == first.entry);
            for look in [origin.as_ref(), self.seen.get(path).filter(|_| is_first)] {
                looks.extend(look.map_or([0; Look::SIZE], |look| look.to_bytes()));
            }
        }
        let file = self.root.join("looks");
        fs::write(&file, looks).map_err(error_at(&file))?;
        let name = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let target = folder.join(format!("{name}-{}", std::process::id()));
        // Without its manifest it is not whole, for whoever should find it where it is.
        let renamed = fs::rename(self.root.join("base"), self.root.join("spare"));
        renamed.and_then(|()| fs::rename(&self.root, &target)).map_err(error_at(&target))?;
        Ok(true)
    }

    fn size_of_packs(&self) -> u64 {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let packs = entries.filter(|entry| entry.file_name().as_bytes().starts_with(b"base."));
        packs.filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
    }
}

/// Folders with all those around them, without the top.
pub(super) fn with_outer<'p>(inner: impl Iterator<Item = &'p Path>) -> HashSet<&'p Path> {
    let (mut folders, mut last) = (HashSet::new(), None);
    for folder in inner {
        // Files of one folder mostly follow each other.
        if last == Some(folder) {
            continue;
        }
        last = Some(folder);
        for folder in folder.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
            if !folders.insert(folder) {
                break;
            }
        }
    }
    folders
}

/// Removes kept copies that nobody has used for long. What cannot be removed is left for the next time.
fn remove_old(spares: &Path) {
    let folders = fs::read_dir(spares).into_iter().flatten().flatten();
    for entry in folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten()) {
        let path = entry.path();
        let is_removed = path.extension().is_some_and(|extension| extension == REMOVED);
        let kept = fs::metadata(path.join("looks")).and_then(|meta| meta.modified());
        if !is_removed && !kept.is_ok_and(|kept| kept.elapsed().is_ok_and(|age| age > LONGEST)) {
            continue;
        }
        // Under another name nobody takes it meanwhile.
        let removed = path.with_extension(REMOVED);
        if is_removed || fs::rename(&path, &removed).is_ok() {
            let _ = fs::remove_dir_all(&removed);
            if let Some(folder) = removed.parent() {
                let _ = fs::remove_dir(folder);
            }
        }
    }
}
