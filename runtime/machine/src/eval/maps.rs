//! Built-ins of maps and JSON objects.

use std::sync::Arc;

use cascade_ir::Builtin;
use indexmap::IndexMap;

use super::{Eval, Result, builtins::Args};
use crate::{failure::defect, value::Value};

impl Eval<'_> {
    pub(super) fn map_builtin(&mut self, builtin: Builtin, args: &mut Args) -> Result {
        let receiver = args.next();
        if builtin == Builtin::Get {
            return super::ops::index_value(&receiver, &args.next());
        }
        let Some(entries) = receiver.entries() else {
            return Err(defect!("a map was expected, this is {}", receiver.kind()));
        };
        let size = entries.size_hint().0;
        if matches!(builtin, Builtin::Keys | Builtin::Values | Builtin::Entries | Builtin::Remove) {
            self.use_fuel(size)?;
        }
        Ok(match builtin {
            Builtin::Keys => Value::list(entries.map(|(k, _)| Value::Str(k.clone())).collect()),
            Builtin::Values => Value::list(entries.map(|(_, v)| v.clone()).collect()),
            Builtin::Entries => Value::list(
                entries
                    .map(|(k, v)| {
                        Value::record(vec![("key".into(), Value::Str(k.clone())), ("value".into(), v.clone())])
                    })
                    .collect(),
            ),
            Builtin::Remove => {
                let key = args.text()?;
                Value::map(entries.filter(|(k, _)| **k != key).map(|(k, v)| (k.clone(), v.clone())).collect())
            }
            Builtin::Set => {
                let key = args.text()?;
                let value = args.next();
                if !matches!(&receiver, Value::Map(m) if Arc::strong_count(m) == 1) {
                    self.use_fuel(size)?;
                }
                as_map(receiver).with_entry(&key, value)
            }
            Builtin::Merge => {
                let other = args.next();
                self.use_fuel(size)?;
                match as_map(receiver) {
                    Value::Map(map) => Value::extend_map(map, other.entries().into_iter().flatten()),
                    same => same,
                }
            }
            other => return Err(defect!("{other:?} is not of maps")),
        })
    }
}

/// A record as a map.
fn as_map(value: Value) -> Value {
    match &value {
        Value::Map(_) => value,
        _ => {
            let entries = value.entries().into_iter().flatten();
            Value::map(entries.map(|(k, v)| (k.clone(), v.clone())).collect::<IndexMap<_, _>>())
        }
    }
}
