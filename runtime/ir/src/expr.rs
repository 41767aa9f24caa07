//! Pure expressions: deterministic, total, without effects.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{FnId, MemoryId, ModelRef, Place, Slot, Type, TypeId};

/// A literal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Const {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// Text.
    Str(SmolStr),
    /// Milliseconds.
    Duration(i64),
    /// Millionths of a US dollar.
    Money(i64),
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// A literal.
    Const(Const),
    /// A variable.
    Slot(Slot),
    /// A list.
    List(Vec<Expr>),
    /// A record; keys are distinct. Spreads are resolved by the compiler.
    Record(Vec<(SmolStr, Expr)>),
    /// A map literal, or a record whose spread base is a map or json: later entries win.
    Map(Vec<MapEntry>),
    /// A variant of an enum.
    Variant {
        /// The enum.
        ty: TypeId,
        /// The variant's position.
        variant: u32,
        /// Its fields.
        fields: Vec<(SmolStr, Expr)>,
    },
    /// Text with holes.
    Template(Template),
    /// A command with holes.
    Command(Box<CommandTemplate>),
    /// A field of a record (or of a variant whose presence a match has proved).
    Field(Box<Expr>, SmolStr),
    /// A field of a record that may be null: null then.
    SafeField(Box<Expr>, SmolStr),
    /// A list's element by position (negative from the end) or a map's value by key. Absent
    /// gives null.
    Index(Box<Expr>, Box<Expr>, Place),
    /// `not x`.
    Not(Box<Expr>),
    /// `-x`; overflow is an error.
    Neg(Box<Expr>, Place),
    /// An operator on two values. Integer overflow and division by zero are errors.
    Binary(BinaryOp, Box<Expr>, Box<Expr>, Place),
    /// `a and b`, stops early.
    And(Box<Expr>, Box<Expr>),
    /// `a or b`, stops early.
    Or(Box<Expr>, Box<Expr>),
    /// `a ?? b`: b when a is null.
    Coalesce(Box<Expr>, Box<Expr>),
    /// A built-in function or method; a method's receiver is the first argument. Lambdas occur
    /// only here.
    Builtin(Builtin, Vec<Expr>, Place),
    /// The function given to a built-in. Its parameters are slots of the enclosing activation.
    Lambda(Vec<Slot>, Box<Expr>),
    /// A pure function of the program.
    Call(FnId, Vec<Expr>),
    /// `x as T`: checks and converts, or fails with `invalid_output`.
    Cast(Box<Expr>, Box<Type>, Place),
    /// `x as? T`: the value, or null when it does not fit.
    TryCast(Box<Expr>, Box<Type>),
    /// `if c { a } else { b }` without effects.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `match` without effects. The compiler has proved that an arm applies.
    Match {
        /// What is looked at.
        subject: Box<Expr>,
        /// First match wins.
        arms: Vec<ExprArm>,
    },
    /// A value that is put into a slot for the rest of the expression.
    Let(Slot, Box<Expr>, Box<Expr>),
    /// A model, a route.
    Model(ModelRef),
    /// The current value of a memory's key (position).
    Memory(MemoryId, u32),
    /// A fact of the run: `run.id`.
    Run(RunFact),
    /// A secret of the environment, which the host has read: `env("NAME")`.
    Variable(SmolStr),
    /// int to float.
    ToFloat(Box<Expr>),
    /// Checks a refinement where the compiler could not prove it; fails with `failed`.
    Refine(Box<Expr>, Box<crate::Refinement>, Place),
}

/// What a program can know of its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunFact {
    /// `run.id`.
    Id,
    /// `run.started`: when it began, as recorded.
    Started,
    /// `run.cascade`: the cascade that was started.
    Cascade,
    /// `run.attempt`: 1, and one more for each time that it was resumed.
    Attempt,
}

/// An entry of a map literal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MapEntry {
    /// A key and its value.
    Entry(SmolStr, Expr),
    /// All entries of another map, record or JSON object.
    Spread(Expr),
}

/// An arm of a pure match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExprArm {
    /// When it applies.
    pub pattern: Pattern,
    /// What must hold too, with the pattern's names in place.
    pub guard: Option<Expr>,
    /// What it gives.
    pub body: Expr,
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Pattern {
    /// Anything.
    Any,
    /// Equal to this value.
    Equal(Expr),
    /// Between these, both included.
    Range(Option<Expr>, Option<Expr>),
    /// Any of these, which bind nothing.
    OneOf(Vec<Pattern>),
    /// This variant; its fields go into slots.
    Variant {
        /// The variant's name.
        name: SmolStr,
        /// Field and slot.
        fields: Vec<(SmolStr, Slot)>,
    },
}

