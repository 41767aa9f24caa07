//! Calls of skills: from inputs to a request, from an answer to a value.

use std::sync::Arc;

use cascade_ir::{Effect, ErrorKind, Expr, Model, ModelId, Run, Skill, SkillId, Topology, limits::Tokens};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use super::{
    Machine, Waiter,
    agent::keep_session,
    answer::answer_form,
    budget::Reserve,
    fiber::Fiber,
    frame::{Frame, Mode},
    guard::Subject,
    keys::{KeyPlace, KeyScheme, KeySource},
    skill_digest::skill_digest,
    swarm::Brief,
    tool_loop::{ToolLoop, ToolStep},
};
use crate::{
    eval::{Eval, Result, with_place},
    failure::{Failure, Raise, defect, fail},
    key_parts::KeyVersion,
    request::{
        Answer, Attachment, BuiltinArg, BuiltinRequest, EffectInfo, FilesRequest, LoadRequest, Output, RequestId,
        RequestKind, RunRequest, ToolTurn, Usage,
    },
    value::{Arg, Value, to_json},
    workspace::{Workspace, WorkspacePatch},
};

/// An effect on its way.
pub(super) struct Call<'p> {
    pub(super) id: SkillId,
    pub(super) skill: &'p Skill,
    pub(super) args: Vec<Value>,
    /// Variables of the skill, its inputs first.
    pub(super) slots: Vec<Value>,
    pub(super) request: Option<RequestId>,
    answer: Option<Box<Answer>>,
    pub(super) attachments: Option<Vec<Attachment>>,
    /// The hashes of the files among its arguments, once they are known.
    pub(super) hashed: Option<Vec<Attachment>>,
    /// What the effect changed in its workspace.
    pub(super) patch: Option<Arc<WorkspacePatch>>,
    pub(super) model: Option<ModelId>,
    /// The models that it could have been, in the order of preference.
    pub(super) candidates: Vec<ModelId>,
    /// What its answer may cost at most, held back from the budgets around it.
    pub(super) reserved: Reserve,
    /// Whether an earlier process recorded the answer of the model.
    pub(super) is_recorded: bool,
    /// The conversation with a model that uses tools.
    pub(super) tools: ToolLoop,
    /// What its model was told of the other agents of a swarm.
    pub(super) brief: Option<Brief>,
    /// The segment that the path of its next effect has after the stage.
    pub(super) step: Option<SmolStr>,
}

impl<'p> Call<'p> {
    pub(super) fn new(id: SkillId, skill: &'p Skill, args: Vec<Value>) -> Self {
        let mut slots = args.clone();
        slots.resize((skill.slots as usize).max(args.len()), Value::Null);
        Self {
            id,
            skill,
            args,
            slots,
            request: None,
            answer: None,
            attachments: None,
            hashed: None,
            patch: None,
            model: None,
            candidates: Vec::new(),
            reserved: Reserve::default(),
            is_recorded: false,
            tools: ToolLoop::default(),
            brief: None,
            step: None,
        }
    }
}

impl<'p> Machine<'p> {
    /// Keeps an answer for its call, and charges what it used.
    pub(super) fn call_answered(&mut self, id: usize, answer: Answer) {
        let usage = answer.usage;
        let mut cost = 0;
        if let Some(fiber) = self.fiber(id) {
            match fiber.frames.last_mut() {
                Some(Frame::Call(call)) => {
                    call.request = None;
                    call.answer = Some(Box::new(answer));
                    let (model, reserved) = (call.model, std::mem::take(&mut call.reserved));
                    cost = self.answer_cost(model, &usage);
                    self.release(id, reserved);
                }
                Some(Frame::MockedCall(call)) => {
                    call.request = None;
                    call.answer = Some(Box::new(answer));
                }
                Some(Frame::Person(asking)) => {
                    asking.request = None;
                    asking.answer = Some(Box::new(answer));
                }
                _ => return,
            }
        }
        if let Some((owner, serial, failure)) = self.charge_usage(id, &usage, cost) {
            self.fail_guard(owner, serial, |_| Some(failure));
        }
        self.queue_fiber(id);
    }

