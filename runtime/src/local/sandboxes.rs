//! The sandboxes of a run on this machine: private copies of directories, and commands that are confined to them.
//!
//! A copy is made when the first effect needs it, so that a resumed run whose sandbox is closed on record makes none.
//! Commands in one sandbox run one after the other: what each of them has changed is recorded with its answer.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Component, Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cascade_ir::ErrorKind;
use cascade_sandbox::{
    Abilities, Limits, Network, Promise, Report, Spec, is_private_variable, proxy,
    proxy::{Host, Proxy},
    toolchains,
    tree::{self, Change, Content, Entry, Kind, Tree, TreeError},
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{agents::AgentJob, workspace::collect_outputs};
use crate::{
    failure::{Failure, Raise},
    interpreter::hex,
    request::{Answer, FilesRequest, Output, RequestId, RunRequest, Usage},
    workspace::{
        Access, CloseSandbox, ClosedSandbox, FileChange, FileContent, FileState, OpenSandbox, SandboxEnd, Workspace,
        WorkspacePatch,
    },
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
    /// Why an interrupted application could not be finished.
    unfinished: Option<String>,
}

/// A private copy of a directory, and what commands in it may do.
pub(super) struct Sandbox {
    shared: Arc<Shared>,
    open: OpenSandbox,
    inside: Option<Arc<Sandbox>>,
    folder: PathBuf,
    commands: AtomicU64,
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
        let folder = settings.folder.clone().unwrap_or_else(cache_folder).join(&run);
        // What an earlier process was applying when it was killed.
        let unfinished = tree::recover(&cwd).err().map(|error| error.to_string());
        let shared = Arc::new(Shared { settings, abilities: OnceLock::new(), cwd, folder, unfinished });
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
            commands: AtomicU64::new(0),
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

    /// The sandbox in whose copy a path is.
    pub(super) fn of_path(&self, path: &str) -> Option<Arc<Sandbox>> {
        let file = without_dots(&self.shared.cwd.join(path));
        self.known.values().find(|sandbox| file.starts_with(sandbox.work())).cloned()
    }
}

impl Drop for Sandboxes {
    fn drop(&mut self) {
        for removing in self.removing.drain(..) {
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
        let changes = tree.all_changes().map_err(raise)?;
        let mut closed = ClosedSandbox { patch: tree.patch_text(&changes).map_err(raise)?, ..ClosedSandbox::default() };
        if closed.patch.len() > LONGEST_PATCH {
            closed.patch.truncate(closed.patch.floor_char_boundary(LONGEST_PATCH));
            closed.notes.push(format!("the text of the patch was cut after {} MiB", LONGEST_PATCH >> 20));
        }
        let nested = tree.find_nested_repositories();
        closed.notes.extend(nested.iter().map(|path| format!("the repository `{path}` was left behind")));
        match &close.end {
            SandboxEnd::Discard => {}
            SandboxEnd::Apply => {
                tree::apply(tree, &changes, id).map_err(raise)?;
            }
            SandboxEnd::Branch(branch) if changes.is_empty() => {
                closed.notes.push(format!("nothing has changed, and the branch `{branch}` was not made"));
            }
            SandboxEnd::Branch(branch) => {
                let message = format!("{branch}\n\nMade by Cascade in `{}`.", self.open.name);
                tree::commit_on_branch(tree, &changes, branch, &message, seconds).map_err(raise)?;
                closed.branch = Some(branch.clone());
            }
        }
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
            let found = cascade_sandbox::probe(helper).map_err(|error| error.to_string())?;
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
            Access::All => Network::On,
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
            state.tree = Some(tree::open(&self.source()?, &self.folder.join("tree")).map_err(raise)?);
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
                tree.restore(&changes).map_err(raise)?;
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
            let _ = tree::forget(tree.source(), id);
        }
        // A command may have left folders that cannot be entered.
        if fs::remove_dir_all(&self.folder).is_err() {
            make_removable(&self.folder);
            let _ = fs::remove_dir_all(&self.folder);
        }
        let _ = fs::remove_dir(&self.shared.folder);
    }
}

impl Entered<'_> {
    fn tree(&mut self) -> Result<&mut Tree, Raise> {
        let missing = || Failure::raise(ErrorKind::Internal, "a sandbox without its copy");
        self.state.tree.as_mut().ok_or_else(missing)
    }

    /// The command that starts a program in the sandbox, and where its report will be.
    ///
    /// # Errors
    /// When its directory is not in the sandbox, or a folder cannot be made.
    pub(super) fn command(
        &mut self,
        request: &RunRequest,
        agent: Option<&AgentJob>,
    ) -> Result<(Command, PathBuf), Raise> {
        let sandbox = self.sandbox;
        let settings = &sandbox.shared.settings;
        let directory = sandbox.place(request.workspace.directory.as_deref())?;
        if !directory.is_dir() {
            let shown = request.workspace.directory.as_deref().unwrap_or(".");
            return Err(Failure::raise(ErrorKind::Failed, format!("there is no directory `{shown}` in the sandbox")));
        }
        let folder = &sandbox.folder;
        let (temporary, home) = (folder.join("tmp"), folder.join("home"));
        for folder in [&temporary, &home] {
            fs::create_dir_all(folder).map_err(|error| unavailable(folder, &error))?;
        }
        let user_home = std::env::var_os("HOME").map(PathBuf::from).and_then(|home| home.canonicalize().ok());
        let (mut readable, variables) = user_home.as_deref().map(toolchains).unwrap_or_default();
        readable.extend(search_path(user_home.as_deref()));
        readable.extend(settings.readable.iter().filter(|path| path.exists()).cloned());
        readable.extend(sandbox.objects(&mut self.state));
        let mut writable = vec![sandbox.work(), temporary.clone(), home.clone()];
        let mut hosts = Vec::new();
        let mut own: Vec<(&str, PathBuf)> = Vec::new();
        if let Some((needs, support)) = agent.map(AgentJob::needs_in_sandbox) {
            hosts.clone_from(&needs.hosts);
            readable.push(support.to_owned());
            for (name, variable) in needs.folders {
                let Some(folder) = user_home.as_ref().map(|home| home.join(name)).filter(|folder| folder.is_dir())
                else {
                    continue;
                };
                if !home.join(name).exists() {
                    // Where there is no variable for it, it is found in its own home.
                    std::os::unix::fs::symlink(&folder, home.join(name)).map_err(|error| unavailable(&home, &error))?;
                }
                own.extend(variable.map(|variable| (variable, folder.clone())));
                writable.push(folder);
            }
        }
        let network = self.open_network(&hosts)?;
        self.tree()?.settle();
        let number = sandbox.commands.fetch_add(1, Ordering::Relaxed);
        let report = folder.join(format!("report-{number}"));
        let namespaces = sandbox.abilities()?.namespaces;
        let spec = Spec {
            directory,
            writable,
            readable,
            hidden: user_home.into_iter().collect(),
            temporary: temporary.clone(),
            network: network.clone(),
            namespaces,
            limits: settings.limits.clone(),
            report: report.clone(),
        };
        let helper = settings.helper.clone().unwrap_or_default();
        let argv = request.argv.iter().map(|argument| OsStr::new(argument.text.as_str()));
        let mut command =
            cascade_sandbox::command(&helper, &spec, argv).map_err(|error| unavailable(&helper, &error))?;
        command.env_clear();
        let kept = std::env::vars_os().filter(|(name, value)| !is_private_variable(&name.to_string_lossy(), value));
        command.envs(kept).envs(variables);
        let temporary = if namespaces { PathBuf::from("/tmp") } else { temporary };
        command.env("HOME", &home).env("TMPDIR", temporary).env("GIT_CEILING_DIRECTORIES", folder);
        command.env("CARGO_HOME", cargo_home(&home));
        command.envs(own);
        if let Network::Proxy { port, .. } = network {
            command.envs(proxy_variables(port, &sandbox.hosts(&hosts)));
        }
        Ok((command, report))
    }

    /// The proxy of a list of hosts, with those that an agent needs, started with the first command.
    fn open_network(&mut self, more: &[String]) -> Result<Network, Raise> {
        let sandbox = self.sandbox;
        if sandbox.open.policy.network == Access::All {
            return Ok(Network::On);
        }
        let names = sandbox.hosts(more);
        if names.is_empty() {
            return Ok(Network::Off);
        }
        let own_port = sandbox.abilities()?.namespaces;
        let found = self.state.networks.iter().position(|open| open.hosts == names);
        if found.is_none() {
            let private = &sandbox.shared.settings.private_hosts;
            let wrong = |why| Failure::raise(ErrorKind::Failed, why);
            let hosts = names.iter().map(|host| Host::parse(host, private)).collect::<Result<Vec<_>, _>>();
            // The path of a socket must be short.
            let folder = tempfile::Builder::new().prefix("cascade-").tempdir();
            let folder = folder.map_err(|error| unavailable(&std::env::temp_dir(), &error))?;
            let proxy = Proxy::start(hosts.map_err(wrong)?, folder.path().join("proxy"));
            let proxy = proxy.map_err(|error| unavailable(folder.path(), &error))?;
            self.state.networks.push(OpenNetwork { hosts: names, proxy, _folder: folder });
        }
        let open = found.map_or(self.state.networks.last(), |index| self.state.networks.get(index));
        Ok(match open {
            Some(OpenNetwork { proxy, .. }) => Network::Proxy {
                port: if own_port { proxy::PORT } else { proxy.port() },
                handover: proxy.handover().to_owned(),
            },
            None => Network::Off,
        })
    }

    /// What the helper and the proxy have to say of a command that has ended.
    pub(super) fn report(&mut self, path: &Path) -> Report {
        let mut report: Report = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)
                .unwrap_or_else(|error| Report { setup: Some(error.to_string()), ..Report::default() }),
            Err(_) => Report::default(),
        };
        let _ = fs::remove_file(path);
        for OpenNetwork { proxy, .. } in &self.state.networks {
            report.denied.extend(proxy.take_denied());
        }
        report
    }

    /// What has changed in the copy since it was asked last.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub(super) fn changes(&mut self) -> Result<Option<WorkspacePatch>, Raise> {
        Ok(self.changes_with_text()?.map(|(patch, _)| patch))
    }

    /// The same with its text, which compares files with what they were when the sandbox was opened.
    ///
    /// # Errors
    /// As [`Entered::changes`].
    pub(super) fn changes_with_text(&mut self) -> Result<Option<(WorkspacePatch, String)>, Raise> {
        let directory = self.sandbox.work().to_string_lossy().into_owned();
        let changes = self.tree()?.changes().map_err(raise)?;
        if changes.is_empty() {
            return Ok(None);
        }
        let text = self.tree()?.patch_text(&changes).map_err(raise)?;
        let changes = changes.into_iter().map(change_as_record).collect::<Result<Vec<_>, _>>()?;
        Ok(Some((WorkspacePatch { directory: Some(directory), changes }, text)))
    }

    /// The files that a command has made and declares, by their paths in the copy.
    ///
    /// # Errors
    /// When one leaves the directory of the command, or cannot be read.
    pub(super) fn outputs(&self, files: &FilesRequest, request: &RunRequest) -> Result<WorkspacePatch, Raise> {
        let (work, directory) = (self.sandbox.work(), self.sandbox.place(request.workspace.directory.as_deref())?);
        let inside = directory.strip_prefix(&work).unwrap_or(Path::new("")).to_path_buf();
        let place = Workspace { directory: Some(directory.to_string_lossy().into_owned()), ..Workspace::default() };
        let mut patch = collect_outputs(files, &place, None)?;
        patch.directory = Some(work.to_string_lossy().into_owned());
        for change in &mut patch.changes {
            change.path = inside.join(&change.path).to_string_lossy().into_owned();
        }
        Ok(patch)
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
fn raise(error: TreeError) -> Raise {
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

fn unavailable(path: &Path, error: &io::Error) -> Raise {
    Failure::raise(ErrorKind::Unavailable, format!("no sandbox can be made: `{}`: {error}", path.display()))
}

/// The path without `.`, and with `..` taken literally.
fn without_dots(path: &Path) -> PathBuf {
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

/// The top of the repository around a directory, or the directory.
fn repository_around(directory: &Path) -> PathBuf {
    directory.ancestors().find(|above| above.join(".git").exists()).unwrap_or(directory).to_path_buf()
}

fn short_digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..8])
}

