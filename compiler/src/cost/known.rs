//! What is known of values before a program runs: how large numbers are, how long lists, how
//! long texts, which models.

use std::rc::Rc;

use cascade_ir::{Builtin, Const, Expr, ModelRef, Pattern, Program, Rendering, Template, TextPart, Type, TypeDefKind};
use smol_str::{SmolStr, format_smolstr};

use super::poly::Poly;

/// Most bytes of a float as text: the largest has 309 digits, the smallest as many zeros.
const FLOAT: u64 = 350;
/// Most bytes of a number, a duration, an amount as text.
const NUMBER: u64 = 32;

/// What is known of a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known<'p> {
    /// Its value, for a number, a duration (ms) or money (millionths).
    pub exact: Option<i64>,
    /// How large a number is at most.
    most: Option<Poly>,
    /// How many elements or entries it has at most.
    len: Option<Poly>,
    /// Of each of its elements.
    item: Option<Rc<Known<'p>>>,
    fields: Vec<(SmolStr, Known<'p>)>,
    /// The models that it may be, or holds.
    pub models: Option<Vec<ModelRef>>,
    /// How many bytes it has as text, at most.
    bytes: Option<u64>,
    ty: Option<&'p Type>,
    /// How a person would name it.
    path: Option<SmolStr>,
    null: bool,
}

impl<'p> Known<'p> {
    /// A value of a type, with a name.
    pub fn named(path: impl Into<SmolStr>, ty: &'p Type) -> Self {
        Self { path: Some(path.into()), ty: Some(ty), ..Self::default() }
    }

    /// A value of which nothing but the name is known.
    pub fn called(path: SmolStr) -> Self {
        Self { path: Some(path), ..Self::default() }
    }

    /// The list of a loop's values.
    pub fn of_loop(len: Option<Poly>, path: SmolStr) -> Self {
        Self { len, path: Some(path), ..Self::default() }
    }

    /// The same with a name if it has none, and a type.
    pub fn or_named(mut self, path: impl FnOnce() -> SmolStr, ty: &'p Type) -> Self {
        self.ty = self.ty.or(Some(ty));
        self.path = self.path.or_else(|| Some(path()));
        self
    }

    /// How many elements it has at most.
    pub fn len(&self, program: &Program) -> Option<Poly> {
        let by_type = self.ty.and_then(|ty| limit(program, ty, &["maxItems"]));
        let here = self.len.clone().or_else(|| Some(Poly::name(format_smolstr!("len({})", self.path.as_ref()?))));
        match (here, by_type) {
            (Some(here), Some(n)) => Some(here.meet(&Poly::number(n))),
            (here, by_type) => here.or(by_type.map(Poly::number)),
        }
    }

    /// How large a number it is at most; never below 0.
    pub fn most(&self, program: &Program) -> Option<Poly> {
        if let Some(n) = self.exact {
            return Some(number(n));
        }
        let by_type = self.ty.and_then(|ty| limit(program, ty, &["maximum", "exclusiveMaximum"]));
        let here = self.most.clone().or_else(|| Some(Poly::name(self.path.clone()?)));
        match (here, by_type) {
            (Some(here), Some(n)) => Some(here.meet(&Poly::number(n))),
            (here, by_type) => here.or(by_type.map(Poly::number)),
        }
    }

    /// The first field of this name.
    fn field(&self, program: &'p Program, name: &SmolStr) -> Self {
        if let Some((_, known)) = self.fields.iter().find(|(n, _)| n == name) {
            return known.clone();
        }
        Self {
            ty: self.ty.and_then(|ty| field(program, ty, name)),
            path: self.path.as_ref().map(|path| format_smolstr!("{path}.{name}")),
            ..Self::default()
        }
    }

    /// What is known of each element.
    pub fn item(&self, program: &'p Program) -> Self {
        if let Some(item) = &self.item {
            return (**item).clone();
        }
        Self {
            ty: self.ty.and_then(|ty| match plain(program, ty) {
                Type::List(item) | Type::Map(item) => Some(&**item),
                _ => None,
            }),
            path: self.path.as_ref().map(|path| format_smolstr!("{path}[]")),
            ..Self::default()
        }
    }

