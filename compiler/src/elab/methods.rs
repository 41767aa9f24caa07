//! Methods of the built-in types: their names, what they take, what they give.

mod scalar;

use cascade_grammar::ast::{Arg, Name, Span};
use cascade_ir::{self as ir, Builtin as B};

use super::body::{Body, Typed};
use crate::{
    codes,
    flow::Flow,
    index::Builtin,
    types::{Ty, TyKind},
};

const LIST: &[&str] = &[
    "len",
    "is_empty",
    "map",
    "filter",
    "flat_map",
    "flatten",
    "any",
    "all",
    "count",
    "find",
    "reduce",
    "sort",
    "sort_by",
    "reverse",
    "group_by",
    "first",
    "last",
    "take",
    "skip",
    "join",
    "sum",
    "avg",
    "min",
    "max",
    "min_by",
    "max_by",
    "contains",
    "index_of",
    "unique",
    "zip",
    "enumerate",
    "chunk",
    "compact",
    "to_map",
    "to_text",
    "to_json",
];
const TEXT: &[&str] = &[
    "len",
    "is_empty",
    "split",
    "trim",
    "lines",
    "words",
    "lower",
    "upper",
    "replace",
    "starts_with",
    "ends_with",
    "contains",
    "matches",
    "capture",
    "index_of",
    "take",
    "skip",
    "reverse",
    "repeat",
    "pad_start",
    "pad_end",
    "to_int",
    "to_float",
    "parse_json",
    "to_text",
    "to_json",
];
const MAP: &[&str] = &[
    "len",
    "is_empty",
    "keys",
    "values",
    "entries",
    "get",
    "contains",
    "set",
    "remove",
    "merge",
    "map_values",
    "to_text",
    "to_json",
];
const NUMBER: &[&str] = &["abs", "round", "floor", "ceil", "clamp", "to_text", "to_json"];
const PATH: &[&str] =
    &["join", "name", "stem", "extension", "parent", "to_text", "to_json", "starts_with", "ends_with"];
const DURATION: &[&str] = &["seconds", "to_text", "to_json"];
const MONEY: &[&str] = &["usd", "to_text", "to_json"];
const JSON: &[&str] = &["get", "to_text", "to_json"];
const COMMAND: &[&str] = &["with"];
const OTHER: &[&str] = &["to_text", "to_json"];

/// Names of the methods of a type.
pub(crate) fn names(kind: &TyKind) -> &'static [&'static str] {
    match kind {
        TyKind::List(_) => LIST,
        TyKind::String => TEXT,
        TyKind::Map(_) => MAP,
        TyKind::Int | TyKind::Float => NUMBER,
        TyKind::Path => PATH,
        TyKind::Duration => DURATION,
        TyKind::Money => MONEY,
        TyKind::Json => JSON,
        TyKind::Command => COMMAND,
        TyKind::Bool
        | TyKind::Record(_)
        | TyKind::Named(_)
        | TyKind::File
        | TyKind::Image
        | TyKind::Audio
        | TyKind::Video => OTHER,
        _ => &[],
    }
}

/// A call of a method while it is checked.
struct Call<'x, 'a> {
    name: &'x Name,
    args: &'a [Arg],
    args_span: Span,
    values: Vec<ir::Expr>,
    flow: Flow,
}

