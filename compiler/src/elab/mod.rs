//! Elaboration: one walk over each declaration resolves names, infers types, checks, and writes
//! the instructions. What a program means is decided here and nowhere else.
//!
//! Order: [`collect`] gives every declaration an id and every module its scope; [`declare`]
//! resolves types and signatures; then the bodies, callees before callers, so that what is known
//! of a callee (does it return untrusted text, does it choose a program by an argument) is
//! known at its calls; [`finish`] draws the conclusions that need the whole program.

pub(crate) mod access;
pub(crate) mod block;
pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod cascade;
pub(crate) mod clauses;
mod collect;
pub(crate) mod control;
pub(crate) mod declare;
pub(crate) mod expr;
pub(crate) mod finish;
pub(crate) mod lambda;
pub(crate) mod literal;
pub(crate) mod methods;
pub(crate) mod models;
pub(crate) mod narrow;
pub(crate) mod operators;
pub(crate) mod parallel;
pub(crate) mod pattern;
pub(crate) mod shell;
pub(crate) mod skill;
pub(crate) mod stage;
pub(crate) mod tests_block;
pub(crate) mod text;
pub(crate) mod typeexpr;

use std::{cell::Cell, rc::Rc};

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use cascade_grammar::ast::{self, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use crate::checks::Effects;
use crate::flow::{CascadeFlow, SkillFlow};
use crate::index::{Builtin, Callable, Index, Recorder, Symbol};
use crate::{
    codes::{self, Code},
    cost,
    diagnostic::{Diagnostic, Severity},
    module::Module,
    source::{SourceId, SourceMap},
    types::{Ty, TyKind, TypeDefKind, Types},
};

/// What a name of a module stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Def {
    Type(ir::TypeId),
    Model(ir::ModelId),
    Route(ir::RouteId),
    Mcp(u32),
    Skill(ir::SkillId),
    Fn(ir::FnId),
    Memory(ir::MemoryId),
    Cascade(ir::CascadeId),
    Module(usize),
    /// Of an import that could not be loaded, and was reported: fits everywhere.
    Missing,
}

impl Def {
    /// What it is, with its article.
    pub fn what(self) -> &'static str {
        match self {
            Def::Type(_) => "a type",
            Def::Model(_) => "a model",
            Def::Route(_) => "a route",
            Def::Mcp(_) => "an mcp server",
            Def::Skill(_) => "a skill",
            Def::Fn(_) => "a fn",
            Def::Memory(_) => "a memory",
            Def::Cascade(_) => "a cascade",
            Def::Module(_) => "a module",
            Def::Missing => "missing",
        }
    }

    /// Its symbol in the index.
    pub fn symbol(self) -> Symbol {
        match self {
            Def::Type(id) => id.into(),
            Def::Model(id) => id.into(),
            Def::Route(id) => id.into(),
            Def::Mcp(id) => Symbol::Mcp(id),
            Def::Skill(id) => id.into(),
            Def::Fn(id) => id.into(),
            Def::Memory(id) => id.into(),
            Def::Cascade(id) => id.into(),
            Def::Module(module) => Symbol::Module(module as u32),
            Def::Missing => Symbol::Missing,
        }
    }
}

/// A name of a module's scope.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub def: Def,
    /// Where this module declares or imports it.
    pub span: Span,
    pub imported: bool,
    /// Whether anything in the module names it.
    pub used: bool,
}

/// A parameter, as callers see it.
#[derive(Debug, Clone)]
pub(crate) struct ParamInfo {
    pub name: SmolStr,
    pub ty: Ty,
    pub doc: String,
    pub default: Option<ir::Expr>,
    /// Where its name stands.
    pub span: Span,
}

/// What callers need to know of something with parameters.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub of: Callable,
    pub name: SmolStr,
    pub module: usize,
    pub span: Span,
    pub params: Vec<ParamInfo>,
    pub result: Ty,
    /// When it is deprecated: what to use instead, perhaps empty.
    pub deprecated: Option<String>,
}

pub(crate) struct FnInfo<'a> {
    pub sig: Signature,
    pub decl: &'a ast::FnDecl,
}

pub(crate) struct SkillInfo<'a> {
    pub sig: Signature,
    pub decl: &'a ast::SkillDecl,
    pub item: &'a ast::Item,
    pub flow: SkillFlow,
    pub effects: Effects,
}

pub(crate) struct CascadeInfo<'a> {
    pub sig: Signature,
    pub decl: &'a ast::CascadeDecl,
    pub item: &'a ast::Item,
    pub flow: CascadeFlow,
    pub effects: Effects,
}

/// A declared type's source.
pub(crate) struct TypeInfo<'a> {
    pub module: usize,
    pub kind: TypeSource<'a>,
    pub state: Cell<Resolve>,
}

