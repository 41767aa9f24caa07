//! Agents and servers that small scripts play, each in the protocol of the real program.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::project::Project;

/// A project with a folder of programs that comes first in the search path.
pub struct Stage {
    pub project: Project,
}

impl Stage {
    pub fn new() -> Self {
        let project = Project::new();
        fs::create_dir(project.path().join("bin")).unwrap();
        fs::create_dir(project.path().join("repo")).unwrap();
        Self { project }
    }

    pub fn path(&self) -> &Path {
        self.project.path()
    }

    /// Writes a program. In it `$LOG` is a file that is kept.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        let file = self.path().join("bin").join(name);
        let log = self.path().join("log");
        fs::write(&file, format!("#!/bin/sh\nLOG={}\n{script}", log.display())).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.project.command(args);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", self.path().join("bin").display()))
            .env("HOME", self.path())
            .env("XDG_CACHE_HOME", self.path().join("cache"));
        for key in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_BASE_URL"] {
            command.env_remove(key);
        }
        command
    }

    /// Writes a program of Cascade and runs it.
    pub fn run(&self, text: &str) -> Output {
        self.project.write("flow.cascade", text);
        self.command(&["run", "flow.cascade", "--quiet"]).output().unwrap()
    }

    pub fn call(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs git in `repo`, and gives what it prints.
    pub fn git(&self, args: &[&str]) -> String {
        let identity = ["-c", "user.name=T", "-c", "user.email=t@example.com"];
        let output =
            Command::new("git").args(identity).args(args).current_dir(self.path().join("repo")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Commits all of `repo`, and lets commands in sandboxes read the programs of this folder and write their log.
    /// Machines without namespaces cannot hold two of the promises; what is held there is tested all the same.
    pub fn commit_and_allow_sandboxes(&self) {
        let (bin, log) = (self.path().join("bin"), self.path().join("log"));
        fs::write(&log, "").unwrap();
        let read = [bin.canonicalize().unwrap(), log.canonicalize().unwrap()];
        let text = format!("[sandbox]\nallow_unenforced = [\"metadata\", \"processes\"]\nread = {read:?}\n");
        self.project.write("cascade.toml", &text);
        for args in [&["init", "-q"][..], &["add", "-A"], &["commit", "-qm", "first"]] {
            self.git(args);
        }
    }

    pub fn log(&self) -> Vec<String> {
        self.project.lines("log")
    }

    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }
}

/// Whether a process with this number runs.
pub fn is_running(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let state = status.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// Claude Code that writes a file and answers.
pub const CLAUDE: &str = r#"
prompt=$(cat)
echo "claude $*" >> "$LOG"
echo "prompt $(printf %s "$prompt" | head -1)" >> "$LOG"
echo '{"type":"system","subtype":"init","session_id":"s-1"}'
echo '{"type":"assistant","session_id":"s-1","message":{"content":[{"type":"tool_use","name":"Write","input":{"file_path":"new.txt"}}]}}'
echo hello > new.txt
echo '{"type":"result","subtype":"success","is_error":false,"result":"text","structured_output":{"summary":"done","score":4},"session_id":"s-1","total_cost_usd":0.25,"usage":{"input_tokens":100,"cache_read_input_tokens":10,"output_tokens":20},"permission_denials":[{"tool_name":"Bash","tool_input":{"command":"rm -rf x"}}]}'
"#;

/// Codex that writes a file and answers.
pub const CODEX: &str = r#"
prompt=$(cat)
echo "codex $*" >> "$LOG"
echo '{"type":"thread.started","thread_id":"t-1"}'
echo 'noise that is no JSON'
echo '{"type":"item.completed","item":{"type":"file_change","changes":[{"path":"new.txt","kind":"add"}]}}'
echo hello > new.txt
echo '{"type":"item.completed","item":{"type":"agent_message","text":"{\"summary\":\"done\",\"score\":4}"}}'
echo '{"type":"turn.completed","usage":{"input_tokens":100,"cached_input_tokens":10,"output_tokens":20}}'
"#;

/// Codex that does what a script says, where `$prompt` is what it was told, and gives an answer of one line.
pub fn codex_that(does: &str, answer: &str) -> String {
    let item = serde_json::json!({ "type": "item.completed", "item": { "type": "agent_message", "text": answer } });
    format!(
        "prompt=$(cat)\n{does}\necho '{{\"type\":\"thread.started\",\"thread_id\":\"t\"}}'\ncat <<'END'\n{item}\nEND\n\
         echo '{{\"type\":\"turn.completed\",\"usage\":{{\"input_tokens\":100,\"output_tokens\":20}}}}'\n"
    )
}

/// Gemini that writes a file and answers in pieces.
pub const GEMINI: &str = r#"
prompt=$(cat)
echo "gemini $*" >> "$LOG"
echo "settings $(cat "$GEMINI_CLI_SYSTEM_SETTINGS_PATH")" >> "$LOG"
echo '{"type":"init","session_id":"g-1","model":"m"}'
echo '{"type":"message","role":"assistant","content":"I write the file now.","delta":true}'
echo '{"type":"tool_use","tool_name":"write_file","parameters":{"file_path":"new.txt"}}'
echo hello > new.txt
echo '{"type":"message","role":"assistant","content":"{\"summary\":\"done\",","delta":true}'
echo '{"type":"message","role":"assistant","content":"\"score\":4}","delta":true}'
echo '{"type":"result","status":"success","stats":{"input_tokens":110,"output_tokens":20,"cached":10}}'
"#;

/// An agent that speaks the Agent Client Protocol: it wants to edit a file and to run a command.
pub const ACP: &str = r#"
say() { printf '%s\n' "$1"; }
hear() { read -r line; printf '%s\n' "$line" >> "$LOG"; }
hear; say 'noise'; say '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":1,"agentCapabilities":{"loadSession":true,"sessionCapabilities":{"resume":{}}}}}'
hear; say '{"jsonrpc":"2.0","id":2,"result":{"sessionId":"a-1","modes":{"currentModeId":"auto","availableModes":[{"id":"auto"},{"id":"default"}]}}}'
hear; say '{"jsonrpc":"2.0","id":3,"result":{}}'
hear
say '{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"Let me see."}}}}'
say '{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"tool_call_update","toolCallId":"t1","kind":"edit","title":"Write new.txt"}}}'
say '{"jsonrpc":"2.0","id":"p1","method":"session/request_permission","params":{"toolCall":{"toolCallId":"t1","locations":[{"path":"new.txt"}]},"options":[{"optionId":"yes","kind":"allow_once"},{"optionId":"no","kind":"reject_once"}]}}'
hear
case "$line" in *'"yes"'*) echo hello > new.txt;; esac
say '{"jsonrpc":"2.0","id":"p2","method":"session/request_permission","params":{"toolCall":{"toolCallId":"t2","kind":"execute","title":"make all"},"options":[{"optionId":"yes","kind":"allow_once"},{"optionId":"no","kind":"reject_once"}]}}'
hear
case "$line" in *'"yes"'*) echo ran > ran.txt;; esac
say '{"jsonrpc":"2.0","id":9,"method":"fs/read_text_file","params":{"path":"x"}}'
hear
say '{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"something_new"}}}'
say '{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"{\"summary\":\"done\",\"score\":4}"}}}}'
say '{"jsonrpc":"2.0","id":4,"result":{"stopReason":"end_turn","usage":{"inputTokens":100,"cachedReadTokens":10,"outputTokens":20}}}'
"#;

