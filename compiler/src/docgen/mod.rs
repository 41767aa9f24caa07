//! Documentation of a project as static pages.
//!
//! One page a file, an index, no scripts, nothing loaded from elsewhere. What is written comes
//! from the trees; pictures come from the compiled programs. The caller reads and writes files.

mod codes;
mod html;
mod item;
mod markdown;
mod names;
mod page;

use std::collections::BTreeMap;

use cascade_grammar::{
    Parse,
    ast::{ImportSource, ItemKind, StrPart},
};
use cascade_ir::Program;

use crate::source::Sources;
pub use codes::codes_page;
use names::Names;

/// A file to document.
#[derive(Debug)]
pub struct Input {
    /// Its name, as imports resolve it: a path, or a module such as `std.github`.
    pub name: String,
    /// Its name for readers.
    pub title: String,
    /// Its text.
    pub text: String,
    parse: Parse,
    program: Option<Program>,
    /// The names of the files that its imports mean, by the position of the item.
    imports: BTreeMap<usize, String>,
}

impl Input {
    /// A file. The program is for its pictures; without one it has none.
    pub fn new(name: &str, title: &str, text: &str, program: Option<Program>, sources: &dyn Sources) -> Self {
        let parse = cascade_grammar::parse(text);
        let mut imports = BTreeMap::new();
        for (index, item) in parse.file.items.iter().enumerate() {
            let ItemKind::Import(import) = &item.kind else { continue };
            match &import.source {
                ImportSource::Module(path) => {
                    let parts: Vec<&str> = path.iter().map(|part| part.text.as_str()).collect();
                    imports.insert(index, parts.join("."));
                }
                ImportSource::Path(path) => {
                    if let [StrPart::Text { text, .. }] = path.parts.as_slice() {
                        imports.insert(index, sources.resolve(name, text));
                    }
                }
            }
        }
        Self { name: name.to_owned(), title: title.to_owned(), text: text.to_owned(), parse, program, imports }
    }

    /// The modules of the standard library that it imports.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.imports.values().map(String::as_str).filter(|name| name.starts_with("std."))
    }
}

/// What the whole is about.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The project's name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// One sentence.
    pub description: Option<String>,
    /// The [`Input::name`] to begin with.
    pub entry: Option<String>,
}

/// A page to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The file's name, without folders.
    pub file: String,
    /// Its text.
    pub html: String,
}

/// The text of a module of the standard library.
pub fn module(name: &str) -> Option<&'static str> {
    cascade_stdlib::source(name)
}

/// The pages, `index.html` first.
pub fn pages(about: &About, inputs: &[Input]) -> Vec<Page> {
    let names = Names::new(inputs);
    let mut out = vec![Page { file: "index.html".to_owned(), html: page::index(about, inputs, &names) }];
    for index in 0..inputs.len() {
        out.push(Page { file: names.pages[index].clone(), html: page::of_file(about, inputs, index, &names) });
    }
    out
}
