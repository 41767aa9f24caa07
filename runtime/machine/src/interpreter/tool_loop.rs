//! Prompts with tools: a model calls tools until it answers. Each of its turns and each of its calls is an effect of
//! its own, so that a resumed run repeats none that was answered.

use cascade_ir::{
    ErrorKind, Param, ServerId, Skill, SkillId, Tool,
    limits::{LONGEST_TOOL_RESULT, MOST_TOOL_CALLS, MOST_TURNS},
};
use serde_json::{Map, Value as Json};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Machine,
    call::{Call, guard_below},
    fiber::Fiber,
    frame::{Frame, Mode},
};
use crate::{
    check::{Strictness, coerce_value},
    eval::Result,
    failure::{Failure, Raise, defect},
    request::{Answer, McpRequest, OfferedTool, Output, RequestKind, ToolCall, ToolCalls, ToolResult, ToolTurn},
    schema,
    value::{Value, from_json, to_json},
};

/// The name of the request for the tools of a server.
pub const LIST_TOOLS: &str = "tools/list";

/// The state of the conversation of a call.
#[derive(Default)]
pub(super) struct ToolLoop {
    /// The tools of the servers that were asked for them.
    listed: Vec<(ServerId, Json)>,
    offered: Option<Vec<Offer>>,
    /// The conversation so far.
    pub(super) turns: Vec<ToolTurn>,
    /// The calls of the current turn.
    pending: Option<Pending>,
    /// What the request that is under way asks.
    asked: Option<Asked>,
    /// How many calls were made: each has a name of its own in the paths of effects.
    count: usize,
}

/// A tool that is offered, and what it stands for.
struct Offer {
    tool: OfferedTool,
    target: ToolTarget,
}

#[derive(Clone)]
enum ToolTarget {
    Server(ServerId, SmolStr),
    Skill(SkillId),
}

struct Pending {
    calls: ToolCalls,
    results: Vec<ToolResult>,
}

/// A request of the loop that is no prompt.
#[derive(Clone, Copy)]
enum Asked {
    Tools(ServerId),
    Call,
}

/// What is next.
pub(super) enum ToolStep<'p> {
    /// The model is asked.
    Ask,
    /// A server is asked.
    Send(RequestKind),
    /// A skill runs.
    Enter(SmolStr, Box<Call<'p>>),
}

impl ToolLoop {
    /// Whether the answer that comes is that of a server.
    pub(super) fn waits_for_server(&self) -> bool {
        self.asked.is_some()
    }

    /// The model wants to use tools.
    pub(super) fn begin_turn(&mut self, calls: ToolCalls) {
        self.pending = Some(Pending { calls, results: Vec::new() });
    }

    /// The tools as the model is told of them.
    pub(super) fn offered_tools(&self) -> Vec<OfferedTool> {
        self.offered.iter().flatten().map(|offer| offer.tool.clone()).collect()
    }
}

