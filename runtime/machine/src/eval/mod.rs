//! Pure evaluation: deterministic, total, bounded.
//!
//! Every node of an expression costs one unit of fuel, and built-ins cost fuel for the elements they
//! visit, so that no program runs forever. The stack grows on demand; nesting is limited.

mod address;
mod builtins;
mod facts;
mod lists;
mod maps;
mod numbers;
mod ops;
mod prompt_context;
mod template;
mod text;

use std::{rc::Rc, sync::Arc};

use cascade_ir::{Const, Expr, FnId, MapEntry, Pattern, Place, Program, Slot, TypeDefKind};
use indexmap::IndexMap;
use regex::Regex;
use smol_str::SmolStr;

use crate::{
    check::{self, Strictness},
    failure::{Failure, Raise, defect, fail},
    value::{MAX_DEPTH, MAX_WEIGHT, Value},
};

pub use facts::Facts;
pub(crate) use ops::compare_values;
pub use prompt_context::escape_in_tag;
pub(crate) use template::Target;

/// The maximal nesting of expressions, including calls of functions.
const MAX_NESTING: u32 = 20_000;
/// The fuel of a run, in nodes evaluated and elements visited: some seconds of work.
pub const DEFAULT_FUEL: u64 = 1_000_000_000;

/// The evaluator of expressions: program, memory, and limits.
pub struct Eval<'p> {
    /// The program with the functions, types and memories that expressions name.
    pub program: &'p Program,
    /// The current values of memory, by memory and key.
    pub memory: Vec<Vec<Value>>,
    pub(crate) fuel: u64,
    depth: u32,
    patterns: IndexMap<SmolStr, Rc<Regex>>,
    /// What expressions can know of the run.
    pub facts: Facts,
}

/// The result of an evaluation; a value by default.
pub type Result<T = Value> = std::result::Result<T, Raise>;

/// Sets the place of a failure that has none yet.
pub(crate) fn with_place<T>(result: Result<T>, place: Place) -> Result<T> {
    result.map_err(|mut failure| {
        failure.place.get_or_insert(place);
        failure
    })
}

impl<'p> Eval<'p> {
    /// An evaluator with `fuel` units of fuel.
    pub fn new(program: &'p Program, fuel: u64) -> Self {
        Self { program, memory: Vec::new(), fuel, depth: 0, patterns: IndexMap::new(), facts: Facts::default() }
    }

    /// Uses up fuel.
    pub(crate) fn use_fuel(&mut self, units: usize) -> Result<()> {
        match self.fuel.checked_sub(units as u64) {
            Some(rest) => {
                self.fuel = rest;
                Ok(())
            }
            None => fail!("the program computes for too long: its bound of pure steps is spent"),
        }
    }

    /// Evaluates an expression with the variables of an activation.
    pub fn eval(&mut self, expr: &Expr, slots: &mut [Value]) -> Result {
        self.use_fuel(1)?;
        // Simple expressions first: they need no check of the nesting.
        match expr {
            Expr::Slot(slot) => return read_slot(slots, *slot),
            Expr::Const(constant) => return Ok(constant_value(constant)),
            _ => {}
        }
        self.depth += 1;
        let result = if self.depth.is_multiple_of(32) {
            if self.depth > MAX_NESTING {
                Err(Failure::raise(cascade_ir::ErrorKind::Failed, "the expression is nested too deeply"))
            } else {
                stacker::maybe_grow(512 * 1024, 4 * 1024 * 1024, || self.eval_compound(expr, slots))
            }
        } else {
            self.eval_compound(expr, slots)
        };
        self.depth -= 1;
        result
    }

    fn eval_compound(&mut self, expr: &Expr, slots: &mut [Value]) -> Result {
        match expr {
            Expr::Binary(op, a, b, place) => {
                let a = self.eval(a, slots)?;
                let b = self.eval(b, slots)?;
                let value = with_place(self.binary(*op, a, b), *place)?;
                with_place(check_limits(value), *place)
            }
            Expr::Field(base, name) | Expr::SafeField(base, name) => self.field(base, name, slots),
            Expr::If(cond, a, b) => {
                if self.eval_bool(cond, slots)? {
                    self.eval(a, slots)
                } else {
                    self.eval(b, slots)
                }
            }
            Expr::Not(a) => Ok(Value::Bool(!self.eval_bool(a, slots)?)),
            Expr::And(a, b) => Ok(Value::Bool(self.eval_bool(a, slots)? && self.eval_bool(b, slots)?)),
            Expr::Or(a, b) => Ok(Value::Bool(self.eval_bool(a, slots)? || self.eval_bool(b, slots)?)),
            Expr::Coalesce(a, b) => match self.eval(a, slots)? {
                Value::Null => self.eval(b, slots),
                value => Ok(value),
            },
            Expr::Builtin(builtin, args, place) => {
                let value = with_place(self.builtin(*builtin, args, slots), *place)?;
                with_place(check_limits(value), *place)
            }
            Expr::Let(slot, value, body) => {
                let value = self.eval(value, slots)?;
                write_slot(slots, *slot, value)?;
                self.eval(body, slots)
            }
            other => self.eval_uncommon(other, slots),
        }
    }

