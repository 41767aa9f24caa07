//! Gemini CLI, by its command line `gemini -o stream-json`.

use cascade_ir::Ability;
use serde_json::{Value as Json, json};

use super::{
    Dialect, Ended, Heard, Invocation, Work, codex::write_file, finished_answer, has_ability, key_of, named_object,
    no_answer, output::describe_step, plain_arg, service_failure, token_count, whole_prompt,
};
use crate::{
    failure::Raise,
    request::{OfferedServer, ServerTransport, Usage},
    value::Arg,
};

pub(super) struct Gemini;

impl Dialect for Gemini {
    fn command(&self, work: &Work<'_>) -> Result<Invocation, Raise> {
        let (model, request) = (work.model, work.request);
        let mut argv: Vec<Arg> = ["gemini", "-o", "stream-json", "--approval-mode"].map(plain_arg).into();
        // What needs a permission is refused, since nobody is asked.
        argv.push(plain_arg(match (has_ability(work, Ability::Edit), has_ability(work, Ability::Run)) {
            (_, true) => "yolo",
            (true, false) => "auto_edit",
            (false, false) => "default",
        }));
        if !model.id.is_empty() {
            argv.extend([plain_arg("-m"), plain_arg(&*model.id)]);
        }
        if let Some(session) = &request.session {
            argv.extend([plain_arg("--resume"), plain_arg(&*session.id)]);
        }
        let key = key_of(model);
        let mut settings = json!({
            // Its own retries take minutes.
            "general": { "maxAttempts": 2 },
            "mcpServers": servers_config(&request.servers),
        });
        if key.is_some() {
            settings["security"] = json!({ "auth": { "selectedType": "gemini-api-key" } });
        }
        let mut excluded = Vec::new();
        if !has_ability(work, Ability::Edit) {
            excluded.extend(["write_file", "replace"]);
        }
        if !has_ability(work, Ability::Run) {
            excluded.push("run_shell_command");
        }
        if !has_ability(work, Ability::Web) {
            excluded.extend(["web_fetch", "google_web_search"]);
        }
        settings["tools"] = json!({ "exclude": excluded });
        let file = work.support.join("settings.json");
        write_file(&file, &settings.to_string())?;
        let mut env = vec![
            ("GEMINI_CLI_TRUST_WORKSPACE".into(), plain_arg("true")),
            ("GEMINI_CLI_NO_RELAUNCH".into(), plain_arg("true")),
            ("GEMINI_CLI_SYSTEM_SETTINGS_PATH".into(), plain_arg(file.to_string_lossy())),
        ];
        if let Some(base) = &model.base_url {
            env.push(("GOOGLE_GEMINI_BASE_URL".into(), plain_arg(&**base)));
        }
        env.extend(key.map(|key| ("GEMINI_API_KEY".into(), key)));
        Ok(Invocation { argv, env, stdin: whole_prompt(work)?, conversation: None })
    }

    fn hear(&self, line: &str, heard: &mut Heard) {
        let Ok(event) = serde_json::from_str::<Json>(line) else { return };
        let text = |name: &str| event.get(name).and_then(Json::as_str);
        match text("type") {
            Some("init") => heard.session = text("session_id").map(str::to_owned),
            Some("message") if text("role") == Some("assistant") => {
                let said = text("content").unwrap_or_default();
                match event.get("delta").and_then(Json::as_bool) {
                    Some(true) => heard.text.get_or_insert_default().push_str(said),
                    _ => heard.text = Some(said.to_owned()),
                }
            }
            Some("tool_use") => {
                let tool = text("tool_name").unwrap_or("a tool");
                heard.step = Some(describe_step(tool, event.get("parameters").unwrap_or(&Json::Null)));
                heard.claims_change |= matches!(tool, "write_file" | "replace");
                // What it says before it uses a tool is not its answer.
                heard.text = None;
            }
            Some("result") => {
                heard.is_over = true;
                let stats = event.get("stats").unwrap_or(&Json::Null);
                heard.usage = Usage {
                    tokens_in: token_count(stats, "input_tokens"),
                    tokens_out: token_count(stats, "output_tokens"),
                    cache_read: u32::try_from(token_count(stats, "cached")).unwrap_or(u32::MAX),
                    ..Usage::default()
                };
                if text("status") != Some("success") {
                    let message = event.pointer("/error/message").and_then(Json::as_str).unwrap_or("the work failed");
                    let status = event.pointer("/error/code").and_then(Json::as_u64);
                    heard.failure = Some(service_failure(status, message, "gemini"));
                }
            }
            _ => {}
        }
    }

    fn answer(&self, heard: &mut Heard, ended: &Ended<'_>) -> Result<String, Raise> {
        let without = || failure_of_exit(ended);
        finished_answer(heard, without)
            .and_then(|answer| if answer.trim().is_empty() { Err(without()) } else { Ok(answer) })
    }
}

/// The exit code of a failure is a status of HTTP modulo 256, or one of its own.
fn failure_of_exit(ended: &Ended<'_>) -> Raise {
    let status = match ended.code {
        Some(41) => Some(401),
        Some(code @ 144..=255) => u64::try_from(code).ok().map(|code| code + 256),
        _ => None,
    };
    match status {
        Some(status) => service_failure(Some(status), ended.stderr.lines().last().unwrap_or("refused"), "gemini"),
        None => no_answer("gemini", ended),
    }
}

fn servers_config(servers: &[OfferedServer]) -> Json {
    let mut all = serde_json::Map::new();
    for OfferedServer { server, tools } in servers {
        let mut entry = match &server.transport {
            ServerTransport::Stdio { argv, env } => {
                let args: Vec<&str> = argv.iter().skip(1).map(|arg| arg.text.as_str()).collect();
                json!({ "command": argv.first().map(|arg| arg.text.as_str()), "args": args, "env": named_object(env) })
            }
            ServerTransport::Http { url, headers } => {
                json!({ "httpUrl": url.text.as_str(), "headers": named_object(headers) })
            }
        };
        // The program has named them, which is the permission.
        entry["trust"] = true.into();
        if let Some(tools) = tools {
            entry["includeTools"] = tools.iter().map(|tool| tool.as_str()).collect();
        }
        all.insert(server.name.to_string(), entry);
    }
    all.into()
}
