//! The indentation of lines while they are typed.
#![allow(clippy::unwrap_used, clippy::panic)] // a test says what went wrong by failing

use std::{fs, path::Path};

use cascade_compiler::ide::indent_line;
use cascade_grammar::{TokenClass, parse};

const MARK: char = '‸';

/// The text after the line of the mark was indented; the sign before the mark was typed last.
fn typed(marked: &str) -> String {
    let at = marked.find(MARK).unwrap();
    let mut text = marked.replace(MARK, "");
    let sign = text[..at].chars().next_back().unwrap().to_string();
    if let Some((span, change)) = indent_line(&parse(&text), &text, at as u32, &sign) {
        text.replace_range(span.range(), &change);
    }
    text
}

#[test]
fn a_line_in_half_typed_code_is_indented() {
    for (before, after) in [
        // What is open.
        ("cascade f() {\n‸", "cascade f() {\n  "),
        ("cascade f() {\n  stage a = b(\n‸", "cascade f() {\n  stage a = b(\n    "),
        ("cascade f() {\n  if x {\n‸\n  }\n}\n", "cascade f() {\n  if x {\n    \n  }\n}\n"),
        ("fn f() -> int =\n‸", "fn f() -> int =\n  "),
        // What goes on as the line before.
        ("cascade f() {\n  stage a = b()\n    retry 2\n‸", "cascade f() {\n  stage a = b()\n    retry 2\n    "),
        ("cascade f() {\n  stage a = b()\n\n‸", "cascade f() {\n  stage a = b()\n\n  "),
        ("cascade f() {\n  if x {\n    y\n  }\n‸", "cascade f() {\n  if x {\n    y\n  }\n  "),
        ("skill s() {\n  prompt \"\"\"\n    a\n    \"\"\"\n‸", "skill s() {\n  prompt \"\"\"\n    a\n    \"\"\"\n  "),
        ("cascade f() {\n}\n‸", "cascade f() {\n}\n"),
        // What closes.
        ("cascade f() {\n  if x {\n    y\n    }‸", "cascade f() {\n  if x {\n    y\n  }"),
        ("cascade f() {\n  let a = [\n    1,\n]‸\n}\n", "cascade f() {\n  let a = [\n    1,\n  ]\n}\n"),
        ("cascade f() {\n  stage a = b(\n  }‸", "cascade f() {\n  stage a = b(\n}"),
        ("type T {\n  a: { b: int }‸", "type T {\n  a: { b: int }"),
        ("  }‸", "  }"),
        // Within a text.
        ("skill s() {\n  prompt \"\"\"\n      a\n‸", "skill s() {\n  prompt \"\"\"\n      a\n"),
        ("skill s() {\n  prompt \"\"\"\n }‸", "skill s() {\n  prompt \"\"\"\n }"),
    ] {
        assert_eq!(typed(before), after, "{before}");
    }
}

/// In the examples, with nothing behind the line: all that closes, and what follows a bracket, is where the formatter
/// puts it; of the other lines those that are as deep as the one before.
#[test]
fn lines_of_the_examples_are_where_the_formatter_puts_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples");
    let (mut lines, mut right) = (0, 0);
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "cascade") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let whole = parse(&text);
            let mut start = 0;
            for line in text.split_inclusive('\n') {
                let begin = start;
                start += line.len();
                let in_text = whole.tokens.iter().any(|token| {
                    let span = token.span();
                    token.class() == TokenClass::StringText
                        && (span.start as usize) < begin
                        && begin <= span.end as usize
                });
                let width = line.len() - line.trim_start_matches(' ').len();
                if begin == 0 || in_text || line.trim().is_empty() {
                    continue;
                }
                let closes = line.trim_start().starts_with(['}', ']', ')']);
                let half = if closes { &text[..begin + width + 1] } else { &text[..begin] };
                let sign = if closes { &half[half.len() - 1..] } else { "\n" };
                let found = indent_line(&parse(half), half, half.len() as u32, sign);
                let found = found.map_or(if closes { width } else { 0 }, |(_, indentation)| indentation.len());
                let above = text[..begin].trim_end();
                let opened = above.ends_with(['{', '[', '(']) && !text[..begin].ends_with("\n\n");
                if closes || opened {
                    assert_eq!(found, width, "{}: {line:?} after {above:?}", path.display());
                }
                lines += 1;
                right += usize::from(found == width);
            }
        }
    }
    eprintln!("{right} of {lines}");
    assert!(lines > 500, "{lines} lines");
    assert!(right * 100 >= lines * 90, "{right} of {lines}");
}
