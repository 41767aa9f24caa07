//! Writes declarations as text, one element per line; the formatter does the rest.

use super::decls::{Decls, Field, Kind};

/// The element that starts on a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineOrigin {
    pub line: u32,
    pub decl: usize,
    /// The index of the field; the fields of all variants of an enum are numbered together.
    pub field: Option<usize>,
}

/// The text, and the element that starts on each line.
pub(super) fn write_declarations(decls: &Decls) -> (String, Vec<LineOrigin>) {
    let mut out = Writer::default();
    for (index, decl) in decls.0.iter().enumerate() {
        if index > 0 {
            out.line("");
        }
        out.mark_origin(index, None);
        out.docs("", &decl.notes, &decl.docs);
        match &decl.kind {
            Kind::Alias(ty) => out.line(&format!("type {} = {ty}", decl.name)),
            Kind::Record(fields) => {
                out.line(&format!("type {} {{", decl.name));
                let mut n = 0;
                out.fields("  ", index, fields, &mut n);
                out.line("}");
            }
            Kind::Enum(variants) => {
                out.line(&format!("enum {} {{", decl.name));
                let mut n = 0;
                for variant in variants {
                    out.docs("  ", &[], &variant.docs);
                    if variant.fields.is_empty() {
                        out.line(&format!("  {}", variant.name));
                    } else {
                        out.line(&format!("  {} {{", variant.name));
                        out.fields("    ", index, &variant.fields, &mut n);
                        out.line("  }");
                    }
                    out.mark_origin(index, None);
                }
                out.line("}");
            }
        }
    }
    (out.text, out.places)
}

#[derive(Default)]
struct Writer {
    text: String,
    lines: u32,
    places: Vec<LineOrigin>,
}

impl Writer {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
        self.lines += 1;
    }

    /// The next lines belong to a declaration or to one of its fields.
    fn mark_origin(&mut self, decl: usize, field: Option<usize>) {
        self.places.push(LineOrigin { line: self.lines + 1, decl, field });
    }

    fn docs(&mut self, indent: &str, notes: &[String], docs: &str) {
        for note in notes {
            for (n, line) in note.lines().enumerate() {
                let mark = if n == 0 { "not expressed: " } else { "" };
                self.line(&format!("{indent}// {mark}{line}"));
            }
        }
        for line in docs.lines() {
            self.line(&format!("{indent}/// {line}"));
        }
    }

    fn fields(&mut self, indent: &str, decl: usize, fields: &[Field], n: &mut usize) {
        for field in fields {
            self.mark_origin(decl, Some(*n));
            self.docs(indent, &field.notes, &field.docs);
            let default = field.default.as_ref().map_or_else(String::new, |d| format!(" = {d}"));
            self.line(&format!("{indent}{}: {}{default}", field.name, field.ty));
            *n += 1;
        }
        self.mark_origin(decl, None);
    }
}
