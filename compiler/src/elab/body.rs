//! The context of one body: its variables, what is known of them, where its slots are.

use rustc_hash::FxHashMap as HashMap;

use cascade_grammar::ast::{self, Expr, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{Cx, Def, ParamInfo, narrow::Fact};
use crate::{
    checks,
    codes::{self, Code},
    diagnostic::Diagnostic,
    flow::{Flow, ProgramParam},
    index::{self, Builtin, Callable, Symbol, TypedSpan, Variable},
    source::SourceId,
    types::Ty,
};

/// An expression with what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub ir: ir::Expr,
    pub ty: Ty,
    pub flow: Flow,
}

impl Typed {
    pub fn new(ir: ir::Expr, ty: Ty, flow: Flow) -> Self {
        Self { ir, ty, flow }
    }
    /// What stands for an expression that is wrong: it fits everywhere.
    pub fn error() -> Self {
        Self::new(ir::Expr::Const(ir::Const::Null), Ty::ERROR, Flow::default())
    }
}

/// How a variable came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalKind {
    Param,
    Let,
    Var,
    Stage,
    /// Bound by a loop, a pattern, a lambda, a hook.
    Bound,
}

/// A variable.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub name: SmolStr,
    pub slot: ir::Slot,
    pub ty: Ty,
    pub flow: Flow,
    pub kind: LocalKind,
    pub span: Span,
    pub used: bool,
    /// How many parallel branches or iterations enclose its declaration.
    pub level: u32,
    /// Its identity in the index.
    pub symbol: Symbol,
}

/// What a name in a body stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A variable, by its index.
    Local(u32),
    /// Something that is declared in a file.
    Declared(Def),
    /// Nothing.
    Unknown,
}

/// Where a scope begins, among the variables and facts, and where in the text it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    locals: usize,
    facts: usize,
    end: u32,
}

/// Where a body stands: what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value that must be known beforehand.
    Closed,
    /// A `fn`, a predicate.
    Fn,
    /// A skill.
    Skill,
    /// A cascade.
    Cascade,
    /// A test: pure, but it sees memory.
    Test,
}

/// A construct found that this version does not run.
pub(crate) type NotYet = ir::Unsupported;

pub(crate) struct Body<'c, 'a> {
    pub cx: &'c mut Cx<'a>,
    pub module: usize,
    pub kind: Kind,
    pub locals: Vec<Local>,
    names: HashMap<SmolStr, Vec<u32>>,
    /// Names whose scope has ended, for the message that a value may not be set.
    pub ended: HashMap<SmolStr, Span>,
    pub slots: u32,
    pub facts: Vec<Fact>,
    /// The declared result of the cascade.
    pub result: Ty,
    /// What returned values are made of.
    pub result_flow: Flow,
    /// How many parallel branches or iterations enclose the current place.
    pub level: u32,
    /// Whether the current place is in `on success`, `on failure` or `on cancel`.
    pub in_hook: bool,
    /// Locals read since the list was last taken: the edges of a `parallel`.
    pub reads: Vec<u32>,
    /// How often each path of a stage occurred so far, to keep paths unique.
    pub stage_names: HashMap<String, u32>,
    /// The path of the enclosing named stages and loops.
    pub prefix: String,
    /// Parameters that choose a program, as calls show.
    pub program: Vec<ProgramParam>,
    pub not_yet: Vec<NotYet>,
    /// What the checks remember.
    pub checks: checks::State,
    /// Names that were reported already, whatever they mean here.
    pub broken: Vec<SmolStr>,
    /// Whether the parameters could not be read: then no name is known to be missing.
    pub header_broken: bool,
    /// What it is the body of, where that has parameters.
    pub of: Option<Callable>,
    /// Where its text ends.
    pub end: u32,
    /// Why a command of the body reads its standard input as code, if one does.
    pub stdin_code: Option<cascade_shell::Reason>,
}