impl<'p> Machine<'p> {
    /// What is next in the conversation of the call on top, and the segment of its path.
    pub(super) fn next_tool_step(&mut self, fiber: &mut Fiber<'p>, tools: &[Tool]) -> Result<ToolStep<'p>> {
        if let Some(request) = self.list_next_server(fiber, tools)? {
            return Ok(ToolStep::Send(request));
        }
        loop {
            let attempt = guard_below(fiber).map_or(1, |guard| guard.attempts);
            let call = top_call(fiber)?;
            let Some(pending) = &mut call.tools.pending else {
                let turns = call.tools.turns.len();
                call.step = (turns > 0).then(|| format_smolstr!("turn[{turns}]"));
                return Ok(ToolStep::Ask);
            };
            let Some(wanted) = pending.calls.calls.get(pending.results.len()).cloned() else {
                if let Some(Pending { calls, results }) = call.tools.pending.take() {
                    call.tools.turns.push(ToolTurn { calls, results });
                }
                if call.tools.turns.len() >= MOST_TURNS {
                    let message = format!("the model has used its tools in {MOST_TURNS} turns and has not answered");
                    return Err(Failure::raise(ErrorKind::Failed, message));
                }
                continue;
            };
            let result = if pending.results.len() >= MOST_TOOL_CALLS {
                Err(format!("at most {MOST_TOOL_CALLS} tools are called in a turn; this call was not made"))
            } else {
                self.prepare_tool_call(fiber, &wanted, attempt)?
            };
            match result {
                Ok(step) => return Ok(step),
                // A mistake of the model: it is told.
                Err(message) => keep_result(fiber, ToolResult { text: message, is_error: true })?,
            }
        }
    }

    /// The request for the tools of the next server; `None` when all that is offered is known.
    fn list_next_server(&mut self, fiber: &mut Fiber<'p>, tools: &[Tool]) -> Result<Option<RequestKind>> {
        let call = top_call(fiber)?;
        if call.tools.offered.is_some() {
            return Ok(None);
        }
        let servers = tools.iter().filter_map(|tool| match tool {
            Tool::Server(id) | Tool::ServerTool(id, _) => Some(*id),
            Tool::Skill(_) => None,
        });
        let is_listed = |id: &ServerId| call.tools.listed.iter().any(|(known, _)| known == id);
        let Some(next) = servers.into_iter().find(|id| !is_listed(id)) else {
            let offered = self.collect_offers(fiber, tools)?;
            top_call(fiber)?.tools.offered = Some(offered);
            return Ok(None);
        };
        let server = self.server_address(next)?;
        let call = top_call(fiber)?;
        call.step = Some(format_smolstr!("tools of {}", server.name));
        call.tools.asked = Some(Asked::Tools(next));
        let request = McpRequest { server, tool: LIST_TOOLS.into(), args: Json::Object(Map::new()), limit_ms: None };
        Ok(Some(RequestKind::Mcp(Box::new(request))))
    }

    /// The tools that a `tools` line names.
    fn collect_offers(&mut self, fiber: &mut Fiber<'p>, tools: &[Tool]) -> Result<Vec<Offer>> {
        let listed = std::mem::take(&mut top_call(fiber)?.tools.listed);
        let mut offers: Vec<Offer> = Vec::new();
        for tool in tools {
            let (id, only) = match tool {
                Tool::Skill(id) => {
                    let Some(skill) = self.program.skills.get(id.index()) else {
                        return Err(defect!("there is no skill {}", id.0));
                    };
                    let schema = schema::parameters_schema(self.program, &skill.params);
                    let offered = OfferedTool { name: skill.name.clone(), description: skill.doc.clone(), schema };
                    offers.push(Offer { tool: offered, target: ToolTarget::Skill(*id) });
                    continue;
                }
                Tool::Server(id) => (*id, None),
                Tool::ServerTool(id, name) => (*id, Some(name)),
            };
            let server = self.program.servers.get(id.index()).map(|server| server.name.clone()).unwrap_or_default();
            let known = listed.iter().find(|(known, _)| *known == id).map(|(_, tools)| tools);
            let before = offers.len();
            for described in known.and_then(Json::as_array).into_iter().flatten() {
                let name = described.get("name").and_then(Json::as_str).unwrap_or_default();
                let plain = plain_name(name);
                if only.is_some_and(|only| only.as_str() != name && only.as_str() != plain) {
                    continue;
                }
                let description = described.get("description").and_then(Json::as_str).unwrap_or_default().to_owned();
                let schema = described.get("inputSchema").cloned().unwrap_or_default();
                let tool = OfferedTool { name: format_smolstr!("{server}__{plain}"), description, schema };
                if offers.iter().all(|offer| offer.tool.name != tool.name) {
                    offers.push(Offer { tool, target: ToolTarget::Server(id, name.into()) });
                }
            }
            if let (Some(only), true) = (only, offers.len() == before) {
                let message = format!("the server `{server}` has no tool `{only}`");
                return Err(Failure::raise(ErrorKind::Failed, message));
            }
        }
        Ok(offers)
    }

    /// The request or the skill of a call; a mistake of the model as the inner error.
    fn prepare_tool_call(
        &mut self,
        fiber: &mut Fiber<'p>,
        wanted: &ToolCall,
        attempt: u32,
    ) -> Result<std::result::Result<ToolStep<'p>, String>> {
        let call = top_call(fiber)?;
        let offers = call.tools.offered.as_deref().unwrap_or_default();
        let Some(offer) = offers.iter().find(|offer| offer.tool.name == wanted.name) else {
            let known: Vec<String> = offers.iter().map(|offer| format!("`{}`", offer.tool.name)).collect();
            return Ok(Err(format!("there is no tool `{}`; there are {}", wanted.name, known.join(", "))));
        };
        let target = offer.target.clone();
        let Json::Object(args) = &wanted.args else {
            return Ok(Err(format!("the arguments of `{}` are no JSON object", wanted.name)));
        };
        let label = match attempt {
            1 => format_smolstr!("{}[{}]", wanted.name, call.tools.count),
            attempt => format_smolstr!("{}[{}]~{attempt}", wanted.name, call.tools.count),
        };
        match target {
            ToolTarget::Server(id, tool) => {
                call.tools.count += 1;
                call.step = Some(label);
                call.tools.asked = Some(Asked::Call);
                let server = self.server_address(id)?;
                let request = McpRequest { server, tool, args: Json::Object(args.clone()), limit_ms: None };
                Ok(Ok(ToolStep::Send(RequestKind::Mcp(Box::new(request)))))
            }
            ToolTarget::Skill(id) => {
                let Some(skill) = self.program.skills.get(id.index()) else {
                    return Err(defect!("there is no skill {}", id.0));
                };
                let values = match self.tool_arguments(skill, args) {
                    Ok(values) => values,
                    Err(message) => return Ok(Err(message)),
                };
                let call = top_call(fiber)?;
                call.tools.count += 1;
                call.step = None;
                Ok(Ok(ToolStep::Enter(label, Box::new(Call::new(id, skill, values)))))
            }
        }
    }

