//! Skills: one effect each, with the lines that belong to it.

use cascade_grammar::ast::{ExitRange, Name, SkillLine, SkillLineKind as Line, Span};

use crate::{
    callees::SkillSummary,
    codes,
    diagnostic::Diagnostic,
    types::Ty,
    world::{Signature, View},
};

/// Reports a second effect of a skill.
pub(crate) fn second_effect(view: View<'_>, second: Span, first: Span) -> Diagnostic {
    view.diagnostic(codes::ONE_EFFECT, second, "a skill has one effect")
        .label("a second one")
        .also_at(view.source(), first, "the first one")
        .help("make two skills, and call them by two stages of a cascade")
}

/// Reports a skill without an effect.
pub(crate) fn no_effect(view: View<'_>, name: &Name) -> Diagnostic {
    view.diagnostic(codes::ONE_EFFECT, name.span, format!("the skill `{}` has no effect", name.text))
        .label("has no effect")
        .help("write `prompt`, `agent`, `run`, `http` or `mcp`; what needs no effect is a `fn`")
}

/// Reports a line that a skill can have once, and has twice.
pub(crate) fn repeated_line(view: View<'_>, line: Span) -> Diagnostic {
    view.diagnostic(codes::DUPLICATE, line, "this is said twice").label("again here")
}

/// Reports lines that mean nothing for the effect of their skill.
pub(crate) fn misplaced_lines(view: View<'_>, lines: &[SkillLine], effect: &SkillLine) -> Vec<Diagnostic> {
    let kind = match &effect.kind {
        Line::Prompt(_) => "prompt",
        Line::Agent { .. } => "agent",
        Line::Run(_) => "run",
        Line::Http { .. } => "http",
        Line::Mcp { .. } => "mcp",
        Line::SkillFile(_) => "skill_file",
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    for line in lines {
        let (word, allowed): (&str, &[&str]) = match &line.kind {
            Line::SkillFile(_) => ("skill_file", &["prompt", "agent", "skill_file"]),
            Line::System(_) => ("system", &["prompt", "agent", "skill_file"]),
            Line::Needs(_) => ("needs", &["prompt", "agent", "skill_file"]),
            Line::Temperature(_) => ("temperature", &["prompt", "skill_file"]),
            Line::MaxTokens(_) => ("max_tokens", &["prompt", "skill_file"]),
            Line::Attach(_) => ("attach", &["prompt", "agent", "skill_file"]),
            Line::Tools(_) => ("tools", &["prompt", "agent", "skill_file"]),
            Line::In(_) => ("in", &["run"]),
            Line::Env(_) => ("env", &["run"]),
            Line::Stdin(_) => ("stdin", &["run"]),
            Line::Exit(_) => ("exit", &["run", "http"]),
            Line::Output { .. } => ("output", &["run", "http", "prompt", "agent", "skill_file"]),
            _ => continue,
        };
        if !allowed.contains(&kind) {
            let d = view
                .diagnostic(codes::WRONG_PLACE, line.span, format!("`{word}` does not belong to `{kind}`"))
                .label("has no effect here")
                .also_at(view.source(), effect.span, "the skill's effect");
            found.push(d);
        }
    }
    found
}

/// Reports ranges of exit or status codes that are not between `low` and `high`; `help` says so.
pub(crate) fn impossible_codes(
    view: View<'_>,
    ranges: &[&ExitRange],
    (low, high): (i64, i64),
    help: &str,
) -> Vec<Diagnostic> {
    let impossible = ranges.iter().filter(|r| r.low < low || r.high > high || r.low > r.high);
    let report = |range: &&ExitRange| {
        view.diagnostic(codes::BAD_NUMBER, range.span, "these codes do not exist").label("out of range").help(help)
    };
    impossible.map(report).collect()
}

/// Reports output that is not what the skill gives. `is_text` tells whether it is plain text.
pub(crate) fn output_mismatch(
    view: View<'_>,
    output: Ty,
    signature: &Signature,
    span: Span,
    is_text: bool,
) -> Diagnostic {
    let (a, b) = (view.type_text(output), view.type_text(signature.result));
    let help = if is_text {
        format!("say how the output is read, `output json {b}`, or map it: `return …`")
    } else {
        "map it: `return output…`".to_owned()
    };
    view.diagnostic(codes::MISMATCH, span, format!("the output is `{a}`, and the skill gives `{b}`"))
        .label(format!("`{a}`"))
        .also_at(view.source(), signature.origin.span, format!("gives `{b}`"))
        .help(help)
}

/// Reports a tool that asks a model itself.
pub(crate) fn tool_that_asks(view: View<'_>, signature: &Signature, span: Span) -> Diagnostic {
    let message = format!("`{}` asks a model, and cannot be a tool of one", signature.name);
    let source = view.world.files.source(signature.origin.module);
    view.diagnostic(codes::WRONG_PLACE, span, message)
        .label("not a tool")
        .also_at(source, signature.origin.span, "its effect is that of a model")
        .help("a model calls commands, requests and tools of servers; stages call models")
}

/// Reports a skill that a model cannot call as a tool: one that asks a model, takes a secret or a file, or makes code
/// of an input.
pub(crate) fn unfit_tool(
    view: View<'_>,
    signature: &Signature,
    summary: &SkillSummary,
    span: Span,
) -> Option<Diagnostic> {
    let source = view.world.files.source(signature.origin.module);
    let of = |position: usize| signature.params.get(position).map_or("an input", |param| param.name.as_str());
    if summary.asks_model {
        return Some(tool_that_asks(view, signature, span));
    }
    if let Some(code) = summary.flow.program.first() {
        let message = format!("the model would write code: `{}` of `{}`", of(code.position), signature.name);
        let (source, at) = code.at;
        return Some(
            view.diagnostic(codes::UNTRUSTED_PROGRAM, span, message)
                .label("called by a model")
                .also_at(source, at, "its text is code here")
                .help("text of a model never becomes code: give the tool inputs that are data"),
        );
    }
    let unfit = signature.params.iter().find(|param| {
        view.types.holds_secret(param.ty)
            || view.types.any_part(param.ty, &mut Vec::new(), &|ty| {
                view.types.artifact(ty) || matches!(ty, Ty::COMMAND | Ty::MODEL)
            })
    })?;
    let message = format!("a model cannot give `{}` of `{}`", unfit.name, signature.name);
    Some(
        view.diagnostic(codes::WRONG_PLACE, span, message)
            .label(format!("takes `{}`", view.type_text(unfit.ty)))
            .also_at(source, unfit.span, "this input"),
    )
}

/// Reports a prompt whose skill gives what a model must not answer with: a command, a model, a secret.
pub(crate) fn answer_of_model(view: View<'_>, result: Ty, prompt: Span) -> Option<Diagnostic> {
    let is_code = |ty| matches!(ty, Ty::COMMAND | Ty::MODEL | Ty::SECRET);
    view.types.any_part(result, &mut Vec::new(), &is_code).then(|| {
        let message = format!("a model cannot answer with a `{}`", view.type_text(result));
        view.diagnostic(codes::UNTRUSTED_PROGRAM, prompt, message)
            .label("text of a model never becomes code")
            .help("let it answer with text or an enum, and `match` it")
    })
}