    /// What an answer cost, in millionths of a US dollar.
    fn answer_cost(&self, model: Option<ModelId>, usage: &Usage) -> i64 {
        if let Some(cost) = usage.cost {
            return cost.max(0);
        }
        model.and_then(|m| self.program.models.get(m.index())).map_or(0, |m| price_of(m, usage))
    }

    pub(super) fn continue_call(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let Some(Frame::Call(call)) = fiber.frames.last_mut() else {
            return Err(defect!("an answer without its call"));
        };
        if let Some(answer) = call.answer.take() {
            if call.tools.waits_for_server() {
                self.tool_answered(fiber, *answer)?;
                return self.start_call(id, fiber);
            }
            let skill = call.skill;
            let asked = call.model.filter(|_| !call.is_recorded);
            let cost = self.answer_cost(asked, &answer.usage);
            if let Err(failure) = &answer.result
                && is_fault_of_model(failure.kind)
            {
                self.count_outcome(&skill.name, asked, false, cost);
            }
            // The host has changed the workspace, or has restored the change.
            let (output, patch) = match answer.result {
                Ok(output) => output.split_patch(),
                Err(failure) => {
                    let session = failure.program.as_ref().and_then(|program| program.session.clone());
                    keep_session(fiber, session);
                    return Err(failure);
                }
            };
            let output = match output {
                Output::Files(files, _) if call.hashed.is_none() => {
                    call.hashed = Some(files);
                    return self.start_call(id, fiber);
                }
                Output::Calls(calls) => {
                    call.tools.begin_turn(calls);
                    return self.start_call(id, fiber);
                }
                output => output,
            };
            let Some(Frame::Call(call)) = fiber.frames.last_mut() else {
                return Err(defect!("an answer without its call"));
            };
            call.patch = patch;
            if let Output::Files(files, notes) = output {
                call.attachments = Some(files);
                let path = fiber.path();
                for note in notes {
                    self.emit_warning(&path, note, None);
                }
                return self.start_call(id, fiber);
            }
            let value = with_place(self.read_output(fiber, output), skill.place);
            self.count_outcome(&skill.name, asked, value.is_ok(), cost);
            let value = value?;
            fiber.frames.pop();
            return Ok(Mode::Give(value));
        }
        match call.request {
            None => self.start_call(id, fiber),
            Some(_) => Ok(Mode::Wait),
        }
    }

    fn start_call(&mut self, id: usize, fiber: &mut Fiber<'p>) -> Result<Mode> {
        let Some(Frame::Call(call)) = fiber.frames.last_mut() else {
            return Err(defect!("an effect without its call"));
        };
        let skill = call.skill;
        if call.hashed.is_none() {
            let files = match self.keys.version() >= KeyVersion::V4 {
                true => files_among(&call.args),
                false => Vec::new(),
            };
            if !files.is_empty() {
                let loads = RequestKind::Load(files.into_iter().map(LoadRequest::Hash).collect());
                let request = self.send_request(loads, None, Waiter::Call(id));
                if let Some(Frame::Call(call)) = fiber.frames.last_mut() {
                    call.request = Some(request);
                }
                return Ok(Mode::Wait);
            }
            call.hashed = Some(Vec::new());
        }
        if let Effect::Prompt(prompt) = &skill.effect
            && !prompt.tools.is_empty()
        {
            match with_place(self.next_tool_step(fiber, &prompt.tools), skill.place)? {
                ToolStep::Ask => {}
                ToolStep::Send(kind) => return self.send_call(id, fiber, skill, kind),
                ToolStep::Enter(label, call) => {
                    fiber.frames.push(Frame::Tool(label));
                    fiber.frames.push(Frame::Call(call));
                    return Ok(Mode::Run);
                }
            }
        }
        let Some(Frame::Call(call)) = fiber.frames.last_mut() else {
            return Err(defect!("an effect without its call"));
        };
        let mut slots = std::mem::take(&mut call.slots);
        let kind = match &skill.effect {
            Effect::Run(run) => self.run_request(run, &mut slots),
            Effect::Http(http) => self.http_request(http, &mut slots),
            Effect::Builtin(name) => Ok(builtin_request(name, skill, &call.args)),
            Effect::Prompt(prompt) => self.load_or_ask(fiber, prompt, None, &mut slots),
            Effect::Agent(agent) => self.load_or_ask(fiber, &agent.prompt, Some(agent), &mut slots),
            Effect::Mcp(call) => self.mcp_request(call, &mut slots),
            Effect::Invalid => Err(defect!("a skill without an effect")),
        };
        if let Some(Frame::Call(call)) = fiber.frames.last_mut() {
            call.slots = slots;
        }
        let kind = with_place(kind, skill.place)?;
        self.send_call(id, fiber, skill, kind)
    }

