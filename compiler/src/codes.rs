//! The code of every diagnostic, with its page.

/// Whether a diagnostic keeps a program from running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The program is not run.
    Error,
    /// The program is run; somebody should look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// The code of a diagnostic: `E0201`, `W0101`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

impl Code {
    /// As text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
    /// Errors begin with `E`, warnings with `W`.
    pub fn severity(self) -> Severity {
        if self.0.starts_with('E') { Severity::Error } else { Severity::Warning }
    }
    /// The code that a text names, whatever its case.
    pub fn find(text: &str) -> Option<Code> {
        ALL.iter().map(|(code, _)| *code).find(|code| code.0.eq_ignore_ascii_case(text.trim()))
    }
    /// Its page.
    pub fn explanation(self) -> Explanation {
        let page = ALL.iter().find(|(code, _)| *code == self).map_or("", |(_, page)| page);
        Explanation { code: self, page }
    }
}

/// What there is to say of a code: Markdown with a wrong and a right program.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    /// The code.
    pub code: Code,
    /// The page: a title line, text, programs in fences marked `cascade wrong` and
    /// `cascade right`.
    pub page: &'static str,
}

impl Explanation {
    /// The first line without its mark.
    pub fn title(&self) -> &'static str {
        self.page.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
    /// The programs under a mark (`wrong` or `right`).
    pub fn programs(&self, mark: &str) -> Vec<&'static str> {
        let open = format!("```cascade {mark}\n");
        self.page.split(open.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$doc])* pub const $name: Code = Code($code);)*
        /// All codes and their pages, sorted.
        pub const ALL: &[(Code, &str)] = &[$((Code($code), include_str!(concat!("../explain/", $code, ".md"))),)*];
    };
}

codes! {
    /// A token that cannot stand where it stands.
    UNEXPECTED = "E0101";
    /// A character that begins nothing.
    UNKNOWN_CHARACTER = "E0102";
    /// Text without its closing quote.
    UNTERMINATED_STRING = "E0103";
    /// `$<` without `>`.
    UNTERMINATED_HOLE = "E0104";
    /// An opening bracket without its partner.
    UNCLOSED = "E0105";
    /// A closing bracket without its partner.
    UNOPENED = "E0106";
    /// An escape that does not exist.
    BAD_ESCAPE = "E0107";
    /// A number that cannot be.
    BAD_NUMBER = "E0108";
    /// A word of the language as a name.
    RESERVED_WORD = "E0109";
    /// Nested too deeply.
    TOO_DEEP = "E0110";
    /// More than 4 GiB.
    TOO_LARGE = "E0111";
    /// Other mistakes of syntax.
    SYNTAX = "E0112";
    /// A command that no shell can read.
    COMMAND_SYNTAX = "E0113";
    /// An edition of the language that this compiler does not read.
    EDITION = "E0114";
    /// A name that nothing has.
    UNKNOWN_NAME = "E0201";
    /// A field or method that the type does not have.
    UNKNOWN_FIELD = "E0202";
    /// A name given twice.
    DUPLICATE = "E0203";
    /// A variant that the enum does not have.
    UNKNOWN_VARIANT = "E0204";
    /// An import that leads nowhere.
    UNKNOWN_MODULE = "E0205";
    /// Files that import each other.
    IMPORT_CYCLE = "E0206";
    /// A name that the imported file does not give.
    NOT_EXPORTED = "E0207";
    /// A type that does not exist.
    UNKNOWN_TYPE = "E0208";
    /// Something that calls itself.
    RECURSION = "E0209";
    /// A setting, clause word or attribute that does not exist.
    UNKNOWN_SETTING = "E0210";
    /// An error that `@allow` names.
    NOT_ALLOWABLE = "E0211";
    /// A value of another type than is needed.
    MISMATCH = "E0301";
    /// Arguments that do not fit the parameters.
    ARGUMENTS = "E0302";
    /// Something is called that cannot be.
    NOT_CALLABLE = "E0303";
    /// A record without a field that it needs.
    MISSING_FIELD = "E0304";
    /// A value that may be null where one is needed.
    MAY_BE_NULL = "E0305";
    /// An operator on types that do not have it.
    OPERATOR = "E0306";
    /// A type that cannot be found out.
    CANNOT_INFER = "E0307";
    /// A skill called without `stage`, or a stage without a call.
    STAGE_CALL = "E0308";
    /// `json` read without saying as what.
    JSON_READ = "E0309";
    /// A type that is written wrongly or contains itself.
    BAD_TYPE = "E0310";
    /// Something that cannot be assigned.
    NOT_ASSIGNABLE = "E0311";
    /// A value that must be known before the program runs.
    NOT_CONSTANT = "E0312";
    /// A whole-number division where a float is wanted.
    WHOLE_DIVISION = "E0313";
    /// A `match` that does not cover everything.
    NOT_EXHAUSTIVE = "E0401";
    /// Statements that can never run.
    UNREACHABLE = "E0402";
    /// A value that may not have been set.
    MAYBE_UNSET = "E0403";
    /// A way through a cascade without `return`.
    MISSING_RETURN = "E0404";
    /// A statement where it cannot stand.
    MISPLACED = "E0405";
    /// A model that cannot do what is asked.
    CAPABILITY = "E0501";
    /// A skill without exactly one effect.
    ONE_EFFECT = "E0502";
    /// A setting that does not belong to the effect or the statement.
    WRONG_PLACE = "E0503";
    /// The network where there is none.
    NETWORK = "E0504";
    /// A skill file that cannot be used.
    SKILL_FILE = "E0505";
    /// Untrusted text that would choose a program.
    UNTRUSTED_PROGRAM = "E0601";
    /// A secret that would be seen.
    SECRET_LEAK = "E0602";
    /// Two parallel branches that write one thing.
    PARALLEL_WRITE = "E0701";
    /// Stages of a `parallel` that wait for each other.
    PARALLEL_CYCLE = "E0702";
    /// Two parallel branches that edit one directory.
    SHARED_DIRECTORY = "E0703";
    /// A loop without a bound.
    UNBOUNDED = "E0801";
    /// A bound that lets nothing happen.
    ZERO_BOUND = "E0802";
    /// A `cascade.toml` that is not TOML.
    PROJECT_SYNTAX = "E1001";
    /// A section, setting or code in `cascade.toml` that does not exist.
    PROJECT_KEY = "E1002";
    /// A setting in `cascade.toml` with a wrong value.
    PROJECT_VALUE = "E1003";
    /// A name that is never used.
    UNUSED = "W0101";
    /// A name in another style than the language's.
    NAMING = "W0102";
    /// Something outdated.
    DEPRECATED = "W0103";
    /// A name that hides another.
    SHADOWED = "W0201";
    /// A loop whose `until` never changes.
    UNCHANGING = "W0202";
    /// A prompt that says nothing of the skill's inputs.
    INPUTS_UNUSED = "W0203";
    /// A bound that another one makes pointless.
    POINTLESS_BOUND = "W0204";
    /// An `@allow` that silences nothing.
    ALLOWS_NOTHING = "W0205";
    /// A hole that is written as in another language.
    FOREIGN_HOLE = "W0206";
    /// An answer of a model that is never found wrong.
    MERELY_TEXTS = "W0501";
    /// A budget that the worst case passes.
    OVER_BUDGET = "W0801";
    /// An entry of a baseline that fits nothing.
    STALE_BASELINE = "W1001";
}
