//! Reachability: what can never run, what has no value, which cases a `match` does not cover.

use cascade_grammar::ast::{ArmBody, BinaryOp, Block, CascadeDecl, Else, Expr, ExprKind, Name, Span, Stmt, StmtKind};
use cascade_ir as ir;
use smol_str::SmolStr;

use crate::{codes, diagnostic::Diagnostic, suggest::quoted_list, types::Ty, walk, world::View};

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

impl Coverage {
    /// Whether anything was taken so far.
    fn is_any_covered(&self) -> bool {
        self.null || !self.variants.is_empty() || self.truths.contains(&true) || !self.ints.is_empty()
    }
}

/// Reports a statement that can never run, after those `before` it.
pub(crate) fn unreachable(view: View<'_>, stmt: &Stmt, before: &[Stmt]) -> Diagnostic {
    let message = match &stmt.kind {
        StmtKind::Stage { name, .. } => format!("the stage `{}` can never run", name.text),
        _ => "this can never run".to_owned(),
    };
    let d = view.diagnostic(codes::UNREACHABLE, stmt.span, message).label("never reached");
    match before.iter().rev().find(|s| !matches!(s.kind, StmtKind::On { .. })) {
        Some(end) => {
            let text = match end.kind {
                StmtKind::Return(_) => "the cascade returns here",
                StmtKind::Fail(_) => "the cascade fails here",
                _ => "every way through this ends the cascade",
            };
            d.also_at(view.source(), end.span, text)
        }
        None => d,
    }
}

/// Reports a cascade that can end without the result that it declares.
pub(crate) fn missing_return(view: View<'_>, decl: &CascadeDecl, result: Ty) -> Diagnostic {
    let shown = view.type_text(result);
    let span = decl.result.as_ref().map_or(decl.name.span, |t| t.span);
    let last = decl.body.stmts.iter().rev().find(|s| !matches!(s.kind, StmtKind::On { .. }));
    let message = format!("`{}` returns `{shown}`, but can end without `return`", decl.name.text);
    let d = view.diagnostic(codes::MISSING_RETURN, span, message).label("promised here");
    let Some(last) = last else { return d.help("write `return …`") };
    let d = d.also_at(view.source(), first_line_of(last), "the cascade can end after this");
    match &last.kind {
        StmtKind::Stage { name, .. } => d.help(format!("write `return {}` at the end", name.text)),
        _ => d.help("write `return …` at the end of every path"),
    }
}

fn first_line_of(stmt: &Stmt) -> Span {
    match &stmt.kind {
        StmtKind::Stage { name, .. } => Span { start: stmt.span.start, end: name.span.end },
        _ => stmt.span,
    }
}

/// Reports a value that a cascade returns which declares no result.
pub(crate) fn undeclared_result(view: View<'_>, ty: Ty, span: Span) -> Diagnostic {
    let shown = view.type_text(ty);
    view.diagnostic(codes::MISMATCH, span, "this cascade has no result type")
        .label(format!("`{shown}`"))
        .help(format!("write `-> {shown}` after its parameters"))
}

/// Reports an arm after one that takes everything, which stands at `before`.
pub(crate) fn arm_after_catch_all(view: View<'_>, arm: Span, before: Span) -> Diagnostic {
    view.diagnostic(codes::UNREACHABLE, arm, "this arm is never reached")
        .label("an earlier arm matches everything")
        .also_at(view.source(), before, "this arm takes everything")
}

/// Reports an arm for values that the arms before have all taken: those of a range, or all.
pub(crate) fn taken_before(
    view: View<'_>,
    coverage: &Coverage,
    ty: Ty,
    range: Option<(i64, i64)>,
    span: Span,
) -> Option<Diagnostic> {
    let covered = match range {
        Some((low, high)) => ranges_cover(&coverage.ints, low, high),
        None => {
            !coverage.all
                && coverage.is_any_covered()
                && missing_patterns(view, coverage, ty).is_some_and(|m| m.is_empty())
        }
    };
    covered.then(|| {
        view.diagnostic(codes::UNREACHABLE, span, "this arm is never reached: the earlier arms match all of its values")
            .label("nothing is left for it")
    })
}

/// Reports values that no arm takes. `whole` is the `match`, `head` what the report points at, and `filler` what an
/// arm that is added gives, if anything can be written there.
pub(crate) fn not_exhaustive(
    view: View<'_>,
    coverage: &Coverage,
    ty: Ty,
    (whole, head): (Span, Span),
    filler: Option<String>,
) -> Option<Diagnostic> {
    let missing = missing_patterns(view, coverage, ty)?;
    let first = missing.first()?;
    let message = if missing == ["_"] {
        "this `match` does not cover every value".to_owned()
    } else {
        format!("this `match` does not cover {}", quoted_list(missing.iter().map(String::as_str)))
    };
    let others = if first == "_" { "" } else { ", or `_ -> …` for all others" };
    let (label, title) = match missing.len() {
        1 => ("an arm is missing", "add the missing arm"),
        _ => ("arms are missing", "add the missing arms"),
    };
    let d = view.diagnostic(codes::NOT_EXHAUSTIVE, head, message).label(label);
    let d = d.help(format!("add `{first} -> …`{others}"));
    let Some(filler) = filler else { return Some(d) };
    let Some(inside) = view.world.files.text(view.module, whole).strip_suffix('}') else { return Some(d) };
    let arms: String = missing.iter().map(|pattern| format!("{pattern} -> {filler}\n")).collect();
    let before_brace = Span { start: whole.end - 1, end: whole.end - 1 };
    let on_line = inside.trim_end_matches([' ', '\t']).ends_with('\n');
    Some(d.fix(title, before_brace, if on_line { arms } else { format!("\n{arms}") }))
}

