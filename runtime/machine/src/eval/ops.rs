//! Operators.

use std::cmp::Ordering;

use cascade_ir::BinaryOp;
use smol_str::{SmolStr, SmolStrBuilder};

use super::{Eval, Result};
use crate::{
    failure::{defect, fail},
    value::Value,
};

impl Eval<'_> {
    /// Applies an operator to two values.
    pub(crate) fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Result {
        use BinaryOp::{Add, Div, Eq, Ge, Gt, Le, Lt, Mul, Ne, Rem, Sub};
        if let (Value::Int(x), Value::Int(y)) = (&a, &b) {
            return int_arithmetic(op, *x, *y);
        }
        match op {
            Eq | Ne => {
                self.use_fuel(a.weight().min(b.weight()) as usize)?;
                Ok(Value::Bool((a == b) == (op == Eq)))
            }
            Lt | Le | Gt | Ge => match compare_values(&a, &b) {
                Some(o) => Ok(Value::Bool(match op {
                    Lt => o.is_lt(),
                    Le => o.is_le(),
                    Gt => o.is_gt(),
                    _ => o.is_ge(),
                })),
                None => Err(defect!("{} and {} have no order", a.kind(), b.kind())),
            },
            Add => self.add(a, b),
            Sub | Mul | Div | Rem => eval_arithmetic(op, &a, &b),
        }
    }

    /// `+`; extends the left operand in place if it is not shared.
    pub(crate) fn add(&mut self, a: Value, b: Value) -> Result {
        match (a, b) {
            (Value::Str(a), Value::Str(b)) => self.concat(&a, &b),
            (Value::List(a), Value::List(b)) => {
                self.use_fuel(b.len())?;
                Ok(Value::extend_list(a, &b))
            }
            (Value::Map(a), b @ (Value::Map(_) | Value::Record(_))) => {
                let entries = b.entries().into_iter().flatten();
                self.use_fuel(b.weight().min(1_000_000) as usize)?;
                Ok(Value::extend_map(a, entries))
            }
            (a @ Value::Record(_), b @ (Value::Map(_) | Value::Record(_))) => {
                let mut merged = a;
                for (key, value) in b.entries().into_iter().flatten() {
                    self.use_fuel(1)?;
                    merged = merged.with_entry(key, value.clone());
                }
                Ok(merged)
            }
            (a @ (Value::Str(_) | Value::Path(_)), b @ (Value::Str(_) | Value::Path(_))) => {
                self.concat(a.as_text().unwrap_or_default(), b.as_text().unwrap_or_default())
            }
            (a, b) => eval_arithmetic(BinaryOp::Add, &a, &b),
        }
    }

    fn concat(&mut self, a: &str, b: &str) -> Result {
        let length = a.len() + b.len();
        self.use_fuel(length / 64)?;
        if length as u64 / 16 > crate::value::MAX_WEIGHT {
            fail!("the text is too long");
        }
        let mut out = SmolStrBuilder::new();
        out.push_str(a);
        out.push_str(b);
        Ok(Value::Str(out.finish()))
    }
}

fn int_arithmetic(op: BinaryOp, x: i64, y: i64) -> Result {
    let (result, sign) = match op {
        BinaryOp::Eq => return Ok(Value::Bool(x == y)),
        BinaryOp::Ne => return Ok(Value::Bool(x != y)),
        BinaryOp::Lt => return Ok(Value::Bool(x < y)),
        BinaryOp::Le => return Ok(Value::Bool(x <= y)),
        BinaryOp::Gt => return Ok(Value::Bool(x > y)),
        BinaryOp::Ge => return Ok(Value::Bool(x >= y)),
        BinaryOp::Add => (x.checked_add(y), '+'),
        BinaryOp::Sub => (x.checked_sub(y), '-'),
        BinaryOp::Mul => (x.checked_mul(y), '*'),
        BinaryOp::Div | BinaryOp::Rem if y == 0 => fail!("division by zero"),
        BinaryOp::Div => (x.checked_div(y), '/'),
        BinaryOp::Rem => (x.checked_rem(y), '%'),
    };
    match result {
        Some(n) => Ok(Value::Int(n)),
        None => fail!("integer overflow: {x} {sign} {y}"),
    }
}

