//! The sandboxes of a run on this machine: private copies of directories, and commands that are confined to them.
//!
//! A copy is made when the first effect needs it, so that a resumed run whose sandbox is closed on record makes none.
//! Commands in one sandbox run one after the other: what each of them has changed is recorded with its answer.

mod entered;
mod records;
mod surroundings;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use cascade_ir::ErrorKind;
use cascade_sandbox::{
    Abilities, Limits, Network, Promise,
    proxy::{self, Proxy},
    tree::{self, Tree, TreeError},
    without_dots,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use records::change_from_record;
use surroundings::{cache_folder, make_removable};

use crate::{
    failure::{Failure, Raise},
    interpreter::to_hex,
    request::{Answer, Output, RequestId, Usage},
    workspace::{Access, CloseSandbox, ClosedSandbox, OpenSandbox, SandboxEnd, WorkspacePatch},
};

/// How commands in sandboxes are confined.
#[derive(Debug, Clone, Default)]
pub struct SandboxSettings {
    /// The program that confines itself and becomes the command: one that calls [`cascade_sandbox::run_helper`] first.
    /// Without one no sandbox is opened.
    pub helper: Option<PathBuf>,
    /// Promises that need not be held (`allow_unenforced`).
    pub allow_unenforced: Vec<Promise>,
    /// Folders and files that commands may read beside the system and tool chains.
    pub readable: Vec<PathBuf>,
    /// Hosts of lists that may have addresses of private networks.
    pub private_hosts: Vec<String>,
    /// Ports of this machine that commands with the network on may reach.
    pub local_ports: Vec<u16>,
    /// The limits of a command.
    pub limits: Limits,
    /// Whether namespaces are left out even where the machine has them.
    pub without_namespaces: bool,
    /// Where copies are made; the cache of the user if absent.
    pub folder: Option<PathBuf>,
}

/// The longest text of a patch that is given to the program, in bytes. What is applied has no such limit.
const LONGEST_PATCH: usize = 4 << 20;

/// The sandboxes of a run.
pub(super) struct Sandboxes {
    shared: Arc<Shared>,
    known: HashMap<String, Arc<Sandbox>>,
    /// The requests that opened them.
    opened: HashMap<RequestId, String>,
    /// Copies that are being removed.
    removing: Vec<std::thread::JoinHandle<()>>,
}

/// What all sandboxes of a run share.
struct Shared {
    settings: SandboxSettings,
    abilities: OnceLock<Result<Abilities, String>>,
    cwd: PathBuf,
    /// The folder of the run's copies.
    folder: PathBuf,
    /// Where copies of large folders are kept when they are closed, for the next ones.
    spares: PathBuf,
    /// Why an interrupted application could not be finished.
    unfinished: Option<String>,
}

/// A private copy of a directory, and what commands in it may do.
pub(super) struct Sandbox {
    shared: Arc<Shared>,
    open: OpenSandbox,
    inside: Option<Arc<Sandbox>>,
    folder: PathBuf,
    /// Recorded changes that are made before anything else happens in the copy. They are not part of `state`, which is
    /// locked while a command runs: who adds them must not wait for that.
    pending: Mutex<Vec<WorkspacePatch>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tree: Option<Tree>,
    networks: Vec<OpenNetwork>,
    /// The application of its changes, which will not be asked for again when it is left.
    applied: Option<String>,
    /// Whether it was closed in order: nothing runs in it any more.
    is_closed: bool,
}

/// The network of a sandbox with a list of hosts.
struct OpenNetwork {
    hosts: Vec<String>,
    proxy: Proxy,
    _folder: TempDir,
}

impl Sandboxes {
    pub(super) fn new(settings: SandboxSettings, cwd: Option<&Path>, run: &str) -> Self {
        let cwd = cwd.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let cwd = cwd.canonicalize().unwrap_or(cwd);
        let run = short_digest(&format!("{run}\0{}", cwd.display()));
        let copies = settings.folder.clone().unwrap_or_else(cache_folder);
        let (folder, spares) = (copies.join(&run), copies.join("kept"));
        // What an earlier process was applying when it was killed.
        let unfinished = tree::recover_applies(&cwd).err().map(|error| error.to_string());
        let shared = Arc::new(Shared { settings, abilities: OnceLock::new(), cwd, folder, spares, unfinished });
        Self { shared, known: HashMap::new(), opened: HashMap::new(), removing: Vec::new() }
    }

    /// Learns of a sandbox. Its copy is not made yet.
    pub(super) fn add(&mut self, id: RequestId, open: &OpenSandbox) -> Arc<Sandbox> {
        let inside = open.inside.as_ref().and_then(|name| self.known.get(name)).cloned();
        let sandbox = Arc::new(Sandbox {
            folder: self.shared.folder.join(short_digest(&open.name)),
            shared: Arc::clone(&self.shared),
            open: open.clone(),
            inside,
            pending: Mutex::default(),
            state: Mutex::default(),
        });
        self.opened.insert(id, open.name.clone());
        self.known.insert(open.name.clone(), Arc::clone(&sandbox));
        sandbox
    }

    /// The sandbox of this name.
    pub(super) fn find(&self, name: &str) -> Result<Arc<Sandbox>, Raise> {
        let found = self.known.get(name).cloned();
        found.ok_or_else(|| Failure::raise(ErrorKind::Internal, format!("there is no sandbox `{name}`")))
    }

    /// The sandbox whose copy is this directory.
    fn of_directory(&self, directory: &str) -> Option<&Arc<Sandbox>> {
        self.known.values().find(|sandbox| sandbox.work() == Path::new(directory))
    }

    /// Keeps a recorded change for when the copy is made; `false` when it is not one of a sandbox.
    pub(super) fn restore(&self, patch: &WorkspacePatch) -> bool {
        let Some(sandbox) = patch.directory.as_deref().and_then(|directory| self.of_directory(directory)) else {
            return false;
        };
        sandbox.pending.lock().unwrap_or_else(PoisonError::into_inner).push(patch.clone());
        true
    }

    /// The sandbox that a request has opened is of no use any more; `false` when it has opened none.
    pub(super) fn release(&mut self, id: RequestId) -> bool {
        let Some(name) = self.opened.remove(&id) else { return false };
        if let Some(sandbox) = self.known.remove(&name) {
            // A command may still be ending in it.
            self.removing.push(std::thread::spawn(move || sandbox.remove()));
        }
        true
    }

    /// The copies that are being removed.
    pub(super) fn take_removing(&mut self) -> Vec<std::thread::JoinHandle<()>> {
        std::mem::take(&mut self.removing)
    }

    /// The sandbox in whose copy a path is.
    pub(super) fn of_path(&self, path: &str) -> Option<Arc<Sandbox>> {
        let file = without_dots(&self.shared.cwd.join(path));
        self.known.values().find(|sandbox| file.starts_with(sandbox.work())).cloned()
    }
}

impl Drop for Sandboxes {
    fn drop(&mut self) {
        for removing in self.take_removing() {
            // One that has panicked has removed what it could.
            let _ = removing.join();
        }
        // Those that are left are there for the run to be resumed; of a run that has none, nothing is left.
        let _ = fs::remove_dir(&self.shared.folder);
    }
}

/// A sandbox in which nothing else runs.
pub(super) struct Entered<'s> {
    sandbox: &'s Sandbox,
    state: MutexGuard<'s, State>,
}

