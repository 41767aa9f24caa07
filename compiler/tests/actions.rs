//! The changes that an editor offers: what each does to a program, and that none of them breaks one.
#![allow(clippy::unwrap_used, clippy::panic)] // a test says what went wrong by failing

mod support;

use std::{collections::BTreeMap, fs, path::Path};

use cascade_compiler::{
    Compilation, FileSources, MemorySources, Options, SourceId, Sources, compile_with, format,
    ide::{Action, ActionKind, enclosing_ranges, find_actions},
};
use cascade_grammar::ast::{Block, ExprKind, ItemKind, Span, StmtKind};

const MARK: char = '‸';

fn analyse(name: &str, text: &str, sources: &dyn Sources) -> (Compilation, SourceId) {
    let compiled = compile_with(name, text.into(), sources, Options { index: true, ..Options::default() });
    let source = compiled.sources.iter().find(|(_, source)| source.name == name).unwrap().0;
    (compiled, source)
}

fn ask(name: &str, text: &str, selected: Span, sources: &dyn Sources, project: &[&str]) -> Vec<Action> {
    let (compiled, source) = analyse(name, text, sources);
    let program = cascade_compiler::ide::Analysed {
        analysis: &compiled.analysis,
        sources: &compiled.sources,
        diagnostics: &compiled.diagnostics,
    };
    let project = || project.iter().map(|name| (*name).to_owned()).collect();
    find_actions(program, source, selected, sources, &project)
}

fn applied(text: &str, action: &Action) -> String {
    let mut after = text.to_owned();
    for (span, change) in action.changes.iter().rev() {
        after.replace_range(span.range(), change);
    }
    after
}

/// The actions at the marks of a text: one is a cursor, two are a selection.
fn at_marks(marked: &str, sources: &MemorySources, project: &[&str]) -> (String, Vec<Action>) {
    let text = marked.replace(MARK, "");
    let marks: Vec<usize> = marked.match_indices(MARK).map(|(at, _)| at).collect();
    let end = marks.get(1).map_or(marks[0], |at| at - MARK.len_utf8());
    let mut sources = sources.clone();
    sources.insert("/p/a.cascade", &text);
    let found = ask("/p/a.cascade", &text, Span::new(marks[0], end), &sources, project);
    (text, found)
}

/// The text after the action with this title, which must be there.
fn after(marked: &str, title: &str) -> String {
    let (text, found) = at_marks(marked, &MemorySources::default(), &[]);
    let titles: Vec<&str> = found.iter().map(|action| action.title.as_str()).collect();
    let action = found.iter().find(|action| action.title == title).unwrap_or_else(|| panic!("{title}: {titles:?}"));
    applied(&text, action)
}

fn titles(marked: &str) -> Vec<String> {
    at_marks(marked, &MemorySources::default(), &[]).1.into_iter().map(|action| action.title).collect()
}

const SKILLS: &str = "skill size(file: path) -> int {\n  run sh\"wc -c < $<file>\"\n    output json int\n}\n\nenum L { low, high, other { n: int } }\n\n";

/// The text of a cascade after an action.
fn cascade_after(marked: &str, title: &str) -> String {
    after(&format!("{SKILLS}{marked}"), title).strip_prefix(SKILLS).unwrap().to_owned()
}

#[test]
fn missing_arms_are_added() {
    let marked = "cascade f(l: L) -> int {\n  return ma‸tch l {\n    low -> 1\n  }\n}\n";
    let wanted = "cascade f(l: L) -> int {\n  return match l {\n    low -> 1\n    high -> fail \"not handled yet\"\n    other { n } -> fail \"not handled yet\"\n  }\n}\n";
    assert_eq!(cascade_after(marked, "add the missing arms"), wanted);
    let marked = "fn f(l: L) -> string = m‸atch l {\n  low | other { n: _ } -> \"a\"\n}\n";
    let wanted = "fn f(l: L) -> string = match l {\n  low | other { n: _ } -> \"a\"\n  high -> \"\"\n}\n";
    assert_eq!(cascade_after(marked, "add the missing arm"), wanted);
    let marked = "fn f(n: int) -> list<int> = ma‸tch n {\n  ..9 -> [n]\n}\n";
    let wanted = "fn f(n: int) -> list<int> = match n {\n  ..9 -> [n]\n  10.. -> []\n}\n";
    assert_eq!(cascade_after(marked, "add the missing arm"), wanted);
}

