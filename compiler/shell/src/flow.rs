//! Follows values through a script: variables, loops, functions, substitutions, pipes,
//! here-documents and files; and finds where one of them would be code.
//!
//! The analysis does not depend on the order of the commands: what a variable was ever given
//! counts everywhere. It is repeated until nothing new is learned.

use rustc_hash::FxHashMap as HashMap;

use crate::{
    Script, arguments,
    holes::HoleSet,
    programs::chooses_program,
    syntax::{Command, CommandKind, List, Operation, Piece, RedirectKind, Word},
};

/// How often the commands are walked at most; each time at least one variable learns something.
const MAX_ROUNDS: usize = 64;

/// Why a value would be code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is, or is a part of, the name of a program.
    Program,
    /// A program reads it as code: the name of the program.
    Code(String),
    /// A program would read it as an option that carries code: the name of the program.
    Option(String),
    /// A variable that chooses programs is given it.
    Variable(String),
    /// It would stand in arithmetic, which some shells read as code.
    Arithmetic,
    /// It is an argument of a program that is not known when the script is checked.
    UnknownProgram,
    /// The script goes to a directory that it names and runs a program from there.
    Directory,
    /// A file that it was written to is run.
    File(String),
}

/// A place where values would be code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePosition {
    /// The values.
    pub holes: HoleSet,
    /// The place, as a byte offset in the text that was parsed.
    pub at: usize,
    /// Why they would be code.
    pub reason: Reason,
}

/// What stands around a script and has a part in what it does.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Whether something is given on standard input that is to be followed.
    pub stdin: bool,
    /// The values that may be several words, or none.
    pub several: HoleSet,
}

/// An argument after expansion, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Argument {
    /// Its text, when it is literal.
    pub literal: Option<String>,
    /// The literal text that it begins with.
    pub prefix: String,
    /// The values in it.
    pub holes: HoleSet,
    /// Whether it may become several words.
    pub several: bool,
    /// Its place.
    pub at: usize,
}

/// What is known of a variable of the shell.
#[derive(Debug, Clone, Default)]
struct Variable {
    holes: HoleSet,
    /// The literal texts that it was given.
    literals: Vec<String>,
    /// Whether it was given anything else.
    unknown: bool,
}

/// The state of an analysis.
pub(crate) struct Analysis<'s> {
    documents: &'s [Word],
    surroundings: &'s Surroundings,
    variables: HashMap<String, Variable>,
    functions: HashMap<String, &'s Command>,
    /// Functions of the script around this one, whose bodies are not walked from here.
    outer_functions: Vec<String>,
    /// Functions whose body is being walked.
    open: Vec<String>,
    positional: HoleSet,
    files: HashMap<String, HoleSet>,
    directory: HoleSet,
    changed: bool,
    /// The places found, in the last round.
    found: Option<Vec<CodePosition>>,
}

impl Script {
    /// The places where values would be code.
    pub fn code_positions(&self, surroundings: &Surroundings) -> Vec<CodePosition> {
        let mut analysis = Analysis::new(&self.documents, surroundings);
        let stdin = if surroundings.stdin { HoleSet::single(HoleSet::STDIN) } else { HoleSet::default() };
        analysis.declare_functions(&self.list);
        analysis.run_to_the_end(&self.list, &stdin)
    }
}

impl<'s> Analysis<'s> {
    fn new(documents: &'s [Word], surroundings: &'s Surroundings) -> Self {
        Self {
            documents,
            surroundings,
            variables: HashMap::default(),
            functions: HashMap::default(),
            outer_functions: Vec::new(),
            open: Vec::new(),
            positional: HoleSet::default(),
            files: HashMap::default(),
            directory: HoleSet::default(),
            changed: false,
            found: None,
        }
    }

    fn run_to_the_end(&mut self, list: &'s List, stdin: &HoleSet) -> Vec<CodePosition> {
        for _ in 0..MAX_ROUNDS {
            self.changed = false;
            self.list(list, stdin);
            if !self.changed {
                break;
            }
        }
        self.found = Some(Vec::new());
        self.list(list, stdin);
        let mut found = self.found.take().unwrap_or_default();
        found.sort_by_key(|position| position.at);
        found.dedup();
        found
    }