impl Sandbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where its files are.
    fn work(&self) -> PathBuf {
        self.folder.join("tree/work")
    }

    /// The directory that it is a copy of.
    fn source(&self) -> Result<PathBuf, Raise> {
        let cwd = &self.shared.cwd;
        let named = match &self.open.directory {
            Some(directory) => cwd.join(directory),
            None => cwd.clone(),
        };
        let named = match &self.inside {
            Some(outer) => outer.place(Some(&named.to_string_lossy()))?,
            None => named,
        };
        let directory = named.canonicalize().map_err(|error| {
            Failure::raise(ErrorKind::Failed, format!("there is no directory `{}` to copy: {error}", named.display()))
        })?;
        Ok(if self.open.whole_repository { repository_around(&directory) } else { directory })
    }

    /// Opens it; gives the directory of the copy.
    pub(super) fn answer_open(&self) -> Answer {
        let opened = self.check_promises().and_then(|()| self.enter()).map(|_| self.work());
        let result = opened.map(|work| Output::Opened(work.to_string_lossy().into_owned()));
        Answer { result, usage: Usage::default() }
    }

    /// Closes it; gives what has changed in it.
    pub(super) fn answer_close(&self, close: &CloseSandbox, id: &str, seconds: i64) -> Answer {
        Answer { result: self.close(close, id, seconds), usage: Usage::default() }
    }

    fn close(&self, close: &CloseSandbox, id: &str, seconds: i64) -> Result<Output, Raise> {
        self.make()?;
        // While it is merged into the sandbox around it, nothing runs there.
        let mut outer = self.inside.as_ref().map(|outer| outer.enter()).transpose()?;
        let mut entered = self.enter()?;
        entered.state.applied = (close.end == SandboxEnd::Apply).then(|| id.to_owned());
        let tree = entered.tree()?;
        let changes = tree.all_changes().map_err(tree_failure)?;
        let mut closed =
            ClosedSandbox { patch: tree.patch_text(&changes).map_err(tree_failure)?, ..ClosedSandbox::default() };
        if closed.patch.len() > LONGEST_PATCH {
            closed.patch.truncate(closed.patch.floor_char_boundary(LONGEST_PATCH));
            closed.notes.push(format!("the text of the patch was cut after {} MiB", LONGEST_PATCH >> 20));
        }
        let nested = tree.find_nested_repositories();
        closed.notes.extend(nested.iter().map(|path| format!("the repository `{path}` was left behind")));
        match &close.end {
            SandboxEnd::Discard => {}
            SandboxEnd::Apply => {
                tree::apply_changes(tree, &changes, id).map_err(tree_failure)?;
            }
            SandboxEnd::Branch(branch) if changes.is_empty() => {
                closed.notes.push(format!("nothing has changed, and the branch `{branch}` was not made"));
            }
            SandboxEnd::Branch(branch) => {
                let message = format!("{branch}\n\nMade by Cascade in `{}`.", self.open.name);
                tree::commit_on_branch(tree, &changes, branch, &message, seconds).map_err(tree_failure)?;
                closed.branch = Some(branch.clone());
            }
        }
        entered.state.is_closed = true;
        // What was merged is a change of the sandbox around it.
        let of_outer = outer.as_mut().map(Entered::changes).transpose()?.flatten();
        Ok(match of_outer {
            Some(patch) => Output::WithPatch(Box::new(Output::Closed(closed)), patch.into()),
            None => Output::Closed(closed),
        })
    }

    /// Refuses what this machine cannot enforce and nobody has allowed.
    fn check_promises(&self) -> Result<(), Raise> {
        let (abilities, network) = (self.abilities()?, self.network_kind());
        let unheld = abilities.promises(&network).into_iter().filter(|held| !held.held);
        let refused: Vec<_> =
            unheld.filter(|held| !self.shared.settings.allow_unenforced.contains(&held.promise)).collect();
        if refused.is_empty() {
            return Ok(());
        }
        let mut message = String::from("this machine cannot enforce what a sandbox promises:");
        for held in &refused {
            message.push_str(&format!(
                "\n- `{}` ({}): {}; {}",
                held.promise.name(),
                held.promise.meaning(),
                held.why,
                held.remedy
            ));
        }
        let names: Vec<String> = refused.iter().map(|held| format!("\"{}\"", held.promise.name())).collect();
        message.push_str(&format!(
            "\nTo go without, write `allow_unenforced = [{}]` below `[sandbox]` in cascade.toml.",
            names.join(", ")
        ));
        Err(Failure::raise(ErrorKind::Denied, message))
    }

    /// What this machine can do; it is found out once in a run.
    fn abilities(&self) -> Result<Abilities, Raise> {
        let Shared { settings, abilities, .. } = &*self.shared;
        let found = abilities.get_or_init(|| {
            let Some(helper) = &settings.helper else {
                return Err("this program has no helper for sandboxes".to_owned());
            };
            let found = cascade_sandbox::probe_abilities(helper).map_err(|error| error.to_string())?;
            Ok(match settings.without_namespaces {
                true => found.without_namespaces("they are switched off"),
                false => found,
            })
        });
        found.clone().map_err(|why| Failure::raise(ErrorKind::Denied, format!("no sandbox can be made: {why}")))
    }

    /// The hosts of its list, with others.
    fn hosts(&self, more: &[String]) -> Vec<String> {
        let mut hosts = match &self.open.policy.network {
            Access::Only(hosts) => hosts.clone(),
            Access::All => Vec::new(),
        };
        hosts.extend(more.iter().cloned());
        hosts.sort();
        hosts.dedup();
        hosts
    }

    fn network_kind(&self) -> Network {
        match &self.open.policy.network {
            Access::All => Network::On { supervised: true, local_ports: Vec::new() },
            Access::Only(hosts) if hosts.is_empty() => Network::Off,
            Access::Only(_) => Network::Proxy { port: proxy::PORT, handover: PathBuf::new() },
        }
    }

    /// Makes the copy, if it is not there. Of a copy in a copy the outer one is locked first, here and elsewhere.
    fn make(&self) -> Result<(), Raise> {
        if self.lock().tree.is_some() {
            return Ok(());
        }
        if let Some(why) = &self.shared.unfinished {
            let message = format!("what an interrupted sandbox was applying cannot be finished: {why}");
            return Err(Failure::raise(ErrorKind::MergeConflict, message));
        }
        let _outer = self.inside.as_ref().map(|outer| outer.enter()).transpose()?;
        let mut state = self.lock();
        if state.tree.is_none() {
            state.tree = Some(
                tree::open_tree(&self.source()?, &self.folder.join("tree"), Some(&self.shared.spares))
                    .map_err(tree_failure)?,
            );
        }
        Ok(())
    }

    /// Waits until nothing runs in it, and makes the copy if it is not there.
    ///
    /// # Errors
    /// When the copy cannot be made, or a recorded change does not fit it.
    pub(super) fn enter(&self) -> Result<Entered<'_>, Raise> {
        self.make()?;
        let mut state = self.lock();
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(tree) = &mut state.tree {
            for patch in pending {
                let changes = patch.changes.iter().map(change_from_record).collect::<Result<Vec<_>, _>>()?;
                tree.restore(&changes).map_err(tree_failure)?;
            }
        }
        Ok(Entered { sandbox: self, state })
    }

    /// The place in the copy of a directory that an effect names: at or below the directory that was copied, or in the
    /// copy itself.
    pub(super) fn place(&self, directory: Option<&str>) -> Result<PathBuf, Raise> {
        let (cwd, work) = (&self.shared.cwd, self.work());
        let named = without_dots(&directory.map_or_else(|| cwd.clone(), |directory| cwd.join(directory)));
        if named.starts_with(&work) {
            return Ok(named);
        }
        let source = self.source()?;
        let real = named.canonicalize().unwrap_or_else(|_| named.clone());
        for named in [&real, &named] {
            if let Ok(rest) = named.strip_prefix(&source) {
                return Ok(work.join(rest));
            }
            // A copy in a copy: paths of the outer one mean the inner one.
            if let Some(outer) = &self.inside
                && let Ok(placed) = outer.place(Some(&named.to_string_lossy()))
                && let Ok(rest) = placed.strip_prefix(&source)
            {
                return Ok(work.join(rest));
            }
        }
        match directory {
            // The directory of the run is another one: the command begins at the top of the copy.
            None => Ok(work),
            Some(directory) => {
                let message = format!("`{directory}` is outside of the sandbox of `{}`", source.display());
                Err(Failure::raise(ErrorKind::Denied, message))
            }
        }
    }

    /// Makes the copy in which a file is about to be read, and refuses a file behind a link.
    pub(super) fn prepare_read(&self, path: &str) -> Result<(), Raise> {
        let _ready = self.enter()?;
        self.place_without_links(path).map(drop)
    }

    /// The place in the copy of a path that Cascade itself reads or writes. A command may have put a link there that
    /// leads out of the copy: no link is followed.
    pub(super) fn place_without_links(&self, path: &str) -> Result<PathBuf, Raise> {
        let placed = self.place(Some(path))?;
        let work = self.work();
        let mut below = work.clone();
        for part in placed.strip_prefix(&work).unwrap_or(Path::new("")).components() {
            below.push(part);
            if fs::symlink_metadata(&below).is_ok_and(|meta| meta.file_type().is_symlink()) {
                return Err(Failure::raise(ErrorKind::Denied, format!("`{path}` is behind a link in a sandbox")));
            }
        }
        Ok(placed)
    }

    fn remove(&self) {
        let state = self.lock();
        if let (Some(tree), Some(id)) = (&state.tree, &state.applied) {
            // A mark that stays does no harm.
            let _ = tree::forget_apply(tree.source(), id);
        }
        if let (Some(tree), true) = (&state.tree, state.is_closed) {
            // What cannot be kept is removed.
            let _ = tree.keep_as_spare(&self.shared.spares);
        }
        // A command may have left folders that cannot be entered.
        if fs::remove_dir_all(&self.folder).is_err() {
            make_removable(&self.folder);
            let _ = fs::remove_dir_all(&self.folder);
        }
        let _ = fs::remove_dir(&self.shared.folder);
    }
}

