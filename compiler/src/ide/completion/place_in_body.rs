//! The place of the typed name in statements and expressions.

use cascade_grammar::ast::{
    ArmBody, Block, Clause, ClauseKind, Else, ErrorAction, Expr, ExprKind, MatchExpr, NetworkSetting, Pattern,
    PatternKind, RecordEntry, Span, Stmt, StmtKind, StrLit, StrPart, TypeExprKind,
};

use super::place::{Argument, Finder, Place, ValuePlace, is_typed_name, name_texts};
use crate::{index::TYPED_NAME, walk};

impl<'t> Finder<'t> {
    pub(super) fn block(&mut self, block: &'t Block) {
        for (number, stmt) in block.stmts.iter().enumerate() {
            self.value.ends_block = number + 1 == block.stmts.len();
            self.stmt(stmt);
        }
        self.value.ends_block = false;
    }

    /// A statement, without the expressions in it but with the blocks that they hold.
    fn stmt(&mut self, stmt: &'t Stmt) {
        if self.found.is_some() {
            return;
        }
        self.attributes(&stmt.attributes, None, Some(stmt));
        let outer = self.own;
        match &stmt.kind {
            StmtKind::Stage { name, ty, value, clauses } => {
                self.new_names([name]);
                ty.iter().for_each(|ty| self.ty(ty));
                self.own = Some(name.span);
                self.value.stage =
                    matches!(value.kind, ExprKind::Name(_) | ExprKind::Field { .. } | ExprKind::Call { .. });
                self.expr(value);
                self.value.stage = false;
                if let ExprKind::Call { callee, .. } = &value.kind {
                    self.value.stage_call = Some(callee);
                }
                self.clauses(clauses);
                self.value.stage_call = None;
            }
            StmtKind::Let { name, ty, value } | StmtKind::Var { name, ty, value } => {
                self.new_names([name]);
                ty.iter().for_each(|ty| self.ty(ty));
                self.own = Some(name.span);
                self.expr(value);
            }
            StmtKind::LetFields { fields, value } => {
                if fields.iter().any(|field| is_typed_name(&field.field)) {
                    let present = name_texts(fields.iter().map(|field| &field.field));
                    self.set(Place::RecordField { record: value.span, present });
                }
                self.new_names(fields.iter().filter_map(|field| field.binding.as_ref()));
                self.expr(value);
            }
            StmtKind::Assign { target, value, .. } => {
                self.expr(target);
                self.expr(value);
            }
            StmtKind::Gate { condition, message } | StmtKind::Warn { condition, message } => {
                self.expr(condition);
                message.iter().for_each(|e| self.expr(e));
            }
            StmtKind::Fail(e) | StmtKind::Log(e) => self.expr(e),
            StmtKind::Return(e) => e.iter().for_each(|e| self.expr(e)),
            StmtKind::Expr(e, clauses) => {
                self.value.starts_statement = true;
                self.expr(e);
                self.value.starts_statement = false;
                self.clauses(clauses);
            }
            StmtKind::On { event, param, body } => {
                self.word(event, &["success", "failure", "cancel", "error"]);
                self.new_names(param);
                self.block(body);
            }
            StmtKind::Error => {}
        }
        self.own = outer;
    }

    pub(super) fn clauses(&mut self, clauses: &'t [Clause]) {
        for clause in clauses {
            match &clause.kind {
                ClauseKind::Needs(names) => self.needs(names),
                ClauseKind::OnError { filter, binding, .. } => {
                    self.error_kinds(filter);
                    self.new_names(binding);
                }
                _ => {}
            }
        }
        for clause in clauses {
            let model = match &clause.kind {
                ClauseKind::Using(e) => Some(e),
                ClauseKind::OnError { action: ErrorAction::Use(e), .. } => Some(e),
                ClauseKind::OnError { action: ErrorAction::Fix { using, .. }, .. } => using.as_ref(),
                _ => None,
            };
            self.value.model = true;
            model.into_iter().for_each(|e| self.expr(e));
            self.value.model = false;
        }
        let mut expressions = Vec::new();
        walk::walk_clauses(clauses, &mut |e| expressions.push(e));
        self.visit(expressions);
    }