    /// Notes that values would be code.
    pub fn report(&mut self, holes: &HoleSet, at: usize, reason: Reason) {
        if let Some(found) = self.found.as_mut().filter(|_| !holes.is_empty()) {
            found.push(CodePosition { holes: holes.clone(), at, reason });
        }
    }

    /// Analyses the text of a script that a command is given, with the variables of this one.
    pub fn nested_script(
        &mut self,
        text: &str,
        stdin: &HoleSet,
        positional: &HoleSet,
        at: usize,
        program: &str,
    ) -> HoleSet {
        let visible = self.all_values().joined(positional);
        if visible.is_empty() && stdin.is_empty() {
            return HoleSet::default();
        }
        let Ok(script) = crate::parse(text) else {
            self.report(&visible, at, Reason::Code(program.to_owned()));
            return visible;
        };
        let mut inner = Analysis::new(&script.documents, self.surroundings);
        inner.variables = self.variables.clone();
        inner.positional = self.positional.clone().joined(positional);
        inner.files = self.files.clone();
        inner.directory = self.directory.clone();
        inner.outer_functions = self.functions.keys().chain(&self.outer_functions).cloned().collect();
        inner.declare_functions(&script.list);
        for position in inner.run_to_the_end(&script.list, stdin) {
            self.report(&position.holes, at, position.reason);
        }
        for (name, variable) in inner.variables {
            self.assign(&name, &variable.holes, None);
        }
        visible.joined(stdin)
    }

    /// All values that a variable or a positional parameter holds.
    pub fn all_values(&self) -> HoleSet {
        let mut all = self.positional.clone();
        self.variables.values().for_each(|variable| {
            all.include(&variable.holes);
        });
        all
    }

    pub fn add_positional(&mut self, holes: &HoleSet) {
        self.changed |= self.positional.include(holes);
    }

    pub fn change_directory(&mut self, holes: &HoleSet) {
        self.changed |= self.directory.include(holes);
    }

    /// Notes that a variable was given a value, and reports one that chooses programs.
    pub fn assign(&mut self, name: &str, holes: &HoleSet, literal: Option<String>) {
        let variable = self.variables.entry(name.to_owned()).or_default();
        self.changed |= variable.holes.include(holes);
        match literal {
            Some(text) if !variable.literals.contains(&text) => {
                variable.literals.push(text);
                self.changed = true;
            }
            Some(_) => {}
            None if !variable.unknown => {
                variable.unknown = true;
                self.changed = true;
            }
            None => {}
        }
    }

    pub fn assign_reported(&mut self, name: &str, holes: &HoleSet, literal: Option<String>, at: usize) {
        if chooses_program(name) {
            self.report(holes, at, Reason::Variable(name.to_owned()));
        }
        self.assign(name, holes, literal);
    }

    /// Values in a file of a literal name, if they were written by this script.
    pub fn file(&self, name: &str) -> HoleSet {
        self.files.get(name.trim_start_matches("./")).cloned().unwrap_or_default()
    }

    pub fn write_file(&mut self, name: &str, holes: &HoleSet) {
        if holes.is_empty() {
            return;
        }
        let file = self.files.entry(name.trim_start_matches("./").to_owned()).or_default();
        self.changed |= file.include(holes);
    }

    fn declare_functions(&mut self, list: &'s List) {
        for command in list.pipelines.iter().flat_map(|p| &p.commands) {
            for_each_list(command, &mut |list| self.declare_functions(list));
            if let CommandKind::Function { name, body } = &command.kind {
                self.functions.insert(name.clone(), body);
            }
        }
    }

    /// Walks commands; gives the values in what they write.
    fn list(&mut self, list: &'s List, stdin: &HoleSet) -> HoleSet {
        let mut output = HoleSet::default();
        for pipeline in &list.pipelines {
            let mut input = stdin.clone();
            for command in &pipeline.commands {
                input = self.command(command, &input);
            }
            output.include(&input);
        }
        output
    }