impl<'a> Body<'_, 'a> {
    /// `receiver.name(args)` on a value.
    pub fn method(
        &mut self,
        receiver: Typed,
        receiver_span: Span,
        name: &Name,
        args: &'a [Arg],
        args_span: Span,
        expected: Option<Ty>,
    ) -> Typed {
        let base = self.cx.types.base(receiver.ty);
        if base == Ty::ERROR || name.text.is_empty() {
            self.args_anyhow(args);
            return Typed::error();
        }
        if self.cx.types.non_null(base) != base {
            self.null_access(receiver.ty, name, receiver_span);
            self.args_anyhow(args);
            return Typed::error();
        }
        for arg in args {
            if let Some(label) = &arg.name {
                let d = self
                    .diag(codes::ARGUMENTS, label.span, "the arguments of a method have no names")
                    .label("remove the name");
                self.report(d);
            }
        }
        let kind = self.cx.types.kind(base).clone();
        if names(&kind).contains(&name.text.as_str()) {
            self.record_builtin(name.span, Builtin::Method);
        }
        let mut call = Call { name, args, args_span, values: vec![receiver.ir], flow: receiver.flow };
        let found = match &kind {
            TyKind::List(element) => self.list_method(&mut call, *element, base, expected),
            TyKind::Map(element) => self.map_method(&mut call, *element, base),
            TyKind::String => self.text_method(&mut call),
            TyKind::Path => self.path_method(&mut call),
            TyKind::Int | TyKind::Float => self.number_method(&mut call, base),
            TyKind::Duration if name.text == "seconds" => self.none(&mut call, B::Seconds, Ty::FLOAT),
            TyKind::Money if name.text == "usd" => self.none(&mut call, B::Usd, Ty::FLOAT),
            TyKind::Json if name.text == "get" => {
                let result = self.cx.types.optional(Ty::JSON);
                self.simple(&mut call, B::Get, &[Ty::STRING], result)
            }
            TyKind::Command if name.text == "with" => {
                self.simple(&mut call, B::CommandWith, &[Ty::STRING, Ty::STRING], Ty::COMMAND)
            }
            _ => None,
        };
        let found = found.or_else(|| match name.text.as_str() {
            "to_text" | "to_json" if names(&kind).contains(&name.text.as_str()) => {
                if self.cx.types.holds_secret(base) {
                    let d = self
                        .diag(codes::SECRET_LEAK, name.span, "a secret does not become text")
                        .label("would become visible");
                    self.report(d);
                }
                let builtin = if name.text == "to_text" { B::ToText } else { B::ToJson };
                self.none(&mut call, builtin, Ty::STRING)
            }
            _ => None,
        });
        match found {
            Some((builtin, ty)) => {
                Typed::new(ir::Expr::Builtin(builtin, call.values, self.place(name.span)), ty, call.flow)
            }
            None => {
                self.no_method(base, name);
                self.args_anyhow(args);
                Typed::error()
            }
        }
    }

    /// Looks at arguments whose call is wrong, so that what is wrong inside them is said too.
    pub fn args_anyhow(&mut self, args: &'a [Arg]) {
        for arg in args {
            if !matches!(arg.value.kind, cascade_grammar::ast::ExprKind::Lambda { .. }) {
                self.infer(&arg.value);
            }
        }
    }

    fn count(&mut self, call: &Call<'_, 'a>, least: usize, most: usize) -> bool {
        let n = call.args.len();
        if n >= least && n <= most {
            return true;
        }
        let wants = match (least, most) {
            (0, 0) => "no arguments".to_owned(),
            (1, 1) => "one argument".to_owned(),
            (a, b) if a == b => format!("{a} arguments"),
            (a, b) => format!("{a} to {b} arguments"),
        };
        let d = self
            .diag(codes::ARGUMENTS, call.args_span, format!("`{}` takes {wants}", call.name.text))
            .label(format!("{n} given"));
        self.report(d);
        false
    }

    /// A method whose arguments have fixed types.
    fn simple(&mut self, call: &mut Call<'_, 'a>, builtin: B, params: &[Ty], result: Ty) -> Option<(B, Ty)> {
        self.upto(call, builtin, params, params.len(), result)
    }

    fn upto(
        &mut self,
        call: &mut Call<'_, 'a>,
        builtin: B,
        params: &[Ty],
        least: usize,
        result: Ty,
    ) -> Option<(B, Ty)> {
        if self.count(call, least, params.len()) {
            for (arg, ty) in call.args.iter().zip(params) {
                let value = self.check(&arg.value, *ty);
                call.flow.include(&value.flow);
                call.values.push(value.ir);
            }
        } else {
            self.args_anyhow(call.args);
        }
        Some((builtin, result))
    }

    fn none(&mut self, call: &mut Call<'_, 'a>, builtin: B, result: Ty) -> Option<(B, Ty)> {
        self.upto(call, builtin, &[], 0, result)
    }

    /// A method with one lambda; gives the lambda's type.
    fn one_lambda(&mut self, call: &mut Call<'_, 'a>, params: &[Ty], expected: Option<Ty>) -> Ty {
        if !self.count(call, 1, 1) {
            return Ty::ERROR;
        }
        let lambda = self.lambda(&call.args[0].value, params, call.flow.clone(), expected);
        call.flow.include(&lambda.flow);
        call.values.push(lambda.ir);
        lambda.ty
    }

    fn list_method(&mut self, call: &mut Call<'_, 'a>, element: Ty, list: Ty, expected: Option<Ty>) -> Option<(B, Ty)> {
        let optional = |body: &mut Self, t: Ty| body.cx.types.optional(t);
        let expected_base = expected.map(|t| self.cx.types.base(self.cx.types.non_null(t)));
        let expected_element = expected_base.and_then(|t| match self.cx.types.kind(t) {
            TyKind::List(e) => Some(*e),
            _ => None,
        });
        Some(match call.name.text.as_str() {
            "len" => return self.none(call, B::Len, Ty::INT),
            "is_empty" => return self.none(call, B::IsEmpty, Ty::BOOL),
            "map" => {
                let ty = self.one_lambda(call, &[element], expected_element);
                (B::Map, self.cx.types.list(ty))
            }
            "filter" => {
                self.one_lambda(call, &[element], Some(Ty::BOOL));
                (B::Filter, list)
            }
            "flat_map" => {
                let wanted = expected_element.map(|e| self.cx.types.list(e));
                let ty = self.one_lambda(call, &[element], wanted);
                let base = self.cx.types.base(ty);
                if !matches!(self.cx.types.kind(base), TyKind::List(_) | TyKind::Error) {
                    let shown = self.show(ty);
                    let span = call.args[0].value.span;
                    let d = self
                        .diag(codes::MISMATCH, span, format!("the lambda of `flat_map` gives lists, found `{shown}`"))
                        .label(format!("gives `{shown}`"))
                        .help("`map` takes a lambda that gives one value for each");
                    self.report(d);
                    (B::FlatMap, Ty::ERROR)
                } else {
                    (B::FlatMap, base)
                }
            }
            "flatten" => {
                self.count(call, 0, 0);
                match self.cx.types.kind(self.cx.types.base(element)) {
                    TyKind::List(_) => (B::Flatten, self.cx.types.base(element)),
                    _ => {
                        self.element_error(call, element, "lists");
                        (B::Flatten, Ty::ERROR)
                    }
                }
            }
            "any" | "all" | "count" | "find" => {
                self.one_lambda(call, &[element], Some(Ty::BOOL));
                match call.name.text.as_str() {
                    "any" => (B::Any, Ty::BOOL),
                    "all" => (B::All, Ty::BOOL),
                    "count" => (B::Count, Ty::INT),
                    _ => (B::Find, optional(self, element)),
                }
            }
            "reduce" => {
                if !self.count(call, 2, 2) {
                    return Some((B::Reduce, Ty::ERROR));
                }
                let start = match expected {
                    Some(ty) if !self.cx.types.nullable(ty) => self.check(&call.args[0].value, ty),
                    _ => self.infer(&call.args[0].value),
                };
                let acc = self.cx.types.base(start.ty);
                call.flow.include(&start.flow);
                call.values.push(start.ir);
                let lambda = self.lambda(&call.args[1].value, &[acc, element], call.flow.clone(), Some(acc));
                call.flow.include(&lambda.flow);
                call.values.push(lambda.ir);
                (B::Reduce, acc)
            }
            "sort" => {
                self.count(call, 0, 0);
                if !self.cx.types.ordered(element) {
                    self.element_error(
                        call,
                        element,
                        "values with an order; `sort_by` sorts records by one of their fields",
                    );
                }
                (B::Sort, list)
            }
            "sort_by" | "min_by" | "max_by" => {
                let key = self.one_lambda(call, &[element], None);
                let key_value = self.cx.types.non_null(key);
                if !self.cx.types.ordered(key_value) {
                    let shown = self.show(key);
                    let span = call.args.first().map_or(call.args_span, |a| a.value.span);
                    let d = self
                        .diag(
                            codes::MISMATCH,
                            span,
                            format!(
                                "the lambda of `{}` gives what to compare, and `{shown}` has no order",
                                call.name.text
                            ),
                        )
                        .label(format!("gives `{shown}`"));
                    self.report(d);
                }
                match call.name.text.as_str() {
                    "sort_by" => (B::SortBy, list),
                    "min_by" => (B::MinBy, optional(self, element)),
                    _ => (B::MaxBy, optional(self, element)),
                }
            }
            "group_by" => {
                let key = self.one_lambda(call, &[element], None);
                let base = self.cx.types.base(key);
                let fine = matches!(base, Ty::STRING | Ty::PATH | Ty::INT | Ty::BOOL | Ty::ERROR)
                    || self.cx.types.variants(base).is_some();
                if !fine {
                    let shown = self.show(key);
                    let span = call.args.first().map_or(call.args_span, |a| a.value.span);
                    let d = self
                        .diag(
                            codes::MISMATCH,
                            span,
                            format!("the lambda of `group_by` gives the name of a group, found `{shown}`"),
                        )
                        .label(format!("gives `{shown}`"));
                    self.report(d);
                }
                (B::GroupBy, self.cx.types.map(list))
            }
            "first" => {
                return {
                    let t = optional(self, element);
                    self.none(call, B::First, t)
                };
            }
            "last" => {
                return {
                    let t = optional(self, element);
                    self.none(call, B::Last, t)
                };
            }
            "take" => return self.simple(call, B::Take, &[Ty::INT], list),
            "skip" => return self.simple(call, B::Skip, &[Ty::INT], list),
            "reverse" => return self.none(call, B::Reverse, list),
            "join" => {
                if self.cx.types.holds_secret(element) {
                    let d = self
                        .diag(codes::SECRET_LEAK, call.name.span, "a secret does not become text")
                        .label("would become visible");
                    self.report(d);
                }
                return self.simple(call, B::Join, &[Ty::STRING], Ty::STRING);
            }
            "sum" | "avg" => {
                self.count(call, 0, 0);
                let base = self.cx.types.base(element);
                let sum = call.name.text == "sum";
                let adds = match base {
                    Ty::INT | Ty::FLOAT | Ty::ERROR | Ty::NEVER => true,
                    Ty::MONEY | Ty::DURATION => sum,
                    _ => false,
                };
                if !adds {
                    self.element_error(call, element, "numbers");
                    return Some((B::Sum, Ty::ERROR));
                }
                if !sum {
                    return Some((B::Avg, optional(self, Ty::FLOAT)));
                }
                let zero = match base {
                    Ty::FLOAT => ir::Const::Float(0.0),
                    Ty::MONEY => ir::Const::Money(0),
                    Ty::DURATION => ir::Const::Duration(0),
                    _ => return Some((B::Sum, Ty::INT)),
                };
                call.values.push(ir::Expr::Const(zero));
                (B::SumFrom, base)
            }
            "min" | "max" => {
                self.count(call, 0, 0);
                if !self.cx.types.ordered(element) {
                    self.element_error(call, element, "values with an order; `min_by` and `max_by` compare by a field");
                }
                let b = if call.name.text == "min" { B::ListMin } else { B::ListMax };
                (b, optional(self, element))
            }
            "contains" => return self.simple(call, B::Contains, &[element], Ty::BOOL),
            "index_of" => {
                return {
                    let t = optional(self, Ty::INT);
                    self.simple(call, B::IndexOf, &[element], t)
                };
            }
            "unique" => return self.none(call, B::Unique, list),
            "zip" => {
                if !self.count(call, 1, 1) {
                    return Some((B::Zip, Ty::ERROR));
                }
                let other = self.infer(&call.args[0].value);
                call.flow.include(&other.flow);
                call.values.push(other.ir);
                match *self.cx.types.kind(self.cx.types.base(other.ty)) {
                    TyKind::List(second) => {
                        let pair = self.cx.types.record(vec![("first".into(), element), ("second".into(), second)]);
                        (B::Zip, self.cx.types.list(pair))
                    }
                    TyKind::Error => (B::Zip, Ty::ERROR),
                    _ => {
                        let want = self.cx.types.list(Ty::NEVER);
                        self.mismatch(other.ty, want, call.args[0].value.span);
                        (B::Zip, Ty::ERROR)
                    }
                }
            }
            "enumerate" => {
                self.count(call, 0, 0);
                let pair = self.cx.types.record(vec![("index".into(), Ty::INT), ("value".into(), element)]);
                (B::Enumerate, self.cx.types.list(pair))
            }
            "chunk" => {
                return {
                    let t = self.cx.types.list(list);
                    self.simple(call, B::Chunk, &[Ty::INT], t)
                };
            }
            "compact" => {
                self.count(call, 0, 0);
                let inner = self.cx.types.non_null(element);
                (B::Compact, self.cx.types.list(inner))
            }
            "to_map" => {
                self.count(call, 0, 0);
                let (key, value) = (self.cx.types.field(element, "key"), self.cx.types.field(element, "value"));
                match (key, value) {
                    (Some(key), Some(value)) if self.cx.types.fits(key, Ty::STRING) => {
                        (B::ToMap, self.cx.types.map(value))
                    }
                    _ => {
                        self.element_error(call, element, "records `{ key: string, value: … }`");
                        (B::ToMap, Ty::ERROR)
                    }
                }
            }
            _ => return None,
        })
    }

    fn element_error(&mut self, call: &Call<'_, 'a>, element: Ty, wanted: &str) {
        let shown = self.show(element);
        if element == Ty::ERROR {
            return;
        }
        let d = self
            .diag(codes::OPERATOR, call.name.span, format!("`{}` works on lists of {wanted}", call.name.text))
            .label(format!("the elements are `{shown}`"));
        self.report(d);
    }
}
