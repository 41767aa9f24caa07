//! Words of other languages that begin a statement, a line of a skill, a line of a test.

use super::{Explained, Site, first_word, no_such_word};
use crate::ast::Span;

const LOOP: &str = "a loop says how often it runs at most: `repeat max 10 { … } until done`";
const FAILURE: &str = "a stage says what happens when it fails: `on error skip`, `on error fallback explain()`";
const FAIL: &str = "write `fail \"message\"`";
const LOG: &str = "`log \"…\"` writes a message";
const PERSON: &str = "a person is asked by a stage: `stage ok = approve(\"question\")`";
const WAIT: &str =
    "a cascade does not wait by itself; a person is waited for by `approve`, and `retry` waits between attempts";

/// Words that mean nothing anywhere, and what Cascade has instead.
const ANYWHERE: &[(&str, &str)] = &[
    ("while", LOOP),
    ("loop", LOOP),
    ("try", FAILURE),
    ("catch", FAILURE),
    ("except", FAILURE),
    ("finally", "the end of a cascade has `on success`, `on failure` and `on cancel`"),
    ("switch", "write `match x { 1 -> … }`"),
    ("case", "an arm begins with its pattern: `1 -> …`"),
    ("default", "the default arm is `_ -> …`"),
    ("await", "a stage waits by itself: `stage a = go()`"),
    ("async", "what runs at once stands in `parallel { … }`"),
    ("throw", FAIL),
    ("raise", FAIL),
    ("lambda", "a lambda is written `|x| …`"),
    ("new", "a value is written `{ field: value }` where its type is expected"),
    ("del", "values do not change"),
    ("typeof", "a value's type is known when the program is checked; an `enum` is taken apart by `match`"),
];

/// Words that begin a statement elsewhere. `{name}` is the next word, `{rest}` what follows.
const STATEMENTS: &[(&[&str], &str)] = &[
    (&["do", "until"], LOOP),
    (&["foreach"], "write `for {rest}`"),
    (&["unless"], "write `if not (…) { … }`"),
    (&["when"], "write `if … { … }`, or `match x { 1 -> … }`"),
    (&["assert", "guard", "require", "ensure", "check", "verify", "invariant"], "write `gate {rest}, \"message\"`"),
    (&["print", "println", "echo", "puts", "printf", "console", "debug", "info"], LOG),
    (
        &["set", "mut", "auto", "final", "local", "declare", "define", "val", "my"],
        "write `let {name} = …`, or `var {name} = …` for what changes",
    ),
    (&["global", "nonlocal"], "a value from outside is a parameter; what a later run needs is a `memory`"),
    (&["yield"], "write `return {rest}`, or let the block end with the value"),
    (&["break", "continue"], "a loop ends by its `until`; write `if` around what is not done each time"),
    (&["defer"], "the end of a cascade has `on success`, `on failure` and `on cancel`"),
    (&["go", "spawn", "fork"], "what runs at once stands in `parallel { … }`: there `stage name = {rest}`"),
    (
        &["with"],
        "a cascade opens nothing; a file is read by a stage: `stage text = files.read(path)` after `import std.files`",
    ),
    (&["wait", "delay", "sleep", "pause"], WAIT),
    (&["call", "invoke", "exec", "execute", "do_step"], "write `stage name = {rest}`"),
    (&["approve", "approval", "confirm"], PERSON),
    (&["ask", "prompt_user"], "a person is asked by a stage: `stage answer = ask(\"question\")`"),
    (
        &["prompt", "agent", "llm", "generate", "run", "shell", "http", "bash", "sh"],
        "an effect stands in a skill: `skill name(…) -> string { … }`, and `stage a = name(…)` calls it",
    ),
    (&["panic", "abort", "exit", "die", "stop", "error"], FAIL),
    (
        &["steps", "jobs", "stages", "tasks", "nodes", "edges"],
        "a step is a statement of its own: `stage name = skill(…)`",
    ),
    (&["step", "task", "job", "node"], "write `stage {name} = skill(…)`"),
    (&["export"], "a variable of the environment belongs to a skill: `env { NAME: value }`"),
    (&["race", "any"], "write `parallel first { … }`"),
    (&["all", "gather", "join"], "write `parallel { … }`"),
    (&["emit", "notify", "send"], "what is sent is the effect of a skill: `http post url { body: … }`"),
    (&["use"], "a file begins with its imports: `import std.models { auto }`"),
    (&["elif", "elsif", "elseif"], "write `else if`"),
];