    /// How many bytes it has as text at most.
    fn bytes(&self, program: &Program) -> Option<u64> {
        let by_type = || {
            let ty = self.ty?;
            // A character has four bytes at most.
            let letters = || limit(program, ty, &["maxLength"]).and_then(|n| u64::try_from(n).ok()?.checked_mul(4));
            bytes(program, plain(program, ty)).or_else(letters)
        };
        self.bytes.or_else(by_type)
    }

    fn text(bytes: Option<u64>) -> Self {
        Self { bytes, ..Self::default() }
    }

    fn number(most: Option<Poly>) -> Self {
        Self { most, bytes: Some(NUMBER), ..Self::default() }
    }

    fn list(len: Option<Poly>, item: Option<Known<'p>>) -> Self {
        Self { len, item: item.map(Rc::new), ..Self::default() }
    }

    /// What is known of a value that is one of two.
    fn or(self, other: Self, program: &'p Program) -> Self {
        if self == other || other.null {
            return self;
        }
        if self.null {
            return other;
        }
        let most = |a: Option<Poly>, b: Option<Poly>| {
            let mut a = a?;
            a.join(&b?);
            Some(a)
        };
        let has_items = self.item.is_some() || other.item.is_some();
        Self {
            exact: self.exact.filter(|n| other.exact == Some(*n)),
            most: most(self.most(program), other.most(program)),
            len: most(self.len(program), other.len(program)),
            item: has_items.then(|| Rc::new(self.item(program).or(other.item(program), program))),
            bytes: self.bytes(program).zip(other.bytes(program)).map(|(a, b)| a.max(b)),
            models: self.models.clone().zip(other.models.clone()).map(|(a, b)| [a, b].concat()),
            ty: self.ty.filter(|ty| other.ty == Some(*ty)),
            ..Self::default()
        }
    }
}

fn number(n: i64) -> Poly {
    Poly::number(n.max(0).unsigned_abs().into())
}

/// A type without its name, its predicates and whether it may be null.
fn plain<'p>(program: &'p Program, mut ty: &'p Type) -> &'p Type {
    loop {
        ty = match ty {
            Type::Optional(inner) | Type::Refined(inner, _) => inner,
            Type::Named(id) => match program.types.get(id.index()).map(|t| &t.kind) {
                Some(TypeDefKind::Alias(inner)) => inner,
                _ => return ty,
            },
            _ => return ty,
        };
    }
}

/// The bound that a type's predicates state by one of these words.
fn limit<'t>(program: &'t Program, mut ty: &'t Type, words: &[&str]) -> Option<u128> {
    loop {
        ty = match ty {
            Type::Optional(inner) => inner,
            Type::Refined(inner, refinement) => {
                let stated = refinement.schema.iter().find(|(word, _)| words.contains(&word.as_str()));
                if let Some((_, Const::Int(n))) = stated {
                    return Some((*n).max(0).unsigned_abs().into());
                }
                inner
            }
            Type::Named(id) => match program.types.get(id.index()).map(|t| &t.kind) {
                Some(TypeDefKind::Alias(inner)) => inner,
                _ => return None,
            },
            _ => return None,
        };
    }
}

fn field<'p>(program: &'p Program, ty: &'p Type, name: &SmolStr) -> Option<&'p Type> {
    let fields = match plain(program, ty) {
        Type::Record(fields) => fields,
        Type::Named(id) => match &program.types.get(id.index())?.kind {
            TypeDefKind::Record(fields) => fields,
            _ => return None,
        },
        _ => return None,
    };
    fields.iter().find(|f| f.name == *name).map(|f| &f.ty)
}

