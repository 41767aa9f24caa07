//! Calls of methods of the built-in types.

mod scalar;

use cascade_grammar::ast::{Arg, ExprKind, Name, Span};
use cascade_ir::{self as ir, Builtin as B};

use super::{BodyChecker, Typed};
use crate::{
    builtins::method_names,
    checks::{methods, types},
    codes,
    flow::Flow,
    index::Builtin,
    types::{Ty, TyKind},
};

/// A call of a method, with the values that were checked so far.
struct Call<'a> {
    name: &'a Name,
    args: &'a [Arg],
    args_span: Span,
    values: Vec<ir::Expr>,
    flow: Flow,
}

impl BodyChecker<'_> {
    /// Infers `receiver.name(args)`.
    pub(super) fn infer_method_call(
        &mut self,
        receiver: Typed,
        receiver_span: Span,
        name: &Name,
        args: &[Arg],
        args_span: Span,
        expected: Option<Ty>,
    ) -> Typed {
        let base = self.context.types.base(receiver.ty);
        if base == Ty::ERROR || name.text.is_empty() {
            self.infer_arguments(args);
            return Typed::error();
        }
        if self.context.types.non_null(base) != base {
            self.context.report(types::access_of_null(self.context.view(), receiver.ty, name, receiver_span));
            self.infer_arguments(args);
            return Typed::error();
        }
        self.context.report_all(methods::named_arguments(self.context.view(), args));
        let kind = self.context.types.kind(base).clone();
        if method_names(&kind).contains(&name.text.as_str()) {
            self.context.record_builtin(name.span, Builtin::Method);
        }
        let mut call = Call { name, args, args_span, values: vec![receiver.ir], flow: receiver.flow };
        let found = match &kind {
            TyKind::List(element) => self.infer_list_method(&mut call, *element, base, expected),
            TyKind::Map(element) => self.infer_map_method(&mut call, *element, base),
            TyKind::String => self.infer_text_method(&mut call),
            TyKind::Path => self.infer_path_method(&mut call),
            TyKind::Int | TyKind::Float => self.infer_number_method(&mut call, base),
            TyKind::Duration if name.text == "seconds" => self.check_no_arguments(&mut call, B::Seconds, Ty::FLOAT),
            TyKind::Time if name.text == "format" => {
                self.check_arguments_up_to(&mut call, B::TimeFormat, &[Ty::STRING, Ty::STRING], 1, Ty::STRING)
            }
            TyKind::Money if name.text == "usd" => self.check_no_arguments(&mut call, B::Usd, Ty::FLOAT),
            TyKind::Json if name.text == "get" => {
                let result = self.context.types.optional(Ty::JSON);
                self.check_fixed_arguments(&mut call, B::Get, &[Ty::STRING], result)
            }
            TyKind::Command if name.text == "with" => {
                self.check_fixed_arguments(&mut call, B::CommandWith, &[Ty::STRING, Ty::STRING], Ty::COMMAND)
            }
            _ => None,
        };
        let found = found.or_else(|| match name.text.as_str() {
            "to_text" | "to_json" if method_names(&kind).contains(&name.text.as_str()) => {
                if self.context.types.holds_secret(base) {
                    self.context.report(methods::secret_as_text(self.context.view(), name));
                }
                let builtin = if name.text == "to_text" { B::ToText } else { B::ToJson };
                self.check_no_arguments(&mut call, builtin, Ty::STRING)
            }
            _ => None,
        });
        match found {
            Some((builtin, ty)) => {
                Typed::new(ir::Expr::Builtin(builtin, call.values, self.context.place(name.span)), ty, call.flow)
            }
            None => {
                self.context.report(types::unknown_method(self.context.view(), base, name));
                self.infer_arguments(args);
                Typed::error()
            }
        }
    }

    /// Infers the arguments of a call that is wrong, to report what is wrong inside of them.
    pub(super) fn infer_arguments(&mut self, args: &[Arg]) {
        for arg in args {
            if !matches!(arg.value.kind, ExprKind::Lambda { .. }) {
                self.infer(&arg.value);
            }
        }
    }

    fn check_argument_count(&mut self, call: &Call<'_>, least: usize, most: usize) -> bool {
        let wrong =
            methods::argument_count(self.context.view(), call.name, call.args.len(), call.args_span, (least, most));
        let right = wrong.is_none();
        self.context.report(wrong);
        right
    }

    /// Checks the arguments of a method that takes as many as there are types.
    fn check_fixed_arguments(&mut self, call: &mut Call<'_>, builtin: B, params: &[Ty], result: Ty) -> Option<(B, Ty)> {
        self.check_arguments_up_to(call, builtin, params, params.len(), result)
    }

    fn check_arguments_up_to(
        &mut self,
        call: &mut Call<'_>,
        builtin: B,
        params: &[Ty],
        least: usize,
        result: Ty,
    ) -> Option<(B, Ty)> {
        if self.check_argument_count(call, least, params.len()) {
            for (arg, ty) in call.args.iter().zip(params) {
                let value = self.check(&arg.value, *ty);
                call.flow.include(&value.flow);
                call.values.push(value.ir);
            }
        } else {
            self.infer_arguments(call.args);
        }
        Some((builtin, result))
    }

    fn check_no_arguments(&mut self, call: &mut Call<'_>, builtin: B, result: Ty) -> Option<(B, Ty)> {
        self.check_arguments_up_to(call, builtin, &[], 0, result)
    }

    /// Checks the one argument of a method that takes a lambda; gives the type of its body.
    fn check_lambda_argument(&mut self, call: &mut Call<'_>, params: &[Ty], expected: Option<Ty>) -> Ty {
        if !self.check_argument_count(call, 1, 1) {
            return Ty::ERROR;
        }
        let lambda = self.check_lambda(&call.args[0].value, params, call.flow.clone(), expected);
        call.flow.include(&lambda.flow);
        call.values.push(lambda.ir);
        lambda.ty
    }

    /// The order after the lambda of `sort_by`: `descending` or `ascending`. It is no further argument for
    /// the other checks.
    fn sort_order(&mut self, call: &mut Call<'_>) -> Option<ir::Expr> {
        let [lambda, order] = call.args else { return None };
        let ExprKind::Name(word) = &order.value.kind else { return None };
        if call.name.text != "sort_by" || !matches!(word.text.as_str(), "ascending" | "descending") {
            return None;
        }
        self.context.record_word(word);
        self.context.record_type(order.value.span, Ty::BOOL, &Flow::default());
        call.args = std::slice::from_ref(lambda);
        let descending = word.text == "descending";
        descending.then_some(ir::Expr::Const(ir::Const::Bool(true)))
    }

    fn infer_list_method(
        &mut self,
        call: &mut Call<'_>,
        element: Ty,
        list: Ty,
        expected: Option<Ty>,
    ) -> Option<(B, Ty)> {
        let optional = |body: &mut Self, t: Ty| body.context.types.optional(t);
        let expected_base = expected.map(|t| self.context.types.base(self.context.types.non_null(t)));
        let expected_element = expected_base.and_then(|t| match self.context.types.kind(t) {
            TyKind::List(e) => Some(*e),
            _ => None,
        });
        Some(match call.name.text.as_str() {
            "len" => return self.check_no_arguments(call, B::Len, Ty::INT),
            "is_empty" => return self.check_no_arguments(call, B::IsEmpty, Ty::BOOL),
            "map" => {
                let ty = self.check_lambda_argument(call, &[element], expected_element);
                (B::Map, self.context.types.list(ty))
            }
            "filter" => {
                self.check_lambda_argument(call, &[element], Some(Ty::BOOL));
                (B::Filter, list)
            }
            "flat_map" => {
                let wanted = expected_element.map(|e| self.context.types.list(e));
                let ty = self.check_lambda_argument(call, &[element], wanted);
                let base = self.context.types.base(ty);
                if !matches!(self.context.types.kind(base), TyKind::List(_) | TyKind::Error) {
                    let shown = self.context.type_text(ty);
                    let span = call.args[0].value.span;
                    let d = self
                        .context
                        .diagnostic(
                            codes::MISMATCH,
                            span,
                            format!("the lambda of `flat_map` gives lists, found `{shown}`"),
                        )
                        .label(format!("gives `{shown}`"))
                        .help("`map` takes a lambda that gives one value for each");
                    self.context.report(d);
                    (B::FlatMap, Ty::ERROR)
                } else {
                    (B::FlatMap, base)
                }
            }
            "flatten" => {
                self.check_argument_count(call, 0, 0);
                match self.context.types.kind(self.context.types.base(element)) {
                    TyKind::List(_) => (B::Flatten, self.context.types.base(element)),
                    _ => {
                        self.context.report(methods::wrong_elements(self.context.view(), call.name, element, "lists"));
                        (B::Flatten, Ty::ERROR)
                    }
                }
            }
            "any" | "all" | "count" | "find" => {
                self.check_lambda_argument(call, &[element], Some(Ty::BOOL));
                match call.name.text.as_str() {
                    "any" => (B::Any, Ty::BOOL),
                    "all" => (B::All, Ty::BOOL),
                    "count" => (B::Count, Ty::INT),
                    _ => (B::Find, optional(self, element)),
                }
            }
            "reduce" => {
                if !self.check_argument_count(call, 2, 2) {
                    return Some((B::Reduce, Ty::ERROR));
                }
                let start = match expected {
                    Some(ty) if !self.context.types.nullable(ty) => self.check(&call.args[0].value, ty),
                    _ => self.infer(&call.args[0].value),
                };
                let acc = self.context.types.base(start.ty);
                call.flow.include(&start.flow);
                call.values.push(start.ir);
                let lambda = self.check_lambda(&call.args[1].value, &[acc, element], call.flow.clone(), Some(acc));
                call.flow.include(&lambda.flow);
                call.values.push(lambda.ir);
                (B::Reduce, acc)
            }
            "sort" => {
                self.check_argument_count(call, 0, 0);
                if !self.context.types.is_ordered(element) {
                    self.context.report(methods::wrong_elements(
                        self.context.view(),
                        call.name,
                        element,
                        "values with an order; `sort_by` sorts records by one of their fields",
                    ));
                }
                (B::Sort, list)
            }
            "sort_by" | "min_by" | "max_by" => {
                let order = self.sort_order(call);
                let key = self.check_lambda_argument(call, &[element], None);
                call.values.extend(order);
                let key_value = self.context.types.non_null(key);
                if !self.context.types.is_ordered(key_value) {
                    let shown = self.context.type_text(key);
                    let span = call.args.first().map_or(call.args_span, |a| a.value.span);
                    let d = self
                        .context
                        .diagnostic(
                            codes::MISMATCH,
                            span,
                            format!(
                                "the lambda of `{}` gives what to compare, and `{shown}` has no order",
                                call.name.text
                            ),
                        )
                        .label(format!("gives `{shown}`"));
                    self.context.report(d);
                }
                match call.name.text.as_str() {
                    "sort_by" => (B::SortBy, list),
                    "min_by" => (B::MinBy, optional(self, element)),
                    _ => (B::MaxBy, optional(self, element)),
                }
            }
            "walk" => {
                // The children are elements again; they may be absent.
                let children = self.context.types.optional(list);
                self.check_lambda_argument(call, &[element], Some(children));
                (B::Walk, list)
            }
            "group_by" => {
                let key = self.check_lambda_argument(call, &[element], None);
                let base = self.context.types.base(key);
                let fine = matches!(base, Ty::STRING | Ty::PATH | Ty::INT | Ty::BOOL | Ty::ERROR)
                    || self.context.types.variants(base).is_some();
                if !fine {
                    let shown = self.context.type_text(key);
                    let span = call.args.first().map_or(call.args_span, |a| a.value.span);
                    let d = self
                        .context
                        .diagnostic(
                            codes::MISMATCH,
                            span,
                            format!("the lambda of `group_by` gives the name of a group, found `{shown}`"),
                        )
                        .label(format!("gives `{shown}`"));
                    self.context.report(d);
                }
                (B::GroupBy, self.context.types.map(list))
            }
            "first" => {
                return {
                    let t = optional(self, element);
                    self.check_no_arguments(call, B::First, t)
                };
            }
            "last" => {
                return {
                    let t = optional(self, element);
                    self.check_no_arguments(call, B::Last, t)
                };
            }
            "take" => return self.check_fixed_arguments(call, B::Take, &[Ty::INT], list),
            "skip" => return self.check_fixed_arguments(call, B::Skip, &[Ty::INT], list),
            "reverse" => return self.check_no_arguments(call, B::Reverse, list),
            "join" => {
                if self.context.types.holds_secret(element) {
                    self.context.report(methods::secret_as_text(self.context.view(), call.name));
                }
                return self.check_fixed_arguments(call, B::Join, &[Ty::STRING], Ty::STRING);
            }
            "sum" | "avg" => {
                self.check_argument_count(call, 0, 0);
                let base = self.context.types.base(element);
                let sum = call.name.text == "sum";
                let adds = match base {
                    Ty::INT | Ty::FLOAT | Ty::ERROR | Ty::NEVER => true,
                    Ty::MONEY | Ty::DURATION => sum,
                    _ => false,
                };
                if !adds {
                    self.context.report(methods::wrong_elements(self.context.view(), call.name, element, "numbers"));
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
                self.check_argument_count(call, 0, 0);
                if !self.context.types.is_ordered(element) {
                    self.context.report(methods::wrong_elements(
                        self.context.view(),
                        call.name,
                        element,
                        "values with an order; `min_by` and `max_by` compare by a field",
                    ));
                }
                let b = if call.name.text == "min" { B::ListMin } else { B::ListMax };
                (b, optional(self, element))
            }
            "contains" => return self.check_fixed_arguments(call, B::Contains, &[element], Ty::BOOL),
            "index_of" => {
                return {
                    let t = optional(self, Ty::INT);
                    self.check_fixed_arguments(call, B::IndexOf, &[element], t)
                };
            }
            "unique" => return self.check_no_arguments(call, B::Unique, list),
            "zip" => {
                if !self.check_argument_count(call, 1, 1) {
                    return Some((B::Zip, Ty::ERROR));
                }
                let other = self.infer(&call.args[0].value);
                call.flow.include(&other.flow);
                call.values.push(other.ir);
                match *self.context.types.kind(self.context.types.base(other.ty)) {
                    TyKind::List(second) => {
                        let pair =
                            self.context.types.record(vec![("first".into(), element), ("second".into(), second)]);
                        (B::Zip, self.context.types.list(pair))
                    }
                    TyKind::Error => (B::Zip, Ty::ERROR),
                    _ => {
                        let want = self.context.types.list(Ty::NEVER);
                        self.context.report_mismatch(other.ty, want, call.args[0].value.span);
                        (B::Zip, Ty::ERROR)
                    }
                }
            }
            "enumerate" => {
                self.check_argument_count(call, 0, 0);
                let pair = self.context.types.record(vec![("index".into(), Ty::INT), ("value".into(), element)]);
                (B::Enumerate, self.context.types.list(pair))
            }
            "chunk" => {
                return {
                    let t = self.context.types.list(list);
                    self.check_fixed_arguments(call, B::Chunk, &[Ty::INT], t)
                };
            }
            "compact" => {
                self.check_argument_count(call, 0, 0);
                let inner = self.context.types.non_null(element);
                (B::Compact, self.context.types.list(inner))
            }
            "to_map" => {
                self.check_argument_count(call, 0, 0);
                let (key, value) =
                    (self.context.types.field(element, "key"), self.context.types.field(element, "value"));
                match (key, value) {
                    (Some(key), Some(value)) if self.context.types.fits(key, Ty::STRING) => {
                        (B::ToMap, self.context.types.map(value))
                    }
                    _ => {
                        self.context.report(methods::wrong_elements(
                            self.context.view(),
                            call.name,
                            element,
                            "records `{ key: string, value: … }`",
                        ));
                        (B::ToMap, Ty::ERROR)
                    }
                }
            }
            _ => return None,
        })
    }
}