/// Where copies are made: outside of projects, so that tools that look for their files upwards find none of them.
fn cache_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = cache.unwrap_or_else(std::env::temp_dir).join("cascade/sandboxes");
    std::path::absolute(&cache).unwrap_or(cache)
}

/// The folders of the search path that are not of the system, with what stands beside them: a `bin` needs its `lib`.
fn search_path(home: Option<&Path>) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = Vec::new();
    for folder in std::env::split_paths(&path).filter(|folder| folder.is_absolute()) {
        let Ok(folder) = folder.canonicalize() else { continue };
        let around = match folder.parent() {
            // All of a home, and what is beside a folder at the top, is more than a program needs.
            Some(parent)
                if folder.ends_with("bin")
                    && Some(parent) != home
                    && parent.components().count() > 2
                    && (parent.join("lib").is_dir() || parent.join("pyvenv.cfg").is_file()) =>
            {
                parent.to_path_buf()
            }
            _ => folder,
        };
        // `~/.local` and `~/.cargo` hold more than programs.
        let is_shared = [".local", ".cargo"].iter().any(|name| home.is_some_and(|home| around == home.join(name)));
        folders.push(if is_shared { around.join("bin") } else { around });
    }
    folders.sort();
    folders.dedup();
    folders.retain(|folder| Some(folder.as_path()) != home && folder.parent().is_some() && folder.is_dir());
    folders
}

