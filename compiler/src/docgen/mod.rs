//! Documentation of a project as static pages.
//!
//! One page per file and an index, without scripts or external resources. The text is taken from
//! the syntax trees, the pictures from the compiled programs. The caller reads and writes files.

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
    /// Its name as imports resolve it: a path, or a module such as `std.github`.
    pub name: String,
    /// Its title on the pages.
    pub title: String,
    /// Its text.
    pub text: String,
    parse: Parse,
    program: Option<Program>,
    /// The files that its imports resolve to, by the index of the import item.
    imports: BTreeMap<usize, String>,
}

impl Input {
    /// A file to document. The program is needed for the pictures; without it there are none.
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

    /// The modules of the standard library that the file imports.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.imports.values().map(String::as_str).filter(|name| name.starts_with("std."))
    }
}

/// The metadata of the project.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The project's name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// One sentence.
    pub description: Option<String>,
    /// The [`Input::name`] of the file that a reader should start with.
    pub entry: Option<String>,
}

/// A page to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The file name, without folders.
    pub file: String,
    /// The HTML.
    pub html: String,
}

/// The text of a module of the standard library.
pub fn module(name: &str) -> Option<&'static str> {
    cascade_stdlib::source(name)
}

/// The pages, `index.html` first.
pub fn pages(about: &About, inputs: &[Input]) -> Vec<Page> {
    let names = Names::new(inputs);
    let mut out = vec![Page { file: "index.html".to_owned(), html: page::index_page(about, inputs, &names) }];
    for index in 0..inputs.len() {
        out.push(Page { file: names.pages[index].clone(), html: page::of_file(about, inputs, index, &names) });
    }
    out
}
