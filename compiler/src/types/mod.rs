//! Types while checking: interned, so that they copy and compare as numbers.

use std::sync::Arc;

use rustc_hash::FxHashMap as HashMap;

use cascade_grammar::ast::Span;
use cascade_ir as ir;
use smol_str::SmolStr;

mod lower;
mod order;
mod placeholder;

/// A type; an index into [`Types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ty(u32);

impl Ty {
    /// Its number in [`Types`].
    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

macro_rules! basics {
    ($($name:ident = $number:literal $kind:ident;)*) => {
        impl Ty { $(#[allow(missing_docs)] pub const $name: Ty = Ty($number);)* }
        const BASICS: &[TyKind] = &[$(TyKind::$kind,)*];
    };
}
basics! {
    ERROR = 0 Error;
    NEVER = 1 Never;
    NULL = 2 Null;
    STRING = 3 String;
    INT = 4 Int;
    FLOAT = 5 Float;
    BOOL = 6 Bool;
    PATH = 7 Path;
    JSON = 8 Json;
    DURATION = 9 Duration;
    MONEY = 10 Money;
    SECRET = 11 Secret;
    COMMAND = 12 Command;
    MODEL = 13 Model;
    FILE = 14 File;
    IMAGE = 15 Image;
    AUDIO = 16 Audio;
    VIDEO = 17 Video;
    TIME = 18 Time;
}

/// What a type is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TyKind {
    /// The type of what is wrong already; fits everywhere, so that one mistake is one error.
    Error,
    /// The type of what never ends normally (`return`); also of the elements of `[]`.
    Never,
    Null,
    String,
    Int,
    Float,
    Bool,
    Path,
    Json,
    Duration,
    Time,
    Money,
    Secret,
    Command,
    Model,
    File,
    Image,
    Audio,
    Video,
    List(Ty),
    Map(Ty),
    Optional(Ty),
    /// An anonymous record: name, type, in the order written.
    Record(Vec<(SmolStr, Ty)>),
    /// A declared record or enum.
    Named(ir::TypeId),
    /// A base type with a predicate, by its index in [`Types::refinements`].
    Refined(Ty, u32),
}

/// A declared record, enum or alias.
#[derive(Debug, Clone)]
pub struct TypeDef {
    /// Its name.
    pub name: SmolStr,
    /// Documentation.
    pub doc: String,
    /// What it is.
    pub kind: TypeDefKind,
}

/// What a declared type is.
#[derive(Debug, Clone)]
pub enum TypeDefKind {
    /// Not resolved yet, or wrong.
    Unknown,
    /// An alias whose type is being resolved.
    Resolving,
    /// A record.
    Record(Vec<FieldDef>),
    /// An enum.
    Enum(Vec<VariantDef>),
    /// Another name.
    Alias(Ty),
}

/// A field.
#[derive(Debug, Clone)]
pub struct FieldDef {
    /// Its name.
    pub name: SmolStr,
    /// Its type.
    pub ty: Ty,
    /// Documentation.
    pub doc: String,
    /// Taken when absent.
    pub default: Option<ir::Expr>,
    /// Where its name stands, in the file of its type.
    pub span: Span,
}

/// A variant.
#[derive(Debug, Clone)]
pub struct VariantDef {
    /// Its name.
    pub name: SmolStr,
    /// Documentation.
    pub doc: String,
    /// Its payload.
    pub fields: Vec<FieldDef>,
    /// Where its name stands, in the file of its type.
    pub span: Span,
}

/// All types of a compilation. A copy shares the declared types until it declares one of its own.
#[derive(Debug, Clone)]
pub struct Types {
    kinds: Vec<TyKind>,
    index: HashMap<TyKind, Ty>,
    /// Declared types by id.
    pub defs: Arc<Vec<TypeDef>>,
    /// Predicates of refined types.
    pub refinements: Arc<Vec<ir::Refinement>>,
    /// The enums `outcome<T>`, by `T`.
    outcomes: HashMap<Ty, ir::TypeId>,
    /// What the enums `outcome<T>` hold when the stage succeeded: `T`.
    outcome_values: HashMap<ir::TypeId, Ty>,
}

impl Default for Types {
    fn default() -> Self {
        let mut types = Self {
            kinds: Vec::new(),
            index: HashMap::default(),
            defs: Arc::default(),
            refinements: Arc::default(),
            outcomes: HashMap::default(),
            outcome_values: HashMap::default(),
        };
        for kind in BASICS {
            types.intern(kind.clone());
        }
        types
    }
}

impl Types {
    /// The type of a kind.
    pub fn intern(&mut self, kind: TyKind) -> Ty {
        if let Some(ty) = self.index.get(&kind) {
            return *ty;
        }
        let ty = Ty(self.kinds.len() as u32);
        self.kinds.push(kind.clone());
        self.index.insert(kind, ty);
        ty
    }
    /// What a type is.
    pub fn kind(&self, ty: Ty) -> &TyKind {
        &self.kinds[ty.0 as usize]
    }
    /// `list<T>`.
    pub fn list(&mut self, of: Ty) -> Ty {
        self.intern(TyKind::List(of))
    }
    /// `map<T>`.
    pub fn map(&mut self, of: Ty) -> Ty {
        self.intern(TyKind::Map(of))
    }
    /// `T?`; an optional is not wrapped again.
    pub fn optional(&mut self, of: Ty) -> Ty {
        match self.kind(of) {
            TyKind::Optional(_) | TyKind::Null | TyKind::Error | TyKind::Json => of,
            TyKind::Never => Ty::NULL,
            _ => self.intern(TyKind::Optional(of)),
        }
    }
    /// A record of fields.
    pub fn record(&mut self, fields: Vec<(SmolStr, Ty)>) -> Ty {
        self.intern(TyKind::Record(fields))
    }
    /// `outcome<T>`: the enum `ok { value: T } | failed { error: Error }`, which `on error keep` gives. Where
    /// there is no value, `ok` has no field.
    pub fn outcome(&mut self, of: Ty, error: Ty) -> Ty {
        if of == Ty::ERROR {
            return Ty::ERROR;
        }
        if let Some(id) = self.outcomes.get(&of) {
            return self.intern(TyKind::Named(*id));
        }
        let field = |name: &str, ty: Ty, doc: &str| FieldDef {
            name: name.into(),
            ty,
            doc: doc.to_owned(),
            default: None,
            span: Span::default(),
        };
        let variant = |name: &str, doc: &str, fields: Vec<FieldDef>| VariantDef {
            name: name.into(),
            doc: doc.to_owned(),
            fields,
            span: Span::default(),
        };
        let value = match of {
            Ty::NULL | Ty::NEVER => Vec::new(),
            _ => vec![field("value", of, "What the stage gave.")],
        };
        let id = ir::TypeId(self.defs.len() as u32);
        let name = format!("outcome<{}>", self.type_text(of)).into();
        Arc::make_mut(&mut self.defs).push(TypeDef {
            name,
            doc: "What became of a stage with `on error keep`.".to_owned(),
            kind: TypeDefKind::Enum(vec![
                variant("ok", "The stage succeeded.", value),
                variant("failed", "The stage failed.", vec![field("error", error, "How it failed.")]),
            ]),
        });
        self.outcomes.insert(of, id);
        self.outcome_values.insert(id, of);
        self.intern(TyKind::Named(id))
    }
    /// The `T` of an enum `outcome<T>`.
    pub fn outcome_value(&self, id: ir::TypeId) -> Option<Ty> {
        self.outcome_values.get(&id).copied()
    }
    /// A type without its refinements.
    pub fn base(&self, mut ty: Ty) -> Ty {
        while let TyKind::Refined(base, _) = self.kind(ty) {
            ty = *base;
        }
        ty
    }
    /// What remains of a type when the value is not null.
    pub fn non_null(&self, ty: Ty) -> Ty {
        match self.kind(ty) {
            TyKind::Optional(inner) => *inner,
            TyKind::Null => Ty::NEVER,
            _ => ty,
        }
    }
    /// Whether null is a value of the type.
    pub fn nullable(&self, ty: Ty) -> bool {
        matches!(self.kind(ty), TyKind::Optional(_) | TyKind::Null | TyKind::Json | TyKind::Error | TyKind::Never)
    }
    /// The declared type behind a type, if it is one.
    pub fn def(&self, ty: Ty) -> Option<(ir::TypeId, &TypeDef)> {
        match self.kind(self.base(ty)) {
            TyKind::Named(id) => Some((*id, &self.defs[id.index()])),
            _ => None,
        }
    }
    /// The variants of an enum type.
    pub fn variants(&self, ty: Ty) -> Option<&[VariantDef]> {
        match self.def(ty) {
            Some((_, TypeDef { kind: TypeDefKind::Enum(variants), .. })) => Some(variants),
            _ => None,
        }
    }
    /// The names and types of a record type's fields, declared or anonymous.
    pub fn fields(&self, ty: Ty) -> Option<Vec<(SmolStr, Ty)>> {
        match self.kind(self.base(ty)) {
            TyKind::Record(fields) => Some(fields.clone()),
            TyKind::Named(id) => match &self.defs[id.index()].kind {
                TypeDefKind::Record(fields) => Some(fields.iter().map(|f| (f.name.clone(), f.ty)).collect()),
                _ => None,
            },
            _ => None,
        }
    }
    /// The type of a list's elements; `None` when the type is no list.
    pub fn element(&self, ty: Ty) -> Option<Ty> {
        match self.kind(self.base(ty)) {
            TyKind::List(element) => Some(*element),
            TyKind::Error => Some(Ty::ERROR),
            _ => None,
        }
    }
    /// One field's type.
    pub fn field(&self, ty: Ty, name: &str) -> Option<Ty> {
        match self.kind(self.base(ty)) {
            TyKind::Record(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, t)| *t),
            TyKind::Named(id) => match &self.defs[id.index()].kind {
                TypeDefKind::Record(fields) => fields.iter().find(|f| f.name == name).map(|f| f.ty),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether values are artifacts.
    pub fn artifact(&self, ty: Ty) -> bool {
        matches!(self.kind(ty), TyKind::File | TyKind::Image | TyKind::Audio | TyKind::Video)
    }
    /// Whether values can be added, subtracted and compared as numbers.
    pub fn numeric(&self, ty: Ty) -> bool {
        matches!(self.base(ty), Ty::INT | Ty::FLOAT)
    }
    /// Whether values have an order.
    pub fn is_ordered(&self, ty: Ty) -> bool {
        matches!(
            self.base(ty),
            Ty::INT
                | Ty::FLOAT
                | Ty::STRING
                | Ty::PATH
                | Ty::DURATION
                | Ty::TIME
                | Ty::MONEY
                | Ty::BOOL
                | Ty::ERROR
                | Ty::NEVER
        )
    }
    /// Whether a value of the type could hold a secret.
    pub fn holds_secret(&self, ty: Ty) -> bool {
        self.any_part(ty, &mut Vec::new(), &|t| t == Ty::SECRET)
    }
    /// Whether a predicate holds of the type or of a part of it.
    pub fn any_part(&self, ty: Ty, seen: &mut Vec<ir::TypeId>, test: &dyn Fn(Ty) -> bool) -> bool {
        if test(ty) {
            return true;
        }
        match self.kind(ty) {
            TyKind::List(t) | TyKind::Map(t) | TyKind::Optional(t) | TyKind::Refined(t, _) => {
                self.any_part(*t, seen, test)
            }
            TyKind::Record(fields) => fields.iter().any(|(_, t)| self.any_part(*t, seen, test)),
            TyKind::Named(id) => {
                if seen.contains(id) {
                    return false;
                }
                seen.push(*id);
                match &self.defs[id.index()].kind {
                    TypeDefKind::Record(fields) => fields.iter().any(|f| self.any_part(f.ty, seen, test)),
                    TypeDefKind::Enum(variants) => {
                        variants.iter().flat_map(|v| &v.fields).any(|f| self.any_part(f.ty, seen, test))
                    }
                    TypeDefKind::Alias(t) => self.any_part(*t, seen, test),
                    TypeDefKind::Unknown | TypeDefKind::Resolving => false,
                }
            }
            _ => false,
        }
    }

    /// The type as a reader writes it.
    pub fn type_text(&self, ty: Ty) -> String {
        match self.kind(ty) {
            TyKind::Error => "?".into(),
            TyKind::Never => "never".into(),
            TyKind::Null => "null".into(),
            TyKind::String => "string".into(),
            TyKind::Int => "int".into(),
            TyKind::Float => "float".into(),
            TyKind::Bool => "bool".into(),
            TyKind::Path => "path".into(),
            TyKind::Json => "json".into(),
            TyKind::Duration => "duration".into(),
            TyKind::Time => "time".into(),
            TyKind::Money => "money".into(),
            TyKind::Secret => "secret".into(),
            TyKind::Command => "command".into(),
            TyKind::Model => "model".into(),
            TyKind::File => "file".into(),
            TyKind::Image => "image".into(),
            TyKind::Audio => "audio".into(),
            TyKind::Video => "video".into(),
            TyKind::List(t) => format!("list<{}>", self.type_text(*t)),
            TyKind::Map(t) => format!("map<{}>", self.type_text(*t)),
            TyKind::Optional(t) => format!("{}?", self.type_text(*t)),
            TyKind::Record(fields) => {
                let fields: Vec<String> = fields.iter().map(|(n, t)| format!("{n}: {}", self.type_text(*t))).collect();
                format!("{{ {} }}", fields.join(", "))
            }
            TyKind::Named(id) => self.defs[id.index()].name.to_string(),
            TyKind::Refined(base, r) => {
                format!("{} where {}", self.type_text(*base), self.refinements[*r as usize].text)
            }
        }
    }
}
