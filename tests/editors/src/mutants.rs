//! Programs with one damaged token.

use cascade_grammar::TokenClass;

use crate::Program;
use crate::agreement::{describe_place, find_error};
use crate::report::Report;

/// How many mutants of each kind are made of a program, at most.
const OF_A_KIND: usize = 40;

/// Copies of a program: without a token, with a token twice, and with two neighbours swapped.
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
        if let Some(next) = tokens.get(at + 1) {
            let (between, other) = (&text[token.end..next.start], &text[next.clone()]);
            mutants.push(format!("{before}{other}{between}{word}{}", &text[next.end..]));
        }
    }
    mutants
}

/// Counts a mutant.
pub fn compare_mutant(mutant: &Program<'_>, report: &mut Report) {
    let error = find_error(&mutant.tree);
    if !mutant.compiled.errors.is_empty() {
        report.mutants.count(error.is_some());
        if error.is_none() && std::env::var_os("CASCADE_SHOW_MUTANTS").is_some() {
            let error = &mutant.compiled.errors[0];
            let at = error.span.start as usize;
            let line = mutant.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let line = mutant.text[line..].lines().next().unwrap_or_default();
            println!("{}: only the compiler refuses `{line}`: {:?}", describe_place(mutant, at), error.kind);
        }
        return;
    }
    report.sound_mutants.count(error.is_some());
    if let Some(node) = error
        && std::env::var_os("CASCADE_SHOW_MUTANTS").is_some()
    {
        let at = node.start_byte();
        let line = mutant.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = mutant.text[line..].lines().next().unwrap_or_default();
        println!("{}: only tree-sitter refuses `{line}`", describe_place(mutant, at));
    }
}
