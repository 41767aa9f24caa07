//! The files of a program: loads and parses them, follows their imports, reports cycles.

use std::{collections::HashMap, sync::Arc};

use cascade_grammar::{Parse, ast, ast::Span};
use cascade_ir as ir;

use crate::{
    codes, depth_first,
    diagnostic::Diagnostic,
    skill_file::{NamedFile, SkillDocuments, load_skill_files},
    source::{SourceId, SourceMap, Sources},
    suggest, syntax,
};

/// A file of a compilation.
#[derive(Debug, Clone)]
pub(crate) struct Module {
    pub source: SourceId,
    /// The source name: a path, or `std.testing`.
    pub name: String,
    pub parse: Arc<Parse>,
    /// The modules that its imports resolve to, by the index of the import item.
    pub imports: HashMap<usize, usize>,
    /// Whether it is part of the standard library.
    pub std: bool,
}

/// The modules of a program, and the diagnostics of their syntax and their imports.
pub(crate) struct Loaded {
    pub map: SourceMap,
    pub modules: Vec<Module>,
    /// The index of the root file.
    pub root: usize,
    pub prelude: Option<usize>,
    pub skill_files: SkillDocuments,
    pub diagnostics: Vec<Diagnostic>,
}

/// The loaded files, as the analysis uses them.
#[derive(Clone, Copy)]
pub(crate) struct Files<'a> {
    pub map: &'a SourceMap,
    pub modules: &'a [Module],
    /// The module whose declarations are visible in every module.
    pub prelude: Option<usize>,
    pub skill_files: &'a SkillDocuments,
}

impl<'a> Files<'a> {
    /// The source of a module.
    pub fn source(self, module: usize) -> SourceId {
        self.modules[module].source
    }

    /// An item of a module.
    pub fn item(self, module: usize, item: usize) -> &'a ast::Item {
        &self.modules[module].parse.file.items[item]
    }

    /// The text under a span.
    pub fn text(self, module: usize, span: Span) -> &'a str {
        self.map.get(self.source(module)).text.get(span.range()).unwrap_or_default()
    }

    /// The line and column of a span, for messages at run time.
    pub fn place(self, module: usize, span: Span) -> ir::Place {
        let source = self.source(module);
        let (line, column) = self.map.get(source).position(span.start);
        ir::Place { file: source.0, line, column }
    }

    /// Whether a module has syntax errors.
    pub fn has_syntax_errors(self, module: usize) -> bool {
        !self.modules[module].parse.errors.is_empty()
    }

    /// Whether a syntax error starts within a range of offsets of a module.
    pub fn has_syntax_error_between(self, module: usize, from: u32, to: u32) -> bool {
        self.modules[module].parse.errors.iter().any(|e| e.span.start >= from && e.span.start < to)
    }
}

/// Loads and parses a file and everything that it imports.
pub(crate) fn load_modules(name: &str, text: Arc<str>, sources: &dyn Sources) -> Loaded {
    let mut loader = Loader {
        sources,
        map: SourceMap::default(),
        modules: Vec::new(),
        by_name: HashMap::new(),
        diagnostics: Vec::new(),
    };
    let prelude = loader.std("std.prelude");
    let root = loader.add(name, text, false);
    loader.load_imports();
    if loader.modules.iter().any(|m| uses_repairs(&m.parse, &loader.map.get(m.source).text)) {
        loader.std(REPAIR);
    }
    if loader.modules.iter().any(|m| uses_models(&m.parse.file)) {
        loader.std("std.models");
        loader.load_imports();
    }
    loader.report_cycles();
    let Loader { map, modules, mut diagnostics, .. } = loader;
    let skill_files = load_skill_files(named_skill_files(&modules), sources, &mut diagnostics);
    Loaded { map, modules, root, prelude, skill_files, diagnostics }
}

