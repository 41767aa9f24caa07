//! Memories: their scopes, their keys, and the first values of those.

use cascade_grammar::ast::{ItemKind, Name};
use cascade_ir as ir;

use super::{Declarer, names::resolve_server};
use crate::{
    codes,
    world::{MemoryKey, View, World},
};

impl Declarer<'_> {
    /// Resolves the keys of all memories.
    pub(super) fn declare_memories(&mut self) {
        for index in 0..self.declared.memories.len() {
            self.declare_memory(index);
        }
    }

    /// The MCP server that keeps a memory; reports a name that is none.
    fn resolve_server(&mut self, module: usize, name: &Name) -> Option<ir::ServerId> {
        let view = View { world: World { files: self.files, declared: &self.declared }, types: &self.types, module };
        resolve_server(view, name, &mut self.findings[module])
    }

    fn declare_memory(&mut self, index: usize) {
        let origin = self.declared.memories[index].origin;
        let module = origin.module;
        let ItemKind::Memory(decl) = &self.files.item(module, origin.item).kind else { return };
        if !matches!(decl.scope.text.as_str(), "run" | "global" | "") {
            let d = self
                .view(module)
                .diagnostic(
                    codes::UNKNOWN_SETTING,
                    decl.scope.span,
                    format!("`{}` is no scope of a memory", decl.scope.text),
                )
                .label("`run` or `global`")
                .help("`run` lives with one run, `global` with the project");
            self.report(module, d);
        }
        self.record_words(module, [&decl.scope]);
        let server = decl.via.as_ref().and_then(|via| self.resolve_server(module, via));
        let mut keys = Vec::new();
        let mut out = Vec::new();
        for entry in &decl.entries {
            let ty = self.resolve_type(module, &entry.ty);
            let initial = match &entry.default {
                Some(value) => self.check_constant(module, value, ty),
                None => {
                    if !self.types.nullable(ty) {
                        let shown = self.types.type_text(ty);
                        let d = self
                            .view(module)
                            .diagnostic(
                                codes::MISSING_FIELD,
                                entry.span,
                                format!("`{}` has no first value", entry.name.text),
                            )
                            .label(format!("write `= …`, or make it `{shown}?`"));
                        self.report(module, d);
                    }
                    ir::Expr::Const(ir::Const::Null)
                }
            };
            if self.types.holds_secret(ty) {
                let d = self
                    .view(module)
                    .diagnostic(codes::SECRET_LEAK, entry.ty.span, "a memory cannot keep a secret")
                    .label("would be written to disk");
                self.report(module, d);
            }
            out.push(ir::MemoryKey { name: entry.name.text.clone(), ty: self.types.lower(ty), initial });
            keys.push(MemoryKey { name: entry.name.text.clone(), ty, span: entry.name.span });
        }
        let declared = &mut self.declared.memories[index];
        declared.keys = keys;
        declared.memory.keys = out;
        declared.memory.server = server;
    }
}
