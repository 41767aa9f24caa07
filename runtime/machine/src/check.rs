//! Checks that a value conforms to a type: inputs, casts, and the answers of effects.

use cascade_ir::{ErrorKind, Expr, Field, Refinement, Type, TypeDefKind, Variant};
use indexmap::IndexMap;
use smol_str::SmolStr;

use crate::{
    describe::{declares_secret, describe_type, shorten_value, suggest_name},
    eval::{Eval, Result},
    failure::{Failure, Raise, defect},
    lenient::{Repair, is_placeholder, same_word, stated_word},
    value::{Artifact, REDACTED, Secret, Value, parse_duration, parse_time, to_json, whole_number},
};

/// 2^53: smaller floats without a fraction are exact integers.
const MAX_EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

/// The tolerated deviations from a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strictness {
    /// A user's input: unknown keys are errors, with a suggestion.
    Input,
    /// An effect's answer: unknown keys are ignored.
    Effect,
    /// The cells of a table: a text can be a number, a boolean or null.
    Cells,
    /// A model's answer: also texts for numbers, one element for a list, variants in another case.
    Lenient,
    /// `as T` in a program.
    Cast,
}

/// Whether a variant of the enum has fields: JSON represents it as an object then.
pub(crate) fn is_tagged(variants: &[Variant]) -> bool {
    variants.iter().any(|v| !v.fields.is_empty())
}

/// Converts a value to a type, or fails with `invalid_output` and the place within the value.
pub fn coerce_value(eval: &mut Eval<'_>, value: Value, ty: &Type, strictness: Strictness) -> Result {
    Checker::new(eval, strictness, ty).coerce(value, ty)
}

/// Converts a value of a model's answer to a type; also gives what was corrected.
pub(crate) fn coerce_leniently(eval: &mut Eval<'_>, value: Value, ty: &Type) -> Result<(Value, Vec<Repair>)> {
    let mut checker = Checker::new(eval, Strictness::Lenient, ty);
    let value = checker.coerce(value, ty)?;
    Ok((value, checker.repairs))
}

/// Whether a value satisfies a predicate.
pub(crate) fn satisfies_refinement(eval: &mut Eval<'_>, value: &Value, refinement: &Refinement) -> Result<bool> {
    let mut slots = vec![Value::Null; refinement.slots.max(1) as usize];
    slots[0] = value.clone();
    eval.eval_bool(&refinement.predicate, &mut slots)
}

enum PathStep {
    Key(SmolStr),
    Index(usize),
}

struct Checker<'e, 'p> {
    eval: &'e mut Eval<'p>,
    strictness: Strictness,
    /// The type of the whole value.
    whole: &'e Type,
    path: Vec<PathStep>,
    levels: u32,
    /// What was corrected in a model's answer.
    repairs: Vec<Repair>,
}

impl<'e, 'p> Checker<'e, 'p> {
    fn new(eval: &'e mut Eval<'p>, strictness: Strictness, whole: &'e Type) -> Self {
        Self { eval, strictness, whole, path: Vec::new(), levels: 0, repairs: Vec::new() }
    }

    fn repair(&mut self, what: &str) {
        let what = Repair(self.message_with_place(what));
        self.repairs.push(what);
    }

    fn coerce(&mut self, value: Value, ty: &Type) -> Result {
        self.eval.use_fuel(1)?;
        self.levels += 1;
        if self.levels > 4 * crate::value::MAX_DEPTH {
            return Err(self.error("the value is nested too deeply".to_owned()));
        }
        let result = self.coerce_non_null(value, ty);
        self.levels -= 1;
        result
    }

