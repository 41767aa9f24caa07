//! The values of the language.
//!
//! A value takes at most 24 bytes and is cheap to clone: short texts are stored inline, everything
//! larger is shared. Containers know their depth and weight, so that no program can build a value whose
//! printing, comparing or dropping would exhaust the stack or the memory.

mod command;
mod exact;
mod json;
mod time;
mod units;
mod words;

use std::{fmt, sync::Arc};

use cascade_ir::{ArtifactKind, ModelRef};
use indexmap::IndexMap;
use smol_str::SmolStr;

pub use command::{Arg, Command, CommandPart, CommandWord, ScriptPart, shown_command};
pub use exact::{LargeNumber, parse_json};
pub use json::{from_json, to_json};
pub use time::{format_time, format_time_as, parse_time, parse_time_as};
pub(crate) use units::whole_number;
pub use units::{format_duration, format_money, parse_duration, parse_money};
pub use words::command_of_text;

/// The maximal nesting of a value; each list, map, record or variant is one level.
pub const MAX_DEPTH: u32 = 256;
/// The maximal weight of a value: its elements at every level, with 16 bytes of text as one element.
pub const MAX_WEIGHT: u64 = 32_000_000;
/// The placeholder of a secret in output.
pub const REDACTED: &str = "[secret]";

/// A value of the language.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A finite float.
    Float(f64),
    /// A number that neither of them holds; only in `json`.
    Large(LargeNumber),
    /// Text.
    Str(SmolStr),
    /// Milliseconds.
    Duration(i64),
    /// Milliseconds since 1970, in UTC.
    Time(i64),
    /// Millionths of a US dollar.
    Money(i64),
    /// A path of the file system.
    Path(Arc<str>),
    /// A text that is never shown.
    Secret(Secret),
    /// A command.
    Command(Arc<Command>),
    /// A file with its kind.
    Artifact(Arc<Artifact>),
    /// A model or a route.
    Model(ModelRef),
    /// A list.
    List(Arc<Node<Vec<Value>>>),
    /// A map, or a JSON object.
    Map(Arc<Node<IndexMap<SmolStr, Value>>>),
    /// A record.
    Record(Arc<Node<Vec<(SmolStr, Value)>>>),
    /// A variant of an enum.
    Variant(Arc<Node<VariantData>>),
}

/// A text that is never shown; its `Debug` form is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The text itself, for its intended use.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// A file that a run uses or creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The kind of content.
    pub kind: ArtifactKind,
    /// Its path.
    pub path: String,
}

/// A variant with its fields.
#[derive(Clone, Debug)]
pub struct VariantData {
    /// Its name.
    pub name: SmolStr,
    /// Whether a variant of its enum has fields: JSON represents it as an object with `kind` then.
    pub tagged: bool,
    /// Its fields.
    pub fields: Vec<(SmolStr, Value)>,
}

/// The content of a container with its depth and weight.
#[derive(Clone, Debug)]
pub struct Node<T> {
    depth: u32,
    weight: u64,
    /// The content. Only the methods of [`Value`] change it; they update depth and weight.
    data: T,
}

impl<T> std::ops::Deref for Node<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.data
    }
}

fn measure_values<'v>(items: impl Iterator<Item = &'v Value>) -> (u32, u64) {
    let (mut depth, mut weight) = (0, 1u64);
    for item in items {
        depth = depth.max(item.depth());
        weight = weight.saturating_add(item.weight());
    }
    (depth + 1, weight)
}

impl Value {
    /// A text.
    pub fn str(text: impl Into<SmolStr>) -> Self {
        Self::Str(text.into())
    }

    /// A path.
    pub fn path(text: &str) -> Self {
        Self::Path(Arc::from(text))
    }

    /// A list.
    pub fn list(items: Vec<Value>) -> Self {
        let (depth, weight) = measure_values(items.iter());
        Self::List(Arc::new(Node { depth, weight, data: items }))
    }

    /// A map.
    pub fn map(entries: IndexMap<SmolStr, Value>) -> Self {
        let (depth, mut weight) = measure_values(entries.values());
        weight += entries.keys().map(|k| k.len() as u64 / 16).sum::<u64>();
        Self::Map(Arc::new(Node { depth, weight, data: entries }))
    }

