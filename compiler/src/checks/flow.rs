//! Flow: what can never run, what has no value, what a `match` forgets.

use cascade_grammar::ast::{CascadeDecl, Span, Stmt, StmtKind};
use cascade_ir as ir;
use smol_str::SmolStr;

use crate::{
    codes,
    elab::{body::Body, literal::names},
    types::Ty,
};

/// What the arms of one `match` have covered so far.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    pub all: bool,
    /// Whether an arm took null: a catch-all arm after it knows that its subject is there.
    pub null: bool,
    pub variants: Vec<SmolStr>,
    pub truths: [bool; 2],
    /// Ranges of ints, both ends included.
    pub ints: Vec<(i64, i64)>,
    /// Literals seen, for arms that repeat one.
    pub seen: Vec<(ir::Expr, Span)>,
    pub catch_all: Option<Span>,
}

impl<'a> Body<'_, 'a> {
    pub fn unreachable(&mut self, stmt: &Stmt, before: &[Stmt]) {
        let source = self.source();
        let what = match &stmt.kind {
            StmtKind::Stage { name, .. } => format!("the stage `{}` can never run", name.text),
            _ => "this can never run".to_owned(),
        };
        let mut d = self.diag(codes::UNREACHABLE, stmt.span, what).label("never reached");
        if let Some(end) = before.iter().rev().find(|s| !matches!(s.kind, StmtKind::On { .. })) {
            let text = match end.kind {
                StmtKind::Return(_) => "the cascade returns here",
                StmtKind::Fail(_) => "the cascade fails here",
                _ => "every way through this ends the cascade",
            };
            d = d.also(source, end.span, text);
        }
        self.report(d);
    }

    pub fn missing_return(&mut self, decl: &'a CascadeDecl, result: Ty) {
        let shown = self.show(result);
        let span = decl.result.as_ref().map_or(decl.name.span, |t| t.span);
        let source = self.source();
        let last = decl.body.stmts.iter().rev().find(|s| !matches!(s.kind, StmtKind::On { .. }));
        let mut d = self
            .diag(
                codes::MISSING_RETURN,
                span,
                format!("`{}` gives `{shown}`, and can end without `return`", decl.name.text),
            )
            .label("promised here");
        if let Some(last) = last {
            d = d.also(source, Self::line_of(last), "the cascade can end after this");
            let value = match &last.kind {
                StmtKind::Stage { name, .. } => Some(name.text.to_string()),
                _ => None,
            };
            d = match value {
                Some(name) => d.help(format!("write `return {name}` at the end")),
                None => d.help("write `return …` at the end of every way through it"),
            };
        } else {
            d = d.help("write `return …`");
        }
        self.report(d);
    }

    fn line_of(stmt: &Stmt) -> Span {
        match &stmt.kind {
            StmtKind::Stage { name, .. } => Span { start: stmt.span.start, end: name.span.end },
            _ => stmt.span,
        }
    }

    /// Reports values that no arm takes.
    pub fn exhaustive(&mut self, coverage: &Coverage, ty: Ty, span: Span) {
        if coverage.all || ty == Ty::ERROR || ty == Ty::NEVER {
            return;
        }
        let inner = self.cx.types.base(self.cx.types.non_null(ty));
        let mut missing: Vec<String> = Vec::new();
        if self.cx.types.nullable(ty) && !coverage.null {
            missing.push("null".into());
        }
        if let Some(variants) = self.cx.types.variants(inner) {
            missing.extend(variants.iter().filter(|v| !coverage.variants.contains(&v.name)).map(|v| {
                if v.fields.is_empty() {
                    v.name.to_string()
                } else {
                    let fields: Vec<&str> = v.fields.iter().map(|f| f.name.as_str()).collect();
                    format!("{} {{ {} }}", v.name, fields.join(", "))
                }
            }));
        } else if inner == Ty::BOOL {
            for (covered, word) in coverage.truths.iter().zip(["false", "true"]) {
                if !covered {
                    missing.push(word.into());
                }
            }
        } else if inner == Ty::INT {
            missing.extend(holes(&coverage.ints));
        } else if inner != Ty::NEVER {
            missing.push("_".into());
        }
        if missing.is_empty() {
            return;
        }
        let d = self
            .diag(
                codes::NOT_EXHAUSTIVE,
                span,
                if missing == ["_"] {
                    "this `match` does not take every value".to_owned()
                } else {
                    format!("this `match` does not take {}", names(missing.iter().map(String::as_str)))
                },
            )
            .label(if missing.len() == 1 { "an arm is missing" } else { "arms are missing" })
            .help(format!(
                "add `{} -> …`{}",
                missing[0],
                if missing[0] == "_" { "" } else { ", or `_ -> …` for all others" }
            ));
        self.report(d);
    }
}

/// Ranges of ints that no arm takes, as patterns.
fn holes(covered: &[(i64, i64)]) -> Vec<String> {
    let mut sorted = covered.to_vec();
    sorted.sort_unstable();
    let mut out = Vec::new();
    let mut next = Some(i64::MIN);
    let show = |a: i64, b: i64| match (a, b) {
        (i64::MIN, i64::MAX) => "_".to_owned(),
        (i64::MIN, b) => format!("..{b}"),
        (a, i64::MAX) => format!("{a}.."),
        (a, b) if a == b => a.to_string(),
        (a, b) => format!("{a}..{b}"),
    };
    for (low, high) in sorted {
        let Some(n) = next else { break };
        if low > n {
            out.push(show(n, low - 1));
        }
        if high >= n {
            next = high.checked_add(1);
        }
    }
    if let Some(n) = next {
        out.push(show(n, i64::MAX));
    }
    out
}