    fn coerce_non_null(&mut self, value: Value, ty: &Type) -> Result {
        match (ty, value) {
            (Type::Null, Value::Null) | (Type::Optional(_), Value::Null) => Ok(Value::Null),
            (Type::String | Type::Path, Value::Str(text))
                if self.strictness == Strictness::Lenient && is_placeholder(&text, None) =>
            {
                Err(self.error(format!("{} only holds the place of an answer", self.show_value(&Value::Str(text)))))
            }
            (Type::Null, _) if self.strictness != Strictness::Input => Ok(Value::Null),
            (Type::Optional(_), Value::Str(s)) if self.strictness == Strictness::Cells && s.trim().is_empty() => {
                Ok(Value::Null)
            }
            (Type::Optional(inner), value) => self.coerce(value, inner),
            (Type::String, value @ Value::Str(_)) | (Type::Int, value @ Value::Int(_)) => Ok(value),
            (Type::Bool, value @ Value::Bool(_)) | (Type::Float, value @ Value::Float(_)) => Ok(value),
            (Type::String, Value::Path(p)) => Ok(Value::str(p.as_ref())),
            (Type::String, Value::Variant(v)) if !v.tagged => Ok(Value::Str(v.name.clone())),
            (Type::Int, Value::Float(f)) if f.fract() == 0.0 && f.abs() < MAX_EXACT_FLOAT => Ok(Value::Int(f as i64)),
            (Type::Float, Value::Int(i)) => Ok(Value::Float(i as f64)),
            (Type::Int | Type::Float, Value::Large(number)) => match (ty, number.as_exact_float()) {
                (Type::Float, Some(float)) => Ok(Value::Float(float)),
                _ => {
                    let ty = describe_type(self.eval.program, ty);
                    let message = format!(
                        "{} does not fit into 64 bits, and {ty} was expected; `json` keeps its digits",
                        self.show_value(&Value::Large(number))
                    );
                    Err(self.error(message))
                }
            },
            (Type::Path, value @ Value::Path(_)) | (Type::Secret, value @ Value::Secret(_)) => Ok(value),
            (Type::Path, Value::Str(s)) => Ok(Value::path(&s)),
            (Type::Path, Value::Artifact(a)) => Ok(Value::path(&a.path)),
            (Type::Secret, Value::Str(s)) => Ok(Value::Secret(Secret::new(&s))),
            (Type::Duration, value @ Value::Duration(_)) | (Type::Money, value @ Value::Money(_)) => Ok(value),
            (Type::Duration, value) => self.duration(value, ty),
            (Type::Time, value @ Value::Time(_)) => Ok(value),
            (Type::Time, Value::Str(text)) => match parse_time(&text) {
                Some(ms) => Ok(Value::Time(ms)),
                None => Err(self.mismatch(&Value::Str(text), ty)),
            },
            (Type::Money, value) => self.money(value, ty),
            (Type::Json, value) => self.json(value),
            (Type::Command, value @ Value::Command(_)) | (Type::Model, value @ (Value::Model(_) | Value::List(_))) => {
                Ok(value)
            }
            (Type::Command, Value::Str(text)) if self.strictness == Strictness::Input => {
                Ok(Value::Command(crate::value::command_of_text(&text).into()))
            }
            (Type::Artifact(_), value @ Value::Artifact(_)) => Ok(value),
            (Type::Artifact(kind), Value::Str(s)) => Ok(artifact_value(*kind, &s)),
            (Type::Artifact(kind), Value::Path(s)) => Ok(artifact_value(*kind, &s)),
            (Type::List(inner), Value::List(items)) => self.list(&items, inner),
            (Type::Map(inner), value @ (Value::Map(_) | Value::Record(_))) => self.map(&value, inner),
            (Type::Record(fields), value @ (Value::Map(_) | Value::Record(_))) => self.record(&value, fields),
            (Type::Named(id), value) => {
                let program = self.eval.program;
                match program.types.get(id.index()).map(|d| &d.kind) {
                    Some(TypeDefKind::Record(fields)) => match value {
                        value @ (Value::Map(_) | Value::Record(_)) => self.record(&value, fields),
                        other => self.coerce_leniently(other, ty),
                    },
                    Some(TypeDefKind::Enum(variants)) => self.variant(value, variants, ty),
                    Some(TypeDefKind::Alias(inner)) => self.coerce(value, inner),
                    None => Err(defect!("there is no type {}", id.0)),
                }
            }
            (Type::Refined(inner, refinement), value) => {
                let value = self.coerce(value, inner)?;
                if satisfies_refinement(self.eval, &value, refinement).map_err(|f| self.with_place(f))? {
                    Ok(value)
                } else {
                    Err(self.error(format!("{} does not satisfy `{}`", self.show_value(&value), refinement.text)))
                }
            }
            (ty, value) => self.coerce_leniently(value, ty),
        }
    }

