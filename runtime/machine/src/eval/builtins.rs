//! Dispatches built-in functions and methods to their files, and calls lambdas.

use cascade_ir::{Builtin, Expr, Slot};

use super::{Eval, Result, write_slot};
use crate::{
    failure::{defect, fail},
    value::Value,
};

/// The evaluated arguments of a built-in.
pub(super) struct Args(std::vec::IntoIter<Value>);

impl Args {
    /// The next argument; null if it is absent.
    pub(super) fn next(&mut self) -> Value {
        self.0.next().unwrap_or(Value::Null)
    }

    /// The next argument, if the caller gave one.
    pub(super) fn optional(&mut self) -> Option<Value> {
        self.0.next()
    }

    /// The next argument as a float, if it is a number.
    pub(super) fn take_number(&mut self) -> Option<f64> {
        let number = match self.0.as_slice().first() {
            Some(Value::Int(n)) => *n as f64,
            Some(Value::Float(x)) => *x,
            _ => return None,
        };
        self.0.next();
        Some(number)
    }

    pub(super) fn text(&mut self) -> Result<smol_str::SmolStr> {
        match self.next() {
            Value::Str(s) => Ok(s),
            Value::Path(p) => Ok(p.as_ref().into()),
            // A variant without fields is a text in JSON, so it can be used as text.
            Value::Variant(v) if !v.tagged => Ok(v.name.clone()),
            other => Err(defect!("text was expected, this is {}", other.kind())),
        }
    }

    pub(super) fn int(&mut self) -> Result<i64> {
        match self.next() {
            Value::Int(i) => Ok(i),
            other => Err(defect!("an integer was expected, this is {}", other.kind())),
        }
    }

    /// A count; negative numbers become 0.
    pub(super) fn count(&mut self) -> Result<usize> {
        Ok(usize::try_from(self.int()?.max(0)).unwrap_or(usize::MAX))
    }
}

/// A lambda argument of a built-in.
pub(super) struct Lambda<'e> {
    params: &'e [Slot],
    body: &'e Expr,
}

impl Lambda<'_> {
    pub(super) fn call(&self, eval: &mut Eval<'_>, slots: &mut [Value], args: &[&Value]) -> Result {
        for (slot, arg) in self.params.iter().zip(args) {
            write_slot(slots, *slot, (*arg).clone())?;
        }
        eval.eval(self.body, slots)
    }

    pub(super) fn test(&self, eval: &mut Eval<'_>, slots: &mut [Value], arg: &Value) -> Result<bool> {
        match self.call(eval, slots, &[arg])? {
            Value::Bool(b) => Ok(b),
            other => Err(defect!("a predicate gave {}", other.kind())),
        }
    }
}

/// The lambda among the arguments of a built-in.
pub(super) fn single_lambda(args: &[Expr]) -> Result<Lambda<'_>> {
    args.iter()
        .find_map(|e| match e {
            Expr::Lambda(params, body) => Some(Lambda { params, body }),
            _ => None,
        })
        .ok_or_else(|| defect!("a built-in lacks its function"))
}

impl Eval<'_> {
    pub(super) fn builtin(&mut self, builtin: Builtin, exprs: &[Expr], slots: &mut [Value]) -> Result {
        use Builtin as B;
        let mut values = Vec::with_capacity(exprs.len());
        for expr in exprs {
            if !matches!(expr, Expr::Lambda(..)) {
                values.push(self.eval(expr, slots)?);
            }
        }
        let mut args = Args(values.into_iter());
        match builtin {
            B::Map
            | B::Filter
            | B::FlatMap
            | B::Any
            | B::All
            | B::Count
            | B::Find
            | B::Reduce
            | B::SortBy
            | B::Walk
            | B::GroupBy
            | B::MinBy
            | B::MaxBy
            | B::MapValues => self.higher_order(builtin, &mut args, &single_lambda(exprs)?, slots),
            B::Flatten
            | B::Sort
            | B::Join
            | B::Sum
            | B::SumFrom
            | B::Avg
            | B::ListMin
            | B::ListMax
            | B::Unique
            | B::Zip
            | B::Enumerate
            | B::Chunk
            | B::Compact
            | B::ToMap
            | B::First
            | B::Last
            | B::Range => self.list_builtin(builtin, &mut args),
            B::Len | B::IsEmpty | B::Reverse | B::Take | B::Skip | B::Contains | B::IndexOf => {
                self.shared_builtin(builtin, &mut args)
            }
            B::Keys | B::Values | B::Entries | B::Get | B::Set | B::Remove | B::Merge => {
                self.map_builtin(builtin, &mut args)
            }
            B::Split
            | B::Trim
            | B::Lines
            | B::Words
            | B::Lower
            | B::Upper
            | B::Replace
            | B::StartsWith
            | B::EndsWith
            | B::Matches
            | B::Capture
            | B::PadStart
            | B::PadEnd
            | B::Repeat
            | B::ToInt
            | B::ToFloat
            | B::ParseJson
            | B::ParseTime
            | B::ToText
            | B::ToJson
            | B::Slug => self.text_builtin(builtin, &mut args),
            B::PathJoin
            | B::PathName
            | B::PathStem
            | B::PathExtension
            | B::PathParent
            | B::CommandWith
            | B::CommandWords => super::text::paths_and_commands(builtin, &mut args),
            B::TimeFormat => {
                let time = args.next();
                let pattern = args.text()?;
                let zone = match args.optional() {
                    Some(Value::Str(zone)) => zone,
                    _ => "UTC".into(),
                };
                match time {
                    Value::Time(ms) => match crate::value::format_time_as(ms, &pattern, &zone) {
                        Ok(text) => Ok(Value::str(text)),
                        Err(why) => fail!("{why}"),
                    },
                    other => Err(defect!("`format` of {}", other.kind())),
                }
            }
            B::Min | B::Max | B::Abs | B::Round | B::Floor | B::Ceil | B::Clamp | B::Seconds | B::Usd => {
                super::numbers::number_builtin(builtin, &mut args)
            }
        }
    }
}
