//! Calls inside expressions: fns, free functions, methods; and the arguments of any call.

use cascade_grammar::ast::{Arg, Expr, ExprKind, Name, Span};
use cascade_ir::{self as ir, Builtin as B};
use smol_str::SmolStr;

use super::{BodyChecker, BodyKind, Typed, variables::Target};
use crate::{
    builtins::{FREE_FUNCTIONS, PERSON_FUNCTIONS, method_names},
    checks::{calls, names::unknown_function},
    codes,
    declare::plain_text,
    flow::Flow,
    index::{Builtin, Symbol},
    types::{Ty, TyKind},
    world::{Def, Signature},
};

/// The arguments of a call in the order of the parameters.
pub(super) struct Args {
    pub values: Vec<ir::Expr>,
    pub flows: Vec<Flow>,
}

impl BodyChecker<'_> {
    /// Infers a call in an expression.
    pub(super) fn infer_call(
        &mut self,
        whole: &Expr,
        callee: &Expr,
        args: &[Arg],
        args_span: Span,
        expected: Option<Ty>,
    ) -> Typed {
        match &callee.kind {
            ExprKind::Name(name) => {
                let target = match self.probe_called(name) {
                    Target::Declared(_) => {
                        self.context.resolve_declared(name).map_or(Target::Unknown, Target::Declared)
                    }
                    _ => self.resolve(name),
                };
                if let Target::Local(index) = target {
                    let ty = self.scope.local(index).ty;
                    self.context.report(calls::call_of_value(self.context.view(), name, ty));
                    self.infer_arguments(args);
                    return Typed::error();
                }
                if name.text == "env" && target == Target::Unknown {
                    return self.infer_variable(name, args, args_span);
                }
                match target {
                    Target::Declared(def) => self.infer_declared_call(def, name, whole, args, args_span),
                    _ => self.infer_builtin_call(name, args, args_span, expected),
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
                            return match self.context.resolve_exported(other, name) {
                                Some(def) => self.infer_declared_call(def, name, whole, args, args_span),
                                None => {
                                    self.report_not_exported(other, name);
                                    self.infer_arguments(args);
                                    Typed::error()
                                }
                            };
                        }
                        Def::Type(id) => {
                            let ty = self.context.type_of(id);
                            if self.context.types.variants(ty).is_some() {
                                self.resolve(base);
                                return self.check_variant_call(name, args, ty).unwrap_or_else(|| {
                                    self.report_unknown_variant(name, ty);
                                    Typed::error()
                                });
                            }
                        }
                        Def::Missing => {
                            self.resolve(base);
                            self.context.record_use(name.span, Symbol::Missing);
                            self.infer_arguments(args);
                            return Typed::error();
                        }
                        _ => {}
                    }
                }
                let value = self.infer(receiver);
                if *safe {
                    return self.infer_safe_method_call(value, receiver.span, name, args, args_span);
                }
                self.infer_method_call(value, receiver.span, name, args, args_span, expected)
            }
            _ => {
                let found = self.infer(callee);
                if found.ty != Ty::ERROR {
                    let d = self
                        .context
                        .diagnostic(codes::NOT_CALLABLE, callee.span, "this cannot be called")
                        .label("not a function");
                    self.context.report(d);
                }
                self.infer_arguments(args);
                Typed::error()
            }
        }
    }

    /// Infers `env("NAME")`, a secret that the host reads from its environment.
    fn infer_variable(&mut self, name: &Name, args: &[Arg], args_span: Span) -> Typed {
        let variable = match args {
            [Arg { name: None, value: Expr { kind: ExprKind::Str(text), .. } }] => plain_text(text),
            _ => None,
        };
        self.infer_arguments(args);
        let Some(variable) = variable.filter(|text| !text.is_empty()) else {
            let d = self
                .context
                .diagnostic(codes::ARGUMENTS, args_span, "`env` takes the name of a variable, as text")
                .label("not a name")
                .help("write `token: secret = env(\"GH_TOKEN\")`");
            self.context.report(d);
            return Typed::error();
        };
        if self.kind != BodyKind::Constant {
            let d = self
                .context
                .diagnostic(codes::MISPLACED, name.span, "`env(…)` stands only as the default of a parameter")
                .label("not here")
                .help(format!("declare a parameter: `token: secret = env(\"{variable}\")`"));
            self.context.report(d);
            return Typed::error();
        }
        self.context.record_builtin(name.span, Builtin::Function);
        let variable = SmolStr::new(variable);
        self.outcome.variables.push(variable.clone());
        Typed::new(ir::Expr::Variable(variable), Ty::SECRET, Flow::default())
    }

    /// Infers `x?.method()`, which is null when x is null.
    fn infer_safe_method_call(
        &mut self,
        value: Typed,
        span: Span,
        name: &Name,
        args: &[Arg],
        args_span: Span,
    ) -> Typed {
        let inner = self.context.types.non_null(value.ty);
        if inner == value.ty {
            return self.infer_method_call(value, span, name, args, args_span, None);
        }
        let slot = self.scope.new_slot();
        let receiver = Typed::new(ir::Expr::Slot(slot), inner, value.flow);
        let result = self.infer_method_call(receiver, span, name, args, args_span, None);
        let place = self.context.place(span);
        let null = || ir::Expr::Const(ir::Const::Null);
        let test = ir::Expr::Binary(ir::BinaryOp::Eq, Box::new(ir::Expr::Slot(slot)), Box::new(null()), place);
        let ty = self.context.types.optional(result.ty);
        let ir = ir::Expr::Let(
            slot,
            Box::new(value.ir),
            Box::new(ir::Expr::If(Box::new(test), Box::new(null()), Box::new(result.ir))),
        );
        Typed::new(ir, ty, result.flow)
    }

    /// Infers a call of a declaration.
    fn infer_declared_call(&mut self, def: Def, name: &Name, whole: &Expr, args: &[Arg], args_span: Span) -> Typed {
        match def {
            Def::Fn(id) => {
                let signature = &self.context.world.declared.fns[id.index()];
                let args = self.check_arguments(signature, args, args_span);
                let flow = Flow::join_all(&args.flows);
                Typed::new(ir::Expr::Call(id, args.values), signature.result, flow)
            }
            Def::Skill(_) | Def::Cascade(_) => {
                let in_cascade = self.kind == BodyKind::Cascade;
                self.context.report(calls::call_without_stage(self.context.view(), name, def, whole.span, in_cascade));
                self.infer_arguments(args);
                Typed::error()
            }
            Def::Missing => {
                self.infer_arguments(args);
                Typed::error()
            }
            Def::Type(id) => {
                let ty = self.context.type_of(id);
                self.context.report(calls::call_of_type(self.context.view(), name, ty));
                self.infer_arguments(args);
                Typed::error()
            }
            other => {
                self.context.report(calls::call_of_declaration(self.context.view(), name, other, name.span));
                self.infer_arguments(args);
                Typed::error()
            }
        }
    }

    /// Checks the arguments of a call against the parameters: by position, then by name, then defaults.
    pub(super) fn check_arguments(&mut self, signature: &Signature, args: &[Arg], args_span: Span) -> Args {
        self.context.report(calls::deprecated_call(self.context.view(), signature, args_span));
        let mut given: Vec<Option<(ir::Expr, Flow, Span)>> = vec![None; signature.params.len()];
        let mut named = false;
        let mut broken = false;
        for (i, arg) in args.iter().enumerate() {
            let index = match &arg.name {
                Some(name) => {
                    named = true;
                    match signature.params.iter().position(|p| p.name == name.text) {
                        Some(index) => {
                            self.context.record_use(name.span, Symbol::Param { of: signature.of, index: index as u32 });
                            index
                        }
                        None => {
                            broken = true;
                            self.context.report(calls::unknown_parameter(self.context.view(), signature, name));
                            self.infer(&arg.value);
                            continue;
                        }
                    }
                }
                None => {
                    if named {
                        self.context.report(calls::unnamed_after_named(self.context.view(), arg.value.span));
                        self.infer(&arg.value);
                        broken = true;
                        continue;
                    }
                    i
                }
            };
            let Some(param) = signature.params.get(index) else {
                broken = true;
                self.context.report(calls::too_many_arguments(self.context.view(), signature, arg.value.span));
                self.infer(&arg.value);
                continue;
            };
            let ty = param.ty;
            let value = self.check(&arg.value, ty);
            if given[index].is_some() {
                self.context.report(calls::argument_given_twice(
                    self.context.view(),
                    &signature.params[index].name,
                    arg.value.span,
                ));
            }
            given[index] = Some((value.ir, value.flow, arg.value.span));
        }
        let mut out = Args { values: Vec::new(), flows: Vec::new() };
        let mut missing = Vec::new();
        for (param, value) in signature.params.iter().zip(given) {
            let (value, flow) = match (value, &param.default) {
                (Some((value, flow, _)), _) => (value, flow),
                (None, Some(default)) => (default.clone(), Flow::default()),
                (None, None) => {
                    if !matches!(self.context.types.kind(param.ty), TyKind::Optional(_)) {
                        missing.push(param.name.as_str());
                    }
                    (ir::Expr::Const(ir::Const::Null), Flow::default())
                }
            };
            out.values.push(value);
            out.flows.push(flow);
        }
        if !broken {
            self.context.report(calls::missing_arguments(self.context.view(), signature, &missing, args_span));
        }
        out
    }

    /// Infers a call of a function that the language gives.
    fn infer_builtin_call(&mut self, name: &Name, args: &[Arg], args_span: Span, expected: Option<Ty>) -> Typed {
        let word = name.text.as_str();
        if PERSON_FUNCTIONS.contains(&word) || FREE_FUNCTIONS.iter().any(|(n, _)| *n == word) {
            self.context.record_builtin(name.span, Builtin::Function);
        }
        if PERSON_FUNCTIONS.contains(&word) {
            self.context.report(calls::question_without_stage(self.context.view(), name));
            self.infer_arguments(args);
            return Typed::error();
        }
        let arity = |body: &mut Self, least: usize, most: usize| {
            let n = args.len();
            if n < least || n > most {
                let form = FREE_FUNCTIONS.iter().find(|(f, _)| *f == word).map_or("", |(_, form)| form);
                let d = body
                    .context
                    .diagnostic(codes::ARGUMENTS, args_span, format!("`{word}` is written `{form}`"))
                    .label(format!("{n} argument{} given", if n == 1 { "" } else { "s" }));
                body.context.report(d);
                body.infer_arguments(args);
                return false;
            }
            true
        };
        let place = self.context.place(name.span);
        match word {
            "min" | "max" => {
                if !arity(self, 2, usize::MAX) {
                    return Typed::error();
                }
                let want = expected.map(|t| self.context.types.base(self.context.types.non_null(t)));
                let float = want == Some(Ty::FLOAT);
                let values: Vec<Typed> = args.iter().map(|a| self.infer(&a.value)).collect();
                let mut ty = if float { Ty::FLOAT } else { Ty::NEVER };
                for (value, arg) in values.iter().zip(args) {
                    let base = self.context.types.base(value.ty);
                    let joined = if self.context.types.numeric(ty) && self.context.types.numeric(base) && ty != base {
                        Some(Ty::FLOAT)
                    } else {
                        self.context.types.join(ty, base)
                    };
                    match joined {
                        Some(t) if self.context.types.is_ordered(t) => ty = t,
                        _ => {
                            let shown = self.context.type_text(value.ty);
                            let d = self
                                .context
                                .diagnostic(
                                    codes::OPERATOR,
                                    arg.value.span,
                                    format!("`{word}` compares values of one kind, found `{shown}`"),
                                )
                                .label(format!("`{shown}`"));
                            self.context.report(d);
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
                let base = self.context.types.base(value.ty);
                if !matches!(base, Ty::INT | Ty::FLOAT | Ty::ERROR) {
                    self.context.report_mismatch(value.ty, Ty::FLOAT, args[0].value.span);
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
                let ty = self.context.types.list(Ty::INT);
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
                let is_method =
                    [TyKind::List(Ty::ERROR), TyKind::String].iter().any(|kind| method_names(kind).contains(&word));
                let may_suggest = self.context.may_suggest();
                self.context.report(unknown_function(self.context.view(), name, args, is_method, may_suggest));
                self.infer_arguments(args);
                Typed::error()
            }
        }
    }
}
