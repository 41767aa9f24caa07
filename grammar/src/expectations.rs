//! Which words of the language may stand at a place: the question of an editor that completes.

use lalrpop_util::ParseError;

use crate::{
    ast::Span,
    lexer::{layout::lay_out_tokens, scan::Scan},
    parse::cascade,
    token::{Kind, Token},
    tree_builder::TreeBuilder,
};

/// What the grammar allows at a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    /// The words of the language that may stand there.
    pub words: Vec<&'static str>,
    /// Whether a name may stand there.
    pub name: bool,
    /// Whether an expression may begin there.
    pub expression: bool,
}

/// Which words continue a statement on the next line, before the grammar sees the end of the line.
const CONTINUATIONS: &[&str] = &[
    "\"using\"",
    "\"needs\"",
    "\"timeout\"",
    "\"retry\"",
    "\"clause word\"",
    "\"clause\"",
    "\"on error\"",
    "\"else\"",
    "\"until\"",
    "\"then\"",
];

/// What may stand in place of the word that begins at an offset of a text. A text without a word there
/// gives nothing: an editor puts one there before it asks. Only what stands from `start` on is read: the start of a
/// line between declarations.
pub fn expected_at(text: &str, start: usize, offset: u32) -> Expectations {
    if u32::try_from(text.len()).is_err() || !text.is_char_boundary(start) {
        return Expectations::default();
    }
    let mut scan = Scan::scan_text(text, start);
    let tokens = lay_out_tokens(&mut scan);
    let Some(at) = tokens.iter().position(|token| token.1.start == offset && token.1.end > offset) else {
        return Expectations::default();
    };
    let mut terminals = expected_terminals(text, &scan, &tokens[..at], tokens[at].1);
    // A clause on a line of its own continues the line before it: the words that do are those that
    // may stand where that line ends.
    if at > 0 && tokens[at - 1].0 == Kind::LineEnd {
        let before = expected_terminals(text, &scan, &tokens[..at - 1], tokens[at].1);
        terminals.extend(before.into_iter().filter(|terminal| CONTINUATIONS.contains(&terminal.as_str())));
    }
    let has = |terminal: &str| terminals.iter().any(|t| t == terminal);
    let mut words: Vec<&'static str> =
        terminals.iter().flat_map(|terminal| words_of(terminal, has("\"mock\""))).copied().collect();
    words.sort_unstable();
    words.dedup();
    Expectations { words, name: has("\"ident\""), expression: has("\"number\"") && has("\"constant\"") }
}

/// The terminals that the grammar expects after some tokens.
fn expected_terminals(text: &str, scan: &Scan<'_>, before: &[Token], at: Span) -> Vec<String> {
    // A token that the grammar does not know ends the parse at once, without a recovery.
    let unknown = Token(Kind::Word, at);
    let tokens = before.iter().copied().chain([unknown]).map(|token| (token.1.start, token, token.1.end));
    let mut builder = TreeBuilder::new(text, Vec::new(), &scan.tokens);
    match cascade::FileParser::new().parse(&mut builder, tokens) {
        Err(ParseError::UnrecognizedToken { expected, .. } | ParseError::UnrecognizedEof { expected, .. }) => expected,
        _ => Vec::new(),
    }
}

/// The words that are written for a terminal of the grammar.
fn words_of(terminal: &str, in_test: bool) -> &'static [&'static str] {
    match terminal {
        "\"import\"" => &["import"],
        "\"type\"" => &["type"],
        "\"enum\"" => &["enum"],
        "\"model\"" => &["model"],
        "\"route\"" => &["route"],
        "\"mcp\"" => &["mcp"],
        "\"skill\"" => &["skill"],
        "\"fn\"" => &["fn"],
        "\"memory\"" => &["memory"],
        "\"cascade\"" => &["cascade"],
        "\"test\"" => &["test"],
        "\"file let\"" => &["let"],
        "\"stage\"" => &["stage"],
        "\"let\"" => &["let", "var"],
        "\"if\"" => &["if"],
        "\"else\"" => &["else"],
        "\"match\"" => &["match"],
        "\"for\"" => &["for"],
        "\"in\"" => &["in"],
        "\"repeat\"" => &["repeat"],
        "\"until\"" => &["until"],
        "\"parallel\"" => &["parallel"],
        "\"swarm\"" => &["swarm"],
        "\"sandbox\"" => &["sandbox"],
        "\"check\"" => &["gate", "warn"],
        "\"say\"" => &["fail", "log"],
        "\"return\"" => &["return"],
        "\"on\"" => &["on success", "on failure", "on cancel"],
        "\"not\"" => &["not"],
        "\"constant\"" => &["true", "false", "null"],
        "\"where\"" => &["where"],
        "\"as\"" => &["as"],
        "\"operator\"" => &["and", "or", "in"],
        "\"using\"" | "\"fix using\"" => &["using"],
        "\"needs\"" => &["needs"],
        "\"timeout\"" => &["timeout"],
        "\"retry\"" => &["retry"],
        "\"clause word\"" => &["budget", "cache", "exclusive", "branch"],
        "\"clause\"" => &["isolate", "discard"],
        "\"on error\"" => &["on error"],
        "\"fix\"" => &["fix"],
        "\"use\"" => &["use", "fallback"],
        "\"escalate\"" => &["escalate", "fail"],
        "\"skip\"" => &["skip", "keep", "redistribute"],
        "\"line word\"" if in_test => &["run"],
        "\"line word\"" => {
            &["prompt", "run", "system", "temperature", "max_tokens", "stdin", "skill_file", "attach", "builtin"]
        }
        "\"agent\"" => &["agent"],
        "\"http\"" => &["http"],
        "\"output\"" => &["output"],
        "\"exit\"" => &["exit"],
        "\"env\"" => &["env"],
        "\"tools\"" => &["tools"],
        "\"mock\"" => &["mock"],
        "\"expect\"" => &["expect"],
        "\"then\"" => &["then"],
        "\"times\"" => &["times"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::expected_at;

    /// The words at `x`, which stands at the mark `|`.
    fn words(marked: &str) -> Vec<&'static str> {
        let at = marked.find('|').unwrap_or(marked.len());
        expected_at(&marked.replace('|', "x"), 0, at as u32).words
    }

    #[test]
    fn words_are_those_of_their_place() {
        assert!(words("|").contains(&"cascade") && words("|").contains(&"import"));
        let skill = words("skill s() {\n  |\n}\n");
        assert!(skill.contains(&"prompt") && skill.contains(&"output") && !skill.contains(&"stage"), "{skill:?}");
        let body = words("cascade c() {\n  |\n}\n");
        assert!(body.contains(&"stage") && body.contains(&"gate") && !body.contains(&"prompt"), "{body:?}");
        let clause = words("cascade c() {\n  stage a = s()\n    |\n}\n");
        assert!(clause.contains(&"retry") && clause.contains(&"on error"), "{clause:?}");
        let test = words("test \"t\" {\n  |\n}\n");
        assert!(test.contains(&"mock") && !test.contains(&"prompt"), "{test:?}");
        let action = words("cascade c() {\n  stage a = s()\n    on error |\n}\n");
        assert!(action.contains(&"skip") && action.contains(&"fallback"), "{action:?}");
        assert!(words("// |").is_empty() && words("let a = \"|\"").is_empty());
    }

    #[test]
    fn a_mistake_before_the_place_does_not_matter() {
        let found = words("cascade c() {\n  let 5 = 3\n  stage b = c(]\n  |\n}\n");
        assert!(found.contains(&"stage"), "{found:?}");
    }
}
