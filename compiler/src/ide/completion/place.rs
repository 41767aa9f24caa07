//! What the name that is being typed stands for: found in the tree, in which [`TYPED_NAME`] stands there.

use cascade_grammar::ast::{
    Attach, Attribute, Block, Clause, ClauseKind, Expr, ExprKind, FieldDecl, FnBody, ImportSource, Item, ItemKind,
    MatchExpr, MockOutcome, Name, NetworkSetting, Param, Pattern, PatternKind, RecordEntry, RouteTarget, Setting,
    SkillDecl, SkillLineKind, Span, Stmt, StmtKind, StrLit, StrPart, TestDecl, TestLineKind, TypeExpr, TypeExprKind,
};

use crate::{index::TYPED_NAME, walk};

/// The argument of a call that the typed name is.
#[derive(Debug, Clone)]
pub(super) struct Argument<'t> {
    /// What is called.
    pub callee: &'t Expr,
    /// Its position, if it is not named.
    pub position: usize,
    /// Its name.
    pub name: Option<&'t str>,
    /// The names of the other arguments.
    pub present: Vec<&'t str>,
}

/// A value that is being typed, and what its surroundings tell of it.
#[derive(Debug, Clone, Default)]
pub(super) struct ValuePlace<'t> {
    /// Whether it is the first word of a statement.
    pub starts_statement: bool,
    /// Whether it is what a stage does.
    pub stage: bool,
    /// Whether it is called: parentheses follow.
    pub called: bool,
    /// The argument that it is.
    pub argument: Option<Argument<'t>>,
    /// What it is compared with.
    pub compared_with: Option<Span>,
    /// The field or setting whose value it is.
    pub key: Option<&'t str>,
    /// What the stage calls whose clause it stands in.
    pub stage_call: Option<&'t Expr>,
    /// The end of the declaration of the name whose value it is: that name is not known yet.
    pub own: Option<Span>,
}