/// An MCP server with four tools: one that adds, one that fails, one that ends the server, one that gives JSON.
pub const MCP: &str = r#"
echo "start $TOKEN" >> "$LOG"
trap 'echo end >> "$LOG"' EXIT
echo 'noise that is no JSON'
text() { printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"%s"}],"isError":%s}}\n' "$id" "$1" "${2:-false}"; }
while read -r line; do
  id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"method":"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"toy","version":"1"}}}\n' "$id";;
    *'"method":"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"add-numbers","description":"Adds.","inputSchema":{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"],"additionalProperties":false}},{"name":"refuse","inputSchema":{"type":"object"}},{"name":"crash","inputSchema":{"type":"object"}},{"name":"json","inputSchema":{"type":"object"}}]}}\n' "$id";;
    *'"method":"tools/call"'*)
      echo "call $(printf %s "$line" | sed -n 's/.*"name":"\([a-z-]*\)".*/\1/p')" >> "$LOG"
      case "$line" in
        *'"add-numbers"'*) text "$(( $(printf %s "$line" | sed -n 's/.*"a":\([0-9]*\).*/\1/p') + $(printf %s "$line" | sed -n 's/.*"b":\([0-9]*\).*/\1/p') ))";;
        *'"refuse"'*) text 'not today' true;;
        *'"crash"'*) echo 'something broke' >&2; exit 3;;
        *'"json"'*) text '{\"items\":[1,2]}';;
      esac;;
    *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}\n' "$id";;
  esac