/// An operator on two values. `+` adds numbers, money and durations, joins text and lists,
/// merges maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BinaryOp {
    /// `==`, by structure.
    Eq,
    /// `!=`.
    Ne,
    /// `<` on numbers, text, durations, money.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `+`.
    Add,
    /// `-`.
    Sub,
    /// `*`; also duration and money times a number.
    Mul,
    /// `/`: of integers it rounds toward zero; also duration and money by a number, or by
    /// their own kind (a float).
    Div,
    /// `%`.
    Rem,
}

/// Text with holes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Template {
    /// In order.
    pub parts: Vec<TextPart>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TextPart {
    /// Plain text.
    Text(SmolStr),
    /// A value.
    Hole {
        /// The value.
        value: Expr,
        /// The rendering asked for; `None`: what suits the place (a prompt takes the model's
        /// preference, other text takes [`Rendering::Text`], a URL takes percent encoding).
        rendering: Option<Rendering>,
        /// Spaces before the hole on its line: a value of several lines is indented by them.
        indent: u32,
    },
}

/// How a value becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rendering {
    /// A scalar as it is; a list one item a line; a record as YAML.
    #[default]
    Text,
    /// Compact JSON on one line for scalars, indented for others.
    Json,
    /// YAML.
    Yaml,
    /// Markdown: lists with `-`, lists of flat records as tables, records as `**key**: value`.
    Markdown,
    /// XML elements named by the keys.
    Xml,
    /// CSV with a header (a list of flat records).
    Csv,
}

/// A command as written: what a shell reads, with values that never become code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CommandTemplate {
    /// A simple command (words only): executed directly, without a shell.
    Direct(Vec<Word>),
    /// A script for `/bin/sh`, in which each value is a variable of the shell.
    Shell {
        /// Text of the script and the values in it.
        parts: Vec<ShellPart>,
        /// Whether the script stops at the first command that fails (`set -e`). The compiler
        /// always says so; programs that were built by its first versions may not.
        stop_on_error: bool,
    },
}

/// A word of a direct command. A word that is one value alone with a list gives one argument an
/// element, and with null none; in a longer word a list is joined by spaces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Joined without a space.
    pub parts: Vec<WordPart>,
}

/// A part of a [`Word`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum WordPart {
    /// Literal text, quotes already removed.
    Text(SmolStr),
    /// A value. A list that is empty, alone in its word, is an error.
    Hole(Expr, Option<Rendering>),
    /// A value that may be an empty list (`as words`), which then gives no word.
    Words(Expr),
    /// `{name}`, which `with` replaces by a value.
    Placeholder(SmolStr),
}

/// A part of a shell script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ShellPart {
    /// Script text.
    Text(SmolStr),
    /// A value that is one word or a part of one; a list is joined by spaces. Outside of quotes it
    /// may be any number of words, as in programs that were built before there was `Words`.
    Hole(Expr, Option<Rendering>, Quote),
    /// A value that is a word of its own, outside of quotes, and may be several: one for each
    /// element of a list, none for null.
    Words {
        /// The value.
        value: Expr,
        /// Whether the list may be empty (`as words`); else that is an error.
        may_be_empty: bool,
    },
    /// `{name}`, which `with` replaces by a value.
    Placeholder(SmolStr, Quote),
}

/// Where in a shell script a value stands, which decides how its variable is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Quote {
    /// Outside of quotes, or in the pattern of an expansion: `"${v}"`.
    Bare,
    /// Between double quotes, or in a here-document: `${v}`.
    Double,
    /// Between single quotes: `'"${v}"'`.
    Single,
    /// In arithmetic: `(${v})`.
    Arithmetic,
}

