//! Imports: modules, the names that they give, and names that an import would give.

use cascade_grammar::ast::{ImportSource, Item, ItemKind, Span};

use super::{
    Question, is_wanted,
    item::{Collected, Completion, CompletionKind},
    place::Wanted,
};
use crate::{
    ide::importing::{HIDDEN, import_change, importable_name, names_module},
    index::TYPED_NAME,
    world::doc_text,
};

impl<'a> Question<'a> {
    pub(super) fn complete_module(&self, before: &[&str], out: &mut Collected) {
        if before.is_empty() {
            let module_follows = self.text.get(self.offset as usize + TYPED_NAME.len()..).unwrap_or_default();
            let score = if module_follows.starts_with('.') { 120 } else { 90 };
            out.add(score, Completion::new("std", CompletionKind::Module).detail("the standard library"));
        }
        let prefix: String = before.iter().map(|part| format!("{part}.")).collect();
        let imported = self.imported_modules();
        let here = self.around.and_then(|item| self.analysis.modules[self.module].parse.file.items.get(item));
        let named: Vec<&str> = match here.map(|item| &item.kind) {
            Some(ItemKind::Import(import)) => import.names.iter().flatten().map(|name| &*name.name.text).collect(),
            _ => Vec::new(),
        };
        let gives = |module: &str, name: &str| {
            let parse = cascade_stdlib::source(module).map(|text| self.sources.parse(module, text));
            parse.is_some_and(|parse| {
                let mut items = parse.file.items.iter();
                items.any(|item| importable_name(item).is_some_and(|(found, _, _)| found.text == name))
            })
        };
        for module in cascade_stdlib::modules().iter().filter(|module| !HIDDEN.contains(module)) {
            let Some(rest) = module.strip_prefix(&prefix) else { continue };
            // The names that are imported already tell the module.
            let gives_names = !named.is_empty() && named.iter().all(|name| gives(module, name));
            let score = match imported.iter().any(|(name, _)| name == module) {
                _ if gives_names => 100,
                true => 60,
                false => 80,
            };
            let docs = cascade_stdlib::source(module).map(|text| self.sources.parse(module, text));
            let docs = docs.map(|parse| doc_text(&parse.file.docs)).unwrap_or_default();
            out.add(score, Completion::new(rest, CompletionKind::Module).documentation(docs));
        }
    }

    /// The imported modules of the standard library, with their items.
    fn imported_modules(&self) -> Vec<(String, &'a Item)> {
        let items = &self.analysis.modules[self.module].parse.file.items;
        let imports = items.iter().filter_map(|item| match &item.kind {
            ItemKind::Import(import) => match &import.source {
                ImportSource::Module(parts) => {
                    let parts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
                    Some((parts.join("."), &**item))
                }
                ImportSource::Path(_) => None,
            },
            _ => None,
        });
        imports.collect()
    }

    pub(super) fn complete_imported(&self, item: &Item, present: &[&str], out: &mut Collected) {
        let module = &self.analysis.modules[self.module];
        let number = module.parse.file.items.iter().position(|other| other.span == item.span);
        let Some(other) = number.and_then(|number| module.imports.get(&number)) else { return };
        for (number, (name, def)) in self.exported(*other).into_iter().enumerate() {
            if !present.contains(&name.as_str()) {
                let named = self.text.matches(name.as_str()).count() > 0;
                let score = if named { 95 } else { 70 };
                out.add_declared(score - (number as i32).min(20), name, def, false);
            }
        }
    }

    /// Names of the standard library that are not imported, each with the change that imports it.
    pub(super) fn add_importable(&self, wanted: Option<Wanted>, score: i32, out: &mut Collected) {
        let mut present = out.labels();
        for module in cascade_stdlib::modules().iter().filter(|module| !HIDDEN.contains(module)) {
            let Some(text) = cascade_stdlib::source(module) else { continue };
            let parse = self.sources.parse(module, text);
            for item in &parse.file.items {
                let Some((name, _, def)) = importable_name(item) else { continue };
                if wanted.is_some_and(|wanted| !is_wanted(wanted, def)) || name.text.starts_with('_') {
                    continue;
                }
                if self.find(&name.text).is_some() || present.contains(&name.text) || *module == self.name {
                    continue;
                }
                present.insert(name.text.clone());
                out.add_importable(score, &name.text, module, item);
            }
        }
    }

    /// The entry of a declaration of a module that is not imported, with the change that imports it; `None` for what
    /// cannot be imported.
    pub(super) fn importable_entry(&self, module: &str, item: &Item) -> Option<Completion> {
        let (name, kind, _) = importable_name(item)?;
        let mut entry = Completion::new(name.text.as_str(), kind)
            .detail(format!("import {module}"))
            .documentation(doc_text(&item.docs));
        entry.also.push(self.import_change(module, &name.text));
        Some(entry)
    }

    /// The change that imports a name: into the braces of an import of its module, or a line of its own.
    fn import_change(&self, module: &str, name: &str) -> (Span, String) {
        let file = &self.analysis.modules[self.module].parse.file;
        let (span, change) = import_change(file, &|source| names_module(source, module), module, name);
        (self.original(span), change)
    }

    /// A range of the analysed text in the text as it is.
    pub(super) fn original(&self, span: Span) -> Span {
        Span { start: self.moved.place(span.start), end: self.moved.place(span.end) }
    }
}