    fn list(&mut self, items: &[Value], inner: &Type) -> Result {
        let mut out = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            self.path.push(PathStep::Index(i));
            out.push(self.coerce(item.clone(), inner)?);
            self.path.pop();
        }
        Ok(Value::list(out))
    }

    fn map(&mut self, value: &Value, inner: &Type) -> Result {
        let mut out = IndexMap::new();
        for (key, item) in value.entries().into_iter().flatten() {
            self.path.push(PathStep::Key(key.clone()));
            out.insert(key.clone(), self.coerce(item.clone(), inner)?);
            self.path.pop();
        }
        Ok(Value::map(out))
    }

    fn record(&mut self, value: &Value, fields: &[Field]) -> Result {
        if self.strictness == Strictness::Input {
            self.reject_unknown_keys(value, fields)?;
        }
        let out = self.record_fields(value, fields)?;
        Ok(Value::record(out))
    }

    fn record_fields(&mut self, value: &Value, fields: &[Field]) -> Result<Vec<(SmolStr, Value)>> {
        let mut out = Vec::with_capacity(fields.len());
        for field in fields {
            self.path.push(PathStep::Key(field.name.clone()));
            let found = match value.get(&field.name) {
                None if self.strictness == Strictness::Lenient => self.similar_key(value, field, fields)?,
                found => found,
            };
            if self.strictness == Strictness::Lenient
                && let Some(Value::Str(text)) = found
                && self.accepts_text(&field.ty)
                && is_placeholder(text, Some(&field.name))
            {
                return Err(self.error(format!(
                    "{} only holds the place of an answer",
                    self.show_value(&Value::Str(text.clone()))
                )));
            }
            let item = match (found, &field.default) {
                (None | Some(Value::Null), Some(default)) if !accepts_null(&field.ty) || found.is_none() => {
                    self.evaluate_default(default)?
                }
                // An empty cell means an absent value, unless the field accepts text.
                (Some(Value::Str(cell)), Some(default))
                    if self.strictness == Strictness::Cells
                        && cell.trim().is_empty()
                        && !self.accepts_text(&field.ty) =>
                {
                    self.evaluate_default(default)?
                }
                (Some(item), _) => self.coerce(item.clone(), &field.ty)?,
                (None, _) if self.is_optional(&field.ty) => Value::Null,
                (None, _) => {
                    let ty = describe_type(self.eval.program, &field.ty);
                    let mut message = format!("missing; {ty} was expected");
                    if self.strictness == Strictness::Cells {
                        // With a wrong delimiter the whole table has one column.
                        let columns: Vec<String> =
                            value.entries().into_iter().flatten().map(|(name, _)| format!("`{name}`")).collect();
                        message.push_str(&format!("; the columns are {}", columns.join(", ")));
                    }
                    return Err(self.error(message));
                }
            };
            self.path.pop();
            out.push((field.name.clone(), item));
        }
        Ok(out)
    }

    /// The value of the one key that differs from a field's name in case and surrounding space only.
    fn similar_key<'v>(&mut self, value: &'v Value, field: &Field, fields: &[Field]) -> Result<Option<&'v Value>> {
        let name = field.name.to_lowercase();
        let mut similar = value
            .entries()
            .into_iter()
            .flatten()
            .filter(|(key, _)| key.trim().to_lowercase() == name && !fields.iter().any(|f| f.name == **key));
        let Some((key, found)) = similar.next() else { return Ok(None) };
        let also_meant = fields.iter().filter(|f| f.name.to_lowercase() == name).count() > 1;
        if similar.next().is_some() || also_meant {
            return Err(self.error(format!("several keys or fields are written like `{name}`")));
        }
        let what = format!("the key `{}` was read as `{}`", if self.is_private() { REDACTED } else { key }, field.name);
        self.repair(&what);
        Ok(Some(found))
    }

    fn evaluate_default(&mut self, default: &Expr) -> Result {
        // A closed expression can still contain variables of its own.
        self.eval.eval(default, &mut vec![Value::Null; 64])
    }

    fn is_optional(&self, ty: &Type) -> bool {
        match ty {
            Type::Optional(_) | Type::Null | Type::Json => true,
            Type::Refined(inner, _) => self.is_optional(inner),
            Type::Named(id) => match self.eval.program.types.get(id.index()).map(|d| &d.kind) {
                Some(TypeDefKind::Alias(inner)) => self.is_optional(inner),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether every text is a value of the type.
    fn accepts_text(&self, ty: &Type) -> bool {
        match ty {
            Type::String | Type::Json | Type::Secret => true,
            Type::Refined(inner, _) | Type::Optional(inner) => self.accepts_text(inner),
            Type::Named(id) => match self.eval.program.types.get(id.index()).map(|d| &d.kind) {
                Some(TypeDefKind::Alias(inner)) => self.accepts_text(inner),
                _ => false,
            },
            _ => false,
        }
    }

    fn reject_unknown_keys(&mut self, value: &Value, fields: &[Field]) -> Result<()> {
        for (key, _) in value.entries().into_iter().flatten() {
            if !fields.iter().any(|f| f.name == *key) {
                let known: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
                let hint = suggest_name(key, &known);
                return Err(self.error(format!("there is no field `{key}`{hint}")));
            }
        }
        Ok(())
    }

    fn variant(&mut self, value: Value, variants: &[Variant], ty: &Type) -> Result {
        let tagged = is_tagged(variants);
        let name: Option<SmolStr> = match &value {
            Value::Variant(v) => Some(v.name.clone()),
            Value::Str(s) => Some(s.clone()),
            Value::Map(_) | Value::Record(_) => value.get("kind").and_then(Value::as_text).map(SmolStr::from),
            _ => None,
        };
        let Some(name) = name else {
            if let Some(variant) = self.untagged_variant(&value, variants) {
                return self.read_variant(&value, variant, tagged);
            }
            return self.coerce_leniently(value, ty);
        };
        let known: Vec<&str> = variants.iter().map(|v| v.name.as_str()).collect();
        let mut variant = variants.iter().find(|v| v.name == name);
        if variant.is_none() && self.strictness == Strictness::Lenient {
            let meant = same_word(&name, &known).or_else(|| if tagged { None } else { stated_word(&name, &known) });
            variant = variants.iter().find(|v| Some(v.name.as_str()) == meant);
            if let Some(variant) = variant {
                self.repair(&format!("the value was read as `{}`", variant.name));
            }
        }
        if variant.is_none() {
            // A record may have a field `kind` of its own.
            variant = self.untagged_variant(&value, variants);
        }
        let Some(variant) = variant else {
            let expected = known.join(", ");
            let hint = suggest_name(&name, &known);
            let name = if self.is_private() { REDACTED.to_owned() } else { format!("`{name}`") };
            return Err(self.error(format!("{name} is none of {expected}{hint}")));
        };
        if self.strictness == Strictness::Input && !variant.fields.is_empty() {
            for (key, _) in value.entries().into_iter().flatten() {
                if key != "kind" && !variant.fields.iter().any(|f| f.name == *key) {
                    let known: Vec<&str> = variant.fields.iter().map(|f| f.name.as_str()).collect();
                    let hint = suggest_name(key, &known);
                    return Err(self.error(format!("there is no field `{key}`{hint}")));
                }
            }
        }
        self.read_variant(&value, variant, tagged)
    }

    fn read_variant(&mut self, value: &Value, variant: &Variant, tagged: bool) -> Result {
        let fields = self.record_fields(value, &variant.fields)?;
        Ok(Value::variant(variant.name.clone(), tagged, fields))
    }

    /// The one variant with fields that an object without a tag fits: it has all fields that the variant
    /// needs, no others, and their types fit. `None` when none fits, or several do.
    fn untagged_variant<'v>(&mut self, value: &Value, variants: &'v [Variant]) -> Option<&'v Variant> {
        if !matches!(value, Value::Map(_) | Value::Record(_)) {
            return None;
        }
        let mut fitting = None;
        for variant in variants.iter().filter(|variant| !variant.fields.is_empty()) {
            let has_others = value
                .entries()
                .into_iter()
                .flatten()
                .any(|(key, _)| !variant.fields.iter().any(|field| field.name == *key));
            if has_others {
                continue;
            }
            let (depth, repairs) = (self.path.len(), self.repairs.len());
            let fits = self.record_fields(value, &variant.fields).is_ok();
            self.path.truncate(depth);
            self.repairs.truncate(repairs);
            if fits && fitting.replace(variant).is_some() {
                return None;
            }
        }
        fitting
    }

    fn duration(&mut self, value: Value, ty: &Type) -> Result {
        let ms = match &value {
            Value::Str(s) => parse_duration(s),
            Value::Int(seconds) => seconds.checked_mul(1000),
            Value::Float(seconds) => whole_number(seconds * 1e3),
            _ => None,
        };
        match ms {
            Some(ms) => Ok(Value::Duration(ms)),
            None => Err(self.mismatch(&value, ty)),
        }
    }

    fn money(&mut self, value: Value, ty: &Type) -> Result {
        let micro = match &value {
            Value::Int(usd) => usd.checked_mul(1_000_000),
            Value::Float(usd) => whole_number(usd * 1e6),
            Value::Str(s) => crate::value::parse_money(s),
            _ => None,
        };
        match micro {
            Some(micro) => Ok(Value::Money(micro)),
            None => Err(self.mismatch(&value, ty)),
        }
    }

    /// Any value, converted to JSON.
    fn json(&mut self, value: Value) -> Result {
        Ok(match value {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Large(_) | Value::Str(_) => value,
            Value::List(items) => self.list(&items, &Type::Json)?,
            Value::Map(_) | Value::Record(_) => self.map(&value, &Type::Json)?,
            other => crate::value::from_json(&to_json(&other)),
        })
    }

    /// Corrects harmless deviations in models' answers.
    fn coerce_leniently(&mut self, value: Value, ty: &Type) -> Result {
        if self.strictness == Strictness::Cells {
            return self.coerce_cell(value, ty);
        }
        if self.strictness != Strictness::Lenient {
            return Err(self.mismatch(&value, ty));
        }
        match (ty, &value) {
            (Type::String, Value::Int(_) | Value::Float(_) | Value::Large(_) | Value::Bool(_)) => {
                self.repair("a number or truth value was read as text");
                Ok(Value::str(to_json(&value).to_string()))
            }
            (Type::Int | Type::Float, Value::Str(text)) => match crate::lenient::read_number(text) {
                Some(number) => {
                    self.repair("text was read as a number");
                    self.coerce(number, ty).map_err(|_| self.mismatch(&value, ty))
                }
                None => Err(self.mismatch(&value, ty)),
            },
            (Type::Bool, Value::Str(text)) => match crate::lenient::read_bool(text) {
                Some(truth) => {
                    self.repair("text was read as a truth value");
                    Ok(Value::Bool(truth))
                }
                None => Err(self.mismatch(&value, ty)),
            },
            // A list with one element where a single value is expected.
            (_, Value::List(items)) if items.len() == 1 && !matches!(ty, Type::List(_)) => {
                self.repair("the only element of a list was read as the value");
                self.coerce(items[0].clone(), ty)
            }
            (Type::List(inner), _) if !value.is_null() => {
                self.repair("a single value was read as a list");
                let item = self.coerce(value, inner)?;
                Ok(Value::list(vec![item]))
            }
            _ => Err(self.mismatch(&value, ty)),
        }
    }

    /// A cell as a number or a boolean.
    fn coerce_cell(&mut self, value: Value, ty: &Type) -> Result {
        let read = match (ty, &value) {
            (Type::Int, Value::Str(text)) => text.trim().parse().ok().map(Value::Int),
            (Type::Float, Value::Str(text)) => {
                let number = text.trim().parse::<f64>().ok();
                number.filter(|n| n.is_finite()).map(Value::Float)
            }
            (Type::Bool, Value::Str(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            _ => None,
        };
        read.ok_or_else(|| self.mismatch(&value, ty))
    }

    fn mismatch(&self, value: &Value, ty: &Type) -> Raise {
        let expected = describe_type(self.eval.program, ty);
        let found = match value {
            Value::Null => "null".to_owned(),
            Value::List(_) | Value::Map(_) | Value::Record(_) => value.kind().to_owned(),
            other if self.is_private() => other.kind().to_owned(),
            other => format!("{} ({})", shorten_value(other), other.kind()),
        };
        self.error(format!("{expected} was expected, found {found}"))
    }

    /// Whether the whole value contains a secret: then no part of it is shown, since the secret may be in
    /// the wrong place.
    fn is_private(&self) -> bool {
        declares_secret(self.eval.program, self.whole)
    }

    fn show_value(&self, value: &Value) -> String {
        if self.is_private() { REDACTED.to_owned() } else { shorten_value(value) }
    }

    fn error(&self, message: String) -> Raise {
        Failure::raise(ErrorKind::InvalidOutput, self.message_with_place(&message))
    }

    /// Adds the place to a predicate's failure.
    fn with_place(&self, mut failure: Raise) -> Raise {
        failure.message = self.message_with_place(&failure.message);
        failure
    }

    fn message_with_place(&self, message: &str) -> String {
        if self.path.is_empty() {
            return message.to_owned();
        }
        let mut pointer = String::new();
        for step in &self.path {
            match step {
                PathStep::Key(key) => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
                PathStep::Index(i) => pointer.push_str(&format!("/{i}")),
            }
        }
        format!("at {pointer}: {message}")
    }
}

fn accepts_null(ty: &Type) -> bool {
    matches!(ty, Type::Optional(_) | Type::Null | Type::Json)
}

fn artifact_value(kind: cascade_ir::ArtifactKind, path: &str) -> Value {
    Value::Artifact(Artifact { kind, path: path.to_owned() }.into())
}
