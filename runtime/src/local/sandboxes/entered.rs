//! Commands in a sandbox in which nothing else runs.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cascade_ir::ErrorKind;
use cascade_sandbox::{
    Abilities, Network, Report, Spec, find_toolchains, is_private_variable,
    proxy::{self, Host, Proxy},
    tree::Tree,
};
use tempfile::TempPath;

use super::{
    Entered, OpenNetwork,
    records::change_as_record,
    surroundings::{cargo_home, local_port, proxy_variables, search_path},
    tree_failure, unavailable_failure,
};
use crate::{
    failure::{Failure, Raise},
    local::{agents::AgentJob, workspace::collect_outputs},
    request::{FilesRequest, RunRequest},
    workspace::{Access, Workspace, WorkspacePatch},
};

impl Entered<'_> {
    pub(super) fn tree(&mut self) -> Result<&mut Tree, Raise> {
        let missing = || Failure::raise(ErrorKind::Internal, "a sandbox without its copy");
        self.state.tree.as_mut().ok_or_else(missing)
    }

    /// The command that starts a program in the sandbox, and the file for its report.
    ///
    /// # Errors
    /// When its directory is not in the sandbox, or a folder cannot be made.
    pub(in crate::local) fn command(
        &mut self,
        request: &RunRequest,
        agent: Option<&AgentJob>,
    ) -> Result<(Command, TempPath), Raise> {
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
            fs::create_dir_all(folder).map_err(|error| unavailable_failure(folder, &error))?;
        }
        let user_home = std::env::var_os("HOME").map(PathBuf::from).and_then(|home| home.canonicalize().ok());
        let (mut readable, variables) = user_home.as_deref().map(find_toolchains).unwrap_or_default();
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
                    std::os::unix::fs::symlink(&folder, home.join(name))
                        .map_err(|error| unavailable_failure(&home, &error))?;
                }
                own.extend(variable.map(|variable| (variable, folder.clone())));
                writable.push(folder);
            }
        }
        let network = self.open_network(&hosts)?;
        self.tree()?.settle();
        // Of no other name: what a killed process had started may still write its own report.
        let report = tempfile::Builder::new().prefix("report-").tempfile_in(folder);
        let report = report.map_err(|error| unavailable_failure(folder, &error))?.into_temp_path();
        let Abilities { namespaces, notify, .. } = sandbox.abilities()?;
        let spec = Spec {
            directory,
            writable,
            readable,
            hidden: user_home.into_iter().collect(),
            temporary: temporary.clone(),
            network: network.clone(),
            namespaces,
            watched: notify,
            limits: settings.limits.clone(),
            report: report.to_path_buf(),
        };
        let helper = settings.helper.clone().unwrap_or_default();
        let argv = request.argv.iter().map(|argument| OsStr::new(argument.text.as_str()));
        let mut command = cascade_sandbox::sandboxed_command(&helper, &spec, argv)
            .map_err(|error| unavailable_failure(&helper, &error))?;
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
            // The service of an agent may be one of this machine.
            let mut local_ports = sandbox.shared.settings.local_ports.clone();
            local_ports.extend(more.iter().filter_map(|host| local_port(host)));
            return Ok(Network::On { supervised: sandbox.abilities()?.notify, local_ports });
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
            let folder = folder.map_err(|error| unavailable_failure(&std::env::temp_dir(), &error))?;
            let proxy = Proxy::start(hosts.map_err(wrong)?, folder.path().join("proxy"));
            let proxy = proxy.map_err(|error| unavailable_failure(folder.path(), &error))?;
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
    pub(in crate::local) fn report(&mut self, path: &Path) -> Report {
        let mut report: Report = match fs::read(path) {
            // Without anything to report it stays empty.
            Ok(text) if !text.is_empty() => serde_json::from_slice(&text)
                .unwrap_or_else(|error| Report { setup: Some(error.to_string()), ..Report::default() }),
            _ => Report::default(),
        };
        for OpenNetwork { proxy, .. } in &self.state.networks {
            report.denied.extend(proxy.take_denied());
        }
        report
    }

    /// What has changed in the copy since it was asked last.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub(in crate::local) fn changes(&mut self) -> Result<Option<WorkspacePatch>, Raise> {
        Ok(self.changes_with_text()?.map(|(patch, _)| patch))
    }

    /// The same with its text, which compares files with what they were when the sandbox was opened.
    ///
    /// # Errors
    /// As [`Entered::changes`].
    pub(in crate::local) fn changes_with_text(&mut self) -> Result<Option<(WorkspacePatch, String)>, Raise> {
        let directory = self.sandbox.work().to_string_lossy().into_owned();
        let changes = self.tree()?.changes().map_err(tree_failure)?;
        if changes.is_empty() {
            return Ok(None);
        }
        let text = self.tree()?.patch_text(&changes).map_err(tree_failure)?;
        let changes = changes.into_iter().map(change_as_record).collect::<Result<Vec<_>, _>>()?;
        Ok(Some((WorkspacePatch { directory: Some(directory), changes }, text)))
    }

    /// The files that a command has made and declares, by their paths in the copy.
    ///
    /// # Errors
    /// When one leaves the directory of the command, or cannot be read.
    pub(in crate::local) fn outputs(
        &self,
        files: &FilesRequest,
        request: &RunRequest,
    ) -> Result<WorkspacePatch, Raise> {
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
