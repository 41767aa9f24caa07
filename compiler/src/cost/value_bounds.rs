//! Static bounds of values: the size of numbers, the length of lists, the bytes of texts, and the
//! models that an expression can name.

use std::rc::Rc;

use cascade_ir::{Builtin, Const, Expr, ModelRef, Pattern, Program, Rendering, Template, TextPart, Type, TypeDefKind};
use smol_str::{SmolStr, format_smolstr};

use super::poly::Poly;

/// The most bytes of a float as text: the largest has 309 digits, the smallest as many zeros.
const FLOAT: u64 = 350;
/// The most bytes of an integer, a duration or an amount of money as text.
const NUMBER: u64 = 32;

/// The static bounds of a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ValueBounds<'p> {
    /// The exact value of a number, a duration (in ms) or an amount of money (in millionths).
    pub exact: Option<i64>,
    /// The upper bound of a number.
    most: Option<Poly>,
    /// The upper bound of the number of elements or entries.
    len: Option<Poly>,
    /// The bounds of every element.
    item: Option<Rc<ValueBounds<'p>>>,
    fields: Vec<(SmolStr, ValueBounds<'p>)>,
    /// The models that the value may be, or contain.
    pub models: Option<Vec<ModelRef>>,
    /// The upper bound of its bytes as text.
    bytes: Option<u64>,
    ty: Option<&'p Type>,
    /// The name of the value in messages.
    path: Option<SmolStr>,
    null: bool,
}

impl<'p> ValueBounds<'p> {
    /// A value of a type, with a name.
    pub fn of_type(path: impl Into<SmolStr>, ty: &'p Type) -> Self {
        Self { path: Some(path.into()), ty: Some(ty), ..Self::default() }
    }

    /// A value known only by its name.
    pub fn known_by_name(path: SmolStr) -> Self {
        Self { path: Some(path), ..Self::default() }
    }

    /// The list of the results of a loop.
    pub fn of_loop(len: Option<Poly>, path: SmolStr) -> Self {
        Self { len, path: Some(path), ..Self::default() }
    }

    /// The same bounds, with a name if the value has none yet, and with the bounds of the type.
    pub fn or_named(mut self, path: impl FnOnce() -> SmolStr, ty: &'p Type) -> Self {
        self.ty = self.ty.or(Some(ty));
        self.path = self.path.or_else(|| Some(path()));
        self
    }

    /// The upper bound of the number of elements.
    pub fn len(&self, program: &Program) -> Option<Poly> {
        let by_type = self.ty.and_then(|ty| find_limit(program, ty, &["maxItems"]));
        let here = self.len.clone().or_else(|| Some(Poly::name(format_smolstr!("len({})", self.path.as_ref()?))));
        match (here, by_type) {
            (Some(here), Some(n)) => Some(here.smaller(&Poly::number(n))),
            (here, by_type) => here.or(by_type.map(Poly::number)),
        }
    }

    /// The upper bound of a number; never below 0.
    pub fn upper_bound(&self, program: &Program) -> Option<Poly> {
        if let Some(n) = self.exact {
            return Some(constant_poly(n));
        }
        let by_type = self.ty.and_then(|ty| find_limit(program, ty, &["maximum", "exclusiveMaximum"]));
        let here = self.most.clone().or_else(|| Some(Poly::name(self.path.clone()?)));
        match (here, by_type) {
            (Some(here), Some(n)) => Some(here.smaller(&Poly::number(n))),
            (here, by_type) => here.or(by_type.map(Poly::number)),
        }
    }

    /// The field of this name.
    fn field(&self, program: &'p Program, name: &SmolStr) -> Self {
        if let Some((_, bounds)) = self.fields.iter().find(|(n, _)| n == name) {
            return bounds.clone();
        }
        Self {
            ty: self.ty.and_then(|ty| find_field(program, ty, name)),
            path: self.path.as_ref().map(|path| format_smolstr!("{path}.{name}")),
            ..Self::default()
        }
    }

