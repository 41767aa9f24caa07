//! Compares the tree-sitter grammar of `editors/` with the compiler's grammar; `tests/editors/run.sh` runs it.
//!
//! Over all programs of the project: no error where the compiler has none, a leaf wherever the compiler has a token,
//! and the same class of colour. Over copies of them with one token damaged: what the compiler accepts is accepted,
//! and most of what it refuses is refused.

mod agreement;
mod colours;
mod mutants;
mod report;
mod textmate;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tree_sitter::{Language, Parser, Query, Tree};
use tree_sitter_language::LanguageFn;

use report::Report;
use textmate::Scopes;

unsafe extern "C" {
    fn tree_sitter_cascade() -> *const ();
}

/// The language of the generated parser.
fn cascade_language() -> Language {
    // SAFETY: the generated function gives a pointer to a static language.
    unsafe { LanguageFn::from_raw(tree_sitter_cascade) }.into()
}

/// A program with the answers of both parsers.
struct Program<'t> {
    path: &'t Path,
    text: &'t str,
    compiled: cascade_grammar::Parse,
    tree: Tree,
}

impl<'t> Program<'t> {
    fn parse_both(parser: &mut Parser, path: &'t Path, text: &'t str) -> Result<Self, Box<dyn Error>> {
        let tree = parser.parse(text, None).ok_or("tree-sitter gave no tree")?;
        Ok(Program { path, text, compiled: cascade_grammar::parse(text), tree })
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let language = cascade_language();
    let mut parser = Parser::new();
    parser.set_language(&language)?;
    let queries = root.join("editors/tree-sitter/queries");
    for name in ["locals", "folds", "indents", "injections"] {
        Query::new(&language, &std::fs::read_to_string(queries.join(name).with_extension("scm"))?)?;
    }
    let highlights = Query::new(&language, &std::fs::read_to_string(queries.join("highlights.scm"))?)?;

    let scopes = std::env::args_os().nth(1).ok_or("the output of textmate.js is missing; use tests/editors/run.sh")?;
    let scopes = Scopes::read_file(Path::new(&scopes))?;
    let mut report = Report::default();
    let mut texts = Vec::new();
    for folder in ["examples", "stdlib", "tests/run", "tests/gauntlet", "tests/ui"] {
        let before = texts.len();
        collect_programs(&root.join(folder), &mut texts)?;
        if texts.len() == before {
            return Err(format!("{folder} has no program").into());
        }
    }
    for (path, text) in &texts {
        let path = path.strip_prefix(&root)?;
        let program = Program::parse_both(&mut parser, path, text)?;
        agreement::compare_acceptance(&program, &mut report);
        if program.compiled.errors.is_empty() && !program.tree.root_node().has_error() {
            agreement::compare_leaves(&program, &mut report);
            colours::compare_colours(&program, &highlights, &mut report)?;
            textmate::compare_scopes(&program, &scopes, &mut report);
            for mutant in mutants::damage_program(&program) {
                let mutant = Program::parse_both(&mut parser, path, &mutant)?;
                mutants::compare_mutant(&mutant, &mut report);
            }
        }
    }
    Ok(report.conclude())
}

/// The programs below a folder, sorted by path.
fn collect_programs(folder: &Path, texts: &mut Vec<(PathBuf, String)>) -> std::io::Result<()> {
    let mut paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect_programs(&path, texts)?;
        } else if path.extension().is_some_and(|extension| extension == "cascade") {
            // Text that is not UTF-8 is a test of its own, and no text for an editor.
            if let Ok(text) = String::from_utf8(std::fs::read(&path)?) {
                texts.push((path, text));
            }
        }
    }
    Ok(())
}
