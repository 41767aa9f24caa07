//! The words of a command, each with what it is for the shell.

use cascade_grammar::ast::{Span, StrLit, StrPart};

use super::TokenKind;

/// The words of a command with their places in the file, sorted and apart: programs, options and other arguments. A
/// word with a hole in it has a place on either side. Nothing of a command that no shell can read; within back-ticks a
/// command is one word.
pub(super) fn shell_words(command: &StrLit, file: &str) -> Vec<(Span, TokenKind)> {
    // The script, in which each hole is one character, and where each of its bytes stands in the file.
    let (mut script, mut places) = (String::new(), Vec::new());
    let mut holes = 0;
    for part in &command.parts {
        match part {
            StrPart::Text { text, span } => {
                script.push_str(text);
                place_text(text, file.get(span.range()).unwrap_or_default(), span.start, &mut places);
            }
            StrPart::Hole { .. } => {
                let Some(c) = cascade_shell::hole_character(holes) else { return Vec::new() };
                holes += 1;
                script.push(c);
                places.resize(script.len(), None);
            }
        }
    }
    let Ok(read) = cascade_shell::parse(&script) else { return Vec::new() };
    let mut kinds = vec![None; script.len()];
    // A command within another one's word comes first, and is painted over it.
    for words in read.commands.iter().rev() {
        let mut program_follows = true;
        let mut options_end = false;
        for range in words {
            let word = script.get(range.clone()).unwrap_or_default();
            let kind = if !options_end && word.starts_with('-') {
                options_end = word == "--";
                TokenKind::ShellOption
            } else if program_follows && !word.contains('=') {
                // `env`, `timeout` and the like run what follows them.
                program_follows = cascade_shell::is_wrapper(word);
                TokenKind::ShellProgram
            } else {
                TokenKind::ShellArgument
            };
            kinds[range.clone()].fill(Some(kind));
        }
    }
    let mut found: Vec<(Span, TokenKind)> = Vec::new();
    for (kind, place) in kinds.into_iter().zip(places) {
        let (Some(kind), Some(at)) = (kind, place) else { continue };
        match found.last_mut() {
            Some((span, last)) if *last == kind && span.end == at => span.end = at + 1,
            _ => found.push((Span { start: at, end: at + 1 }, kind)),
        }
    }
    found
}

/// Where each byte of a text stands: a block of text has lost the end of the line of its quotes, and of its lines the
/// indentation that they have in common.
fn place_text(text: &str, written: &str, start: u32, places: &mut Vec<Option<u32>>) {
    let (mut lines, mut at) = (written.split_inclusive('\n').peekable(), start);
    if !text.starts_with('\n') {
        at += lines.next_if_eq(&"\n").map_or(0, |line| line.len() as u32);
    }
    for line in text.split_inclusive('\n') {
        let written = lines.next().unwrap_or_default();
        // What was written otherwise than it is meant has no place byte by byte.
        let shown = written.trim_end_matches('\n').strip_suffix(line.trim_end_matches('\n'));
        let begin = shown.map(|indentation| at + indentation.len() as u32);
        places.extend((0..line.len() as u32).map(|offset| Some(begin? + offset)));
        at += written.len() as u32;
    }
}