    pub(super) fn text(&mut self, text: &'t StrLit) {
        for part in &text.parts {
            if let StrPart::Hole { format, expr, .. } = part {
                if let Some(format) = format {
                    self.word(format, super::words::FORMATS);
                }
                // `as` before a word that is no format begins a type.
                walk::walk_expr(expr, &mut |e| {
                    if let ExprKind::Cast { ty, .. } = &e.kind
                        && let TypeExprKind::Named { path, .. } = &ty.kind
                        && let [name] = path.as_slice()
                    {
                        self.word(name, super::words::FORMATS);
                    }
                });
                if let ExprKind::Name(name) = &expr.kind
                    && is_typed_name(name)
                {
                    self.set(Place::Value(ValuePlace { own: self.own, ..ValuePlace::default() }));
                }
            }
        }
    }

    /// An expression with everything in it.
    pub(super) fn expr(&mut self, e: &'t Expr) {
        if self.found.is_some() {
            return;
        }
        let mut expressions = Vec::new();
        walk::walk_expr(e, &mut |e| expressions.push(e));
        self.visit(expressions);
    }

    /// Expressions, each before those in it.
    fn visit(&mut self, expressions: Vec<&'t Expr>) {
        let starts = std::mem::take(&mut self.value.starts_statement);
        for (number, e) in expressions.into_iter().enumerate() {
            if self.found.is_some() {
                return;
            }
            let first = number == 0;
            self.one_expr(e, starts && first);
            if first && !matches!(e.kind, ExprKind::Call { .. }) {
                // What a stage does is its outermost expression, or what that calls.
                self.value.stage = false;
            }
        }
        self.value.stage = false;
    }

