//! Workflows made from any bytes: stages under clauses, loops, branches, hooks, cascades that
//! call each other. All of them check.

use std::fmt::Write as _;

/// The most that the inputs, and the lists that a command gives, count.
pub const MOST: u64 = 4;

const HEAD: &str = r#"type Few = list<int> where it.len() <= 3

model small {
  provider: anthropic
  id: "small"
  context: 2_000
  max_output: 500
  provides: [reasoning, coding]
  price: { input: 1usd, output: 5usd }
}

model big {
  provider: openai
  id: "big"
  context: 50_000
  provides: [reasoning, coding]
  price: { input: 3usd, output: 15usd }
}

model free {
  provider: google
  id: "free"
  context: 1_000
  max_output: 100
  provides: [reasoning, coding]
}

route usual {
  coding -> big
  _ -> small
}

skill say(what: string) -> string {
  prompt "Say $<what>."
}

skill fixed() -> string {
  max_tokens 50
  prompt "Say something that everybody knows."
}

skill hard(n: int) -> string {
  needs [coding]
  system "You count."
  prompt "Count to $<n>."
}

skill texts(n: int) -> list<int> {
  run sh"list $<n>"
    output json list<int>
}

skill few(n: int) -> Few {
  run sh"few $<n>"
    output json list<int>
}

skill flag(n: int) -> bool {
  run sh"flag $<n>"
    output json bool
}

skill shell(what: string) -> string {
  run sh"text $<what>"
}
"#;

/// What clauses stand under.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Under {
    /// A cascade.
    Cascade,
    /// A stage that asks a model.
    Prompt,
    /// A stage that runs a command.
    Command,
    /// A stage with stages inside.
    Block,
}

/// Writes programs; each decision takes a byte.
struct Writer<'b> {
    bytes: std::slice::Iter<'b, u8>,
    out: String,
    depth: usize,
    /// Names given so far.
    count: u32,
    ints: Vec<String>,
    lists: Vec<String>,
    /// How many cascades there are to call.
    cascades: u32,
}

/// A program whose cascade `main(n: int, xs: list<int>)` does what the bytes say.
pub fn workflow(bytes: &[u8]) -> String {
    let mut writer = Writer {
        bytes: bytes.iter(),
        out: HEAD.to_owned(),
        depth: 0,
        count: 0,
        ints: Vec::new(),
        lists: Vec::new(),
        cascades: 0,
    };
    let inner = writer.next() % 3;
    for i in 0..inner {
        writer.cascade(&format!("part{i}"));
        writer.cascades += 1;
    }
    writer.cascade("main");
    writer.out
}

