//! Built-ins of numbers, durations and money.

use cascade_ir::Builtin;

use super::{
    Result,
    builtins::Args,
    ops::{compare_values, finite_float, negate_number},
};
use crate::{
    failure::{defect, fail},
    value::{Value, whole_number},
};

pub(super) fn number_builtin(builtin: Builtin, args: &mut Args) -> Result {
    let x = args.next();
    Ok(match builtin {
        Builtin::Min | Builtin::Max => {
            let mut best = x;
            while let Some(next) = args.optional() {
                let ordering = compare_values(&next, &best);
                if ordering.is_some_and(|o| if builtin == Builtin::Min { o.is_lt() } else { o.is_gt() }) {
                    best = next;
                }
            }
            best
        }
        Builtin::Abs => match x {
            Value::Float(f) => Value::Float(f.abs()),
            Value::Int(i) | Value::Duration(i) | Value::Money(i) if i < 0 => negate_number(x)?,
            other => other,
        },
        Builtin::Clamp => {
            let (low, high) = (args.next(), args.next());
            if compare_values(&x, &low).is_some_and(|o| o.is_lt()) {
                low
            } else if compare_values(&x, &high).is_some_and(|o| o.is_gt()) {
                high
            } else {
                x
            }
        }
        Builtin::Round => match args.optional() {
            None => round_to_int(&x, f64::round)?,
            Some(Value::Int(digits)) => {
                let digits = digits.clamp(-300, 300) as i32;
                let value = float_of(&x)?;
                let scale = 10f64.powi(digits);
                let scaled = value * scale;
                // Beyond the precision of a float there are no decimals to round.
                if scaled.is_finite() && scaled.abs() < 9e15 {
                    finite_float(scaled.round() / scale)?
                } else {
                    finite_float(value)?
                }
            }
            Some(other) => return Err(defect!("{} digits", other.kind())),
        },
        Builtin::Floor => round_to_int(&x, f64::floor)?,
        Builtin::Ceil => round_to_int(&x, f64::ceil)?,
        Builtin::Seconds => match x {
            Value::Duration(ms) => Value::Float(ms as f64 / 1e3),
            other => return Err(defect!("the seconds of {}", other.kind())),
        },
        Builtin::Usd => match x {
            Value::Money(micro) => Value::Float(micro as f64 / 1e6),
            other => return Err(defect!("the dollars of {}", other.kind())),
        },
        other => return Err(defect!("{other:?} is not of numbers")),
    })
}

fn float_of(x: &Value) -> Result<f64> {
    x.as_float().ok_or_else(|| defect!("a number was expected, this is {}", x.kind()))
}

fn round_to_int(x: &Value, f: fn(f64) -> f64) -> Result {
    if let Value::Int(i) = x {
        return Ok(Value::Int(*i));
    }
    let x = float_of(x)?;
    match whole_number(f(x)) {
        Some(n) => Ok(Value::Int(n)),
        None => fail!("{x:?} does not fit an integer"),
    }
}