/// What a name that is being typed stands for.
#[derive(Debug, Clone)]
pub(super) enum Place<'t> {
    /// A value.
    Value(ValuePlace<'t>),
    /// What follows a dot.
    Member { receiver: &'t Expr, called: bool, value: ValuePlace<'t> },
    /// The key of a record: the record, and its other keys.
    RecordKey { record: Span, present: Vec<&'t str> },
    /// A pattern of a `match`: its subject, and the variants that other arms have.
    Pattern { subject: Span, present: Vec<&'t str> },
    /// A field of a variant in a pattern.
    VariantField { subject: Span, variant: &'t str, present: Vec<&'t str> },
    /// A field of the record that a `let { … }` takes apart.
    RecordField { record: Span, present: Vec<&'t str> },
    /// A type.
    Type,
    /// A member of a module, where a dotted name stands.
    ModuleMember { module: &'t str, wanted: Wanted },
    /// A module of the standard library, with what is before the last dot.
    Module(Vec<&'t str>),
    /// A name in the braces of an import: its item.
    Imported { item: &'t Item, present: Vec<&'t str> },
    /// A declared name of some kind.
    Declared(Wanted),
    /// A capability, beside others.
    Capability(Vec<&'t str>),
    /// A word of a list.
    Word(&'static [&'static str]),
    /// A setting, beside others.
    Setting(&'static str, Vec<&'t str>),
    /// An attribute: whether it stands before a stage, and the declaration otherwise.
    Attribute(Option<&'t Item>, Option<&'t Stmt>),
    /// A kind of error.
    ErrorKind,
    /// A stage, after the names of others.
    StagePath(Vec<&'t str>),
    /// A new name, which nobody can foresee.
    NewName,
}

/// Which declarations can be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Type,
    Model,
    Server,
    Skill,
}

fn typed(name: &Name) -> bool {
    name.text == TYPED_NAME
}

fn texts<'t>(names: impl IntoIterator<Item = &'t Name>) -> Vec<&'t str> {
    names.into_iter().filter(|name| !typed(name)).map(|name| name.text.as_str()).collect()
}

/// The place of the typed name in a declaration.
pub(super) fn find_place(item: &Item) -> Option<Place<'_>> {
    let mut finder = Finder { found: None, value: ValuePlace::default(), own: None };
    finder.item(item);
    finder.found
}

struct Finder<'t> {
    found: Option<Place<'t>>,
    /// What the surroundings tell of the next name.
    value: ValuePlace<'t>,
    own: Option<Span>,
}

impl<'t> Finder<'t> {
    fn set(&mut self, place: Place<'t>) {
        self.found.get_or_insert(place);
    }

    fn new_names(&mut self, names: impl IntoIterator<Item = &'t Name>) {
        if names.into_iter().any(typed) {
            self.set(Place::NewName);
        }
    }

    fn item(&mut self, item: &'t Item) {
        self.attributes(&item.attributes, Some(item), None);
        match &item.kind {
            ItemKind::Import(import) => {
                if let ImportSource::Module(parts) = &import.source
                    && parts.iter().any(typed)
                {
                    let before = parts.iter().take_while(|part| !typed(part));
                    self.set(Place::Module(before.map(|part| part.text.as_str()).collect()));
                }
                let names = import.names.iter().flatten();
                if names.clone().any(|name| typed(&name.name)) {
                    let present = names.clone().filter(|n| !typed(&n.name)).map(|n| n.name.text.as_str());
                    self.set(Place::Imported { item, present: present.collect() });
                }
                self.new_names(names.filter_map(|name| name.alias.as_ref()).chain(&import.alias));
            }
            ItemKind::Type(decl) => {
                self.new_names([&decl.name]);
                self.fields(&decl.fields);
            }
            ItemKind::Alias(decl) => {
                self.new_names([&decl.name]);
                self.ty(&decl.ty);
            }
            ItemKind::Enum(decl) => {
                self.new_names([&decl.name].into_iter().chain(decl.variants.iter().map(|v| &v.name)));
                decl.variants.iter().for_each(|v| self.fields(v.fields.as_deref().unwrap_or_default()));
            }
            ItemKind::Model(decl) => {
                self.new_names([&decl.name]);
                self.settings("model", &decl.settings);
            }
            ItemKind::Mcp(decl) => {
                self.new_names([&decl.name]);
                self.settings("mcp", &decl.settings);
            }
            ItemKind::Route(decl) => {
                self.new_names([&decl.name]);
                for arm in &decl.arms {
                    if arm.capability.as_ref().is_some_and(typed) {
                        let others = decl.arms.iter().filter_map(|arm| arm.capability.as_ref());
                        self.set(Place::Capability(texts(others)));
                    }
                    match &arm.target {
                        RouteTarget::One(path) => self.path(path, Wanted::Model),
                        RouteTarget::BestOf { models, by } => {
                            models.iter().for_each(|path| self.path(path, Wanted::Model));
                            self.word(by, &["success", "cost", "latency"]);
                        }
                        RouteTarget::Error => {}
                    }
                }
            }
            ItemKind::Skill(decl) => self.skill(decl),
            ItemKind::Fn(decl) => {
                self.new_names([&decl.name]);
                self.signature(&decl.params, decl.result.as_ref());
                match &decl.body {
                    FnBody::Expr(value) => self.expr(value),
                    FnBody::Block(block) => self.block(block),
                }
            }
            ItemKind::Const(decl) => {
                self.new_names([&decl.name]);
                decl.ty.iter().for_each(|ty| self.ty(ty));
                self.expr(&decl.value);
            }
            ItemKind::Memory(decl) => {
                self.new_names([&decl.name]);
                self.word(&decl.scope, &["run", "global"]);
                self.server(decl.via.as_ref());
                self.fields(&decl.entries);
            }
            ItemKind::Cascade(decl) => {
                self.new_names([&decl.name]);
                self.signature(&decl.params, decl.result.as_ref());
                self.clauses(&decl.clauses);
                self.block(&decl.body);
            }
            ItemKind::Test(decl) => self.test(decl),
            ItemKind::Edition(_) | ItemKind::Error => {}
        }
    }

    fn signature(&mut self, params: &'t [Param], result: Option<&'t TypeExpr>) {
        for param in params {
            self.new_names([&param.name]);
            self.ty(&param.ty);
            param.default.iter().for_each(|value| self.expr(value));
        }
        result.into_iter().for_each(|ty| self.ty(ty));
    }

    fn fields(&mut self, fields: &'t [FieldDecl]) {
        for field in fields {
            self.new_names([&field.name]);
            self.ty(&field.ty);
            field.default.iter().for_each(|value| self.expr(value));
        }
    }

    fn word(&mut self, name: &Name, words: &'static [&'static str]) {
        if typed(name) {
            self.set(Place::Word(words));
        }
    }

    fn server(&mut self, name: Option<&Name>) {
        if name.is_some_and(typed) {
            self.set(Place::Declared(Wanted::Server));
        }
    }

    /// A dotted name of a declaration.
    fn path(&mut self, path: &'t [Name], wanted: Wanted) {
        match path.iter().position(typed) {
            Some(0) => self.set(Place::Declared(wanted)),
            Some(at) => self.set(Place::ModuleMember { module: &path[at - 1].text, wanted }),
            None => {}
        }
    }

    fn settings(&mut self, of: &'static str, settings: &'t [Setting]) {
        for setting in settings {
            if typed(&setting.name) {
                self.set(Place::Setting(of, texts(settings.iter().map(|s| &s.name))));
            }
            match (of, setting.name.text.as_str(), &setting.value.kind) {
                ("model", "provider", ExprKind::Name(name)) => self.word(name, super::words::PROVIDERS),
                ("model", "prefers", ExprKind::Name(name)) => self.word(name, &["xml", "markdown", "json", "yaml"]),
                ("model", "provides", ExprKind::List(items)) => {
                    let names = items.iter().filter_map(|item| match &item.kind {
                        ExprKind::Name(name) => Some(name),
                        _ => None,
                    });
                    if names.clone().any(typed) {
                        self.set(Place::Capability(texts(names)));
                    }
                }
                ("model", "price", ExprKind::Record(entries)) => {
                    let keys = entries.iter().filter_map(|entry| match entry {
                        RecordEntry::Field { key, .. } => Some(key),
                        RecordEntry::Spread(_) => None,
                    });
                    if keys.clone().any(typed) {
                        self.set(Place::Setting("price", texts(keys)));
                    }
                }
                _ => {}
            }
            self.value.key = Some(&setting.name.text);
            self.expr(&setting.value);
            self.value.key = None;
        }
    }

    fn skill(&mut self, decl: &'t SkillDecl) {
        self.new_names([&decl.name]);
        self.signature(&decl.params, decl.result.as_ref());
        for line in &decl.body {
            match &line.kind {
                SkillLineKind::Prompt(e)
                | SkillLineKind::Run(e)
                | SkillLineKind::Builtin(e)
                | SkillLineKind::System(e)
                | SkillLineKind::Temperature(e)
                | SkillLineKind::MaxTokens(e)
                | SkillLineKind::Attach(Attach::Value(e))
                | SkillLineKind::In(e)
                | SkillLineKind::Stdin(e)
                | SkillLineKind::Return(e) => self.expr(e),
                SkillLineKind::Agent { dir, prompt } => {
                    dir.iter().for_each(|e| self.expr(e));
                    self.expr(prompt);
                }
                SkillLineKind::Http { method, url, settings } => {
                    self.word(method, &["get", "post", "put", "patch", "delete", "head"]);
                    self.expr(url);
                    self.settings("http", settings);
                }
                SkillLineKind::Mcp { path, args } => {
                    self.server(path.first());
                    args.iter().for_each(|e| self.expr(e));
                }
                SkillLineKind::SkillFile(text) => self.text(text),
                SkillLineKind::Needs(names) => self.needs(names),
                SkillLineKind::Attach(Attach::Files { pattern, dir }) => {
                    self.expr(pattern);
                    dir.iter().for_each(|e| self.expr(e));
                }
                SkillLineKind::Tools(paths) => paths.iter().for_each(|path| self.path(path, Wanted::Skill)),
                SkillLineKind::Env(settings) => self.settings("env", settings),
                SkillLineKind::Output { format, ty } => {
                    self.word(format, super::words::OUTPUTS);
                    ty.iter().for_each(|ty| self.ty(ty));
                }
                SkillLineKind::OutputFiles { word, pattern } => {
                    self.word(word, super::words::OUTPUTS);
                    self.expr(pattern);
                }
                SkillLineKind::Exit(_) | SkillLineKind::Error => {}
            }
        }
    }

    fn needs(&mut self, names: &'t [Name]) {
        if names.iter().any(typed) {
            self.set(Place::Capability(texts(names)));
        }
    }

    fn test(&mut self, decl: &'t TestDecl) {
        for line in &decl.body {
            match &line.kind {
                TestLineKind::Mock { skill, outcomes } => {
                    self.path(skill, Wanted::Skill);
                    for outcome in outcomes {
                        let (message, times, after) = match outcome {
                            MockOutcome::Value { value, times, after } => (Some(value), times, after),
                            MockOutcome::Fails { kind, message, times, after } => {
                                self.error_kinds([kind]);
                                (message.as_ref(), times, after)
                            }
                        };
                        message.into_iter().chain(times).chain(after).for_each(|e| self.expr(e));
                    }
                }
                TestLineKind::Run(e) => {
                    self.value.stage = true;
                    self.expr(e);
                }
                TestLineKind::Expect(e) => self.expr(e),
                TestLineKind::ExpectStage { path, state, times } => {
                    if path.iter().any(typed) {
                        let before = path.iter().take_while(|name| !typed(name));
                        self.set(Place::StagePath(before.map(|name| name.text.as_str()).collect()));
                    }
                    self.word(state, &["ran", "skipped", "failed"]);
                    times.iter().for_each(|e| self.expr(e));
                }
                TestLineKind::ExpectFails { kind, message } => {
                    self.error_kinds(kind);
                    message.iter().for_each(|e| self.expr(e));
                }
                TestLineKind::Let { name, ty, value } => {
                    self.new_names([name]);
                    ty.iter().for_each(|ty| self.ty(ty));
                    self.own = Some(name.span);
                    self.expr(value);
                }
                TestLineKind::Error => {}
            }
        }
    }

    fn error_kinds(&mut self, names: impl IntoIterator<Item = &'t Name>) {
        if names.into_iter().any(typed) {
            self.set(Place::ErrorKind);
        }
    }

    fn attributes(&mut self, attributes: &'t [Attribute], item: Option<&'t Item>, stmt: Option<&'t Stmt>) {
        for attribute in attributes {
            if typed(&attribute.name) {
                self.set(Place::Attribute(item, stmt));
            }
            attribute.args.iter().for_each(|e| self.expr(e));
        }
    }

    fn ty(&mut self, ty: &'t TypeExpr) {
        match &ty.kind {
            TypeExprKind::Named { path, args } => {
                if path.first().is_some_and(typed) {
                    self.set(Place::Type);
                }
                self.path(path, Wanted::Type);
                args.iter().for_each(|ty| self.ty(ty));
            }
            TypeExprKind::Optional(inner) => self.ty(inner),
            TypeExprKind::Record(fields) => self.fields(fields),
            TypeExprKind::Where(inner, predicate) => {
                self.ty(inner);
                self.expr(predicate);
            }
            TypeExprKind::Error => {}
        }
    }

    fn block(&mut self, block: &'t Block) {
        block.stmts.iter().for_each(|stmt| self.stmt(stmt));
    }

    /// A statement, without the expressions in it but with the blocks that they hold.
    fn stmt(&mut self, stmt: &'t Stmt) {
        if self.found.is_some() {
            return;
        }
        self.attributes(&stmt.attributes, None, Some(stmt));
        let outer = self.own;
        match &stmt.kind {
            StmtKind::Stage { name, ty, value, clauses } => {
                self.new_names([name]);
                ty.iter().for_each(|ty| self.ty(ty));
                self.own = Some(name.span);
                self.value.stage = matches!(value.kind, ExprKind::Name(_) | ExprKind::Field { .. } | ExprKind::Call { .. });
                self.expr(value);
                self.value.stage = false;
                if let ExprKind::Call { callee, .. } = &value.kind {
                    self.value.stage_call = Some(callee);
                }
                self.clauses(clauses);
                self.value.stage_call = None;
            }
            StmtKind::Let { name, ty, value } | StmtKind::Var { name, ty, value } => {
                self.new_names([name]);
                ty.iter().for_each(|ty| self.ty(ty));
                self.own = Some(name.span);
                self.expr(value);
            }
            StmtKind::LetFields { fields, value } => {
                if fields.iter().any(|field| typed(&field.field)) {
                    let present = texts(fields.iter().map(|field| &field.field));
                    self.set(Place::RecordField { record: value.span, present });
                }
                self.new_names(fields.iter().filter_map(|field| field.binding.as_ref()));
                self.expr(value);
            }
            StmtKind::Assign { target, value, .. } => {
                self.value.starts_statement = true;
                self.expr(target);
                self.value.starts_statement = false;
                self.expr(value);
            }
            StmtKind::Gate { condition, message } | StmtKind::Warn { condition, message } => {
                self.expr(condition);
                message.iter().for_each(|e| self.expr(e));
            }
            StmtKind::Fail(e) | StmtKind::Log(e) => self.expr(e),
            StmtKind::Return(e) => e.iter().for_each(|e| self.expr(e)),
            StmtKind::Expr(e, clauses) => {
                self.value.starts_statement = true;
                self.expr(e);
                self.value.starts_statement = false;
                self.clauses(clauses);
            }
            StmtKind::On { event, param, body } => {
                self.word(event, &["success", "failure", "cancel", "error"]);
                self.new_names(param);
                self.block(body);
            }
            StmtKind::Error => {}
        }
        self.own = outer;
    }

    fn clauses(&mut self, clauses: &'t [Clause]) {
        for clause in clauses {
            match &clause.kind {
                ClauseKind::Needs(names) => self.needs(names),
                ClauseKind::OnError { filter, binding, .. } => {
                    self.error_kinds(filter);
                    self.new_names(binding);
                }
                _ => {}
            }
        }
        let mut expressions = Vec::new();
        walk::clauses(clauses, &mut |e| expressions.push(e));
        self.visit(expressions);
    }

    fn text(&mut self, text: &'t StrLit) {
        for part in &text.parts {
            if let StrPart::Hole { format, expr, .. } = part {
                if let Some(format) = format {
                    self.word(format, super::words::FORMATS);
                }
                if let ExprKind::Name(name) = &expr.kind
                    && typed(name)
                {
                    self.set(Place::Value(ValuePlace { own: self.own, ..ValuePlace::default() }));
                }
            }
        }
    }

    /// An expression with everything in it.
    fn expr(&mut self, e: &'t Expr) {
        if self.found.is_some() {
            return;
        }
        let mut expressions = Vec::new();
        walk::expr(e, &mut |e| expressions.push(e));
        self.visit(expressions);
    }

    /// Expressions, each before those in it.
    fn visit(&mut self, expressions: Vec<&'t Expr>) {
        let starts = std::mem::take(&mut self.value.starts_statement);
        for (number, e) in expressions.into_iter().enumerate() {
            if self.found.is_some() {
                return;
            }
            let first = number == 0;
            self.one_expr(e, starts && first);
            if first && !matches!(e.kind, ExprKind::Call { .. }) {
                // What a stage does is its outermost expression, or what that calls.
                self.value.stage = false;
            }
        }
        self.value.stage = false;
    }

    fn value_place(&self, change: impl FnOnce(&mut ValuePlace<'t>)) -> ValuePlace<'t> {
        let mut value = ValuePlace { own: self.own, ..self.value.clone() };
        change(&mut value);
        value
    }

    /// One expression: whether the typed name is a direct part of it.
    fn one_expr(&mut self, e: &'t Expr, starts: bool) {
        let is_typed = |e: &Expr| matches!(&e.kind, ExprKind::Name(name) if typed(name));
        match &e.kind {
            ExprKind::Name(name) if typed(name) => {
                let value = self.value_place(|v| v.starts_statement = starts);
                self.set(Place::Value(value));
            }
            ExprKind::Field { receiver, name, .. } if typed(name) => {
                let value = self.value_place(|_| {});
                self.set(Place::Member { receiver, called: false, value });
            }
            ExprKind::Call { callee, args, .. } => {
                if is_typed(callee) {
                    let value = self.value_place(|v| (v.called, v.starts_statement) = (true, starts));
                    self.set(Place::Value(value));
                }
                if let ExprKind::Field { receiver, name, .. } = &callee.kind
                    && typed(name)
                {
                    let value = self.value_place(|v| v.called = true);
                    self.set(Place::Member { receiver, called: true, value });
                }
                let names = || args.iter().filter_map(|arg| arg.name.as_ref());
                for (position, arg) in args.iter().enumerate() {
                    let argument = |name| Argument { callee, position, name, present: texts(names()) };
                    let name = arg.name.as_ref();
                    if name.is_some_and(typed) {
                        let argument = Some(Argument { name: Some(TYPED_NAME), ..argument(None) });
                        self.set(Place::Value(ValuePlace { argument, ..ValuePlace::default() }));
                    }
                    if is_typed(&arg.value) || is_member(&arg.value) {
                        let argument = argument(name.map(|name| name.text.as_str()));
                        let value = self.value_place(|v| (v.argument, v.stage) = (Some(argument), false));
                        self.set_value(&arg.value, value);
                    }
                }
            }
            ExprKind::Binary(a, _, b) => {
                for (this, other) in [(a, b), (b, a)] {
                    if is_typed(this) {
                        let value = self.value_place(|v| v.compared_with = Some(other.span));
                        self.set(Place::Value(value));
                    }
                }
            }
            ExprKind::Record(entries) => {
                for entry in entries {
                    let RecordEntry::Field { key, value, .. } = entry else { continue };
                    if typed(key) {
                        let keys = entries.iter().filter_map(|entry| match entry {
                            RecordEntry::Field { key, .. } => Some(key),
                            RecordEntry::Spread(_) => None,
                        });
                        self.set(Place::RecordKey { record: e.span, present: texts(keys) });
                    }
                    if is_typed(value) || is_member(value) {
                        let place = self.value_place(|v| v.key = Some(&key.text));
                        self.set_value(value, place);
                    }
                }
            }
            ExprKind::Str(text) | ExprKind::Command(text) => self.text(text),
            ExprKind::Cast { ty, .. } => self.ty(ty),
            ExprKind::Lambda { params, .. } => self.new_names(params),
            ExprKind::Match(x) => self.arms(x),
            ExprKind::If(x) => {
                self.block(&x.then);
                if let Some(cascade_grammar::ast::Else::Block(block)) = &x.otherwise {
                    self.block(block);
                }
            }
            ExprKind::For(x) => {
                self.new_names([&x.item]);
                self.block(&x.body);
            }
            ExprKind::Repeat(x) => self.block(&x.body),
            ExprKind::Parallel(x) => self.block(&x.body),
            ExprKind::Swarm(x) => {
                x.topology.iter().for_each(|w| self.word(w, &["mesh", "star", "hierarchical"]));
                x.strategy.iter().for_each(|w| self.word(w, &["balanced", "specialized", "adaptive"]));
                self.server(x.via.as_ref());
                self.block(&x.body);
            }
            ExprKind::Sandbox(x) => {
                if let Some(NetworkSetting::Word(word)) = &x.network {
                    self.word(word, &["on", "off"]);
                }
                self.new_names(&x.name);
                self.block(&x.body);
            }
            _ => {}
        }
    }

    /// A value that is the typed name, or ends with it after a dot.
    fn set_value(&mut self, e: &'t Expr, value: ValuePlace<'t>) {
        match &e.kind {
            ExprKind::Field { receiver, .. } => self.set(Place::Member { receiver, called: false, value }),
            _ => self.set(Place::Value(value)),
        }
    }

    fn arms(&mut self, x: &'t MatchExpr) {
        let present = || {
            let variants = x.arms.iter().filter_map(|arm| match &arm.pattern.kind {
                PatternKind::Variant { name, .. } => Some(name),
                _ => None,
            });
            texts(variants)
        };
        for arm in &x.arms {
            self.pattern(&arm.pattern, x.subject.span, &present);
            match &arm.body {
                cascade_grammar::ast::ArmBody::Block(block) | cascade_grammar::ast::ArmBody::Statement(block) => {
                    self.block(block);
                }
                cascade_grammar::ast::ArmBody::Expr(_) => {}
            }
        }
    }

    fn pattern(&mut self, pattern: &'t Pattern, subject: Span, present: &dyn Fn() -> Vec<&'t str>) {
        match &pattern.kind {
            PatternKind::Variant { name, fields } => {
                if typed(name) {
                    self.set(Place::Pattern { subject, present: present() });
                }
                let fields = fields.iter().flatten();
                if fields.clone().any(|field| typed(&field.field)) {
                    let present = texts(fields.clone().map(|field| &field.field));
                    self.set(Place::VariantField { subject, variant: &name.text, present });
                }
                self.new_names(fields.filter_map(|field| field.binding.as_ref()));
            }
            PatternKind::OneOf(patterns) => patterns.iter().for_each(|p| self.pattern(p, subject, present)),
            _ => {}
        }
    }
}

/// Whether an expression is a field access with the typed name.
fn is_member(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Field { name, .. } if typed(name))
}