#[derive(Clone, Copy)]
pub(crate) enum TypeSource<'a> {
    Record(&'a ast::TypeDecl),
    Enum(&'a ast::EnumDecl),
    Alias(&'a ast::AliasDecl),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolve {
    Waiting,
    Running,
    Done,
}

pub(crate) struct ModelInfo<'a> {
    pub module: usize,
    pub decl: &'a ast::ModelDecl,
}

pub(crate) struct RouteInfo<'a> {
    pub module: usize,
    pub decl: &'a ast::RouteDecl,
}

pub(crate) struct MemoryInfo<'a> {
    pub module: usize,
    pub decl: &'a ast::MemoryDecl,
    pub keys: Vec<(SmolStr, Ty)>,
}

/// What the files of a compilation declare, once all of it is known.
#[derive(Debug)]
pub(crate) struct Declared {
    pub types: Types,
    /// The names of each module.
    pub scopes: Vec<HashMap<SmolStr, Binding>>,
    /// The modules that declare the types, by their numbers.
    pub type_modules: Vec<usize>,
    pub fns: Vec<Signature>,
    pub skills: Vec<Signature>,
    pub cascades: Vec<Signature>,
    pub memories: Vec<Vec<(SmolStr, Ty)>>,
}

impl Declared {
    /// The signature of something with parameters.
    pub fn signature(&self, of: Callable) -> Option<&Signature> {
        match of {
            Callable::Skill(id) => self.skills.get(id as usize),
            Callable::Fn(id) => self.fns.get(id as usize),
            Callable::Cascade(id) => self.cascades.get(id as usize),
        }
    }

    /// The type of what a symbol stands for, where it stands for a value.
    pub fn type_of(&self, symbol: Symbol) -> Option<Ty> {
        match symbol {
            Symbol::Field { of, index } => match &self.types.defs.get(of as usize)?.kind {
                TypeDefKind::Record(fields) => fields.get(index as usize).map(|f| f.ty),
                _ => None,
            },
            Symbol::VariantField { of, variant, index } => match &self.types.defs.get(of as usize)?.kind {
                TypeDefKind::Enum(variants) => variants.get(variant as usize)?.fields.get(index as usize).map(|f| f.ty),
                _ => None,
            },
            Symbol::RecordField { record, index } => match self.types.kind(record) {
                TyKind::Record(fields) => fields.get(index as usize).map(|(_, ty)| *ty),
                _ => None,
            },
            Symbol::MemoryKey { of, index } => self.memories.get(of as usize)?.get(index as usize).map(|(_, ty)| *ty),
            Symbol::Param { of, index } => self.signature(of)?.params.get(index as usize).map(|p| p.ty),
            _ => None,
        }
    }

    /// Records where everything is defined.
    fn record_definitions(&self, recorder: &mut Recorder) {
        for (module, scope) in self.scopes.iter().enumerate() {
            for binding in scope.values().filter(|binding| !binding.imported) {
                recorder.define(module, binding.span, binding.def.symbol(), true);
            }
        }
        for (of, (def, module)) in self.types.defs.iter().zip(&self.type_modules).enumerate() {
            let of = of as u32;
            match &def.kind {
                TypeDefKind::Record(fields) => {
                    for (index, field) in fields.iter().enumerate() {
                        recorder.define(*module, field.span, Symbol::Field { of, index: index as u32 }, true);
                    }
                }
                TypeDefKind::Enum(variants) => {
                    for (number, variant) in variants.iter().enumerate() {
                        let number = number as u32;
                        recorder.define(*module, variant.span, Symbol::Variant { of, index: number }, true);
                        for (index, field) in variant.fields.iter().enumerate() {
                            let symbol = Symbol::VariantField { of, variant: number, index: index as u32 };
                            recorder.define(*module, field.span, symbol, true);
                        }
                    }
                }
                TypeDefKind::Alias(_) | TypeDefKind::Unknown => {}
            }
        }
        for signature in self.fns.iter().chain(&self.skills).chain(&self.cascades) {
            for (index, param) in signature.params.iter().enumerate() {
                let symbol = Symbol::Param { of: signature.of, index: index as u32 };
                recorder.define(signature.module, param.span, symbol, true);
            }
        }
    }
}