    fn command(&mut self, command: &'s Command, stdin: &HoleSet) -> HoleSet {
        let mut stdin = stdin.clone();
        let mut files = Vec::new();
        for redirect in &command.redirects {
            let target = self.word(&redirect.target, &HoleSet::default());
            match redirect.kind {
                RedirectKind::HereDocument(document) => {
                    let documents = self.documents;
                    stdin = match documents.get(document) {
                        Some(text) => self.word(text, &HoleSet::default()),
                        None => HoleSet::default(),
                    };
                }
                RedirectKind::Read if redirect.descriptor.unwrap_or(0) == 0 => {
                    stdin = match redirect.target.literal() {
                        Some(name) => target.joined(&self.file(&name)),
                        None => target,
                    };
                }
                RedirectKind::Write | RedirectKind::Append if redirect.descriptor.unwrap_or(1) == 1 => {
                    files.push(redirect.target.literal());
                }
                _ => {}
            }
        }
        let output = self.command_kind(&command.kind, &stdin);
        if files.is_empty() {
            return output;
        }
        for name in files.into_iter().flatten() {
            self.write_file(&name, &output);
        }
        HoleSet::default()
    }

    fn command_kind(&mut self, kind: &'s CommandKind, stdin: &HoleSet) -> HoleSet {
        match kind {
            CommandKind::Simple { assignments, words } => {
                let mut given = HoleSet::default();
                for assignment in assignments {
                    let holes = self.word(&assignment.value, stdin);
                    let at = assignment.value.start;
                    self.assign_reported(&assignment.name, &holes, assignment.value.literal(), at);
                    given.include(&holes);
                }
                let arguments: Vec<Argument> = words.iter().map(|word| self.argument(word, stdin)).collect();
                match words.first() {
                    None => HoleSet::default(),
                    Some(first) => {
                        let names = self.program_names(first);
                        self.run(names, &arguments, stdin).joined(&given)
                    }
                }
            }
            CommandKind::Group(list) | CommandKind::Subshell(list) => self.list(list, stdin),
            CommandKind::If { branches, otherwise } => {
                let mut output = HoleSet::default();
                for (condition, body) in branches {
                    output.include(&self.list(condition, stdin));
                    output.include(&self.list(body, stdin));
                }
                if let Some(body) = otherwise {
                    output.include(&self.list(body, stdin));
                }
                output
            }
            CommandKind::While { condition, body } => {
                let output = self.list(condition, stdin);
                output.joined(&self.list(body, stdin))
            }
            CommandKind::For { name, words, body } => {
                match words {
                    Some(words) => {
                        for word in words {
                            let holes = self.word(word, stdin);
                            self.assign_reported(name, &holes, word.literal(), word.start);
                        }
                    }
                    None => {
                        let holes = self.positional.clone();
                        self.assign(name, &holes, None);
                    }
                }
                self.list(body, stdin)
            }
            CommandKind::Case { subject, arms } => {
                self.word(subject, stdin);
                let mut output = HoleSet::default();
                for (patterns, body) in arms {
                    patterns.iter().for_each(|pattern| {
                        self.word(pattern, stdin);
                    });
                    output.include(&self.list(body, stdin));
                }
                output
            }
            CommandKind::Function { .. } => HoleSet::default(),
        }
    }

