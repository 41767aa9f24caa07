//! Declarations get their ids, modules their scopes.

use std::sync::Arc;

use cascade_grammar::ast::{self, ItemKind, Name, Span};
use cascade_ir as ir;
use rustc_hash::FxHashMap as HashMap;
use smol_str::SmolStr;

use super::Declarer;
use crate::{
    checks::{names::not_exported, style},
    codes,
    index::{Builtin, Callable, Symbol},
    types::{Ty, TypeDef, TypeDefKind},
    walk,
    world::{
        Binding, DeclaredMemory, DeclaredModel, DeclaredRoute, DeclaredServer, DeclaredType, Def, Origin, Signature,
        doc_text,
    },
};

impl Declarer<'_> {
    /// Fills the scopes and the tables of declarations.
    pub(super) fn collect(&mut self) {
        let modules = self.files.modules;
        for (module, parsed) in modules.iter().enumerate() {
            self.declared.scopes.push(HashMap::default());
            for (position, item) in parsed.parse.file.items.iter().enumerate() {
                self.collect_item(module, position, item);
            }
        }
        for (module, parsed) in modules.iter().enumerate() {
            for (index, item) in parsed.parse.file.items.iter().enumerate() {
                if let ItemKind::Import(import) = &item.kind {
                    self.collect_import(module, index, import);
                }
            }
        }
    }

    fn collect_item(&mut self, module: usize, position: usize, item: &ast::Item) {
        let origin = |name: &Name| Origin { module, item: position, span: name.span };
        let signature = |of: Callable, name: &Name| Signature {
            of,
            name: name.text.clone(),
            origin: origin(name),
            params: Vec::new(),
            result: Ty::ERROR,
            deprecated: deprecation_of(item),
            is_constant: matches!(item.kind, ItemKind::Const(_)),
            literal: None,
        };
        let declared = &mut self.declared;
        let (name, def) = match &item.kind {
            ItemKind::Import(_) | ItemKind::Error | ItemKind::Test(_) => return,
            ItemKind::Edition(edition) => {
                self.record_words(module, [&edition.number]);
                let d = crate::checks::edition::wrong_edition(self.view(module), edition, position);
                return self.report(module, d);
            }
            ItemKind::Type(ast::TypeDecl { name, .. })
            | ItemKind::Alias(ast::AliasDecl { name, .. })
            | ItemKind::Enum(ast::EnumDecl { name, .. }) => {
                let id = ir::TypeId(declared.types.len() as u32);
                declared.types.push(DeclaredType { origin: origin(name) });
                let (doc, kind) = (doc_text(&item.docs), TypeDefKind::Unknown);
                Arc::make_mut(&mut self.types.defs).push(TypeDef { name: name.text.clone(), doc, kind });
                (name, Def::Type(id))
            }
            ItemKind::Model(decl) => {
                let id = ir::ModelId(declared.models.len() as u32);
                let model = super::models::empty_model(decl);
                declared.models.push(DeclaredModel { origin: origin(&decl.name), model });
                (&decl.name, Def::Model(id))
            }
            ItemKind::Route(decl) => {
                let id = ir::RouteId(declared.routes.len() as u32);
                let route = ir::Route { name: decl.name.text.clone(), arms: Vec::new() };
                declared.routes.push(DeclaredRoute { origin: origin(&decl.name), route });
                (&decl.name, Def::Route(id))
            }
            ItemKind::Mcp(decl) => {
                let id = declared.servers.len() as u32;
                let server = super::servers::empty_server(decl, self.files.place(module, decl.name.span));
                declared.servers.push(DeclaredServer { origin: origin(&decl.name), server });
                (&decl.name, Def::Mcp(id))
            }
            ItemKind::Skill(decl) => {
                let id = ir::SkillId(declared.skills.len() as u32);
                declared.skills.push(signature(Callable::Skill(id.0), &decl.name));
                (&decl.name, Def::Skill(id))
            }
            ItemKind::Fn(decl) => {
                let id = ir::FnId(declared.fns.len() as u32);
                declared.fns.push(signature(Callable::Fn(id.0), &decl.name));
                (&decl.name, Def::Fn(id))
            }
            ItemKind::Const(decl) => {
                let id = ir::FnId(declared.fns.len() as u32);
                declared.fns.push(signature(Callable::Fn(id.0), &decl.name));
                (&decl.name, Def::Const(id))
            }
            ItemKind::Memory(decl) => {
                let id = ir::MemoryId(declared.memories.len() as u32);
                let name = decl.name.text.clone();
                declared.memories.push(DeclaredMemory {
                    origin: origin(&decl.name),
                    name: name.clone(),
                    keys: Vec::new(),
                    memory: ir::Memory {
                        name,
                        global: decl.scope.text == "global",
                        keys: Vec::new(),
                        server: None,
                        place: self.files.place(module, decl.name.span),
                    },
                });
                (&decl.name, Def::Memory(id))
            }
            ItemKind::Cascade(decl) => {
                let id = ir::CascadeId(declared.cascades.len() as u32);
                declared.cascades.push(signature(Callable::Cascade(id.0), &decl.name));
                (&decl.name, Def::Cascade(id))
            }
        };
        // What is called is judged with its signature.
        if let Def::Type(_) | Def::Model(_) | Def::Route(_) | Def::Memory(_) = def
            && let Some(advice) = deprecation_of(item)
        {
            self.declared.deprecated.push((def, advice));
        }
        self.bind(module, name.text.clone(), name.span, def, false);
        match def {
            Def::Type(_) => self.report(module, style::type_name(self.view(module), name)),
            _ => self.check_value_name(module, name),
        }
        if let ItemKind::Mcp(decl) = &item.kind {
            self.record_settings(module, &decl.settings);
        }
    }

    /// Records the words of settings that are not evaluated.
    fn record_settings(&mut self, module: usize, settings: &[ast::Setting]) {
        if !self.index(module).is_on() {
            return;
        }
        for setting in settings {
            self.record_words(module, [&setting.name]);
            walk::walk_expr(&setting.value, &mut |e| match &e.kind {
                ast::ExprKind::Name(name) => self.record_words(module, [name]),
                ast::ExprKind::Record(entries) => {
                    for entry in entries {
                        if let ast::RecordEntry::Field { key, .. } = entry {
                            self.index(module).record_use(module, key.span, Symbol::Builtin(Builtin::Key));
                        }
                    }
                }
                _ => {}
            });
        }
    }

    /// Adds a name to the scope of a module; reports one that is there already.
    fn bind(&mut self, module: usize, name: SmolStr, span: Span, def: Def, imported: bool) {
        if name.is_empty() {
            return;
        }
        let scope = &mut self.declared.scopes[module];
        if let Some(first) = scope.get(&name) {
            let first = first.span;
            let view = self.view(module);
            let d = view
                .diagnostic(codes::DUPLICATE, span, format!("`{name}` is declared twice in this file"))
                .label("again here")
                .also_at(view.source(), first, "first here")
                .help(if imported {
                    "import it under another name: `name as other`"
                } else {
                    "give one of them another name"
                });
            self.report(module, d);
            return;
        }
        let number = scope.len() as u32;
        scope.insert(name, Binding { def, span, imported, number });
    }

    fn collect_import(&mut self, module: usize, item: usize, import: &ast::Import) {
        let target = self.files.modules[module].imports.get(&item).copied();
        let Some(target) = target else {
            return self.bind_missing_names(module, import);
        };
        if target == module {
            // The cycle is reported; what it would bind is declared here already.
            return;
        }
        if let ast::ImportSource::Module(parts) = &import.source {
            for part in parts {
                self.index(module).record_use(module, part.span, Symbol::Module(target as u32));
            }
        }
        match &import.names {
            None => {
                if let Some(alias) = &import.alias {
                    self.index(module).record_use(module, alias.span, Symbol::Module(target as u32));
                }
                let (name, span) = match (&import.alias, &import.source) {
                    (Some(alias), _) => (alias.text.clone(), alias.span),
                    (None, ast::ImportSource::Module(parts)) => match parts.last() {
                        Some(last) => (last.text.clone(), last.span),
                        None => return,
                    },
                    (None, ast::ImportSource::Path(path)) => {
                        let d = self
                            .view(module)
                            .diagnostic(codes::SYNTAX, path.span, "this import gives no names")
                            .label("which names?")
                            .help("name what you need, `{ a, b }`, or the file itself, `as name`");
                        self.report(module, d);
                        return;
                    }
                };
                self.bind(module, name, span, Def::Module(target), true);
            }
            Some(names) => {
                for name in names {
                    if name.name.text.is_empty() {
                        continue;
                    }
                    match self.world().find_exported(target, &name.name.text) {
                        Some(def) => {
                            for written in [Some(&name.name), name.alias.as_ref()].into_iter().flatten() {
                                self.index(module).record_use(module, written.span, def.symbol());
                            }
                            let local = name.alias.as_ref().unwrap_or(&name.name);
                            self.bind(module, local.text.clone(), local.span, def, true);
                        }
                        None => {
                            let may_suggest = self.findings[module].may_suggest();
                            let d = not_exported(self.view(module), target, &name.name, may_suggest);
                            self.report(module, d);
                            self.bind_missing_name(module, name);
                        }
                    }
                }
            }
        }
    }

    /// An import that could not be loaded has been reported; its names must not be reported
    /// again at every use. They stand for [`Def::Missing`].
    fn bind_missing_names(&mut self, module: usize, import: &ast::Import) {
        let mut missing: Vec<(SmolStr, Span)> = Vec::new();
        if let Some(alias) = &import.alias {
            missing.push((alias.text.clone(), alias.span));
        } else if let (None, ast::ImportSource::Module(parts)) = (&import.names, &import.source) {
            missing.extend(parts.last().map(|p| (p.text.clone(), p.span)));
        }
        if let ast::ImportSource::Module(parts) = &import.source {
            for part in parts {
                self.index(module).record_use(module, part.span, Symbol::Missing);
            }
        }
        if let Some(alias) = &import.alias {
            self.index(module).record_use(module, alias.span, Symbol::Missing);
        }
        for name in import.names.iter().flatten() {
            self.bind_missing_name(module, name);
        }
        for (name, span) in missing {
            self.bind_missing(module, name, span);
        }
    }

    fn bind_missing_name(&mut self, module: usize, name: &ast::ImportName) {
        for written in [Some(&name.name), name.alias.as_ref()].into_iter().flatten() {
            self.index(module).record_use(module, written.span, Symbol::Missing);
        }
        let local = name.alias.as_ref().unwrap_or(&name.name);
        self.bind_missing(module, local.text.clone(), local.span);
    }

    fn bind_missing(&mut self, module: usize, name: SmolStr, span: Span) {
        let scope = &mut self.declared.scopes[module];
        let number = scope.len() as u32;
        if let std::collections::hash_map::Entry::Vacant(place) = scope.entry(name) {
            place.insert(Binding { def: Def::Missing, span, imported: true, number });
            // What could not be loaded may well be needed.
            self.findings[module].used_names.push((module, number));
        }
    }
}

/// What the `@deprecated` of a declaration says, when it has one.
fn deprecation_of(item: &ast::Item) -> Option<String> {
    let attribute = item.attributes.iter().find(|a| a.name.text == "deprecated")?;
    let said = match attribute.args.first().map(|e| &e.kind) {
        Some(ast::ExprKind::Str(text)) => match text.parts.as_slice() {
            [ast::StrPart::Text { text, .. }] => text.clone(),
            _ => String::new(),
        },
        _ => String::new(),
    };
    Some(said)
}
