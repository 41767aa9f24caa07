//! Models and routes: tables that are known before anything runs.

use cascade_grammar::ast::{
    Expr, ExprKind, ItemKind, ModelDecl, Name, RecordEntry, RouteDecl, RouteTarget, Setting, Span,
};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{Declarer, names::resolve_path, not_constant, plain_text_of};
use crate::{
    checks::{capabilities::model_of_arm, names::unknown_word},
    codes, depth_first,
    suggest::quoted_list,
    types::Ty,
    world::{Def, Origin, View, World},
};

/// The providers of models.
pub(crate) const PROVIDERS: &[&str] = &[
    "anthropic",
    "openai",
    "google",
    "openai_compatible",
    "claude_cli",
    "codex_cli",
    "gemini_cli",
    "acp",
    "agent_cli",
];
/// The settings of a model.
pub(crate) const SETTINGS: &[&str] =
    &["provider", "id", "context", "max_output", "provides", "price", "prefers", "base_url", "key_env", "command"];

/// Whether the agent of a provider is a program that the model names.
fn names_its_program(provider: &str) -> bool {
    matches!(provider, "acp" | "agent_cli")
}

impl Declarer<'_> {
    /// Resolves all models and routes.
    pub(super) fn declare_models(&mut self) {
        for index in 0..self.declared.models.len() {
            let origin = self.declared.models[index].origin;
            let ItemKind::Model(decl) = &self.files.item(origin.module, origin.item).kind else { continue };
            self.declared.models[index].model = self.declare_model(origin.module, decl);
        }
        for index in 0..self.declared.routes.len() {
            let origin = self.declared.routes[index].origin;
            let ItemKind::Route(decl) = &self.files.item(origin.module, origin.item).kind else { continue };
            self.declared.routes[index].route = self.declare_route(origin.module, decl);
        }
        self.report_route_cycles();
    }

    fn declare_model(&mut self, module: usize, decl: &ModelDecl) -> ir::Model {
        let mut out = empty_model(decl);
        for setting in &decl.settings {
            self.model_setting(module, setting, &mut out);
        }
        let has = |name: &str| decl.settings.iter().any(|s| s.name.text == name);
        if !decl.name.text.is_empty() {
            for needed in ["provider", "id"] {
                // A program that the model names may know itself which model it uses.
                let is_needed = needed != "id" || !names_its_program(&out.provider);
                if is_needed && !has(needed) {
                    let d = self
                        .view(module)
                        .diagnostic(
                            codes::MISSING_FIELD,
                            decl.name.span,
                            format!("the model `{}` has no `{needed}`", decl.name.text),
                        )
                        .label(format!("write `{needed}: …`"));
                    self.report(module, d);
                }
            }
            if out.provider == "openai_compatible" && out.base_url.is_none() && !has("base_url") {
                let d = self
                    .view(module)
                    .diagnostic(
                        codes::MISSING_FIELD,
                        decl.name.span,
                        format!("the model `{}` has no `base_url`", decl.name.text),
                    )
                    .label("where is it?")
                    .help("`base_url: \"http://localhost:11434/v1\"`, say");
                self.report(module, d);
            }
        }
        if names_its_program(&out.provider) && !has("command") {
            let d = self
                .view(module)
                .diagnostic(
                    codes::MISSING_FIELD,
                    decl.name.span,
                    format!("the model `{}` has no `command`", decl.name.text),
                )
                .label("which program is it?")
                .help(match out.provider.as_str() {
                    "acp" => "`command: sh\"gemini --acp\"`, say",
                    _ => "`command: sh\"my-agent --model {model} --prompt {prompt}\"`, say",
                });
            self.report(module, d);
        }
        if let Some(setting) = decl.settings.iter().find(|s| s.name.text == "command")
            && !out.provider.is_empty()
            && !names_its_program(&out.provider)
        {
            let d = self
                .view(module)
                .diagnostic(codes::WRONG_PLACE, setting.span, format!("`{}` has no `command`", out.provider))
                .label("has no effect here")
                .help("`command` is the program of an agent of the provider `acp` or `agent_cli`");
            self.report(module, d);
        }
        if out.prefers == ir::Rendering::Text && !has("prefers") {
            out.prefers = match out.provider.as_str() {
                "anthropic" | "claude_cli" => ir::Rendering::Xml,
                _ => ir::Rendering::Markdown,
            };
        }
        out
    }

    fn model_setting(&mut self, module: usize, setting: &Setting, out: &mut ir::Model) {
        let value = &setting.value;
        self.record_words(module, [&setting.name]);
        match setting.name.text.as_str() {
            "provider" => {
                if let Some(name) = self.word(module, value, "a provider") {
                    if !PROVIDERS.contains(&name.text.as_str()) {
                        let message = format!("there is no provider `{}`", name.text);
                        let otherwise = format!("the providers are {}", quoted_list(PROVIDERS.iter().copied()));
                        let (view, known) = (self.view(module), PROVIDERS.iter().copied());
                        self.report(
                            module,
                            unknown_word(view, codes::UNKNOWN_SETTING, name, message, known, otherwise),
                        );
                    }
                    out.provider = name.text.clone();
                }
            }
            "id" => out.id = self.plain_text(module, value).unwrap_or_default(),
            "base_url" => out.base_url = self.plain_text(module, value),
            "key_env" => out.key_env = self.plain_text(module, value),
            "command" => out.command = Some(self.check_constant(module, value, Ty::COMMAND)),
            "context" => out.context = self.plain_int(module, value),
            "max_output" => out.max_output = self.plain_int(module, value),
            "provides" => out.provides = self.words(module, value).into_iter().map(|n| n.text.clone()).collect(),
            "prefers" => {
                if let Some(name) = self.word(module, value, "a rendering") {
                    match name.text.as_str() {
                        "xml" => out.prefers = ir::Rendering::Xml,
                        "markdown" => out.prefers = ir::Rendering::Markdown,
                        "json" => out.prefers = ir::Rendering::Json,
                        _ => {
                            let d = self
                                .view(module)
                                .diagnostic(
                                    codes::UNKNOWN_SETTING,
                                    name.span,
                                    format!("a model cannot prefer `{}`", name.text),
                                )
                                .label("`xml`, `markdown` or `json`");
                            self.report(module, d);
                        }
                    }
                }
            }
            "price" => self.price(module, value, out),
            "" => {}
            other => {
                let message = format!("a model has no setting `{other}`");
                let otherwise = format!("its settings are {}", quoted_list(SETTINGS.iter().copied()));
                let (view, name, known) = (self.view(module), &setting.name, SETTINGS.iter().copied());
                self.report(module, unknown_word(view, codes::UNKNOWN_SETTING, name, message, known, otherwise));
            }
        }
    }

    fn price(&mut self, module: usize, value: &Expr, out: &mut ir::Model) {
        let ExprKind::Record(entries) = &value.kind else {
            return self.report_not_constant(
                module,
                value.span,
                "a price is written `{ input: 3usd, output: 15usd }`, per million tokens",
            );
        };
        for entry in entries {
            let RecordEntry::Field { key, value, .. } = entry else { continue };
            self.record_words(module, [key]);
            let ExprKind::Money(micro) = value.kind else {
                self.report_not_constant(module, value.span, "a price is an amount of money, such as `3usd`");
                continue;
            };
            match key.text.as_str() {
                "input" => out.price_input = Some(micro),
                "cache_read" => out.price_cache_read = Some(micro),
                "cache_write" => out.price_cache_write = Some(micro),
                "output" => out.price_output = Some(micro),
                other => {
                    let d = self
                        .view(module)
                        .diagnostic(codes::UNKNOWN_SETTING, key.span, format!("a price has no `{other}`"))
                        .label("`input`, `output`, `cache_read` or `cache_write`");
                    self.report(module, d);
                }
            }
        }
    }

    fn report_not_constant(&mut self, module: usize, span: Span, help: &str) {
        self.report(module, not_constant(self.view(module), span, help));
    }

    fn word<'e>(&mut self, module: usize, e: &'e Expr, what: &str) -> Option<&'e Name> {
        match &e.kind {
            ExprKind::Name(name) => {
                self.record_words(module, [name]);
                Some(name)
            }
            ExprKind::Error => None,
            _ => {
                self.report_not_constant(module, e.span, &format!("{what} is one word, without quotes"));
                None
            }
        }
    }

    fn words<'e>(&mut self, module: usize, e: &'e Expr) -> Vec<&'e Name> {
        match &e.kind {
            ExprKind::List(items) => items.iter().filter_map(|i| self.word(module, i, "a capability")).collect(),
            ExprKind::Error => Vec::new(),
            _ => {
                self.report_not_constant(module, e.span, "a list of words: `[reasoning, coding]`");
                Vec::new()
            }
        }
    }

    fn plain_text(&mut self, module: usize, e: &Expr) -> Option<String> {
        if let Some(text) = plain_text_of(e) {
            return Some(text);
        }
        self.report_not_constant(module, e.span, "plain text in quotes, without `$<>`");
        None
    }

    fn plain_int(&mut self, module: usize, e: &Expr) -> Option<u64> {
        if let ExprKind::Int(n) = e.kind
            && let Ok(n) = u64::try_from(n)
        {
            return Some(n);
        }
        self.report_not_constant(module, e.span, "a number, such as `200_000`");
        None
    }

    fn declare_route(&mut self, module: usize, decl: &RouteDecl) -> ir::Route {
        let mut arms = Vec::new();
        let mut catch_all: Option<Span> = None;
        for arm in &decl.arms {
            if let Some(before) = catch_all {
                let view = self.view(module);
                let d = view
                    .diagnostic(codes::UNREACHABLE, arm.span, "this arm is never reached")
                    .label("everything is taken before")
                    .also_at(view.source(), before, "this arm takes everything");
                self.report(module, d);
            }
            if arm.capability.is_none() {
                catch_all = Some(arm.span);
            }
            let (targets, by): (Vec<&[Name]>, Option<&Name>) = match &arm.target {
                RouteTarget::One(path) => (vec![path.as_slice()], None),
                RouteTarget::BestOf { models, by } => (models.iter().map(Vec::as_slice).collect(), Some(by)),
                RouteTarget::Error => (Vec::new(), None),
            };
            if let Some(by) = by
                && !matches!(by.text.as_str(), "success" | "cost" | "latency" | "")
            {
                let d = self
                    .view(module)
                    .diagnostic(codes::UNKNOWN_SETTING, by.span, format!("models are not compared by `{}`", by.text))
                    .label("`success`, `cost` or `latency`");
                self.report(module, d);
            }
            self.record_words(module, arm.capability.iter().chain(by));
            let mut models = Vec::new();
            for path in targets {
                let span = path.first().zip(path.last()).map_or(arm.span, |(a, b)| a.span.to(b.span));
                let world = World { files: self.files, declared: &self.declared };
                let view = View { world, types: &self.types, module };
                match resolve_path(view, path, "model", &mut self.findings[module]) {
                    Some(Def::Model(id)) => {
                        if let Some(capability) = &arm.capability {
                            self.report(module, model_of_arm(self.view(module), capability, id, span));
                        }
                        models.push(ir::ModelRef::Model(id));
                    }
                    Some(Def::Route(id)) => models.push(ir::ModelRef::Route(id)),
                    Some(Def::Missing) | None => {}
                    Some(other) => {
                        let d = self
                            .view(module)
                            .diagnostic(
                                codes::MISMATCH,
                                span,
                                format!("an arm of a route leads to a model, not to {}", other.kind_name()),
                            )
                            .label(other.kind_name());
                        self.report(module, d);
                    }
                }
            }
            arms.push(ir::RouteArm {
                capability: arm.capability.as_ref().map(|c| c.text.clone()),
                models,
                by: by.map(|b| b.text.clone()),
            });
        }
        ir::Route { name: decl.name.text.clone(), arms }
    }

    /// Reports routes that lead back to themselves, and clears their arms, so that every route ends.
    fn report_route_cycles(&mut self) {
        loop {
            let routes = &self.declared.routes;
            let found = depth_first::search_depth_first(routes.len(), |index| {
                let models = routes[index].route.arms.iter().flat_map(|arm| &arm.models);
                let next = models.filter_map(|model| match model {
                    ir::ModelRef::Route(id) => Some((id.index(), ())),
                    ir::ModelRef::Model(_) => None,
                });
                next.collect()
            });
            let first = found.cycles.iter().flat_map(|cycle| cycle.nodes.iter().copied()).min();
            let Some(first) = first else { return };
            let Origin { module, span, .. } = self.declared.routes[first].origin;
            let message = format!("the route `{}` leads back to itself", self.declared.routes[first].route.name);
            let d = self.view(module).diagnostic(codes::RECURSION, span, message).label("never arrives at a model");
            self.report(module, d);
            self.declared.routes[first].route.arms.clear();
        }
    }
}

/// A model whose settings were not read yet.
pub(super) fn empty_model(decl: &ModelDecl) -> ir::Model {
    ir::Model {
        name: decl.name.text.clone(),
        provider: SmolStr::default(),
        id: String::new(),
        base_url: None,
        key_env: None,
        context: None,
        max_output: None,
        provides: Vec::new(),
        price_input: None,
        price_output: None,
        price_cache_read: None,
        price_cache_write: None,
        prefers: ir::Rendering::Text,
        command: None,
    }
}
