//! Built-ins of lists, and those that lists share with texts and maps.

use std::{cmp::Ordering, collections::HashSet};

use cascade_ir::{BinaryOp, Builtin};
use indexmap::IndexMap;
use smol_str::SmolStr;

use super::{
    Eval, Result,
    builtins::{Args, Lambda},
    ops::compare_values,
};
use crate::{
    failure::{defect, fail},
    render::scalar,
    value::{Value, to_json},
};

/// The maximal length of the result of `range`.
const LONGEST_RANGE: i64 = 10_000_000;

fn list_items(value: &Value) -> Result<&[Value]> {
    value.as_list().ok_or_else(|| defect!("a list was expected, this is {}", value.kind()))
}

fn value_or_null(value: Option<&Value>) -> Value {
    value.cloned().unwrap_or(Value::Null)
}

fn compare_or_equal(a: &Value, b: &Value) -> Ordering {
    compare_values(a, b).unwrap_or(Ordering::Equal)
}

/// A value as a map's key.
fn key_text(value: &Value) -> SmolStr {
    match value {
        Value::Str(s) => s.clone(),
        other => match scalar(other) {
            Some(text) => text.into(),
            None => to_json(other).to_string().into(),
        },
    }
}

impl Eval<'_> {
    pub(super) fn higher_order(
        &mut self,
        builtin: Builtin,
        args: &mut Args,
        f: &Lambda<'_>,
        slots: &mut [Value],
    ) -> Result {
        let receiver = args.next();
        let descending = builtin == Builtin::SortBy && args.next() == Value::Bool(true);
        if builtin == Builtin::MapValues {
            let mut map = IndexMap::new();
            for (key, value) in receiver.entries().into_iter().flatten() {
                map.insert(key.clone(), f.call(self, slots, &[value])?);
            }
            return Ok(Value::map(map));
        }
        let list = list_items(&receiver)?;
        Ok(match builtin {
            Builtin::Map => {
                let mut out = Vec::with_capacity(list.len());
                for item in list {
                    out.push(f.call(self, slots, &[item])?);
                }
                Value::list(out)
            }
            Builtin::Filter => {
                let mut out = Vec::new();
                for item in list {
                    if f.test(self, slots, item)? {
                        out.push(item.clone());
                    }
                }
                Value::list(out)
            }
            Builtin::FlatMap => {
                let mut out = Vec::new();
                for item in list {
                    let part = f.call(self, slots, &[item])?;
                    let part = list_items(&part)?;
                    self.use_fuel(part.len())?;
                    out.extend_from_slice(part);
                    check_length(out.len())?;
                }
                Value::list(out)
            }
            Builtin::Any | Builtin::All => {
                let stop = builtin == Builtin::Any;
                for item in list {
                    if f.test(self, slots, item)? == stop {
                        return Ok(Value::Bool(stop));
                    }
                }
                Value::Bool(!stop)
            }
            Builtin::Count => {
                let mut n = 0;
                for item in list {
                    n += i64::from(f.test(self, slots, item)?);
                }
                Value::Int(n)
            }
            Builtin::Find => {
                for item in list {
                    if f.test(self, slots, item)? {
                        return Ok(item.clone());
                    }
                }
                Value::Null
            }
            Builtin::Reduce => {
                let mut acc = args.next();
                for item in list {
                    acc = super::check_limits(f.call(self, slots, &[&acc, item])?)?;
                }
                acc
            }
            Builtin::Walk => {
                // Each element comes before those below it. The data bound the walk, and so does the limit of lists.
                let mut out = Vec::new();
                let mut next: Vec<Value> = list.iter().rev().cloned().collect();
                while let Some(item) = next.pop() {
                    self.use_fuel(1)?;
                    let children = f.call(self, slots, &[&item])?;
                    if children != Value::Null {
                        next.extend(list_items(&children)?.iter().rev().cloned());
                    }
                    out.push(item);
                    check_length(out.len())?;
                }
                Value::list(out)
            }
            Builtin::GroupBy => {
                let mut groups: IndexMap<SmolStr, Vec<Value>> = IndexMap::new();
                for item in list {
                    let key = f.call(self, slots, &[item])?;
                    groups.entry(key_text(&key)).or_default().push(item.clone());
                }
                Value::map(groups.into_iter().map(|(k, v)| (k, Value::list(v))).collect())
            }
            Builtin::SortBy | Builtin::MinBy | Builtin::MaxBy => {
                let mut keyed = Vec::with_capacity(list.len());
                for item in list {
                    keyed.push((f.call(self, slots, &[item])?, item));
                }
                match builtin {
                    Builtin::SortBy => {
                        self.use_fuel(list.len() * 4)?;
                        match descending {
                            // Equal elements keep their order in both directions.
                            true => keyed.sort_by(|a, b| compare_or_equal(&b.0, &a.0)),
                            false => keyed.sort_by(|a, b| compare_or_equal(&a.0, &b.0)),
                        }
                        Value::list(keyed.into_iter().map(|(_, v)| v.clone()).collect())
                    }
                    Builtin::MinBy => value_or_null(first_extreme(keyed.iter().map(|(k, v)| (k, *v)), Ordering::Less)),
                    _ => value_or_null(first_extreme(keyed.iter().map(|(k, v)| (k, *v)), Ordering::Greater)),
                }
            }
            other => return Err(defect!("{other:?} takes no function")),
        })
    }

    pub(super) fn list_builtin(&mut self, builtin: Builtin, args: &mut Args) -> Result {
        if builtin == Builtin::Range {
            return self.range(args);
        }
        let receiver = args.next();
        let list = list_items(&receiver)?;
        self.use_fuel(list.len())?;
        Ok(match builtin {
            Builtin::First => value_or_null(list.first()),
            Builtin::Last => value_or_null(list.last()),
            Builtin::Flatten => {
                let mut out = Vec::new();
                for part in list {
                    let part = list_items(part)?;
                    self.use_fuel(part.len())?;
                    out.extend_from_slice(part);
                    check_length(out.len())?;
                }
                Value::list(out)
            }
            Builtin::Sort => {
                self.use_fuel(list.len() * 4)?;
                let mut out = list.to_vec();
                out.sort_by(compare_or_equal);
                Value::list(out)
            }
            Builtin::Join => {
                let separator = args.text()?;
                self.use_fuel(receiver.weight() as usize)?;
                let texts: Vec<String> =
                    list.iter().map(|v| crate::render::render_value(v, cascade_ir::Rendering::Text)).collect();
                let length = texts.iter().map(String::len).sum::<usize>() + separator.len() * texts.len();
                check_length(length / 16)?;
                Value::str(texts.join(&separator))
            }
            Builtin::Sum | Builtin::SumFrom => {
                let mut total = match args.optional() {
                    Some(zero) => zero,
                    None => match list.first() {
                        Some(Value::Float(_)) => Value::Float(0.0),
                        Some(Value::Money(_)) => Value::Money(0),
                        Some(Value::Duration(_)) => Value::Duration(0),
                        _ => Value::Int(0),
                    },
                };
                for item in list {
                    total = self.binary(BinaryOp::Add, total, item.clone())?;
                }
                total
            }
            Builtin::Avg => {
                if list.is_empty() {
                    return Ok(Value::Null);
                }
                let sum: f64 = list.iter().filter_map(Value::as_float).sum();
                super::ops::finite_float(sum / list.len() as f64)?
            }
            Builtin::ListMin => value_or_null(first_extreme(list.iter().map(|v| (v, v)), Ordering::Less)),
            Builtin::ListMax => value_or_null(first_extreme(list.iter().map(|v| (v, v)), Ordering::Greater)),
            Builtin::Unique => self.unique_values(list)?,
            Builtin::Zip => {
                let other = args.next();
                let pair = |(a, b): (&Value, &Value)| {
                    Value::record(vec![("first".into(), a.clone()), ("second".into(), b.clone())])
                };
                Value::list(list.iter().zip(list_items(&other)?).map(pair).collect())
            }
            Builtin::Enumerate => {
                let pair = |(i, v): (usize, &Value)| {
                    Value::record(vec![("index".into(), Value::Int(i as i64)), ("value".into(), v.clone())])
                };
                Value::list(list.iter().enumerate().map(pair).collect())
            }
            Builtin::Chunk => {
                let n = args.int()?;
                if n < 1 {
                    fail!("chunk({n}): the size must be at least 1");
                }
                let n = usize::try_from(n).unwrap_or(usize::MAX);
                Value::list(list.chunks(n).map(|c| Value::list(c.to_vec())).collect())
            }
            Builtin::Compact => Value::list(list.iter().filter(|v| !v.is_null()).cloned().collect()),
            Builtin::ToMap => {
                let entry = |v: &Value| (key_text(&value_or_null(v.get("key"))), value_or_null(v.get("value")));
                Value::map(list.iter().map(entry).collect())
            }
            other => return Err(defect!("{other:?} is not of lists")),
        })
    }

    /// `range(n)`, `range(a, b)`.
    fn range(&mut self, args: &mut Args) -> Result {
        let first = args.int()?;
        let (from, to) = match args.optional() {
            Some(Value::Int(to)) => (first, to),
            _ => (0, first),
        };
        let length = to.saturating_sub(from).max(0);
        if length > LONGEST_RANGE {
            fail!("a range of {length} elements is too long; at most {LONGEST_RANGE}");
        }
        self.use_fuel(length as usize)?;
        Ok(Value::list((from..to).map(Value::Int).collect()))
    }

    /// Removes duplicates, keeping the first. Scalars are hashed, other values compared.
    fn unique_values(&mut self, list: &[Value]) -> Result {
        let mut seen: HashSet<SmolStr> = HashSet::new();
        let mut out: Vec<Value> = Vec::new();
        let mut complex: Vec<Value> = Vec::new();
        for item in list {
            let fresh = match scalar(item) {
                Some(text) => {
                    let mark = match item {
                        Value::Int(i) => format!("n{:?}", *i as f64),
                        Value::Float(_) => format!("n{text}"),
                        _ => format!("{}{text}", item.kind()),
                    };
                    seen.insert(mark.into())
                }
                None => {
                    self.use_fuel(complex.len())?;
                    let fresh = !complex.contains(item);
                    if fresh {
                        complex.push(item.clone());
                    }
                    fresh
                }
            };
            if fresh {
                out.push(item.clone());
            }
        }
        Ok(Value::list(out))
    }

    /// Built-ins shared by lists and texts (and maps).
    pub(super) fn shared_builtin(&mut self, builtin: Builtin, args: &mut Args) -> Result {
        let receiver = args.next();
        if let Value::List(list) = &receiver {
            return Ok(match builtin {
                Builtin::Len => Value::Int(list.len() as i64),
                Builtin::IsEmpty => Value::Bool(list.is_empty()),
                Builtin::Reverse => {
                    self.use_fuel(list.len())?;
                    Value::list(list.iter().rev().cloned().collect())
                }
                Builtin::Take => {
                    let n = args.count()?.min(list.len());
                    self.use_fuel(n)?;
                    Value::list(list[..n].to_vec())
                }
                Builtin::Skip => {
                    let n = args.count()?.min(list.len());
                    self.use_fuel(list.len() - n)?;
                    Value::list(list[n..].to_vec())
                }
                Builtin::Contains => {
                    let wanted = args.next();
                    self.use_fuel(list.len())?;
                    Value::Bool(list.contains(&wanted))
                }
                _ => {
                    let wanted = args.next();
                    self.use_fuel(list.len())?;
                    list.iter().position(|v| *v == wanted).map_or(Value::Null, |i| Value::Int(i as i64))
                }
            });
        }
        if let Some(entries) = receiver.entries() {
            let mut entries = entries;
            return Ok(match builtin {
                Builtin::Len => Value::Int(entries.count() as i64),
                Builtin::IsEmpty => Value::Bool(entries.next().is_none()),
                _ => Value::Bool(receiver.get(&args.text()?).is_some()),
            });
        }
        self.text_shared(builtin, &receiver, args)
    }
}

/// The first of the smallest or largest elements.
fn first_extreme<'v>(pairs: impl Iterator<Item = (&'v Value, &'v Value)>, wanted: Ordering) -> Option<&'v Value> {
    let mut best: Option<(&Value, &Value)> = None;
    for (key, value) in pairs {
        if best.is_none_or(|(k, _)| compare_or_equal(key, k) == wanted) {
            best = Some((key, value));
        }
    }
    best.map(|(_, v)| v)
}

fn check_length(length: usize) -> Result<()> {
    if length as u64 > crate::value::MAX_WEIGHT {
        fail!("the result is too large");
    }
    Ok(())
}