    /// The larger cases, in a function of their own so that the stack frames of the others stay small.
    #[inline(never)]
    fn eval_uncommon(&mut self, expr: &Expr, slots: &mut [Value]) -> Result {
        match expr {
            Expr::List(items) => {
                let items = items.iter().map(|e| self.eval(e, slots)).collect::<Result<Vec<_>>>()?;
                check_limits(Value::list(items))
            }
            Expr::Record(fields) => check_limits(Value::record(self.fields(fields, slots)?)),
            Expr::Map(entries) => self.map_literal(entries, slots),
            Expr::Variant { ty, variant, fields } => {
                let fields = self.fields(fields, slots)?;
                let def = self.program.types.get(ty.index()).map(|d| &d.kind);
                let Some(TypeDefKind::Enum(variants)) = def else {
                    return Err(defect!("type {} is not an enum", ty.0));
                };
                let Some(name) = variants.get(*variant as usize).map(|v| v.name.clone()) else {
                    return Err(defect!("enum {} has no variant {variant}", ty.0));
                };
                check_limits(Value::variant(name, check::is_tagged(variants), fields))
            }
            Expr::Template(template) => {
                let text = self.template(template, slots, Target::Text)?;
                Ok(Value::str(text.text))
            }
            Expr::Command(command) => Ok(Value::Command(Arc::new(self.command(command, slots)?))),
            Expr::Index(base, index, place) => {
                let base = self.eval(base, slots)?;
                let index = self.eval(index, slots)?;
                with_place(ops::index_value(&base, &index), *place)
            }
            Expr::Neg(a, place) => {
                let a = self.eval(a, slots)?;
                with_place(ops::negate_number(a), *place)
            }
            Expr::Call(id, args) => self.call(*id, args, slots),
            Expr::Cast(a, ty, place) => {
                let value = self.eval(a, slots)?;
                with_place(check::coerce_value(self, value, ty, Strictness::Cast), *place)
            }
            Expr::TryCast(a, ty) => {
                let value = self.eval(a, slots)?;
                match check::coerce_value(self, value, ty, Strictness::Cast) {
                    Err(failure) if failure.kind == cascade_ir::ErrorKind::InvalidOutput => Ok(Value::Null),
                    other => other,
                }
            }
            Expr::Match { subject, arms } => {
                let subject = self.eval(subject, slots)?;
                for arm in arms {
                    if self.matches(&arm.pattern, &subject, slots)?
                        && arm.guard.as_ref().map_or(Ok(true), |g| self.eval_bool(g, slots))?
                    {
                        return self.eval(&arm.body, slots);
                    }
                }
                Err(defect!("no arm of a match applies"))
            }
            Expr::Model(model) => Ok(Value::Model(*model)),
            Expr::Run(fact) => Ok(self.facts.value(*fact)),
            Expr::Variable(name) => self.facts.variable(name),
            Expr::Memory(memory, key) => self
                .memory
                .get(memory.index())
                .and_then(|keys| keys.get(*key as usize))
                .cloned()
                .ok_or_else(|| defect!("memory {} has no key {key}", memory.0)),
            Expr::ToFloat(a) => Ok(match self.eval(a, slots)? {
                Value::Int(i) => Value::Float(i as f64),
                other => other,
            }),
            Expr::Refine(a, refinement, place) => {
                let value = self.eval(a, slots)?;
                if with_place(check::satisfies_refinement(self, &value, refinement), *place)? {
                    return Ok(value);
                }
                let shown = crate::describe::shorten_value(&value);
                let failure = Failure::raise(
                    cascade_ir::ErrorKind::Failed,
                    format!("{shown} does not satisfy `{}`", refinement.text),
                );
                with_place(Err(failure), *place)
            }
            _ => Err(defect!("a lambda stands outside a built-in")),
        }
    }

    fn fields(&mut self, fields: &[(SmolStr, Expr)], slots: &mut [Value]) -> Result<Vec<(SmolStr, Value)>> {
        fields.iter().map(|(name, e)| Ok((name.clone(), self.eval(e, slots)?))).collect()
    }