    /// The bounds of each element.
    pub fn item(&self, program: &'p Program) -> Self {
        if let Some(item) = &self.item {
            return (**item).clone();
        }
        Self {
            ty: self.ty.and_then(|ty| match resolve_alias(program, ty) {
                Type::List(item) | Type::Map(item) => Some(&**item),
                _ => None,
            }),
            path: self.path.as_ref().map(|path| format_smolstr!("{path}[]")),
            ..Self::default()
        }
    }

    /// The upper bound of its bytes as text.
    fn bytes(&self, program: &Program) -> Option<u64> {
        let by_type = || {
            let ty = self.ty?;
            // A character has at most four bytes.
            let letters =
                || find_limit(program, ty, &["maxLength"]).and_then(|n| u64::try_from(n).ok()?.checked_mul(4));
            max_bytes(program, resolve_alias(program, ty)).or_else(letters)
        };
        self.bytes.or_else(by_type)
    }

    fn text(bytes: Option<u64>) -> Self {
        Self { bytes, ..Self::default() }
    }

    fn number(most: Option<Poly>) -> Self {
        Self { most, bytes: Some(NUMBER), ..Self::default() }
    }

    fn list(len: Option<Poly>, item: Option<ValueBounds<'p>>) -> Self {
        Self { len, item: item.map(Rc::new), ..Self::default() }
    }

    /// The bounds of a value that is one of two.
    fn either_of(self, other: Self, program: &'p Program) -> Self {
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
            most: most(self.upper_bound(program), other.upper_bound(program)),
            len: most(self.len(program), other.len(program)),
            item: has_items.then(|| Rc::new(self.item(program).either_of(other.item(program), program))),
            bytes: self.bytes(program).zip(other.bytes(program)).map(|(a, b)| a.max(b)),
            models: self.models.clone().zip(other.models.clone()).map(|(a, b)| [a, b].concat()),
            ty: self.ty.filter(|ty| other.ty == Some(*ty)),
            ..Self::default()
        }
    }
}

fn constant_poly(n: i64) -> Poly {
    Poly::number(n.max(0).unsigned_abs().into())
}

