//! Lines of skills and of tests.

use super::exprs::path_span;
use super::{Mistake, TreeBuilder};
use crate::ast::*;

pub(crate) fn skill_line_at(span: Span, kind: SkillLineKind) -> SkillLine {
    SkillLine { kind, span }
}

impl TreeBuilder<'_> {
    /// Adds a line. `in dir` right after `attach files "…"` belongs to that line; it is attached here,
    /// since the grammar cannot tell it from the `in dir` of a `run`.
    pub(crate) fn skill_line(&mut self, lines: &mut Vec<SkillLine>, line: SkillLine) {
        if let Some(SkillLine { kind, span }) = lines.last_mut()
            && let SkillLineKind::Attach(Attach::Files { dir: dir @ None, .. }) = kind
            && let SkillLineKind::In(_) = &line.kind
            && !self.text[span.end as usize..line.span.start as usize].contains('\n')
            && let SkillLineKind::In(value) = line.kind
        {
            *span = span.to(line.span);
            *dir = Some(value);
            return;
        }
        lines.push(line);
    }

    pub(crate) fn error_line(&mut self, mistake: Mistake) -> SkillLine {
        skill_line_at(self.record_mistake(mistake), SkillLineKind::Error)
    }

    /// `output file "…"`, `output files "…"`.
    pub(crate) fn output_files_line(&mut self, start: Span, word: Name, pattern: Expr) -> SkillLine {
        self.expect_word(word.span, &["file", "files"]);
        skill_line_at(start.to(pattern.span), SkillLineKind::OutputFiles { word, pattern })
    }

    /// A line that is a word and an expression.
    pub(crate) fn word_line(&mut self, word: Span, value: Expr) -> SkillLine {
        let span = word.to(value.span);
        let kind = match self.slice(word) {
            "prompt" => SkillLineKind::Prompt(value),
            "run" => SkillLineKind::Run(value),
            "system" => SkillLineKind::System(value),
            "temperature" => SkillLineKind::Temperature(value),
            "max_tokens" => SkillLineKind::MaxTokens(value),
            "stdin" => SkillLineKind::Stdin(value),
            "builtin" => SkillLineKind::Builtin(value),
            "attach" => SkillLineKind::Attach(Attach::Value(value)),
            _ => match value.kind {
                ExprKind::Str(path) => SkillLineKind::SkillFile(path),
                _ => {
                    let kind = crate::SyntaxErrorKind::Other {
                        message: "`skill_file` names a file".to_owned(),
                        help: Some("write its path as a string".to_owned()),
                        instead: None,
                    };
                    if value.kind != ExprKind::Error {
                        self.error(kind, value.span);
                    }
                    SkillLineKind::Error
                }
            },
        };
        skill_line_at(span, kind)
    }

    pub(crate) fn attach_files(&mut self, word: Span, files: Span, pattern: Expr) -> SkillLine {
        if self.slice(word) == "attach" {
            self.expect_word(files, &["files"]);
        } else {
            let prefix = self.slice(files);
            let kind = if files.end == pattern.span.start {
                crate::SyntaxErrorKind::Foreign {
                    message: format!("a string has no `{prefix}` before it"),
                    help: "leave it out; a value in a string is written `$<name>`".to_owned(),
                    instead: None,
                    covers: pattern.span.end,
                }
            } else {
                let found = "a string".to_owned();
                let expected = vec!["the end of the line".to_owned()];
                crate::SyntaxErrorKind::Unexpected { found, expected }
            };
            self.error(kind, files);
            return self.word_line(word, pattern);
        }
        let span = word.to(pattern.span);
        skill_line_at(span, SkillLineKind::Attach(Attach::Files { pattern, dir: None }))
    }

    pub(crate) fn exit_range(&mut self, low: Span, high: Span) -> ExitRange {
        let first = self.exit_code(low);
        let last = if low == high { first } else { self.exit_code(high) };
        ExitRange { low: first, high: last, span: low.to(high) }
    }

    pub(crate) fn test_let(&mut self, word: Span, name: Name, ty: Option<TypeExpr>, value: Expr) -> TestLine {
        self.expect_word(word, &["let"]);
        test_line(word.to(value.span), TestLineKind::Let { name, ty, value })
    }
}