    fn value_place(&self, change: impl FnOnce(&mut ValuePlace<'t>)) -> ValuePlace<'t> {
        let mut value = ValuePlace { own: self.own, ..self.value.clone() };
        change(&mut value);
        value
    }

    /// One expression: whether the typed name is a direct part of it.
    fn one_expr(&mut self, e: &'t Expr, starts: bool) {
        let is_typed = |e: &Expr| matches!(&e.kind, ExprKind::Name(name) if is_typed_name(name));
        match &e.kind {
            ExprKind::Name(name) if is_typed_name(name) => {
                let value = self.value_place(|v| v.starts_statement = starts);
                self.set(Place::Value(value));
            }
            ExprKind::Field { receiver, name, .. } if is_typed_name(name) => {
                let value = self.value_place(|_| {});
                self.set(Place::Member { receiver, value });
            }
            ExprKind::Field { receiver, name, .. } if is_typed(receiver) => {
                let value = self.value_place(|v| v.member = Some(&name.text));
                self.set(Place::Value(value));
            }
            ExprKind::Call { callee, args, .. } => {
                if is_typed(callee) {
                    let value = self.value_place(|v| {
                        (v.called, v.starts_statement, v.arguments) = (true, starts, Some(args.as_slice()))
                    });
                    self.set(Place::Value(value));
                }
                if let ExprKind::Field { receiver, name, .. } = &callee.kind
                    && is_typed_name(name)
                {
                    let value = self.value_place(|v| (v.called, v.arguments) = (true, Some(args.as_slice())));
                    self.set(Place::Member { receiver, value });
                }
                let names = || args.iter().filter_map(|arg| arg.name.as_ref());
                for (position, arg) in args.iter().enumerate() {
                    let unnamed = args.iter().take(position).take_while(|arg| arg.name.is_none()).count();
                    let argument = |name| Argument { callee, position, name, unnamed, present: name_texts(names()) };
                    let name = arg.name.as_ref();
                    if name.is_some_and(is_typed_name) {
                        let argument = Some(Argument { name: Some(TYPED_NAME), ..argument(None) });
                        self.set(Place::Value(ValuePlace { argument, ..ValuePlace::default() }));
                    }
                    if is_typed(&arg.value) || is_member(&arg.value) {
                        let argument = argument(name.map(|name| name.text.as_str()));
                        let value = self.value_place(|v| (v.argument, v.stage) = (Some(argument), false));
                        self.set_value(&arg.value, value);
                    }
                }
            }
            ExprKind::Binary(a, _, b) => {
                for (this, other) in [(a, b), (b, a)] {
                    if is_typed(this) || is_member(this) {
                        let value = self.value_place(|v| v.compared_with = Some(other.span));
                        self.set_value(this, value);
                    }
                }
            }
            ExprKind::Record(entries) => {
                for entry in entries {
                    let RecordEntry::Field { key, value, .. } = entry else { continue };
                    if is_typed_name(key) {
                        let keys = entries.iter().filter_map(|entry| match entry {
                            RecordEntry::Field { key, .. } => Some(key),
                            RecordEntry::Spread(_) => None,
                        });
                        self.set(Place::RecordKey { record: e.span, present: name_texts(keys) });
                    }
                    if is_typed(value) || is_member(value) {
                        let place = self.value_place(|v| v.key = Some(&key.text));
                        self.set_value(value, place);
                    }
                }
            }
            ExprKind::Str(text) | ExprKind::Command(text) => self.text(text),
            ExprKind::Cast { ty, .. } => self.ty(ty),
            ExprKind::Lambda { params, .. } => self.new_names(params),
            ExprKind::Match(x) => self.arms(x),
            ExprKind::If(x) => {
                self.block(&x.then);
                if let Some(Else::Block(block)) = &x.otherwise {
                    self.block(block);
                }
            }
            ExprKind::For(x) => {
                self.new_names([&x.item]);
                self.block(&x.body);
            }
            ExprKind::Repeat(x) => self.block(&x.body),
            ExprKind::Parallel(x) => self.block(&x.body),
            ExprKind::Swarm(x) => {
                x.topology.iter().for_each(|w| self.word(w, &["mesh", "star", "hierarchical"]));
                x.strategy.iter().for_each(|w| self.word(w, &["balanced", "specialized", "adaptive"]));
                self.server(x.via.as_ref());
                self.block(&x.body);
            }
            ExprKind::Sandbox(x) => {
                if let Some(NetworkSetting::Word(word)) = &x.network {
                    self.word(word, &["on", "off"]);
                }
                self.new_names(&x.name);
                self.block(&x.body);
            }
            _ => {}
        }
    }

    /// A value that is the typed name, or ends with it after a dot.
    fn set_value(&mut self, e: &'t Expr, value: ValuePlace<'t>) {
        match &e.kind {
            ExprKind::Field { receiver, .. } => self.set(Place::Member { receiver, value }),
            _ => self.set(Place::Value(value)),
        }
    }

    fn arms(&mut self, x: &'t MatchExpr) {
        let present = || {
            let variants = x.arms.iter().filter_map(|arm| match &arm.pattern.kind {
                PatternKind::Variant { name, .. } => Some(name),
                _ => None,
            });
            name_texts(variants)
        };
        for arm in &x.arms {
            self.pattern(&arm.pattern, x.subject.span, &present);
            match &arm.body {
                ArmBody::Block(block) | ArmBody::Statement(block) => {
                    self.block(block);
                }
                ArmBody::Expr(_) => {}
            }
        }
    }

    fn pattern(&mut self, pattern: &'t Pattern, subject: Span, present: &dyn Fn() -> Vec<&'t str>) {
        match &pattern.kind {
            PatternKind::Variant { name, fields } => {
                if is_typed_name(name) {
                    self.set(Place::Pattern { subject, present: present() });
                }
                let fields = fields.iter().flatten();
                if fields.clone().any(|field| is_typed_name(&field.field)) {
                    let present = name_texts(fields.clone().map(|field| &field.field));
                    self.set(Place::VariantField { subject, variant: &name.text, present });
                }
                self.new_names(fields.filter_map(|field| field.binding.as_ref()));
            }
            PatternKind::OneOf(patterns) => patterns.iter().for_each(|p| self.pattern(p, subject, present)),
            _ => {}
        }
    }
}

/// Whether an expression is a field access with the typed name.
fn is_member(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Field { name, .. } if is_typed_name(name))
}