    /// Runs the program that the first argument names, which may be one of several; gives the
    /// values in what it writes.
    pub fn run(&mut self, names: Option<Vec<String>>, arguments: &[Argument], stdin: &HoleSet) -> HoleSet {
        let Some((program, rest)) = arguments.split_first() else { return HoleSet::default() };
        let mut given = stdin.clone();
        rest.iter().for_each(|argument| {
            given.include(&argument.holes);
        });
        if !program.holes.is_empty() {
            self.report(&program.holes, program.at, Reason::Program);
            return given.joined(&program.holes);
        }
        let Some(names) = names else {
            self.report(&given, program.at, Reason::UnknownProgram);
            return given;
        };
        let mut output = given.clone();
        for argument in rest {
            if let Some(name) = &argument.literal {
                output.include(&self.file(name));
            }
        }
        for name in names {
            if name.contains('/') {
                let written = self.file(&name);
                self.report(&written, program.at, Reason::File(name.clone()));
                if !name.starts_with('/') {
                    let directory = self.directory.clone();
                    self.report(&directory, program.at, Reason::Directory);
                }
            }
            if self.outer_functions.contains(&name) {
                self.report(&given, program.at, Reason::UnknownProgram);
            }
            match self.functions.get(&name).copied() {
                Some(body) => {
                    for argument in rest {
                        self.add_positional(&argument.holes);
                    }
                    if !self.open.contains(&name) {
                        self.open.push(name.clone());
                        output.include(&self.command(body, stdin));
                        self.open.pop();
                    }
                }
                None => arguments::check_arguments(self, &name, rest, stdin, program.at),
            }
        }
        output
    }

    /// The names of the program that a word stands for; `None` when they are not known.
    fn program_names(&self, word: &Word) -> Option<Vec<String>> {
        if let Some(name) = word.literal() {
            return Some(vec![name]);
        }
        let parameter = match word.pieces.as_slice() {
            [Piece::Parameter(parameter)] => parameter,
            [Piece::Double(inner)] => match inner.as_slice() {
                [Piece::Parameter(parameter)] => parameter,
                _ => return None,
            },
            _ => return None,
        };
        let variable = self.variables.get(&parameter.name)?;
        let known = matches!(parameter.operation, Operation::Value) && !variable.unknown;
        // Several words would be a program with arguments.
        known.then(|| variable.literals.clone()).filter(|names| names.iter().all(|n| !n.contains(char::is_whitespace)))
    }

    pub fn argument(&mut self, word: &'s Word, stdin: &HoleSet) -> Argument {
        let holes = self.word(word, stdin);
        let unquoted = |piece: &Piece| match piece {
            Piece::Parameter(_) | Piece::Substitution(_) => true,
            Piece::Double(inner) => inner.iter().any(|p| matches!(p, Piece::Parameter(p) if p.name == "@")),
            _ => false,
        };
        let several = word.pieces.iter().any(unquoted)
            || holes.iter().any(|id| self.surroundings.several.iter().any(|other| other == id));
        Argument { literal: word.literal(), prefix: word.literal_prefix(), holes, several, at: word.start }
    }

    /// The values in a word; what is substituted in it is walked.
    fn word(&mut self, word: &'s Word, stdin: &HoleSet) -> HoleSet {
        self.pieces(&word.pieces, word.start, stdin)
    }

    fn pieces(&mut self, pieces: &'s [Piece], at: usize, stdin: &HoleSet) -> HoleSet {
        let mut holes = HoleSet::default();
        for piece in pieces {
            match piece {
                Piece::Text(_) | Piece::Quoted(_) => {}
                Piece::Hole(id) => {
                    holes.include(&HoleSet::single(*id));
                }
                Piece::Placeholder(_) => {
                    holes.include(&HoleSet::single(HoleSet::PLACEHOLDER));
                }
                Piece::Double(inner) | Piece::Single(inner) => {
                    holes.include(&self.pieces(inner, at, stdin));
                }
                Piece::Substitution(list) => {
                    holes.include(&self.list(list, stdin));
                }
                Piece::Arithmetic(inner) => {
                    let mut inside = self.arithmetic(inner, at, stdin);
                    self.report(&inside, at, Reason::Arithmetic);
                    holes.include(&std::mem::take(&mut inside));
                }
                Piece::Parameter(parameter) => {
                    let held = match parameter.name.as_str() {
                        "@" | "*" => self.positional.clone(),
                        name if name.starts_with(|c: char| ('1'..='9').contains(&c)) => self.positional.clone(),
                        name => self.variables.get(name).map(|v| v.holes.clone()).unwrap_or_default(),
                    };
                    holes.include(&held);
                    match &parameter.operation {
                        Operation::Value => {}
                        Operation::Default(word) | Operation::Trim(word) => {
                            holes.include(&self.word(word, stdin));
                        }
                        Operation::Assign(word) => {
                            let given = self.word(word, stdin);
                            self.assign_reported(&parameter.name, &given, word.literal(), at);
                            holes.include(&given);
                        }
                        Operation::Other(word) => {
                            let given = self.word(word, stdin);
                            self.report(&given, at, Reason::Arithmetic);
                            holes.include(&given);
                        }
                    }
                }
            }
        }
        holes
    }

