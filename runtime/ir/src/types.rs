//! Types as the runtime needs them: to check what arrives, to ask models for it, to print it.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Expr, TypeId};

/// A type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Type {
    /// Nothing; the only value is null.
    Null,
    /// Text.
    String,
    /// 64-bit signed integer.
    Int,
    /// 64-bit float; an integer is accepted where it is expected.
    Float,
    /// Truth value.
    Bool,
    /// A path of the file system; text in JSON.
    Path,
    /// Any JSON.
    Json,
    /// A span of time; milliseconds inside, text such as `1m30s` or a number of seconds in JSON.
    Duration,
    /// An instant; milliseconds since 1970 inside, RFC 3339 text in JSON.
    Time,
    /// Money; millionths of a US dollar inside, a number of dollars in JSON.
    Money,
    /// Text that is never shown.
    Secret,
    /// A command that may be run.
    Command,
    /// An artifact: a file and its kind.
    Artifact(ArtifactKind),
    /// A model or a route (or a list of them, as `using` accepts).
    Model,
    /// A list.
    List(Box<Type>),
    /// A map with text keys.
    Map(Box<Type>),
    /// The type or null.
    Optional(Box<Type>),
    /// An anonymous record.
    Record(Vec<Field>),
    /// A declared type.
    Named(TypeId),
    /// A type whose values satisfy a predicate.
    Refined(Box<Type>, Box<Refinement>),
}

/// Kinds of artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ArtifactKind {
    /// Any file.
    File,
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A film.
    Video,
}

/// A predicate over one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refinement {
    /// The predicate; the value is in slot 0 and no other slot is read.
    pub predicate: Expr,
    /// How many slots the predicate needs.
    pub slots: u32,
    /// The predicate as it was written, for messages.
    pub text: String,
    /// What JSON Schema can say of it, as pairs of a keyword and a value
    /// (`minimum`, `maximum`, `exclusiveMinimum`, `pattern`, `minLength`, `minItems`, …).
    pub schema: Vec<(SmolStr, crate::Const)>,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: SmolStr,
    /// Its type.
    pub ty: Type,
    /// Its documentation; goes into JSON Schema.
    pub doc: String,
    /// Taken when the field is absent (closed: no slots). An optional field without default
    /// is null.
    pub default: Option<Expr>,
}

/// A declared type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeDef {
    /// Its name.
    pub name: SmolStr,
    /// Its documentation.
    pub doc: String,
    /// What it is.
    pub kind: TypeDefKind,
}

/// What a declared type is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TypeDefKind {
    /// A record.
    Record(Vec<Field>),
    /// An enum. In JSON a variant is its name when no variant of the enum has fields;
    /// otherwise an object with `kind` and the fields.
    Enum(Vec<Variant>),
    /// Another name for a type, perhaps refined.
    Alias(Type),
}

/// A variant of an enum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name.
    pub name: SmolStr,
    /// Its documentation.
    pub doc: String,
    /// Its fields.
    pub fields: Vec<Field>,
}