    /// A record.
    pub fn record(fields: Vec<(SmolStr, Value)>) -> Self {
        let (depth, weight) = measure_values(fields.iter().map(|(_, v)| v));
        Self::Record(Arc::new(Node { depth, weight, data: fields }))
    }

    /// A variant.
    pub fn variant(name: SmolStr, tagged: bool, fields: Vec<(SmolStr, Value)>) -> Self {
        let (depth, weight) = measure_values(fields.iter().map(|(_, v)| v));
        let data = VariantData { name, tagged, fields };
        Self::Variant(Arc::new(Node { depth, weight, data }))
    }

    /// The levels of containers; 0 for a scalar.
    pub fn depth(&self) -> u32 {
        match self {
            Self::List(n) => n.depth,
            Self::Map(n) => n.depth,
            Self::Record(n) => n.depth,
            Self::Variant(n) => n.depth,
            _ => 0,
        }
    }

    /// The weight; see [`MAX_WEIGHT`].
    pub fn weight(&self) -> u64 {
        match self {
            Self::List(n) => n.weight,
            Self::Map(n) => n.weight,
            Self::Record(n) => n.weight,
            Self::Variant(n) => n.weight,
            Self::Str(s) => 1 + s.len() as u64 / 16,
            Self::Path(s) => 1 + s.len() as u64 / 16,
            Self::Large(n) => 1 + n.as_str().len() as u64 / 16,
            Self::Command(c) => c.weight(),
            _ => 1,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a string or path.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Str(s) => Some(s),
            Self::Path(s) => Some(s),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(n) => Some(n),
            _ => None,
        }
    }

    /// A number as a float.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Int(i) => Some(*i as f64),
            Self::Float(f) => Some(*f),
            _ => None,
        }
    }

    /// The named entries of a record, variant or map, in order.
    pub fn entries(&self) -> Option<Entries<'_>> {
        Some(match self {
            Self::Record(n) => Entries::Fields(n.data.iter()),
            Self::Variant(n) => Entries::Fields(n.data.fields.iter()),
            Self::Map(n) => Entries::Map(n.data.iter()),
            _ => return None,
        })
    }

    /// An entry by name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Record(n) => n.iter().find(|(k, _)| k == name).map(|(_, v)| v),
            Self::Variant(n) => n.fields.iter().find(|(k, _)| k == name).map(|(_, v)| v),
            Self::Map(n) => n.get(name),
            _ => None,
        }
    }

    /// The value with one entry replaced or added; a scalar is unchanged. Works in place if the value is
    /// not shared.
    pub fn with_entry(self, name: &SmolStr, value: Value) -> Self {
        match self {
            Self::Record(mut n) => {
                set_field(&mut Arc::make_mut(&mut n).data, name, value);
                let (depth, weight) = measure_values(n.data.iter().map(|(_, v)| v));
                let node = Arc::make_mut(&mut n);
                (node.depth, node.weight) = (depth, weight);
                Self::Record(n)
            }
            Self::Map(mut n) => {
                let node = Arc::make_mut(&mut n);
                node.depth = node.depth.max(value.depth() + 1);
                node.weight += value.weight() + name.len() as u64 / 16;
                node.data.insert(name.clone(), value);
                Self::Map(n)
            }
            other => other,
        }
    }

    /// `list + more`, in place if the list is not shared.
    pub fn extend_list(mut list: Arc<Node<Vec<Value>>>, more: &[Value]) -> Self {
        let (depth, weight) = measure_values(more.iter());
        let node = Arc::make_mut(&mut list);
        node.depth = node.depth.max(depth);
        node.weight = node.weight.saturating_add(weight);
        node.data.extend_from_slice(more);
        Self::List(list)
    }

    /// `map + more`: later entries win; in place if the map is not shared.
    pub fn extend_map<'v>(
        mut map: Arc<Node<IndexMap<SmolStr, Value>>>,
        more: impl Iterator<Item = (&'v SmolStr, &'v Value)>,
    ) -> Self {
        let node = Arc::make_mut(&mut map);
        for (key, value) in more {
            node.depth = node.depth.max(value.depth() + 1);
            node.weight += value.weight();
            node.data.insert(key.clone(), value.clone());
        }
        Self::Map(map)
    }

    /// The kind of the value for messages: `a list`, `text`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Large(_) => "a number beyond 64 bits",
            Self::Str(_) => "text",
            Self::Duration(_) => "a duration",
            Self::Time(_) => "a time",
            Self::Money(_) => "money",
            Self::Path(_) => "a path",
            Self::Secret(_) => "a secret",
            Self::Command(_) => "a command",
            Self::Artifact(_) => "an artifact",
            Self::Model(_) => "a model",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Record(_) => "a record",
            Self::Variant(_) => "a variant",
        }
    }
}

