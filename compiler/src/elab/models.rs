//! Models and routes: tables that are known before anything runs.

use cascade_grammar::ast::{Expr, ExprKind, Name, RecordEntry, RouteTarget, Setting, Span, StrPart};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{Cx, Def, with_suggestion};
use crate::codes;

const PROVIDERS: &[&str] =
    &["anthropic", "openai", "google", "openai_compatible", "claude_cli", "codex_cli", "gemini_cli"];
const SETTINGS: &[&str] =
    &["provider", "id", "context", "max_output", "provides", "price", "prefers", "base_url", "key_env"];

impl<'a> Cx<'a> {
    /// Checks and lowers all models and routes.
    pub fn declare_models(&mut self) {
        for index in 0..self.model_infos.len() {
            let model = self.model(index);
            self.out.models.push(model);
        }
        for index in 0..self.route_infos.len() {
            let route = self.route(index);
            self.out.routes.push(route);
        }
        self.route_cycles();
    }

    fn model(&mut self, index: usize) -> ir::Model {
        let (module, decl) = (self.model_infos[index].module, self.model_infos[index].decl);
        let mut out = ir::Model {
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
            prefers: ir::Rendering::Text,
        };
        for setting in &decl.settings {
            self.model_setting(module, setting, &mut out);
        }
        let has = |name: &str| decl.settings.iter().any(|s| s.name.text == name);
        if !decl.name.text.is_empty() {
            for needed in ["provider", "id"] {
                if !has(needed) {
                    let d = self
                        .diag(
                            module,
                            codes::MISSING_FIELD,
                            decl.name.span,
                            format!("the model `{}` has no `{needed}`", decl.name.text),
                        )
                        .label(format!("write `{needed}: …`"));
                    self.report(d);
                }
            }
            if out.provider == "openai_compatible" && out.base_url.is_none() && !has("base_url") {
                let d = self
                    .diag(
                        module,
                        codes::MISSING_FIELD,
                        decl.name.span,
                        format!("the model `{}` has no `base_url`", decl.name.text),
                    )
                    .label("where is it?")
                    .help("`base_url: \"http://localhost:11434/v1\"`, say");
                self.report(d);
            }
        }
        if out.prefers == ir::Rendering::Text && !has("prefers") {
            out.prefers = match out.provider.as_str() {
                "anthropic" | "claude_cli" => ir::Rendering::Xml,
                _ => ir::Rendering::Markdown,
            };
        }
        out
    }