impl<'c, 'a> Body<'c, 'a> {
    pub fn new(cx: &'c mut Cx<'a>, module: usize, kind: Kind) -> Self {
        Self {
            cx,
            module,
            kind,
            locals: Vec::new(),
            names: HashMap::default(),
            ended: HashMap::default(),
            slots: 0,
            facts: Vec::new(),
            result: Ty::NULL,
            result_flow: Flow::default(),
            level: 0,
            in_hook: false,
            reads: Vec::new(),
            stage_names: HashMap::default(),
            prefix: String::new(),
            program: Vec::new(),
            not_yet: Vec::new(),
            checks: checks::State::default(),
            broken: Vec::new(),
            header_broken: false,
            of: None,
            end: 0,
            stdin_code: None,
        }
    }

    /// The predicate of a refined type over `it`, and the slots that it needs.
    pub fn predicate(cx: &'c mut Cx<'a>, module: usize, base: Ty, predicate: &'a Expr) -> (ir::Expr, u32) {
        let mut body = Body::new(cx, module, Kind::Fn);
        body.declare_implicit("it", predicate.span, base);
        let value = body.check(predicate, Ty::BOOL);
        body.record_variables(predicate.span.end);
        (value.ir, body.slots)
    }

    /// A value without variables: a default, a memory's first value.
    pub fn closed(cx: &'c mut Cx<'a>, module: usize, value: &'a Expr, ty: Ty) -> ir::Expr {
        let mut body = Body::new(cx, module, Kind::Closed);
        body.check(value, ty).ir
    }

    /// The body of a `fn`.
    pub fn function(
        cx: &'c mut Cx<'a>,
        module: usize,
        of: Callable,
        decl: &'a ast::FnDecl,
        params: &[ParamInfo],
        result: Ty,
    ) -> ir::Function {
        let mut body = Body::new(cx, module, Kind::Fn);
        body.header_broken = body.cx.header_broken(module, decl.name.span.end, decl.body.span.start);
        (body.of, body.end) = (Some(of), decl.body.span.end);
        for (i, (param, ast)) in params.iter().zip(&decl.params).enumerate() {
            body.declare(&param.name, ast.name.span, param.ty, Flow::of_param(i), LocalKind::Param);
        }
        let value = body.check(&decl.body, result);
        body.unused();
        ir::Function { name: decl.name.text.clone(), params: params.len() as u32, slots: body.slots, body: value.ir }
    }

    /// Declares the parameters of a skill or a cascade, in the first slots.
    pub fn params(&mut self, sig: &super::Signature, decls: &'a [ast::Param]) -> Vec<ir::Param> {
        self.of = Some(sig.of);
        let mut out = Vec::new();
        for (i, (param, decl)) in sig.params.iter().zip(decls).enumerate() {
            let local = self.declare(&param.name, decl.name.span, param.ty, Flow::of_param(i), LocalKind::Param);
            out.push(ir::Param {
                name: param.name.clone(),
                ty: self.cx.types.lower(param.ty),
                doc: param.doc.clone(),
                default: param.default.clone(),
                slot: self.locals[local as usize].slot,
            });
        }
        out
    }

    // ---- reporting ----------------------------------------------------------------------

    pub fn diag(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        self.cx.diag(self.module, code, span, message)
    }
    pub fn report(&mut self, d: Diagnostic) {
        self.cx.report(d);
    }
    pub fn place(&self, span: Span) -> ir::Place {
        self.cx.place(self.module, span)
    }
    pub fn source(&self) -> SourceId {
        self.cx.source(self.module)
    }
    pub fn show(&self, ty: Ty) -> String {
        self.cx.types.show(ty)
    }

    /// Notes a construct that this version checks but does not run, and warns of it.
    pub fn not_yet(&mut self, construct: &str, span: Span) -> ir::Unsupported {
        let unsupported = ir::Unsupported { construct: construct.to_owned(), place: self.place(span) };
        self.not_yet.push(unsupported.clone());
        if !self.cx.modules[self.module].std {
            let d = self
                .diag(codes::NOT_YET, span, format!("this version checks `{construct}` but cannot run it yet"))
                .label("a run that reaches this is refused before it starts");
            self.report(d);
        }
        unsupported
    }

    // ---- variables ----------------------------------------------------------------------