    /// The values that arithmetic would read as text: those of variables and substitutions. The
    /// holes themselves are numbers.
    fn arithmetic(&mut self, pieces: &'s [Piece], at: usize, stdin: &HoleSet) -> HoleSet {
        let mut holes = HoleSet::default();
        for piece in pieces {
            match piece {
                Piece::Hole(_) => {}
                Piece::Text(text) | Piece::Quoted(text) => {
                    for name in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
                        if let Some(variable) = self.variables.get(name) {
                            holes.include(&variable.holes);
                        }
                    }
                }
                piece => {
                    holes.include(&self.pieces(std::slice::from_ref(piece), at, stdin));
                }
            }
        }
        holes
    }
}

/// The name and values of an argument like `NAME=value`.
pub(crate) fn split_assignment(argument: &Argument) -> Option<(&str, Option<String>)> {
    let (name, value) = argument.prefix.split_once('=')?;
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name, argument.literal.is_some().then(|| value.to_owned())))
}

/// Calls a function with the lists of commands directly in a command.
fn for_each_list<'s>(command: &'s Command, call: &mut dyn FnMut(&'s List)) {
    match &command.kind {
        CommandKind::Simple { assignments, words } => {
            let values = assignments.iter().map(|a| &a.value);
            values.chain(words).for_each(|word| for_each_substitution(&word.pieces, call));
        }
        CommandKind::Group(list) | CommandKind::Subshell(list) => call(list),
        CommandKind::If { branches, otherwise } => {
            branches.iter().for_each(|(condition, body)| {
                call(condition);
                call(body);
            });
            otherwise.iter().for_each(call);
        }
        CommandKind::While { condition, body } => {
            call(condition);
            call(body);
        }
        CommandKind::For { words, body, .. } => {
            words.iter().flatten().for_each(|word| for_each_substitution(&word.pieces, call));
            call(body);
        }
        CommandKind::Case { subject, arms } => {
            for_each_substitution(&subject.pieces, call);
            arms.iter().for_each(|(_, body)| call(body));
        }
        CommandKind::Function { body, .. } => for_each_list(body, call),
    }
}

fn for_each_substitution<'s>(pieces: &'s [Piece], call: &mut dyn FnMut(&'s List)) {
    for piece in pieces {
        match piece {
            Piece::Substitution(list) => call(list),
            Piece::Double(inner) | Piece::Single(inner) | Piece::Arithmetic(inner) => {
                for_each_substitution(inner, call)
            }
            Piece::Parameter(parameter) => match &parameter.operation {
                Operation::Value => {}
                Operation::Default(word) | Operation::Assign(word) | Operation::Trim(word) | Operation::Other(word) => {
                    for_each_substitution(&word.pieces, call);
                }
            },
            _ => {}
        }
    }
}

/// Calls a function with the words of each simple command, wherever it stands.
pub(crate) fn visit_simple_commands(script: &Script, call: &mut dyn FnMut(&[Word])) {
    fn visit(list: &List, call: &mut dyn FnMut(&[Word])) {
        for command in list.pipelines.iter().flat_map(|p| &p.commands) {
            if let CommandKind::Simple { words, .. } = &command.kind {
                call(words);
            }
            for_each_list(command, &mut |list| visit(list, call));
        }
    }
    visit(&script.list, call);
    for document in &script.documents {
        for_each_substitution(&document.pieces, &mut |list| visit(list, call));
    }
}