/// Words of clauses that are written otherwise here; they stand where a statement could, below a stage.
const CLAUSES: &[(&[&str], &str)] = &[
    (&["retries", "max_retries", "retry_count", "attempts", "max_attempts", "tries"], "write `retry {rest}`"),
    (&["timeout_seconds", "timeout_sec", "timeout_s"], "write `timeout {rest}s`"),
    (&["timeout_minutes", "timeout_min"], "write `timeout {rest}m`"),
    (&["timeout_ms"], "write `timeout {rest}ms`"),
    (&["deadline", "time_limit", "max_time"], "write `timeout {rest}`"),
    (&["idle"], "it follows the limit of time: `timeout 5m idle {rest}`"),
    (&["backoff", "every", "interval"], "it follows the number of retries: `retry 3 backoff 1s..30s`"),
    (&["model", "llm", "via"], "write `using {rest}`"),
    (&["cost", "max_cost", "cost_limit", "spend"], "write `budget {rest}`"),
    (&["cached", "ttl", "memoize"], "write `cache {rest}`"),
    (&["lock", "mutex", "concurrency_group"], "write `exclusive {rest}`"),
    (
        &["concurrency", "max_parallel", "workers"],
        "the block says how many run at once: `parallel max {rest} { … }`, `for x in xs parallel max {rest} { … }`",
    ),
    (
        &["depends_on", "depends", "after", "requires", "dependsOn", "wait_for"],
        "a stage waits for the stages whose names it uses; use `{name}` in its arguments",
    ),
    (&["fallback", "rescue", "or_else", "default_to"], "write `on error fallback {rest}`"),
    (
        &["on_failure", "on_error", "onerror", "onError", "on_fail", "handle"],
        "write `on error skip`, `on error fallback …`, `on error fail \"…\"`",
    ),
    (&["continue_on_error", "ignore_errors", "allow_failure", "optional"], "write `on error skip`"),
    (
        &["priority", "tags", "label", "labels"],
        "there is no such clause; stages start when those that they use are done",
    ),
    (&["expect", "validate", "assert_that"], "write `gate condition, \"message\"` after the stage"),
    (&["max_tokens", "temperature", "system", "tools"], "it is a line of the skill, which says how its model is asked"),
    (&["then"], "write `stage next = {rest}`"),
    (&["no", "without"], "leave it out: nothing is cached unless `cache` says so"),
    (&["env", "stdin", "attach", "exit"], "it is a line of the skill, beside its effect"),
    (&["output"], "how the output is read is a line of the skill: `output json int`"),
];

