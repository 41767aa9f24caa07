//! What the name that is being typed stands for: found in the tree, in which [`TYPED_NAME`] stands there.

use cascade_grammar::ast::{
    Arg, Attach, Attribute, Block, Expr, ExprKind, FieldDecl, FnBody, ImportSource, Item, ItemKind, MockOutcome, Name,
    Param, RecordEntry, RouteTarget, Setting, SkillDecl, SkillLineKind, Span, Stmt, StmtKind, TestDecl, TestLineKind,
    TypeExpr, TypeExprKind,
};

use crate::index::TYPED_NAME;

/// The argument of a call that the typed name is.
#[derive(Debug, Clone)]
pub(super) struct Argument<'t> {
    /// What is called.
    pub callee: &'t Expr,
    /// Its position, if it is not named.
    pub position: usize,
    /// Its name.
    pub name: Option<&'t str>,
    /// How many arguments without names stand before it.
    pub unnamed: usize,
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
    /// The arguments that follow.
    pub arguments: Option<&'t [Arg]>,
    /// The member that is read of it: a dot and this name follow.
    pub member: Option<&'t str>,
    /// Whether its statement is the last one of a block, whose value it may be.
    pub ends_block: bool,
    /// The argument that it is.
    pub argument: Option<Argument<'t>>,
    /// What it is compared with.
    pub compared_with: Option<Span>,
    /// The field or setting whose value it is.
    pub key: Option<&'t str>,
    /// What the stage calls whose clause it stands in.
    pub stage_call: Option<&'t Expr>,
    /// Whether a model stands there.
    pub model: bool,
    /// The end of the declaration of the name whose value it is: that name is not known yet.
    pub own: Option<Span>,
}

/// What a name that is being typed stands for.
#[derive(Debug, Clone)]
pub(super) enum Place<'t> {
    /// A value.
    Value(ValuePlace<'t>),
    /// What follows a dot.
    Member { receiver: &'t Expr, value: ValuePlace<'t> },
    /// The key of a record: the record, and its other keys.
    RecordKey { record: Span, present: Vec<&'t str> },
    /// A pattern of a `match`: its subject, and the variants that other arms have.
    Pattern { subject: Span, present: Vec<&'t str> },
    /// A field of a variant in a pattern.
    VariantField { subject: Span, variant: &'t str, present: Vec<&'t str> },
    /// A field of the record that a `let { … }` takes apart.
    RecordField { record: Span, present: Vec<&'t str> },
    /// A type.
    Type {
        /// The field or the parameter whose type it is.
        of: Option<&'t str>,
        /// How many types surround it: 1 in `list<…>`.
        depth: usize,
        /// What has the same type, as far as the declaration tells.
        like: Option<TypeLike<'t>>,
    },
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

/// What has the type that is being typed.
#[derive(Debug, Clone, Copy)]
pub(super) enum TypeLike<'t> {
    /// An expression: the default of a parameter, what is returned.
    Value(Span),
    /// It is written elsewhere: the result of a skill and its `output`.
    Written(&'t TypeExpr),
}

/// Which declarations can be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Type,
    Model,
    Server,
    Skill,
}

/// Whether a name is the one that is being typed.
pub(super) fn is_typed_name(name: &Name) -> bool {
    name.text == TYPED_NAME
}

/// The names but the one that is being typed.
pub(super) fn name_texts<'t>(names: impl IntoIterator<Item = &'t Name>) -> Vec<&'t str> {
    names.into_iter().filter(|name| !is_typed_name(name)).map(|name| name.text.as_str()).collect()
}

/// The place of the typed name in a declaration.
pub(super) fn find_place(item: &Item) -> Option<Place<'_>> {
    let mut finder =
        Finder { found: None, typed_field: None, type_like: None, value: ValuePlace::default(), own: None };
    finder.item(item);
    finder.found
}

/// Walks a declaration until it finds the typed name.
pub(super) struct Finder<'t> {
    pub found: Option<Place<'t>>,
    /// The field or the parameter whose type is read.
    pub typed_field: Option<&'t str>,
    /// What has the type that is read.
    pub type_like: Option<TypeLike<'t>>,
    /// What the surroundings tell of the next name.
    pub value: ValuePlace<'t>,
    pub own: Option<Span>,
}

