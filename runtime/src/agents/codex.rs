//! Codex, by its command line `codex exec --json`.

use std::fs;

use cascade_ir::{Ability, ErrorKind};
use serde_json::Value as Json;

use super::{
    Dialect, Ended, Heard, Invocation, Work, finished_answer, has_ability, key_of, no_answer, output::describe_step,
    plain_arg, service_failure, token_count, whole_prompt,
};
use crate::{
    failure::{Failure, Raise},
    models,
    request::{OfferedServer, ServerTransport, Usage},
    value::Arg,
};

pub(super) struct Codex;

/// The variable by which a key is handed over, where the model is not reached with the user's own sign-in.
const KEY: &str = "CASCADE_CODEX_KEY";

impl Dialect for Codex {
    fn command(&self, work: &Work<'_>) -> Result<Invocation, Raise> {
        let (model, request) = (work.model, work.request);
        let mut argv: Vec<Arg> = ["codex", "exec"].map(plain_arg).into();
        if let Some(session) = &request.session {
            argv.extend([plain_arg("resume"), plain_arg(&*session.id)]);
        }
        argv.extend(["--json", "--ignore-user-config", "--skip-git-repo-check"].map(plain_arg));
        if !model.id.is_empty() {
            argv.extend([plain_arg("-m"), plain_arg(&*model.id)]);
        }
        // A trace of its stack would hide what it says.
        let mut env = vec![("RUST_BACKTRACE".into(), plain_arg("0"))];
        let mut set = |name: &str, value: &str| argv.extend([plain_arg("-c"), plain_arg(format!("{name}={value}"))]);
        set("sandbox_mode", &toml_text(if has_ability(work, Ability::Edit) { "workspace-write" } else { "read-only" }));
        set("approval_policy", &toml_text("never"));
        // Its commands run in its own sandbox, always; this is the network in there.
        set("sandbox_workspace_write.network_access", if has_ability(work, Ability::Web) { "true" } else { "false" });
        if let Some(base) = models::base_url_of_codex(model) {
            set("model_provider", &toml_text("cascade"));
            let table = format!(
                "{{name=\"cascade\",base_url={},wire_api=\"responses\",env_key=\"{KEY}\",request_max_retries=2,\
                 stream_max_retries=2}}",
                toml_text(&base)
            );
            set("model_providers.cascade", &table);
            env.push((KEY.into(), key_of(model).unwrap_or_else(|| plain_arg("none"))));
        } else if let Some(key) = key_of(model) {
            env.push(("CODEX_API_KEY".into(), key));
        }
        for (name, value) in servers_config(&request.servers, &mut env)? {
            set(&name, &value);
        }
        if let Some(schema) = &request.prompt.schema {
            let file = work.support.join("schema.json");
            write_file(&file, &models::strict_schema(schema).to_string())?;
            argv.extend([plain_arg("--output-schema"), plain_arg(file.to_string_lossy())]);
        }
        // The prompt is what it reads.
        argv.push(plain_arg("-"));
        Ok(Invocation { argv, env, stdin: whole_prompt(work)?, conversation: None })
    }

    fn hear(&self, line: &str, heard: &mut Heard) {
        let Ok(event) = serde_json::from_str::<Json>(line) else { return };
        let text = |path: &str| event.pointer(path).and_then(Json::as_str);
        match event.get("type").and_then(Json::as_str) {
            Some("thread.started") => heard.session = text("/thread_id").map(str::to_owned),
            Some("item.started" | "item.completed") => {
                let Some(item) = event.get("item") else { return };
                match item.get("type").and_then(Json::as_str) {
                    Some("agent_message") => heard.text = text("/item/text").map(str::to_owned),
                    Some("file_change") => {
                        heard.claims_change = true;
                        heard.step = Some(match text("/item/changes/0/path") {
                            Some(path) => format!("edit {path}"),
                            None => "edit".to_owned(),
                        });
                    }
                    Some("command_execution") => heard.step = Some(describe_step("run", item)),
                    Some("mcp_tool_call") => {
                        heard.step = text("/item/tool").map(|tool| format!("tool {tool}"));
                    }
                    _ => {}
                }
            }
            Some("turn.completed") => {
                heard.is_over = true;
                let usage = event.get("usage").unwrap_or(&Json::Null);
                let short = |name| u32::try_from(token_count(usage, name)).unwrap_or(u32::MAX);
                heard.usage = Usage {
                    tokens_in: token_count(usage, "input_tokens"),
                    tokens_out: token_count(usage, "output_tokens"),
                    cache_read: short("cached_input_tokens"),
                    cache_write: short("cache_write_input_tokens"),
                    cost: None,
                };
            }
            Some("turn.failed") => {
                heard.is_over = true;
                let message = text("/error/message").unwrap_or("the turn failed");
                heard.failure = Some(service_failure(status_in(message), message, "codex"));
            }
            _ => {}
        }
    }

    fn answer(&self, heard: &mut Heard, ended: &Ended<'_>) -> Result<String, Raise> {
        finished_answer(heard, || no_answer("codex", ended))
    }
}

/// The status in `unexpected status 401 Unauthorized: …`.
fn status_in(message: &str) -> Option<u64> {
    let rest = message.split("status ").nth(1)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The servers as settings. Secrets go into variables, whose names the settings name.
fn servers_config(
    servers: &[OfferedServer],
    env: &mut Vec<(smol_str::SmolStr, Arg)>,
) -> Result<Vec<(String, String)>, Raise> {
    let mut settings = Vec::new();
    for OfferedServer { server, tools } in servers {
        let name = |field: &str| format!("mcp_servers.{}.{field}", server.name);
        match &server.transport {
            ServerTransport::Stdio { argv, env: variables } => {
                let texts: Vec<String> = argv.iter().map(|arg| toml_text(&arg.text)).collect();
                if argv.iter().any(|arg| arg.secret) {
                    let message =
                        format!("a secret is in the command of the server `{}`; give it by `env`", server.name);
                    return Err(Failure::raise(ErrorKind::Denied, message));
                }
                if let Some((command, args)) = texts.split_first() {
                    settings.push((name("command"), command.clone()));
                    settings.push((name("args"), format!("[{}]", args.join(","))));
                }
                let names: Vec<String> = variables.iter().map(|(name, _)| toml_text(name)).collect();
                env.extend(variables.iter().cloned());
                settings.push((name("env_vars"), format!("[{}]", names.join(","))));
            }
            ServerTransport::Http { url, headers } => {
                settings.push((name("url"), toml_text(&url.text)));
                let mut fields = Vec::new();
                for (index, (header, value)) in headers.iter().enumerate() {
                    let variable = format!("CASCADE_HEADER_{}_{index}", server.name.to_uppercase());
                    fields.push(format!("{}={}", toml_text(header), toml_text(&variable)));
                    env.push((variable.into(), value.clone()));
                }
                settings.push((name("env_http_headers"), format!("{{{}}}", fields.join(","))));
            }
        }
        if let Some(tools) = tools {
            let tools: Vec<String> = tools.iter().map(|tool| toml_text(tool)).collect();
            settings.push((name("enabled_tools"), format!("[{}]", tools.join(","))));
        }
    }
    Ok(settings)
}

/// A text as a basic string of TOML, whose escapes are those of JSON.
fn toml_text(text: &str) -> String {
    Json::from(text).to_string()
}

pub(super) fn write_file(file: &std::path::Path, content: &str) -> Result<(), Raise> {
    fs::write(file, content).map_err(|error| {
        Failure::raise(ErrorKind::Unavailable, format!("`{}` cannot be written: {error}", file.display()))
    })
}
