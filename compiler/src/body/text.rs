//! Strings, whose holes (`$<…>`) hold values.

use cascade_grammar::ast::{Expr, ExprKind, Name, Span, StrLit, StrPart};
use cascade_ir as ir;
use smol_str::SmolStr;

use super::{BodyChecker, Typed};
use crate::{
    checks::{
        leaks::{self, TextUse},
        names::unknown_word,
    },
    codes,
    flow::Flow,
    types::Ty,
};

/// The word after `as` that vouches for a text.
pub(super) const TRUSTED: &str = "trusted";

const RENDERINGS: &[(&str, ir::Rendering)] = &[
    ("json", ir::Rendering::Json),
    ("yaml", ir::Rendering::Yaml),
    ("markdown", ir::Rendering::Markdown),
    ("xml", ir::Rendering::Xml),
    ("csv", ir::Rendering::Csv),
    ("text", ir::Rendering::Text),
];

impl BodyChecker<'_> {
    /// Infers a string literal.
    pub(super) fn infer_text(&mut self, literal: &StrLit) -> Typed {
        let (template, flows, secret) = self.check_template(literal, TextUse::Value);
        let flow = Flow::join_all(&flows);
        let ty = if secret { Ty::SECRET } else { Ty::STRING };
        let ir = match template.parts.as_slice() {
            [] => ir::Expr::Const(ir::Const::Str(SmolStr::default())),
            [ir::TextPart::Text(text)] => ir::Expr::Const(ir::Const::Str(text.clone())),
            _ => ir::Expr::Template(template),
        };
        Typed::new(ir, ty, flow)
    }

    /// Checks a text. Gives its parts, the flow of each part, and whether a secret is in it.
    pub(super) fn check_template(&mut self, literal: &StrLit, used: TextUse) -> (ir::Template, Vec<Flow>, bool) {
        let mut flows = Vec::with_capacity(literal.parts.len());
        let mut secret = false;
        let mut parts = Vec::with_capacity(literal.parts.len());
        // The number of spaces since the last line break, or `None` after other characters.
        let mut indent: Option<u32> = Some(0);
        for part in &literal.parts {
            match part {
                StrPart::Text { text, span } => {
                    self.report_foreign_holes(*span);
                    let last = match text.rfind('\n') {
                        Some(i) => {
                            indent = Some(0);
                            &text[i + 1..]
                        }
                        None => text.as_str(),
                    };
                    indent = match indent {
                        Some(n) if last.chars().all(|c| c == ' ') => Some(n + last.len() as u32),
                        _ => None,
                    };
                    parts.push(ir::TextPart::Text(SmolStr::new(text)));
                    flows.push(Flow::default());
                }
                StrPart::Hole { expr, format, .. } => {
                    let value = self.infer(expr);
                    // `as trusted`: the program vouches for the text.
                    let trusted = format.as_ref().filter(|name| name.text == TRUSTED);
                    flows.push(match trusted {
                        Some(name) => {
                            self.context.record_word(name);
                            Flow::default()
                        }
                        None => value.flow,
                    });
                    let rendering = match trusted {
                        Some(_) => None,
                        None => format.as_ref().and_then(|f| self.resolve_rendering(f)),
                    };
                    secret |= self.check_hole(value.ty, used, expr.span);
                    parts.push(ir::TextPart::Hole { value: value.ir, rendering, indent: indent.unwrap_or(0) });
                    indent = None;
                }
            }
        }
        (ir::Template { parts }, flows, secret)
    }

    /// Checks that a value can stand in a text; gives whether it makes the text a secret.
    fn check_hole(&mut self, ty: Ty, used: TextUse, span: Span) -> bool {
        let holds_secret = self.context.types.holds_secret(ty);
        self.context.report(leaks::value_in_text(self.context.view(), ty, holds_secret, used, span));
        holds_secret
    }

    /// The rendering that `as name` stands for; reports an unknown one.
    pub(super) fn resolve_rendering(&mut self, name: &Name) -> Option<ir::Rendering> {
        self.context.record_word(name);
        let found = RENDERINGS.iter().find(|(n, _)| *n == name.text).map(|(_, r)| *r);
        if found.is_none() && !name.text.is_empty() {
            let message = format!("there is no rendering `{}`", name.text);
            let known = RENDERINGS.iter().map(|(n, _)| *n);
            let otherwise = "values are rendered as json, yaml, markdown, xml, csv or text";
            self.context.report(unknown_word(
                self.context.view(),
                codes::UNKNOWN_SETTING,
                name,
                message,
                known,
                otherwise,
            ));
        }
        found
    }

    /// Checks a message that people see: a string without secrets.
    pub(super) fn check_message(&mut self, e: &Expr, place: &'static str) -> ir::Expr {
        if let ExprKind::Str(literal) = &e.kind {
            let (template, flows, _) = self.check_template(literal, TextUse::Shown(place));
            self.context.record_type(e.span, Ty::STRING, &Flow::join_all(&flows));
            return match template.parts.as_slice() {
                [ir::TextPart::Text(text)] => ir::Expr::Const(ir::Const::Str(text.clone())),
                _ => ir::Expr::Template(template),
            };
        }
        let value = self.infer(e);
        if value.ty == Ty::ERROR {
            return value.ir;
        }
        if value.ty == Ty::SECRET {
            self.check_hole(value.ty, TextUse::Shown(place), e.span);
            return value.ir;
        }
        if self.context.types.base(value.ty) == Ty::STRING {
            return value.ir;
        }
        self.check_hole(value.ty, TextUse::Shown(place), e.span);
        ir::Expr::Builtin(ir::Builtin::ToText, vec![value.ir], self.context.place(e.span))
    }

    /// Checks a template that others see, such as a prompt. Gives its parts with the flow of each. An
    /// expression that is no string literal is one hole.
    pub(super) fn check_shown_template(&mut self, e: &Expr, place: &'static str) -> (ir::Template, Vec<Flow>) {
        self.check_template_for(e, TextUse::Shown(place))
    }

    /// The same for the address of a request, which may hold a secret: those of webhooks are secrets.
    pub(super) fn check_address(&mut self, e: &Expr) -> (ir::Template, Vec<Flow>) {
        self.check_template_for(e, TextUse::Address)
    }

    fn check_template_for(&mut self, e: &Expr, used: TextUse) -> (ir::Template, Vec<Flow>) {
        if let ExprKind::Str(literal) = &e.kind {
            let (template, flows, _) = self.check_template(literal, used);
            self.context.record_type(e.span, Ty::STRING, &Flow::join_all(&flows));
            return (template, flows);
        }
        let value = self.infer(e);
        self.check_hole(value.ty, used, e.span);
        let base = self.context.types.base(value.ty);
        let is_secret_address = used == TextUse::Address && base == Ty::SECRET;
        if !is_secret_address && !matches!(base, Ty::STRING | Ty::ERROR | Ty::PATH) {
            self.context.report_mismatch(value.ty, Ty::STRING, e.span);
        }
        let part = ir::TextPart::Hole {
            value: value.ir,
            rendering: (!is_secret_address).then_some(ir::Rendering::Text),
            indent: 0,
        };
        (ir::Template { parts: vec![part] }, vec![value.flow])
    }
}
