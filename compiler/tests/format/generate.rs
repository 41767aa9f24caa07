//! Random whole programs with every construct of the language, badly laid out: line breaks,
//! blank lines and comments wherever an author may put them, names of any length.

/// Takes decisions from bytes; when there are no more, the first and simplest one.
pub struct Generator<'b> {
    bytes: &'b [u8],
    comments: usize,
}

impl<'b> Generator<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, comments: 0 }
    }

    fn below(&mut self, n: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first) % n
    }

    fn pick(&mut self, all: &[&str]) -> String {
        all[self.below(all.len())].to_owned()
    }

    fn maybe(&mut self, text: impl FnOnce(&mut Self) -> String) -> String {
        if self.below(2) == 1 { text(self) } else { String::new() }
    }

    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("// comment {}", self.comments)
    }

    /// Inside of brackets, after a comma or the opening one.
    fn gap(&mut self) -> String {
        match self.below(8) {
            0..=3 => " ".to_owned(),
            4 => String::new(),
            5 => "\n".to_owned(),
            6 => format!(" {}\n", self.comment()),
            _ => format!("\n\n{}\n", self.comment()),
        }
    }

    /// Between statements and declarations.
    fn break_(&mut self) -> String {
        match self.below(7) {
            0..=2 => "\n".to_owned(),
            3 => "\n\n\n".to_owned(),
            4 => format!(" {}\n", self.comment()),
            5 => format!("\n{}\n", self.comment()),
            _ => format!("\n\n{}\n\n  {}\n", self.comment(), self.comment()),
        }
    }

    fn name(&mut self) -> String {
        self.pick(&["a", "x", "count", "some_name", "a_name_of_quite_some_length", "max", "output", "network", "model"])
    }

    fn list(&mut self, most: usize, one: impl Fn(&mut Self) -> String) -> String {
        let n = self.below(most + 1);
        let mut out = self.gap();
        for i in 0..n {
            out.push_str(&one(self));
            if i + 1 < n || self.below(3) == 2 {
                out.push(',');
            }
            out.push_str(&self.gap());
        }
        out
    }

    /// The whole.
    pub fn program(&mut self) -> String {
        let mut out = self.maybe(|g| format!("//! About it.\n//! {}\n{}", g.name(), g.break_()));
        out.push_str(&self.maybe(|g| format!("cascade  1{}", g.break_())));
        for _ in 0..=self.below(4) {
            out.push_str(&self.item());
            out.push_str(&self.break_());
        }
        out
    }

    fn docs(&mut self) -> String {
        match self.below(5) {
            0..=2 => String::new(),
            3 => "/// Documented.\n".to_owned(),
            _ => format!("/// One.\n///\n///   Two.\n{}\n", self.comment()),
        }
    }

    fn item(&mut self) -> String {
        let kind = self.below(14);
        if kind == 1 {
            return self.pick(&[
                "import std.models",
                "import std.a.b as c",
                "import \"./x.cascade\" {a,b as c }",
                "import std.testing { fix_until_green,TestSuite,\n TestCase, }",
            ]);
        }
        let docs = self.docs();
        let attributes =
            self.maybe(|g| g.pick(&["@once\n", "@version(\"1.0\") @deprecated\n", "@allow( W0101,W0102 )\n"]));
        let name = self.name();
        let body = match kind {
            2 => format!("type T = {}", self.ty(0)),
            3 => format!("type T {{{}\n}}", self.fields(4)),
            4 => {
                let mut out = String::from("enum E {\n");
                for n in 0..=self.below(3) {
                    out.push_str(&self.docs());
                    out.push_str(&format!("v{n}"));
                    if self.below(3) == 0 {
                        out.push_str(&format!(" {{{}\n}}", self.fields(2)));
                    }
                    out.push_str(&self.break_());
                }
                out + "}"
            }
            5 => format!("model {name} {{ provider: anthropic,{}id: \"x\"{}}}", self.gap(), self.gap()),
            6 => format!(
                "route {name} {{\n large_context -> a.b\n{}\n _ -> best_of [a,{}b] by cost }}",
                self.comment(),
                self.gap()
            ),
            7 => format!("mcp {name} {{ command: sh\"npx $<x> start\" }}"),
            8 => format!(
                "memory {name}: {}{{{}\n}}",
                self.pick(&["run ", "global ", "global via mcp m "]),
                self.fields(3)
            ),
            9 if self.below(2) == 0 => {
                let lets = self.maybe(|g| format!("let b = {}{}let {{a, c :d}} = x\n", g.expr(2), g.break_()));
                format!("fn {name}({}) -> {} {{\n{lets}({})\n}}", self.params(), self.ty(1), self.expr(1))
            }
            9 => format!("fn {name}({}) -> {} = {}", self.params(), self.ty(1), self.expr(0)),
            10 => self.test(),
            11 => self.skill(),
            12 => format!("let {name}{} = {}", self.maybe(|g| format!(":{}", g.ty(1))), self.expr(0)),
            _ => format!(
                "cascade {name}({}) {}{}{{\n{}{}}}",
                self.params(),
                self.maybe(|g| format!("-> {}\n", g.ty(1))),
                self.clauses(8),
                self.statements(0),
                self.maybe(|g| format!(
                    "on failure(error) {{ {} }}\non cancel {{\n{}}}\n",
                    g.statement(3),
                    g.statements(3)
                )),
            ),
        };
        format!("{docs}{attributes}{body}")
    }

    fn fields(&mut self, most: usize) -> String {
        let mut out = String::from("\n");
        for n in 0..=self.below(most) {
            out.push_str(&self.docs());
            let default = self.maybe(|g| format!(" = {}", g.leaf()));
            out.push_str(&format!("f{n}:{}{default}", self.ty(0)));
            out.push_str(&self.break_());
        }
        out
    }

    fn params(&mut self) -> String {
        self.list(3, |g| {
            let default = g.maybe(|g| format!("= {}", g.leaf()));
            format!("{}: {} {default}", g.name(), g.ty(1))
        })
    }

    fn ty(&mut self, depth: usize) -> String {
        match self.below(if depth < 3 { 9 } else { 3 }) {
            0 => "int".to_owned(),
            1 => "some_module.Thing".to_owned(),
            2 => "string?".to_owned(),
            3 => format!("list< {} >", self.ty(depth + 1)),
            4 => format!("map<{}>?", self.ty(depth + 1)),
            5 => format!("{{first:int,{}}}", self.list(3, |g| format!("{}:{}", g.name(), g.ty(3)))),
            6 if depth == 0 => "int where it > 0 and it<100".to_owned(),
            _ => "AnotherTypeWithALongName".to_owned(),
        }
    }

    fn skill(&mut self) -> String {
        let effect = match self.below(6) {
            5 => "builtin  \"std.run.info\"".to_owned(),
            0 => format!("prompt {}", self.text()),
            1 => format!("agent in {} {}", self.name(), self.text()),
            2 => format!(
                "run sh\"ls $<x> | wc\"{}{}{}",
                self.maybe(|_| " in dir".to_owned()),
                self.maybe(|g| format!("\n env {{ A:{}, B: \"x\" }}", g.leaf())),
                self.maybe(|g| {
                    g.pick(&[
                        " exit [0,1..3]\noutput json list<{a:int}>",
                        " output  file \"a.txt\"",
                        " output files \"*.x\"",
                    ])
                })
            ),
            3 => format!("http get \"https://x.y/$<a>\" {{ headers:{{ \"X-A\":\"b\" }},{}query: {{}} }}", self.gap()),
            _ => format!("mcp server.tool {{ first: 1, {} }}", self.list(2, |g| format!("{}: {}", g.name(), g.leaf()))),
        };
        let before = self.maybe(|g| format!("needs [reasoning,coding]\n system {}{}", g.text(), g.break_()));
        let after = self.maybe(|g| format!("return {}{}", g.expr(1), g.break_()));
        format!(
            "skill s({}) -> {} {{{}  {before}  {effect}{}  {after}}}",
            self.params(),
            self.ty(1),
            self.break_(),
            self.break_()
        )
    }

    fn test(&mut self) -> String {
        let mut out = format!("test \"it works\" {{{}", self.break_());
        for _ in 0..=self.below(3) {
            out.push_str(&match self.below(7) {
                0 => format!("mock a.b -> {} times 2 then fails (rate_limited, \"no\") after 5m", self.leaf()),
                1 => format!("run {}({})", self.name(), self.list(2, |g| g.leaf())),
                2 => "expect stage a.b ran".to_owned(),
                4 => format!("expect stage a ran times {}", self.leaf()),
                5 => format!("expect fails(failed, {})", self.leaf()),
                3 => format!("expect {}", self.expr(1)),
                _ => format!("let y = {}", self.expr(1)),
            });
            out.push_str(&self.break_());
        }
        out + "}"
    }

    fn statements(&mut self, depth: usize) -> String {
        let mut out = self.maybe(|g| format!("{}\n", g.comment()));
        for _ in 0..=self.below(if depth < 2 { 4 } else { 2 }) {
            // At its first column a line may begin a declaration.
            out.push_str("  ");
            out.push_str(&self.statement(depth));
            out.push_str(&self.break_());
        }
        out
    }

    fn statement(&mut self, depth: usize) -> String {
        let name = self.name();
        match self.below(if depth < 3 { 18 } else { 8 }) {
            0 => format!("let {name} = {}", self.expr(depth)),
            1 => format!("var {name}: {} = {}", self.ty(1), self.expr(depth)),
            2 => format!("{name} {} {}", self.pick(&["=", "+="]), self.expr(depth)),
            3 => format!("log {}", self.text()),
            4 => format!("gate {}, {}", self.expr(depth + 1), self.text()),
            5 => format!("return {}", self.expr(depth)),
            6 => format!("{}stage {name} = call({}) {}", self.docs(), self.args(), self.clauses(13)),
            7 => format!("warn ({}), \"x\"", self.expr(depth + 1)),
            8 => format!("if {} {{\n{}}}{}", self.leaf_name(), self.statements(depth + 1), self.otherwise(depth)),
            9 => format!(
                "for {name} in {}{} {{\n{}}}",
                self.pick(&["a", "(a > b)", "some.field", "f(a, b)", "0..count", "x.first .. 3"]),
                self.maybe(|_| " parallel max 8".to_owned()),
                self.statements(depth + 1)
            ),
            10 => {
                format!("stage {name} = repeat max 3 {{\n{}}} until {}", self.statements(depth + 1), self.leaf_name())
            }
            11 => format!("parallel max 2 {{{}{}}}", self.break_(), self.statements(depth + 1)),
            16 => format!("let {{ {} }} = {}", self.pick(&["a", "a,b:c", "a : b,"]), self.expr(depth)),
            17 => format!("stage {name} = parallel  first {{{}{}}}", self.break_(), self.statements(depth + 1)),
            12 => format!(
                "sandbox {name} network off as box {{\n{}}}{}",
                self.statements(depth + 1),
                self.pick(&["", " discard", "\n branch \"b\""])
            ),
            13 => format!("swarm topology mesh max 4 strategy balanced {{\n{}}}", self.statements(depth + 1)),
            14 => {
                let mut arms = String::new();
                for _ in 0..self.below(3) {
                    let pattern = self.pick(&[
                        "1",
                        "90..",
                        "-5..0",
                        "\"a\"",
                        "null",
                        "passed { score: s }",
                        "low",
                        "failed { reason }",
                        "1|2  | 5..9",
                        "low|high",
                    ]);
                    let guard = self.maybe(|g| format!(" if {}", g.leaf_name()));
                    let body = match self.below(4) {
                        0 | 1 => self.expr(depth + 2),
                        2 => self.pick(&["fail \"no\"", "return 1", "return"]),
                        _ => format!("{{\n{}}}", self.statements(depth + 2)),
                    };
                    arms.push_str(&format!("{pattern}{guard} -> {body}{}", self.break_()));
                }
                format!("match {} {{{}{arms}_ -> {}\n}}", self.leaf_name(), self.break_(), self.leaf())
            }
            _ => format!("fail {}", self.text()),
        }
    }

    fn otherwise(&mut self, depth: usize) -> String {
        match self.below(3) {
            0 => String::new(),
            1 => format!(" else {{\n{}}}", self.statements(depth + 1)),
            _ => format!("\n else if {} {{ {} }}", self.leaf_name(), self.statement(3)),
        }
    }

    fn clauses(&mut self, kinds: usize) -> String {
        let mut out = String::new();
        for _ in 0..self.below(4) {
            let clause = match self.below(kinds) {
                0 => "on error skip".to_owned(),
                1 => "timeout 5m idle 60s".to_owned(),
                2 => "retry 3 backoff 1s..30s".to_owned(),
                3 => "budget 0.50usd".to_owned(),
                4 => "on error (rate_limited,timed_out) use [ a,b ]".to_owned(),
                5 => format!("on error fallback other({})", self.args()),
                6 => format!("on error escalate {}", self.text()),
                7 => "on error fix using a max 3".to_owned(),
                // The others stand at a cascade too.
                8 => "using [claude, auto]".to_owned(),
                9 => "isolate".to_owned(),
                10 => self.pick(&["exclusive  \"deploy\"", "exclusive \"$<a>\"  nowait"]),
                11 => self.pick(&["on error keep", "on error  as e fallback e.message"]),
                _ => "on error (timed_out) as e fail \"$<e.kind>\"".to_owned(),
            };
            out.push_str(&clause);
            let more = match self.below(4) {
                0 | 1 => " ".to_owned(),
                2 => "\n".to_owned(),
                _ => format!(" {}\n", self.comment()),
            };
            out.push_str(&more);
        }
        out
    }

    fn args(&mut self) -> String {
        self.list(3, |g| format!("{}{}", g.maybe(|g| format!("{}: ", g.pick(&["a", "key"]))), g.leaf()))
    }

    fn text(&mut self) -> String {
        self.pick(&[
            "\"text\"",
            "\"a $< b . c > d \\n $$<\"",
            "\"\"\"\n      one\n        two $<a.map(|x| x + 1) as json>\n\n      three\n      \"\"\"",
            "\"a text that is quite long, so that what it stands in has to break somewhere or other $<value>\"",
        ])
    }

    fn leaf_name(&mut self) -> String {
        self.pick(&["a", "(a > b)", "some.field", "f(a, b)", "not done", "a == 1 and b != 2"])
    }

    fn leaf(&mut self) -> String {
        self.pick(&[
            "1",
            "a",
            "null",
            "true",
            "0.5",
            "5m",
            "1h30m",
            "1usd",
            "\"x\"",
            "[]",
            "sh\"git -C $<repo> log\"",
            "{}",
            "[1,2]",
            "{ a:1 }",
            "a.b?.c[0]",
            "-3",
        ])
    }

    fn expr(&mut self, depth: usize) -> String {
        if depth > 3 {
            return self.leaf();
        }
        let next = depth + 1;
        match self.below(13) {
            0..=3 => self.leaf(),
            4 => self.text(),
            5 => format!("[{}]", self.list(4, |g| g.expr(4))),
            6 => format!("{{{}}}", self.list(4, |g| format!("{}: {}", g.name(), g.expr(4)))),
            7 => format!("call({}).method(|x, y| {}){}.last()", self.args(), self.expr(next), self.pick(&["", "\n"])),
            8 => format!(
                "({}) {} ({})",
                self.expr(next),
                self.pick(&["+", "-", "*", "and", "or", "??", "==", "<", ">=", "%", "in", "not in", "not  in"]),
                self.expr(next)
            ),
            9 => format!(
                "(if {} {{ ({}) }} else {{{}({})\n}})",
                self.leaf_name(),
                self.expr(next),
                self.pick(&[" ", "\n"]),
                self.expr(next)
            ),
            10 => format!("(a as {})", self.ty(1)),
            11 => format!("{{{}...rest }}", self.maybe(|g| format!("a: {},{}", g.expr(4), g.gap()))),
            _ => format!("not ({})", self.expr(next)),
        }
    }
}