#[test]
fn missing_fields_are_added() {
    let types = "type T { a: int, b: string, c: list<int>, d: int?, e: int = 1, f: { x: float, l: L } }\n\n";
    let of = |value: &str, title: &str| cascade_after(&format!("{types}fn f() -> T = {value}\n"), title);
    let at = |text: String| text.rsplit_once("fn f() -> T = ").unwrap().1.to_owned();
    let all = at(of("{‸}", "add the missing fields"));
    assert_eq!(all, "{ a: 0, b: \"\", c: [], f: { x: 0.0, l: low } }\n");
    let rest = at(of("{ a: 2, b: \"x\",‸ c: [3] }", "add the missing field"));
    assert_eq!(rest, "{ a: 2, b: \"x\", c: [3], f: { x: 0.0, l: low } }\n");
    let lines = at(of("{‸\n  a: 2, // two\n  f: { x: 1.0, l: high },\n}", "add the missing fields"));
    assert_eq!(lines, "{\n  a: 2, // two\n  f: { x: 1.0, l: high },\n  b: \"\",\n  c: [],\n}\n");
}

#[test]
fn unknown_names_are_imported() {
    let new = after("/// A.\nfn f(s: TestSui‸te) -> int = 1\n", "import `TestSuite` from `std.testing`");
    assert_eq!(new, "import std.testing { TestSuite }\n\n/// A.\nfn f(s: TestSuite) -> int = 1\n");
    let mut sources = MemorySources::default();
    sources.insert("/p/lib/b.cascade", "type Item {\n  n: int\n}\n\nfn _own() -> int = 1\n");
    sources.insert("/c.cascade", "skill count() -> int {\n  run sh\"echo 1\"\n}\n");
    let project = ["/p/a.cascade", "/p/lib/b.cascade", "/c.cascade", "/p/missing.cascade"];
    let ask = |marked: &str| {
        let (text, found) = at_marks(marked, &sources, &project);
        found.iter().map(|action| (action.title.clone(), applied(&text, action))).collect::<Vec<_>>()
    };
    let found = ask("import \"./lib/b.cascade\" { x }\n\nfn f(i: It‸em) -> int = i.n\n");
    let wanted = "import \"./lib/b.cascade\" { x, Item }\n\nfn f(i: Item) -> int = i.n\n";
    assert_eq!(found, [("import `Item` from `./lib/b.cascade`".to_owned(), wanted.to_owned())]);
    let found = ask("cascade 1\n\ncascade f() -> int {\n  stage n = cou‸nt()\n  return n\n}\n");
    let wanted =
        "cascade 1\n\nimport \"../c.cascade\" { count }\n\ncascade f() -> int {\n  stage n = count()\n  return n\n}\n";
    assert!(found.contains(&("import `count` from `../c.cascade`".to_owned(), wanted.to_owned())), "{found:?}");
    assert_eq!(ask("fn f() -> int = _o‸wn()\n"), [], "private");
}

#[test]
fn commands_and_calls_are_extracted() {
    let marked = "/// Lists.\ncascade f(dir: path, n: int) -> string {\n  stage names = s‸h\"ls $<dir> | head -n $<n + 1> # $<dir>\"\n    retry 2\n  return names\n}\n";
    let wanted = "skill names(dir: path, value: int) -> string {\n  run sh\"ls $<dir> | head -n $<value> # $<dir>\"\n}\n\n/// Lists.\ncascade f(dir: path, n: int) -> string {\n  stage names = names(dir, n + 1)\n    retry 2\n  return names\n}\n";
    assert_eq!(cascade_after(marked, "extract the command into the skill `names`"), wanted);
    let marked = "cascade f(a: path) -> int {\n  return si‸ze(a) + 1\n}\n";
    let wanted = "cascade f(a: path) -> int {\n  stage size_result = size(a)\n  return size_result + 1\n}\n";
    assert_eq!(cascade_after(marked, "extract the call into the stage `size_result`"), wanted);
    let marked = "cascade f(a: path) -> int {\n  let n = si‸ze(a)\n  return n\n}\n";
    let wanted = "cascade f(a: path) -> int {\n  stage n = size(a)\n  return n\n}\n";
    assert_eq!(cascade_after(marked, "make it a stage"), wanted);
    // What is called for each element cannot stand before the loop over them.
    let each = "cascade f(a: list<path>) -> list<int> {\n  return a.map(|p| si‸ze(p))\n}\n";
    assert_eq!(titles(&format!("{SKILLS}{each}")), [""; 0]);
}

