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
