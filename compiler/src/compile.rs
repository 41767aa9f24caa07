//! Compiles a file: loads its modules, checks them, sorts the diagnostics.

use std::{collections::HashMap, sync::Arc};

use cascade_grammar::Parse;
use cascade_ir as ir;

use crate::{
    analyze::{Analyzed, analyze, analyze_body},
    checks::allow,
    diagnostic::{self, Diagnostic, Severity},
    followups,
    index::Index,
    module::{self, Files, Loaded, Module},
    source::{SourceId, SourceMap, Sources},
    types::Types,
    world::{Declared, World},
};

pub use crate::analyze::Options;

/// The result of a compilation.
#[derive(Debug)]
pub struct Compilation {
    /// The texts of all files.
    pub sources: SourceMap,
    /// The diagnostics, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The program, unless there are errors.
    pub program: Option<ir::Program>,
    /// The analysis: files, declarations and, if requested, the index.
    pub analysis: Arc<Analysis>,
}

/// The part of a compilation that answers questions about the program: the files with their trees,
/// their declarations, and where each name is defined and used. It is shared and immutable.
#[derive(Debug)]
pub struct Analysis {
    pub(crate) modules: Vec<Module>,
    pub(crate) declared: Arc<Declared>,
    pub(crate) types: Types,
    pub(crate) index: Index,
}

impl Analysis {
    /// The tree of a file, with its tokens and comments. It is shared with whoever parsed the file.
    pub fn parse(&self, source: SourceId) -> Option<&Arc<Parse>> {
        self.module(source).map(|module| &self.modules[module].parse)
    }

    /// The imports of all files: each file with the files that it imports.
    pub fn imports(&self) -> impl Iterator<Item = (SourceId, Vec<SourceId>)> {
        self.modules.iter().map(|module| {
            let mut imported: Vec<_> = module.imports.iter().map(|(item, to)| (*item, *to)).collect();
            imported.sort_unstable();
            (module.source, imported.into_iter().map(|(_, to)| self.modules[to].source).collect())
        })
    }

    /// The program with another text and tree of one file, in which only the body of a declaration differs. That body
    /// alone is checked: what is declared stays as it is, and the index has the entries of the body only.
    pub(crate) fn with_body(
        &self,
        sources: &SourceMap,
        (module, item): (usize, usize),
        text: Arc<str>,
        parse: Parse,
    ) -> Self {
        let mut modules = self.modules.clone();
        modules[module].parse = Arc::new(parse);
        let map = sources.with_text(modules[module].source, text);
        let prelude = modules.iter().position(|module| module.name == "std.prelude");
        let (mut types, declared) = (self.types.clone(), Arc::clone(&self.declared));
        let files = Files { map: &map, modules: &modules, prelude, skill_files: &HashMap::default() };
        let index = analyze_body(World { files, declared: &declared }, &mut types, module, item);
        Self { modules, declared, types, index }
    }

    /// The module of a source.
    pub(crate) fn module(&self, source: SourceId) -> Option<usize> {
        self.modules.iter().position(|module| module.source == source)
    }
}

impl Compilation {
    /// Leaks the memory, for a process that is about to exit: freeing a large program would take a
    /// tenth of the time of its check.
    pub fn leak(self) {
        std::mem::forget(self.analysis);
        std::mem::forget(self.program);
    }

    /// Whether any diagnostic is an error.
    pub fn has_failed(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Compiles a file and everything that it imports. `name` is the path as the user gave it; imports
/// are resolved relative to it.
pub fn compile(name: &str, text: Arc<str>, sources: &dyn Sources) -> Compilation {
    compile_with(name, text, sources, Options::default())
}

/// Compiles as [`compile`] does, with optional results.
pub fn compile_with(name: &str, text: Arc<str>, sources: &dyn Sources, options: Options) -> Compilation {
    let Loaded { map, modules, root, prelude, skill_files, mut diagnostics } =
        module::load_modules(name, text, sources);
    let of_syntax = diagnostics.len();
    let files = Files { map: &map, modules: &modules, prelude, skill_files: &skill_files };
    let analyzed = analyze(files, root, options, &|| sources.is_cancelled());
    let Analyzed { program, declared, types, index, diagnostics: found } = analyzed;
    diagnostics.extend(found);
    followups::drop_followups(&map, &modules, &mut diagnostics, of_syntax);
    allow::apply_allows(&map, &modules, &mut diagnostics);
    diagnostic::sort_diagnostics(&mut diagnostics);
    let failed = diagnostics.iter().any(|d| d.severity == Severity::Error);
    let program = if failed { None } else { program };
    let analysis = Arc::new(Analysis { modules, declared: Arc::new(declared), types, index });
    Compilation { sources: map, diagnostics, program, analysis }
}