/// Words that begin a line of a skill elsewhere.
const SKILL_LINES: &[(&[&str], &str)] = &[
    (
        &["let", "var", "const"],
        "a skill has no variables: give the value as an argument, or write it in the hole: `$<x + 1>`",
    ),
    (
        &["if", "match", "for", "repeat", "parallel"],
        "a skill has one effect; choose in the cascade that calls it, or write the `if` in the hole: `$<if x { \"a\" } else { \"b\" }>`",
    ),
    (&["stage"], "a skill has one effect; a cascade calls skills by stages"),
    (&["log", "warn", "gate", "fail"], "it stands in the cascade that calls the skill"),
    (
        &["using", "model", "client", "provider", "llm_model"],
        "a skill does not choose its model; the stage that calls it does: `stage a = skill(…) using claude`",
    ),
    (
        &["retry", "timeout", "budget", "cache", "isolate", "exclusive"],
        "it stands below the stage that calls the skill: `stage a = skill(…)`, then `{line}` on the next line",
    ),
    (&["temp"], "write `temperature {rest}`"),
    (
        &["top_p", "top_k", "seed", "stop"],
        "a skill has `temperature` and `max_tokens`; other settings belong to a `model`",
    ),
    (&["image", "images", "file", "files", "document"], "write `attach {rest}`"),
    (&["get", "post", "put", "patch", "delete"], "write `http {line}`"),
    (&["fetch", "request", "url", "GET"], "write `http get {rest}`"),
    (&["sh"], "write `run {line}`"),
    (&["on"], "it stands below the stage that calls the skill: `stage a = skill(…)`, then `{line}` on the next line"),
    (&["curl", "wget", "echo", "git", "npm", "cargo", "python3", "node"], "a command is written `run sh\"{line}\"`"),
    (&["exec", "execute", "shell", "bash", "command", "cmd", "script"], "write `run sh\"…\"`"),
    (
        &["python", "javascript", "ruby"],
        "write `run sh\"python3 -c …\"`, or a script's file: `run sh\"python3 job.py\"`",
    ),
    (
        &["ask", "llm", "generate", "user", "message", "instruction", "instructions", "template", "complete"],
        "write `prompt {rest}`",
    ),
    (&["messages"], "write `system \"…\"` and `prompt \"…\"`"),
    (&["role", "assistant"], "write `system {rest}`"),
    (&["cwd", "workdir", "working_directory", "dir", "chdir"], "it follows the command: `run sh\"…\" in {rest}`"),
    (&["environment", "envs"], "write `env { NAME: value }`"),
    (&["input", "inputs", "params", "args", "with"], "what a skill needs is a parameter: `skill name(x: string)`"),
    (&["outputs", "produces", "artifacts", "creates"], "write `output file \"…\"`, or `output files \"out/*.png\"`"),
    (
        &["returns", "response", "result", "schema", "format"],
        "write `output json T`, or the result after the parameters: `-> T`",
    ),
    (&["exit_codes", "exit_code", "ok_codes", "status"], "write `exit [0..1]`"),
    (&["description", "doc", "docs", "name"], "a description is a comment before the skill: `/// what it does`"),
    (&["call", "invoke"], "a skill calls nothing; a cascade calls skills by stages"),
    (&["uses", "steps"], "a skill has one effect: `run sh\"…\"`, `prompt \"…\"`, `http get url`"),
    (&["print"], "a command's output is what the skill gives: `run sh\"echo …\"`"),
];

/// Words that begin a line of a test elsewhere.
const TEST_LINES: &[(&[&str], &str)] = &[
    (&["assert", "assert_eq", "check", "verify", "should", "then", "require"], "write `expect {rest}`"),
    (&["stub", "given", "fake", "when", "patch", "spy", "replace"], "write `mock skill -> value`"),
    (&["input", "inputs", "args"], "the inputs are the arguments of the cascade: `run name(a: 1)`"),
    (&["stage", "call", "invoke", "result"], "write `run name(…)`; `result` is what it gives"),
];

