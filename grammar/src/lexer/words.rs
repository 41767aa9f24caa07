//! Keywords: what a word means before its place is known.

use crate::token::Kind;

/// The meaning of a word without regard to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A name, or a word that only its place makes special.
    Plain,
    /// Reserved everywhere but as a field, a key or an argument's name.
    Reserved(Kind),
    /// The word of a clause: a name where an operand must stand.
    Clause(Kind),
}

/// Looks a word up.
pub(crate) fn word_meaning(word: &str) -> Meaning {
    use Meaning::{Clause, Plain, Reserved};
    match word {
        "import" => Reserved(Kind::Import),
        "type" => Reserved(Kind::Type),
        "enum" => Reserved(Kind::Enum),
        "route" => Reserved(Kind::Route),
        "mcp" => Reserved(Kind::Mcp),
        "skill" => Reserved(Kind::Skill),
        "fn" => Reserved(Kind::Fn),
        "memory" => Reserved(Kind::Memory),
        "cascade" => Reserved(Kind::Cascade),
        "stage" => Reserved(Kind::Stage),
        "let" | "var" => Reserved(Kind::Let),
        "if" => Reserved(Kind::If),
        "else" => Reserved(Kind::Else),
        "match" => Reserved(Kind::Match),
        "for" => Reserved(Kind::For),
        "in" => Reserved(Kind::In),
        "repeat" => Reserved(Kind::Repeat),
        "until" => Reserved(Kind::Until),
        "parallel" => Reserved(Kind::Parallel),
        "swarm" => Reserved(Kind::Swarm),
        "sandbox" => Reserved(Kind::Sandbox),
        "gate" | "warn" => Reserved(Kind::Check),
        "fail" | "log" => Reserved(Kind::Say),
        "return" => Reserved(Kind::Return),
        "on" => Reserved(Kind::On),
        "true" | "false" | "null" => Reserved(Kind::Constant),
        "not" => Reserved(Kind::Not),
        "and" | "or" => Reserved(Kind::Operator),
        "where" => Reserved(Kind::Where),
        "as" => Reserved(Kind::As),
        "using" => Clause(Kind::Using),
        "needs" => Clause(Kind::Needs),
        "timeout" => Clause(Kind::Timeout),
        "retry" => Clause(Kind::Retry),
        "budget" => Clause(Kind::ClauseWord),
        "isolate" => Clause(Kind::ClauseBare),
        _ => Plain,
    }
}

/// The word of an item, `model` and `test` included, which are names elsewhere.
pub(crate) fn item_keyword(word: &str) -> Option<Kind> {
    match word {
        "model" => Some(Kind::Model),
        "test" => Some(Kind::Test),
        _ => match word_meaning(word) {
            Meaning::Reserved(kind) if kind.begins_item() => Some(kind),
            _ => None,
        },
    }
}

/// The words that begin a line of a skill's body.
pub(crate) fn skill_line_keyword(word: &str) -> Option<Kind> {
    match word {
        "prompt" | "run" | "system" | "temperature" | "max_tokens" | "stdin" | "skill_file" | "attach" | "builtin" => {
            Some(Kind::LineWord)
        }
        "agent" => Some(Kind::Agent),
        "http" => Some(Kind::Http),
        "output" => Some(Kind::Output),
        "exit" => Some(Kind::Exit),
        "env" => Some(Kind::Env),
        "tools" => Some(Kind::Tools),
        _ => None,
    }
}

/// The words that begin or divide a line of a test's body.
pub(crate) fn test_line_keyword(word: &str) -> Option<Kind> {
    match word {
        "mock" => Some(Kind::Mock),
        "run" => Some(Kind::LineWord),
        "expect" => Some(Kind::Expect),
        _ => None,
    }
}

/// What may follow `on error` or `on error (kinds)`.
pub(crate) fn error_action_keyword(word: &str) -> Option<Kind> {
    match word {
        "fix" => Some(Kind::Fix),
        "use" | "fallback" => Some(Kind::Use),
        "escalate" | "fail" => Some(Kind::Escalate),
        "skip" | "keep" | "redistribute" => Some(Kind::Skip),
        _ => None,
    }
}

/// Whether a word is the format of a hole.
pub(crate) fn is_hole_format(word: &str) -> bool {
    matches!(word, "json" | "yaml" | "markdown" | "xml" | "csv" | "text" | "words" | "trusted")
}

/// Where a word of another language stands that means one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForeignPlace {
    /// At the beginning of a line between declarations.
    File,
    /// At the beginning of a line in braces.
    Braces,
}

/// The word of ours that a word of another language means where a line begins with it and a name follows, which no
/// program of ours has. `None` where it may mean several.
pub(crate) fn native_word(place: ForeignPlace, word: &str) -> Option<(&'static str, Kind)> {
    Some(match (place, word) {
        (ForeignPlace::File, "const" | "final" | "val") => ("let", Kind::Let),
        (ForeignPlace::File, "workflow" | "pipeline" | "flow" | "dag") => ("cascade", Kind::Cascade),
        (ForeignPlace::File, "struct" | "interface" | "record" | "class") => ("type", Kind::Type),
        (ForeignPlace::Braces, "const" | "val" | "final") => ("let", Kind::Let),
        (ForeignPlace::Braces, "step" | "task" | "job" | "node") => ("stage", Kind::Stage),
        (ForeignPlace::Braces, "on_error" | "onerror" | "on_fail" | "onError") => ("on error", Kind::OnError),
        _ => return None,
    })
}