    fn model_setting(&mut self, module: usize, setting: &'a Setting, out: &mut ir::Model) {
        let value = &setting.value;
        self.record_words(module, [&setting.name]);
        match setting.name.text.as_str() {
            "provider" => {
                if let Some(name) = self.word(module, value, "a provider") {
                    if !PROVIDERS.contains(&name.text.as_str()) {
                        let d = self
                            .diag(
                                module,
                                codes::UNKNOWN_SETTING,
                                name.span,
                                format!("there is no provider `{}`", name.text),
                            )
                            .label("not known");
                        let mut d = with_suggestion(d, &name.text, name.span, PROVIDERS.iter().copied());
                        if d.help.is_none() {
                            d = d.help(format!(
                                "the providers are {}",
                                super::literal::names(PROVIDERS.iter().copied())
                            ));
                        }
                        self.report(d);
                    }
                    out.provider = name.text.clone();
                }
            }
            "id" => out.id = self.plain_text(module, value).unwrap_or_default(),
            "base_url" => out.base_url = self.plain_text(module, value),
            "key_env" => out.key_env = self.plain_text(module, value),
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
                                .diag(
                                    module,
                                    codes::UNKNOWN_SETTING,
                                    name.span,
                                    format!("a model cannot prefer `{}`", name.text),
                                )
                                .label("`xml`, `markdown` or `json`");
                            self.report(d);
                        }
                    }
                }
            }
            "price" => self.price(module, value, out),
            "" => {}
            other => {
                let d = self
                    .diag(
                        module,
                        codes::UNKNOWN_SETTING,
                        setting.name.span,
                        format!("a model has no setting `{other}`"),
                    )
                    .label("not known");
                let mut d = with_suggestion(d, other, setting.name.span, SETTINGS.iter().copied());
                if d.help.is_none() {
                    d = d.help(format!("its settings are {}", super::literal::names(SETTINGS.iter().copied())));
                }
                self.report(d);
            }
        }
    }

    fn price(&mut self, module: usize, value: &'a Expr, out: &mut ir::Model) {
        let ExprKind::Record(entries) = &value.kind else {
            return self.not_constant(
                module,
                value.span,
                "a price is written `{ input: 3usd, output: 15usd }`, per million tokens",
            );
        };
        for entry in entries {
            let RecordEntry::Field { key, value, .. } = entry else { continue };
            self.record_words(module, [key]);
            let ExprKind::Money(micro) = value.kind else {
                self.not_constant(module, value.span, "a price is an amount of money, such as `3usd`");
                continue;
            };
            match key.text.as_str() {
                "input" => out.price_input = Some(micro),
                "output" => out.price_output = Some(micro),
                other => {
                    let d = self
                        .diag(module, codes::UNKNOWN_SETTING, key.span, format!("a price has no `{other}`"))
                        .label("`input` or `output`");
                    self.report(d);
                }
            }
        }
    }

    pub(super) fn not_constant(&mut self, module: usize, span: Span, help: &str) {
        let d = self
            .diag(module, codes::NOT_CONSTANT, span, "this must be known before the program runs")
            .label("not a plain value")
            .help(help);
        self.report(d);
    }

    fn word(&mut self, module: usize, e: &'a Expr, what: &str) -> Option<&'a Name> {
        match &e.kind {
            ExprKind::Name(name) => {
                self.record_words(module, [name]);
                Some(name)
            }
            ExprKind::Error => None,
            _ => {
                self.not_constant(module, e.span, &format!("{what} is one word, without quotes"));
                None
            }
        }
    }

    fn words(&mut self, module: usize, e: &'a Expr) -> Vec<&'a Name> {
        match &e.kind {
            ExprKind::List(items) => items.iter().filter_map(|i| self.word(module, i, "a capability")).collect(),
            ExprKind::Error => Vec::new(),
            _ => {
                self.not_constant(module, e.span, "a list of words: `[reasoning, coding]`");
                Vec::new()
            }
        }
    }

    fn plain_text(&mut self, module: usize, e: &'a Expr) -> Option<String> {
        if let ExprKind::Str(text) = &e.kind {
            match text.parts.as_slice() {
                [] => return Some(String::new()),
                [StrPart::Text { text, .. }] => return Some(text.clone()),
                _ => {}
            }
        }
        self.not_constant(module, e.span, "plain text in quotes, without `$<>`");
        None
    }

    fn plain_int(&mut self, module: usize, e: &'a Expr) -> Option<u64> {
        if let ExprKind::Int(n) = e.kind
            && let Ok(n) = u64::try_from(n)
        {
            return Some(n);
        }
        self.not_constant(module, e.span, "a number, such as `200_000`");
        None
    }

    fn route(&mut self, index: usize) -> ir::Route {
        let (module, decl) = (self.route_infos[index].module, self.route_infos[index].decl);
        let mut arms = Vec::new();
        let mut catch_all: Option<Span> = None;
        for arm in &decl.arms {
            if let Some(before) = catch_all {
                let source = self.source(module);
                let d = self
                    .diag(module, codes::UNREACHABLE, arm.span, "this arm is never reached")
                    .label("everything is taken before")
                    .also(source, before, "this arm takes everything");
                self.report(d);
            }
            if arm.capability.is_none() {
                catch_all = Some(arm.span);
            }
            let (targets, by): (Vec<&'a [Name]>, Option<&'a Name>) = match &arm.target {
                RouteTarget::One(path) => (vec![path.as_slice()], None),
                RouteTarget::BestOf { models, by } => (models.iter().map(Vec::as_slice).collect(), Some(by)),
                RouteTarget::Error => (Vec::new(), None),
            };
            if let Some(by) = by
                && !matches!(by.text.as_str(), "success" | "cost" | "latency" | "")
            {
                let d = self
                    .diag(module, codes::UNKNOWN_SETTING, by.span, format!("models are not compared by `{}`", by.text))
                    .label("`success`, `cost` or `latency`");
                self.report(d);
            }
            self.record_words(module, arm.capability.iter().chain(by));
            let mut models = Vec::new();
            for path in targets {
                let span = path.first().zip(path.last()).map_or(arm.span, |(a, b)| a.span.to(b.span));
                match self.lookup_path(module, path, "model") {
                    Some(Def::Model(id)) => {
                        if let Some(capability) = &arm.capability {
                            self.arm_capability(module, capability, id, span);
                        }
                        models.push(ir::ModelRef::Model(id));
                    }
                    Some(Def::Route(id)) => models.push(ir::ModelRef::Route(id)),
                    Some(Def::Missing) | None => {}
                    Some(other) => {
                        let d = self
                            .diag(
                                module,
                                codes::MISMATCH,
                                span,
                                format!("an arm of a route leads to a model, not to {}", other.what()),
                            )
                            .label(other.what());
                        self.report(d);
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

    fn route_cycles(&mut self) {
        for start in 0..self.out.routes.len() {
            let mut seen = vec![start];
            let mut queue = vec![start];
            while let Some(route) = queue.pop() {
                for arm in &self.out.routes[route].arms {
                    for model in &arm.models {
                        let ir::ModelRef::Route(id) = model else { continue };
                        if id.index() == start {
                            let (module, decl) = (self.route_infos[start].module, self.route_infos[start].decl);
                            let d = self
                                .diag(
                                    module,
                                    codes::RECURSION,
                                    decl.name.span,
                                    format!("the route `{}` leads back to itself", decl.name.text),
                                )
                                .label("never arrives at a model");
                            self.diagnostics.push(d);
                            self.out.routes[start].arms.clear();
                            return self.route_cycles();
                        }
                        if !seen.contains(&id.index()) {
                            seen.push(id.index());
                            queue.push(id.index());
                        }
                    }
                }
            }
        }
    }
}
