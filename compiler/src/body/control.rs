//! `if`, `match`, `for`, `repeat` and `sandbox` that may hold stages. In expressions, see `pure.rs`.

use cascade_grammar::ast::{ArmBody, Else, Expr, ExprKind, ForExpr, IfExpr, MatchExpr, RepeatExpr, SandboxExpr, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{
    BodyChecker, BodyKind,
    block::{BlockOut, Want},
};
use crate::{
    checks::{
        blocks, bounds, calls, capabilities, concurrency,
        reachability::{self, Coverage},
        style, types,
    },
    flow::Flow,
    scope::{LocalKind, not_null_paths},
    types::Ty,
    world::View,
};

/// Work, the type and the flow of its value, and whether control never reaches its end.
pub(super) type Worked = (ir::Work, Ty, Flow, bool);

impl BodyChecker<'_> {
    /// Checks a block expression that may hold stages. Gives `None` outside of cascades.
    pub(super) fn check_control(&mut self, e: &Expr, want: Want) -> Option<Worked> {
        if self.kind != BodyKind::Cascade {
            self.infer(e);
            return None;
        }
        let worked = match &e.kind {
            ExprKind::If(x) => Some(self.check_if(x, want, e.span)),
            ExprKind::Match(x) => Some(self.check_match(x, want, e.span)),
            ExprKind::For(x) => Some(self.check_for(x, want, e.span)),
            ExprKind::Repeat(x) => Some(self.check_repeat(x, want, e.span)),
            ExprKind::Parallel(x) => Some(self.check_parallel(x.max.as_ref(), &x.body, e.span)),
            ExprKind::Swarm(x) => Some(self.check_swarm(x, e.span)),
            ExprKind::Sandbox(x) => Some(self.check_sandbox(x, want, e.span)),
            _ => None,
        };
        if let Some((_, ty, flow, _)) = &worked {
            self.record_type(e.span, *ty, flow);
        }
        worked
    }

    /// Checks `if`, with what its condition tells of null in each branch.
    fn check_if(&mut self, x: &IfExpr, want: Want, span: Span) -> Worked {
        let condition = self.check(&x.condition, Ty::BOOL);
        let facts = not_null_paths(&x.condition);
        let mark = self.enter(x.then.span);
        self.assume_not_null(&facts.when_true);
        let then = self.check_block(&x.then, want);
        self.leave(mark);
        let mark = self.enter(span);
        self.assume_not_null(&facts.when_false);
        let otherwise = match &x.otherwise {
            Some(Else::Block(b)) => self.check_block(b, want),
            Some(Else::If(e)) => self.check_else_if(e, want),
            None => {
                let out = BlockOut { ir: self.empty_block(span), ty: Ty::NULL, flow: Flow::default(), ends: false };
                if let (true, Some(expected), false) = (want.value, want.ty, then.ends)
                    && !self.types.nullable(expected)
                {
                    self.report(blocks::if_without_else(self.view(), expected, span));
                }
                out
            }
        };
        self.leave(mark);
        let flow = then.flow.join(&otherwise.flow);
        let ty = self.joined_type(want, (then.ty, then.ends), (otherwise.ty, otherwise.ends), span);
        let ends = then.ends && otherwise.ends;
        (ir::Work::If(condition.ir, then.ir, otherwise.ir), ty, flow, ends)
    }

    /// The type of a block with two branches, each given as its type and whether control never reaches
    /// its end.
    fn joined_type(&mut self, want: Want, a: (Ty, bool), b: (Ty, bool), span: Span) -> Ty {
        match (want.value, want.ty) {
            (false, _) => Ty::NULL,
            (true, Some(ty)) => ty,
            (true, None) => self.join_types(a, b, span),
        }
    }

    /// The common type of two branches. A branch whose end is never reached has no value.
    pub(super) fn join_types(&mut self, a: (Ty, bool), b: (Ty, bool), span: Span) -> Ty {
        match (a, b) {
            ((_, true), (_, true)) => Ty::NEVER,
            ((_, true), (ty, false)) | ((ty, false), (_, true)) => ty,
            ((x, false), (y, false)) => match self.types.join(x, y) {
                Some(ty) => ty,
                None => {
                    self.report(types::different_types(self.view(), x, y, span));
                    Ty::ERROR
                }
            },
        }
    }

    /// Checks the `if` after `else`, as a block.
    fn check_else_if(&mut self, e: &Expr, want: Want) -> BlockOut {
        let mut out = BlockOut { ir: self.empty_block(e.span), ty: Ty::ERROR, flow: Flow::default(), ends: false };
        let ExprKind::If(x) = &e.kind else { return out };
        let (work, ty, flow, ends) = self.check_if(x, want, e.span);
        self.record_type(e.span, ty, &flow);
        out.ends = ends;
        (out.ty, out.flow) = (ty, flow);
        if want.value && !ends {
            let slot = self.scope.new_slot();
            out.ir.stmts.push(ir::Stmt::Work(Box::new(work), Some(slot)));
            out.ir.value = Some(ir::Expr::Slot(slot));
        } else {
            out.ir.stmts.push(ir::Stmt::Work(Box::new(work), None));
        }
        out
    }

    /// Checks `match`, and that its arms take every value.
    fn check_match(&mut self, x: &MatchExpr, want: Want, span: Span) -> Worked {
        let subject = self.infer(&x.subject);
        let mut coverage = Coverage::default();
        let mut arms = Vec::new();
        let mut flow = Flow::default();
        let mut joined: Option<(Ty, bool)> = None;
        for arm in &x.arms {
            let mark = self.enter(arm.span);
            let null_before = coverage.null;
            let pattern = self.check_pattern(&arm.pattern, &subject, &mut coverage, arm.guard.is_some());
            self.assume_in_arm(&x.subject, &pattern, null_before);
            let guard = arm.guard.as_ref().map(|g| {
                let guard = self.check(g, Ty::BOOL).ir;
                let facts = not_null_paths(g);
                self.assume_not_null(&facts.when_true);
                guard
            });
            let out = match &arm.body {
                ArmBody::Block(b) => self.check_block(b, want),
                ArmBody::Expr(e) => self.check_arm_expr(e, want),
            };
            self.leave(mark);
            flow.include(&out.flow);
            joined = Some(match joined {
                None => (out.ty, out.ends),
                Some(before) => {
                    let ty = self.joined_type(want, before, (out.ty, out.ends), arm.span);
                    (ty, before.1 && out.ends)
                }
            });
            arms.push(ir::Arm { pattern, guard, body: out.ir });
        }
        self.report(reachability::not_exhaustive(self.view(), &coverage, subject.ty, span_of_head(span, &x.subject)));
        let (ty, ends) = joined.unwrap_or((Ty::ERROR, false));
        let ty = match (want.value, want.ty) {
            (true, Some(ty)) => ty,
            (true, None) => ty,
            _ => Ty::NULL,
        };
        (ir::Work::Match(subject.ir, arms), ty, flow, ends)
    }

    /// In an arm that does not take null, or after one that took it, the subject is not null.
    pub(super) fn assume_in_arm(&mut self, subject: &Expr, pattern: &ir::Pattern, null_before: bool) {
        let is_null = matches!(pattern, ir::Pattern::Equal(ir::Expr::Const(ir::Const::Null)));
        let proves = match pattern {
            ir::Pattern::Any => null_before,
            _ => !is_null,
        };
        if proves {
            self.assume_not_null(&[subject]);
        }
    }

    /// Checks an arm that is an expression, as a block.
    fn check_arm_expr(&mut self, e: &Expr, want: Want) -> BlockOut {
        let mut out = BlockOut { ir: self.empty_block(e.span), ty: Ty::NULL, flow: Flow::default(), ends: false };
        if self.is_block(e) {
            if let Some((work, ty, flow, ends)) = self.check_control(e, want) {
                (out.ty, out.flow, out.ends) = (ty, flow, ends);
                let slot = (want.value && !ends).then(|| self.scope.new_slot());
                out.ir.stmts.push(ir::Stmt::Work(Box::new(work), slot));
                out.ir.value = slot.map(ir::Expr::Slot);
            }
            return out;
        }
        if let ExprKind::Call { callee, .. } = &e.kind
            && self.is_stage_call(callee)
        {
            self.report(calls::call_in_arm(self.view(), e.span));
            out.ty = Ty::ERROR;
            return out;
        }
        let typed = match want.ty {
            Some(ty) if want.value => self.check(e, ty),
            _ => self.infer(e),
        };
        (out.ty, out.flow) = (typed.ty, typed.flow);
        out.ir.value = Some(typed.ir);
        out
    }

    /// Checks `for`, whose value is the list of the values of its iterations.
    fn check_for(&mut self, x: &ForExpr, want: Want, span: Span) -> Worked {
        let list = self.infer(&x.iterable);
        let element = match self.unwrap_list(list.ty) {
            Some(element) => element,
            None => {
                self.report(blocks::not_iterable(self.view(), list.ty, x.iterable.span));
                Ty::ERROR
            }
        };
        if let (Some(max), false) = (&x.max, x.parallel) {
            self.report(blocks::max_without_parallel(self.view(), max.span));
        }
        if let Some(e) = &x.max {
            self.report(bounds::less_than_one(self.view(), e, "nothing would ever run"));
        }
        let max = x.max.as_ref().map(|e| self.check(e, Ty::INT).ir);
        let name = self.paths.unique_name(&x.item.text);
        let outer = self.paths.enter(&name);
        let mark = self.enter(x.body.span);
        self.scope.forget_facts_of_vars();
        self.surroundings.level += u32::from(x.parallel);
        let item = self.declare_bound(&x.item, element, list.flow.clone());
        let body_want = match want.ty.and_then(|t| self.unwrap_list(self.types.non_null(t))) {
            Some(ty) if want.value => Want { value: true, ty: Some(ty) },
            _ => Want { value: want.value, ty: None },
        };
        let (edits, slots) = (self.outcome.effects.edits.len(), self.scope.slot_count() - 1);
        let body = self.check_statements(&x.body, body_want);
        self.surroundings.level -= u32::from(x.parallel);
        if x.parallel && !matches!(max, Some(ir::Expr::Const(ir::Const::Int(1)))) {
            let view = View { world: self.world, types: self.types, module: self.module };
            let found = concurrency::iterations_edit(view, &mut self.outcome.effects.edits[edits..], slots);
            self.report_all(found);
        }
        concurrency::forget_edits(&mut self.outcome.effects.edits, edits, slots);
        self.leave(mark);
        self.scope.forget_facts_of_vars();
        self.paths.leave(outer);
        let ty = if body.ends { Ty::NULL } else { body.ty };
        let ty = self.types.list(ty);
        let work = ir::Work::For(Box::new(ir::For {
            name: SmolStr::new(name),
            item,
            list: list.ir,
            parallel: x.parallel,
            max,
            body: body.ir,
            place: self.place(span),
        }));
        (work, ty, body.flow.join(&list.flow), false)
    }

    /// Checks `repeat`.
    fn check_repeat(&mut self, x: &RepeatExpr, want: Want, span: Span) -> Worked {
        let max = match &x.max {
            Some(e) => self.check(e, Ty::INT).ir,
            None => {
                self.report(blocks::unbounded_repeat(self.view(), head_word(span, "repeat")));
                ir::Expr::Const(ir::Const::Int(1))
            }
        };
        if let Some(e) = &x.max {
            self.report(bounds::less_than_one(self.view(), e, "a loop runs at least once"));
        }
        let name = self.paths.unique_name("repeat");
        let outer = self.paths.enter(&name);
        let mark = self.enter(x.body.span);
        self.scope.forget_facts_of_vars();
        let (locals, writes) = (self.scope.len(), self.accesses.writes.len());
        let body = self.check_statements(&x.body, want);
        let until = x.until.as_ref().map(|e| {
            let assigned = &self.accesses.writes[writes..];
            let changes = |local: u32| local as usize >= locals || assigned.contains(&local);
            let d = style::unchanging_until(self.view(), &self.scope, e, changes);
            self.report(d);
            self.check(e, Ty::BOOL).ir
        });
        self.leave(mark);
        self.scope.forget_facts_of_vars();
        self.paths.leave(outer);
        let ends = body.ends;
        let work = ir::Work::Repeat(Box::new(ir::Repeat { max, body: body.ir, until, place: self.place(span) }));
        (work, if want.value { body.ty } else { Ty::NULL }, body.flow, ends)
    }

    /// Checks `sandbox`, whose value is a record of the value of its block, a patch and a branch.
    fn check_sandbox(&mut self, x: &SandboxExpr, want: Want, span: Span) -> Worked {
        self.note_unsupported("sandbox", head_word(span, "sandbox"));
        let dir = self.check(&x.dir, Ty::PATH);
        if let Some(network) = &x.network {
            self.record_word(network);
            self.report(blocks::network_setting(self.view(), network));
        }
        let mark = self.enter(x.body.span);
        if let Some(name) = &x.name {
            self.declare(&name.text, name.span, Ty::PATH, dir.flow, LocalKind::Bound);
        }
        let around = self.surroundings.network_off;
        match &x.network {
            Some(network) if network.text == "on" => {
                self.report(around.map(|around| capabilities::network_on_inside(self.view(), network, around)));
            }
            _ => self.surroundings.network_off = Some(head_word(span, "sandbox")),
        }
        let body = self.check_statements(&x.body, Want { value: want.value, ty: None });
        self.surroundings.network_off = around;
        self.leave(mark);
        let value = if body.ends { Ty::NULL } else { body.ty };
        let branch = self.types.optional(Ty::STRING);
        let ty =
            self.types.record(vec![("value".into(), value), ("patch".into(), Ty::STRING), ("branch".into(), branch)]);
        (ir::Work::Block(body.ir), ty, body.flow, body.ends)
    }
}

/// The span from a keyword to the end of the expression after it.
pub(super) fn span_of_head(whole: Span, subject: &Expr) -> Span {
    Span { start: whole.start, end: subject.span.end }
}

/// The span of the keyword at the start of a span.
pub(super) fn head_word(whole: Span, word: &str) -> Span {
    Span { start: whole.start, end: (whole.start + word.len() as u32).min(whole.end) }
}
