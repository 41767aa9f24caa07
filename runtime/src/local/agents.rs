//! Coding agents on this machine: each piece of work is a program that is listened to while it works, and whose
//! changes to its directory are looked at when it has ended.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Instant,
};

use cascade_ir::{ErrorKind, Program};
use tempfile::TempDir;

use super::{sandboxes::Sandbox, snapshot::Snapshot, survivors::end_carriers, workspace::check_policy};
use crate::{
    agents::{Conversation, Dialect, Ended, Heard, Needs, Work, find_driver, needs_in_sandbox, says_session_is_lost},
    failure::{EndedProgram, Failure, Raise},
    request::{AgentAnswer, AgentRequest, Answer, Output, Process, RunRequest},
    value::Arg,
    workspace::Workspace,
};

/// The variable by which the programs that an agent has started are found when it has ended: also those that have left
/// its process group.
const VARIABLE: &str = "CASCADE_AGENT";

/// What belongs to the work of an agent beside its program.
pub(super) struct AgentJob {
    dialect: &'static dyn Dialect,
    /// The directory in which it works, and its name in the patch; `None`: it has an empty one.
    root: Option<(PathBuf, Option<String>)>,
    /// The files that it is given by their paths.
    support: TempDir,
    /// The empty directory.
    _scratch: Option<TempDir>,
    /// The program without a session, for when the one that shall go on is not there any more.
    anew: Option<(RunRequest, Option<Box<Conversation>>)>,
    /// What is said to it while it works.
    conversation: Option<Box<Conversation>>,
    /// What its program needs in a sandbox.
    needs: Needs,
}

impl AgentJob {
    /// The program for a piece of work, and what belongs to it.
    ///
    /// # Errors
    /// When the agent cannot do what is asked, or there is no directory for it.
    pub(super) fn prepare(
        program: &Program,
        request: &AgentRequest,
        cwd: Option<&Path>,
        sandbox: Option<&Sandbox>,
    ) -> Result<(RunRequest, Self), Raise> {
        let Some(model) = program.models.get(request.prompt.model.index()) else {
            return Err(Failure::raise(ErrorKind::Internal, "there is no such model"));
        };
        let Some(driver) = find_driver(model) else {
            let message = format!("provider `{}` has no coding agent", model.provider);
            return Err(Failure::raise(ErrorKind::Denied, message));
        };
        let support = support_directory()?;
        let mut place = None;
        let (workspace, root, scratch) = match &request.workspace {
            // What it changes there is seen by the sandbox.
            Some(workspace) if let Some(sandbox) = sandbox => {
                place = Some(sandbox.place(workspace.directory.as_deref())?);
                (workspace.clone(), None, None)
            }
            Some(workspace) => {
                check_policy(workspace)?;
                let mut root = cwd.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
                root.extend(&workspace.directory);
                (workspace.clone(), Some((root, workspace.directory.clone())), None)
            }
            None => {
                let scratch = tempfile::tempdir().map_err(|error| no_directory(&error))?;
                let directory = Some(scratch.path().to_string_lossy().into_owned());
                (Workspace { directory, ..Workspace::default() }, None, Some(scratch))
            }
        };
        let directory = match (&root, &scratch) {
            _ if let Some(place) = place => place,
            (Some((root, _)), _) => std::path::absolute(root).unwrap_or_else(|_| root.clone()),
            (None, scratch) => scratch.as_ref().map(|scratch| scratch.path().to_owned()).unwrap_or_default(),
        };
        let mark = Arg::plain(mark_of(&support));
        let run = |request: &AgentRequest| {
            let work = Work { model, request, directory: &directory, support: support.path() };
            let invocation = driver.dialect.command(&work)?;
            let variables = invocation.env.into_iter().chain([(VARIABLE.into(), mark.clone())]);
            let run = RunRequest {
                argv: invocation.argv,
                workspace: workspace.clone(),
                env: variables.map(|(name, value)| (name, Some(value))).collect(),
                // An open pipe would be read to its end by some.
                stdin: Some(Arg::plain(invocation.stdin)),
                files: None,
            };
            Ok::<_, Raise>((run, invocation.conversation))
        };
        let anew = match &request.session {
            Some(_) => Some(run(&AgentRequest { session: None, ..request.clone() })?),
            None => None,
        };
        let (request, conversation) = run(request)?;
        let (dialect, needs) = (driver.dialect, needs_in_sandbox(model));
        Ok((request, Self { dialect, root, support, _scratch: scratch, conversation, anew, needs }))
    }

    /// What its program needs in a sandbox, and where the files are that it is given.
    pub(super) fn needs_in_sandbox(&self) -> (&Needs, &Path) {
        (&self.needs, self.support.path())
    }