/// Arithmetic on anything but two integers.
fn eval_arithmetic(op: BinaryOp, a: &Value, b: &Value) -> Result {
    use BinaryOp::{Add, Div, Mul, Rem, Sub};
    let wrap: fn(i64) -> Value = match (a, b) {
        (Value::Duration(_), _) | (_, Value::Duration(_)) => Value::Duration,
        _ => Value::Money,
    };
    match (a, b) {
        (Value::Time(x), Value::Time(y)) if op == Sub => check_overflow(x.checked_sub(*y), Value::Duration),
        (Value::Time(x), Value::Duration(y)) => match op {
            Add => check_overflow(x.checked_add(*y), Value::Time),
            Sub => check_overflow(x.checked_sub(*y), Value::Time),
            _ => Err(defect!("an operator on {} and {}", a.kind(), b.kind())),
        },
        (Value::Duration(y), Value::Time(x)) if op == Add => check_overflow(x.checked_add(*y), Value::Time),
        (Value::Duration(x), Value::Duration(y)) | (Value::Money(x), Value::Money(y)) => match op {
            Add => check_overflow(x.checked_add(*y), wrap),
            Sub => check_overflow(x.checked_sub(*y), wrap),
            Div | Rem if *y == 0 => fail!("division by zero"),
            Div => Ok(Value::Float(*x as f64 / *y as f64)),
            Rem => check_overflow(x.checked_rem(*y), wrap),
            _ => Err(defect!("{} times {}", a.kind(), b.kind())),
        },
        (Value::Duration(x) | Value::Money(x), Value::Int(n)) => match op {
            Mul => check_overflow(x.checked_mul(*n), wrap),
            Div if *n == 0 => fail!("division by zero"),
            Div => check_overflow(x.checked_div(*n), wrap),
            _ => Err(defect!("an operator on {} and {}", a.kind(), b.kind())),
        },
        (Value::Int(n), Value::Duration(x) | Value::Money(x)) if op == Mul => check_overflow(x.checked_mul(*n), wrap),
        (Value::Duration(x) | Value::Money(x), Value::Float(f)) => match op {
            Mul => check_overflow(crate::value::whole_number(*x as f64 * f), wrap),
            Div if *f == 0.0 => fail!("division by zero"),
            Div => check_overflow(crate::value::whole_number(*x as f64 / f), wrap),
            _ => Err(defect!("an operator on {} and {}", a.kind(), b.kind())),
        },
        (Value::Float(f), Value::Duration(x) | Value::Money(x)) if op == Mul => {
            check_overflow(crate::value::whole_number(*x as f64 * f), wrap)
        }
        _ => match (a.as_float(), b.as_float()) {
            (Some(x), Some(y)) => {
                if matches!(op, Div | Rem) && y == 0.0 {
                    fail!("division by zero");
                }
                finite_float(match op {
                    Add => x + y,
                    Sub => x - y,
                    Mul => x * y,
                    Div => x / y,
                    _ => x % y,
                })
            }
            _ => Err(defect!("an operator on {} and {}", a.kind(), b.kind())),
        },
    }
}

fn check_overflow(n: Option<i64>, wrap: fn(i64) -> Value) -> Result {
    match n {
        Some(n) => Ok(wrap(n)),
        None => fail!("overflow: the amount does not fit"),
    }
}

/// A float; the language has neither infinities nor NaN.
pub(super) fn finite_float(x: f64) -> Result {
    if x.is_finite() { Ok(Value::Float(x)) } else { fail!("overflow: the result is not a finite number") }
}

pub(super) fn negate_number(a: Value) -> Result {
    Ok(match a {
        Value::Float(f) => Value::Float(-f),
        Value::Int(i) => match i.checked_neg() {
            Some(n) => Value::Int(n),
            None => fail!("integer overflow: -({i})"),
        },
        Value::Duration(i) => return check_overflow(i.checked_neg(), Value::Duration),
        Value::Money(i) => return check_overflow(i.checked_neg(), Value::Money),
        other => return Err(defect!("the negative of {}", other.kind())),
    })
}

/// The order of two values of one kind; `None` if they have no order.
pub(crate) fn compare_values(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b))
        | (Value::Time(a), Value::Time(b))
        | (Value::Money(a), Value::Money(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => a.as_float()?.partial_cmp(&b.as_float()?),
        (Value::Str(_) | Value::Path(_), Value::Str(_) | Value::Path(_)) => Some(a.as_text()?.cmp(b.as_text()?)),
        // By name: the order of declaration is unknown here.
        (Value::Variant(a), Value::Variant(b)) => Some(a.name.cmp(&b.name)),
        _ => None,
    }
}

/// `base[index]`; null if there is no such element.
pub(super) fn index_value(base: &Value, index: &Value) -> Result {
    Ok(match (base, index) {
        (Value::Null, _) => Value::Null,
        (Value::List(items), Value::Int(i)) => {
            let position = if *i < 0 { i.checked_add(items.len() as i64) } else { Some(*i) };
            position.and_then(|p| usize::try_from(p).ok()).and_then(|p| items.get(p)).cloned().unwrap_or(Value::Null)
        }
        (Value::Str(text), Value::Int(i)) => {
            let count = || text.chars().count() as i64;
            let position = if *i < 0 { i.checked_add(count()) } else { Some(*i) };
            position
                .and_then(|p| usize::try_from(p).ok())
                .and_then(|p| text.chars().nth(p))
                .map_or(Value::Null, |c| Value::Str(SmolStr::from_iter([c])))
        }
        (Value::Map(_) | Value::Record(_) | Value::Variant(_), Value::Str(key)) => {
            base.get(key).cloned().unwrap_or(Value::Null)
        }
        // Other JSON has no elements.
        (_, Value::Str(_) | Value::Int(_)) => Value::Null,
        _ => return Err(defect!("{} as an index", index.kind())),
    })
}
