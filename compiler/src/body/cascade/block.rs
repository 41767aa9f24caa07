//! Blocks and statements: their types, their values, and whether control reaches their end.

use cascade_grammar::ast::{AssignOp, Block, Clause, ClauseKind, Expr, ExprKind, IfExpr, Span, Stmt, StmtKind};
use cascade_ir as ir;

use super::CascadeChecker;
use crate::{
    body::{Typed, variables::Target},
    checks::{attributes, blocks, clauses, concurrency, reachability, style},
    flow::Flow,
    scope::{LocalKind, not_null_paths},
    types::{Ty, TyKind},
    world::Def,
};

/// What the context of a block expects of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    /// Whether its value is used.
    pub value: bool,
    /// The type that its value must have, if the context says so.
    pub ty: Option<Ty>,
}

impl Want {
    /// The value is not used.
    pub const NOTHING: Want = Want { value: false, ty: None };
}

/// A checked block.
pub(super) struct BlockOut {
    pub ir: ir::Block,
    pub ty: Ty,
    pub flow: Flow,
    /// Whether control never reaches its end: every path returns or fails.
    pub ends: bool,
}

impl CascadeChecker<'_> {
    /// Checks a block in a scope of its own.
    pub(super) fn check_block(&mut self, block: &Block, want: Want) -> BlockOut {
        let mark = self.body.enter_scope(block.span);
        let out = self.check_statements(block, want);
        self.body.leave_scope(mark);
        out
    }

    /// An IR block without statements.
    pub(super) fn empty_block(&self, span: Span) -> ir::Block {
        ir::Block { place: self.body.context.place(span), ..ir::Block::default() }
    }

    /// Checks the statements of a block in the current scope.
    pub(super) fn check_statements(&mut self, block: &Block, want: Want) -> BlockOut {
        let mut out = BlockOut { ir: self.empty_block(block.span), ty: Ty::NULL, flow: Flow::default(), ends: false };
        let mut reported = false;
        let count = block.stmts.len();
        let mut last_stage: Option<(ir::Slot, Ty, Flow)> = None;
        for (i, stmt) in block.stmts.iter().enumerate() {
            if let StmtKind::On { .. } = stmt.kind {
                continue;
            }
            if out.ends && !reported {
                reported = true;
                self.body.context.report(reachability::unreachable(self.body.context.view(), stmt, &block.stmts[..i]));
            }
            let last = i + 1 == count;
            if let (true, StmtKind::Expr(e, clauses)) = (last && want.value, &stmt.kind) {
                let typed = self.check_block_value(e, clauses, want, &mut out);
                if let Some(typed) = typed {
                    out.ty = typed.ty;
                    out.flow = typed.flow;
                    out.ir.value = Some(typed.ir);
                } else {
                    out.ty = Ty::NEVER;
                }
                return out;
            }
            let ends = self.check_statement(stmt, &mut out.ir.stmts, &mut last_stage);
            out.ends |= ends;
        }
        if out.ends {
            out.ty = Ty::NEVER;
        } else if let (true, Some((slot, ty, flow))) = (want.value, last_stage) {
            let value = Typed::new(ir::Expr::Slot(slot), ty, flow.clone());
            let value = match want.ty {
                Some(expected) => {
                    let span = block.stmts.last().map_or(block.span, |s| s.span);
                    self.body.coerce(value, expected, span)
                }
                None => value,
            };
            out.ty = value.ty;
            out.flow = flow;
            out.ir.value = Some(value.ir);
        } else if let (true, Some(expected)) = (want.value, want.ty)
            && !self.body.context.types.nullable(expected)
        {
            self.body.context.report(blocks::block_without_value(self.body.context.view(), expected, block.span));
            out.ty = Ty::ERROR;
        }
        out
    }

    /// Checks the last expression of a block, which is its value. Gives `None` when control never
    /// reaches the end of the expression.
    fn check_block_value(&mut self, e: &Expr, clauses: &[Clause], want: Want, out: &mut BlockOut) -> Option<Typed> {
        if is_block(e) {
            let (mut work, ty, flow, ends) = self.check_control(e, want)?;
            self.check_clauses_of_block(e, clauses, &mut work);
            out.ends |= ends;
            if ends {
                out.ir.stmts.push(ir::Stmt::Work(Box::new(work), None));
                return None;
            }
            let slot = self.body.scope.new_slot();
            out.ir.stmts.push(ir::Stmt::Work(Box::new(work), Some(slot)));
            return Some(Typed::new(ir::Expr::Slot(slot), ty, flow));
        }
        self.body.context.report(clauses::without_stage(self.body.context.view(), clauses));
        Some(match want.ty {
            Some(ty) => self.body.check(e, ty),
            None => self.body.infer(e),
        })
    }

    /// Checks a statement. Gives whether control never reaches its end.
    fn check_statement(
        &mut self,
        stmt: &Stmt,
        out: &mut Vec<ir::Stmt>,
        last_stage: &mut Option<(ir::Slot, Ty, Flow)>,
    ) -> bool {
        if !stmt.attributes.is_empty() {
            self.body.check_attributes(&stmt.attributes, attributes::Target::of_stmt(stmt));
        }
        match &stmt.kind {
            StmtKind::Error | StmtKind::On { .. } => false,
            StmtKind::Stage { name, ty, value, clauses } => {
                let stage = self.check_stage(stmt, name, ty.as_ref(), value, clauses);
                *last_stage = Some((stage.slot, stage.ty, stage.flow));
                let ends = stage.ends;
                out.push(stage.stmt);
                ends
            }
            StmtKind::Let { name, ty, value } => {
                let declared = ty.as_ref().map(|t| self.body.context.resolve_type(t));
                let typed = self.check_value(value, declared, out);
                self.body.context.report(style::value_name(self.body.context.view(), name));
                let typed = self.body.check_open_type(typed, value.span);
                let index = self.body.declare(&name.text, name.span, typed.ty, typed.flow, LocalKind::Let);
                out.push(ir::Stmt::Set(self.body.scope.slot(index), typed.ir));
                false
            }
            StmtKind::LetFields { fields, value } => {
                let typed = self.check_value(value, None, out);
                let whole = self.body.scope.new_slot();
                let fields = self.body.declare_fields(fields, &typed, whole);
                out.push(ir::Stmt::Set(whole, typed.ir));
                out.extend(fields.into_iter().map(|(slot, value)| ir::Stmt::Set(slot, value)));
                false
            }
            StmtKind::Var { name, ty, value } => {
                let declared = ty.as_ref().map(|t| self.body.context.resolve_type(t));
                let typed = self.check_value(value, declared, out);
                self.body.context.report(style::value_name(self.body.context.view(), name));
                let mut typed = self.body.check_open_type(typed, value.span);
                if declared.is_none() {
                    typed.ty = self.body.context.types.base(typed.ty);
                }
                let index = self.body.declare(&name.text, name.span, typed.ty, typed.flow, LocalKind::Var);
                out.push(ir::Stmt::Set(self.body.scope.slot(index), typed.ir));
                false
            }
            StmtKind::Assign { target, op, value } => {
                self.check_assignment(target, *op, value, out);
                false
            }
            StmtKind::Gate { condition, message } => {
                let value = self.body.check(condition, Ty::BOOL);
                let message = message.as_ref().map(|m| self.body.check_message(m, "a message"));
                out.push(ir::Stmt::Gate(value.ir, message, self.body.context.place(stmt.span)));
                let facts = not_null_paths(condition);
                self.body.assume_not_null(&facts.when_true);
                false
            }
            StmtKind::Warn { condition, message } => {
                let value = self.body.check(condition, Ty::BOOL);
                let message = message.as_ref().map(|m| self.body.check_message(m, "a message"));
                out.push(ir::Stmt::Warn(value.ir, message, self.body.context.place(stmt.span)));
                false
            }
            StmtKind::Fail(message) => {
                let message = self.body.check_message(message, "a message");
                out.push(ir::Stmt::Fail(message, self.body.context.place(stmt.span)));
                true
            }
            StmtKind::Log(message) => {
                let message = self.body.check_message(message, "a log line");
                out.push(ir::Stmt::Log(message, self.body.context.place(stmt.span)));
                false
            }
            StmtKind::Return(value) => {
                self.check_return(value.as_ref(), stmt.span, out);
                true
            }
            StmtKind::Expr(e, clauses) => self.check_expression_statement(e, clauses, out),
        }
    }

    /// Checks `return` and notes the flow of its value.
    fn check_return(&mut self, value: Option<&Expr>, span: Span, out: &mut Vec<ir::Stmt>) {
        if self.in_hook {
            self.body.context.report(blocks::return_in_hook(self.body.context.view(), span));
            if let Some(e) = value {
                self.body.infer(e);
            }
            return;
        }
        if self.body.surroundings.level > 0 {
            self.body.context.report(blocks::return_in_branch(self.body.context.view(), span));
        }
        let result = self.result;
        let typed = match value {
            Some(e) if result == Ty::NULL && !matches!(e.kind, ExprKind::Null) => self.infer_undeclared_result(e, out),
            Some(e) => self.check_value(e, Some(result), out),
            None => {
                self.body.context.report(blocks::return_without_value(self.body.context.view(), result, span));
                Typed::new(ir::Expr::Const(ir::Const::Null), Ty::NULL, Flow::default())
            }
        };
        self.result_flow.include(&typed.flow);
        out.push(ir::Stmt::Return(typed.ir));
    }

    /// Infers the value of `return` in a cascade that declares no result.
    fn infer_undeclared_result(&mut self, e: &Expr, out: &mut Vec<ir::Stmt>) -> Typed {
        let typed = self.check_value(e, None, out);
        if !matches!(typed.ty, Ty::ERROR | Ty::NULL) && !self.body.unreadable.header {
            self.body.context.report(reachability::undeclared_result(self.body.context.view(), typed.ty, e.span));
        }
        typed
    }

    /// Checks the value of `let`, `var`, `return` or an assignment: a pure expression, or a block.
    fn check_value(&mut self, e: &Expr, expected: Option<Ty>, out: &mut Vec<ir::Stmt>) -> Typed {
        if !is_block(e) {
            return match expected {
                Some(ty) => self.body.check(e, ty),
                None => self.body.infer(e),
            };
        }
        let want = Want { value: true, ty: expected };
        match self.check_control(e, want) {
            Some((work, ty, flow, _)) => {
                let slot = self.body.scope.new_slot();
                out.push(ir::Stmt::Work(Box::new(work), Some(slot)));
                Typed::new(ir::Expr::Slot(slot), ty, flow)
            }
            None => Typed::error(),
        }
    }

    /// Checks the clauses of a block that is no stage: only a sandbox has some of its own.
    fn check_clauses_of_block(&mut self, e: &Expr, clauses: &[Clause], work: &mut ir::Work) {
        let is_sandbox = matches!(e.kind, ExprKind::Sandbox(_));
        let is_its_own =
            |clause: &Clause| is_sandbox && matches!(clause.kind, ClauseKind::Discard | ClauseKind::Branch(_));
        let others: Vec<Clause> = clauses.iter().filter(|clause| !is_its_own(clause)).cloned().collect();
        self.body.context.report_all(clauses::repeated_clauses(self.body.context.view(), clauses));
        self.body.context.report(clauses::without_stage(self.body.context.view(), &others));
        self.check_sandbox_end(work, clauses);
    }

    /// Checks an expression that stands as a statement. Gives whether control never reaches its end.
    fn check_expression_statement(&mut self, e: &Expr, clauses: &[Clause], out: &mut Vec<ir::Stmt>) -> bool {
        if is_block(e) {
            let Some((mut work, _, _, ends)) = self.check_control(e, Want::NOTHING) else { return false };
            self.check_clauses_of_block(e, clauses, &mut work);
            out.push(ir::Stmt::Work(Box::new(work), None));
            // After `if x == null { return … }`, x is not null in the rest of the block.
            if let ExprKind::If(x) = &e.kind {
                self.assume_after_if(x, out.last());
            }
            return ends;
        }
        self.body.context.report(clauses::without_stage(self.body.context.view(), clauses));
        let typed = self.body.infer(e);
        if typed.ty != Ty::ERROR {
            self.body.context.report(blocks::unused_value(self.body.context.view(), e));
        }
        false
    }

    /// After an `if` one of whose branches ends the block, the condition of the other one holds.
    fn assume_after_if(&mut self, x: &IfExpr, lowered: Option<&ir::Stmt>) {
        let Some(ir::Stmt::Work(work, _)) = lowered else { return };
        let ir::Work::If(_, then, otherwise) = &**work else { return };
        let ends = |b: &ir::Block| b.stmts.iter().any(|s| matches!(s, ir::Stmt::Return(_) | ir::Stmt::Fail(_, _)));
        let facts = not_null_paths(&x.condition);
        if ends(then) {
            self.body.assume_not_null(&facts.when_false);
        } else if ends(otherwise) {
            self.body.assume_not_null(&facts.when_true);
        }
    }

    /// Checks `target = value` and `target += value`.
    fn check_assignment(&mut self, target: &Expr, op: AssignOp, value: &Expr, out: &mut Vec<ir::Stmt>) {
        // A memory's key.
        if let ExprKind::Field { receiver, .. } = &target.kind
            && let ExprKind::Name(base) = &receiver.kind
            && let Target::Declared(Def::Memory(_)) = self.body.probe(base)
        {
            return self.check_memory_assignment(target, op, value, out);
        }
        let mut fields = Vec::new();
        let mut root = target;
        while let ExprKind::Field { receiver, name, safe: false } = &root.kind {
            fields.push(name);
            root = receiver;
        }
        let ExprKind::Name(name) = &root.kind else {
            if !matches!(root.kind, ExprKind::Error) {
                self.body.context.report(blocks::not_assignable(self.body.context.view(), target.span));
            }
            self.body.infer(value);
            return;
        };
        let Some(index) = self.body.assignable_variable(name) else {
            self.body.infer(value);
            return;
        };
        self.body.scope.local_mut(index).used = true;
        if self.body.scope.local(index).level < self.body.surroundings.level {
            let declared = self.body.scope.local(index).span;
            self.body.context.report(concurrency::parallel_write(self.body.context.view(), name, declared));
        }
        self.writes.push(index);
        let place = self.infer_assigned_place(target);
        let typed = match op {
            AssignOp::Set => self.body.check(value, place.ty),
            AssignOp::Add => {
                let ty = place.ty;
                let value = self.check_addend(value, ty);
                let flow = place.flow.join(&value.flow);
                let ir = ir::Expr::Binary(
                    ir::BinaryOp::Add,
                    Box::new(place.ir),
                    Box::new(value.ir),
                    self.body.context.place(target.span),
                );
                let sum = Typed::new(ir, self.body.context.types.base(ty), flow);
                self.body.coerce(sum, ty, target.span)
            }
        };
        let local = self.body.scope.local_mut(index);
        local.flow.include(&typed.flow);
        let slot = local.slot;
        self.body.outcome.note_assignment(slot, &typed.flow);
        self.body.scope.forget_facts(index);
        if fields.is_empty() {
            out.push(ir::Stmt::Set(slot, typed.ir));
        } else {
            let path = fields.iter().rev().map(|n| n.text.clone()).collect();
            out.push(ir::Stmt::SetField(slot, path, typed.ir));
        }
    }

    /// Infers the declared type of an assigned place. A narrowed type does not restrict an assignment.
    fn infer_assigned_place(&mut self, target: &Expr) -> Typed {
        let facts = self.body.scope.take_facts();
        let typed = self.body.infer(target);
        self.body.scope.restore_facts(facts);
        typed
    }

    /// Checks the right side of `+=` for a place of a type.
    fn check_addend(&mut self, value: &Expr, ty: Ty) -> Typed {
        let base = self.body.context.types.base(ty);
        match self.body.context.types.kind(base) {
            TyKind::Int
            | TyKind::Float
            | TyKind::String
            | TyKind::Money
            | TyKind::Duration
            | TyKind::List(_)
            | TyKind::Map(_)
            | TyKind::Error => self.body.check(value, base),
            _ => {
                let typed = self.body.infer(value);
                self.body.context.report(blocks::not_addable(self.body.context.view(), ty, value.span));
                typed
            }
        }
    }

    /// Checks an assignment to a key of a memory.
    fn check_memory_assignment(&mut self, target: &Expr, op: AssignOp, value: &Expr, out: &mut Vec<ir::Stmt>) {
        let key = self.body.infer(target);
        let append = op == AssignOp::Add;
        let typed = if append { self.check_addend(value, key.ty) } else { self.body.check(value, key.ty) };
        let ir::Expr::Memory(memory, key) = key.ir else { return };
        if !append {
            self.body.set_memory(memory, key, target.span);
        }
        out.push(ir::Stmt::Remember {
            memory,
            key,
            append,
            value: typed.ir,
            place: self.body.context.place(target.span),
        });
    }
}

/// Whether an expression is of a kind that can hold stages.
pub(super) fn is_block(e: &Expr) -> bool {
    matches!(
        e.kind,
        ExprKind::If(_)
            | ExprKind::Match(_)
            | ExprKind::For(_)
            | ExprKind::Repeat(_)
            | ExprKind::Parallel(_)
            | ExprKind::Swarm(_)
            | ExprKind::Sandbox(_)
    )
}
