//! The files of a folder: their kinds and the digests of their contents, and the contents themselves in packs.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Result, TreeError, error_at};

/// What kind of file a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A file.
    File,
    /// One that can be executed.
    Executable,
    /// A link; its content is its target.
    Link,
}

/// A file without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its kind.
    pub kind: Kind,
    /// The SHA-256 of its content.
    pub hash: [u8; 32],
}

impl Entry {
    /// The entry of a content.
    pub fn of(kind: Kind, bytes: &[u8]) -> Self {
        Self { kind, hash: Sha256::digest(bytes).into() }
    }
}

/// Where the content of a file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) pack: u32,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// A file of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) entry: Entry,
    /// Where its first content is kept; contents that were changed later are in the files themselves.
    pub(super) kept: Option<Kept>,
}

/// Files by their paths, which are relative to the folder.
pub(super) type Manifest = BTreeMap<PathBuf, Listed>;

/// How a file looks on the disk: when nothing of this has changed, its content has not. The time of its status cannot
/// be set by programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    inode: u64,
    size: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Look {
    pub(super) fn of(meta: &fs::Metadata) -> Self {
        Self {
            inode: meta.ino(),
            size: meta.size(),
            mode: meta.mode(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

impl Look {
    /// The length of what [`Look::to_bytes`] gives.
    pub(super) const SIZE: usize = 52;

    /// As it is written into a file; never only zeros.
    pub(super) fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let numbers = [self.modified.0, self.modified.1, self.changed.0, self.changed.1].map(i64::to_le_bytes);
        let parts = [self.inode.to_le_bytes(), self.size.to_le_bytes()].into_iter().chain(numbers).flatten();
        for (to, from) in bytes.iter_mut().zip(parts.chain(self.mode.to_le_bytes())) {
            *to = from;
        }
        bytes
    }

    /// What [`Look::to_bytes`] wrote; `None` for zeros.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, mode) = bytes.split_at_checked(Self::SIZE - 4)?;
        let (numbers, _) = numbers.as_chunks::<8>();
        let [inode, size, modified, modified_ns, changed, changed_ns] = *numbers else { return None };
        let mode = u32::from_le_bytes(mode.try_into().ok()?);
        let number = i64::from_le_bytes;
        (mode != 0).then(|| Self {
            inode: u64::from_le_bytes(inode),
            size: u64::from_le_bytes(size),
            mode,
            modified: (number(modified), number(modified_ns)),
            changed: (number(changed), number(changed_ns)),
        })
    }

    /// Whether the file cannot change without looking different after this time: some file systems keep times in steps
    /// of two seconds.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        const STEP: i64 = 2;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        i64::try_from(now).is_ok_and(|now| self.changed.0.max(self.modified.0) + STEP < now)
    }
}

pub(super) type Seen = HashMap<PathBuf, Look>;

/// The kind of a file by its status; `None` for folders, sockets, devices.
pub(super) fn kind_of(meta: &fs::Metadata) -> Option<Kind> {
    let kind = meta.file_type();
    match () {
        () if kind.is_symlink() => Some(Kind::Link),
        () if kind.is_file() && meta.mode() & 0o100 != 0 => Some(Kind::Executable),
        () if kind.is_file() => Some(Kind::File),
        () => None,
    }
}

/// The content of a pack.
pub(super) fn read_kept(root: &Path, kept: Kept) -> Result<Vec<u8>> {
    let path = pack_path(root, kept.pack);
    let read = || {
        let mut file = File::open(&path)?;
        file.seek(SeekFrom::Start(kept.offset))?;
        let mut bytes = vec![0; usize::try_from(kept.length).map_err(io::Error::other)?];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(error_at(&path))
}

pub(super) fn pack_path(root: &Path, pack: u32) -> PathBuf {
    root.join(format!("base.{pack}"))
}

const MAGIC: &[u8] = b"cascade-tree-1\n";

/// Writes the manifest of a copy, whose presence says that the copy is whole.
pub(super) fn save_manifest(manifest: &Manifest, ignores: bool, source: &Path, root: &Path) -> Result<()> {
    let mut out = Vec::with_capacity(128 * manifest.len() + 256);
    let put = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    out.extend_from_slice(MAGIC);
    out.push(ignores.into());
    put(&mut out, source.as_os_str().as_bytes());
    for (path, listed) in manifest {
        put(&mut out, path.as_os_str().as_bytes());
        out.push(match listed.entry.kind {
            Kind::File => b'f',
            Kind::Executable => b'x',
            Kind::Link => b'l',
        });
        out.extend_from_slice(&listed.entry.hash);
        let kept = listed.kept.unwrap_or(Kept { pack: u32::MAX, offset: 0, length: 0 });
        out.extend_from_slice(&kept.pack.to_le_bytes());
        out.extend_from_slice(&kept.offset.to_le_bytes());
        out.extend_from_slice(&kept.length.to_le_bytes());
    }
    let (partial, whole) = (root.join("base.partial"), root.join("base"));
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(&out)?;
        drop(file);
        fs::rename(&partial, &whole)
    };
    write().map_err(error_at(&whole))
}

/// What [`save_manifest`] wrote: the files, whether ignored ones are left out, and the source. `None`: there is no such file.
pub(super) fn load_manifest(path: &Path) -> Result<Option<(Manifest, bool, PathBuf)>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(TreeError::Io(path.to_owned(), error)),
    };
    match parse_manifest(&bytes) {
        Some(found) => Ok(Some(found)),
        None => Err(TreeError::Io(path.to_owned(), io::Error::new(io::ErrorKind::InvalidData, "it is damaged"))),
    }
}

fn parse_manifest(bytes: &[u8]) -> Option<(Manifest, bool, PathBuf)> {
    fn take<'b>(rest: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
        let (taken, left) = rest.split_at_checked(count)?;
        *rest = left;
        Some(taken)
    }
    fn number(rest: &mut &[u8]) -> Option<u64> {
        Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
    }
    fn path(rest: &mut &[u8]) -> Option<PathBuf> {
        let length = usize::try_from(number(rest)?).ok()?;
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(take(rest, length)?)))
    }
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let ignores = take(&mut rest, 1)? == [1];
    let source = path(&mut rest)?;
    let mut files = Vec::new();
    while !rest.is_empty() {
        let path = path(&mut rest)?;
        let kind = match take(&mut rest, 1)? {
            b"f" => Kind::File,
            b"x" => Kind::Executable,
            b"l" => Kind::Link,
            _ => return None,
        };
        let hash = take(&mut rest, 32)?.try_into().ok()?;
        let pack = u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?);
        let kept = Kept { pack, offset: number(&mut rest)?, length: number(&mut rest)? };
        let kept = (pack != u32::MAX).then_some(kept);
        files.push((path, Listed { entry: Entry { kind, hash }, kept }));
    }
    // They are sorted: this is faster than to insert each of them.
    Some((files.into_iter().collect(), ignores, source))
}