    /// Sends a request for the call on top.
    fn send_call(&mut self, id: usize, fiber: &mut Fiber<'p>, skill: &'p Skill, mut kind: RequestKind) -> Result<Mode> {
        match &mut kind {
            RequestKind::Run(run) => self.place_in_sandbox(fiber, &mut run.workspace),
            RequestKind::Agent(work) => {
                if let Some(workspace) = &mut work.workspace {
                    self.place_in_sandbox(fiber, workspace);
                }
            }
            RequestKind::Builtin(builtin) => builtin.sandbox = self.sandbox_name(fiber),
            _ => {}
        }
        let info = if matches!(kind, RequestKind::Load(_)) {
            None
        } else {
            Some(Arc::new(self.effect_info(fiber, skill, &kind)?))
        };
        if let Some(info) = &info {
            attach_idempotency_key(&mut kind, &info.idempotency);
            self.note_effect_in_sandbox(fiber, &info.key);
        }
        let request = self.send_request(kind, info, Waiter::Call(id));
        if let Some(Frame::Call(call)) = fiber.frames.last_mut() {
            call.request = Some(request);
        }
        Ok(Mode::Wait)
    }

    fn effect_info(&mut self, fiber: &mut Fiber<'p>, skill: &'p Skill, kind: &RequestKind) -> Result<EffectInfo> {
        let path = fiber.path();
        let (mut attempt, mut once, mut cache_ms) = (1, skill.once, None);
        if let Some(guard) = guard_below(fiber) {
            attempt = guard.attempts;
            // What an effect changes in a sandbox is for that sandbox only.
            cache_ms = guard.cache.filter(|_| !guard.falling_back && !self.is_in_sandbox(fiber));
            if let Subject::Stage(stage) = guard.subject {
                once |= stage.once;
            }
        }
        let mut watch = watches_idle(fiber);
        let mut next = fiber.parent;
        while let Some(parent) = next.filter(|_| !watch) {
            let Some(fiber) = self.fiber(parent.fiber) else {
                break;
            };
            watch = watches_idle(fiber);
            next = fiber.parent;
        }
        let Some(Frame::Call(call)) = fiber.frames.last() else {
            return Err(defect!("an effect without its call"));
        };
        let digest = self.skill_digest(call.id, skill);
        let models = &self.program.models;
        let with_model = |id: &ModelId| Some((*id, models.get(id.index())?));
        let candidates: Vec<(ModelId, &Model)> = call.candidates.iter().filter_map(with_model).collect();
        let attached: Vec<Attachment> =
            call.hashed.iter().flatten().chain(call.attachments.iter().flatten()).cloned().collect();
        let source = KeySource {
            digest,
            params: &skill.params,
            args: &call.args,
            model: call.model.as_ref().and_then(with_model),
            candidates: &candidates,
            attached: &attached,
            conversation: conversation_digest(&skill.effect, kind, call.brief.as_ref().map(|brief| brief.topology)),
            place: match kind {
                RequestKind::Run(run) => Some(KeyPlace {
                    folder: &self.env.folder,
                    directory: run.workspace.directory.as_deref(),
                    env: &run.env,
                }),
                RequestKind::Agent(agent) => agent.workspace.as_ref().map(|workspace| KeyPlace {
                    folder: &self.env.folder,
                    directory: workspace.directory.as_deref(),
                    env: &[],
                }),
                _ => None,
            },
        };
        let version = self.keys.version();
        let (key, parts) = self.keys.effect_key(&source);
        let mut old_keys = Vec::new();
        // Older keys say nothing of the content of files.
        if cache_ms.is_some() && call.hashed.as_ref().is_none_or(Vec::is_empty) {
            for older in [KeyVersion::V3, KeyVersion::V2, KeyVersion::V1].into_iter().filter(|older| *older < version) {
                let project = self.env.project_key.as_ref().filter(|_| older == KeyVersion::V3);
                let scheme = KeyScheme::new(older, project);
                let digest = scheme.part_digest("skill", skill_digest(older, self.program, skill));
                let source = KeySource { digest, ..source };
                old_keys.push(scheme.effect_key(&source).0);
            }
        }
        let answer = answer_form(self.program, skill);
        let idempotency = super::keys::idempotency_key(version, &self.env.run, &path, &key);
        Ok(EffectInfo {
            path,
            skill: skill.name.clone(),
            attempt,
            key,
            old_keys,
            parts,
            idempotency,
            once,
            watch,
            cache_ms,
            answer,
        })
    }

