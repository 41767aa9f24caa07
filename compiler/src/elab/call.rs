//! Calls inside expressions: fns, free functions, methods; and the arguments of any call.

use cascade_grammar::ast::{Arg, Expr, ExprKind, Name, Span};
use cascade_ir::{self as ir, Builtin as B};

use super::{
    Def, Signature,
    body::{Body, Target, Typed},
    with_suggestion,
};
use crate::{
    codes,
    flow::Flow,
    index::{Builtin, Symbol},
    types::{Ty, TyKind},
};

/// Functions without receiver, and how they are written.
pub(crate) const FREE_FUNCTIONS: &[(&str, &str)] = &[
    ("min", "min(a, b, …)"),
    ("max", "max(a, b, …)"),
    ("abs", "abs(x)"),
    ("round", "round(x)"),
    ("range", "range(n)"),
    ("slug", "slug(text)"),
];

/// Functions that wait for a person; stages only.
pub(crate) const PERSON: &[&str] = &["approve", "ask", "choose"];

/// The arguments of a call in the order of the parameters.
pub(crate) struct Args {
    pub values: Vec<ir::Expr>,
    pub flows: Vec<Flow>,
}

impl<'a> Body<'_, 'a> {
    /// A call in an expression.
    pub fn call(
        &mut self,
        whole: &'a Expr,
        callee: &'a Expr,
        args: &'a [Arg],
        args_span: Span,
        expected: Option<Ty>,
    ) -> Typed {
        match &callee.kind {
            ExprKind::Name(name) => {
                let target = self.resolve(name);
                if let Target::Local(index) = target {
                    let shown = self.show(self.locals[index as usize].ty);
                    let d = self
                        .diag(
                            codes::NOT_CALLABLE,
                            callee.span,
                            format!("`{}` is a value and cannot be called", name.text),
                        )
                        .label(format!("`{shown}`"));
                    self.report(d);
                    self.args_anyhow(args);
                    return Typed::error();
                }
                match target {
                    Target::Declared(def) => self.call_def(def, name, whole, args, args_span),
                    _ => self.free(name, args, args_span, expected),
                }
            }
            ExprKind::Field { receiver, name, safe } => {
                if let ExprKind::Name(base) = &receiver.kind
                    && let Target::Declared(def) = self.probe(base)
                {
                    match def {
                        Def::Module(other) => {
                            self.resolve(base);
                            if name.text.is_empty() {
                                return Typed::error();
                            }
                            return match self.cx.resolve_exported(self.module, other, name) {
                                Some(def) => self.call_def(def, name, whole, args, args_span),
                                None => {
                                    self.cx.not_exported(self.module, other, name);
                                    self.args_anyhow(args);
                                    Typed::error()
                                }
                            };
                        }
                        Def::Type(id) => {
                            let ty = self.cx.type_of(id);
                            if self.cx.types.variants(ty).is_some() {
                                self.resolve(base);
                                return self.variant_call(name, args, ty).unwrap_or_else(|| {
                                    self.unknown_variant(name, ty);
                                    Typed::error()
                                });
                            }
                        }
                        Def::Missing => {
                            self.resolve(base);
                            self.record_use(name.span, Symbol::Missing);
                            self.args_anyhow(args);
                            return Typed::error();
                        }
                        _ => {}
                    }
                }
                let value = self.infer(receiver);
                if *safe {
                    return self.safe_method(value, receiver.span, name, args, args_span);
                }
                self.method(value, receiver.span, name, args, args_span, expected)
            }
            _ => {
                let found = self.infer(callee);
                if found.ty != Ty::ERROR {
                    let d =
                        self.diag(codes::NOT_CALLABLE, callee.span, "this cannot be called").label("not a function");
                    self.report(d);
                }
                self.args_anyhow(args);
                Typed::error()
            }
        }
    }

    /// `x?.method()`: null when x is null.
    fn safe_method(&mut self, value: Typed, span: Span, name: &'a Name, args: &'a [Arg], args_span: Span) -> Typed {
        let inner = self.cx.types.non_null(value.ty);
        if inner == value.ty {
            return self.method(value, span, name, args, args_span, None);
        }
        let slot = self.new_slot();
        let receiver = Typed::new(ir::Expr::Slot(slot), inner, value.flow);
        let result = self.method(receiver, span, name, args, args_span, None);
        let place = self.place(span);
        let null = || ir::Expr::Const(ir::Const::Null);
        let test = ir::Expr::Binary(ir::BinaryOp::Eq, Box::new(ir::Expr::Slot(slot)), Box::new(null()), place);
        let ty = self.cx.types.optional(result.ty);
        let ir = ir::Expr::Let(
            slot,
            Box::new(value.ir),
            Box::new(ir::Expr::If(Box::new(test), Box::new(null()), Box::new(result.ir))),
        );
        Typed::new(ir, ty, result.flow)
    }

    fn call_def(&mut self, def: Def, name: &Name, whole: &'a Expr, args: &'a [Arg], args_span: Span) -> Typed {
        match def {
            Def::Fn(id) => {
                let sig = self.cx.fns[id.index()].sig.clone();
                let args = self.arguments(&sig, args, args_span);
                let flow = Flow::join_all(&args.flows);
                Typed::new(ir::Expr::Call(id, args.values), sig.result, flow)
            }
            Def::Skill(_) | Def::Cascade(_) => {
                let what = if matches!(def, Def::Skill(_)) { "skill" } else { "cascade" };
                let d = self
                    .diag(codes::STAGE_CALL, whole.span, format!("only a stage calls a {what}"))
                    .label(format!("`{}` is a {what}: it costs time or money, so its call has a name", name.text));
                let d = if self.kind == super::body::Kind::Cascade {
                    d.help(format!(
                        "`stage {}_result = {}(…)` on a line of its own, then use `{}_result`",
                        name.text, name.text, name.text
                    ))
                } else {
                    d.help("call it from a cascade, and pass the result on")
                };
                self.report(d);
                self.args_anyhow(args);
                Typed::error()
            }
            Def::Missing => {
                self.args_anyhow(args);
                Typed::error()
            }
            Def::Type(id) => {
                let ty = self.cx.type_of(id);
                let shown = self.show(ty);
                let d = self
                    .diag(codes::NOT_CALLABLE, name.span, format!("`{}` is a type and cannot be called", name.text))
                    .label("a type")
                    .help(format!("a `{shown}` is written `{{ field: value }}` where one is expected"));
                self.report(d);
                self.args_anyhow(args);
                Typed::error()
            }
            other => {
                let d = self
                    .diag(
                        codes::NOT_CALLABLE,
                        name.span,
                        format!("`{}` is {} and cannot be called", name.text, other.what()),
                    )
                    .label(other.what());
                self.report(d);
                self.args_anyhow(args);
                Typed::error()
            }
        }
    }

    /// Arguments against parameters: positions first, then names, then defaults.
    pub fn arguments(&mut self, sig: &Signature, args: &'a [Arg], args_span: Span) -> Args {
        if let Some(advice) = &sig.deprecated {
            let d =
                self.diag(codes::DEPRECATED, args_span, format!("`{}` is deprecated", sig.name)).label("called here");
            let d = if advice.is_empty() { d } else { d.help(advice) };
            self.report(d);
        }
        let mut given: Vec<Option<(ir::Expr, Flow, Span)>> = vec![None; sig.params.len()];
        let mut named = false;
        let mut broken = false;
        for (i, arg) in args.iter().enumerate() {
            let index = match &arg.name {
                Some(name) => {
                    named = true;
                    match sig.params.iter().position(|p| p.name == name.text) {
                        Some(index) => {
                            self.record_use(name.span, Symbol::Param { of: sig.of, index: index as u32 });
                            index
                        }
                        None => {
                            broken = true;
                            let d = self
                                .diag(
                                    codes::ARGUMENTS,
                                    name.span,
                                    format!("`{}` has no parameter `{}`", sig.name, name.text),
                                )
                                .label("not a parameter of it");
                            let mut d =
                                with_suggestion(d, &name.text, name.span, sig.params.iter().map(|p| p.name.as_str()));
                            if d.help.is_none() {
                                d = d.help(format!(
                                    "its parameters are {}",
                                    super::literal::names(sig.params.iter().map(|p| p.name.as_str()))
                                ));
                            }
                            self.report(d);
                            self.infer(&arg.value);
                            continue;
                        }
                    }
                }
                None => {
                    if named {
                        let d = self
                            .diag(
                                codes::ARGUMENTS,
                                arg.value.span,
                                "an argument without a name stands before those with names",
                            )
                            .label("give it its name, or move it to the front");
                        self.report(d);
                        self.infer(&arg.value);
                        broken = true;
                        continue;
                    }
                    i
                }
            };
            let Some(param) = sig.params.get(index) else {
                broken = true;
                let source = self.cx.source(sig.module);
                let d = self
                    .diag(
                        codes::ARGUMENTS,
                        arg.value.span,
                        format!(
                            "`{}` takes {} argument{}",
                            sig.name,
                            sig.params.len(),
                            if sig.params.len() == 1 { "" } else { "s" }
                        ),
                    )
                    .label("one too many")
                    .also(source, sig.span, "declared here");
                self.report(d);
                self.infer(&arg.value);
                continue;
            };
            let ty = param.ty;
            let value = self.check(&arg.value, ty);
            if given[index].is_some() {
                let d = self
                    .diag(codes::ARGUMENTS, arg.value.span, format!("`{}` is given twice", sig.params[index].name))
                    .label("again here");
                self.report(d);
            }
            given[index] = Some((value.ir, value.flow, arg.value.span));
        }
        let mut out = Args { values: Vec::new(), flows: Vec::new() };
        let mut missing = Vec::new();
        for (param, value) in sig.params.iter().zip(given) {
            let (value, flow) = match (value, &param.default) {
                (Some((value, flow, _)), _) => (value, flow),
                (None, Some(default)) => (default.clone(), Flow::default()),
                (None, None) => {
                    if !matches!(self.cx.types.kind(param.ty), TyKind::Optional(_)) {
                        missing.push(param.name.as_str());
                    }
                    (ir::Expr::Const(ir::Const::Null), Flow::default())
                }
            };
            out.values.push(value);
            out.flows.push(flow);
        }
        if !missing.is_empty() && !broken {
            let source = self.cx.source(sig.module);
            let d = self
                .diag(
                    codes::ARGUMENTS,
                    args_span,
                    format!("`{}` needs {}", sig.name, super::literal::names(missing.into_iter())),
                )
                .label("missing here")
                .also(source, sig.span, "declared here");
            self.report(d);
        }
        out
    }

    fn free(&mut self, name: &Name, args: &'a [Arg], args_span: Span, expected: Option<Ty>) -> Typed {
        let word = name.text.as_str();
        if PERSON.contains(&word) || FREE_FUNCTIONS.iter().any(|(n, _)| *n == word) {
            self.record_builtin(name.span, Builtin::Function);
        }
        if PERSON.contains(&word) {
            let d = self
                .diag(codes::STAGE_CALL, name.span, format!("`{word}` waits for a person, so it is a stage"))
                .label("write `stage name = …`");
            self.report(d);
            self.args_anyhow(args);
            return Typed::error();
        }
        let arity = |body: &mut Self, least: usize, most: usize| {
            let n = args.len();
            if n < least || n > most {
                let form = FREE_FUNCTIONS.iter().find(|(f, _)| *f == word).map_or("", |(_, form)| form);
                let d = body
                    .diag(codes::ARGUMENTS, args_span, format!("`{word}` is written `{form}`"))
                    .label(format!("{n} argument{} given", if n == 1 { "" } else { "s" }));
                body.report(d);
                body.args_anyhow(args);
                return false;
            }
            true
        };
        let place = self.place(name.span);
        match word {
            "min" | "max" => {
                if !arity(self, 2, usize::MAX) {
                    return Typed::error();
                }
                let want = expected.map(|t| self.cx.types.base(self.cx.types.non_null(t)));
                let float = want == Some(Ty::FLOAT);
                let values: Vec<Typed> = args.iter().map(|a| self.infer(&a.value)).collect();
                let mut ty = if float { Ty::FLOAT } else { Ty::NEVER };
                for (value, arg) in values.iter().zip(args) {
                    let base = self.cx.types.base(value.ty);
                    let joined = if self.cx.types.numeric(ty) && self.cx.types.numeric(base) && ty != base {
                        Some(Ty::FLOAT)
                    } else {
                        self.cx.types.join(ty, base)
                    };
                    match joined {
                        Some(t) if self.cx.types.ordered(t) => ty = t,
                        _ => {
                            let shown = self.show(value.ty);
                            let d = self
                                .diag(
                                    codes::OPERATOR,
                                    arg.value.span,
                                    format!("`{word}` compares values of one kind, found `{shown}`"),
                                )
                                .label(format!("`{shown}`"));
                            self.report(d);
                            return Typed::error();
                        }
                    }
                }
                let mut flow = Flow::default();
                let mut out = Vec::new();
                for (value, arg) in values.into_iter().zip(args) {
                    flow.include(&value.flow);
                    out.push(self.coerce(value, ty, arg.value.span).ir);
                }
                let builtin = if word == "min" { B::Min } else { B::Max };
                Typed::new(ir::Expr::Builtin(builtin, out, place), ty, flow)
            }
            "abs" | "round" => {
                let most = if word == "round" { 2 } else { 1 };
                if !arity(self, 1, most) {
                    return Typed::error();
                }
                let value = self.infer(&args[0].value);
                let base = self.cx.types.base(value.ty);
                if !matches!(base, Ty::INT | Ty::FLOAT | Ty::ERROR) {
                    self.mismatch(value.ty, Ty::FLOAT, args[0].value.span);
                    return Typed::error();
                }
                let mut values = vec![value.ir];
                let mut ty = base;
                if word == "round" {
                    ty = Ty::INT;
                    if let Some(digits) = args.get(1) {
                        values.push(self.check(&digits.value, Ty::INT).ir);
                        ty = Ty::FLOAT;
                    }
                }
                let builtin = if word == "abs" { B::Abs } else { B::Round };
                Typed::new(ir::Expr::Builtin(builtin, values, place), ty, value.flow)
            }
            "range" => {
                if !arity(self, 1, 2) {
                    return Typed::error();
                }
                let mut flow = Flow::default();
                let mut values = Vec::new();
                for arg in args {
                    let value = self.check(&arg.value, Ty::INT);
                    flow.include(&value.flow);
                    values.push(value.ir);
                }
                let ty = self.cx.types.list(Ty::INT);
                Typed::new(ir::Expr::Builtin(B::Range, values, place), ty, flow)
            }
            "slug" => {
                if !arity(self, 1, 1) {
                    return Typed::error();
                }
                let value = self.check(&args[0].value, Ty::STRING);
                Typed::new(ir::Expr::Builtin(B::Slug, vec![value.ir], place), Ty::STRING, value.flow)
            }
            _ => {
                let methods = super::methods::names(&TyKind::List(Ty::ERROR));
                let is_method = methods.contains(&word) || super::methods::names(&TyKind::String).contains(&word);
                let may_suggest = self.cx.may_suggest(self.module);
                let names = may_suggest.then(|| self.cx.scopes[self.module].keys().map(ToString::to_string));
                let scope: Vec<String> = names.into_iter().flatten().collect();
                let d = self
                    .diag(codes::UNKNOWN_NAME, name.span, format!("there is no function `{word}`"))
                    .label("not found");
                let mut d = with_suggestion(
                    d,
                    word,
                    name.span,
                    scope.iter().map(String::as_str).chain(FREE_FUNCTIONS.iter().map(|(n, _)| *n)),
                );
                if is_method {
                    d.fixes.clear();
                    d = d.help(format!("`{word}` is a method: `value.{word}(…)`"));
                }
                if matches!(word, "print" | "println" | "echo") {
                    d.fixes.clear();
                    d = d.help("`log \"…\"` tells something");
                }
                self.report(d);
                self.args_anyhow(args);
                Typed::error()
            }
        }
    }
}
