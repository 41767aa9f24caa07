//! The tree of a script.

/// The position of a value among the values of a script.
pub type HoleId = u32;

/// A list of pipelines: `a && b; c &`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct List {
    /// The pipelines in order, with what joins each to the next.
    pub pipelines: Vec<Pipeline>,
}

/// Commands joined by `|`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The commands; each reads what the one before it writes.
    pub commands: Vec<Command>,
    /// Whether `!` stands before it, or `&&`, `||` or `&` after it: then it is no simple command.
    pub plain: bool,
}

/// A command with its redirections.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// What it is.
    pub kind: CommandKind,
    /// Its redirections, in order.
    pub redirects: Vec<Redirect>,
}

/// The kinds of commands of the shell's grammar.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandKind {
    /// `NAME=value program argument …`
    Simple {
        /// The assignments before the program.
        assignments: Vec<Assignment>,
        /// The program and its arguments; empty when there are only assignments.
        words: Vec<Word>,
    },
    /// `{ …; }`
    Group(List),
    /// `( … )`
    Subshell(List),
    /// `if`, `elif`: conditions with what follows them, and what `else` gives.
    If {
        /// Conditions and branches.
        branches: Vec<(List, List)>,
        /// The last branch.
        otherwise: Option<List>,
    },
    /// `while` and `until`.
    While {
        /// Decides whether the body runs again.
        condition: List,
        /// What is repeated.
        body: List,
    },
    /// `for name in words`; without `in`, over the positional parameters.
    For {
        /// The variable.
        name: String,
        /// Its values.
        words: Option<Vec<Word>>,
        /// What is repeated.
        body: List,
    },
    /// `case word in pattern) … ;; esac`
    Case {
        /// What is compared.
        subject: Word,
        /// Patterns and what they lead to.
        arms: Vec<(Vec<Word>, List)>,
    },
    /// `name() command`
    Function {
        /// Its name.
        name: String,
        /// Its body.
        body: Box<Command>,
    },
}

/// `NAME=value`
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: Word,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq)]
pub struct Redirect {
    /// The file descriptor before the operator.
    pub descriptor: Option<u32>,
    /// What is done.
    pub kind: RedirectKind,
    /// The file or the descriptor; of a here-document nothing.
    pub target: Word,
}

/// The operator of a redirection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// `<`, `<>`
    Read,
    /// `>`, `>|`
    Write,
    /// `>>`
    Append,
    /// `<&`, `>&`
    Duplicate,
    /// `<<`, `<<-`, with the position of the text among the here-documents of the script.
    HereDocument(usize),
}

/// A word: what becomes arguments after expansion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Word {
    /// Its parts, joined without a space.
    pub pieces: Vec<Piece>,
    /// Where it begins, as a byte offset in the text that was parsed.
    pub start: usize,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Text outside of quotes; wildcards in it are expanded.
    Text(String),
    /// Text in which nothing is expanded: `'…'`, `\c`, text between double quotes.
    Quoted(String),
    /// `"…"`
    Double(Vec<Piece>),
    /// `'…'`, when a hole or a placeholder stands in it.
    Single(Vec<Piece>),
    /// `$name`, `${name …}`
    Parameter(Parameter),
    /// `$(…)`, `` `…` ``
    Substitution(List),
    /// `$((…))`
    Arithmetic(Vec<Piece>),
    /// A value that the program puts there.
    Hole(HoleId),
    /// `{name}`, which may be given a value later.
    Placeholder(String),
}

/// The expansion of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, digit or special character.
    pub name: String,
    /// What stands after the name.
    pub operation: Operation,
}

/// What an expansion does with the parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// `$name`, `${#name}`
    Value,
    /// `${name-word}`, `${name+word}`, `${name?word}`, with or without `:`
    Default(Word),
    /// `${name=word}`, with or without `:`
    Assign(Word),
    /// `${name#pattern}`, `##`, `%`, `%%`
    Trim(Word),
    /// What is not a part of POSIX: arrays, substrings, replacements.
    Other(Word),
}

impl Word {
    /// Its text, when nothing in it is expanded or given by a value.
    pub fn literal(&self) -> Option<String> {
        let mut text = String::new();
        push_literal(&self.pieces, &mut text).then_some(text)
    }

    /// The literal text that it begins with.
    pub fn literal_prefix(&self) -> String {
        let mut text = String::new();
        push_literal(&self.pieces, &mut text);
        text
    }

    /// The value that it consists of alone, with or without quotes.
    pub fn sole_piece(&self) -> Option<&Piece> {
        match self.pieces.as_slice() {
            [piece @ (Piece::Hole(_) | Piece::Placeholder(_))] => Some(piece),
            [Piece::Double(inner) | Piece::Single(inner)] => match inner.as_slice() {
                [piece @ (Piece::Hole(_) | Piece::Placeholder(_))] => Some(piece),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Adds literal text up to the first part that is not; says whether all of it was literal.
fn push_literal(pieces: &[Piece], text: &mut String) -> bool {
    pieces.iter().all(|piece| match piece {
        Piece::Text(part) | Piece::Quoted(part) => {
            text.push_str(part);
            true
        }
        Piece::Double(inner) | Piece::Single(inner) => push_literal(inner, text),
        _ => false,
    })
}

impl List {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.pipelines.is_empty()
    }
}
