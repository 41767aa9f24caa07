//! The declared world: what the files of a program declare, and what each name of a file stands
//! for. It is built once, by `declare`, and only read by everything that comes after.

mod declared;

use cascade_grammar::ast::{DocLine, ItemKind, SkillLineKind, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

pub(crate) use declared::{
    Binding, Declared, DeclaredMemory, DeclaredModel, DeclaredRoute, DeclaredServer, DeclaredType, Def, MemoryKey,
    Origin, ParamInfo, Signature,
};

use crate::{
    codes::Code,
    diagnostic::Diagnostic,
    module::{Files, REPAIR},
    source::SourceId,
    types::{Ty, Types},
};

/// The files of a program and what they declare.
#[derive(Clone, Copy)]
pub(crate) struct World<'w> {
    pub files: Files<'w>,
    pub declared: &'w Declared,
}

impl<'w> World<'w> {
    /// What a name stands for in a module: a name of its own, an imported one, or one of the prelude.
    pub fn find_name(self, module: usize, name: &str) -> Option<Def> {
        self.find_binding(module, name).map(|(_, binding)| binding.def)
    }

    /// The binding of a name that is seen in a module, with the module that declares or imports it.
    pub fn find_binding(self, module: usize, name: &str) -> Option<(usize, &'w Binding)> {
        if let Some(binding) = self.declared.scopes[module].get(name) {
            return Some((module, binding));
        }
        let prelude = self.files.prelude?;
        self.declared.scopes[prelude].get(name).map(|binding| (prelude, binding))
    }

    /// A name that other modules may use: declared in the module, not imported there, not private.
    pub fn find_exported(self, module: usize, name: &str) -> Option<Def> {
        let binding = self.declared.scopes[module].get(name)?;
        (!binding.imported && !name.starts_with('_')).then_some(binding.def)
    }

    /// The skill of the standard library that `on error fix` calls.
    pub fn repair_skill(self) -> Option<ir::SkillId> {
        let module = self.files.modules.iter().position(|module| module.name == REPAIR)?;
        match self.find_exported(module, "repair_stage")? {
            Def::Skill(id) => Some(id),
            _ => None,
        }
    }

    /// Whether the skill that is declared there has a `tools` line.
    pub fn has_tools(self, origin: Origin) -> bool {
        let ItemKind::Skill(decl) = &self.files.item(origin.module, origin.item).kind else { return false };
        decl.body.iter().any(|line| matches!(line.kind, SkillLineKind::Tools(_)))
    }

    /// A type that the prelude declares.
    pub fn find_prelude_type(self, name: &str) -> Option<ir::TypeId> {
        match self.find_exported(self.files.prelude?, name) {
            Some(Def::Type(id)) => Some(id),
            _ => None,
        }
    }

    /// The name of a model or a route.
    pub fn model_name(self, model: ir::ModelRef) -> &'w SmolStr {
        match model {
            ir::ModelRef::Model(id) => &self.declared.models[id.index()].model.name,
            ir::ModelRef::Route(id) => &self.declared.routes[id.index()].route.name,
        }
    }
}

/// The world and the types, seen from a module: what a rule of `checks` looks at.
#[derive(Clone, Copy)]
pub(crate) struct View<'w> {
    pub world: World<'w>,
    pub types: &'w Types,
    pub module: usize,
}

impl View<'_> {
    /// A diagnostic in the file of the module.
    pub fn diagnostic(self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, self.source(), span, message)
    }

    /// The file of the module.
    pub fn source(self) -> SourceId {
        self.world.files.source(self.module)
    }

    /// A type as it is written in a program.
    pub fn type_text(self, ty: Ty) -> String {
        self.types.type_text(ty)
    }
}

/// The text of documentation lines.
pub(crate) fn doc_text(docs: &[DocLine]) -> String {
    docs.iter().map(|d| d.text.trim_end()).collect::<Vec<_>>().join("\n")
}