impl<'t> Finder<'t> {
    pub(super) fn set(&mut self, place: Place<'t>) {
        self.found.get_or_insert(place);
    }

    pub(super) fn new_names(&mut self, names: impl IntoIterator<Item = &'t Name>) {
        if names.into_iter().any(is_typed_name) {
            self.set(Place::NewName);
        }
    }

    fn item(&mut self, item: &'t Item) {
        self.attributes(&item.attributes, Some(item), None);
        match &item.kind {
            ItemKind::Import(import) => {
                if let ImportSource::Module(parts) = &import.source
                    && parts.iter().any(is_typed_name)
                {
                    let before = parts.iter().take_while(|part| !is_typed_name(part));
                    self.set(Place::Module(before.map(|part| part.text.as_str()).collect()));
                }
                let names = import.names.iter().flatten();
                if names.clone().any(|name| is_typed_name(&name.name)) {
                    let present = names.clone().filter(|n| !is_typed_name(&n.name)).map(|n| n.name.text.as_str());
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
                    if arm.capability.as_ref().is_some_and(is_typed_name) {
                        let others = decl.arms.iter().filter_map(|arm| arm.capability.as_ref());
                        self.set(Place::Capability(name_texts(others)));
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
                let returned = match &decl.body {
                    FnBody::Expr(value) => Some(TypeLike::Value(value.span)),
                    FnBody::Block(block) => returned_in(block),
                };
                self.signature(&decl.name, &decl.params, decl.result.as_ref(), returned);
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
                self.signature(&decl.name, &decl.params, decl.result.as_ref(), returned_in(&decl.body));
                self.clauses(&decl.clauses);
                self.block(&decl.body);
            }
            ItemKind::Test(decl) => self.test(decl),
            ItemKind::Edition(_) | ItemKind::Error => {}
        }
    }

    fn signature(
        &mut self,
        name: &'t Name,
        params: &'t [Param],
        result: Option<&'t TypeExpr>,
        returned: Option<TypeLike<'t>>,
    ) {
        self.new_names([name]);
        for param in params {
            self.new_names([&param.name]);
            self.typed_field = Some(&param.name.text);
            self.type_like = param.default.as_ref().map(|value| TypeLike::Value(value.span));
            self.ty(&param.ty);
            self.typed_field = None;
            param.default.iter().for_each(|value| self.expr(value));
        }
        self.typed_field = Some(&name.text);
        self.type_like = returned;
        result.into_iter().for_each(|ty| self.ty(ty));
        (self.typed_field, self.type_like) = (None, None);
    }

    fn fields(&mut self, fields: &'t [FieldDecl]) {
        for field in fields {
            self.new_names([&field.name]);
            self.typed_field = Some(&field.name.text);
            self.type_like = field.default.as_ref().map(|value| TypeLike::Value(value.span));
            self.ty(&field.ty);
            (self.typed_field, self.type_like) = (None, None);
            field.default.iter().for_each(|value| self.expr(value));
        }
    }

    pub(super) fn word(&mut self, name: &Name, words: &'static [&'static str]) {
        if is_typed_name(name) {
            self.set(Place::Word(words));
        }
    }

    pub(super) fn server(&mut self, name: Option<&Name>) {
        if name.is_some_and(is_typed_name) {
            self.set(Place::Declared(Wanted::Server));
        }
    }

    /// A dotted name of a declaration.
    fn path(&mut self, path: &'t [Name], wanted: Wanted) {
        match path.iter().position(is_typed_name) {
            Some(0) => self.set(Place::Declared(wanted)),
            Some(at) => self.set(Place::ModuleMember { module: &path[at - 1].text, wanted }),
            None => {}
        }
    }

    pub(super) fn settings(&mut self, of: &'static str, settings: &'t [Setting]) {
        for setting in settings {
            if is_typed_name(&setting.name) {
                self.set(Place::Setting(of, name_texts(settings.iter().map(|s| &s.name))));
            }
            match (of, setting.name.text.as_str(), &setting.value.kind) {
                ("model", "provider", ExprKind::Name(name)) => self.word(name, super::words::PROVIDERS),
                ("model", "prefers", ExprKind::Name(name)) => self.word(name, &["xml", "markdown", "json", "yaml"]),
                ("model", "provides", ExprKind::List(items)) => {
                    let names = items.iter().filter_map(|item| match &item.kind {
                        ExprKind::Name(name) => Some(name),
                        _ => None,
                    });
                    if names.clone().any(is_typed_name) {
                        self.set(Place::Capability(name_texts(names)));
                    }
                }
                ("model", "price", ExprKind::Record(entries)) => {
                    let keys = entries.iter().filter_map(|entry| match entry {
                        RecordEntry::Field { key, .. } => Some(key),
                        RecordEntry::Spread(_) => None,
                    });
                    if keys.clone().any(is_typed_name) {
                        self.set(Place::Setting("price", name_texts(keys)));
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
        let returned = decl.body.iter().find_map(|line| match &line.kind {
            SkillLineKind::Return(value) => Some(TypeLike::Value(value.span)),
            _ => None,
        });
        let output = decl.body.iter().find_map(|line| match &line.kind {
            SkillLineKind::Output { ty, .. } => ty.as_ref().map(TypeLike::Written),
            _ => None,
        });
        self.signature(&decl.name, &decl.params, decl.result.as_ref(), returned.or(output));
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
                    // What a skill reads is its result, unless it returns something else.
                    let result = decl.result.as_ref().filter(|_| returned.is_none());
                    let rows = matches!(&*format.text, "csv" | "json_lines");
                    let read = if rows { result.and_then(first_argument) } else { result };
                    self.type_like = read.map(TypeLike::Written);
                    ty.iter().for_each(|ty| self.ty(ty));
                    self.type_like = None;
                }
                SkillLineKind::OutputFiles { word, pattern } => {
                    self.word(word, super::words::OUTPUTS);
                    self.expr(pattern);
                }
                SkillLineKind::Exit(_) | SkillLineKind::Error => {}
            }
        }
    }

    pub(super) fn needs(&mut self, names: &'t [Name]) {
        if names.iter().any(is_typed_name) {
            self.set(Place::Capability(name_texts(names)));
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
                    if path.iter().any(is_typed_name) {
                        let before = path.iter().take_while(|name| !is_typed_name(name));
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
                    self.own = None;
                }
                TestLineKind::Error => {}
            }
        }
    }

    pub(super) fn error_kinds(&mut self, names: impl IntoIterator<Item = &'t Name>) {
        if names.into_iter().any(is_typed_name) {
            self.set(Place::ErrorKind);
        }
    }

    pub(super) fn attributes(&mut self, attributes: &'t [Attribute], item: Option<&'t Item>, stmt: Option<&'t Stmt>) {
        for attribute in attributes {
            if is_typed_name(&attribute.name) {
                self.set(Place::Attribute(item, stmt));
            }
            attribute.args.iter().for_each(|e| self.expr(e));
        }
    }

    pub(super) fn ty(&mut self, ty: &'t TypeExpr) {
        self.inner_ty(ty, 0);
    }

    fn inner_ty(&mut self, ty: &'t TypeExpr, depth: usize) {
        match &ty.kind {
            TypeExprKind::Named { path, args } => {
                if path.first().is_some_and(is_typed_name) {
                    self.set(Place::Type { of: self.typed_field, depth, like: self.type_like });
                }
                self.path(path, Wanted::Type);
                args.iter().for_each(|ty| self.inner_ty(ty, depth + 1));
            }
            TypeExprKind::Optional(optional) => self.inner_ty(optional, depth),
            TypeExprKind::Record(fields) => self.fields(fields),
            TypeExprKind::Where(inner, predicate) => {
                self.ty(inner);
                self.expr(predicate);
            }
            TypeExprKind::Error => {}
        }
    }
}

/// What a block returns, or is.
fn returned_in(block: &Block) -> Option<TypeLike<'_>> {
    let mut statements = block.stmts.iter().rev();
    statements.find_map(|stmt| match &stmt.kind {
        StmtKind::Return(Some(value)) | StmtKind::Expr(value, _) => Some(TypeLike::Value(value.span)),
        _ => None,
    })
}

/// `T` of `list<T>`.
fn first_argument(ty: &TypeExpr) -> Option<&TypeExpr> {
    match &ty.kind {
        TypeExprKind::Named { args, .. } => args.first(),
        _ => None,
    }
}
