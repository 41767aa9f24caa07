//! From text to tree: the passes in their order.

use lalrpop_util::{ParseError, lalrpop_mod};

use crate::build::Cx;
use crate::lexer::layout::layout;
use crate::lexer::scan::Scan;
use crate::token::Token;
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
    cascade
);

/// Reads a text. Total: whatever the text, it gives a tree, and says what is wrong.
pub fn parse(text: &str) -> Parse {
    if u32::try_from(text.len()).is_err() {
        let kind = SyntaxErrorKind::TooLarge;
        let error = SyntaxError { kind, span: ast::Span::default() };
        return Parse { errors: vec![error], ..Parse::default() };
    }
    let line_starts = line_starts(text);
    let mut scan = Scan::run(text);
    let tokens = layout(&mut scan);
    let mut cx = Cx::new(text, std::mem::take(&mut scan.docs), &scan.tokens);
    let items = cascade::FileParser::new()
        .parse(&mut cx, tokens.into_iter().map(|token: Token| (token.1.start, token, token.1.end)));
    let items = match items {
        Ok(items) => items,
        Err(error) => {
            // Recovery gave up: only the end of the file is left to blame.
            if let ParseError::UnrecognizedEof { expected, .. } = &error {
                cx.errors.push(errors::unexpected(text, None, expected));
            }
            if let ParseError::UnrecognizedToken { token, expected } = &error {
                cx.errors.push(errors::unexpected(text, Some(token.1), expected));
            }
            Vec::new()
        }
    };
    let (lost, parser_errors) = cx.finish();
    scan.errors.extend(parser_errors);
    let errors = errors::settle(text, scan.errors, scan.poison, &line_starts);
    let mut comments = scan.comments;
    if !lost.is_empty() {
        comments.extend(lost.into_iter().map(|span| Comment { span, own_line: true }));
        comments.sort_by_key(|comment| comment.span.start);
    }
    Parse {
        file: ast::File { docs: scan.file_docs, items },
        trivia: Trivia { comments, blank_lines: scan.blank_lines, line_starts },
        errors,
    }
}

fn line_starts(text: &str) -> Vec<u32> {
    let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    std::iter::once(0).chain(breaks.map(|(at, _)| at as u32 + 1)).collect()
}
