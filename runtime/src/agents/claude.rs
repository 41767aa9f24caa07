//! Claude Code, by its command line `claude -p --output-format stream-json`.

use cascade_ir::{Ability, ErrorKind};
use serde_json::{Value as Json, json};

use super::{
    Dialect, Ended, Heard, Invocation, Work, finished_answer, has_ability, key_of, named_object, no_answer,
    output::describe_step, plain_arg, prompt_text, service_failure, token_count, usage_beside_cache,
};
use crate::{
    failure::{Failure, Raise},
    request::{OfferedServer, ServerTransport},
    value::Arg,
};

pub(super) struct Claude;

/// The tools that change files, and those that run commands.
const EDITING: &str = "Edit,MultiEdit,Write,NotebookEdit";
const RUNNING: &str = "Bash,BashOutput,KillShell";
const BROWSING: &str = "WebFetch,WebSearch";

impl Dialect for Claude {
    fn command(&self, work: &Work<'_>) -> Result<Invocation, Raise> {
        let (model, request) = (work.model, work.request);
        let mut argv: Vec<Arg> = ["claude", "-p", "--output-format", "stream-json", "--verbose", "--strict-mcp-config"]
            .map(plain_arg)
            .into();
        let mut push = |name: &str, value: Arg| argv.extend([plain_arg(name), value]);
        push("--model", plain_arg(&*model.id));
        push("--permission-mode", plain_arg(if has_ability(work, Ability::Edit) { "acceptEdits" } else { "default" }));
        let (mut allowed, mut forbidden) = (Vec::new(), Vec::new());
        for (ability, tools) in [(Ability::Edit, EDITING), (Ability::Run, RUNNING), (Ability::Web, BROWSING)] {
            if has_ability(work, ability) { &mut allowed } else { &mut forbidden }.push(tools.to_owned());
        }
        for OfferedServer { server, tools } in &request.servers {
            match tools {
                Some(tools) => allowed.extend(tools.iter().map(|tool| format!("mcp__{}__{tool}", server.name))),
                None => allowed.push(format!("mcp__{}", server.name)),
            }
        }
        // Each is one argument, so that no tool is taken for an option or the prompt.
        if !allowed.is_empty() {
            push("--allowedTools", plain_arg(allowed.join(",")));
        }
        if !forbidden.is_empty() {
            push("--disallowedTools", plain_arg(forbidden.join(",")));
        }
        if let Some(system) = &request.prompt.system {
            push("--append-system-prompt", plain_arg(&**system));
        }
        if let Some(schema) = &request.prompt.schema {
            push("--json-schema", plain_arg(schema.to_string()));
        }
        if let Some(most) = request.max_cost {
            // Millionths of a dollar; the program takes dollars.
            push("--max-budget-usd", plain_arg(format!("{}.{:06}", most / 1_000_000, most % 1_000_000)));
        }
        if !request.servers.is_empty() {
            let config = servers_config(&request.servers);
            let has_secret = config.1;
            push("--mcp-config", Arg { text: config.0.to_string().into(), secret: has_secret });
        }
        if let Some(session) = &request.session {
            push("--resume", plain_arg(&*session.id));
        }
        let mut env = vec![
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC".into(), plain_arg("1")),
            ("DISABLE_AUTOUPDATER".into(), plain_arg("1")),
            // A key that is refused is tried for over 90 seconds otherwise.
            ("CLAUDE_CODE_MAX_RETRIES".into(), plain_arg("2")),
        ];
        if let Some(base) = &model.base_url {
            env.push(("ANTHROPIC_BASE_URL".into(), plain_arg(&**base)));
        }
        if let Some(key) = key_of(model) {
            env.push(("ANTHROPIC_API_KEY".into(), key));
        }
        Ok(Invocation { argv, env, stdin: prompt_text(work)?, conversation: None })
    }

