//! Declarations get their ids, modules their scopes.

use std::cell::Cell;

use rustc_hash::FxHashMap as HashMap;

use cascade_grammar::ast::{self, ItemKind, Name, Span};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{
    Binding, CascadeInfo, Cx, Def, FnInfo, MemoryInfo, ModelInfo, Resolve, RouteInfo, Signature, SkillInfo, TypeInfo,
    TypeSource,
};
use crate::{
    codes,
    index::{Builtin, Callable, Symbol},
    types::{Ty, TypeDef, TypeDefKind},
    walk,
};

impl<'a> Cx<'a> {
    /// Fills the scopes and the tables of declarations.
    pub fn collect(&mut self) {
        let modules = self.modules;
        for (module, parsed) in modules.iter().enumerate() {
            self.scopes.push(HashMap::default());
            for item in &parsed.parse.file.items {
                self.collect_item(module, item);
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

    fn collect_item(&mut self, module: usize, item: &'a ast::Item) {
        let signature = |of: Callable, name: &Name| Signature {
            of,
            name: name.text.clone(),
            module,
            span: name.span,
            params: Vec::new(),
            result: Ty::ERROR,
            deprecated: deprecated(item),
        };
        if !item.attributes.is_empty()
            && let Some(advice) = deprecated(item)
        {
            let next = match &item.kind {
                ItemKind::Type(_) | ItemKind::Alias(_) | ItemKind::Enum(_) => {
                    Some(Def::Type(ir::TypeId(self.type_infos.len() as u32)))
                }
                ItemKind::Model(_) => Some(Def::Model(ir::ModelId(self.model_infos.len() as u32))),
                ItemKind::Route(_) => Some(Def::Route(ir::RouteId(self.route_infos.len() as u32))),
                ItemKind::Memory(_) => Some(Def::Memory(ir::MemoryId(self.memory_infos.len() as u32))),
                // What is called is judged with its signature.
                _ => None,
            };
            self.deprecated.extend(next.map(|def| (def, advice)));
        }
        match &item.kind {
            ItemKind::Import(_) | ItemKind::Error | ItemKind::Test(_) => {}
            ItemKind::Type(decl) => self.collect_type(module, item, &decl.name, TypeSource::Record(decl)),
            ItemKind::Alias(decl) => self.collect_type(module, item, &decl.name, TypeSource::Alias(decl)),
            ItemKind::Enum(decl) => self.collect_type(module, item, &decl.name, TypeSource::Enum(decl)),
            ItemKind::Model(decl) => {
                let id = ir::ModelId(self.model_infos.len() as u32);
                self.model_infos.push(ModelInfo { module, decl });
                self.bind(module, &decl.name, Def::Model(id));
                self.snake(module, &decl.name);
            }
            ItemKind::Route(decl) => {
                let id = ir::RouteId(self.route_infos.len() as u32);
                self.route_infos.push(RouteInfo { module, decl });
                self.bind(module, &decl.name, Def::Route(id));
                self.snake(module, &decl.name);
            }
            ItemKind::Mcp(decl) => {
                let id = self.mcps;
                self.mcps += 1;
                self.bind(module, &decl.name, Def::Mcp(id));
                self.snake(module, &decl.name);
                self.record_settings(module, &decl.settings);
            }
            ItemKind::Skill(decl) => {
                let id = ir::SkillId(self.skills.len() as u32);
                self.skills.push(SkillInfo {
                    sig: signature(Callable::Skill(id.0), &decl.name),
                    decl,
                    item,
                    flow: Default::default(),
                    effects: Default::default(),
                });
                self.bind(module, &decl.name, Def::Skill(id));
                self.snake(module, &decl.name);
            }
            ItemKind::Fn(decl) => {
                let id = ir::FnId(self.fns.len() as u32);
                self.fns.push(FnInfo { sig: signature(Callable::Fn(id.0), &decl.name), decl });
                self.bind(module, &decl.name, Def::Fn(id));
                self.snake(module, &decl.name);
            }
            ItemKind::Memory(decl) => {
                let id = ir::MemoryId(self.memory_infos.len() as u32);
                self.memory_infos.push(MemoryInfo { module, decl, keys: Vec::new() });
                self.bind(module, &decl.name, Def::Memory(id));
                self.snake(module, &decl.name);
            }
            ItemKind::Cascade(decl) => {
                let id = ir::CascadeId(self.cascades.len() as u32);
                self.cascades.push(CascadeInfo {
                    sig: signature(Callable::Cascade(id.0), &decl.name),
                    decl,
                    item,
                    flow: Default::default(),
                    effects: Default::default(),
                });
                self.bind(module, &decl.name, Def::Cascade(id));
                self.snake(module, &decl.name);
            }
        }
    }

    fn collect_type(&mut self, module: usize, item: &'a ast::Item, name: &Name, kind: TypeSource<'a>) {
        let id = ir::TypeId(self.type_infos.len() as u32);
        self.type_infos.push(TypeInfo { module, kind, state: Cell::new(Resolve::Waiting) });
        self.types.defs.push(TypeDef {
            name: name.text.clone(),
            doc: Self::type_doc(&item.docs),
            kind: TypeDefKind::Unknown,
        });
        self.bind(module, name, Def::Type(id));
        self.pascal(module, name);
    }

    /// Records the words of settings that are not evaluated.
    fn record_settings(&mut self, module: usize, settings: &'a [ast::Setting]) {
        if self.recorder.is_none() {
            return;
        }
        for setting in settings {
            self.record_words(module, [&setting.name]);
            walk::expr(&setting.value, &mut |e| match &e.kind {
                ast::ExprKind::Name(name) => self.record_words(module, [name]),
                ast::ExprKind::Record(entries) => {
                    for entry in entries {
                        if let ast::RecordEntry::Field { key, .. } = entry {
                            self.record_use(module, key.span, Symbol::Builtin(Builtin::Key));
                        }
                    }
                }
                _ => {}
            });
        }
    }

    fn bind(&mut self, module: usize, name: &Name, def: Def) {
        self.bind_as(module, name.text.clone(), name.span, def, false);
    }

    fn bind_as(&mut self, module: usize, name: SmolStr, span: Span, def: Def, imported: bool) {
        if name.is_empty() {
            return;
        }
        if let Some(first) = self.scopes[module].get(&name) {
            let first_span = first.span;
            let source = self.source(module);
            let d = self
                .diag(module, codes::DUPLICATE, span, format!("`{name}` is declared twice in this file"))
                .label("again here")
                .also(source, first_span, "first here")
                .help(if imported {
                    "import it under another name: `name as other`"
                } else {
                    "give one of them another name"
                });
            self.report(d);
            return;
        }
        self.scopes[module].insert(name, Binding { def, span, imported, used: false });
    }

    fn collect_import(&mut self, module: usize, item: usize, import: &ast::Import) {
        let target = self.modules[module].imports.get(&item).copied();
        let Some(target) = target else {
            return self.bind_missing(module, import);
        };
        if target == module {
            // The cycle is reported; what it would bind is declared here already.
            return;
        }
        if let ast::ImportSource::Module(parts) = &import.source {
            for part in parts {
                self.record_use(module, part.span, Symbol::Module(target as u32));
            }
        }
        match &import.names {
            None => {
                if let Some(alias) = &import.alias {
                    self.record_use(module, alias.span, Symbol::Module(target as u32));
                }
                let (name, span) = match (&import.alias, &import.source) {
                    (Some(alias), _) => (alias.text.clone(), alias.span),
                    (None, ast::ImportSource::Module(parts)) => match parts.last() {
                        Some(last) => (last.text.clone(), last.span),
                        None => return,
                    },
                    (None, ast::ImportSource::Path(path)) => {
                        let d = self
                            .diag(module, codes::SYNTAX, path.span, "this import gives no names")
                            .label("which names?")
                            .help("name what you need, `{ a, b }`, or the file itself, `as name`");
                        self.report(d);
                        return;
                    }
                };
                self.bind_as(module, name, span, Def::Module(target), true);
            }
            Some(names) => {
                for name in names {
                    if name.name.text.is_empty() {
                        continue;
                    }
                    match self.exported(target, &name.name.text) {
                        Some(def) => {
                            for written in [Some(&name.name), name.alias.as_ref()].into_iter().flatten() {
                                self.record_use(module, written.span, def.symbol());
                            }
                            let local = name.alias.as_ref().unwrap_or(&name.name);
                            self.bind_as(module, local.text.clone(), local.span, def, true);
                        }
                        None => {
                            self.not_exported(module, target, &name.name);
                            self.bind_one_missing(module, name);
                        }
                    }
                }
            }
        }
    }

    /// An import that could not be loaded has been reported; its names must not be reported
    /// again at every use. They stand for [`Def::Missing`].
    fn bind_missing(&mut self, module: usize, import: &ast::Import) {
        let mut missing: Vec<(SmolStr, Span)> = Vec::new();
        if let Some(alias) = &import.alias {
            missing.push((alias.text.clone(), alias.span));
        } else if let (None, ast::ImportSource::Module(parts)) = (&import.names, &import.source) {
            missing.extend(parts.last().map(|p| (p.text.clone(), p.span)));
        }
        if let ast::ImportSource::Module(parts) = &import.source {
            for part in parts {
                self.record_use(module, part.span, Symbol::Missing);
            }
        }
        if let Some(alias) = &import.alias {
            self.record_use(module, alias.span, Symbol::Missing);
        }
        for name in import.names.iter().flatten() {
            self.bind_one_missing(module, name);
        }
        for (name, span) in missing {
            self.missing(module, name, span);
        }
    }

    fn bind_one_missing(&mut self, module: usize, name: &ast::ImportName) {
        for written in [Some(&name.name), name.alias.as_ref()].into_iter().flatten() {
            self.record_use(module, written.span, Symbol::Missing);
        }
        let local = name.alias.as_ref().unwrap_or(&name.name);
        self.missing(module, local.text.clone(), local.span);
    }

    fn missing(&mut self, module: usize, name: SmolStr, span: Span) {
        let binding = Binding { def: Def::Missing, span, imported: true, used: true };
        self.scopes[module].entry(name).or_insert(binding);
    }
}

/// What the `@deprecated` of a declaration says, when it has one.
fn deprecated(item: &ast::Item) -> Option<String> {
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