    pub fn new_slot(&mut self) -> ir::Slot {
        self.slots += 1;
        ir::Slot(self.slots - 1)
    }

    /// Declares a variable and gives its index among the locals.
    pub fn declare(&mut self, name: &str, span: Span, ty: Ty, flow: Flow, kind: LocalKind) -> u32 {
        let slot = self.new_slot();
        self.declare_at(name, span, ty, flow, kind, slot)
    }

    pub fn declare_at(&mut self, name: &str, span: Span, ty: Ty, flow: Flow, kind: LocalKind, slot: ir::Slot) -> u32 {
        let index = self.locals.len() as u32;
        if let Some(previous) = self.find(name) {
            let previous = &self.locals[previous as usize];
            // A parameter that is there twice is reported with the signature.
            let both_params = kind == LocalKind::Param && previous.kind == LocalKind::Param;
            let both_bound =
                kind == LocalKind::Bound && previous.kind == LocalKind::Bound && self.kind != Kind::Cascade;
            if !name.is_empty() && name != "_" && !both_bound && !both_params {
                let (span_before, message) = (previous.span, format!("`{name}` is already the name of a value here"));
                let source = self.source();
                let d = self
                    .diag(codes::DUPLICATE, span, message)
                    .label("again here")
                    .also(source, span_before, "first here")
                    .help("give one of them another name; a `var` is changed by `name = value`");
                self.report(d);
            } else if both_bound && name != "_" {
                let span_before = previous.span;
                self.warn_shadow(name, span, kind, Some(span_before));
            }
        } else if !name.is_empty() {
            self.warn_shadow(name, span, kind, None);
        }
        let flow = match kind {
            LocalKind::Let | LocalKind::Var | LocalKind::Bound if flow.untrusted.is_some() && !name.is_empty() => {
                self.carried(flow, span)
            }
            _ => flow,
        };
        let symbol = match (kind, self.of) {
            (LocalKind::Param, Some(of)) => Symbol::Param { of, index },
            _ => {
                let symbol = Symbol::Variable { module: self.module as u32, start: span.start };
                self.cx.record_definition(self.module, span, symbol);
                symbol
            }
        };
        let name_kept = SmolStr::new(name);
        self.locals.push(Local { name: name_kept, slot, ty, flow, kind, span, used: false, level: self.level, symbol });
        if !name.is_empty() && name != "_" {
            self.names.entry(SmolStr::new(name)).or_default().push(index);
        }
        index
    }

    /// Declares what is there whether or not anybody reads it.
    pub fn declare_given(&mut self, name: &str, span: Span, ty: Ty, symbol: Symbol) -> ir::Slot {
        let (slot, index) = (self.new_slot(), self.locals.len() as u32);
        let (name, flow, kind) = (SmolStr::new(name), Flow::default(), LocalKind::Bound);
        let level = self.level;
        self.locals.push(Local { name: name.clone(), slot, ty, flow, kind, span, used: true, level, symbol });
        self.names.entry(name).or_default().push(index);
        slot
    }

    /// Declares a variable whose name nobody writes: `it`, `output`, `result`. The span is what
    /// gives it its value. Whether it is read does not matter.
    pub fn declare_implicit(&mut self, name: &str, span: Span, ty: Ty) -> u32 {
        let recorder = self.cx.recorder.take();
        let index = self.declare(name, span, ty, Flow::default(), LocalKind::Bound);
        self.cx.recorder = recorder;
        let local = &mut self.locals[index as usize];
        local.used = true;
        let symbol = local.symbol;
        if let Some(recorder) = &mut self.cx.recorder {
            recorder.define(self.module, span, symbol, false);
        }
        index
    }

    // ---- names --------------------------------------------------------------------------

    /// What a name stands for here. The door for names: what is found is used by this, and the
    /// index learns of it.
    pub fn resolve(&mut self, name: &ast::Name) -> Target {
        if let Some(index) = self.find(&name.text) {
            let symbol = self.locals[index as usize].symbol;
            self.cx.record_use(self.module, name.span, symbol);
            return Target::Local(index);
        }
        self.cx.resolve_name(self.module, name).map_or(Target::Unknown, Target::Declared)
    }