/// The skill files that the modules name.
fn named_skill_files(modules: &[Module]) -> Vec<NamedFile<'_>> {
    let mut named = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        for item in &module.parse.file.items {
            let ast::ItemKind::Skill(skill) = &item.kind else { continue };
            for line in &skill.body {
                if let ast::SkillLineKind::SkillFile(path) = &line.kind {
                    named.push(NamedFile { module: (index, &module.name, module.source), path });
                }
            }
        }
    }
    named
}

/// The module whose skill `on error fix` calls.
pub(crate) const REPAIR: &str = "std.repair";

/// Whether a file has `on error fix`.
fn uses_repairs(parse: &Parse, text: &str) -> bool {
    // A name may be the same word; then the module is loaded, and nothing of it is used.
    parse.tokens.iter().any(|token| text.get(token.span().range()) == Some("fix"))
}

/// Whether a file has a skill with a prompt; the default route is needed then.
fn uses_models(file: &ast::File) -> bool {
    file.items.iter().any(|item| match &item.kind {
        ast::ItemKind::Skill(skill) => skill.body.iter().any(|line| {
            use ast::SkillLineKind::{Agent, Prompt, SkillFile};
            matches!(line.kind, Prompt(_) | Agent { .. } | SkillFile(_))
        }),
        _ => false,
    })
}