    /// The arguments of a skill that a model calls, as they are declared.
    fn tool_arguments(&mut self, skill: &Skill, args: &Map<String, Json>) -> std::result::Result<Vec<Value>, String> {
        let is_param = |name: &String| skill.params.iter().any(|param| param.name == name.as_str());
        if let Some(name) = args.keys().find(|name| !is_param(name)) {
            let known: Vec<String> = skill.params.iter().map(|param| format!("`{}`", param.name)).collect();
            return Err(format!("`{}` has no input `{name}`; it has {}", skill.name, known.join(", ")));
        }
        let mut values: Vec<Value> = Vec::with_capacity(skill.params.len());
        for param in &skill.params {
            let value = match (args.get(param.name.as_str()), &param.default) {
                (Some(json), _) => from_json(json),
                (None, Some(default)) => {
                    let mut slots = values.clone();
                    slots.resize((skill.slots as usize).max(values.len()), Value::Null);
                    self.eval.eval(default, &mut slots).map_err(|failure| failure.message)?
                }
                (None, None) => Value::Null,
            };
            values.push(self.check_argument(param, value)?);
        }
        Ok(values)
    }

    fn check_argument(&mut self, param: &Param, value: Value) -> std::result::Result<Value, String> {
        let fits = coerce_value(&mut self.eval, value, &param.ty, Strictness::Effect);
        fits.map_err(|failure| format!("the input `{}`: {}", param.name, failure.message))
    }

    /// Takes the answer of a server.
    pub(super) fn tool_answered(&mut self, fiber: &mut Fiber<'p>, answer: Answer) -> Result<()> {
        let call = top_call(fiber)?;
        let asked = call.tools.asked.take();
        let result = answer.result.map(|output| output.split_patch().0);
        match (asked, result) {
            (Some(Asked::Tools(server)), Ok(Output::Tool(tools))) => {
                call.tools.listed.push((server, tools));
                Ok(())
            }
            (Some(Asked::Call), Ok(Output::Tool(result))) => {
                let text = match result {
                    Json::String(text) => text,
                    other => other.to_string(),
                };
                keep_result(fiber, ToolResult { text, is_error: false })
            }
            (Some(Asked::Call), Err(failure)) if is_told(&failure) => keep_failure(fiber, &failure),
            (_, Err(failure)) => Err(failure),
            (_, Ok(_)) => Err(defect!("an answer of another kind than was asked for")),
        }
    }

    /// A skill that a model has called gave a value.
    pub(super) fn tool_skill_done(&mut self, fiber: &mut Fiber<'p>, value: &Value) -> Result<Mode> {
        fiber.frames.pop();
        let text = match value {
            Value::Str(text) => text.to_string(),
            other => to_json(other).to_string(),
        };
        keep_result(fiber, ToolResult { text, is_error: false })?;
        Ok(Mode::Run)
    }

    /// A skill that a model has called failed.
    pub(super) fn tool_skill_failed(&mut self, fiber: &mut Fiber<'p>, failure: Raise) -> Result<Mode> {
        fiber.frames.pop();
        if !is_told(&failure) {
            return Ok(Mode::Raise(failure));
        }
        keep_failure(fiber, &failure)?;
        Ok(Mode::Run)
    }
}

/// Whether a model is told of a failure of its tool. What concerns the run as a whole is not its affair.
fn is_told(failure: &Failure) -> bool {
    use ErrorKind::{Cancelled, Internal, OverBudget, QuotaExhausted};
    !matches!(failure.kind, Cancelled | Internal | OverBudget | QuotaExhausted)
}

fn keep_failure(fiber: &mut Fiber<'_>, failure: &Failure) -> Result<()> {
    keep_result(fiber, ToolResult { text: failure.message.clone(), is_error: true })
}

/// Keeps what the model is told of its call.
fn keep_result(fiber: &mut Fiber<'_>, mut result: ToolResult) -> Result<()> {
    if result.text.len() > LONGEST_TOOL_RESULT {
        let kept = result.text.floor_char_boundary(LONGEST_TOOL_RESULT);
        let left_out = result.text.len() - kept;
        result.text.truncate(kept);
        result.text.push_str(&format!("\n[{left_out} more bytes are left out]"));
    }
    let Some(pending) = &mut top_call(fiber)?.tools.pending else {
        return Err(defect!("the result of a tool that nobody called"));
    };
    pending.results.push(result);
    Ok(())
}

fn top_call<'f, 'p>(fiber: &'f mut Fiber<'p>) -> Result<&'f mut Call<'p>> {
    match fiber.frames.last_mut() {
        Some(Frame::Call(call)) => Ok(call),
        _ => Err(defect!("a conversation without its call")),
    }
}

/// A name that every provider takes.
fn plain_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}