    /// What a name would stand for here; it is not used by the question.
    pub fn probe(&self, name: &ast::Name) -> Target {
        match self.find(&name.text) {
            Some(index) => Target::Local(index),
            None => self.cx.probe(self.module, &name.text).map_or(Target::Unknown, Target::Declared),
        }
    }

    /// What a callee is, when it is declared in a file: `name`, or `module.name`. Only asks.
    pub fn probe_callee(&self, callee: &Expr) -> Option<Def> {
        match &callee.kind {
            ast::ExprKind::Name(name) => match self.probe(name) {
                Target::Declared(def) => Some(def),
                _ => None,
            },
            ast::ExprKind::Field { receiver, name, .. } => match &receiver.kind {
                ast::ExprKind::Name(base) => match self.probe(base) {
                    Target::Declared(Def::Module(other)) => self.cx.exported(other, &name.text),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// Records what a name stands for that is found by other ways than [`Body::resolve`].
    pub fn record_use(&mut self, span: Span, symbol: Symbol) {
        self.cx.record_use(self.module, span, symbol);
    }

    /// Records a name that the language gives.
    pub fn record_builtin(&mut self, span: Span, builtin: Builtin) {
        self.cx.record_use(self.module, span, Symbol::Builtin(builtin));
    }

    /// Records a word whose meaning the language gives.
    pub fn record_word(&mut self, word: &ast::Name) {
        self.record_builtin(word.span, Builtin::Word);
    }

    /// Records the use of a field of a record.
    pub fn record_field_use(&mut self, record: Ty, name: &ast::Name) {
        if self.cx.recorder.is_some()
            && let Some(symbol) = index::field_symbol(&self.cx.types, record, &name.text)
        {
            self.record_use(name.span, symbol);
        }
    }

    /// Records the type of an expression.
    pub fn record_type(&mut self, span: Span, ty: Ty, flow: &Flow) {
        if let Some(recorder) = &mut self.cx.recorder {
            recorder.record_type(self.module, TypedSpan { span, ty, untrusted: flow.untrusted.is_some() });
        }
    }

    /// Records the variables that end where the body ends.
    fn record_variables(&mut self, end: u32) {
        let Some(recorder) = &mut self.cx.recorder else { return };
        for local in &self.locals {
            let untrusted = local.flow.untrusted.is_some();
            let variable = Variable { span: local.span, ty: local.ty, scope_end: end, untrusted };
            recorder.record_variable(self.module, variable);
        }
    }

    /// The index of the variable that a name means here.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.names.get(name).and_then(|v| v.last()).copied()
    }

    /// Names of all variables that can be seen here.
    pub fn visible(&self) -> Vec<SmolStr> {
        self.names.iter().filter(|(_, v)| !v.is_empty()).map(|(n, _)| n.clone()).collect()
    }

    /// Begins a scope that ends with the given text; its mark is given to [`Body::leave`].
    pub fn enter(&self, text: Span) -> Mark {
        Mark { locals: self.locals.len(), facts: self.facts.len(), end: text.end }
    }

    /// Ends the scope that began at the mark.
    pub fn leave(&mut self, Mark { locals, facts, end }: Mark) {
        while self.locals.len() > locals {
            let Some(local) = self.locals.pop() else { break };
            if let Some(recorder) = &mut self.cx.recorder {
                let untrusted = local.flow.untrusted.is_some();
                let variable = Variable { span: local.span, ty: local.ty, scope_end: end, untrusted };
                recorder.record_variable(self.module, variable);
            }
            if let Some(indexes) = self.names.get_mut(&local.name) {
                indexes.pop();
            }
            self.warn_unused(&local);
            if matches!(local.kind, LocalKind::Stage | LocalKind::Let | LocalKind::Var) {
                self.ended.insert(local.name, local.span);
            }
        }
        self.facts.truncate(facts);
    }

    /// Ends the whole body: warns of what was never used.
    pub fn unused(&mut self) {
        self.leave(Mark { locals: 0, facts: 0, end: self.end });
    }
}