/// The help for a word in a table.
fn find_row<'t>(table: &'t [(&'t [&'t str], &'t str)], word: &str) -> Option<&'t str> {
    table.iter().find(|(words, _)| words.contains(&word)).map(|(_, help)| *help)
}

/// Fills in the user's own words.
fn fill_help(help: &str, line: &str, rest: &str) -> String {
    let clean = |text: &str| {
        let text = text.trim().trim_start_matches(['=', ':']).trim();
        let text = text.split("//").next().unwrap_or_default().trim().trim_end_matches(['{', ';', ',']).trim();
        if text.is_empty() || text.chars().count() > 60 || text.contains('`') {
            "…".to_owned()
        } else {
            text.to_owned()
        }
    };
    let rest = clean(rest);
    let rest =
        if help.contains(", \"message\"") { rest.split(" else ").next().unwrap_or_default().to_owned() } else { rest };
    let name = match first_word(rest.trim_start_matches(['[', '(', ' '])) {
        "" => "name",
        name => name,
    };
    // A condition with its message stays as it is.
    let help = if rest.contains(", \"") { help.replace("{rest}, \"message\"", "{rest}") } else { help.to_owned() };
    help.replace("{line}", &clean(line)).replace("{name}", name).replace("{rest}", &rest)
}

pub(super) fn explain_line(site: &Site<'_>) -> Option<Explained> {
    let place = site.place;
    let found = site.found;
    if let Some((word, help)) = ANYWHERE.iter().find(|(w, _)| *w == site.word || *w == found) {
        // `new` and its like may stand in the middle of a line, and be names of the user's.
        let span = if *word == found { site.token_span() } else { site.word_span() };
        let end = if matches!(*word, "case" | "default") { site.enclosing_end() } else { site.block_end() };
        return Some(Explained::new_at(span, no_such_word(word), *help).covering(end));
    }
    if matches!(site.first, "catch" | "except" | "finally") && matches!(found, "{" | ":" | "(") {
        return Some(
            Explained::new_at(site.token_span(), no_such_word(site.first), FAILURE).covering(site.block_end()),
        );
    }
    // The word itself cannot stand there, or it was read as a name and the next token cannot follow it.
    let (word, span, line, rest) = if site.begins_line() && !found.is_empty() {
        (first_word(found), site.token_span(), [found, site.rest].concat(), site.rest.to_owned())
    } else if site.after_first_word() {
        let span = Span::new(site.before - site.first.len(), site.before);
        let rest = [found, site.rest].concat();
        (site.first, span, [site.first, " ", &rest].concat(), rest)
    } else {
        return None;
    };
    if word.is_empty() {
        return (place.skill_line && found.starts_with('"')).then(|| {
            Explained::new_at(
                site.token_span(),
                "a text by itself does nothing",
                "write `prompt \"…\"`; a description is a comment before the skill: `/// what it does`",
            )
            .covering(site.line_end())
        });
    }
    // The words of a skill's own lines, with a value that they do not have.
    if !site.begins_line()
        && !place.line_end
        && matches!(
            word,
            "http"
                | "run"
                | "prompt"
                | "agent"
                | "exit"
                | "env"
                | "mcp"
                | "output"
                | "temperature"
                | "tools"
                | "stdin"
                | "attach"
                | "max_tokens"
                | "system"
                | "needs"
        )
    {
        return None;
    }
    if place.skill_line
        && !place.test_line
        && let Some(help) = find_row(SKILL_LINES, word)
    {
        let message = match word {
            "let" | "var" | "if" | "match" | "for" | "repeat" | "parallel" | "stage" | "log" | "warn" | "gate"
            | "fail" | "using" | "retry" | "timeout" | "budget" | "cache" | "isolate" | "exclusive" => {
                format!("a skill has no `{word}`")
            }
            _ => no_such_word(word),
        };
        return Some(Explained::new_at(span, message, fill_help(help, &line, &rest)).covering(site.block_end()));
    }
    if place.test_line
        && let Some(help) = find_row(TEST_LINES, word)
    {
        return Some(
            Explained::new_at(span, format!("a test has no `{word}`"), fill_help(help, &line, &rest))
                .covering(site.line_end()),
        );
    }
    if place.test_line && site.begins_line() {
        let call = rest.split_once("run ").map_or_else(|| line.clone(), |(_, call)| call.to_owned());
        if rest.trim_start().starts_with(['=', '(']) && call.contains('(') {
            let help = format!("write `run {}`; `result` is what it gives", call.trim());
            return Some(Explained::new_at(span, "a test runs a cascade by `run`", help).covering(site.line_end()));
        }
    }
    if place.skill_line || place.test_line || place.declaration {
        return None;
    }
    let below_stage = site.is_below_stage();
    let clause = if below_stage || find_row(STATEMENTS, word).is_none() { find_row(CLAUSES, word) } else { None };
    let help = clause.or_else(|| find_row(STATEMENTS, word))?;
    Some(Explained::new_at(span, no_such_word(word), fill_help(help, &line, &rest)).covering(site.block_end()))
}

impl Site<'_> {
    /// Whether the line of the token stands below a `stage`, further to the right.
    fn is_below_stage(&self) -> bool {
        let Some(at) = crate::errors::line_start(self.text, self.span.start as usize) else { return false };
        let indent = |line: &str| line.len() - line.trim_start().len();
        let own = indent(&self.text[at..]);
        let mut above = self.text[..at].lines().rev().take(12).filter(|line| !line.trim().is_empty());
        above.find(|line| indent(line) < own).is_some_and(|line| line.trim_start().starts_with("stage "))
    }
}
