//! Renaming: every place that names a thing gets the new name, or none does.
//!
//! The places come from the index. Whether the program means the same afterwards is not guessed: it is
//! analysed with the changes, and each name must stand for what it stood for before.

use cascade_grammar::ast::Span;

use super::changed::Changed;
use crate::{
    analyze::Options,
    compile::{Analysis, compile_with},
    diagnostic::{Diagnostic, Severity},
    index::{Index, Symbol},
    source::{SourceId, SourceMap, Sources},
};

/// A change of a file's text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The file's name.
    pub file: String,
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// A program that was analysed with its index.
#[derive(Debug, Clone, Copy)]
pub struct Analysed<'a> {
    /// The analysis.
    pub analysis: &'a Analysis,
    /// The texts of its files.
    pub sources: &'a SourceMap,
    /// Its diagnostics.
    pub diagnostics: &'a [Diagnostic],
}

/// The name at an offset, if it can be renamed.
///
/// # Errors
/// Why it cannot be: no name, a name of the language, a name of the standard library.
pub fn prepare_rename(program: Analysed<'_>, source: SourceId, offset: u32) -> Result<Span, String> {
    let Some((symbol, span)) = program.analysis.symbols_at(source, offset).into_iter().next() else {
        return Err("there is no name here".to_owned());
    };
    match symbol {
        Symbol::Builtin(_) => return Err("this is a name of the language".to_owned()),
        Symbol::Missing => return Err("what this names could not be loaded".to_owned()),
        Symbol::Module(_) => return Err("a module is named by its file".to_owned()),
        _ => {}
    }
    let index = &program.analysis.index;
    let mut definitions = index.definitions(symbol).peekable();
    if definitions.peek().is_none() {
        return Err("nothing declares this name".to_owned());
    }
    let named = |(module, span): &(u32, Span)| {
        index.modules()[*module as usize].definitions.iter().any(|d| d.named && d.symbol == symbol && d.span == *span)
    };
    if !index.definitions(symbol).any(|place| named(&place)) {
        return Err("this is a name of the language".to_owned());
    }
    if definitions.any(|(module, _)| program.analysis.modules[module as usize].std) {
        return Err("this is declared by the standard library".to_owned());
    }
    Ok(span)
}

/// The changes that rename what the name at an offset stands for. `others` are further programs, such as
/// those that import the file; `sources` gives the texts of files that are not changed.
///
/// # Errors
/// Why the name cannot be changed so: what [`prepare_rename`] gives, no valid name, a clash with another
/// name, a change of meaning.
pub fn rename(
    program: Analysed<'_>,
    others: &[Analysed<'_>],
    source: SourceId,
    offset: u32,
    new_name: &str,
    sources: &dyn Sources,
) -> Result<Vec<Change>, String> {
    let span = prepare_rename(program, source, offset)?;
    if !is_name(new_name) {
        return Err(format!("`{new_name}` is no name"));
    }
    let text = |program: &Analysed<'_>, source: SourceId, span: Span| {
        program.sources.get(source).text.get(span.range()).unwrap_or_default().to_owned()
    };
    let old_name = text(&program, source, span);
    let mut changes = changes_in(program, source, span.start, &old_name, new_name);
    // The same definition as other programs see it.
    let symbol = program.analysis.symbols_at(source, span.start).first().map(|(symbol, _)| *symbol);
    let definition = symbol.and_then(|symbol| program.analysis.index.definitions(symbol).next());
    let mut affected = vec![program];
    if let Some((module, place)) = definition {
        let file = &program.analysis.modules[module as usize].name;
        let declared = text(&program, program.analysis.modules[module as usize].source, place) == old_name;
        for other in others.iter().filter(|_| declared) {
            let Some((source, _)) = other.sources.iter().find(|(_, source)| source.name == *file) else { continue };
            let found = changes_in(*other, source, place.start, &old_name, new_name);
            if !found.is_empty() {
                affected.push(*other);
                changes.extend(found);
            }
        }
    }
    changes.sort_unstable();
    changes.dedup();
    let changed = Changed::apply(&changes, sources, &affected);
    for program in affected {
        check_meaning(program, &changes, &changed, new_name)?;
    }
    Ok(changes)
}

/// Whether a text is a name, and no word of the language.
fn is_name(text: &str) -> bool {
    let parse = cascade_grammar::parse(&format!("fn f({text}: int) -> int = {text}\n"));
    let word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !text.is_empty();
    word && parse.errors.is_empty()
}

