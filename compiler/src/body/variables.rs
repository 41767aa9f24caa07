//! Variables of a body: their declarations, what names stand for, and the ends of scopes.

use cascade_grammar::ast::{Expr, ExprKind, Name, Param, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{BodyChecker, BodyKind, Typed};
use crate::{
    checks::{names, reachability, style, types},
    codes,
    flow::{Flow, ParamSet},
    index::{Symbol, Variable},
    scope::{Local, LocalKind, Mark, Path, Scope},
    types::Ty,
    world::{Def, Signature},
};

/// What a name in a body stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A variable, by its number.
    Local(u32),
    /// Something that is declared in a file.
    Declared(Def),
    /// Nothing.
    Unknown,
}

impl BodyChecker<'_> {
    // ---- declarations -------------------------------------------------------------------

    /// Declares the parameters of a skill or a cascade, in the first slots.
    pub(super) fn declare_params(&mut self, signature: &Signature, decls: &[Param]) -> Vec<ir::Param> {
        self.of = Some(signature.of);
        let mut out = Vec::new();
        for (i, (param, decl)) in signature.params.iter().zip(decls).enumerate() {
            let local = self.declare(&param.name, decl.name.span, param.ty, Flow::of_param(i), LocalKind::Param);
            out.push(ir::Param {
                name: param.name.clone(),
                ty: self.context.types.lower(param.ty),
                doc: param.doc.clone(),
                default: param.default.clone(),
                slot: self.scope.slot(local),
            });
        }
        out
    }

    /// Declares a variable and gives its number.
    pub(super) fn declare(&mut self, name: &str, span: Span, ty: Ty, flow: Flow, kind: LocalKind) -> u32 {
        self.check_redeclaration(name, span, kind);
        let symbol = match (kind, self.of) {
            (LocalKind::Param, Some(of)) => Symbol::Param { of, index: self.scope.len() as u32 },
            _ => {
                let symbol = self.variable_symbol(span);
                self.context.record_definition(span, symbol);
                symbol
            }
        };
        self.add_variable(name, span, ty, flow, kind, symbol)
    }

    /// Declares the variable of a pattern or a loop and gives its slot.
    pub(super) fn declare_bound(&mut self, name: &Name, ty: Ty, flow: Flow) -> ir::Slot {
        let index = self.declare(&name.text, name.span, ty, flow, LocalKind::Bound);
        self.scope.slot(index)
    }

    /// Declares a variable that is there whether or not anybody reads it, and may hide another.
    pub(super) fn declare_given(&mut self, name: &str, span: Span, ty: Ty, symbol: Symbol) -> ir::Slot {
        let index = self.add_variable(name, span, ty, Flow::default(), LocalKind::Bound, symbol);
        self.scope.local_mut(index).used = true;
        self.scope.slot(index)
    }

    /// Declares a variable whose name is not written: `it`, `output`, `result`. The span is what
    /// gives it its value. Whether it is read does not matter.
    pub(super) fn declare_implicit(&mut self, name: &str, span: Span, ty: Ty) -> u32 {
        self.check_redeclaration(name, span, LocalKind::Bound);
        let (module, symbol) = (self.context.module, self.variable_symbol(span));
        let index = self.add_variable(name, span, ty, Flow::default(), LocalKind::Bound, symbol);
        self.scope.local_mut(index).used = true;
        self.context.recorder().record_implicit_definition(module, span, symbol);
        index
    }

    fn variable_symbol(&self, span: Span) -> Symbol {
        Symbol::Variable { module: self.context.module as u32, start: span.start }
    }

    fn add_variable(&mut self, name: &str, span: Span, ty: Ty, mut flow: Flow, kind: LocalKind, symbol: Symbol) -> u32 {
        if let (LocalKind::Let | LocalKind::Var | LocalKind::Bound, Some(untrusted)) = (kind, &mut flow.untrusted)
            && !name.is_empty()
        {
            // From now on, this variable carries it.
            untrusted.carried = Some((self.context.world.files.source(self.context.module), span));
        }
        let (name, slot, level) = (SmolStr::new(name), self.scope.new_slot(), self.surroundings.level);
        self.scope.add(Local { name, slot, ty, flow, kind, span, used: false, level, symbol, gives_nothing: false })
    }

    /// Reports a variable whose name another variable has, and warns of one that hides something.
    fn check_redeclaration(&mut self, name: &str, span: Span, kind: LocalKind) {
        if name.is_empty() {
            return;
        }
        let Some(previous) = self.scope.find(name).map(|index| self.scope.local(index)) else {
            return self.context.report(style::shadowing(self.context.view(), name, span, kind, None));
        };
        let before = previous.span;
        // A parameter that is there twice is reported with the signature.
        let both_params = kind == LocalKind::Param && previous.kind == LocalKind::Param;
        let both_bound =
            kind == LocalKind::Bound && previous.kind == LocalKind::Bound && self.kind != BodyKind::Cascade;
        if name == "_" || both_params {
            return;
        }
        if both_bound {
            return self.context.report(style::shadowing(self.context.view(), name, span, kind, Some(before)));
        }
        let d = self
            .context
            .diagnostic(codes::DUPLICATE, span, format!("`{name}` is already the name of a value here"))
            .label("again here")
            .also_at(self.context.source(), before, "first here")
            .help("give one of them another name; a `var` is changed by `name = value`");
        self.context.report(d);
    }

    /// Reports a variable whose type would stay open; its type then fits everywhere.
    pub(super) fn check_open_type(&mut self, typed: Typed, span: Span) -> Typed {
        match types::open_type(self.context.view(), typed.ty, span) {
            Some(d) => {
                self.context.report(d);
                Typed { ty: Ty::ERROR, ..typed }
            }
            None => typed,
        }
    }

    // ---- scopes -------------------------------------------------------------------------

    /// Begins a scope that ends with the given text; its mark is given to [`BodyChecker::leave_scope`].
    pub(super) fn enter_scope(&self, text: Span) -> Mark {
        self.scope.enter(text)
    }

    /// Ends the scope that began at the mark; warns of variables that nothing read.
    pub(super) fn leave_scope(&mut self, mark: Mark) {
        for local in self.scope.leave(mark) {
            self.record_variable(&local, mark.end);
            self.context.report(style::unused_variable(self.context.view(), &local));
        }
    }

    /// Ends the scope of the whole body, whose text ends at an offset.
    pub(super) fn leave_body(&mut self, end: u32) {
        self.leave_scope(Scope::outermost(end));
    }

    /// Records a variable whose scope ends at an offset.
    pub(super) fn record_variable(&mut self, local: &Local, end: u32) {
        let (module, untrusted) = (self.context.module, local.flow.untrusted.is_some());
        let variable = Variable { name: local.name.clone(), span: local.span, ty: local.ty, scope_end: end, untrusted };
        self.context.recorder().record_variable(module, variable);
    }

    // ---- names --------------------------------------------------------------------------

    /// What a name stands for here. What is found is used by this, and the index learns of it.
    pub(super) fn resolve(&mut self, name: &Name) -> Target {
        if let Some(index) = self.scope.find(&name.text) {
            let symbol = self.scope.local(index).symbol;
            self.context.record_use(name.span, symbol);
            return Target::Local(index);
        }
        self.context.resolve_declared(name).map_or(Target::Unknown, Target::Declared)
    }

    /// What a name would stand for here; it is not used by the question.
    pub(super) fn probe(&self, name: &Name) -> Target {
        match self.scope.find(&name.text) {
            Some(index) => Target::Local(index),
            None => {
                self.context.world.find_name(self.context.module, &name.text).map_or(Target::Unknown, Target::Declared)
            }
        }
    }

    /// What a name would stand for where it is called: a stage may be named like the skill, the cascade or the
    /// fn that it calls.
    pub(super) fn probe_called(&self, name: &Name) -> Target {
        match (self.probe(name), self.context.world.find_name(self.context.module, &name.text)) {
            (Target::Local(_), Some(def @ (Def::Skill(_) | Def::Cascade(_) | Def::Fn(_)))) => Target::Declared(def),
            (target, _) => target,
        }
    }

    /// What a callee is, when it is declared in a file: `name`, or `module.name`. Only asks.
    fn probe_callee(&self, callee: &Expr) -> Option<Def> {
        match &callee.kind {
            ExprKind::Name(name) => match self.probe_called(name) {
                Target::Declared(def) => Some(def),
                _ => None,
            },
            ExprKind::Field { receiver, name, .. } => match &receiver.kind {
                ExprKind::Name(base) => match self.probe(base) {
                    Target::Declared(Def::Module(other)) => self.context.world.find_exported(other, &name.text),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a call is one that only a stage may make.
    pub(super) fn is_stage_call(&self, callee: &Expr) -> bool {
        matches!(self.probe_callee(callee), Some(Def::Skill(_) | Def::Cascade(_)))
    }

    /// Reports a name that is no value here.
    pub(super) fn report_unknown_value(&mut self, name: &Name) {
        if self.unreadable.header || self.unreadable.names.contains(&name.text) {
            return;
        }
        let d = match names::explained_unknown_value(self.context.view(), &self.scope, name) {
            Some(d) => d,
            None => {
                let may_suggest = self.context.may_suggest();
                names::unknown_value(self.context.view(), &self.scope, name, may_suggest)
            }
        };
        self.context.report(d);
    }

    /// Reports a name that stands for nothing where a declaration is wanted.
    pub(super) fn report_unknown_declaration(&mut self, name: &Name, wanted: &str) {
        let may_suggest = self.context.may_suggest();
        self.context.report(names::unknown_declaration(self.context.view(), name, wanted, may_suggest));
    }

    /// Reports a name that another module does not give.
    pub(super) fn report_not_exported(&mut self, other: usize, name: &Name) {
        let may_suggest = self.context.may_suggest();
        self.context.report(names::not_exported(self.context.view(), other, name, may_suggest));
    }

    /// The value of a variable.
    pub(super) fn read_variable(&mut self, name: &Name, index: u32) -> Typed {
        if self.surroundings.unset_in_hook.contains(&index) {
            self.context.report(reachability::read_unset(self.context.view(), name, self.scope.local(index).span));
        }
        self.reads.push(index);
        let local = self.scope.local_mut(index);
        local.used = true;
        let (slot, ty, mut flow) = (local.slot, local.ty, local.flow.clone());
        if local.kind == LocalKind::Var {
            flow.variables.include(&ParamSet::single(slot.0 as usize));
        }
        let ty = self.scope.narrowed_type(&Path { local: index, fields: Vec::new() }).unwrap_or(ty);
        Typed::new(ir::Expr::Slot(slot), ty, flow)
    }

    /// The number of a variable that may be assigned; reports one that may not.
    pub(super) fn assignable_variable(&mut self, name: &Name) -> Option<u32> {
        let Target::Local(index) = self.probe(name) else {
            if matches!(self.probe(name), Target::Unknown)
                && !self.unreadable.header
                && !self.unreadable.names.contains(&name.text)
            {
                let d = self
                    .context
                    .diagnostic(codes::UNKNOWN_NAME, name.span, format!("there is no variable `{}`", name.text))
                    .label("not declared")
                    .help(format!("write `let {0} = …`, or `var {0} = …` for what changes", name.text));
                self.context.report(d);
                self.unreadable.names.push(name.text.clone());
            } else {
                self.report_unknown_value(name);
            }
            return None;
        };
        let local = self.scope.local(index);
        if local.kind == LocalKind::Var {
            return Some(index);
        }
        let d = self
            .context
            .diagnostic(codes::NOT_ASSIGNABLE, name.span, format!("`{}` cannot be changed", name.text))
            .label("not a `var`")
            .also_at(self.context.source(), local.span, "set here");
        self.context.report(match local.kind {
            LocalKind::Let => d.help(format!("declare it with `var {} = …`", name.text)),
            _ => d,
        });
        None
    }

    /// Holds for the rest of the scope that these are not null.
    pub(super) fn assume_not_null(&mut self, paths: &[&Expr]) {
        self.scope.assume_not_null(self.context.types, paths);
    }
}
