//! Declarations: names, signatures, models, routes and memories, each with where it stands.

use cascade_grammar::ast::Span;
use cascade_ir as ir;
use rustc_hash::FxHashMap as HashMap;
use smol_str::SmolStr;

use crate::{
    index::{Callable, Recorder, Symbol},
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
    /// A constant of a file, which is a fn without parameters.
    Const(ir::FnId),
    Memory(ir::MemoryId),
    Cascade(ir::CascadeId),
    Module(usize),
    /// Of an import that could not be loaded, and was reported: fits everywhere.
    Missing,
}

impl Def {
    /// The kind of the declaration with its article, for messages.
    pub fn kind_name(self) -> &'static str {
        match self {
            Def::Type(_) => "a type",
            Def::Model(_) => "a model",
            Def::Route(_) => "a route",
            Def::Mcp(_) => "an mcp server",
            Def::Skill(_) => "a skill",
            Def::Fn(_) => "a fn",
            Def::Const(_) => "a constant",
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
            Def::Fn(id) | Def::Const(id) => id.into(),
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
    /// Its number among the bindings of the module, by which uses of it are counted.
    pub number: u32,
}

/// Where something is declared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub module: usize,
    /// The position of the declaration among the items of the module's file.
    pub item: usize,
    /// The name.
    pub span: Span,
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
    pub origin: Origin,
    pub params: Vec<ParamInfo>,
    pub result: Ty,
    /// When it is deprecated: what to use instead, perhaps empty.
    pub deprecated: Option<String>,
    /// Whether it is a constant of a file.
    pub is_constant: bool,
    /// The value of a constant that is a plain literal: bounds and checks see it.
    pub literal: Option<ir::Expr>,
}

/// A declared record, enum or alias; its definition stands in [`Types::defs`].
#[derive(Debug)]
pub(crate) struct DeclaredType {
    pub origin: Origin,
}

/// A model with its settings.
#[derive(Debug)]
pub(crate) struct DeclaredModel {
    pub origin: Origin,
    pub model: ir::Model,
}

/// A route with its arms.
#[derive(Debug)]
pub(crate) struct DeclaredRoute {
    pub origin: Origin,
    pub route: ir::Route,
}

/// An MCP server with its settings.
#[derive(Debug)]
pub(crate) struct DeclaredServer {
    pub origin: Origin,
    pub server: ir::McpServer,
}

/// A memory with its keys.
#[derive(Debug)]
pub(crate) struct DeclaredMemory {
    pub origin: Origin,
    pub name: SmolStr,
    pub keys: Vec<MemoryKey>,
    pub memory: ir::Memory,
}

/// A key of a memory.
#[derive(Debug)]
pub(crate) struct MemoryKey {
    pub name: SmolStr,
    pub ty: Ty,
    /// Where its name stands.
    pub span: Span,
}

/// What the files of a program declare. The indexes of the lists are the ids of the IR.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// The names of each module.
    pub scopes: Vec<HashMap<SmolStr, Binding>>,
    pub types: Vec<DeclaredType>,
    pub models: Vec<DeclaredModel>,
    pub routes: Vec<DeclaredRoute>,
    pub memories: Vec<DeclaredMemory>,
    pub servers: Vec<DeclaredServer>,
    pub fns: Vec<Signature>,
    pub skills: Vec<Signature>,
    pub cascades: Vec<Signature>,
    /// Variables of the environment that defaults name.
    pub variables: Vec<SmolStr>,
    /// Types, models, routes and memories that are deprecated, each with what to use instead.
    pub deprecated: Vec<(Def, String)>,
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
    pub fn type_of(&self, types: &Types, symbol: Symbol) -> Option<Ty> {
        match symbol {
            Symbol::Field { of, index } => match &types.defs.get(of as usize)?.kind {
                TypeDefKind::Record(fields) => fields.get(index as usize).map(|f| f.ty),
                _ => None,
            },
            Symbol::VariantField { of, variant, index } => match &types.defs.get(of as usize)?.kind {
                TypeDefKind::Enum(variants) => variants.get(variant as usize)?.fields.get(index as usize).map(|f| f.ty),
                _ => None,
            },
            Symbol::RecordField { record, index } => match types.kind(record) {
                TyKind::Record(fields) => fields.get(index as usize).map(|(_, ty)| *ty),
                _ => None,
            },
            Symbol::MemoryKey { of, index } => self.memories.get(of as usize)?.keys.get(index as usize).map(|k| k.ty),
            Symbol::Param { of, index } => self.signature(of)?.params.get(index as usize).map(|p| p.ty),
            _ => None,
        }
    }

    /// Records where everything is defined.
    pub fn record_definitions(&self, types: &Types, recorder: &mut Recorder) {
        if !recorder.is_on() {
            return;
        }
        for (module, scope) in self.scopes.iter().enumerate() {
            for binding in scope.values().filter(|binding| !binding.imported) {
                recorder.record_definition(module, binding.span, binding.def.symbol());
            }
        }
        for (of, (def, declared)) in types.defs.iter().zip(&self.types).enumerate() {
            record_parts_of_type(of as u32, &def.kind, declared.origin.module, recorder);
        }
        for (of, memory) in self.memories.iter().enumerate() {
            for (index, key) in memory.keys.iter().enumerate() {
                let symbol = Symbol::MemoryKey { of: of as u32, index: index as u32 };
                recorder.record_definition(memory.origin.module, key.span, symbol);
            }
        }
        for signature in self.fns.iter().chain(&self.skills).chain(&self.cascades) {
            for (index, param) in signature.params.iter().enumerate() {
                let symbol = Symbol::Param { of: signature.of, index: index as u32 };
                recorder.record_definition(signature.origin.module, param.span, symbol);
            }
        }
    }
}

/// Records where the fields and variants of a type are defined.
fn record_parts_of_type(of: u32, kind: &TypeDefKind, module: usize, recorder: &mut Recorder) {
    match kind {
        TypeDefKind::Record(fields) => {
            for (index, field) in fields.iter().enumerate() {
                recorder.record_definition(module, field.span, Symbol::Field { of, index: index as u32 });
            }
        }
        TypeDefKind::Enum(variants) => {
            for (number, variant) in variants.iter().enumerate() {
                let number = number as u32;
                recorder.record_definition(module, variant.span, Symbol::Variant { of, index: number });
                for (index, field) in variant.fields.iter().enumerate() {
                    let symbol = Symbol::VariantField { of, variant: number, index: index as u32 };
                    recorder.record_definition(module, field.span, symbol);
                }
            }
        }
        TypeDefKind::Alias(_) | TypeDefKind::Resolving | TypeDefKind::Unknown => {}
    }
}