/// A home of cargo in the sandbox: what was downloaded outside is found there.
fn cargo_home(home: &Path) -> PathBuf {
    let own = home.join(".cargo");
    let outer = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    if !own.exists()
        && fs::create_dir_all(&own).is_ok()
        && let Some(outer) = outer
    {
        for name in ["registry", "git", "bin"] {
            if outer.join(name).is_dir() {
                // Without the link cargo downloads again.
                let _ = std::os::unix::fs::symlink(outer.join(name), own.join(name));
            }
        }
    }
    own
}

/// The variables by which programs find the proxy.
fn proxy_variables(port: u16, hosts: &[String]) -> Vec<(OsString, OsString)> {
    let address = format!("http://127.0.0.1:{port}");
    let mut all: Vec<(OsString, OsString)> = Vec::new();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        all.push((name.into(), address.clone().into()));
        all.push((name.to_ascii_lowercase().into(), address.clone().into()));
    }
    // The loopback is the command's own, unless the list names that of the machine.
    let names_loopback = |host: &String| ["localhost", "127.", "[::1]"].iter().any(|name| host.starts_with(name));
    let direct = if hosts.iter().any(names_loopback) { "" } else { "localhost,127.0.0.1,::1" };
    for name in ["NO_PROXY", "no_proxy"] {
        all.push((name.into(), direct.into()));
    }
    all.push(("NODE_USE_ENV_PROXY".into(), "1".into()));
    all
}

