//! Patterns of `match`, and which values they cover.

use cascade_grammar::ast::{Expr, ExprKind, Pattern, PatternKind};
use cascade_ir as ir;

use super::{BodyChecker, Typed};
use crate::{
    checks::reachability::{self, Coverage, arm_after_catch_all},
    codes,
    flow::Flow,
    index::Symbol,
    suggest::with_suggestion,
    types::Ty,
};

impl BodyChecker<'_> {
    /// Checks a pattern against the type of the subject, declares its variables, and adds what it
    /// covers. A pattern that is `guarded` covers nothing.
    pub(super) fn check_pattern(
        &mut self,
        pattern: &Pattern,
        subject: &Typed,
        coverage: &mut Coverage,
        guarded: bool,
    ) -> ir::Pattern {
        let ty = subject.ty;
        let inner = self.context.types.base(self.context.types.non_null(ty));
        if let Some(before) = coverage.catch_all {
            self.context.report(arm_after_catch_all(self.context.view(), pattern.span, before));
        }
        match &pattern.kind {
            PatternKind::Error => {
                coverage.all = true;
                ir::Pattern::Any
            }
            PatternKind::Wildcard => {
                if coverage.catch_all.is_none() {
                    self.context.report(reachability::taken_before(
                        self.context.view(),
                        coverage,
                        ty,
                        None,
                        pattern.span,
                    ));
                }
                if !guarded {
                    coverage.all = true;
                    coverage.catch_all = Some(pattern.span);
                }
                ir::Pattern::Any
            }
            PatternKind::Literal(e) => self.check_literal_pattern(e, ty, coverage, guarded),
            PatternKind::Range(low, high) => {
                if !self.context.types.is_ordered(inner) || inner == Ty::BOOL {
                    let shown = self.context.type_text(ty);
                    let d = self
                        .context
                        .diagnostic(
                            codes::MISMATCH,
                            pattern.span,
                            format!("a range needs values with an order, found `{shown}`"),
                        )
                        .label("not a range of these");
                    self.context.report(d);
                }
                let mut end = |e: &Option<Expr>| e.as_ref().map(|e| self.check(e, inner).ir);
                let (low, high) = (end(low), end(high));
                let known = |e: &Option<ir::Expr>, open: i64| match e {
                    None => Some(open),
                    Some(ir::Expr::Const(ir::Const::Int(n))) => Some(*n),
                    _ => None,
                };
                if let (Some(a), Some(b), false) = (known(&low, i64::MIN), known(&high, i64::MAX), guarded) {
                    if a > b {
                        let d = self
                            .context
                            .diagnostic(codes::UNREACHABLE, pattern.span, "this range is empty")
                            .label("the first end is above the last");
                        self.context.report(d);
                    } else {
                        self.context.report(reachability::taken_before(
                            self.context.view(),
                            coverage,
                            ty,
                            Some((a, b)),
                            pattern.span,
                        ));
                    }
                    coverage.ints.push((a, b));
                }
                ir::Pattern::Range(low, high)
            }
            PatternKind::OneOf(patterns) => {
                let mut all = Vec::with_capacity(patterns.len());
                for pattern in patterns {
                    if let PatternKind::Variant { fields: Some(fields), .. } = &pattern.kind
                        && !fields.is_empty()
                    {
                        let d = self
                            .context
                            .diagnostic(codes::MISPLACED, pattern.span, "one of several patterns binds no fields")
                            .label("which of them matched is not known")
                            .help("write an arm of its own for this pattern");
                        self.context.report(d);
                    }
                    all.push(self.check_pattern(pattern, subject, coverage, guarded));
                }
                ir::Pattern::OneOf(all)
            }
            PatternKind::Variant { name, fields } => {
                if name.text.is_empty() {
                    coverage.all = true;
                    return ir::Pattern::Any;
                }
                let Some(variants) = self.context.types.variants(inner) else {
                    coverage.all = true;
                    if inner != Ty::ERROR {
                        let shown = self.context.type_text(ty);
                        let d = self
                            .context
                            .diagnostic(
                                codes::MISMATCH,
                                pattern.span,
                                format!("`{}` is no pattern for `{shown}`", name.text),
                            )
                            .label("a name stands for a variant of an enum")
                            .help(if matches!(name.text.as_str(), "default" | "else" | "otherwise" | "other") {
                                "what is left is taken by `_`"
                            } else {
                                "take anything with `_`, or compare with `_ if … == …`"
                            });
                        self.context.report(d);
                    }
                    for field in fields.iter().flatten() {
                        let bound = field.binding.as_ref().unwrap_or(&field.field);
                        self.declare_bound(bound, Ty::ERROR, Flow::default());
                    }
                    return ir::Pattern::Any;
                };
                let position = variants.iter().position(|v| v.name == name.text);
                let Some((position, variant)) = position.map(|p| (p as u32, variants[p].clone())) else {
                    self.report_unknown_variant(name, inner);
                    coverage.all = true;
                    for field in fields.iter().flatten() {
                        let bound = field.binding.as_ref().unwrap_or(&field.field);
                        self.declare_bound(bound, Ty::ERROR, Flow::default());
                    }
                    return ir::Pattern::Any;
                };
                let of = self.context.types.def(inner).map_or(0, |(id, _)| id.0);
                // The variants of `outcome<T>` are declared nowhere.
                let is_declared = (of as usize) < self.context.world.declared.types.len();
                match is_declared {
                    true => self.context.record_use(name.span, Symbol::Variant { of, index: position }),
                    false => self.context.record_word(name),
                }
                if coverage.variants.contains(&variant.name) {
                    let d = self
                        .context
                        .diagnostic(
                            codes::UNREACHABLE,
                            pattern.span,
                            format!("`{}` is taken by an arm before", variant.name),
                        )
                        .label("never reached");
                    self.context.report(d);
                }
                if !guarded {
                    coverage.variants.push(variant.name.clone());
                }
                let mut bound = Vec::new();
                for field in fields.iter().flatten() {
                    let found = variant.fields.iter().position(|f| f.name == field.field.text);
                    if let (Some(_), false) = (found, is_declared) {
                        self.context.record_word(&field.field);
                    } else if let Some(index) = found {
                        let index = index as u32;
                        self.context
                            .record_use(field.field.span, Symbol::VariantField { of, variant: position, index });
                    }
                    let found = found.map(|index| &variant.fields[index]);
                    let name = field.binding.as_ref().unwrap_or(&field.field);
                    match found {
                        Some(f) => {
                            let slot = self.declare_bound(name, f.ty, subject.flow.clone());
                            bound.push((field.field.text.clone(), slot));
                        }
                        None => {
                            let d = self
                                .context
                                .diagnostic(
                                    codes::UNKNOWN_FIELD,
                                    field.field.span,
                                    format!("`{}` has no field `{}`", variant.name, field.field.text),
                                )
                                .label("not a field of it");
                            let d = with_suggestion(
                                d,
                                &field.field.text,
                                field.field.span,
                                variant.fields.iter().map(|f| f.name.as_str()),
                            );
                            self.context.report(d);
                            self.declare_bound(name, Ty::ERROR, Flow::default());
                        }
                    }
                }
                ir::Pattern::Variant { name: variant.name, fields: bound }
            }
        }
    }

    fn check_literal_pattern(&mut self, e: &Expr, ty: Ty, coverage: &mut Coverage, guarded: bool) -> ir::Pattern {
        if matches!(e.kind, ExprKind::Null) {
            if !self.context.types.nullable(ty) {
                let shown = self.context.type_text(ty);
                let d = self
                    .context
                    .diagnostic(codes::UNREACHABLE, e.span, "this arm is never reached: the value is never null")
                    .label(format!("`{shown}`"));
                self.context.report(d);
            }
            coverage.null |= !guarded;
            self.context.record_type(e.span, Ty::NULL, &Flow::default());
            return ir::Pattern::Equal(ir::Expr::Const(ir::Const::Null));
        }
        let inner = self.context.types.base(self.context.types.non_null(ty));
        let value = self.check(e, inner);
        if let (ir::Expr::Const(_), false) = (&value.ir, guarded) {
            if let Some((_, before)) = coverage.seen.iter().find(|(v, _)| *v == value.ir) {
                let before = *before;
                let source = self.context.source();
                let d = self
                    .context
                    .diagnostic(codes::UNREACHABLE, e.span, "this value is taken by an arm before")
                    .label("never reached")
                    .also_at(source, before, "taken here");
                self.context.report(d);
            } else if let ir::Expr::Const(ir::Const::Int(n)) = value.ir {
                self.context.report(reachability::taken_before(
                    self.context.view(),
                    coverage,
                    ty,
                    Some((n, n)),
                    e.span,
                ));
            }
            coverage.seen.push((value.ir.clone(), e.span));
            match &value.ir {
                ir::Expr::Const(ir::Const::Bool(b)) => coverage.truths[usize::from(*b)] = true,
                ir::Expr::Const(ir::Const::Int(n)) => coverage.ints.push((*n, *n)),
                _ => {}
            }
        }
        ir::Pattern::Equal(value.ir)
    }
}
