//! Numbers, durations, money.

use super::TreeBuilder;
use crate::SyntaxErrorKind;
use crate::ast::{Expr, ExprKind, Span, UnaryOp};
use crate::foreign_syntax::clauses::unit_of;

/// How many decimals an amount of money may have.
const MONEY_DECIMALS: usize = 6;

impl TreeBuilder<'_> {
    /// A number of any kind.
    pub(crate) fn number_expr(&mut self, span: Span) -> Expr {
        let kind = self.number_kind(span);
        self.expr(kind, span)
    }

    /// `-` and a number, in a pattern.
    pub(crate) fn negative_number(&mut self, minus: Span, span: Span) -> Expr {
        let value = self.number_expr(span);
        self.expr(ExprKind::Unary(UnaryOp::Neg, Box::new(value)), minus.to(span))
    }

    /// `true`, `false`, `null`.
    pub(crate) fn constant_expr(&mut self, span: Span) -> Expr {
        let kind = match self.slice(span) {
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "null" => ExprKind::Null,
            // Text in single quotes, which is reported.
            _ => ExprKind::Error,
        };
        self.expr(kind, span)
    }

    fn number_kind(&mut self, span: Span) -> ExprKind {
        match parse_number(self.slice(span)) {
            Ok(kind) => kind,
            Err(why) => {
                let text = self.slice(span);
                let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let unit = &text[digits.len()..];
                let meant = unit_of(unit).filter(|here| *here != unit && !digits.contains('.'));
                let kind = match meant {
                    Some(here) => SyntaxErrorKind::Other {
                        message: format!("there is no unit `{unit}`"),
                        help: Some(format!("write `{digits}{here}`")),
                        instead: Some(format!("{digits}{here}")),
                    },
                    None => SyntaxErrorKind::BadNumber(why),
                };
                self.error(kind, span);
                ExprKind::Error
            }
        }
    }

    /// The code of an exit; 0 when it is none, which is reported.
    pub(crate) fn exit_code(&mut self, span: Span) -> i64 {
        match self.number_kind(span) {
            ExprKind::Int(code) => code,
            ExprKind::Error => 0,
            _ => {
                let why = "a code is a whole number".to_owned();
                self.error(SyntaxErrorKind::BadNumber(why), span);
                0
            }
        }
    }
}

/// Reads a number with its unit.
fn parse_number(text: &str) -> Result<ExprKind, String> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let plain: std::borrow::Cow<'_, str> =
        if digits.contains('_') { digits.replace('_', "").into() } else { digits.into() };
    if digits.ends_with('_') || digits.contains("_.") || digits.contains("__") {
        return Err("`_` stands between digits".to_owned());
    }
    let too_large = || "the number is too large".to_owned();
    match unit {
        "" if plain.contains('.') => {
            let value: f64 = plain.parse().map_err(|_| "this is no number".to_owned())?;
            if value.is_finite() { Ok(ExprKind::Float(value)) } else { Err(too_large()) }
        }
        "" => plain.parse().map(ExprKind::Int).map_err(|_| too_large()),
        "usd" => parse_money(&plain).map(ExprKind::Money),
        _ if starts_with_time_unit(unit) => parse_duration(text).map(ExprKind::Duration),
        _ => Err(format!("unknown unit `{unit}`; the units are `ms`, `s`, `m`, `h`, `d` and `usd`")),
    }
}

/// The units of a duration, from the longest, with their milliseconds.
const TIME_UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Whether the text is a unit of time, or one that more digits follow (`h30m`).
fn starts_with_time_unit(unit: &str) -> bool {
    let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
    TIME_UNITS.iter().any(|(name, _)| *name == &unit[..end])
}

/// Milliseconds of `30s`, `1h30m`: units from the longest to the shortest, each at most once.
fn parse_duration(text: &str) -> Result<i64, String> {
    let too_large = || "the number is too large".to_owned();
    let mut rest = text;
    let mut total: i64 = 0;
    let mut allowed = &TIME_UNITS[..];
    while !rest.is_empty() {
        let at = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(at);
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        if digits.contains('.') {
            return Err("a duration is a whole number of its unit; write `1h30m` for an hour and a half".to_owned());
        }
        let Some(position) = TIME_UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(format!("unknown unit `{unit}`; the units of a duration are `ms`, `s`, `m`, `h` and `d`"));
        };
        let first = TIME_UNITS.len() - allowed.len();
        if position < first {
            return Err("the units of a duration stand from the longest to the shortest, as in `1h30m`".to_owned());
        }
        allowed = &TIME_UNITS[position + 1..];
        let count: i64 = digits.replace('_', "").parse().map_err(|_| too_large())?;
        let millis = count.checked_mul(TIME_UNITS[position].1).ok_or_else(too_large)?;
        total = total.checked_add(millis).ok_or_else(too_large)?;
        rest = next;
    }
    Ok(total)
}

/// Millionths of a dollar, exactly.
fn parse_money(text: &str) -> Result<i64, String> {
    let too_large = || "the amount is too large".to_owned();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > MONEY_DECIMALS {
        return Err("an amount of money has six decimals at most".to_owned());
    }
    let whole: i64 = whole.parse().map_err(|_| too_large())?;
    let mut micros: i64 = 0;
    for index in 0..MONEY_DECIMALS {
        let digit = decimals.as_bytes().get(index).map_or(0, |digit| i64::from(digit - b'0'));
        micros = micros * 10 + digit;
    }
    whole.checked_mul(1_000_000).and_then(|all| all.checked_add(micros)).ok_or_else(too_large)
}