#[test]
fn what_is_used_once_is_put_there() {
    let marked = "cascade f(a: int) -> int {\n  let ‸b = a + 1\n  log \"x\"\n  return b * 2\n}\n";
    let wanted = "cascade f(a: int) -> int {\n  log \"x\"\n  return (a + 1) * 2\n}\n";
    assert_eq!(cascade_after(marked, "put the value of `b` where it is used"), wanted);
    let marked = "cascade f(a: list<int>) {\n  let ‸b = a.len()\n  log \"$<b> of them\"\n}\n";
    let wanted = "cascade f(a: list<int>) {\n  log \"$<a.len()> of them\"\n}\n";
    assert_eq!(cascade_after(marked, "put the value of `b` where it is used"), wanted);
    let marked = "cascade f(a: list<path>) -> list<int> {\n  stage all = for p in a {\n    stage ‸one = size(p)\n    one\n  }\n  return all\n}\n";
    let wanted = "cascade f(a: list<path>) -> list<int> {\n  stage all = for p in a {\n    stage one = size(p)\n  }\n  return all\n}\n";
    assert_eq!(cascade_after(marked, "leave out `one` at the end: the last stage is the value"), wanted);
    let none = |body: &str| {
        let found = titles(&format!("{SKILLS}cascade f(a: int) -> int {{\n{body}}}\n"));
        assert!(!found.iter().any(|title| title.starts_with("put the value")), "{found:?}");
    };
    none("  var n = 1\n  let ‸b = n\n  n = 2\n  return b\n");
    none("  let ‸b = a\n  return b + b\n");
    none("  let ‸b: float = a\n  return b.round()\n");
}

#[test]
fn stages_run_in_parallel() {
    let marked = "cascade f(a: path) -> int {\n  // First.\n  stage ‸one = size(a)\n    timeout 5s // five\n  stage two = size(\"b\") // second\n  let sum = one + two\n  return sum\n  on failure(e) {\n    log \"$<e.message> $<one ?? 0>\"\n  }\n}\n\ntest \"t\" {\n  mock size -> 1\n  run f(\"x\")\n  expect stage one ran\n}\n";
    let wanted = "cascade f(a: path) -> int {\n  // First.\n  stage both = parallel {\n    stage one = size(a)\n      timeout 5s // five\n    stage two = size(\"b\") // second\n  }\n  let sum = both.one + both.two\n  return sum\n  on failure(e) {\n    log \"$<e.message> $<both?.one ?? 0>\"\n  }\n}\n\ntest \"t\" {\n  mock size -> 1\n  run f(\"x\")\n  expect stage both.one ran\n}\n";
    assert_eq!(cascade_after(marked, "run in `parallel` with its neighbours"), wanted);
    // One that uses the other is no neighbour, but a `parallel` waits for it.
    let body = |first: &str, last: &str| {
        format!(
            "cascade f(a: path) -> int {{\n  {first}stage one = size(a)\n  stage two = size(if one > 1 {{ a }} else {{ \"b\" }}){last}\n  return two\n}}\n"
        )
    };
    let found = titles(&format!("{SKILLS}{}", body("‸", "")));
    assert!(!found.iter().any(|title| title.contains("parallel")), "{found:?}");
    let wanted = "cascade f(a: path) -> int {\n  stage both = parallel {\n    stage one = size(a)\n    stage two = size(if one > 1 { a } else { \"b\" })\n  }\n  return both.two\n}\n";
    assert_eq!(cascade_after(&body("‸", "‸"), "wrap in `parallel`"), wanted);
    // Branches cannot assign what they share, and agents cannot edit one folder at once.
    let agents = "skill fix(what: string) {\n  agent \"$<what>\"\n}\n\ncascade f() {\n  stage ‸one = fix(\"a\")\n  stage two = fix(\"b\")\n}\n";
    assert!(!titles(agents).iter().any(|title| title.contains("parallel")), "{:?}", titles(agents));
}

#[test]
fn a_stage_says_what_happens_when_it_fails() {
    let of = |title: &str| {
        let marked = "cascade f(a: path) {\n  stage ‸one = size(a) // a file\n  log \"$<one ?? 0>\"\n}\n";
        cascade_after(
            &marked.replace("$<one ?? 0>", if title.contains("without") { "$<one ?? 0>" } else { "$<one>" }),
            title,
        )
    };
    let wanted =
        "cascade f(a: path) {\n  stage one = size(a) // a file\n    retry 2 backoff 1s..30s\n  log \"$<one>\"\n}\n";
    assert_eq!(of("retry `one` when it fails"), wanted);
    assert!(of("ask a person when `one` fails").contains("\n    on error escalate \"`one` has failed. What now?\"\n"));
    assert!(of("go on without `one` when it fails").contains("\n    on error skip\n"));
    let handled = titles(&format!("{SKILLS}cascade f(a: path) {{\n  stage ‸_one = size(a)\n    retry 1\n}}\n"));
    assert_eq!(handled, [""; 0]);
    assert_eq!(titles("cascade f() {\n  stage ‸_one = approve(\"a?\")\n}\n"), [""; 0], "asks a person");
}

