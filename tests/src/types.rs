//! Random types of the language, as text.

use std::fmt::Write as _;

/// Generates types; each decision takes a byte, and after the last byte the simplest alternative is chosen.
pub struct Choices<'b> {
    bytes: &'b [u8],
}

impl<'b> Choices<'b> {
    /// Choices from bytes.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    fn below(&mut self, n: usize) -> usize {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                usize::from(*first) % n
            }
            None => 0,
        }
    }

    fn pick<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len())]
    }

    /// A program of some types; the last one is called `Root`.
    pub fn program(&mut self) -> String {
        let count = self.below(5);
        let mut out = String::new();
        for n in 0..=count {
            let name = if n == count { "Root".to_owned() } else { format!("T{n}") };
            self.docs(&mut out, "");
            match self.below(4) {
                0 | 1 => self.record(&mut out, &name, n),
                2 => self.variants(&mut out, &name, n),
                _ => {
                    let ty = if self.below(2) == 0 { self.refined() } else { self.ty(n, 0) };
                    let _ = writeln!(out, "type {name} = {ty}\n");
                }
            }
        }
        out
    }

    fn docs(&mut self, out: &mut String, indent: &str) {
        let all = ["", "", "One sentence.", "Two\nlines, \"quoted\".", "US dollars, $<all> of them: a \\ b"];
        for line in self.pick(&all).lines() {
            let _ = writeln!(out, "{indent}/// {line}");
        }
    }

    fn record(&mut self, out: &mut String, name: &str, known: usize) {
        let _ = writeln!(out, "type {name} {{");
        for n in 0..=self.below(7) {
            self.field(out, "  ", &format!("f{n}"), name, known);
        }
        out.push_str("}\n\n");
    }

    fn field(&mut self, out: &mut String, indent: &str, name: &str, owner: &str, known: usize) {
        self.docs(out, indent);
        let ty = match self.below(8) {
            0 => "string = \"a \\\"b\\\"\"".to_owned(),
            1 => "int where it > 0 = 3".to_owned(),
            2 => "list<float> = [0.5, 2.0]".to_owned(),
            3 => self.refined(),
            4 if owner.starts_with(char::is_uppercase) => {
                self.pick(&[&format!("list<{owner}>"), &format!("{owner}?")]).to_owned()
            }
            _ => self.ty(known, 0),
        };
        let _ = writeln!(out, "{indent}{name}: {ty}");
    }

    fn variants(&mut self, out: &mut String, name: &str, known: usize) {
        let tagged = self.below(2) == 1;
        let _ = writeln!(out, "enum {name} {{");
        for n in 0..=self.below(4) + usize::from(tagged) {
            self.docs(out, "  ");
            if tagged && (n == 0 || self.below(2) == 1) {
                let _ = writeln!(out, "  v{n} {{");
                for f in 0..=self.below(3) {
                    self.field(out, "    ", &format!("f{f}"), name, known);
                }
                out.push_str("  }\n");
            } else {
                let _ = writeln!(out, "  v{n}");
            }
        }
        out.push_str("}\n\n");
    }

    /// A type with a predicate that JSON Schema can say.
    fn refined(&mut self) -> String {
        self.pick(&[
            "int where it >= 0 and it <= 100",
            "float where it > 0.25 and it < 8",
            "string where it.len() >= 2 and it.len() <= 9",
            "string where it.matches(\"^[a-z]+\\\\.\\\"$\")",
            "list<string> where it.len() >= 1",
            "list<int> where it.len() <= 3 and it.len() >= 1",
        ])
        .to_owned()
    }

    /// A type from the basic ones and the first `known` declared ones.
    fn ty(&mut self, known: usize, depth: usize) -> String {
        match self.below(if depth < 3 { 9 } else { 3 }) {
            0..=2 => self.basic().to_owned(),
            3 => format!("list<{}>", self.ty(known, depth + 1)),
            4 => format!("map<{}>", self.ty(known, depth + 1)),
            5 => match self.ty(known, depth + 1) {
                ty if ty.ends_with('?') || ty == "json" => ty,
                ty => format!("{ty}?"),
            },
            6 => {
                let fields: Vec<String> =
                    (0..=self.below(3)).map(|n| format!("a{n}: {}", self.ty(known, depth + 1))).collect();
                format!("{{ {} }}", fields.join(", "))
            }
            _ if known > 0 => format!("T{}", self.below(known)),
            _ => self.basic().to_owned(),
        }
    }

    fn basic(&mut self) -> &'static str {
        self.pick(&[
            "string", "int", "float", "bool", "path", "json", "duration", "time", "money", "secret", "file", "image",
        ])
    }
}