    fn map_literal(&mut self, entries: &[MapEntry], slots: &mut [Value]) -> Result {
        let mut map = IndexMap::new();
        for entry in entries {
            match entry {
                MapEntry::Entry(key, value) => {
                    map.insert(key.clone(), self.eval(value, slots)?);
                }
                MapEntry::Spread(base) => {
                    let base = self.eval(base, slots)?;
                    let Some(entries) = base.entries() else {
                        fail!("only a map, a record or a JSON object can be spread, this is {}", base.kind());
                    };
                    for (key, value) in entries {
                        self.use_fuel(1)?;
                        map.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        check_limits(Value::map(map))
    }

    /// Reads a field, without copying a record that is in a slot.
    fn field(&mut self, base: &Expr, name: &str, slots: &mut [Value]) -> Result {
        if let Expr::Slot(slot) = base {
            let base = slots.get(slot.0 as usize).ok_or_else(|| missing_slot(*slot))?;
            return Ok(base.get(name).cloned().unwrap_or(Value::Null));
        }
        let base = self.eval(base, slots)?;
        Ok(base.get(name).cloned().unwrap_or(Value::Null))
    }

    fn call(&mut self, id: FnId, args: &[Expr], slots: &mut [Value]) -> Result {
        let Some(function) = self.program.functions.get(id.index()) else {
            return Err(defect!("there is no function {}", id.0));
        };
        let size = (function.slots as usize).max(args.len());
        let mut inner = Vec::with_capacity(size);
        for arg in args {
            inner.push(self.eval(arg, slots)?);
        }
        inner.resize(size, Value::Null);
        self.eval(&function.body, &mut inner)
    }

    /// A boolean.
    pub(crate) fn eval_bool(&mut self, expr: &Expr, slots: &mut [Value]) -> Result<bool> {
        match self.eval(expr, slots)? {
            Value::Bool(b) => Ok(b),
            other => Err(defect!("a condition is {}", other.kind())),
        }
    }

    /// Whether a pattern matches; its variables are written to their slots.
    pub(crate) fn matches(&mut self, pattern: &Pattern, subject: &Value, slots: &mut [Value]) -> Result<bool> {
        Ok(match pattern {
            Pattern::Any => true,
            Pattern::Equal(expr) => self.eval(expr, slots)? == *subject,
            Pattern::Range(low, high) => {
                if let Some(low) = low {
                    let low = self.eval(low, slots)?;
                    if compare_values(subject, &low).is_none_or(|o| o.is_lt()) {
                        return Ok(false);
                    }
                }
                if let Some(high) = high {
                    let high = self.eval(high, slots)?;
                    if compare_values(subject, &high).is_none_or(|o| o.is_gt()) {
                        return Ok(false);
                    }
                }
                true
            }
            Pattern::OneOf(patterns) => {
                for pattern in patterns {
                    if self.matches(pattern, subject, slots)? {
                        return Ok(true);
                    }
                }
                false
            }
            Pattern::Variant { name, fields } => {
                let matched = match subject {
                    Value::Variant(v) => v.name == *name,
                    Value::Str(s) => s == name,
                    _ => false,
                };
                if matched {
                    for (field, slot) in fields {
                        write_slot(slots, *slot, subject.get(field).cloned().unwrap_or(Value::Null))?;
                    }
                }
                matched
            }
        })
    }

    /// A compiled regular expression, cached for the run.
    pub(crate) fn pattern(&mut self, source: &str) -> Result<Rc<Regex>> {
        if let Some(found) = self.patterns.get(source) {
            return Ok(Rc::clone(found));
        }
        let compiled = regex::RegexBuilder::new(source).size_limit(1 << 20).build();
        match compiled {
            Ok(regex) => {
                let regex = Rc::new(regex);
                if self.patterns.len() >= 256 {
                    self.patterns.clear();
                }
                self.patterns.insert(source.into(), Rc::clone(&regex));
                Ok(regex)
            }
            Err(error) => {
                let detail = error.to_string();
                let last = detail.lines().last().unwrap_or_default().trim_start_matches("error: ");
                fail!("`{source}` is not a regular expression: {last}")
            }
        }
    }
}

/// Refuses values that exceed the limits of depth and weight.
pub(crate) fn check_limits(value: Value) -> Result {
    if value.depth() > MAX_DEPTH {
        fail!("the value is nested deeper than {MAX_DEPTH} levels");
    }
    if value.weight() > MAX_WEIGHT {
        fail!("the value is too large (more than {} million elements)", MAX_WEIGHT / 1_000_000);
    }
    Ok(value)
}

pub(crate) fn constant_value(constant: &Const) -> Value {
    match constant {
        Const::Null => Value::Null,
        Const::Bool(b) => Value::Bool(*b),
        Const::Int(i) => Value::Int(*i),
        Const::Float(f) => Value::Float(*f),
        Const::Str(s) => Value::Str(s.clone()),
        Const::Duration(ms) => Value::Duration(*ms),
        Const::Money(micro) => Value::Money(*micro),
    }
}

fn missing_slot(slot: Slot) -> Raise {
    defect!("slot {} is outside its activation", slot.0)
}

fn read_slot(slots: &[Value], slot: Slot) -> Result {
    slots.get(slot.0 as usize).cloned().ok_or_else(|| missing_slot(slot))
}

/// Writes a value to its slot.
pub fn write_slot(slots: &mut [Value], slot: Slot, value: Value) -> Result<()> {
    match slots.get_mut(slot.0 as usize) {
        Some(place) => {
            *place = value;
            Ok(())
        }
        None => Err(missing_slot(slot)),
    }
}