    /// The files of the directory before the agent works in it.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn take_snapshot(&self) -> Result<Option<Snapshot>, Raise> {
        self.root.as_ref().map(|(root, _)| Snapshot::take(root)).transpose()
    }

    /// The program without a session, when the agent did not find the one that it was to go on with.
    pub(super) fn begin_anew(&mut self, answer: &Answer) -> Option<RunRequest> {
        let failure = answer.result.as_ref().err()?;
        let is_lost = answer.usage.tokens_out == 0 && says_session_is_lost(&failure.message);
        let (request, conversation) = self.anew.take().filter(|_| is_lost)?;
        self.conversation = conversation;
        Some(request)
    }

    /// Listens to the output of the agent.
    pub(super) fn listener(&self) -> Listener {
        let heard = Heard { conversation: self.conversation.clone(), ..Heard::default() };
        Listener { dialect: self.dialect, heard, taken: 0, told: None, over: None }
    }

    /// The answer of an agent that has ended.
    pub(super) fn finish(&self, listener: Listener, process: &Process, before: Option<Snapshot>) -> Answer {
        end_carriers(VARIABLE, &mark_of(&self.support));
        let mut heard = listener.heard;
        let stdout = String::from_utf8_lossy(&process.stdout);
        let ended = Ended { code: process.code, stdout: &stdout, stderr: &process.stderr };
        let answer = self.dialect.answer(&mut heard, &ended);
        let usage = heard.usage;
        let result = answer.and_then(|text| self.with_changes(text, &heard, before)).map_err(|mut failure| {
            let stderr = process.stderr.trim_end().to_owned();
            let session = heard.session.clone();
            failure.program = Some(Box::new(EndedProgram { exit_code: process.code, stderr, session }));
            failure
        });
        Answer { result, usage }
    }

    fn with_changes(&self, text: String, heard: &Heard, before: Option<Snapshot>) -> Result<Output, Raise> {
        let mut answer = AgentAnswer { text, session: heard.session.clone(), diff: String::new(), notes: Vec::new() };
        answer.notes.extend(heard.denied.iter().map(|denied| format!("the agent was not allowed: {denied}")));
        let (Some(before), Some((_, directory))) = (before, &self.root) else {
            return Ok(Output::Agent(Box::new(answer)));
        };
        let changes = before.changes(directory.clone())?;
        if changes.patch.changes.is_empty() {
            if heard.claims_change {
                answer.notes.push("the agent says that it has changed files, and none is different".to_owned());
            }
            return Ok(Output::Agent(Box::new(answer)));
        }
        answer.diff = changes.diff;
        Ok(Output::WithPatch(Box::new(Output::Agent(Box::new(answer))), changes.patch.into()))
    }
}

/// Reads what an agent tells, line by line.
pub(super) struct Listener {
    dialect: &'static dyn Dialect,
    heard: Heard,
    /// How much of the output was read.
    taken: usize,
    /// The session that was reported.
    told: Option<String>,
    /// When it had said its last word.
    over: Option<Instant>,
}

impl Listener {
    /// Reads the lines that are complete by now, or all that is left.
    pub(super) fn read_output(&mut self, output: &[u8], at_end: bool) {
        while let Some(rest) = output.get(self.taken..).filter(|rest| !rest.is_empty()) {
            let length = match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => end + 1,
                None if at_end => rest.len(),
                None => break,
            };
            self.dialect.hear(String::from_utf8_lossy(&rest[..length]).trim_end(), &mut self.heard);
            self.taken += length;
        }
        if self.heard.is_over && self.over.is_none() {
            self.over = Some(Instant::now());
        }
    }

    /// Whether the agent is talked to while it works.
    pub(super) fn is_talking(&self) -> bool {
        self.heard.conversation.is_some() && !self.heard.is_over
    }

    /// What is to be written to its standard input.
    pub(super) fn take_outgoing(&mut self) -> String {
        self.heard.conversation.as_mut().map(|conversation| conversation.take_outgoing()).unwrap_or_default()
    }

    /// What the agent is doing, if it has begun something else.
    pub(super) fn take_step(&mut self) -> Option<String> {
        self.heard.step.take()
    }

    /// The session, if it is not the one that was reported.
    pub(super) fn take_session(&mut self) -> Option<String> {
        if self.heard.session == self.told {
            return None;
        }
        self.told.clone_from(&self.heard.session);
        self.told.clone()
    }

    /// When it had said its last word.
    pub(super) fn over_since(&self) -> Option<Instant> {
        self.over
    }
}

/// A name that no other work of an agent has.
fn mark_of(support: &TempDir) -> String {
    support.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A directory that only the user can write to, also on its way: some agents read nothing else.
fn support_directory() -> Result<TempDir, Raise> {
    let cache = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let made = cache.and_then(|cache| {
        let folder = cache.join("cascade");
        fs::create_dir_all(&folder).ok()?;
        tempfile::Builder::new().prefix("agent-").tempdir_in(folder).ok()
    });
    match made {
        Some(made) => Ok(made),
        None => tempfile::Builder::new().prefix("agent-").tempdir().map_err(|error| no_directory(&error)),
    }
}

fn no_directory(error: &std::io::Error) -> Raise {
    Failure::raise(ErrorKind::Unavailable, format!("no directory can be made for the agent: {error}"))
}