fn set_field(fields: &mut Vec<(SmolStr, Value)>, name: &SmolStr, value: Value) {
    match fields.iter_mut().find(|(k, _)| k == name) {
        Some((_, old)) => *old = value,
        None => fields.push((name.clone(), value)),
    }
}

/// Iterates over the entries of a record, variant or map.
pub enum Entries<'v> {
    /// The fields of a record or variant.
    Fields(std::slice::Iter<'v, (SmolStr, Value)>),
    /// The entries of a map.
    Map(indexmap::map::Iter<'v, SmolStr, Value>),
}

impl<'v> Iterator for Entries<'v> {
    type Item = (&'v SmolStr, &'v Value);
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Fields(it) => it.next().map(|(k, v)| (k, v)),
            Self::Map(it) => it.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Fields(it) => it.size_hint(),
            Self::Map(it) => it.size_hint(),
        }
    }
}

/// Structural equality. An absent entry of a record equals `null`, the order of entries does not matter,
/// and integers equal floats of the same value.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Large(a), Self::Large(b)) => a == b,
            (Self::Int(a), Self::Float(b)) | (Self::Float(b), Self::Int(a)) => *a as f64 == *b,
            (Self::Duration(a), Self::Duration(b))
            | (Self::Time(a), Self::Time(b))
            | (Self::Money(a), Self::Money(b)) => a == b,
            (Self::Str(_) | Self::Path(_), Self::Str(_) | Self::Path(_)) => self.as_text() == other.as_text(),
            (Self::Secret(a), Self::Secret(b)) => a == b,
            (Self::Command(a), Self::Command(b)) => a == b,
            (Self::Artifact(a), Self::Artifact(b)) => a == b,
            (Self::Model(a), Self::Model(b)) => a == b,
            (Self::List(a), Self::List(b)) => Arc::ptr_eq(a, b) || a.data == b.data,
            (Self::Variant(a), Self::Variant(b)) => a.name == b.name && same_entries(self, other),
            // A variant without fields equals the text that represents it in JSON.
            (Self::Variant(v), Self::Str(s)) | (Self::Str(s), Self::Variant(v)) => !v.tagged && v.name == *s,
            (Self::Record(_) | Self::Map(_), Self::Record(_) | Self::Map(_)) => same_entries(self, other),
            _ => false,
        }
    }
}

fn same_entries(a: &Value, b: &Value) -> bool {
    let subset = |x: &Value, y: &Value, y_is_map: bool| {
        x.entries().is_some_and(|mut entries| {
            entries.all(|(k, v)| match y.get(k) {
                Some(w) => v == w,
                None => v.is_null() && !y_is_map,
            })
        })
    };
    let maps = matches!((a, b), (Value::Map(_), Value::Map(_)));
    subset(a, b, maps)
        && b.entries().is_some_and(|mut entries| entries.all(|(k, v)| a.get(k).is_some() || (v.is_null() && !maps)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_small() {
        assert!(size_of::<Value>() <= 24, "{}", size_of::<Value>());
    }

    #[test]
    fn records_compare_without_order_and_nulls() {
        let a = Value::record(vec![("x".into(), Value::Int(1)), ("y".into(), Value::Null)]);
        let b = Value::record(vec![("x".into(), Value::Float(1.0))]);
        assert_eq!(a, b);
        assert_ne!(a, Value::record(vec![("x".into(), Value::Int(2))]));
    }

    #[test]
    fn depth_and_weight_are_known() {
        let mut v = Value::Null;
        for _ in 0..10 {
            v = Value::list(vec![v.clone(), v]);
        }
        assert_eq!(v.depth(), 10);
        assert_eq!(v.weight(), 2047);
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), REDACTED);
    }
}
