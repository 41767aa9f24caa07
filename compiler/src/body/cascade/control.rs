//! `if`, `match`, `for`, `repeat` and `sandbox` that may hold stages. In expressions, see `pure.rs`.

use cascade_grammar::ast::{
    ArmBody, Else, Expr, ExprKind, ForExpr, IfExpr, MatchExpr, NetworkSetting, RepeatExpr, SandboxExpr, Span,
};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{
    CascadeChecker,
    block::{BlockOut, Want, is_block},
};
use crate::{
    body::{
        spans::{head_word, span_of_head},
        variables::Target,
    },
    checks::{
        blocks, bounds, calls, capabilities, concurrency,
        reachability::{self, Coverage},
        style,
    },
    flow::Flow,
    scope::{LocalKind, not_null_paths},
    types::Ty,
    world::View,
};

/// Work, the type and the flow of its value, and whether control never reaches its end.
pub(super) type Worked = (ir::Work, Ty, Flow, bool);

impl CascadeChecker<'_> {
    /// Checks a block expression that may hold stages. Gives `None` for other expressions.
    pub(super) fn check_control(&mut self, e: &Expr, want: Want) -> Option<Worked> {
        let worked = match &e.kind {
            ExprKind::If(x) => Some(self.check_if(x, want, e.span)),
            ExprKind::Match(x) => Some(self.check_match(x, want, e.span)),
            ExprKind::For(x) => Some(self.check_for(x, want, e.span)),
            ExprKind::Repeat(x) => Some(self.check_repeat(x, want, e.span)),
            ExprKind::Parallel(x) => Some(self.check_parallel(x, e.span)),
            ExprKind::Swarm(x) => Some(self.check_swarm(x, e.span)),
            ExprKind::Sandbox(x) => Some(self.check_sandbox(x, want, e.span)),
            _ => None,
        };
        if let Some((_, ty, flow, _)) = &worked {
            self.body.context.record_type(e.span, *ty, flow);
        }
        worked
    }

    /// Checks `if`, with what its condition tells of null in each branch.
    fn check_if(&mut self, x: &IfExpr, want: Want, span: Span) -> Worked {
        let condition = self.body.check(&x.condition, Ty::BOOL);
        let facts = not_null_paths(&x.condition);
        let mark = self.body.enter_scope(x.then.span);
        self.body.assume_not_null(&facts.when_true);
        let then = self.check_block(&x.then, want);
        self.body.leave_scope(mark);
        let mark = self.body.enter_scope(span);
        self.body.assume_not_null(&facts.when_false);
        let otherwise = match &x.otherwise {
            Some(Else::Block(b)) => self.check_block(b, want),
            Some(Else::If(e)) => self.check_else_if(e, want),
            None => {
                let out = BlockOut { ir: self.empty_block(span), ty: Ty::NULL, flow: Flow::default(), ends: false };
                if let (true, Some(expected), false) = (want.value, want.ty, then.ends)
                    && !self.body.context.types.nullable(expected)
                {
                    self.body.context.report(blocks::if_without_else(self.body.context.view(), expected, span));
                }
                out
            }
        };
        self.body.leave_scope(mark);
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
            (true, None) => self.body.join_types(a, b, span),
        }
    }

    /// Checks the `if` after `else`, as a block.
    fn check_else_if(&mut self, e: &Expr, want: Want) -> BlockOut {
        let mut out = BlockOut { ir: self.empty_block(e.span), ty: Ty::ERROR, flow: Flow::default(), ends: false };
        let ExprKind::If(x) = &e.kind else { return out };
        let (work, ty, flow, ends) = self.check_if(x, want, e.span);
        self.body.context.record_type(e.span, ty, &flow);
        out.ends = ends;
        (out.ty, out.flow) = (ty, flow);
        if want.value && !ends {
            let slot = self.body.scope.new_slot();
            out.ir.stmts.push(ir::Stmt::Work(Box::new(work), Some(slot)));
            out.ir.value = Some(ir::Expr::Slot(slot));
        } else {
            out.ir.stmts.push(ir::Stmt::Work(Box::new(work), None));
        }
        out
    }

    /// Checks `match`, and that its arms take every value.
    fn check_match(&mut self, x: &MatchExpr, want: Want, span: Span) -> Worked {
        let subject = self.body.infer(&x.subject);
        self.body.report_nothing(&x.subject);
        let mut coverage = Coverage::default();
        let mut arms = Vec::new();
        let mut flow = Flow::default();
        let mut joined: Option<(Ty, bool)> = None;
        for arm in &x.arms {
            let mark = self.body.enter_scope(arm.span);
            let null_before = coverage.null;
            let pattern = self.body.check_pattern(&arm.pattern, &subject, &mut coverage, arm.guard.is_some());
            self.body.assume_in_arm(&x.subject, &pattern, null_before);
            let guard = arm.guard.as_ref().map(|g| {
                let guard = self.body.check(g, Ty::BOOL).ir;
                let facts = not_null_paths(g);
                self.body.assume_not_null(&facts.when_true);
                guard
            });
            let out = match &arm.body {
                ArmBody::Block(b) | ArmBody::Statement(b) => self.check_block(b, want),
                ArmBody::Expr(e) => self.check_arm_expr(e, want),
            };
            self.body.leave_scope(mark);
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
        self.body.context.report(reachability::not_exhaustive(
            self.body.context.view(),
            &coverage,
            subject.ty,
            (span, span_of_head(span, &x.subject)),
            Some("fail \"not handled yet\"".to_owned()),
        ));
        let (ty, ends) = joined.unwrap_or((Ty::ERROR, false));
        let ty = match (want.value, want.ty) {
            (true, Some(ty)) => ty,
            (true, None) => ty,
            _ => Ty::NULL,
        };
        (ir::Work::Match(subject.ir, arms), ty, flow, ends)
    }

    /// Checks an arm that is an expression, as a block.
    fn check_arm_expr(&mut self, e: &Expr, want: Want) -> BlockOut {
        let mut out = BlockOut { ir: self.empty_block(e.span), ty: Ty::NULL, flow: Flow::default(), ends: false };
        if is_block(e) {
            if let Some((work, ty, flow, ends)) = self.check_control(e, want) {
                (out.ty, out.flow, out.ends) = (ty, flow, ends);
                let slot = (want.value && !ends).then(|| self.body.scope.new_slot());
                out.ir.stmts.push(ir::Stmt::Work(Box::new(work), slot));
                out.ir.value = slot.map(ir::Expr::Slot);
            }
            return out;
        }
        if let ExprKind::Call { callee, .. } = &e.kind
            && self.body.is_stage_call(callee)
        {
            self.body.context.report(calls::call_in_arm(self.body.context.view(), e.span));
            out.ty = Ty::ERROR;
            return out;
        }
        let typed = match want.ty {
            Some(ty) if want.value => self.body.check(e, ty),
            _ => self.body.infer(e),
        };
        (out.ty, out.flow) = (typed.ty, typed.flow);
        out.ir.value = Some(typed.ir);
        out
    }

    /// Checks `for`, whose value is the list of the values of its iterations.
    fn check_for(&mut self, x: &ForExpr, want: Want, span: Span) -> Worked {
        let list = self.body.infer(&x.iterable);
        let element = match self.body.context.types.element(list.ty) {
            Some(element) => element,
            None => {
                self.body.context.report(blocks::not_iterable(self.body.context.view(), list.ty, x.iterable.span));
                Ty::ERROR
            }
        };
        if let (Some(max), false) = (&x.max, x.parallel) {
            self.body.context.report(blocks::max_without_parallel(self.body.context.view(), max.span));
        }
        if let Some(e) = &x.max {
            self.body.context.report(bounds::less_than_one(self.body.context.view(), e, "nothing would ever run"));
        }
        let max = x.max.as_ref().map(|e| self.body.check(e, Ty::INT).ir);
        let name = self.paths.unique_name(&x.item.text);
        let outer = self.paths.enter_stage(&name);
        let mark = self.body.enter_scope(x.body.span);
        self.body.scope.forget_facts_of_vars();
        self.body.surroundings.level += u32::from(x.parallel);
        let item = self.body.declare_bound(&x.item, element, list.flow.clone());
        let body_want = match want.ty.and_then(|t| self.body.context.types.element(self.body.context.types.non_null(t)))
        {
            Some(ty) if want.value => Want { value: true, ty: Some(ty) },
            _ => Want { value: want.value, ty: None },
        };
        let (edits, slots) = (self.body.outcome.effects.edits.len(), self.body.scope.slot_count() - 1);
        let body = self.check_statements(&x.body, body_want);
        self.body.surroundings.level -= u32::from(x.parallel);
        if x.parallel && !matches!(max, Some(ir::Expr::Const(ir::Const::Int(1)))) {
            let view = View {
                world: self.body.context.world,
                types: self.body.context.types,
                module: self.body.context.module,
            };
            let found = concurrency::iterations_edit(view, &mut self.body.outcome.effects.edits[edits..], slots);
            self.body.context.report_all(found);
        }
        concurrency::forget_edits(&mut self.body.outcome.effects.edits, edits, slots);
        self.body.leave_scope(mark);
        self.body.scope.forget_facts_of_vars();
        self.paths.leave_stage(outer);
        let ty = if body.ends { Ty::NULL } else { body.ty };
        let ty = self.body.context.types.list(ty);
        let work = ir::Work::For(Box::new(ir::For {
            name: SmolStr::new(name),
            item,
            list: list.ir,
            parallel: x.parallel,
            max,
            body: body.ir,
            place: self.body.context.place(span),
        }));
        (work, ty, body.flow.join(&list.flow), false)
    }

    /// Checks `repeat`.
    fn check_repeat(&mut self, x: &RepeatExpr, want: Want, span: Span) -> Worked {
        let named = self.named_stage.take();
        let max = match &x.max {
            Some(e) => self.body.check(e, Ty::INT).ir,
            None => {
                self.body.context.report(blocks::unbounded_repeat(self.body.context.view(), head_word(span, "repeat")));
                ir::Expr::Const(ir::Const::Int(1))
            }
        };
        if let Some(e) = &x.max {
            self.body.context.report(bounds::less_than_one(self.body.context.view(), e, "a loop runs at least once"));
        }
        let name = self.paths.unique_name("repeat");
        let outer = self.paths.enter_stage(&name);
        let mark = self.body.enter_scope(x.until.as_ref().map_or(x.body.span, |until| x.body.span.to(until.span)));
        self.body.scope.forget_facts_of_vars();
        let (locals, writes) = (self.body.scope.len(), self.writes.len());
        let body = self.check_statements(&x.body, want);
        // `until` sees the value of the round by the name of the stage.
        let round = match (named, &x.until) {
            (Some(name), Some(_)) if want.value && self.body.probe(&name) == Target::Unknown => {
                let index = self.body.declare(&name.text, name.span, body.ty, body.flow.clone(), LocalKind::Stage);
                let local = self.body.scope.local_mut(index);
                local.used = true;
                Some(local.slot)
            }
            _ => None,
        };
        let until = x.until.as_ref().map(|e| {
            let assigned = &self.writes[writes..];
            let changes = |local: u32| local as usize >= locals || assigned.contains(&local);
            let d = style::unchanging_until(self.body.context.view(), &self.body.scope, e, changes);
            self.body.context.report(d);
            self.body.check(e, Ty::BOOL).ir
        });
        self.body.leave_scope(mark);
        self.body.scope.forget_facts_of_vars();
        self.paths.leave_stage(outer);
        let ends = body.ends;
        let work = ir::Work::Repeat(Box::new(ir::Repeat {
            max,
            body: body.ir,
            round,
            until,
            place: self.body.context.place(span),
        }));
        (work, if want.value { body.ty } else { Ty::NULL }, body.flow, ends)
    }

    /// Checks `sandbox`, whose value is a record of the value of its block, a patch and a branch.
    fn check_sandbox(&mut self, x: &SandboxExpr, want: Want, span: Span) -> Worked {
        let dir = self.body.check(&x.dir, Ty::PATH);
        let around = self.body.surroundings.network_off;
        let network = match &x.network {
            Some(NetworkSetting::Word(word)) => {
                self.body.context.record_word(word);
                self.body.context.report(blocks::network_setting(self.body.context.view(), word));
                let is_on = word.text == "on";
                if let (true, Some(around)) = (is_on, around) {
                    self.body.context.report(capabilities::network_on_inside(
                        self.body.context.view(),
                        word.span,
                        around,
                    ));
                }
                if is_on { ir::SandboxNetwork::On } else { ir::SandboxNetwork::Off }
            }
            Some(NetworkSetting::Hosts(hosts)) => {
                if let Some(around) = around {
                    self.body.context.report(capabilities::network_on_inside(
                        self.body.context.view(),
                        hosts.span,
                        around,
                    ));
                }
                let list = self.body.context.types.list(Ty::STRING);
                let checked = self.body.check(hosts, list);
                self.body.context.report_all(blocks::wrong_hosts(self.body.context.view(), hosts));
                ir::SandboxNetwork::Hosts(checked.ir)
            }
            None => ir::SandboxNetwork::Off,
        };
        let mark = self.body.enter_scope(x.body.span);
        let slot = x.name.as_ref().map(|name| {
            let index = self.body.declare(&name.text, name.span, Ty::PATH, dir.flow, LocalKind::Bound);
            self.body.scope.slot(index)
        });
        if matches!(network, ir::SandboxNetwork::Off) {
            self.body.surroundings.network_off = Some(head_word(span, "sandbox"));
        }
        let label = self.paths.unique_name("sandbox");
        let outer = self.paths.enter_stage(&label);
        let body = self.check_statements(&x.body, Want { value: want.value, ty: None });
        self.paths.leave_stage(outer);
        self.body.surroundings.network_off = around;
        self.body.leave_scope(mark);
        let value = if body.ends { Ty::NULL } else { body.ty };
        let branch = self.body.context.types.optional(Ty::STRING);
        let ty = self.body.context.types.record(vec![
            ("value".into(), value),
            ("patch".into(), Ty::STRING),
            ("branch".into(), branch),
        ]);
        let sandbox = ir::Sandbox {
            label: label.into(),
            directory: dir.ir,
            network,
            name: slot,
            body: body.ir,
            end: ir::SandboxEnd::default(),
            place: self.body.context.place(span),
        };
        (ir::Work::Sandbox(Box::new(sandbox)), ty, body.flow, body.ends)
    }
}