/// The state of one compilation.
pub(crate) struct Cx<'a> {
    pub map: &'a SourceMap,
    pub modules: &'a [Module],
    pub prelude: Option<usize>,
    pub types: Types,
    pub diagnostics: Vec<Diagnostic>,
    pub scopes: Vec<HashMap<SmolStr, Binding>>,
    pub type_infos: Vec<TypeInfo<'a>>,
    pub fns: Vec<FnInfo<'a>>,
    pub skills: Vec<SkillInfo<'a>>,
    pub cascades: Vec<CascadeInfo<'a>>,
    pub model_infos: Vec<ModelInfo<'a>>,
    pub route_infos: Vec<RouteInfo<'a>>,
    pub memory_infos: Vec<MemoryInfo<'a>>,
    /// What is deprecated, and what to use instead.
    pub deprecated: Vec<(Def, String)>,
    /// Names of the tests seen so far, by module, with their places.
    pub tests: HashMap<(usize, String), Span>,
    /// Names of the stages that a cascade reaches, where a test asked for them.
    pub stages: HashMap<ir::CascadeId, Rc<HashSet<SmolStr>>>,
    pub out: Out,
    /// How many more names of each module are looked up among those that are alike.
    pub suggestions: Vec<u32>,
    /// How many mcp servers are declared.
    pub mcps: u32,
    /// Collects the index, where one is wanted.
    pub recorder: Option<Box<Recorder>>,
}

/// How many names of a file get a suggestion at most.
const MAX_SUGGESTIONS: u32 = 64;

/// What has been lowered.
#[derive(Default)]
pub(crate) struct Out {
    pub models: Vec<ir::Model>,
    pub routes: Vec<ir::Route>,
    pub memories: Vec<ir::Memory>,
    pub functions: Vec<Option<ir::Function>>,
    pub skills: Vec<Option<ir::Skill>>,
    pub cascades: Vec<Option<ir::Cascade>>,
    /// The budgets of money that were met.
    pub budgets: cost::Budgets,
    /// With the modules that they stand in.
    pub tests: Vec<(usize, ir::Test)>,
}

/// Checks and lowers all modules; `root` is the file that was asked for.
pub(crate) fn elaborate(
    map: &SourceMap,
    modules: &[Module],
    root: usize,
    prelude: Option<usize>,
    with_index: bool,
    is_cancelled: &dyn Fn() -> bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Option<ir::Program>, Declared, Index) {
    let mut cx = Cx {
        map,
        modules,
        prelude,
        types: Types::default(),
        diagnostics: Vec::new(),
        scopes: Vec::new(),
        type_infos: Vec::new(),
        fns: Vec::new(),
        skills: Vec::new(),
        cascades: Vec::new(),
        model_infos: Vec::new(),
        route_infos: Vec::new(),
        memory_infos: Vec::new(),
        deprecated: Vec::new(),
        tests: HashMap::default(),
        stages: HashMap::default(),
        out: Out::default(),
        suggestions: vec![MAX_SUGGESTIONS; modules.len()],
        mcps: 0,
        recorder: with_index.then(|| Box::new(Recorder::new(modules.len()))),
    };
    cx.collect();
    cx.declare();
    let complete = cx.bodies(is_cancelled);
    let program = if complete { cx.finish(root) } else { None };
    // What the worst case costs matters here only to those who have said what it may.
    if let Some(program) = &program
        && !cx.out.budgets.cascades.is_empty()
        && cx.diagnostics.iter().all(|d| d.severity != Severity::Error)
    {
        cost::warn(program, map, &cx.out.budgets, &mut cx.diagnostics);
    }
    diagnostics.append(&mut cx.diagnostics);
    let recorder = cx.recorder.take();
    let declared = cx.into_declared();
    let index = match recorder {
        Some(mut recorder) => {
            declared.record_definitions(&mut recorder);
            recorder.finish()
        }
        None => Index::default(),
    };
    (program, declared, index)
}

impl<'a> Cx<'a> {
    /// What stays when the bodies are done.
    fn into_declared(self) -> Declared {
        Declared {
            types: self.types,
            scopes: self.scopes,
            type_modules: self.type_infos.iter().map(|t| t.module).collect(),
            fns: self.fns.into_iter().map(|f| f.sig).collect(),
            skills: self.skills.into_iter().map(|s| s.sig).collect(),
            cascades: self.cascades.into_iter().map(|c| c.sig).collect(),
            memories: self.memory_infos.into_iter().map(|m| m.keys).collect(),
        }
    }

    pub fn source(&self, module: usize) -> SourceId {
        self.modules[module].source
    }

    /// Whether a name that does not exist is compared with those that do. A search costs time in
    /// proportion to the number of names, so a file has only so many of them.
    pub fn may_suggest(&mut self, module: usize) -> bool {
        let left = &mut self.suggestions[module];
        *left = left.saturating_sub(1);
        *left > 0
    }

    /// Records where a symbol is defined, when an index is wanted.
    pub fn record_definition(&mut self, module: usize, span: Span, symbol: Symbol) {
        if let Some(recorder) = &mut self.recorder {
            recorder.define(module, span, symbol, true);
        }
    }

