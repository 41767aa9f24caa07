//! Reads the script of a command as a POSIX shell reads it, values of the program included, and
//! follows where untrusted values go in it.
//!
//! A script is given as text in which each value stands as one character of a plane for private
//! use ([`hole_character`]). [`parse`] gives its tree; [`Script::parts`] says how each value must
//! be written so that it stays one word; [`Script::direct_words`] gives the words of a command
//! that needs no shell; [`Script::code_positions`] finds the values that would become code.

use std::ops::Range;

mod arguments;
mod commands;
mod cursor;
mod flow;
mod holes;
mod options;
mod parts;
mod programs;
pub mod syntax;
mod words;

pub use cursor::{MAX_HOLES, Quoting, SyntaxError, hole_character, hole_of};
pub use flow::{CodePosition, Reason, Surroundings};
pub use holes::HoleSet;
pub use parts::{DirectPart, Part, Position};
pub use programs::{Row, chooses_program, is_wrapper, table_rows};
pub use words::RESERVED_PREFIX;

use cursor::{Cursor, Edit};
use syntax::{List, Word};

/// A script that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    text: String,
    edits: Vec<Edit>,
    /// Its commands.
    pub list: List,
    /// The texts of its here-documents.
    pub documents: Vec<Word>,
    /// The words of each simple command, without assignments and redirections, as ranges of the text that was parsed.
    /// A command within another one's word comes before it. What stands between back-ticks is left out.
    pub commands: Vec<Vec<Range<usize>>>,
}

/// Reads a script.
///
/// # Errors
/// When the text is not a script of the POSIX shell, or a value stands where none can be put.
pub fn parse(text: &str) -> Result<Script, SyntaxError> {
    let mut cursor = Cursor::new(text, 0);
    let list = cursor.script()?;
    let (mut edits, documents) = (std::mem::take(&mut cursor.edits), std::mem::take(&mut cursor.documents));
    let commands = std::mem::take(&mut cursor.commands);
    edits.sort_by_key(|edit| edit.range.start);
    Ok(Script { text: text.to_owned(), edits, list, documents, commands })
}