fn make_removable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    // What cannot be changed cannot be removed either, and is left.
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_removable(&entry.path());
        }
    }
}

fn change_as_record(change: Change) -> Result<FileChange, Raise> {
    let after = match change.after {
        None => None,
        Some(Content { kind: Kind::Link, bytes }) => {
            let target = String::from_utf8(bytes).map_err(|_| {
                Failure::raise(ErrorKind::Failed, format!("the target of the link `{}` is no UTF-8", change.path))
            })?;
            Some(FileState { content: FileContent::Link(target), executable: false })
        }
        Some(Content { kind, bytes }) => {
            Some(FileState { content: FileContent::from_bytes(bytes), executable: kind == Kind::Executable })
        }
    };
    let before = change.before.map(|entry| hex(&entry.hash));
    Ok(FileChange { path: change.path, before, after, is_output: false })
}

fn change_from_record(change: &FileChange) -> Result<Change, Raise> {
    let lost = || {
        let message = format!("the change of `{}` was too large to be kept; run its stage again", change.path);
        Failure::raise(ErrorKind::MergeConflict, message)
    };
    let after = match &change.after {
        None => None,
        Some(FileState { content: FileContent::Link(target), .. }) => {
            Some(Content { kind: Kind::Link, bytes: target.clone().into_bytes() })
        }
        Some(FileState { content, executable }) => {
            let kind = if *executable { Kind::Executable } else { Kind::File };
            Some(Content { kind, bytes: content.as_bytes().ok_or_else(lost)?.to_vec() })
        }
    };
    // The kind before is not recorded, and not compared.
    let before = change.before.as_deref().map(parse_hash).transpose()?;
    Ok(Change { path: change.path.clone(), before: before.map(|hash| Entry { kind: Kind::File, hash }), after })
}

fn parse_hash(text: &str) -> Result<[u8; 32], Raise> {
    let wrong = || Failure::raise(ErrorKind::Internal, format!("`{text}` is no SHA-256"));
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        let digits = text.get(2 * index..2 * index + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(hash)
}