pub(crate) fn agent_line(word: Span, dir: Option<Expr>, prompt: Expr) -> SkillLine {
    skill_line_at(word.to(prompt.span), SkillLineKind::Agent { dir, prompt })
}

pub(crate) fn http_line(word: Span, method: Name, url: Expr, settings: Option<(Vec<Setting>, Span)>) -> SkillLine {
    let (settings, end) = settings.unwrap_or((Vec::new(), url.span));
    skill_line_at(word.to(end), SkillLineKind::Http { method, url, settings })
}

pub(crate) fn mcp_line(word: Span, path: Vec<Name>, args: Option<Expr>) -> SkillLine {
    let end = args.as_ref().map_or(path_span(&path), |args| args.span);
    skill_line_at(word.to(end), SkillLineKind::Mcp { path, args })
}

pub(crate) fn output_line(word: Span, format: Name, ty: Option<TypeExpr>) -> SkillLine {
    let end = ty.as_ref().map_or(format.span, |ty| ty.span);
    skill_line_at(word.to(end), SkillLineKind::Output { format, ty })
}

pub(crate) fn test_line(span: Span, kind: TestLineKind) -> TestLine {
    TestLine { kind, span }
}

pub(crate) fn mock_line(word: Span, skill: Vec<Name>, outcomes: (Vec<MockOutcome>, Span)) -> TestLine {
    let (outcomes, end) = outcomes;
    test_line(word.to(end), TestLineKind::Mock { skill, outcomes })
}

pub(crate) fn mock_value(value: Expr, times: Option<Expr>, after: Option<Expr>) -> (MockOutcome, Span) {
    let end = after.as_ref().or(times.as_ref()).map_or(value.span, |last| last.span);
    let span = value.span.to(end);
    (MockOutcome::Value { value, times, after }, span)
}

pub(crate) fn mock_fails(
    span: Span,
    kind: Name,
    message: Option<Expr>,
    times: Option<Expr>,
    after: Option<Expr>,
) -> (MockOutcome, Span) {
    let span = after.as_ref().or(times.as_ref()).map_or(span, |last| span.to(last.span));
    (MockOutcome::Fails { kind, message, times, after }, span)
}

pub(crate) fn expect_stage(word: Span, path: Vec<Name>, state: Name, times: Option<Expr>) -> TestLine {
    let end = times.as_ref().map_or(state.span, |times| times.span);
    test_line(word.to(end), TestLineKind::ExpectStage { path, state, times })
}

/// `expect fails (kind)` reads like a call; everything else is a condition.
pub(crate) fn expect_line(word: Span, mut value: Expr) -> TestLine {
    let span = word.to(value.span);
    let is_fails = |e: &Expr| matches!(&e.kind, ExprKind::Name(name) if name.text == "fails");
    let kind = match &mut value.kind {
        ExprKind::Name(name) if name.text == "fails" => TestLineKind::ExpectFails { kind: None, message: None },
        ExprKind::Call { callee, args, .. } if is_fails(callee) && fits_fails(args) => {
            let mut args = std::mem::take(args).into_iter().map(|arg| arg.value);
            let kind = args.next().and_then(|first| match first.kind {
                ExprKind::Name(name) => Some(name),
                _ => None,
            });
            TestLineKind::ExpectFails { kind, message: args.next() }
        }
        _ => TestLineKind::Expect(value),
    };
    test_line(span, kind)
}

/// Whether arguments are those of `fails`: a kind, and perhaps a message.
fn fits_fails(args: &[Arg]) -> bool {
    args.len() <= 2
        && args.iter().all(|arg| arg.name.is_none())
        && args.first().is_none_or(|first| matches!(first.value.kind, ExprKind::Name(_)))
}