/// A type without its name, its predicates and its nullability.
fn resolve_alias<'p>(program: &'p Program, mut ty: &'p Type) -> &'p Type {
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

/// The bound that a type's predicates state with one of these operators.
fn find_limit<'t>(program: &'t Program, mut ty: &'t Type, words: &[&str]) -> Option<u128> {
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

fn find_field<'p>(program: &'p Program, ty: &'p Type, name: &SmolStr) -> Option<&'p Type> {
    let fields = match resolve_alias(program, ty) {
        Type::Record(fields) => fields,
        Type::Named(id) => match &program.types.get(id.index())?.kind {
            TypeDefKind::Record(fields) => fields,
            _ => return None,
        },
        _ => return None,
    };
    fields.iter().find(|f| f.name == *name).map(|f| &f.ty)
}

/// The upper bound of the bytes of a type's values as text, if the type has one.
fn max_bytes(program: &Program, ty: &Type) -> Option<u64> {
    Some(match ty {
        Type::Null => 4,
        Type::Bool => 5,
        Type::Int | Type::Duration | Type::Time | Type::Money => NUMBER,
        Type::Float => FLOAT,
        Type::Named(id) => match &program.types.get(id.index())?.kind {
            TypeDefKind::Enum(variants) if variants.iter().all(|v| v.fields.is_empty()) => {
                // With the quotes that JSON adds.
                variants.iter().map(|v| v.name.len() as u64 + 2).max().unwrap_or(0)
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// Computes the bounds of expressions.
pub(super) struct BoundsEstimator<'p> {
    pub program: &'p Program,
    /// The number of evaluations left; at zero every value is unknown.
    pub fuel: u32,
}

impl<'p> BoundsEstimator<'p> {
    /// The upper bound of the bytes of a text; `None` if it has none.
    pub fn size(&mut self, template: &'p Template, slots: &mut [ValueBounds<'p>]) -> Option<u64> {
        let mut sum = 0u64;
        for part in &template.parts {
            sum = sum.saturating_add(match part {
                TextPart::Text(text) => text.len() as u64,
                TextPart::Hole { value, rendering, indent } => {
                    let plain = self.eval(value, slots).bytes(self.program)?;
                    // The longest result of escaping and quoting; then each line is indented.
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

    fn estimate_all(&mut self, exprs: &'p [Expr], slots: &mut [ValueBounds<'p>]) -> Vec<ValueBounds<'p>> {
        exprs.iter().map(|e| self.eval(e, slots)).collect()
    }

    /// The bounds of an expression.
    pub fn eval(&mut self, expr: &'p Expr, slots: &mut [ValueBounds<'p>]) -> ValueBounds<'p> {
        let Some(fuel) = self.fuel.checked_sub(1) else { return ValueBounds::default() };
        self.fuel = fuel;
        match expr {
            Expr::Const(constant) => constant_known(constant),
            Expr::Slot(slot) => slots.get(slot.0 as usize).cloned().unwrap_or_default(),
            Expr::List(items) => {
                let bounds = self.estimate_all(items, slots);
                let models = bounds.iter().map(|k| k.models.clone()).collect::<Option<Vec<_>>>().map(|m| m.concat());
                let item = bounds.into_iter().reduce(|a, b| a.either_of(b, self.program));
                let len = Poly::number(items.len() as u128);
                ValueBounds { models: models.filter(|m| !m.is_empty()), ..ValueBounds::list(Some(len), item) }
            }
            Expr::Record(fields) => {
                let fields = fields.iter().map(|(name, e)| (name.clone(), self.eval(e, slots))).collect();
                ValueBounds { fields, ..ValueBounds::default() }
            }
            Expr::Template(template) => ValueBounds::text(self.size(template, slots)),
            Expr::Field(base, name) | Expr::SafeField(base, name) => self.eval(base, slots).field(self.program, name),
            Expr::Index(base, _, _) => self.eval(base, slots).item(self.program),
            Expr::Neg(inner, _) => ValueBounds {
                exact: self.eval(inner, slots).exact.and_then(i64::checked_neg),
                bytes: Some(NUMBER),
                ..ValueBounds::default()
            },
            Expr::Binary(op, a, b, _) => {
                let (a, b) = (self.eval(a, slots), self.eval(b, slots));
                self.binary(*op, a, b)
            }
            Expr::Not(_) | Expr::And(..) | Expr::Or(..) => ValueBounds::text(Some(5)),
            Expr::Coalesce(a, b) => {
                let (a, b) = (self.eval(a, slots), self.eval(b, slots));
                a.either_of(b, self.program)
            }
            Expr::If(_, a, b) => {
                let (a, b) = (self.eval(a, slots), self.eval(b, slots));
                a.either_of(b, self.program)
            }
            Expr::Match { arms, .. } => {
                let mut bounds = Vec::with_capacity(arms.len());
                for arm in arms {
                    if let Pattern::Variant { fields, .. } = &arm.pattern {
                        for place in fields.iter().map(|(_, s)| s.0 as usize) {
                            if let Some(place) = slots.get_mut(place) {
                                *place = ValueBounds::default();
                            }
                        }
                    }
                    bounds.push(self.eval(&arm.body, slots));
                }
                bounds.into_iter().reduce(|a, b| a.either_of(b, self.program)).unwrap_or_default()
            }
            Expr::Let(slot, value, body) => {
                let value = self.eval(value, slots);
                if let Some(place) = slots.get_mut(slot.0 as usize) {
                    *place = value;
                }
                self.eval(body, slots)
            }
            Expr::Model(model) => ValueBounds { models: Some(vec![*model]), ..ValueBounds::default() },
            Expr::Refine(inner, _, _) => self.eval(inner, slots),
            Expr::Cast(_, ty, _) | Expr::TryCast(_, ty) => ValueBounds { ty: Some(ty), ..ValueBounds::default() },
            Expr::Run(_) | Expr::Variable(_) => ValueBounds::default(),
            Expr::Memory(memory, key) => {
                let memory = self.program.memories.get(memory.index());
                match memory.and_then(|m| Some((m, m.keys.get(*key as usize)?))) {
                    Some((memory, key)) => {
                        ValueBounds::of_type(format_smolstr!("{}.{}", memory.name, key.name), &key.ty)
                    }
                    None => ValueBounds::default(),
                }
            }
            Expr::Call(id, args) => {
                let args = self.estimate_all(args, slots);
                let Some(function) = self.program.functions.get(id.index()) else { return ValueBounds::default() };
                let mut inner = args;
                inner.resize((function.slots as usize).max(inner.len()), ValueBounds::default());
                self.eval(&function.body, &mut inner)
            }
            Expr::Builtin(builtin, args, _) => self.builtin(*builtin, args, slots),
            Expr::ToFloat(_) => ValueBounds::text(Some(FLOAT)),
            Expr::Map(_) | Expr::Variant { .. } | Expr::Command(_) | Expr::Lambda(..) => ValueBounds::default(),
        }
    }

    fn binary(&self, op: cascade_ir::BinaryOp, a: ValueBounds<'p>, b: ValueBounds<'p>) -> ValueBounds<'p> {
        use cascade_ir::BinaryOp::{Add, Div, Mul, Rem, Sub};
        let p = self.program;
        let both = a.exact.zip(b.exact);
        let exact = |f: fn(i64, i64) -> Option<i64>| both.and_then(|(a, b)| f(a, b));
        let bounds = match op {
            Add => {
                let sum = |a: Option<Poly>, b: Option<Poly>| {
                    let mut a = a?;
                    a.add(&b?);
                    Some(a)
                };
                let has_items = a.item.is_some() || b.item.is_some() || a.ty.is_some();
                let item = has_items.then(|| Rc::new(a.item(p).either_of(b.item(p), p)));
                let bytes = a.bytes(p).zip(b.bytes(p)).map(|(a, b)| a.saturating_add(b).max(NUMBER));
                let (most, len) = (sum(a.upper_bound(p), b.upper_bound(p)), sum(a.len(p), b.len(p)));
                ValueBounds { exact: exact(i64::checked_add), most, len, item, bytes, ..ValueBounds::default() }
            }
            // The subtrahend may be negative unless its exact value is known.
            Sub => {
                let most = b.exact.filter(|n| *n >= 0).and_then(|_| a.upper_bound(p));
                ValueBounds { exact: exact(i64::checked_sub), ..ValueBounds::number(most) }
            }
            Mul => {
                let positive = |k: &ValueBounds<'p>| k.exact.filter(|n| *n >= 0).map(constant_poly);
                let most = match (positive(&a), positive(&b)) {
                    (Some(n), _) => b.upper_bound(p).map(|m| m.times(&n)),
                    (None, Some(n)) => a.upper_bound(p).map(|m| m.times(&n)),
                    (None, None) => None,
                };
                ValueBounds { exact: exact(i64::checked_mul), ..ValueBounds::number(most) }
            }
            Div => {
                let most = b.exact.filter(|n| *n >= 1).and_then(|_| a.upper_bound(p));
                ValueBounds { exact: exact(i64::checked_div), ..ValueBounds::number(most) }
            }
            Rem => {
                let most = b.exact.filter(|n| *n >= 1).map(|n| constant_poly(n - 1));
                ValueBounds { exact: exact(i64::checked_rem), ..ValueBounds::number(most) }
            }
            _ => return ValueBounds::text(Some(5)),
        };
        // Floats can exceed the integers used for bounds.
        ValueBounds { bytes: bounds.bytes.map(|b| b.max(FLOAT)), ..bounds }
    }

    fn builtin(&mut self, builtin: Builtin, args: &'p [Expr], slots: &mut [ValueBounds<'p>]) -> ValueBounds<'p> {
        use Builtin as B;
        let p = self.program;
        let Some((first, rest)) = args.split_first() else { return ValueBounds::default() };
        let first = self.eval(first, slots);
        match builtin {
            B::Len | B::Count => ValueBounds::number(first.len(p)),
            B::Sort | B::SortBy | B::Reverse | B::Unique | B::Filter | B::Skip | B::Compact => {
                let item = first.item(p);
                ValueBounds::list(first.len(p), Some(item))
            }
            B::Enumerate | B::Chunk | B::GroupBy | B::ToMap | B::Keys | B::Entries => {
                ValueBounds::list(first.len(p), None)
            }
            B::Values => {
                let item = first.item(p);
                ValueBounds::list(first.len(p), Some(item))
            }
            B::Take => {
                let item = first.item(p);
                let most = rest.first().and_then(|n| self.eval(n, slots).upper_bound(p));
                let len = match (first.len(p), most) {
                    (Some(len), Some(most)) => Some(most.smaller(&len)),
                    (len, most) => most.or(len),
                };
                ValueBounds::list(len, Some(item))
            }
            B::Map | B::FlatMap => {
                let given = match rest.first() {
                    Some(Expr::Lambda(params, body)) => {
                        if let Some(place) = params.first().and_then(|s| slots.get_mut(s.0 as usize)) {
                            *place = first.item(p);
                        }
                        self.eval(body, slots)
                    }
                    _ => ValueBounds::default(),
                };
                if builtin == B::Map {
                    return ValueBounds::list(first.len(p), Some(given));
                }
                let len = first.len(p).zip(given.len(p)).map(|(a, b)| a.times(&b));
                let item = given.item(p);
                ValueBounds::list(len, Some(item))
            }
            B::Flatten => {
                let inner = first.item(p);
                let len = first.len(p).zip(inner.len(p)).map(|(a, b)| a.times(&b));
                ValueBounds::list(len, Some(inner.item(p)))
            }
            B::Zip => {
                let other = rest.first().map(|e| self.eval(e, slots)).and_then(|k| k.len(p));
                let len = match (first.len(p), other) {
                    (Some(a), Some(b)) => Some(a.smaller(&b)),
                    (a, b) => a.or(b),
                };
                ValueBounds::list(len, None)
            }
            B::Range => match rest.first() {
                None => ValueBounds::list(first.upper_bound(p), None),
                Some(end) => {
                    let end = self.eval(end, slots);
                    let len = match (first.exact, end.exact) {
                        (Some(a), Some(b)) => Some(constant_poly(b.saturating_sub(a))),
                        (Some(a), None) if a >= 0 => end.upper_bound(p),
                        _ => None,
                    };
                    ValueBounds::list(len, None)
                }
            },
            B::First | B::Last | B::Find | B::ListMin | B::ListMax | B::MinBy | B::MaxBy => first.item(p),
            B::Min | B::Max => {
                let others: Vec<_> = rest.iter().map(|e| self.eval(e, slots)).collect();
                let exact = others.iter().map(|k| k.exact).fold(first.exact, |a, b| {
                    a.zip(b).map(|(a, b)| if builtin == B::Min { a.min(b) } else { a.max(b) })
                });
                let most = others.iter().map(|k| k.upper_bound(p)).fold(first.upper_bound(p), |a, b| match (a, b) {
                    (Some(a), Some(b)) if builtin == B::Min => Some(a.smaller(&b)),
                    (Some(mut a), Some(b)) => {
                        a.join(&b);
                        Some(a)
                    }
                    (a, b) if builtin == B::Min => a.or(b),
                    _ => None,
                });
                ValueBounds { exact, bytes: Some(FLOAT), ..ValueBounds::number(most) }
            }
            B::Clamp => {
                let bounds: Vec<_> = rest.iter().map(|e| self.eval(e, slots)).collect();
                let most = bounds.last().and_then(|k| k.upper_bound(p));
                ValueBounds { bytes: Some(FLOAT), ..ValueBounds::number(most) }
            }
            B::Lower | B::Upper | B::Trim | B::Slug => {
                // Changing the case of one character can give three.
                ValueBounds::text(first.bytes(p).map(|n| n.saturating_mul(3)))
            }
            _ => ValueBounds::default(),
        }
    }
}

fn constant_known<'p>(constant: &Const) -> ValueBounds<'p> {
    match constant {
        Const::Null => ValueBounds { null: true, bytes: Some(4), ..ValueBounds::default() },
        Const::Bool(_) => ValueBounds::text(Some(5)),
        Const::Int(n) | Const::Duration(n) | Const::Money(n) => {
            ValueBounds { exact: Some(*n), bytes: Some(NUMBER), ..ValueBounds::default() }
        }
        Const::Float(_) => ValueBounds::text(Some(FLOAT)),
        Const::Str(text) => ValueBounds::text(Some(text.len() as u64)),
    }
}
