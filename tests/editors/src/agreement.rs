//! Whether both parsers accept a program and split it at the same places.

use cascade_grammar::TokenClass;
use tree_sitter::{Node, Tree};

use crate::Program;
use crate::report::Report;

/// `path:line:column` of a byte, from 1.
pub fn describe_place(program: &Program<'_>, at: usize) -> String {
    let before = &program.text[..at];
    let line = before.matches('\n').count() + 1;
    let column = at - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
    format!("{}:{line}:{column}", program.path.display())
}

/// The first node that is an error, or that is missing in the text.
pub fn find_error(tree: &Tree) -> Option<Node<'_>> {
    let mut node = tree.root_node();
    if !node.has_error() {
        return None;
    }
    while !node.is_error() && !node.is_missing() {
        let count = node.child_count();
        match (0..count).filter_map(|at| node.child(at)).find(|child| child.has_error() || child.is_missing()) {
            Some(child) => node = child,
            None => break,
        }
    }
    Some(node)
}

/// A program that the compiler accepts has no error; of those that it refuses, tree-sitter's errors are counted.
pub fn compare_acceptance(program: &Program<'_>, report: &mut Report) {
    let error = find_error(&program.tree);
    if !program.compiled.errors.is_empty() {
        report.wrong.count(error.is_some());
        return;
    }
    report.accepted += 1;
    if let Some(node) = error {
        let place = describe_place(program, node.start_byte());
        report.disagree(&format!("{place}: tree-sitter has an error, the compiler has none: {}", node.to_sexp()));
    }
}

/// Each token of the compiler is a leaf of the tree. Text of strings, where escapes are leaves of their own, and
/// operators and clauses of two words (`not in`, `on error`) are left to the comparison of colours.
pub fn compare_leaves(program: &Program<'_>, report: &mut Report) {
    for token in &program.compiled.tokens {
        let span = token.span();
        let (start, end) = (span.start as usize, span.end as usize);
        let text = &program.text[start..end];
        if start == end || token.class() == TokenClass::StringText || text.contains(char::is_whitespace) {
            continue;
        }
        report.tokens += 1;
        let leaf = program.tree.root_node().descendant_for_byte_range(start, end);
        if leaf.is_none_or(|leaf| leaf.byte_range() != (start..end)) {
            let found = leaf.map_or("nothing", |leaf| leaf.kind());
            report.disagree(&format!("{}: `{text}` is no leaf, but in {found}", describe_place(program, start)));
        }
    }
}