    /// Records what a name stands for, when an index is wanted.
    pub fn record_use(&mut self, module: usize, span: Span, symbol: Symbol) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record_use(module, span, symbol);
        }
    }

    /// Records words whose meaning the language gives.
    pub fn record_words<'n>(&mut self, module: usize, words: impl IntoIterator<Item = &'n ast::Name>) {
        if let Some(recorder) = &mut self.recorder {
            for word in words {
                recorder.record_use(module, word.span, Symbol::Builtin(Builtin::Word));
            }
        }
    }

    /// Records a diagnostic.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A diagnostic in a module's file; still to be reported.
    pub fn diag(&self, module: usize, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, self.source(module), span, message)
    }

    /// The place of a span, for messages of the runtime.
    pub fn place(&self, module: usize, span: Span) -> ir::Place {
        let source = self.source(module);
        let (line, column) = self.map.get(source).position(span.start);
        ir::Place { file: source.0, line, column }
    }

    /// What a callee does, for those that have effects.
    pub fn effects(&mut self, callee: Def) -> Option<&mut Effects> {
        match callee {
            Def::Skill(id) => self.skills.get_mut(id.index()).map(|s| &mut s.effects),
            Def::Cascade(id) => self.cascades.get_mut(id.index()).map(|c| &mut c.effects),
            _ => None,
        }
    }

    /// The text under a span.
    pub fn text(&self, module: usize, span: Span) -> &'a str {
        self.map.get(self.source(module)).text.get(span.range()).unwrap_or_default()
    }

    /// What a name stands for in a module (its own and imported names, then the prelude's). Only
    /// asks: the name is not used by it.
    pub fn probe(&self, module: usize, name: &str) -> Option<Def> {
        if let Some(binding) = self.scopes[module].get(name) {
            return Some(binding.def);
        }
        let prelude = self.prelude?;
        self.scopes[prelude].get(name).map(|b| b.def)
    }

    /// What a name stands for in a module, which it uses by that.
    pub fn resolve_name(&mut self, module: usize, name: &ast::Name) -> Option<Def> {
        let def = match self.scopes[module].get_mut(&name.text) {
            Some(binding) => {
                binding.used = true;
                binding.def
            }
            None => self.scopes[self.prelude?].get(&name.text)?.def,
        };
        self.record_use(module, name.span, def.symbol());
        Some(def)
    }

    /// What a name stands for that stands after the name of a module, which it uses by that.
    pub fn resolve_exported(&mut self, module: usize, other: usize, name: &ast::Name) -> Option<Def> {
        let def = self.exported(other, &name.text)?;
        self.record_use(module, name.span, def.symbol());
        Some(def)
    }

    /// A name that another module may use: declared there, not imported there, not private.
    pub fn exported(&self, module: usize, name: &str) -> Option<Def> {
        self.scopes[module].get(name).filter(|b| !b.imported && !name.starts_with('_')).map(|b| b.def)
    }

    /// What a dotted name stands for (`github.Issue`); reports when it stands for nothing.
    pub fn lookup_path(&mut self, module: usize, path: &[ast::Name], wanted: &str) -> Option<Def> {
        let first = path.first()?;
        if first.text.is_empty() {
            return None;
        }
        let Some(def) = self.resolve_name(module, first) else {
            self.unknown(module, first, wanted);
            return None;
        };
        if !self.deprecated.is_empty() && path.len() == 1 {
            self.warn_deprecated(module, def, &first.text, first.span);
        }
        match (def, path.get(1)) {
            (Def::Missing, _) => Some(Def::Missing),
            (def, None) => Some(def),
            (Def::Module(other), Some(second)) => {
                if second.text.is_empty() {
                    return None;
                }
                let found = self.resolve_exported(module, other, second);
                if found.is_none() {
                    self.not_exported(module, other, second);
                }
                found
            }
            (def, Some(second)) => {
                let d = self
                    .diag(
                        module,
                        codes::UNKNOWN_NAME,
                        second.span,
                        format!("`{}` is {} and has no parts", first.text, def.what()),
                    )
                    .label("not found");
                self.report(d);
                None
            }
        }
    }

    /// Whether a mistake of syntax stands between the name of a declaration and its body.
    pub fn header_broken(&self, module: usize, from: u32, to: u32) -> bool {
        self.modules[module].parse.errors.iter().any(|e| e.span.start >= from && e.span.start < to)
    }

    pub fn type_doc(docs: &[ast::DocLine]) -> String {
        docs.iter().map(|d| d.text.trim_end()).collect::<Vec<_>>().join("\n")
    }
}

/// Adds "did you mean" with its fix, when something is near.
pub(crate) fn with_suggestion<'n>(
    d: Diagnostic,
    name: &str,
    span: Span,
    candidates: impl IntoIterator<Item = &'n str>,
) -> Diagnostic {
    match crate::suggest::closest(name, candidates) {
        Some(near) => {
            let near = near.to_owned();
            d.help(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), span, near)
        }
        None => d,
    }
}
