//! `stage name = call clauses`: the only way to an effect.

use cascade_grammar::ast::{Arg, Clause, ClauseKind, ErrorAction, Expr, ExprKind, Name, Span, Stmt, TypeExpr};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{
    Def,
    block::Want,
    body::{Body, LocalKind, Target},
};
use crate::{
    codes,
    flow::Flow,
    index::{Builtin, Symbol},
    types::{Ty, TyKind},
};

/// A stage, lowered.
pub(crate) struct StageOut {
    pub stmt: ir::Stmt,
    pub slot: ir::Slot,
    pub ty: Ty,
    pub flow: Flow,
    pub ends: bool,
}

/// What a stage calls.
pub(crate) struct Called {
    pub work: ir::Work,
    pub ty: Ty,
    pub flow: Flow,
    /// The skill, when it is one: for what its model must provide.
    pub skill: Option<ir::SkillId>,
}

impl<'a> Body<'_, 'a> {
    /// A stage.
    pub fn stage(
        &mut self,
        stmt: &'a Stmt,
        name: &'a Name,
        ty: Option<&'a TypeExpr>,
        value: &'a Expr,
        clauses: &'a [Clause],
    ) -> StageOut {
        let declared = ty.map(|t| self.cx.resolve(self.module, t));
        self.cx.snake(self.module, name);
        let path = self.stage_path(&name.text);
        // Only a block can hold stages of its own.
        let outer = self.is_block(value).then(|| {
            let inner = format!("{}/{path}", self.prefix);
            std::mem::replace(&mut self.prefix, inner)
        });
        // What happens when it fails could not be read: nothing is known of the value then.
        let unread = clauses.iter().any(|c| matches!(c.kind, ClauseKind::OnError { action: ErrorAction::Error, .. }));
        let limits = self.enter_limits(clauses);
        let edits = self.checks.effects.edits.len();
        let mut ends = false;
        let mut skill = None;
        let mut from_block = false;
        let called = if self.is_block(value) {
            from_block = true;
            let want = Want { value: true, ty: declared };
            match self.block_work(value, clauses, want) {
                Some((work, ty, flow, block_ends)) => {
                    ends = block_ends;
                    Some((work, ty, flow))
                }
                None => None,
            }
        } else {
            self.stage_call(value, name).map(|called| {
                skill = called.skill;
                (called.work, called.ty, called.flow)
            })
        };
        let (work, mut ty, flow) =
            called.unwrap_or_else(|| (ir::Work::Pure(ir::Expr::Const(ir::Const::Null)), Ty::ERROR, Flow::default()));
        if skill.is_none() && ty != Ty::ERROR {
            self.cache_of_nothing(clauses);
        }
        let (lowered, skips) = self.clauses(clauses, ty, value, from_block);
        self.leave_limits(limits);
        self.stage_models(skill, clauses, &lowered);
        if lowered.isolate {
            self.isolated(edits);
        }
        if unread {
            ty = Ty::ERROR;
        } else if skips {
            ty = self.cx.types.optional(ty);
        }
        if let Some(declared) = declared {
            if !self.cx.types.fits(ty, declared) {
                let (a, b) = (self.show(ty), self.show(declared));
                let span = stmt_type_span(stmt);
                let source = self.source();
                let mut d = self
                    .diag(codes::MISMATCH, span, format!("the stage is declared `{b}` and gives `{a}`"))
                    .label(format!("`{b}`"))
                    .also(source, value.span, format!("`{a}`"));
                if skips {
                    d = d.help("`on error skip` makes the value null when the stage fails");
                }
                self.report(d);
            }
            ty = declared;
        }
        if let Some(outer) = outer {
            self.prefix = outer;
        }
        if ty == Ty::NEVER {
            ty = Ty::NULL;
        }
        self.budgeted(&lowered, clauses, stmt.span);
        let index = self.declare(&name.text, name.span, ty, flow.clone(), LocalKind::Stage);
        let (slot, symbol) = (self.locals[index as usize].slot, self.locals[index as usize].symbol);
        if let Some(recorder) = &mut self.cx.recorder {
            recorder.record_stage(self.module, stmt.span.start, symbol);
        }
        let once = stmt.attributes.iter().any(|a| a.name.text == "once");
        let stage = ir::Stage {
            id: ir::NodeId::default(),
            name: SmolStr::new(path),
            doc: super::Cx::type_doc(&stmt.docs),
            slot,
            work,
            clauses: lowered,
            once,
            place: self.place(stmt.span),
        };
        StageOut { stmt: ir::Stmt::Stage(Box::new(stage)), slot, ty, flow, ends }
    }

    /// The name of a stage in paths: itself, or with a number when its path is taken.
    fn stage_path(&mut self, name: &str) -> String {
        let count = self.stage_names.entry(format!("{}/{name}", self.prefix)).or_insert(0);
        *count += 1;
        if *count == 1 { name.to_owned() } else { format!("{name}#{count}") }
    }

    /// The name of an unnamed loop in paths.
    pub fn loop_path(&mut self, name: &str) -> SmolStr {
        SmolStr::new(self.stage_path(name))
    }

    /// What `stage x = …` calls; reports what cannot be called by a stage.
    pub fn stage_call(&mut self, value: &'a Expr, stage: &Name) -> Option<Called> {
        let called = self.stage_callee(value, stage);
        let (ty, flow) = called.as_ref().map_or((Ty::ERROR, Flow::default()), |c| (c.ty, c.flow.clone()));
        self.record_type(value.span, ty, &flow);
        called
    }

    fn stage_callee(&mut self, value: &'a Expr, stage: &Name) -> Option<Called> {
        let ExprKind::Call { callee, args, args_span } = &value.kind else {
            if matches!(value.kind, ExprKind::Error) {
                return None;
            }
            if let ExprKind::Paren(inner) = &value.kind {
                return self.stage_call(inner, stage);
            }
            let typed = self.infer(value);
            if typed.ty != Ty::ERROR {
                let d = self
                    .diag(codes::STAGE_CALL, value.span, "a stage calls a skill or a cascade, or is a block")
                    .label("nothing is called here")
                    .help(format!("a value without cost is named by `let {} = …`", stage.text));
                self.report(d);
            }
            return None;
        };
        let def = match &callee.kind {
            ExprKind::Name(name) => match self.probe(name) {
                Target::Local(_) => None,
                Target::Declared(_) => self.cx.resolve_name(self.module, name).map(|def| (def, name)),
                Target::Unknown if super::call::PERSON.contains(&name.text.as_str()) => {
                    return self.person(name, args, *args_span);
                }
                Target::Unknown => {
                    self.cx.unknown(self.module, name, "skill or cascade");
                    self.args_anyhow(args);
                    return None;
                }
            },
            ExprKind::Field { receiver, name, safe: false } => match &receiver.kind {
                ExprKind::Name(base) => match self.probe(base) {
                    Target::Declared(Def::Module(_)) | Target::Unknown => {
                        let path = [base.clone(), name.clone()];
                        let Some(def) = self.cx.lookup_path(self.module, &path, "skill or cascade") else {
                            self.args_anyhow(args);
                            return None;
                        };
                        Some((def, name))
                    }
                    Target::Declared(Def::Missing) => {
                        self.resolve(base);
                        self.record_use(name.span, Symbol::Missing);
                        Some((Def::Missing, name))
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        match def {
            Some((Def::Skill(id), _)) => {
                let sig = self.cx.skills[id.index()].sig.clone();
                let flow = self.cx.skills[id.index()].flow.clone();
                let lowered = self.cx.out.skills.get(id.index()).and_then(Option::as_ref);
                let missing = lowered.and_then(|skill| match &skill.effect {
                    ir::Effect::Unsupported(u) => Some(u.construct.clone()),
                    _ => None,
                });
                self.library_not_yet(&sig, missing, callee.span);
                let lowered = self.arguments(&sig, args, *args_span);
                self.call_sinks(&flow.program, &lowered.flows, callee.span);
                self.call_effects(Def::Skill(id), &lowered.values, callee.span);
                // A number, a truth, a variant of an enum can choose nothing by itself.
                let result = if self.holds_text(sig.result) {
                    flow.of_call(&lowered.flows, self.source(), value.span)
                } else {
                    Flow::default()
                };
                Some(Called {
                    work: ir::Work::Skill(id, lowered.values),
                    ty: sig.result,
                    flow: result,
                    skill: Some(id),
                })
            }
            Some((Def::Cascade(id), _)) => {
                let sig = self.cx.cascades[id.index()].sig.clone();
                let flow = self.cx.cascades[id.index()].flow.clone();
                let lowered = self.cx.out.cascades.get(id.index()).and_then(Option::as_ref);
                let missing = lowered.and_then(|cascade| cascade.unsupported.first()).map(|u| u.construct.clone());
                self.library_not_yet(&sig, missing, callee.span);
                let lowered = self.arguments(&sig, args, *args_span);
                self.call_sinks(&flow.program, &lowered.flows, callee.span);
                self.call_effects(Def::Cascade(id), &lowered.values, callee.span);
                let result = flow.of_call(&lowered.flows, self.source(), value.span);
                Some(Called { work: ir::Work::Cascade(id, lowered.values), ty: sig.result, flow: result, skill: None })
            }
            Some((Def::Missing, _)) => {
                self.args_anyhow(args);
                None
            }
            Some((Def::Fn(_), name)) => {
                let d = self
                    .diag(
                        codes::STAGE_CALL,
                        callee.span,
                        format!("`{}` is a fn: it has no effect and needs no stage", name.text),
                    )
                    .label("pure")
                    .help(format!("write `let {} = {}(…)`", stage.text, name.text));
                self.report(d);
                self.args_anyhow(args);
                None
            }
            Some((other, name)) => {
                let d = self
                    .diag(
                        codes::NOT_CALLABLE,
                        callee.span,
                        format!("`{}` is {} and cannot be called", name.text, other.what()),
                    )
                    .label(other.what());
                self.report(d);
                self.args_anyhow(args);
                None
            }
            None => {
                let typed = self.infer(value);
                if typed.ty != Ty::ERROR {
                    let d = self
                        .diag(codes::STAGE_CALL, value.span, "a stage calls a skill or a cascade")
                        .label("this has no effect and needs no stage")
                        .help(format!("write `let {} = …`", stage.text));
                    self.report(d);
                }
                None
            }
        }
    }

    /// Warns of a call into the standard library that this version cannot run: there, the
    /// construct itself is not in the user's text.
    fn library_not_yet(&mut self, sig: &super::Signature, missing: Option<String>, span: Span) {
        let Some(construct) = missing else { return };
        let modules = self.cx.modules;
        if !modules[sig.module].std {
            return;
        }
        if modules[self.module].std {
            // Whoever calls the caller is warned in turn.
            self.not_yet(&construct, span);
            return;
        }
        let message = format!("`{}` uses `{construct}`, which this version checks but cannot run yet", sig.name);
        let d = self.diag(codes::NOT_YET, span, message).label("a run that reaches this is refused before it starts");
        self.report(d);
    }

    fn person(&mut self, name: &Name, args: &'a [Arg], args_span: Span) -> Option<Called> {
        let wanted = if name.text == "choose" { 2 } else { 1 };
        if args.len() != wanted {
            let form = if wanted == 2 { "choose(\"question\", options)" } else { "(\"question\")" };
            let d = self
                .diag(codes::ARGUMENTS, args_span, format!("`{}` is written `{form}`", name.text))
                .label(format!("{} given", args.len()));
            self.report(d);
            self.args_anyhow(args);
            return None;
        }
        self.record_builtin(name.span, Builtin::Function);
        let question = self.message(&args[0].value, "a question");
        let flow = Flow::default();
        Some(match name.text.as_str() {
            "approve" => {
                Called { work: ir::Work::Person(ir::Person::Approve(question)), ty: Ty::BOOL, flow, skill: None }
            }
            "ask" => Called { work: ir::Work::Person(ir::Person::Ask(question)), ty: Ty::STRING, flow, skill: None },
            _ => {
                let strings = self.cx.types.list(Ty::STRING);
                let options = self.check(&args[1].value, strings);
                let work = ir::Work::Person(ir::Person::Choose(question, options.ir));
                Called { work, ty: Ty::STRING, flow: options.flow, skill: None }
            }
        })
    }

    /// Whether a call is one that only a stage may make.
    pub fn is_stage_call(&self, callee: &Expr) -> bool {
        matches!(self.probe_callee(callee), Some(Def::Skill(_) | Def::Cascade(_)))
    }

    /// The type of a list's elements; `None` when the type is no list.
    pub fn unwrap_list(&self, ty: Ty) -> Option<Ty> {
        match self.cx.types.kind(self.cx.types.base(ty)) {
            TyKind::List(e) => Some(*e),
            TyKind::Error => Some(Ty::ERROR),
            _ => None,
        }
    }
}

fn stmt_type_span(stmt: &Stmt) -> Span {
    match &stmt.kind {
        cascade_grammar::ast::StmtKind::Stage { ty: Some(ty), .. } => ty.span,
        _ => stmt.span,
    }
}
