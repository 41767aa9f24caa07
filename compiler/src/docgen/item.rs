//! The documentation of one declaration.

use cascade_grammar::ast::{DocLine, FieldDecl, FnBody, FnDecl, Item, ItemKind, Param, Span, TypeExpr, TypeExprKind};
use cascade_ir as ir;

use super::{
    Input,
    html::{escape_html, image_tag},
    markdown,
    names::{Names, anchor_of, declared_name},
};
use crate::graph::{self, NodeKind, Part};

/// Prints the declarations of one file.
pub(super) struct Printer<'a> {
    pub input: &'a Input,
    pub file: usize,
    pub names: &'a Names,
    /// The offset of each line.
    pub lines: &'a [u32],
}

/// Joins the lines of a doc comment.
pub(super) fn docs_text(lines: &[DocLine]) -> String {
    lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

impl Printer<'_> {
    /// A declaration with its documentation; empty if it has no name.
    pub fn item(&self, item: &Item) -> String {
        let Some((kind, name)) = declared_name(item) else { return String::new() };
        let id = anchor_of(kind, name);
        let line = self.lines.partition_point(|start| *start <= name.span.start);
        let mut out = format!(
            "<section class=\"item\" id=\"{id}\">\n<h3><a class=\"at dim\" href=\"#L{line}\">line {line}</a>\
             <span class=\"kind\">{kind}</span> <a href=\"#{id}\">{}</a></h3>\n",
            escape_html(&name.text)
        );
        if let Some(signature) = self.signature(item, name.span) {
            out.push_str(&format!("<pre><code>{signature}</code></pre>\n"));
        }
        out.push_str(&markdown::render_blocks(&docs_text(&item.docs)));
        match &item.kind {
            ItemKind::Type(decl) => out.push_str(&self.fields(&decl.fields)),
            ItemKind::Memory(decl) => out.push_str(&self.fields(&decl.entries)),
            ItemKind::Enum(decl) => {
                out.push_str("<table>\n<tr><th>Variant</th><th>Fields</th><th></th></tr>\n");
                for variant in &decl.variants {
                    let fields = variant.fields.as_deref().unwrap_or_default();
                    let fields: Vec<String> =
                        fields.iter().map(|f| format!("{}: {}", escape_html(&f.name.text), self.ty(&f.ty))).collect();
                    let fields =
                        if fields.is_empty() { String::new() } else { format!("<code>{}</code>", fields.join(", ")) };
                    out.push_str(&format!(
                        "<tr><td><code>{}</code></td><td>{fields}</td><td>{}</td></tr>\n",
                        escape_html(&variant.name.text),
                        markdown::render_blocks(&docs_text(&variant.docs))
                    ));
                }
                out.push_str("</table>\n");
            }
            ItemKind::Skill(decl) => out.push_str(&self.params(&decl.params)),
            ItemKind::Fn(decl) => out.push_str(&self.params(&decl.params)),
            ItemKind::Cascade(decl) => {
                out.push_str(&self.params(&decl.params));
                out.push_str(&self.picture(&decl.name.text));
            }
            _ => {}
        }
        out.push_str("</section>\n");
        out
    }

    /// The source before the body, with links; `None` if the table of fields shows everything.
    fn signature(&self, item: &Item, name: Span) -> Option<String> {
        let end = match &item.kind {
            ItemKind::Type(_) | ItemKind::Enum(_) => return None,
            ItemKind::Skill(decl) => decl.body_span.start,
            ItemKind::Cascade(decl) => decl.body.span.start,
            ItemKind::Fn(FnDecl { body: FnBody::Block(body), .. }) => body.span.start,
            ItemKind::Memory(decl) => decl.via.as_ref().map_or(decl.scope.span.end, |via| via.span.end),
            _ => item.span.end,
        };
        let text = &self.input.text;
        let start = text[..name.start as usize].rfind('\n').map_or(0, |at| at + 1) as u32;
        let mut types = Vec::new();
        let mut hidden: Vec<Span> = Vec::new();
        let params = match &item.kind {
            ItemKind::Skill(decl) => (&decl.params[..], decl.result.as_ref()),
            ItemKind::Cascade(decl) => (&decl.params[..], decl.result.as_ref()),
            ItemKind::Fn(decl) => (&decl.params[..], decl.result.as_ref()),
            ItemKind::Alias(decl) => (&[][..], Some(&decl.ty)),
            ItemKind::Const(decl) => (&[][..], decl.ty.as_ref()),
            _ => (&[][..], None),
        };
        for param in params.0 {
            collect_named_types(&param.ty, &mut types);
            hidden.extend(param.docs.iter().map(|line| line.span));
        }
        params.1.into_iter().for_each(|ty| collect_named_types(ty, &mut types));
        let mut out = String::new();
        let mut at = start;
        for span in hidden
            .iter()
            .map(|s| (*s, None))
            .chain(types.iter().map(|(s, p)| (*s, Some(p))))
            .collect::<std::collections::BTreeMap<_, _>>()
        {
            let (span, path) = span;
            if span.start < at || span.end > end {
                continue;
            }
            out.push_str(&escape_html(&text[at as usize..span.start as usize]));
            match path {
                Some(path) => out.push_str(&self.linked(span, path)),
                // A doc line is removed together with its line break.
                None => {
                    out.truncate(out.trim_end_matches([' ', '\t']).len());
                    if out.ends_with('\n') {
                        out.pop();
                    }
                }
            }
            at = span.end;
        }
        out.push_str(&escape_html(&text[at as usize..end as usize]));
        Some(out.trim_end().to_owned())
    }

    fn linked(&self, span: Span, path: &[&str]) -> String {
        let text = escape_html(&self.input.text[span.range()]);
        match self.names.link(self.file, path) {
            Some(link) => format!("<a href=\"{}\">{text}</a>", escape_html(&link)),
            None => text,
        }
    }

    /// A type with links.
    fn ty(&self, ty: &TypeExpr) -> String {
        let mut types = Vec::new();
        collect_named_types(ty, &mut types);
        types.sort_by_key(|(span, _)| *span);
        let mut out = String::new();
        let mut at = ty.span.start;
        for (span, path) in types.iter().filter(|(span, _)| span.end <= ty.span.end) {
            if span.start < at {
                continue;
            }
            out.push_str(&escape_html(&self.input.text[at as usize..span.start as usize]));
            out.push_str(&self.linked(*span, path));
            at = span.end;
        }
        out.push_str(&escape_html(&self.input.text[at as usize..ty.span.end as usize]));
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn fields(&self, fields: &[FieldDecl]) -> String {
        if fields.is_empty() {
            return String::new();
        }
        let mut out = String::from("<table>\n<tr><th>Field</th><th>Type</th><th></th></tr>\n");
        for field in fields {
            let default = field.default.as_ref().map_or("", |d| &self.input.text[d.span.range()]);
            out.push_str(&self.row(&field.name.text, &field.ty, default, &field.docs));
        }
        out + "</table>\n"
    }

    /// The table of parameters, if it adds something to the signature.
    fn params(&self, params: &[Param]) -> String {
        if params.iter().all(|param| param.docs.is_empty()) {
            return String::new();
        }
        let mut out = String::from("<table>\n<tr><th>Input</th><th>Type</th><th></th></tr>\n");
        for param in params {
            let default = param.default.as_ref().map_or("", |d| &self.input.text[d.span.range()]);
            out.push_str(&self.row(&param.name.text, &param.ty, default, &param.docs));
        }
        out + "</table>\n"
    }

    fn row(&self, name: &str, ty: &TypeExpr, default: &str, lines: &[DocLine]) -> String {
        let default = if default.is_empty() { String::new() } else { format!(" = {}", escape_html(default)) };
        format!(
            "<tr><td><code>{}</code></td><td><code>{}{default}</code></td><td>{}</td></tr>\n",
            escape_html(name),
            self.ty(ty),
            markdown::render_blocks(&docs_text(lines))
        )
    }

    /// The graph of a cascade, and links to what it calls.
    fn picture(&self, name: &str) -> String {
        let Some(program) = &self.input.program else {
            return "<p class=\"dim\">No picture: the file has errors.</p>\n".to_owned();
        };
        let mut own =
            program.entries.iter().filter(|id| program.cascades.get(id.index()).is_some_and(|c| c.name == name));
        let Some(picture) = own.next().and_then(|id: &ir::CascadeId| graph::draw_picture(program, *id)) else {
            return String::new();
        };
        let mut called = Vec::new();
        collect_calls(&picture.parts, &mut called);
        let mut links: Vec<String> = Vec::new();
        for name in called {
            if let Some(link) = self.names.link(self.file, &[name]) {
                let html = format!("<a href=\"{}\"><code>{}</code></a>", escape_html(&link), escape_html(name));
                if !links.contains(&html) {
                    links.push(html);
                }
            }
        }
        let calls = if links.is_empty() { String::new() } else { format!("<p>Calls {}.</p>\n", links.join(", ")) };
        format!(
            "{calls}{}\n",
            image_tag(&graph::to_svg(&picture, &graph::Annotations::default()), &format!("the stages of {name}"))
        )
    }
}

/// The skills and cascades named in a graph.
fn collect_calls<'p>(parts: &'p [Part], out: &mut Vec<&'p str>) {
    for part in parts {
        match part {
            Part::Box(node)
                if matches!(
                    node.kind,
                    NodeKind::Run | NodeKind::Http | NodeKind::Model | NodeKind::Cascade | NodeKind::Other
                ) =>
            {
                out.push(if node.detail.is_empty() { &node.title } else { &node.detail });
            }
            Part::Box(_) => {}
            Part::Choice(_, ways) => ways.iter().for_each(|(_, parts)| collect_calls(parts, out)),
            Part::Frame(_, parts) => collect_calls(parts, out),
            Part::Parallel(_, parts) => {
                parts.iter().for_each(|(part, _)| collect_calls(std::slice::from_ref(part), out))
            }
        }
    }
}

/// The names of types within a type expression, with their spans.
fn collect_named_types<'t>(ty: &'t TypeExpr, out: &mut Vec<(Span, Vec<&'t str>)>) {
    match &ty.kind {
        TypeExprKind::Named { path, args } => {
            if let (Some(first), Some(last)) = (path.first(), path.last()) {
                out.push((first.span.to(last.span), path.iter().map(|name| name.text.as_str()).collect()));
            }
            args.iter().for_each(|arg| collect_named_types(arg, out));
        }
        TypeExprKind::Optional(inner) | TypeExprKind::Where(inner, _) => collect_named_types(inner, out),
        TypeExprKind::Record(fields) => fields.iter().for_each(|field| collect_named_types(&field.ty, out)),
        TypeExprKind::Error => {}
    }
}
