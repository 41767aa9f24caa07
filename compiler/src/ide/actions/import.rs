//! The import of a name that the file does not know.

use std::{collections::BTreeSet, path::Path};

use cascade_grammar::ast::{ImportSource, Span, StrPart};

use super::{ActionKind, Draft, Question};
use crate::{
    codes,
    ide::importing::{HIDDEN, import_change, importable_name, names_module},
};

impl Question<'_> {
    /// Imports for unknown names, from the standard library and from files of the project.
    pub(super) fn draft_imports(&self, out: &mut Vec<Draft>) {
        let mut asked = BTreeSet::new();
        for (number, diagnostic) in self.diagnostics() {
            if diagnostic.code != codes::UNKNOWN_NAME && diagnostic.code != codes::UNKNOWN_TYPE {
                continue;
            }
            let name = self.text_of(diagnostic.primary.span);
            if name.is_empty() || name.starts_with('_') || !asked.insert(name) {
                continue;
            }
            for module in cascade_stdlib::modules().iter().filter(|module| !HIDDEN.contains(module)) {
                let Some(text) = cascade_stdlib::source(module) else { continue };
                if self.declares(module, text, name) {
                    let change = import_change(&self.parse.file, &|source| names_module(source, module), module, name);
                    out.push(import_draft(number, name, module, change));
                }
            }
            for file in (self.project)().iter().filter(|file| *file != self.name) {
                let Ok(text) = self.sources.read(file) else { continue };
                if !text.contains(name) || !self.declares(file, &text, name) {
                    continue;
                }
                let Some(path) = relative_path(self.name, file) else { continue };
                let is_same = |source: &ImportSource| match source {
                    ImportSource::Path(path) => match path.parts.as_slice() {
                        [StrPart::Text { text, .. }] => self.sources.resolve(self.name, text) == *file,
                        _ => false,
                    },
                    ImportSource::Module(_) => false,
                };
                let shown = format!("\"{path}\"");
                out.push(import_draft(number, name, &path, import_change(&self.parse.file, &is_same, &shown, name)));
            }
        }
    }

    fn declares(&self, file: &str, text: &str, name: &str) -> bool {
        let parse = self.sources.parse(file, text);
        parse.file.items.iter().any(|item| importable_name(item).is_some_and(|(found, ..)| found.text == name))
    }
}

fn import_draft(number: usize, name: &str, from: &str, change: (Span, String)) -> Draft {
    let title = format!("import `{name}` from `{from}`");
    Draft { title, kind: ActionKind::QuickFix, diagnostic: Some(number), changes: vec![change], reveals: true }
}

/// The path of a file as another one imports it: `./a.cascade`, `../lib/a.cascade`. `None` for what has no path.
fn relative_path(from: &str, to: &str) -> Option<String> {
    let mut up = String::from("./");
    let mut folder = Path::new(from).parent()?;
    loop {
        if let Ok(rest) = Path::new(to).strip_prefix(folder) {
            let rest: Vec<_> = rest.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            return Some(format!("{up}{}", rest.join("/")));
        }
        folder = folder.parent()?;
        up = if up == "./" { "../".to_owned() } else { format!("../{up}") };
    }
}