    fn hear(&self, line: &str, heard: &mut Heard) {
        let Ok(event) = serde_json::from_str::<Json>(line) else { return };
        if let Some(session) = event.get("session_id").and_then(Json::as_str) {
            heard.session = Some(session.to_owned());
        }
        match event.get("type").and_then(Json::as_str) {
            Some("assistant") => {
                let content = event.pointer("/message/content").and_then(Json::as_array);
                for part in content.into_iter().flatten() {
                    if let (Some("tool_use"), Some(tool)) =
                        (part.get("type").and_then(Json::as_str), part.get("name").and_then(Json::as_str))
                    {
                        heard.step = Some(describe_step(tool, part.get("input").unwrap_or(&Json::Null)));
                        heard.claims_change |= EDITING.split(',').any(|editing| editing == tool);
                    }
                }
            }
            Some("result") => read_result(&event, heard),
            _ => {}
        }
    }

    fn answer(&self, heard: &mut Heard, ended: &Ended<'_>) -> Result<String, Raise> {
        finished_answer(heard, || no_answer("claude", ended))
    }
}

/// The event at the end. With work in the background there may be a second one, which counts then.
fn read_result(event: &Json, heard: &mut Heard) {
    heard.is_over = true;
    let (usage, text) = (event.get("usage").unwrap_or(&Json::Null), |name| event.get(name).and_then(Json::as_str));
    heard.usage = usage_beside_cache(
        token_count(usage, "input_tokens"),
        token_count(usage, "cache_read_input_tokens"),
        token_count(usage, "cache_creation_input_tokens"),
        token_count(usage, "output_tokens"),
    );
    heard.usage.cost = event.get("total_cost_usd").and_then(Json::as_f64).map(|usd| (usd * 1e6).ceil() as i64);
    let denied = event.get("permission_denials").and_then(Json::as_array);
    heard.denied = denied
        .into_iter()
        .flatten()
        .map(|denial| {
            let tool = denial.get("tool_name").and_then(Json::as_str).unwrap_or("a tool");
            describe_step(tool, denial.get("tool_input").unwrap_or(&Json::Null))
        })
        .collect();
    let subtype = text("subtype").unwrap_or_default();
    // Errors of the service come with `subtype: success`.
    if event.get("is_error").and_then(Json::as_bool) == Some(true) || subtype.starts_with("error") {
        let errors = event.get("errors").and_then(Json::as_array);
        let errors: Vec<&str> = errors.into_iter().flatten().filter_map(Json::as_str).collect();
        let said = text("result").filter(|text| !text.trim().is_empty()).map_or(errors.join("; "), str::to_owned);
        heard.failure = Some(match subtype {
            "error_max_budget_usd" | "error_max_budget" => {
                Failure::raise(ErrorKind::OverBudget, "claude: the budget was spent before the work was done")
            }
            "error_max_turns" => Failure::raise(ErrorKind::Failed, "claude: the work took too many turns"),
            "error_max_structured_output_retries" => {
                Failure::raise(ErrorKind::InvalidOutput, "claude: no answer had the form that was asked for")
            }
            _ => service_failure(event.get("api_error_status").and_then(Json::as_u64), &said, "claude"),
        });
        return;
    }
    heard.failure = None;
    heard.text = text("result").map(str::to_owned);
    heard.structured = event.get("structured_output").filter(|value| !value.is_null()).cloned();
}

/// The servers in the form of `--mcp-config`, and whether a secret is in it.
fn servers_config(servers: &[OfferedServer]) -> (Json, bool) {
    let mut all = serde_json::Map::new();
    let mut has_secret = false;
    for OfferedServer { server, .. } in servers {
        let entry = match &server.transport {
            ServerTransport::Stdio { argv, env } => {
                has_secret |= argv.iter().chain(env.iter().map(|(_, value)| value)).any(|arg| arg.secret);
                let args: Vec<&str> = argv.iter().skip(1).map(|arg| arg.text.as_str()).collect();
                json!({ "command": argv.first().map(|arg| arg.text.as_str()), "args": args, "env": named_object(env) })
            }
            ServerTransport::Http { url, headers } => {
                has_secret |= url.secret || headers.iter().any(|(_, value)| value.secret);
                json!({ "type": "http", "url": url.text.as_str(), "headers": named_object(headers) })
            }
        };
        all.insert(server.name.to_string(), entry);
    }
    (json!({ "mcpServers": all }), has_secret)
}