impl Writer<'_> {
    fn next(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[usize::from(self.next()) % of.len()]
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}{text}", "  ".repeat(self.depth));
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("s{}", self.count)
    }

    fn cascade(&mut self, name: &str) {
        let _ = writeln!(self.out, "\ncascade {name}(n: int, xs: list<int>)");
        self.depth = 1;
        self.limits(Under::Cascade);
        self.out.push_str("{\n");
        self.ints = vec!["n".into()];
        self.lists = vec!["xs".into()];
        self.block(3);
        for hook in ["on success", "on failure(error)", "on cancel"] {
            if self.next() % 4 == 1 {
                self.line(&format!("{hook} {{"));
                if hook == "on failure(error)" {
                    self.line("  log \"$<error.message>\"");
                }
                self.depth += 1;
                self.call();
                self.depth -= 1;
                self.line("}");
            }
        }
        self.out.push_str("}\n");
    }

    fn int(&mut self) -> String {
        match self.next() % 4 {
            0 => self.pick(&["0", "1", "2"]).into(),
            1 => {
                let at = usize::from(self.next()) % self.lists.len();
                format!("{}.len()", self.lists[at])
            }
            2 => format!("min({}, 2)", self.ints[0]),
            _ => {
                let at = usize::from(self.next()) % self.ints.len();
                self.ints[at].clone()
            }
        }
    }

    fn list(&mut self) -> String {
        let at = usize::from(self.next()) % self.lists.len();
        let list = self.lists[at].clone();
        match self.next() % 9 {
            0 => "[1, 2]".into(),
            1 => "range(3)".into(),
            2 => format!("range({})", self.ints[0]),
            3 => format!("{list}.take(2)"),
            4 => format!("{list}.filter(|v| v > 1)"),
            5 => format!("({list} + [7])"),
            6 => format!("{list}.flat_map(|v| [v, v + 1])"),
            7 => format!("(if n > 2 {{ {list} }} else {{ [1] }})"),
            _ => list,
        }
    }

    fn block(&mut self, left: u32) {
        let (ints, lists) = (self.ints.len(), self.lists.len());
        for _ in 0..=self.next() % 3 {
            self.statement(left);
        }
        self.ints.truncate(ints);
        self.lists.truncate(lists);
    }

    fn statement(&mut self, left: u32) {
        let choice = if left == 0 { self.next() % 3 } else { self.next() % 9 };
        let name = self.name();
        match choice {
            0 => self.call(),
            1 => {
                let (skill, n) = (self.pick(&["texts", "few"]), self.int());
                self.line(&format!("stage {name} = {skill}({n})"));
                self.depth += 1;
                self.limits(Under::Command);
                self.depth -= 1;
                self.lists.push(name);
            }
            2 => {
                let list = self.list();
                self.line(&format!("let {name} = {list}"));
                self.lists.push(name);
            }
            3 | 4 => {
                let (list, named) = (self.list(), self.next().is_multiple_of(2));
                let how = self.pick(&["", "", " parallel", " parallel max 2", " parallel max 1"]);
                let head = if named { format!("stage {name} = ") } else { String::new() };
                self.line(&format!("{head}for v{name} in {list}{how} {{"));
                self.ints.push(format!("v{name}"));
                self.inside(left);
                self.ints.pop();
                if named {
                    self.line(&format!("  v{name}"));
                }
                self.line("}");
                if named {
                    self.clauses(Under::Block);
                }
            }
            5 => {
                let most = self.pick(&["1", "2", "3"]);
                self.line(&format!("repeat max {most} {{"));
                self.inside(left);
                self.line("}");
            }
            6 => {
                let how = self.pick(&["", " max 1", " max 2"]);
                self.line(&format!("stage {name} = parallel{how} {{"));
                self.depth += 1;
                self.call();
                self.call();
                let other = self.name();
                self.line(&format!("stage {other} = texts(1)"));
                self.depth += 1;
                self.limits(Under::Command);
                self.depth -= 1;
                let next = self.name();
                self.line(&format!("stage {next} = flag({other}.len())"));
                self.clauses(Under::Command);
                self.call();
                self.depth -= 1;
                self.line("}");
                self.clauses(Under::Block);
            }
            7 => {
                let n = self.int();
                self.line(&format!("if {n} > 1 {{"));
                self.inside(left);
                self.line("} else {");
                self.inside(left);
                self.line("}");
            }
            _ => {
                let n = self.int();
                self.line(&format!("stage {name} = flag({n})"));
                self.line("  on error fallback true");
                self.line(&format!("gate {name}, \"no\""));
            }
        }
    }

    fn inside(&mut self, left: u32) {
        self.depth += 1;
        self.block(left - 1);
        self.depth -= 1;
    }

    /// A stage that calls something, under any clauses.
    fn call(&mut self) {
        let name = self.name();
        let choice = self.next();
        if self.cascades > 0 && choice.is_multiple_of(4) {
            let (of, n, list) = (u32::from(self.next()) % self.cascades, self.int(), self.list());
            self.line(&format!("stage {name} = part{of}({n}, {list})"));
            self.clauses(Under::Block);
            return;
        }
        let work = self.skill(choice);
        self.line(&format!("stage {name} = {work}"));
        self.clauses(if work.starts_with("shell") { Under::Command } else { Under::Prompt });
    }

    fn skill(&mut self, choice: u8) -> String {
        match choice % 7 {
            0 => "say(\"hello\")".into(),
            1 => "fixed()".into(),
            2 => format!("hard({})", self.int()),
            3 => "shell(\"a\")".into(),
            4 => format!("say(\"$<{}>, and that is all\")", self.int()),
            5 => "say(\"$<xs>\")".into(),
            _ => "say(\"a long text, then $<n + 1>\")".into(),
        }
    }

    /// `budget` and `timeout`; of a cascade, `using` too.
    fn limits(&mut self, under: Under) {
        if !self.next().is_multiple_of(4) {
            let time = self.pick(&["1s", "5s", "20s", "2m"]);
            self.line(&format!("timeout {time}"));
        }
        if self.next() % 3 == 1 {
            let budget = self.pick(&["0.01usd", "0.30usd", "3usd", "900 tokens", "20_000 tokens", "3s", "90s"]);
            self.line(&format!("budget {budget}"));
        }
        if under != Under::Command && self.next() % 3 == 1 {
            let models = self.pick(&["small", "usual", "[big, small]"]);
            self.line(&format!("using {models}"));
        }
    }

    fn clauses(&mut self, under: Under) {
        self.depth += 1;
        self.limits(under);
        if self.next() % 3 == 1 {
            let retry = self.pick(&["1", "2", "2 backoff 100ms..1s", "3 backoff 2s..3s", "1 backoff 1m..1m"]);
            self.line(&format!("retry {retry}"));
        }
        let kinds = self.pick(&["", "", " (timed_out)", " (over_budget, unavailable)"]);
        match self.next() % 8 {
            1 if under == Under::Prompt => {
                let models = self.pick(&["small", "[big, free]", "[free, small, big]"]);
                self.line(&format!("on error{kinds} use {models}"));
            }
            2 => self.line(&format!("on error{kinds} skip")),
            4 if under == Under::Prompt => {
                self.line(&format!("on error{kinds} use small"));
                self.line("on error fallback fixed()");
            }
            5 if under == Under::Prompt => self.line(&format!("on error{kinds} fallback say(\"well\")")),
            3 if under == Under::Prompt => {
                let models = self.pick(&["small", "[big]"]);
                self.line(&format!("on error{kinds} use {models}"));
                self.line("on error skip");
            }
            _ => {}
        }
        self.depth -= 1;
    }
}
