//! The effect `http` of a skill: its method, its address, and what is sent.

use cascade_grammar::ast::{Expr, ExprKind, Name, RecordEntry, Setting};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::skill::{Lowered, SkillChecker};
use crate::{
    callees::NetworkUse,
    checks::names::unknown_word,
    codes,
    flow::{CodeReason, Flow, Origin},
    index::Builtin,
    types::Ty,
};

impl SkillChecker<'_> {
    /// Judges values that decide which server is asked: those before the path of an address.
    fn check_host(&mut self, address: &ir::Template, flows: &[Flow], url: &Expr) {
        let mut before = String::new();
        for (part, flow) in address.parts.iter().zip(flows) {
            match part {
                ir::TextPart::Text(text) => before.push_str(text),
                ir::TextPart::Hole { .. } => {
                    let host = before.split_once("://").map_or(before.as_str(), |(_, host)| host);
                    if host.contains(['/', '?', '#']) {
                        return;
                    }
                    self.body.code_sink(flow, url.span, &CodeReason::Server, url.span);
                    before.push('$');
                }
            }
        }
    }

    /// Checks `http`.
    pub(super) fn check_http(&mut self, method: &Name, url: &Expr, settings: &[Setting]) -> Lowered {
        const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head"];
        if !METHODS.contains(&method.text.as_str()) && !method.text.is_empty() {
            let message = format!("there is no method `{}`", method.text);
            let (known, otherwise) = (METHODS.iter().copied(), "write get, post, put, patch, delete or head");
            self.body.context.report(unknown_word(
                self.body.context.view(),
                codes::UNKNOWN_SETTING,
                method,
                message,
                known,
                otherwise,
            ));
        }
        self.body.context.record_word(method);
        let network = NetworkUse { program: "http".into(), at: (self.body.context.source(), method.span) };
        self.body.use_network(network, method.span);
        let (address, flows) = self.body.check_address(url);
        self.check_host(&address, &flows, url);
        let mut http = ir::Http {
            method: SmolStr::new(method.text.to_uppercase()),
            url: address,
            headers: Vec::new(),
            query: None,
            body: None,
            status: self.check_exit_codes(100, 599, "status codes are from 100 to 599"),
            format: ir::OutputFormat::Text,
            follows_redirects: false,
        };
        for setting in settings {
            self.body.context.record_word(&setting.name);
            match setting.name.text.as_str() {
                "headers" => match &setting.value.kind {
                    ExprKind::Record(entries) => {
                        self.body.context.record_type(setting.value.span, Ty::JSON, &Flow::default());
                        for entry in entries {
                            match entry {
                                RecordEntry::Field { key, value, .. } => {
                                    self.body.context.record_builtin(key.span, Builtin::Key);
                                    let value = self.check_header_value(value);
                                    // A word stands for a header with dashes: `content_type`.
                                    let quoted = matches!(entry, RecordEntry::Field { quoted: true, .. });
                                    let name = if quoted { key.text.to_string() } else { key.text.replace('_', "-") };
                                    http.headers.push((SmolStr::new(name), value));
                                }
                                RecordEntry::Spread(base) => {
                                    let d = self
                                        .body
                                        .context
                                        .diagnostic(codes::WRONG_PLACE, base.span, "headers are written out")
                                        .label("no `...` here");
                                    self.body.context.report(d);
                                }
                            }
                        }
                    }
                    _ => {
                        let d = self
                            .body
                            .context
                            .diagnostic(codes::MISMATCH, setting.value.span, "headers are a record of names and values")
                            .label("write `{ accept: \"application/json\" }`");
                        self.body.context.report(d);
                    }
                },
                "query" => http.query = Some(self.check_json_value(&setting.value, "the query of a request")),
                "body" => http.body = Some(self.check_json_value(&setting.value, "the body of a request")),
                "redirects" => http.follows_redirects = self.check_redirects(&setting.value),
                "" => {}
                other => {
                    let message = format!("a request has no `{other}`");
                    let known = ["headers", "query", "body", "redirects"].into_iter();
                    let otherwise = "a request has `headers`, `query`, `body` and `redirects`";
                    let code = codes::UNKNOWN_SETTING;
                    self.body.context.report(unknown_word(
                        self.body.context.view(),
                        code,
                        &setting.name,
                        message,
                        known,
                        otherwise,
                    ));
                    self.body.infer(&setting.value);
                }
            }
        }
        let (format, output, map) = self.check_output();
        http.format = format;
        (ir::Effect::Http(Box::new(http)), output, map, Some(Origin::Web))
    }

    /// Checks `redirects: follow`, the only thing that can be said of them.
    fn check_redirects(&mut self, e: &Expr) -> bool {
        if let ExprKind::Name(name) = &e.kind
            && name.text == "follow"
        {
            self.body.context.record_word(name);
            return true;
        }
        let d = self
            .body
            .context
            .diagnostic(codes::UNKNOWN_SETTING, e.span, "`redirects` can only be `follow`")
            .label("write `redirects: follow`")
            .help("without it, `get` and `head` follow redirects, and a redirect of another method is a failure");
        self.body.context.report(d);
        false
    }
}