impl Sandbox {
    /// The folders of objects that git reads in the copy: those of the repository, also in a copy of a copy.
    fn objects(&self, state: &mut State) -> Vec<PathBuf> {
        let mut found = state.tree.as_ref().map(|tree| tree.readable().to_vec()).unwrap_or_default();
        let mut outer = self.inside.as_ref();
        while let Some(sandbox) = outer {
            if let Ok(entered) = sandbox.state.try_lock()
                && let Some(tree) = &entered.tree
            {
                found.extend(tree.readable().iter().cloned());
            }
            found.push(sandbox.work().join(".git/objects"));
            outer = sandbox.inside.as_ref();
        }
        found.retain(|path| path.exists());
        found
    }
}

/// A failure of a copy as one of its stage.
fn tree_failure(error: TreeError) -> Raise {
    let kind = match &error {
        TreeError::Conflict(_) => ErrorKind::MergeConflict,
        TreeError::Denied(_) => ErrorKind::Denied,
        TreeError::Io(..) | TreeError::TooLarge(_) | TreeError::Git(_) => ErrorKind::Failed,
    };
    let message = match &error {
        TreeError::Conflict(files) => format!(
            "{} cannot be merged: changed in the sandbox and meanwhile in the directory",
            files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", ")
        ),
        TreeError::Io(..) => format!("the sandbox cannot be used: {error}"),
        _ => error.to_string(),
    };
    Failure::raise(kind, message)
}

fn unavailable_failure(path: &Path, error: &io::Error) -> Raise {
    Failure::raise(ErrorKind::Unavailable, format!("no sandbox can be made: `{}`: {error}", path.display()))
}

/// The top of the repository around a directory, or the directory.
fn repository_around(directory: &Path) -> PathBuf {
    directory.ancestors().find(|above| above.join(".git").exists()).unwrap_or(directory).to_path_buf()
}

fn short_digest(text: &str) -> String {
    to_hex(&Sha256::digest(text.as_bytes())[..8])
}
