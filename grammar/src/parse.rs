//! `parse`: runs the passes from text to tree in their order.

use std::sync::Arc;

use lalrpop_util::{ParseError, lalrpop_mod};

use crate::lexer::layout::lay_out_tokens;
use crate::lexer::scan::Scan;
use crate::tree_builder::TreeBuilder;
use crate::{Comment, Parse, SyntaxError, SyntaxErrorKind, Trivia, ast, errors};

lalrpop_mod!(
    #[allow(
        clippy::all,
        clippy::pedantic,
        clippy::panic,
        clippy::unwrap_used,
        unused,
        missing_docs,
        unreachable_pub
    )]
    #[rustfmt::skip]
    pub(crate) cascade
);

/// Parses a text. Total: any text gives a tree, with the errors beside it.
pub fn parse(text: &str) -> Parse {
    parse_from(text, 0)
}

/// Parses what stands in a text from the start of a line on; all places are those of the whole text. An offset
/// inside of a character is the end of the text.
pub fn parse_from(text: &str, start: usize) -> Parse {
    let start = if text.is_char_boundary(start) { start } else { text.len() };
    if u32::try_from(text.len()).is_err() {
        let kind = SyntaxErrorKind::TooLarge;
        let error = SyntaxError { kind, span: ast::Span::default() };
        return Parse { errors: vec![error], ..Parse::default() };
    }
    let line_starts = line_starts(text);
    let mut scan = Scan::scan_text(text, start);
    let tokens = lay_out_tokens(&mut scan);
    let mut builder = TreeBuilder::new(text, std::mem::take(&mut scan.docs), &scan.tokens);
    let items =
        cascade::FileParser::new().parse(&mut builder, tokens.iter().map(|&token| (token.1.start, token, token.1.end)));
    let items = match items {
        Ok(items) => items,
        Err(error) => {
            // Recovery failed: report the place where the parser stopped.
            if let ParseError::UnrecognizedEof { expected, .. } = &error {
                builder.errors.push(errors::unexpected_token(text, None, expected));
            }
            if let ParseError::UnrecognizedToken { token, expected } = &error {
                builder.errors.push(errors::unexpected_token(text, Some(token.1), expected));
            }
            Vec::new()
        }
    };
    let (lost, parser_errors) = builder.into_errors();
    scan.errors.extend(parser_errors);
    let errors = errors::drop_follow_up_errors(text, scan.errors, scan.suppressed, &line_starts);
    let mut comments = scan.comments;
    if !lost.is_empty() {
        comments.extend(lost.into_iter().map(|span| Comment { span, own_line: true }));
        comments.sort_by_key(|comment| comment.span.start);
    }
    Parse {
        file: ast::File { docs: scan.file_docs, items: items.into_iter().map(Arc::new).collect() },
        tokens,
        trivia: Trivia { comments, blank_lines: scan.blank_lines, line_starts },
        errors,
    }
}

fn line_starts(text: &str) -> Vec<u32> {
    std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1)).collect()
}