/// The patterns of what no arm takes; `None` when that cannot be said.
fn missing_patterns(view: View<'_>, coverage: &Coverage, ty: Ty) -> Option<Vec<String>> {
    if coverage.all || ty == Ty::ERROR || ty == Ty::NEVER {
        return None;
    }
    let inner = view.types.base(view.types.non_null(ty));
    let mut missing: Vec<String> = Vec::new();
    if view.types.nullable(ty) && !coverage.null {
        missing.push("null".into());
    }
    if let Some(variants) = view.types.variants(inner) {
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
        missing.extend(uncovered_ranges(&coverage.ints));
    } else if inner != Ty::NEVER {
        missing.push("_".into());
    }
    Some(missing)
}

/// The names of the variables of a cascade that need not have a value when `on success`,
/// `on failure` or `on cancel` runs: those that are set after something that may end the cascade
/// that way.
pub(crate) fn unset_in_hook<'s>(stmts: &'s [Stmt], event: &str) -> Vec<&'s Name> {
    let mut sure = true;
    let mut unset = Vec::new();
    for stmt in stmts {
        let ends_before = match &stmt.kind {
            StmtKind::On { .. } => continue,
            _ if event == "success" => false,
            StmtKind::Let { value, .. } | StmtKind::Var { value, .. } => may_fail(value),
            StmtKind::Log(_) | StmtKind::Warn { .. } => false,
            _ => true,
        };
        sure &= !ends_before;
        if let StmtKind::Stage { name, .. } | StmtKind::Let { name, .. } | StmtKind::Var { name, .. } = &stmt.kind
            && !sure
        {
            unset.push(name);
        }
        if event == "success" {
            sure &= !holds_return(stmt);
        }
    }
    unset
}

/// Reports a variable that may have no value when the hook that reads it runs; `declared` is its
/// declaration.
pub(crate) fn read_unset(view: View<'_>, name: &Name, declared: Span) -> Diagnostic {
    view.diagnostic(codes::MAYBE_UNSET, name.span, format!("`{}` may have no value here", name.text))
        .label("this may run before it is set")
        .also_at(view.source(), declared, "set here")
        .help("a `var` that has a first value before the first stage can be read here")
}

/// Whether a value may fail to be computed, or holds stages.
fn may_fail(e: &Expr) -> bool {
    let mut found = false;
    walk::walk_expr(e, &mut |e| {
        found |= match &e.kind {
            ExprKind::Cast { optional, .. } => !optional,
            ExprKind::Binary(_, op, _) => matches!(op, BinaryOp::Div | BinaryOp::Rem),
            ExprKind::If(x) => {
                has_statements(&x.then) || matches!(&x.otherwise, Some(Else::Block(block)) if has_statements(block))
            }
            ExprKind::Match(x) => x.arms.iter().any(
                |arm| matches!(&arm.body, ArmBody::Block(block) | ArmBody::Statement(block) if has_statements(block)),
            ),
            ExprKind::For(_)
            | ExprKind::Repeat(_)
            | ExprKind::Parallel(_)
            | ExprKind::Swarm(_)
            | ExprKind::Sandbox(_) => true,
            _ => false,
        };
    });
    found
}

/// Whether a block has statements other than values.
fn has_statements(block: &Block) -> bool {
    block.stmts.iter().any(|s| !matches!(s.kind, StmtKind::Let { .. } | StmtKind::Var { .. } | StmtKind::Expr(..)))
}

/// Whether a statement holds a `return`.
fn holds_return(stmt: &Stmt) -> bool {
    if let StmtKind::Return(_) = stmt.kind {
        return true;
    }
    let mut blocks = Vec::new();
    walk::blocks_of(stmt, &mut blocks);
    blocks.iter().any(|block| block.stmts.iter().any(holds_return))
}

/// Whether ranges of ints hold all from `low` to `high`.
fn ranges_cover(ranges: &[(i64, i64)], low: i64, high: i64) -> bool {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut next = low;
    for (a, b) in sorted {
        if a <= next && b >= next {
            if b >= high {
                return true;
            }
            next = b + 1;
        }
    }
    false
}

/// Ranges of ints that no arm takes, as patterns.
fn uncovered_ranges(covered: &[(i64, i64)]) -> Vec<String> {
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