    fn run_request(&mut self, run: &Run, slots: &mut [Value]) -> Result<RequestKind> {
        let command = match self.eval.eval(&run.command, slots)? {
            Value::Command(command) => command,
            other => return Err(defect!("`run` of {}", other.kind())),
        };
        let argv = command.argv();
        if argv.first().is_none_or(|a| a.text.is_empty()) {
            fail!("the command is empty");
        }
        let directory = match &run.cwd {
            Some(expr) => self.eval.eval(expr, slots)?.as_text().map(str::to_owned),
            None => None,
        };
        let mut env = Vec::with_capacity(run.env.len() + 1);
        for (name, expr) in &run.env {
            env.push((name.clone(), self.optional_text(expr, slots)?));
        }
        let stdin = match &run.stdin {
            Some(expr) => self.body_text(expr, slots)?.map(|(text, _)| text),
            None => None,
        };
        let files = match &run.files {
            Some(files) => {
                let pattern = self.eval.eval(&files.pattern, slots)?;
                let pattern = pattern.as_text().unwrap_or_default().to_owned();
                Some(FilesRequest { pattern, many: files.many })
            }
            None => None,
        };
        let workspace = Workspace { directory, ..Workspace::default() };
        Ok(RequestKind::Run(RunRequest { argv, workspace, env, stdin, files }))
    }

    /// A text where secrets may go; null gives none.
    pub(super) fn optional_text(&mut self, expr: &Expr, slots: &mut [Value]) -> Result<Option<Arg>> {
        self.eval.optional_text(expr, slots)
    }

    /// Standard input or a body: text as it is, other values as JSON (`true`).
    pub(super) fn body_text(&mut self, expr: &Expr, slots: &mut [Value]) -> Result<Option<(Arg, bool)>> {
        if matches!(expr, Expr::Template(_)) {
            let text = self.eval.private_text(expr, slots)?;
            return Ok(Some((Arg { text: text.text.into(), secret: text.secret }, false)));
        }
        let value = self.eval.eval(expr, slots)?;
        self.eval.use_fuel(value.weight() as usize)?;
        Ok(match &value {
            Value::Null => None,
            Value::Str(s) => Some((Arg::plain(s.clone()), false)),
            Value::Path(p) => Some((Arg::plain(p.as_ref()), false)),
            Value::Secret(secret) => Some((Arg::from(secret), false)),
            other => Some((Arg::plain(to_json(other).to_string()), true)),
        })
    }
}

impl Eval<'_> {
    /// A text where secrets may go; null gives none.
    pub(super) fn optional_text(&mut self, expr: &Expr, slots: &mut [Value]) -> Result<Option<Arg>> {
        if !matches!(expr, Expr::Template(_)) && self.eval(expr, slots)?.is_null() {
            return Ok(None);
        }
        let text = self.private_text(expr, slots)?;
        if text.text.contains('\0') {
            fail!("the text contains a NUL byte");
        }
        Ok(Some(Arg { text: text.text.into(), secret: text.secret }))
    }
}

/// A digest of what a request of a conversation says beyond what its skill is asked: the turns so far, or the call of a
/// tool.
fn conversation_digest(effect: &Effect, kind: &RequestKind, swarm: Option<Topology>) -> Option<[u8; 32]> {
    match (effect, kind) {
        (_, RequestKind::Prompt(prompt)) => conversation_part(&prompt.turns, swarm),
        (_, RequestKind::Agent(_)) => conversation_part(&[], swarm),
        (Effect::Prompt(_), RequestKind::Mcp(call)) => {
            let said = serde_json::to_vec(&(&call.server.name, &call.tool, &call.args)).unwrap_or_default();
            Some(Sha256::digest(&said).into())
        }
        _ => None,
    }
}

