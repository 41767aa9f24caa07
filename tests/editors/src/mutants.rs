//! Programs with one token that is damaged or moved to another line.

use cascade_grammar::TokenClass;

use crate::Program;
use crate::agreement::{describe_place, find_error};
use crate::report::Report;

/// How many mutants of each kind are made of a program, at most.
const OF_A_KIND: usize = 40;

/// Copies of a program: without a token, with a token twice, with a line break before it or
/// none after it, and with two neighbours swapped.
pub fn damage_program(program: &Program<'_>) -> Vec<String> {
    let text = program.text;
    let tokens: Vec<_> = program
        .compiled
        .tokens
        .iter()
        .filter(|token| token.class() != TokenClass::StringText && token.span().start < token.span().end)
        .map(|token| token.span().range())
        .collect();
    let step = tokens.len() / OF_A_KIND + 1;
    let mut mutants = Vec::new();
    for at in (0..tokens.len()).step_by(step) {
        let token = tokens[at].clone();
        let (before, word, after) = (&text[..token.start], &text[token.clone()], &text[token.end..]);
        mutants.push(format!("{before}{after}"));
        mutants.push(format!("{before}{word} {word}{after}"));
        mutants.push(format!("{before}\n{word}{after}"));
        if let Some(next) = tokens.get(at + 1) {
            if text[token.end..next.start].trim().is_empty() {
                mutants.push(format!("{before}{word} {}", &text[next.start..]));
            }
            let (between, other) = (&text[token.end..next.start], &text[next.clone()]);
            mutants.push(format!("{before}{other}{between}{word}{}", &text[next.end..]));
        }
    }
    mutants
}

/// The line at a byte.
fn line_at(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// A mutant that the compiler accepts has no error; of those that it refuses, tree-sitter's errors are counted, and
/// with `CASCADE_SHOW_MUTANTS` those without one are printed.
pub fn compare_mutant(mutant: &Program<'_>, report: &mut Report) {
    let refused = find_error(&mutant.tree);
    let Some(error) = mutant.compiled.errors.first() else {
        report.sound_mutants.count(refused.is_some());
        if let Some(node) = refused {
            let at = node.start_byte();
            let (place, line) = (describe_place(mutant, at), line_at(mutant.text, at));
            report.disagree(&format!("a mutant of {place}: only tree-sitter refuses `{line}`"));
        }
        return;
    };
    report.mutants.count(refused.is_some());
    if refused.is_none() && std::env::var_os("CASCADE_SHOW_MUTANTS").is_some() {
        let at = error.span.start as usize;
        let (place, line) = (describe_place(mutant, at), line_at(mutant.text, at));
        println!("a mutant of {place}: only the compiler refuses `{line}`: {:?}", error.kind);
    }
}