struct Loader<'s> {
    sources: &'s dyn Sources,
    map: SourceMap,
    modules: Vec<Module>,
    by_name: HashMap<String, usize>,
    diagnostics: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn add(&mut self, name: &str, text: Arc<str>, std: bool) -> usize {
        let source = self.map.add(name, text.clone());
        let parse = self.sources.parse(name, &text);
        for error in &parse.errors {
            self.diagnostics.push(syntax::syntax_diagnostic(error, source));
        }
        let index = self.modules.len();
        self.modules.push(Module { source, name: name.to_owned(), parse, imports: HashMap::new(), std });
        self.by_name.insert(name.to_owned(), index);
        index
    }

    fn std(&mut self, name: &str) -> Option<usize> {
        if let Some(index) = self.by_name.get(name) {
            return Some(*index);
        }
        let text = cascade_stdlib::source(name)?;
        Some(self.add(name, Arc::from(text), true))
    }

    /// Loads the imports of all modules, until there are no new ones.
    fn load_imports(&mut self) {
        let mut next = 0;
        while next < self.modules.len() {
            let wanted: Vec<(usize, Wanted)> = self.modules[next]
                .parse
                .file
                .items
                .iter()
                .enumerate()
                .filter(|(i, _)| !self.modules[next].imports.contains_key(i))
                .filter_map(|(i, item)| match &item.kind {
                    ast::ItemKind::Import(import) => Some((i, imported_source(import))),
                    _ => None,
                })
                .collect();
            for (item, want) in wanted {
                if let Some(module) = self.import(next, want) {
                    self.modules[next].imports.insert(item, module);
                }
            }
            next += 1;
        }
    }

    fn import(&mut self, from: usize, want: Wanted) -> Option<usize> {
        let source = self.modules[from].source;
        match want {
            Wanted::Std(name, span) => {
                let found = self.std(&name);
                if found.is_none() && !self.is_reported(source, span) {
                    let mut d =
                        Diagnostic::new(codes::UNKNOWN_MODULE, source, span, format!("there is no module `{name}`"))
                            .label("not in the standard library");
                    let known = cascade_stdlib::modules().iter().copied().filter(|m| *m != "std.prelude");
                    d = match suggest::closest_name(&name, known.clone()) {
                        Some(near) => d.help(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), span, near),
                        None => d.help(format!(
                            "the standard library has {}; a file of yours is imported by its path: import \"./file.cascade\"",
                            known.map(|m| format!("`{m}`")).collect::<Vec<_>>().join(", ")
                        )),
                    };
                    self.diagnostics.push(d);
                }
                found
            }
            Wanted::File(target, span) => {
                let name = self.sources.resolve(&self.modules[from].name, &target);
                if let Some(index) = self.by_name.get(&name) {
                    return Some(*index);
                }
                match self.sources.read(&name) {
                    Ok(text) => Some(self.add(&name, text, false)),
                    Err(error) => {
                        if !self.is_reported(source, span) {
                            let why = match error.kind() {
                                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                                std::io::ErrorKind::InvalidData => "the file is not UTF-8 text".to_owned(),
                                _ => error.to_string(),
                            };
                            let mut d = Diagnostic::new(
                                codes::UNKNOWN_MODULE,
                                source,
                                span,
                                format!("`{target}` cannot be imported"),
                            )
                            .label(why);
                            d = if target.ends_with(".cascade") {
                                d.help(format!("the path is relative to the importing file; looked for `{name}`"))
                            } else {
                                d.help(if target.starts_with("std.") {
                                    "a module of the standard library stands without quotes"
                                } else {
                                    "an import names a file that ends in `.cascade`"
                                })
                            };
                            self.diagnostics.push(d);
                        }
                        None
                    }
                }
            }
            Wanted::Dynamic(span) => {
                if !self.is_reported(source, span) {
                    self.diagnostics.push(
                        Diagnostic::new(codes::UNKNOWN_MODULE, source, span, "the path of an import is plain text")
                            .label("no `$<>` here")
                            .help("which files make a program is known before it runs"),
                    );
                }
                None
            }
            Wanted::Nothing => None,
        }
    }

    fn is_reported(&self, source: SourceId, span: Span) -> bool {
        let line = |at: u32| self.map.get(source).line(at);
        // An import with a syntax error has no path.
        if self.diagnostics.iter().any(|d| {
            d.primary.source == source
                && d.code.as_str().starts_with("E01")
                && line(d.primary.span.start) == line(span.start)
        }) {
            return true;
        }
        self.diagnostics.iter().any(|d| d.primary.source == source && d.primary.span == span)
    }

    /// Reports every import that closes a cycle, with the path of the cycle.
    fn report_cycles(&mut self) {
        let cycles = depth_first::search_depth_first(self.modules.len(), |module| self.edges(module)).cycles;
        for cycle in cycles {
            let (Some(first), Some(last)) = (cycle.nodes.first(), cycle.nodes.last()) else { continue };
            let way: Vec<String> =
                cycle.nodes.iter().chain([first]).map(|m| format!("`{}`", self.modules[*m].name)).collect();
            let message = if way.len() == 2 {
                "this file imports itself".to_owned()
            } else {
                format!("these files import each other: {}", way.join(" → "))
            };
            let module = &self.modules[*last];
            let span = module.parse.file.items[cycle.closing].span;
            let d = Diagnostic::new(codes::IMPORT_CYCLE, module.source, span, message).label("closes the cycle").help(
                if way.len() == 2 {
                    "what a file declares is known in it without an import"
                } else {
                    "move what both need into a third file"
                },
            );
            self.diagnostics.push(d);
        }
    }

    /// The modules that a module imports, each with the index of the import item.
    fn edges(&self, module: usize) -> Vec<(usize, usize)> {
        let mut edges: Vec<(usize, usize)> = self.modules[module].imports.iter().map(|(i, m)| (*m, *i)).collect();
        edges.sort_unstable_by_key(|(_, item)| *item);
        edges
    }
}

enum Wanted {
    Std(String, Span),
    File(String, Span),
    /// A path with interpolation.
    Dynamic(Span),
    /// Nothing to load: the import has a syntax error.
    Nothing,
}

fn imported_source(import: &ast::Import) -> Wanted {
    match &import.source {
        ast::ImportSource::Module(parts) => match (parts.first(), parts.last()) {
            (Some(first), Some(last)) => {
                let name = parts.iter().map(|p| p.text.as_str()).collect::<Vec<_>>().join(".");
                Wanted::Std(name, first.span.to(last.span))
            }
            _ => Wanted::Nothing,
        },
        ast::ImportSource::Path(path) => match path.parts.as_slice() {
            [ast::StrPart::Text { text, .. }] => Wanted::File(text.clone(), path.span),
            _ => Wanted::Dynamic(path.span),
        },
    }
}
