//! `if`, `match`, `for`, `repeat`, `sandbox`: as work with stages, and as pure expressions.

use cascade_grammar::ast::{
    ArmBody, Block, Clause, Else, Expr, ExprKind, ForExpr, IfExpr, MatchExpr, RepeatExpr, SandboxExpr, Span, StmtKind,
};
use cascade_ir as ir;

use super::{
    block::{BlockOut, Want},
    body::{Body, Kind, LocalKind, Typed},
    narrow,
};
use crate::{checks::reachability::Coverage, codes, flow::Flow, types::Ty};

/// Work, the type of its value, what it is made of, and whether its end is never reached.
pub(crate) type Worked = (ir::Work, Ty, Flow, bool);

impl<'a> Body<'_, 'a> {
    /// A block expression that may hold stages.
    pub fn block_work(&mut self, e: &'a Expr, clauses: &'a [Clause], want: Want) -> Option<Worked> {
        if self.kind != Kind::Cascade {
            self.infer(e);
            return None;
        }
        let worked = match &e.kind {
            ExprKind::If(x) => Some(self.if_work(x, want, e.span)),
            ExprKind::Match(x) => Some(self.match_work(x, want, e.span)),
            ExprKind::For(x) => Some(self.for_work(x, want, e.span)),
            ExprKind::Repeat(x) => Some(self.repeat_work(x, want, e.span)),
            ExprKind::Parallel(x) => Some(self.parallel_work(x.max.as_ref(), &x.body, e.span)),
            ExprKind::Swarm(x) => Some(self.swarm_work(x, e.span)),
            ExprKind::Sandbox(x) => Some(self.sandbox_work(x, clauses, want, e.span)),
            _ => None,
        };
        if let Some((_, ty, flow, _)) = &worked {
            self.record_type(e.span, *ty, flow);
        }
        worked
    }

    fn if_work(&mut self, x: &'a IfExpr, want: Want, span: Span) -> Worked {
        let condition = self.check(&x.condition, Ty::BOOL);
        let facts = narrow::facts(&x.condition);
        let mark = self.enter(x.then.span);
        self.assume(&facts.when_true);
        let then = self.block(&x.then, want);
        self.leave(mark);
        let mark = self.enter(span);
        self.assume(&facts.when_false);
        let otherwise = match &x.otherwise {
            Some(Else::Block(b)) => self.block(b, want),
            Some(Else::If(e)) => self.else_if(e, want),
            None => {
                let out = BlockOut { ir: self.empty(span), ty: Ty::NULL, flow: Flow::default(), ends: false };
                if let (true, Some(expected), false) = (want.value, want.ty, then.ends)
                    && !self.cx.types.nullable(expected)
                {
                    let shown = self.show(expected);
                    let d = self
                        .diag(
                            codes::MISMATCH,
                            span,
                            format!("without `else` this may give nothing, and `{shown}` is needed"),
                        )
                        .label("no `else`");
                    self.report(d);
                }
                out
            }
        };
        self.leave(mark);
        let flow = then.flow.join(&otherwise.flow);
        let ty = self.value_type(want, (then.ty, then.ends), (otherwise.ty, otherwise.ends), span);
        let ends = then.ends && otherwise.ends;
        (ir::Work::If(condition.ir, then.ir, otherwise.ir), ty, flow, ends)
    }

    fn value_type(&mut self, want: Want, a: (Ty, bool), b: (Ty, bool), span: Span) -> Ty {
        match (want.value, want.ty) {
            (false, _) => Ty::NULL,
            (true, Some(ty)) => ty,
            (true, None) => self.join_values(a, b, span),
        }
    }

    fn else_if(&mut self, e: &'a Expr, want: Want) -> BlockOut {
        let mut out = BlockOut { ir: self.empty(e.span), ty: Ty::ERROR, flow: Flow::default(), ends: false };
        let ExprKind::If(x) = &e.kind else { return out };
        let (work, ty, flow, ends) = self.if_work(x, want, e.span);
        self.record_type(e.span, ty, &flow);
        out.ends = ends;
        (out.ty, out.flow) = (ty, flow);
        if want.value && !ends {
            let slot = self.new_slot();
            out.ir.stmts.push(ir::Stmt::Work(Box::new(work), Some(slot)));
            out.ir.value = Some(ir::Expr::Slot(slot));
        } else {
            out.ir.stmts.push(ir::Stmt::Work(Box::new(work), None));
        }
        out
    }

    fn match_work(&mut self, x: &'a MatchExpr, want: Want, span: Span) -> Worked {
        let subject = self.infer(&x.subject);
        let mut coverage = Coverage::default();
        let mut arms = Vec::new();
        let mut flow = Flow::default();
        let mut joined: Option<(Ty, bool)> = None;
        for arm in &x.arms {
            let mark = self.enter(arm.span);
            let null_before = coverage.null;
            let pattern = self.pattern(&arm.pattern, &subject, &mut coverage, arm.guard.is_some());
            self.assume_in_arm(&x.subject, &pattern, null_before);
            let guard = arm.guard.as_ref().map(|g| {
                let guard = self.check(g, Ty::BOOL).ir;
                let facts = narrow::facts(g);
                self.assume(&facts.when_true);
                guard
            });
            let out = match &arm.body {
                ArmBody::Block(b) => self.block(b, want),
                ArmBody::Expr(e) => self.expr_block(e, want),
            };
            self.leave(mark);
            flow.include(&out.flow);
            joined = Some(match joined {
                None => (out.ty, out.ends),
                Some(before) => {
                    let ty = self.value_type(want, before, (out.ty, out.ends), arm.span);
                    (ty, before.1 && out.ends)
                }
            });
            arms.push(ir::Arm { pattern, guard, body: out.ir });
        }
        self.exhaustive(&coverage, subject.ty, span_of_head(span, &x.subject));
        let (ty, ends) = joined.unwrap_or((Ty::ERROR, false));
        let ty = match (want.value, want.ty) {
            (true, Some(ty)) => ty,
            (true, None) => ty,
            _ => Ty::NULL,
        };
        (ir::Work::Match(subject.ir, arms), ty, flow, ends)
    }

    /// In an arm that does not take null, or after one that took it, the subject is there.
    fn assume_in_arm(&mut self, subject: &'a Expr, pattern: &ir::Pattern, null_before: bool) {
        let is_null = matches!(pattern, ir::Pattern::Equal(ir::Expr::Const(ir::Const::Null)));
        let proves = match pattern {
            ir::Pattern::Any => null_before,
            _ => !is_null,
        };
        if proves {
            self.assume(&[subject]);
        }
    }

    /// An arm that is an expression, as a block.
    fn expr_block(&mut self, e: &'a Expr, want: Want) -> BlockOut {
        let mut out = BlockOut { ir: self.empty(e.span), ty: Ty::NULL, flow: Flow::default(), ends: false };
        if self.is_block(e) {
            if let Some((work, ty, flow, ends)) = self.block_work(e, &[], want) {
                (out.ty, out.flow, out.ends) = (ty, flow, ends);
                let slot = (want.value && !ends).then(|| self.new_slot());
                out.ir.stmts.push(ir::Stmt::Work(Box::new(work), slot));
                out.ir.value = slot.map(ir::Expr::Slot);
            }
            return out;
        }
        if let ExprKind::Call { callee, .. } = &e.kind
            && self.is_stage_call(callee)
        {
            let d = self
                .diag(codes::STAGE_CALL, e.span, "only a stage calls a skill or a cascade")
                .label("its call has a name")
                .help("write a block: `-> { stage name = … }`");
            self.report(d);
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

    fn for_work(&mut self, x: &'a ForExpr, want: Want, span: Span) -> Worked {
        let list = self.infer(&x.iterable);
        let element = match self.unwrap_list(list.ty) {
            Some(element) => element,
            None => {
                let shown = self.show(list.ty);
                let mut d = self
                    .diag(codes::MISMATCH, x.iterable.span, format!("`for` goes over a list, found `{shown}`"))
                    .label(format!("`{shown}`"));
                let base = self.cx.types.base(self.cx.types.non_null(list.ty));
                d = match self.cx.types.kind(base) {
                    crate::types::TyKind::Map(_) => d.help("`.entries()` gives the keys and values of a map"),
                    crate::types::TyKind::Int => d.help("`range(n)` counts from 0 to n - 1"),
                    crate::types::TyKind::List(_) => d.help("give a list for null: `?? []`"),
                    _ => d,
                };
                self.report(d);
                Ty::ERROR
            }
        };
        if let (Some(max), false) = (&x.max, x.parallel) {
            let d = self
                .diag(codes::WRONG_PLACE, max.span, "`max` limits how many iterations run at once")
                .label("nothing runs at once here")
                .help("write `for … parallel max n { }`");
            self.report(d);
        }
        if let Some(e) = &x.max {
            self.at_least_one(e, "nothing would ever run");
        }
        let max = x.max.as_ref().map(|e| self.check(e, Ty::INT).ir);
        let name = self.loop_path(&x.item.text);
        let inner = format!("{}/{name}", self.prefix);
        let outer = std::mem::replace(&mut self.prefix, inner);
        let mark = self.enter(x.body.span);
        self.forget_vars();
        self.level += u32::from(x.parallel);
        let item = self.bind(&x.item, element, list.flow.clone());
        let body_want = match want.ty.and_then(|t| self.unwrap_list(self.cx.types.non_null(t))) {
            Some(ty) if want.value => Want { value: true, ty: Some(ty) },
            _ => Want { value: want.value, ty: None },
        };
        let (edits, slots) = (self.checks.effects.edits.len(), self.slots - 1);
        let body = self.statements(&x.body, body_want);
        self.level -= u32::from(x.parallel);
        if x.parallel && !matches!(max, Some(ir::Expr::Const(ir::Const::Int(1)))) {
            self.iterations_edit(edits, slots);
        }
        self.forget_edits(edits, slots);
        self.leave(mark);
        self.forget_vars();
        self.prefix = outer;
        let ty = if body.ends { Ty::NULL } else { body.ty };
        let ty = self.cx.types.list(ty);
        let work = ir::Work::For(Box::new(ir::For {
            name,
            item,
            list: list.ir,
            parallel: x.parallel,
            max,
            body: body.ir,
            place: self.place(span),
        }));
        (work, ty, body.flow.join(&list.flow), false)
    }

    fn repeat_work(&mut self, x: &'a RepeatExpr, want: Want, span: Span) -> Worked {
        let max = match &x.max {
            Some(e) => self.check(e, Ty::INT).ir,
            None => {
                let d = self
                    .diag(codes::UNBOUNDED, head_word(span, "repeat"), "this loop has no bound")
                    .label("could go on for ever, and cost without end")
                    .help("say how often at most: `repeat max 3 { … } until …`");
                self.report(d);
                ir::Expr::Const(ir::Const::Int(1))
            }
        };
        if let Some(e) = &x.max {
            self.at_least_one(e, "a loop runs at least once");
        }
        let name = self.loop_path("repeat");
        let inner = format!("{}/{name}", self.prefix);
        let outer = std::mem::replace(&mut self.prefix, inner);
        let mark = self.enter(x.body.span);
        self.forget_vars();
        let (locals, writes) = (self.locals.len(), self.checks.writes.len());
        let body = self.statements(&x.body, want);
        let until = x.until.as_ref().map(|e| {
            self.until_changes(e, locals, writes);
            self.check(e, Ty::BOOL).ir
        });
        self.leave(mark);
        self.forget_vars();
        self.prefix = outer;
        let ends = body.ends;
        let work = ir::Work::Repeat(Box::new(ir::Repeat { max, body: body.ir, until, place: self.place(span) }));
        (work, if want.value { body.ty } else { Ty::NULL }, body.flow, ends)
    }

    fn sandbox_work(&mut self, x: &'a SandboxExpr, _clauses: &'a [Clause], want: Want, span: Span) -> Worked {
        self.not_yet("sandbox", head_word(span, "sandbox"));
        let dir = self.check(&x.dir, Ty::PATH);
        if let Some(network) = &x.network {
            self.record_word(network);
        }
        if let Some(network) = &x.network
            && !matches!(network.text.as_str(), "on" | "off" | "")
        {
            let d = self
                .diag(codes::UNKNOWN_SETTING, network.span, format!("`network {}` means nothing", network.text))
                .label("`on` or `off`");
            self.report(d);
        }
        let mark = self.enter(x.body.span);
        if let Some(name) = &x.name {
            self.declare(&name.text, name.span, Ty::PATH, dir.flow, LocalKind::Bound);
        }
        let network = self.enter_network(x.network.as_ref(), head_word(span, "sandbox"));
        let body = self.statements(&x.body, Want { value: want.value, ty: None });
        self.checks.network_off = network;
        self.leave(mark);
        let value = if body.ends { Ty::NULL } else { body.ty };
        let branch = self.cx.types.optional(Ty::STRING);
        let ty = self.cx.types.record(vec![
            ("value".into(), value),
            ("patch".into(), Ty::STRING),
            ("branch".into(), branch),
        ]);
        (ir::Work::Block(body.ir), ty, body.flow, body.ends)
    }

    // ---- pure ---------------------------------------------------------------------------

    /// `if` in an expression: each way is one expression.
    pub fn pure_if(&mut self, x: &'a IfExpr, expected: Option<Ty>) -> Option<Typed> {
        let condition = self.check(&x.condition, Ty::BOOL);
        let facts = narrow::facts(&x.condition);
        let mark = self.enter(x.then.span);
        self.assume(&facts.when_true);
        let then = self.pure_block(&x.then, "if", expected);
        self.leave(mark);
        let mark = self.enter(x.otherwise.as_ref().map_or(x.then.span, else_span));
        self.assume(&facts.when_false);
        let otherwise = match &x.otherwise {
            Some(Else::Block(b)) => self.pure_block(b, "if", expected),
            Some(Else::If(e)) => match &e.kind {
                ExprKind::If(x) => {
                    let typed = self.pure_if(x, expected);
                    if let Some(typed) = &typed {
                        self.record_type(e.span, typed.ty, &typed.flow);
                    }
                    typed
                }
                _ => None,
            },
            None => {
                let at = x.then.span;
                let null = Typed::new(ir::Expr::Const(ir::Const::Null), Ty::NULL, Flow::default());
                match expected {
                    Some(ty) if !self.cx.types.nullable(ty) => {
                        let d = self
                            .diag(codes::MISMATCH, at, "an `if` that gives a value needs an `else`")
                            .label("and otherwise?");
                        self.report(d);
                        None
                    }
                    _ => Some(null),
                }
            }
        };
        self.leave(mark);
        let (then, otherwise) = (then?, otherwise?);
        let ty = match expected {
            Some(ty) => ty,
            None => self.join_values((then.ty, false), (otherwise.ty, false), x.then.span),
        };
        let flow = then.flow.join(&otherwise.flow);
        Some(Typed::new(ir::Expr::If(Box::new(condition.ir), Box::new(then.ir), Box::new(otherwise.ir)), ty, flow))
    }

    fn pure_block(&mut self, block: &'a Block, word: &str, expected: Option<Ty>) -> Option<Typed> {
        let mark = self.enter(block.span);
        let mut lets = Vec::new();
        let mut value = None;
        for (i, stmt) in block.stmts.iter().enumerate() {
            let last = i + 1 == block.stmts.len();
            match &stmt.kind {
                StmtKind::Let { name, ty, value } => {
                    let declared = ty.as_ref().map(|t| self.cx.resolve(self.module, t));
                    let typed = match declared {
                        Some(ty) => self.check(value, ty),
                        None => self.infer(value),
                    };
                    let index = self.declare(&name.text, name.span, typed.ty, typed.flow, LocalKind::Let);
                    lets.push((self.locals[index as usize].slot, typed.ir));
                }
                StmtKind::Expr(e, _) if last => {
                    value = Some(match expected {
                        Some(ty) => self.check(e, ty),
                        None => self.infer(e),
                    });
                }
                StmtKind::Error => {
                    self.leave(mark);
                    return None;
                }
                _ => {
                    self.inner_block(word, stmt.span);
                    self.leave(mark);
                    return None;
                }
            }
        }
        self.leave(mark);
        let Some(value) = value else {
            let d = self.diag(codes::MISMATCH, block.span, "this block gives no value").label("a value is needed here");
            self.report(d);
            return None;
        };
        let ir =
            lets.into_iter().rev().fold(value.ir, |body, (slot, v)| ir::Expr::Let(slot, Box::new(v), Box::new(body)));
        Some(Typed { ir, ..value })
    }

    /// `match` in an expression: each arm is one expression.
    pub fn pure_match(&mut self, x: &'a MatchExpr, span: Span, expected: Option<Ty>) -> Option<Typed> {
        let subject = self.infer(&x.subject);
        let mut coverage = Coverage::default();
        let mut arms = Vec::new();
        let mut flow = subject.flow.clone();
        let mut joined: Option<Ty> = None;
        let mut broken = false;
        for arm in &x.arms {
            let mark = self.enter(arm.span);
            let null_before = coverage.null;
            let pattern = self.pattern(&arm.pattern, &subject, &mut coverage, arm.guard.is_some());
            self.assume_in_arm(&x.subject, &pattern, null_before);
            let guard = arm.guard.as_ref().map(|g| self.check(g, Ty::BOOL).ir);
            let value = match &arm.body {
                ArmBody::Block(b) => self.pure_block(b, "match", expected),
                ArmBody::Expr(e) => Some(match expected {
                    Some(ty) => self.check(e, ty),
                    None => self.infer(e),
                }),
            };
            self.leave(mark);
            let Some(value) = value else {
                broken = true;
                continue;
            };
            flow.include(&value.flow);
            joined = Some(match (joined, expected) {
                (_, Some(ty)) => ty,
                (None, None) => value.ty,
                (Some(before), None) => self.join_values((before, false), (value.ty, false), arm.span),
            });
            arms.push(ir::ExprArm { pattern, guard, body: value.ir });
        }
        self.exhaustive(&coverage, subject.ty, span_of_head(span, &x.subject));
        if broken {
            return None;
        }
        let ir = ir::Expr::Match { subject: Box::new(subject.ir), arms };
        Some(Typed::new(ir, joined.unwrap_or(Ty::ERROR), flow))
    }
}

/// What follows `else`.
fn else_span(otherwise: &Else) -> Span {
    match otherwise {
        Else::Block(block) => block.span,
        Else::If(e) => e.span,
    }
}

/// From the keyword to the end of what follows it.
fn span_of_head(whole: Span, subject: &Expr) -> Span {
    Span { start: whole.start, end: subject.span.end }
}

/// The keyword at the start of a span.
pub(crate) fn head_word(whole: Span, word: &str) -> Span {
    Span { start: whole.start, end: (whole.start + word.len() as u32).min(whole.end) }
}