macro_rules! builtins {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Built-in functions and methods. The compiler has checked number and types of the
        /// arguments.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Builtin { $($(#[$doc])* $name,)* }
    };
}
builtins! {
    // Lists, text and maps.
    /// Elements, characters, entries.
    Len,
    /// Whether `Len` is 0.
    IsEmpty,
    /// list.map(f).
    Map,
    /// list.filter(p).
    Filter,
    /// list.flat_map(f): f gives lists, joined.
    FlatMap,
    /// `list<list<T>>.flatten()`.
    Flatten,
    /// list.any(p).
    Any,
    /// list.all(p).
    All,
    /// list.count(p).
    Count,
    /// list.find(p): the first, or null.
    Find,
    /// list.reduce(start, |acc, x| …).
    Reduce,
    /// list.sort(): stable, ascending.
    Sort,
    /// list.sort_by(key).
    SortBy,
    /// list.reverse(), text.reverse().
    Reverse,
    /// list.group_by(key): map of lists, keys as text in order of first appearance.
    GroupBy,
    /// list.first(): or null.
    First,
    /// list.last(): or null.
    Last,
    /// list.take(n), text.take(n).
    Take,
    /// list.skip(n), text.skip(n).
    Skip,
    /// list.join(separator): elements rendered as text.
    Join,
    /// list.sum(): of int, float, money, duration; 0 of the element's type when empty.
    Sum,
    /// The same for lists whose elements are floats, money, durations and which may be empty:
    /// the second argument is the zero to start from.
    SumFrom,
    /// list.avg(): float, or null when empty.
    Avg,
    /// list.min(): or null.
    ListMin,
    /// list.max(): or null.
    ListMax,
    /// list.min_by(key): or null.
    MinBy,
    /// list.max_by(key): or null.
    MaxBy,
    /// list.contains(x), text.contains(part), map.contains(key).
    Contains,
    /// list.index_of(x), text.index_of(part): or null.
    IndexOf,
    /// list.unique(): first appearances.
    Unique,
    /// list.zip(other): records `{ first, second }`, as long as the shorter.
    Zip,
    /// list.enumerate(): records `{ index, value }`.
    Enumerate,
    /// list.chunk(n): lists of at most n; n below 1 is an error.
    Chunk,
    /// list<T?>.compact(): without nulls.
    Compact,
    /// list<{ key, value }>.to_map(): later wins.
    ToMap,
    /// map.keys().
    Keys,
    /// map.values().
    Values,
    /// map.entries(): records `{ key, value }`.
    Entries,
    /// map.get(key), json.get(key): or null.
    Get,
    /// map.set(key, value): a new map.
    Set,
    /// map.remove(key): a new map.
    Remove,
    /// map.merge(other): a new map, the other's entries win.
    Merge,
    /// map.map_values(f).
    MapValues,
    // Text.
    /// text.split(separator); an empty separator splits into characters.
    Split,
    /// text.trim().
    Trim,
    /// text.lines().
    Lines,
    /// text.words(): by white space.
    Words,
    /// text.lower().
    Lower,
    /// text.upper().
    Upper,
    /// text.replace(from, to): all of them, literally.
    Replace,
    /// text.starts_with(part).
    StartsWith,
    /// text.ends_with(part).
    EndsWith,
    /// text.matches(regex): somewhere in the text; anchors are yours.
    Matches,
    /// text.capture(regex): the first match and its groups (`list<string?>`), or null.
    Capture,
    /// text.pad_start(n) or (n, fill).
    PadStart,
    /// text.pad_end(n) or (n, fill).
    PadEnd,
    /// text.repeat(n).
    Repeat,
    /// text.to_int(): or null.
    ToInt,
    /// text.to_float(): or null.
    ToFloat,
    /// text.parse_json(): json, or null when malformed.
    ParseJson,
    /// Any value as text, like a bare hole.
    ToText,
    /// Any value as compact JSON text.
    ToJson,
    /// slug(text): lower case letters, digits and single `-`.
    Slug,
    // Numbers.
    /// min(a, b, …).
    Min,
    /// max(a, b, …).
    Max,
    /// abs(x).
    Abs,
    /// round(x): int; round(x, digits): float. Halves away from zero.
    Round,
    /// x.floor(): int.
    Floor,
    /// x.ceil(): int.
    Ceil,
    /// clamp(x, low, high).
    Clamp,
    /// range(n): 0 to n - 1; range(a, b): a to b - 1. At most 10 million elements.
    Range,
    // Paths.
    /// path.join(part).
    PathJoin,
    /// path.name(): the last part.
    PathName,
    /// path.stem(): the last part without its extension.
    PathStem,
    /// path.extension(): without dot, or null.
    PathExtension,
    /// path.parent(): or null.
    PathParent,
    // Durations and money.
    /// duration.seconds(): float.
    Seconds,
    /// money.usd(): float.
    Usd,
    // Commands.
    /// Words of a command, of which another command is made: a list of texts.
    CommandWords,
    /// list.walk(f): the elements and, below each, those of the list that `f` gives for it, depth first.
    Walk,
    // Instants.
    /// time.format(pattern) or (pattern, zone).
    TimeFormat,
    /// text.parse_time(): or null.
    ParseTime,
    /// command.with(name, value): `{name}` in every word replaced by the value, as one argument.
    CommandWith,
}

impl CommandTemplate {
    /// The program of a direct command, where it is written out.
    pub fn literal_program(&self) -> Option<&str> {
        let Self::Direct(words) = self else { return None };
        match words.first()?.parts.as_slice() {
            [WordPart::Text(program)] => Some(program),
            _ => None,
        }
    }
}