/// A project may leave out diagnostics: an action brings none of them back.
#[test]
fn what_a_project_does_not_show_is_nothing_new() {
    let text =
        format!("{SKILLS}cascade f(a: path) {{\n  let unused = 1\n  stage one = size(a)\n  log \"$<one>\"\n}}\n");
    let sources = MemorySources::one("a.cascade", &text);
    let (compiled, source) = analyse("a.cascade", &text, &sources);
    assert_eq!(compiled.diagnostics.len(), 1);
    let analysis = &*compiled.analysis;
    let program = cascade_compiler::ide::Analysed { analysis, sources: &compiled.sources, diagnostics: &[] };
    let at = text.find("one = ").unwrap();
    let found = find_actions(program, source, Span::new(at, at), &sources, &Vec::new);
    assert!(found.iter().any(|action| action.title.starts_with("retry")), "{found:?}");
}

#[test]
fn a_fix_leaves_the_lines_of_a_declaration_in_another_style() {
    let text = "fn f(  a:int,b: int )->string = a.to_txt‸()\n\nfn g()->int=1\n";
    let (text, found) = at_marks(text, &MemorySources::default(), &[]);
    let after = applied(&text, &found[0]);
    assert_eq!(after, "fn f(  a:int,b: int )->string = a.to_text()\n\nfn g()->int=1\n");
}

/// The places of a block at which actions are asked for: the names of stages and of `let`, and every two neighbours.
fn places(block: &Block, found: &mut Vec<Span>) {
    for (number, stmt) in block.stmts.iter().enumerate() {
        match &stmt.kind {
            StmtKind::Stage { name, value, .. } | StmtKind::Let { name, value, .. } => {
                found.push(Span { start: name.span.start, end: name.span.start });
                if let ExprKind::For(x) = &value.kind {
                    places(&x.body, found);
                }
                if let ExprKind::Parallel(x) = &value.kind {
                    places(&x.body, found);
                }
            }
            StmtKind::Expr(value, _) => {
                if let ExprKind::If(x) = &value.kind {
                    places(&x.then, found);
                }
            }
            _ => {}
        }
        if let Some(next) = block.stmts.get(number + 1) {
            found.push(stmt.span.to(next.span));
        }
    }
}

#[test]
fn no_action_at_any_stage_breaks_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["examples", "tests/run", "stdlib"] {
        support::programs_below(&root.join(folder), &mut files);
    }
    files.sort();
    let (mut offered, mut asked) = (BTreeMap::<(ActionKind, &str), usize>::new(), 0);
    let mut wrong = Vec::new();
    for file in files {
        let (name, text) = (file.to_string_lossy().into_owned(), fs::read_to_string(&file).unwrap());
        let parse = cascade_grammar::parse(&text);
        let (before, source) = analyse(&name, &text, &FileSources);
        if before.has_failed() {
            continue;
        }
        let known: Vec<_> = before.diagnostics.iter().map(|d| (d.code, d.message.clone())).collect();
        let styled = format::format(&text, &parse).as_deref() == Some(&text);
        let program = cascade_compiler::ide::Analysed {
            analysis: &before.analysis,
            sources: &before.sources,
            diagnostics: &before.diagnostics,
        };
        let mut here = Vec::new();
        for item in &parse.file.items {
            if let ItemKind::Cascade(decl) = &item.kind {
                places(&decl.body, &mut here);
            }
        }
        for selected in here {
            asked += 1;
            assert!(!enclosing_ranges(&parse, &text, selected.start).is_empty());
            for action in find_actions(program, source, selected, &FileSources, &Vec::new) {
                let title = action.title.split('`').next().unwrap().trim();
                let title = ["retry", "go on", "ask", "put", "leave", "wrap", "run"]
                    .into_iter()
                    .find(|known| title.starts_with(known))
                    .unwrap_or("fix");
                *offered.entry((action.kind, title)).or_default() += 1;
                let after = applied(&text, &action);
                let place = format!("{name}:{} {}", text[..selected.start as usize].lines().count(), action.title);
                let parsed = cascade_grammar::parse(&after);
                if after == text {
                    wrong.push(format!("{place}: changes nothing"));
                }
                if styled && format::format(&after, &parsed).as_deref() != Some(&after) {
                    wrong.push(format!("{place}: is not formatted\n{after}"));
                }
                let (compiled, _) = analyse(&name, &after, &FileSources);
                let new: Vec<_> =
                    compiled.diagnostics.iter().filter(|d| !known.contains(&(d.code, d.message.clone()))).collect();
                if !new.is_empty() {
                    wrong.push(format!("{place}: {new:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("{asked} places: {offered:?}");
    let count = |title: &str| offered.iter().filter(|((_, t), _)| *t == title).map(|(_, n)| n).sum::<usize>();
    // Most stages may be tried again; some stand beside one that does not need them.
    for (title, least) in [("retry", 200), ("ask", 200), ("go on", 20), ("run", 20), ("wrap", 20), ("put", 10)] {
        assert!(count(title) >= least, "{title}: {offered:?} at {asked} places");
    }
}
