//! What was compared, and whether the grammars agree.

use std::process::ExitCode;

/// How many disagreements are printed.
const SHOWN: usize = 60;

/// Of the mutants that the compiler refuses, the least part that tree-sitter must refuse, in percent. It lets holes of
/// one-line strings go on in the next line, and knows neither units of numbers nor escapes.
const LEAST_REFUSED: usize = 95;

/// Of all tokens, the most that may have a wrong scope in the TextMate grammar, in 10,000.
const MOST_WRONG_SCOPES: usize = 5;

/// Counts of what was compared.
#[derive(Default)]
pub struct Report {
    disagreements: usize,
    /// Programs of which the compiler accepts the syntax.
    pub accepted: usize,
    /// Programs of `tests/ui` that the compiler refuses, and how many of them tree-sitter does.
    pub wrong: Refusals,
    /// Mutants that the compiler refuses, and how many of them tree-sitter does.
    pub mutants: Refusals,
    /// Mutants that the compiler accepts, and how many of them tree-sitter refuses.
    pub sound_mutants: Refusals,
    /// Tokens, and how many of them have a wrong scope in the TextMate grammar.
    pub textmate: Refusals,
    /// Tokens whose leaf and colour were compared.
    pub tokens: usize,
}

/// Texts, and how many of them tree-sitter refuses.
#[derive(Default)]
pub struct Refusals {
    texts: usize,
    refused: usize,
}

impl Refusals {
    /// Counts a text.
    pub fn count(&mut self, refused: bool) {
        self.texts += 1;
        self.refused += usize::from(refused);
    }

    fn describe(&self) -> String {
        format!("{} of {}", self.refused, self.texts)
    }
}

impl Report {
    /// Something on which the grammars must agree, and do not.
    pub fn disagree(&mut self, message: &str) {
        self.disagreements += 1;
        if self.disagreements <= SHOWN {
            println!("{message}");
        }
    }

    /// Prints the counts; fails if the grammars disagree.
    pub fn conclude(mut self) -> ExitCode {
        println!("programs without an error: {}, with {} tokens", self.accepted, self.tokens);
        println!("refused programs of tests/ui: tree-sitter refuses {}", self.wrong.describe());
        println!("refused mutants: tree-sitter refuses {}", self.mutants.describe());
        println!("accepted mutants: tree-sitter refuses {}", self.sound_mutants.describe());
        if self.accepted == 0 || self.tokens == 0 || self.mutants.texts == 0 || self.sound_mutants.texts == 0 {
            self.disagree("nothing was compared");
        }
        if self.mutants.refused * 100 < self.mutants.texts * LEAST_REFUSED {
            self.disagree(&format!("tree-sitter refuses less than {LEAST_REFUSED} % of the refused mutants"));
        }
        println!("tokens: the TextMate grammar has a wrong scope for {}", self.textmate.describe());
        if self.textmate.refused * 10_000 > self.textmate.texts * MOST_WRONG_SCOPES {
            self.disagree(&format!("more than {MOST_WRONG_SCOPES} of 10,000 tokens have a wrong scope"));
        }
        println!("disagreements: {}", self.disagreements);
        if self.disagreements == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