done
"#;

/// What a server written in shell needs: `$line` is a message, `string NAME` a text of it as it is written in JSON.
pub const SERVER_FUNCTIONS: &str = r#"
string() { printf %s "$line" | sed -n 's/.*"'"$1"'":"\(\([^"\\]\|\\.\)*\)".*/\1/p'; }
text() { printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"%s"}],"isError":%s}}\n' "$id" "$1" "${2:-false}"; }
structured() { printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[],"structuredContent":%s}}\n' "$id" "$1"; }
serve() {
  while read -r line; do
    id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
    case "$line" in
      *'"method":"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"toy","version":"1"}}}\n' "$id";;
      *'"method":"tools/list"'*) echo tools >> "$LOG"; printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":%s}}\n' "$id" "$TOOLS";;
      *'"method":"tools/call"'*) call;;
      *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}\n' "$id";;
    esac
  done
}
"#;

/// An MCP server that keeps texts by key, with a pair of tools, or (`FORM=usage`) with one for all that reports what it
/// does. Its calls are in the log, its values are files. `before` is called in each call, which it answers itself
/// where it fails.
pub const KEY_VALUE: &str = r#"
KV="$LOG.kv"; mkdir -p "$KV"
before() { :; }
give() { if [ "$FORM" = usage ]; then structured "{\"success\":true,\"key\":\"$key\",\"value\":\"$1\",\"found\":true}"; else text "$1"; fi; }
none() { if [ "$FORM" = usage ]; then structured "{\"success\":true,\"key\":\"$key\",\"value\":null,\"found\":false}"; else text "no value for $key" true; fi; }
call() {
  key=$(string key); value=$(string value)
  case "$(string name) $(string action)" in
    *'usage store'|'memory_store '*) echo "store $key $value" >> "$LOG"; before || return 0; printf %s "$value" > "$KV/$key"; [ "$FORM" = usage ] && structured '{"success":true,"stored":true}' || text stored;;
    *'usage retrieve'|'memory_retrieve '*) echo "retrieve $key" >> "$LOG"; before || return 0; if [ -e "$KV/$key" ]; then give "$(cat "$KV/$key")"; else none; fi;;
  esac
}
S='{"type":"string"}'
if [ "$FORM" = usage ]; then
  TOOLS='[{"name":"memory_usage","inputSchema":{"type":"object","properties":{"action":{"type":"string","enum":["store","retrieve","list"]},"key":'$S',"value":'$S',"namespace":'$S'},"required":["action"]}}]'
else
  TOOLS='[{"name":"memory_list","inputSchema":{"type":"object"}},{"name":"memory_store","inputSchema":{"type":"object","properties":{"key":'$S',"value":'$S'},"required":["key","value"]}},{"name":"memory_retrieve","inputSchema":{"type":"object","properties":{"key":'$S'},"required":["key"]}}]'
fi
"#;

/// An MCP server that shows swarms, and writes what it is told into the log.
pub const SWARM_SERVER: &str = r#"
call() {
  case "$line" in
    *'"swarm_init"'*) echo "init $(string topology) $(string strategy) $(printf %s "$line" | sed -n 's/.*"maxAgents":\([0-9]*\).*/\1/p')" >> "$LOG"; text '{\"id\":\"s-1\"}';;
    *'"agent_spawn"'*) echo "agent $(string type)" >> "$LOG"; text '{}';;
    *'"task_orchestrate"'*) task=$(string task); echo "task $task" >> "$LOG"; structured "{\"taskId\":\"id of $task\"}";;
    *'"task_complete"'*) echo "done $(string taskId)" >> "$LOG"; text '{}';;
  esac
}
S='{"type":"string"}'
TOOLS='[{"name":"swarm_init","inputSchema":{"type":"object","properties":{"topology":{"type":"string","enum":["mesh","hierarchical","ring","star"]},"maxAgents":{"type":"number","minimum":1,"maximum":100},"strategy":'$S'},"required":["topology"]}},{"name":"agent_spawn","inputSchema":{"type":"object","properties":{"type":{"type":"string","enum":["researcher","coder","analyst"]},"name":'$S',"capabilities":{"type":"array"}},"required":["type"]}},{"name":"task_orchestrate","inputSchema":{"type":"object","properties":{"task":'$S',"maxAgents":{"type":"number"}},"required":["task"]}},{"name":"task_complete","inputSchema":{"type":"object","properties":{"taskId":'$S'},"required":["taskId"]}}]'
"#;