/// The changes in one program.
fn changes_in(program: Analysed<'_>, source: SourceId, offset: u32, old: &str, new: &str) -> Vec<Change> {
    let analysis = program.analysis;
    let index = &analysis.index;
    let Some((first, _)) = analysis.symbols_at(source, offset).into_iter().next() else { return Vec::new() };
    // A stage of a `parallel` is a variable and a field of its result: what is defined at one place has
    // one name.
    let mut symbols = vec![first];
    let mut next = 0;
    while let Some(symbol) = symbols.get(next).copied() {
        next += 1;
        for (module, span) in index.definitions(symbol) {
            let module = &index.modules()[module as usize];
            let shorthand = module.uses.iter().any(|u| u.span == span);
            let here = module.definitions.iter().filter(|d| d.span == span && !shorthand && d.named);
            for definition in here {
                if !symbols.contains(&definition.symbol) {
                    symbols.push(definition.symbol);
                }
            }
        }
    }
    let mut changes = Vec::new();
    for symbol in &symbols {
        for (module, span) in index.definitions(*symbol).chain(index.uses(*symbol)) {
            let origin = &analysis.modules[module as usize];
            let entries = &index.modules()[module as usize];
            // An alias of an import has a name of its own; `it` and `output` are not written where they are defined.
            if program.sources.get(origin.source).text.get(span.range()) != Some(old) {
                continue;
            }
            let defines = entries.definitions.iter().any(|d| d.span == span && d.symbol == *symbol);
            let field = entries.uses.iter().any(|u| u.span == span && !symbols.contains(&u.symbol));
            let variable = entries.definitions.iter().any(|d| d.span == span && !symbols.contains(&d.symbol));
            // `{ a }` in a pattern names a field and a variable.
            let text = match (defines, field, variable) {
                (true, true, _) => format!("{old}: {new}"),
                (false, _, true) => format!("{new}: {old}"),
                _ => new.to_owned(),
            };
            changes.push(Change { file: origin.name.clone(), span, text });
        }
    }
    changes
}

/// Compares what each name stands for before and after the changes.
fn check_meaning(program: Analysed<'_>, changes: &[Change], changed: &Changed<'_>, new: &str) -> Result<(), String> {
    let clash = || format!("`{new}` would change what the program means, or clash with another `{new}`");
    let before = program.analysis;
    // The root is the first file that is not of the standard library.
    let root = before.modules.iter().find(|module| !module.std).map(|module| module.name.clone());
    let Some((root, text)) = root.and_then(|root| Some((root.clone(), changed.texts.get(&root)?.clone()))) else {
        return Err(clash());
    };
    let compiled = compile_with(&root, text, changed, Options { index: true, ..Options::default() });
    let after = &compiled.analysis;
    let errors = |diagnostics: &[Diagnostic]| diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    if after.modules.len() != before.modules.len() || errors(&compiled.diagnostics) != errors(program.diagnostics) {
        return Err(clash());
    }
    // A place before the changes, moved to where it is after them.
    let moved = |file: &str, at: u32| {
        let before_it = changes.iter().filter(|change| change.file == file && change.span.end <= at);
        before_it.fold(i64::from(at), |at, change| {
            at + change.text.len() as i64 - i64::from(change.span.end - change.span.start)
        })
    };
    let symbol_after = |symbol: Symbol| match symbol {
        Symbol::Variable { module, start } => {
            let file = before.modules.get(module as usize).map(|module| module.name.as_str()).unwrap_or_default();
            (Symbol::Variable { module, start: 0 }, moved_start(file, start, changes, &moved))
        }
        other => (other, 0),
    };
    let plain = |symbol: Symbol| match symbol {
        Symbol::Variable { module, start } => (Symbol::Variable { module, start: 0 }, i64::from(start)),
        other => (other, 0),
    };
    let meanings = |index: &Index, of: &dyn Fn(Symbol) -> (Symbol, i64)| -> Vec<Vec<(Symbol, i64)>> {
        index.modules().iter().map(|module| module.uses.iter().map(|u| of(u.symbol)).collect()).collect()
    };
    if meanings(&before.index, &symbol_after) != meanings(&after.index, &plain) {
        return Err(clash());
    }
    Ok(())
}

/// Where a variable begins after the changes. `{ a: b }` for `{ a }` moves it behind the field's name.
fn moved_start(file: &str, start: u32, changes: &[Change], moved: &dyn Fn(&str, u32) -> i64) -> i64 {
    let own = changes.iter().find(|change| change.file == file && change.span.start == start);
    let behind = own.and_then(|change| change.text.find(": ")).map_or(0, |at| at as i64 + 2);
    moved(file, start) + behind
}