/// Most bytes of a value of a type as text, when the type says.
fn bytes(program: &Program, ty: &Type) -> Option<u64> {
    Some(match ty {
        Type::Null => 4,
        Type::Bool => 5,
        Type::Int | Type::Duration | Type::Money => NUMBER,
        Type::Float => FLOAT,
        Type::Named(id) => match &program.types.get(id.index())?.kind {
            TypeDefKind::Enum(variants) if variants.iter().all(|v| v.fields.is_empty()) => {
                // With quotes, as JSON writes it.
                variants.iter().map(|v| v.name.len() as u64 + 2).max().unwrap_or(0)
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// Finds out what is known of expressions.
pub(super) struct Knower<'p> {
    pub program: &'p Program,
    /// How much may still be looked at before nothing is known.
    pub fuel: u32,
}

impl<'p> Knower<'p> {
    /// How many bytes a text has at most. `None`: that cannot be said.
    pub fn size(&mut self, template: &'p Template, slots: &mut [Known<'p>]) -> Option<u64> {
        let mut sum = 0u64;
        for part in &template.parts {
            sum = sum.saturating_add(match part {
                TextPart::Text(text) => text.len() as u64,
                TextPart::Hole { value, rendering, indent } => {
                    let plain = self.eval(value, slots).bytes(self.program)?;
                    // Most that escapes, and quotes, can make of it; then each line is indented.
                    let written = match rendering {
                        None | Some(Rendering::Text) => plain,
                        Some(_) => plain.saturating_mul(6).saturating_add(2),
                    };
                    written.saturating_mul(u64::from(*indent) + 1)
                }
            });
        }
        Some(sum)
    }

    fn all(&mut self, exprs: &'p [Expr], slots: &mut [Known<'p>]) -> Vec<Known<'p>> {
        exprs.iter().map(|e| self.eval(e, slots)).collect()
    }

    /// What is known of an expression.
    pub fn eval(&mut self, expr: &'p Expr, slots: &mut [Known<'p>]) -> Known<'p> {
        let Some(fuel) = self.fuel.checked_sub(1) else { return Known::default() };
        self.fuel = fuel;
        match expr {
            Expr::Const(constant) => constant_known(constant),
            Expr::Slot(slot) => slots.get(slot.0 as usize).cloned().unwrap_or_default(),
            Expr::List(items) => {
                let known = self.all(items, slots);
                let models = known.iter().map(|k| k.models.clone()).collect::<Option<Vec<_>>>().map(|m| m.concat());
                let item = known.into_iter().reduce(|a, b| a.or(b, self.program));
                let len = Poly::number(items.len() as u128);
                Known { models: models.filter(|m| !m.is_empty()), ..Known::list(Some(len), item) }
            }
            Expr::Record(fields) => {
                let fields = fields.iter().map(|(name, e)| (name.clone(), self.eval(e, slots))).collect();
                Known { fields, ..Known::default() }
            }
            Expr::Template(template) => Known::text(self.size(template, slots)),
            Expr::Field(base, name) | Expr::SafeField(base, name) => self.eval(base, slots).field(self.program, name),
            Expr::Index(base, _, _) => self.eval(base, slots).item(self.program),
            Expr::Neg(inner, _) => Known {
                exact: self.eval(inner, slots).exact.and_then(i64::checked_neg),
                bytes: Some(NUMBER),
                ..Known::default()
            },
            Expr::Binary(op, a, b, _) => {
                let (a, b) = (self.eval(a, slots), self.eval(b, slots));
                self.binary(*op, a, b)
            }
            Expr::Not(_) | Expr::And(..) | Expr::Or(..) => Known::text(Some(5)),
            Expr::Coalesce(a, b) => {
                let (a, b) = (self.eval(a, slots), self.eval(b, slots));
                a.or(b, self.program)
            }
            Expr::If(_, a, b) => {
                let (a, b) = (self.eval(a, slots), self.eval(b, slots));
                a.or(b, self.program)
            }
            Expr::Match { arms, .. } => {
                let mut known = Vec::with_capacity(arms.len());
                for arm in arms {
                    if let Pattern::Variant { fields, .. } = &arm.pattern {
                        for place in fields.iter().map(|(_, s)| s.0 as usize) {
                            if let Some(place) = slots.get_mut(place) {
                                *place = Known::default();
                            }
                        }
                    }
                    known.push(self.eval(&arm.body, slots));
                }
                known.into_iter().reduce(|a, b| a.or(b, self.program)).unwrap_or_default()
            }
            Expr::Let(slot, value, body) => {
                let value = self.eval(value, slots);
                if let Some(place) = slots.get_mut(slot.0 as usize) {
                    *place = value;
                }
                self.eval(body, slots)
            }
            Expr::Model(model) => Known { models: Some(vec![*model]), ..Known::default() },
            Expr::Refine(inner, _, _) => self.eval(inner, slots),
            Expr::Cast(_, ty, _) | Expr::TryCast(_, ty) => Known { ty: Some(ty), ..Known::default() },
            Expr::Memory(memory, key) => {
                let memory = self.program.memories.get(memory.index());
                match memory.and_then(|m| Some((m, m.keys.get(*key as usize)?))) {
                    Some((memory, key)) => Known::named(format_smolstr!("{}.{}", memory.name, key.name), &key.ty),
                    None => Known::default(),
                }
            }
            Expr::Call(id, args) => {
                let args = self.all(args, slots);
                let Some(function) = self.program.functions.get(id.index()) else { return Known::default() };
                let mut inner = args;
                inner.resize((function.slots as usize).max(inner.len()), Known::default());
                self.eval(&function.body, &mut inner)
            }
            Expr::Builtin(builtin, args, _) => self.builtin(*builtin, args, slots),
            Expr::ToFloat(_) => Known::text(Some(FLOAT)),
            Expr::Map(_) | Expr::Variant { .. } | Expr::Command(_) | Expr::Lambda(..) => Known::default(),
        }
    }

    fn binary(&self, op: cascade_ir::BinaryOp, a: Known<'p>, b: Known<'p>) -> Known<'p> {
        use cascade_ir::BinaryOp::{Add, Div, Mul, Rem, Sub};
        let p = self.program;
        let both = a.exact.zip(b.exact);
        let exact = |f: fn(i64, i64) -> Option<i64>| both.and_then(|(a, b)| f(a, b));
        let known = match op {
            Add => {
                let sum = |a: Option<Poly>, b: Option<Poly>| {
                    let mut a = a?;
                    a.add(&b?);
                    Some(a)
                };
                let has_items = a.item.is_some() || b.item.is_some() || a.ty.is_some();
                let item = has_items.then(|| Rc::new(a.item(p).or(b.item(p), p)));
                let bytes = a.bytes(p).zip(b.bytes(p)).map(|(a, b)| a.saturating_add(b).max(NUMBER));
                let (most, len) = (sum(a.most(p), b.most(p)), sum(a.len(p), b.len(p)));
                Known { exact: exact(i64::checked_add), most, len, item, bytes, ..Known::default() }
            }
            // What is taken away may be less than nothing, unless it is known.
            Sub => {
                let most = b.exact.filter(|n| *n >= 0).and_then(|_| a.most(p));
                Known { exact: exact(i64::checked_sub), ..Known::number(most) }
            }
            Mul => {
                let positive = |k: &Known<'p>| k.exact.filter(|n| *n >= 0).map(number);
                let most = match (positive(&a), positive(&b)) {
                    (Some(n), _) => b.most(p).map(|m| m.times(&n)),
                    (None, Some(n)) => a.most(p).map(|m| m.times(&n)),
                    (None, None) => None,
                };
                Known { exact: exact(i64::checked_mul), ..Known::number(most) }
            }
            Div => {
                let most = b.exact.filter(|n| *n >= 1).and_then(|_| a.most(p));
                Known { exact: exact(i64::checked_div), ..Known::number(most) }
            }
            Rem => {
                let most = b.exact.filter(|n| *n >= 1).map(|n| number(n - 1));
                Known { exact: exact(i64::checked_rem), ..Known::number(most) }
            }
            _ => return Known::text(Some(5)),
        };
        // Floats are wider than what is reckoned with here.
        Known { bytes: known.bytes.map(|b| b.max(FLOAT)), ..known }
    }

    fn builtin(&mut self, builtin: Builtin, args: &'p [Expr], slots: &mut [Known<'p>]) -> Known<'p> {
        use Builtin as B;
        let p = self.program;
        let Some((first, rest)) = args.split_first() else { return Known::default() };
        let first = self.eval(first, slots);
        match builtin {
            B::Len | B::Count => Known::number(first.len(p)),
            B::Sort | B::SortBy | B::Reverse | B::Unique | B::Filter | B::Skip | B::Compact => {
                let item = first.item(p);
                Known::list(first.len(p), Some(item))
            }
            B::Enumerate | B::Chunk | B::GroupBy | B::ToMap | B::Keys | B::Entries => Known::list(first.len(p), None),
            B::Values => {
                let item = first.item(p);
                Known::list(first.len(p), Some(item))
            }
            B::Take => {
                let item = first.item(p);
                let most = rest.first().and_then(|n| self.eval(n, slots).most(p));
                let len = match (first.len(p), most) {
                    (Some(len), Some(most)) => Some(most.meet(&len)),
                    (len, most) => most.or(len),
                };
                Known::list(len, Some(item))
            }
            B::Map | B::FlatMap => {
                let given = match rest.first() {
                    Some(Expr::Lambda(params, body)) => {
                        if let Some(place) = params.first().and_then(|s| slots.get_mut(s.0 as usize)) {
                            *place = first.item(p);
                        }
                        self.eval(body, slots)
                    }
                    _ => Known::default(),
                };
                if builtin == B::Map {
                    return Known::list(first.len(p), Some(given));
                }
                let len = first.len(p).zip(given.len(p)).map(|(a, b)| a.times(&b));
                let item = given.item(p);
                Known::list(len, Some(item))
            }
            B::Flatten => {
                let inner = first.item(p);
                let len = first.len(p).zip(inner.len(p)).map(|(a, b)| a.times(&b));
                Known::list(len, Some(inner.item(p)))
            }
            B::Zip => {
                let other = rest.first().map(|e| self.eval(e, slots)).and_then(|k| k.len(p));
                let len = match (first.len(p), other) {
                    (Some(a), Some(b)) => Some(a.meet(&b)),
                    (a, b) => a.or(b),
                };
                Known::list(len, None)
            }
            B::Range => match rest.first() {
                None => Known::list(first.most(p), None),
                Some(end) => {
                    let end = self.eval(end, slots);
                    let len = match (first.exact, end.exact) {
                        (Some(a), Some(b)) => Some(number(b.saturating_sub(a))),
                        (Some(a), None) if a >= 0 => end.most(p),
                        _ => None,
                    };
                    Known::list(len, None)
                }
            },
            B::First | B::Last | B::Find | B::ListMin | B::ListMax | B::MinBy | B::MaxBy => first.item(p),
            B::Min | B::Max => {
                let others: Vec<_> = rest.iter().map(|e| self.eval(e, slots)).collect();
                let exact = others.iter().map(|k| k.exact).fold(first.exact, |a, b| {
                    a.zip(b).map(|(a, b)| if builtin == B::Min { a.min(b) } else { a.max(b) })
                });
                let most = others.iter().map(|k| k.most(p)).fold(first.most(p), |a, b| match (a, b) {
                    (Some(a), Some(b)) if builtin == B::Min => Some(a.meet(&b)),
                    (Some(mut a), Some(b)) => {
                        a.join(&b);
                        Some(a)
                    }
                    (a, b) if builtin == B::Min => a.or(b),
                    _ => None,
                });
                Known { exact, bytes: Some(FLOAT), ..Known::number(most) }
            }
            B::Clamp => {
                let bounds: Vec<_> = rest.iter().map(|e| self.eval(e, slots)).collect();
                let most = bounds.last().and_then(|k| k.most(p));
                Known { bytes: Some(FLOAT), ..Known::number(most) }
            }
            B::Lower | B::Upper | B::Trim | B::Slug => {
                // A letter can become three others.
                Known::text(first.bytes(p).map(|n| n.saturating_mul(3)))
            }
            _ => Known::default(),
        }
    }
}

fn constant_known<'p>(constant: &Const) -> Known<'p> {
    match constant {
        Const::Null => Known { null: true, bytes: Some(4), ..Known::default() },
        Const::Bool(_) => Known::text(Some(5)),
        Const::Int(n) | Const::Duration(n) | Const::Money(n) => {
            Known { exact: Some(*n), bytes: Some(NUMBER), ..Known::default() }
        }
        Const::Float(_) => Known::text(Some(FLOAT)),
        Const::Str(text) => Known::text(Some(text.len() as u64)),
    }
}
