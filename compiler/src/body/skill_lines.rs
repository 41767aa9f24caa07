//! The lines of a skill, sorted by their kinds.

use cascade_grammar::ast::{Attach, ExitRange, Expr, Name, Setting, SkillLine, SkillLineKind as Line, Span, TypeExpr};

use super::BodyChecker;
use crate::{checks::skills, index::Builtin};

/// The lines of a skill by their kinds.
#[derive(Default)]
pub(super) struct Lines<'a> {
    pub effect: Option<&'a SkillLine>,
    pub skill_file: Option<&'a SkillLine>,
    pub system: Option<&'a Expr>,
    pub needs: Vec<&'a Name>,
    pub temperature: Option<&'a Expr>,
    pub max_tokens: Option<&'a Expr>,
    pub attach: Vec<&'a Attach>,
    /// The tools, and the line.
    pub tools: Option<(&'a [Vec<Name>], Span)>,
    pub dir: Option<&'a Expr>,
    pub env: Vec<&'a Setting>,
    pub stdin: Option<&'a Expr>,
    pub exit: Vec<&'a ExitRange>,
    pub output: Option<(&'a Name, Option<&'a TypeExpr>, Span)>,
    pub files: Option<(&'a Name, &'a Expr)>,
    pub result: Option<&'a Expr>,
}

/// Sorts the lines of a skill by their kinds; reports repeated and misplaced ones.
pub(super) fn collect_lines<'s>(checker: &mut BodyChecker<'_>, body: &'s [SkillLine], name: &Name) -> Lines<'s> {
    let mut out = Lines::default();
    let mut broken = false;
    for line in body {
        let mut twice = false;
        match &line.kind {
            Line::Error => broken = true,
            Line::Prompt(_)
            | Line::Agent { .. }
            | Line::Run(_)
            | Line::Http { .. }
            | Line::Mcp { .. }
            | Line::Builtin(_) => {
                if let Some(first) = out.effect {
                    checker.context.report(skills::second_effect(checker.context.view(), line.span, first.span));
                } else {
                    out.effect = Some(line);
                }
            }
            Line::SkillFile(_) => twice = out.skill_file.replace(line).is_some(),
            Line::System(e) => twice = out.system.replace(e).is_some(),
            Line::Needs(needs) => {
                checker.context.record_words(needs);
                out.needs.extend(needs);
            }
            Line::Temperature(e) => twice = out.temperature.replace(e).is_some(),
            Line::MaxTokens(e) => twice = out.max_tokens.replace(e).is_some(),
            Line::Attach(a) => out.attach.push(a),
            Line::Tools(tools) => {
                twice = out.tools.replace((tools.as_slice(), line.span)).is_some();
            }
            Line::OutputFiles { word, pattern } => twice = out.files.replace((word, pattern)).is_some(),
            Line::In(e) => twice = out.dir.replace(e).is_some(),
            Line::Env(settings) => {
                settings.iter().for_each(|s| checker.context.record_builtin(s.name.span, Builtin::Key));
                out.env.extend(settings);
            }
            Line::Stdin(e) => twice = out.stdin.replace(e).is_some(),
            Line::Exit(ranges) => out.exit.extend(ranges),
            Line::Output { format, ty } => {
                checker.context.record_word(format);
                twice = out.output.replace((format, ty.as_ref(), line.span)).is_some();
            }
            Line::Return(e) => twice = out.result.replace(e).is_some(),
        }
        if twice {
            checker.context.report(skills::repeated_line(checker.context.view(), line.span));
        }
    }
    // Alone it is the effect: its instructions are all that a model is told.
    out.effect = out.effect.or(out.skill_file);
    if out.effect.is_none() && !broken && !name.text.is_empty() {
        checker.context.report(skills::no_effect(checker.context.view(), name));
    }
    if let Some(effect) = out.effect {
        checker.context.report_all(skills::misplaced_lines(checker.context.view(), body, effect));
    }
    out
}
