//! Words with a meaning at their place only.

/// The providers of models.
pub(super) use crate::declare::PROVIDERS;

/// What a skill's `output` may name.
pub(super) const OUTPUTS: &[&str] = &["json", "text", "csv", "file", "files", "junit", "tap", "json_lines"];

/// How a value in a hole may be rendered.
pub(super) const FORMATS: &[&str] = &["json", "yaml", "markdown", "xml", "csv", "text", "words", "trusted"];

/// The settings of what has settings.
pub(super) fn settings(of: &str) -> &'static [&'static str] {
    match of {
        "model" => crate::declare::MODEL_SETTINGS,
        "mcp" => crate::declare::SERVER_SETTINGS,
        "http" => &["headers", "query", "body"],
        "price" => &["input", "output", "cache_read", "cache_write"],
        _ => &[],
    }
}

/// Words of the language, those that programs use most first.
const USUAL: &[&str] = &[
    "cascade",
    "skill",
    "fn",
    "type",
    "enum",
    "import",
    "test",
    "stage",
    "let",
    "return",
    "if",
    "for",
    "gate",
    "run",
    "prompt",
    "output",
    "mock",
    "expect",
    "needs",
    "system",
    "match",
    "on error",
    "timeout",
    "retry",
    "using",
    "budget",
    "cache",
    "skip",
    "fallback",
    "use",
    "keep",
    "log",
    "var",
    "parallel",
    "warn",
    "fail",
    "repeat",
    "agent",
    "http",
    "exit",
    "model",
    "memory",
    "route",
    "mcp",
    "in",
    "env",
    "stdin",
    "attach",
    "tools",
    "temperature",
    "max_tokens",
    "skill_file",
    "escalate",
    "fix",
    "redistribute",
    "and",
    "or",
    "not",
    "null",
    "true",
    "false",
    "as",
];

/// How much a word comes before others: 0 for the rarest.
pub(super) fn usual(word: &str) -> i32 {
    USUAL.iter().rev().position(|usual| *usual == word).map_or(0, |position| position as i32 / 2)
}