/// A digest of the turns of a conversation, and of the kind of what the model is told of the other agents of a swarm;
/// `None`: there is nothing of it.
///
/// What it is told itself is no part of it: that depends on who was faster, and an answer that was paid for is not
/// asked for again because another came earlier than before.
pub(super) fn conversation_part(turns: &[ToolTurn], swarm: Option<Topology>) -> Option<[u8; 32]> {
    if turns.is_empty() && swarm.is_none() {
        return None;
    }
    let mut hash = Sha256::new();
    if !turns.is_empty() {
        hash.update(serde_json::to_vec(turns).unwrap_or_default());
    }
    if let Some(topology) = swarm {
        hash.update(format!("\0{topology:?}"));
    }
    Some(hash.finalize().into())
}

/// The guard whose work is the call on top.
pub(super) fn guard_below<'f, 'p>(fiber: &'f Fiber<'p>) -> Option<&'f super::guard::Guard<'p>> {
    match fiber.frames.iter().rev().skip(1).find(|frame| !matches!(frame, Frame::Sandbox(_))) {
        Some(Frame::Guard(guard)) => Some(guard),
        _ => None,
    }
}

/// The same, to change it.
pub(super) fn guard_below_mut<'f, 'p>(fiber: &'f mut Fiber<'p>) -> Option<&'f mut super::guard::Guard<'p>> {
    match fiber.frames.iter_mut().rev().skip(1).find(|frame| !matches!(frame, Frame::Sandbox(_))) {
        Some(Frame::Guard(guard)) => Some(guard),
        _ => None,
    }
}

fn watches_idle(fiber: &Fiber<'_>) -> bool {
    fiber.frames.iter().any(|f| matches!(f, Frame::Guard(guard) if guard.watches_idle()))
}

/// The paths of the files among the arguments of a call, also in lists.
fn files_among(args: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for arg in args {
        let items = arg.as_list().unwrap_or(std::slice::from_ref(arg));
        found.extend(items.iter().filter_map(|item| match item {
            Value::Artifact(artifact) => Some(artifact.path.clone()),
            _ => None,
        }));
    }
    found
}

/// The request of a built-in skill.
fn builtin_request(name: &smol_str::SmolStr, skill: &Skill, args: &[Value]) -> RequestKind {
    let args = skill.params.iter().zip(args).map(|(param, value)| {
        let arg = match value {
            Value::Secret(secret) => BuiltinArg::Secret(Arg::from(secret)),
            other => BuiltinArg::Value(to_json(other)),
        };
        (param.name.clone(), arg)
    });
    RequestKind::Builtin(BuiltinRequest { name: name.clone(), args: args.collect(), sandbox: None })
}

/// Gives the idempotency key to those who can use it.
fn attach_idempotency_key(kind: &mut RequestKind, key: &str) {
    match kind {
        RequestKind::Run(run) => run.env.push(("CASCADE_IDEMPOTENCY_KEY".into(), Some(Arg::plain(key)))),
        // Reading twice is harmless, and caches should not see a new header each time.
        RequestKind::Http(http)
            if !matches!(http.method.as_str(), "GET" | "HEAD")
                && !http.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("idempotency-key")) =>
        {
            http.headers.push(("Idempotency-Key".into(), Arg::plain(key)));
        }
        _ => {}
    }
}

/// Price of an answer, rounded up.
pub fn price_of(model: &Model, usage: &Usage) -> i64 {
    model.price(Tokens {
        input: usage.tokens_in,
        cache_read: usage.cache_read.into(),
        cache_write: usage.cache_write.into(),
        output: usage.tokens_out,
    })
}

/// Whether a failed call says something of the model: neither a limit of rates nor the end of the run does.
pub fn is_fault_of_model(kind: ErrorKind) -> bool {
    use ErrorKind::{InvalidOutput, Refused, TimedOut, Unavailable};
    matches!(kind, InvalidOutput | Refused | TimedOut | Unavailable)
}

/// A failure with the pause that the service asks for.
pub(super) fn with_pause(kind: ErrorKind, message: String, retry_after_ms: Option<u64>) -> Raise {
    let mut failure = Failure::raise(kind, message);
    failure.retry_after_ms = retry_after_ms;
    failure
}
