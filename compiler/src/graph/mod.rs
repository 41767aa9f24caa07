//! A cascade as a graph: stages, dependencies, branches and loops.
//!
//! Programs are structured, and so is the graph: a sequence is drawn from top to bottom, parallel
//! branches side by side, loops and blocks as frames. The same [`Picture`] is written as Mermaid,
//! as DOT for Graphviz, and as SVG.

mod dot;
mod mermaid;
mod record;
mod svg;

use cascade_ir as ir;

pub use dot::to_dot;
pub use mermaid::to_mermaid;
pub use record::{Annotations, StageRecord, State};
pub use svg::to_svg;

/// The graph of a cascade, independent of the output format.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The cascade's name.
    pub name: String,
    /// Its parts in sequence.
    pub parts: Vec<Part>,
}

/// A part of a graph.
#[derive(Debug, Clone)]
pub enum Part {
    /// One box.
    Box(Node),
    /// Alternatives of an `if` or a `match`: label and parts of each.
    Choice(Head, Vec<(String, Vec<Part>)>),
    /// A frame: its parts in sequence.
    Frame(Head, Vec<Part>),
    /// Parallel branches, each with the indexes of the branches that it depends on.
    Parallel(Head, Vec<(Part, Vec<usize>)>),
}

/// The title of a part that has parts.
#[derive(Debug, Clone)]
pub struct Head {
    /// The name of the stage, if it is one, and what is done with the parts.
    pub title: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a part comes from: its place in the text, and its name in the record of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The path of its stage or loop in a run of the cascade, without the numbers of iterations and attempts:
    /// `main/file/size` for `main/file[3]/size`. `None` for what has no name there.
    pub path: Option<String>,
    /// Where it is written; `None` for `return`, whose place the instructions do not have.
    pub place: Option<ir::Place>,
}

/// The kind of a box; it decides the style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A command.
    Run,
    /// An HTTP request.
    Http,
    /// A prompt to a model.
    Model,
    /// A call of another cascade.
    Cascade,
    /// A question to a person.
    Person,
    /// A gate.
    Gate,
    /// The end: `return`, `fail`.
    End,
    /// Anything else.
    Other,
}

/// One box.
#[derive(Debug, Clone)]
pub struct Node {
    /// The name of the stage, or the keyword of the statement.
    pub title: String,
    /// The skill or cascade that it calls, shown in a smaller font; may be empty.
    pub detail: String,
    /// The kind of the box.
    pub kind: NodeKind,
    /// Where it comes from.
    pub origin: Origin,
}

/// The graph of a cascade.
pub fn draw_picture(program: &ir::Program, cascade: ir::CascadeId) -> Option<Picture> {
    let cascade = program.cascades.get(cascade.index())?;
    let reader = Reader { program };
    let mut parts = reader.block(&cascade.body, &cascade.name);
    for (word, hook) in
        [("on success", &cascade.on_success), ("on failure", &cascade.on_failure), ("on cancel", &cascade.on_cancel)]
    {
        if let Some(hook) = hook {
            let path = join_path(&cascade.name, &word.replace(' ', "_"));
            let inner = reader.block(&hook.body, &path);
            if !inner.is_empty() {
                let origin = Origin { path: Some(path), place: known_place(hook.body.place) };
                parts.push(Part::Frame(Head { title: word.to_owned(), origin }, inner));
            }
        }
    }
    Some(Picture { name: cascade.name.to_string(), parts })
}

/// The path of what is called `name` within `path`.
fn join_path(path: &str, name: &str) -> String {
    format!("{path}/{name}")
}

/// A place, unless it is that of something which nobody wrote.
fn known_place(place: ir::Place) -> Option<ir::Place> {
    (place.line > 0).then_some(place)
}

struct Reader<'p> {
    program: &'p ir::Program,
}

impl Reader<'_> {
    /// The parts of a block whose stages are called below `path`.
    fn block(&self, block: &ir::Block, path: &str) -> Vec<Part> {
        block.stmts.iter().filter_map(|s| self.stmt(s, path)).collect()
    }

    fn stmt(&self, stmt: &ir::Stmt, path: &str) -> Option<Part> {
        let node = |title: String, detail: &str, kind, place: Option<ir::Place>| {
            let origin = Origin { path: None, place: place.and_then(known_place) };
            Some(Part::Box(Node { title, detail: detail.to_owned(), kind, origin }))
        };
        match stmt {
            ir::Stmt::Stage(stage) => {
                let origin = Origin { path: Some(join_path(path, &stage.name)), place: known_place(stage.place) };
                Some(self.read_work(&stage.work, Some(stage.name.as_str()), path, origin))
            }
            ir::Stmt::Work(work, _) => {
                let origin = origin_of_unnamed(work, path);
                let part = self.read_work(work, None, path, origin);
                let empty = match &part {
                    Part::Choice(_, ways) => ways.iter().all(|(_, p)| p.is_empty()),
                    Part::Frame(_, parts) => parts.is_empty(),
                    _ => false,
                };
                (!empty).then_some(part)
            }
            ir::Stmt::Gate(_, message, place) => {
                let message = message.as_ref().map(expr_text).unwrap_or_default();
                node("gate".into(), &message, NodeKind::Gate, Some(*place))
            }
            ir::Stmt::Fail(message, place) => node("fail".into(), &expr_text(message), NodeKind::End, Some(*place)),
            ir::Stmt::Return(_) => node("return".into(), "", NodeKind::End, None),
            ir::Stmt::Remember { memory, key, place, .. } => {
                let memory = self.program.memories.get(memory.index())?;
                let key = memory.keys.get(*key as usize)?;
                let name = format!("{}.{}", memory.name, key.name);
                node("remember".into(), &name, NodeKind::Other, Some(*place))
            }
            ir::Stmt::Set(..) | ir::Stmt::SetField(..) | ir::Stmt::Warn(..) | ir::Stmt::Log(..) => None,
        }
    }

    /// The part of `work`, which is the stage `name` if it has one; `path` is that of what surrounds it.
    fn read_work(&self, work: &ir::Work, name: Option<&str>, path: &str, origin: Origin) -> Part {
        let title = |fallback: &str| name.map_or_else(|| fallback.to_owned(), str::to_owned);
        let frame_title = |what: &str| name.map_or_else(|| what.to_owned(), |n| format!("{n}: {what}"));
        // What has no path of its own leaves none in those of its parts.
        let within = origin.path.clone().unwrap_or_else(|| path.to_owned());
        let call = |detail: String, kind, origin| {
            let title = title(&detail);
            Part::Box(Node { title, detail: if name == Some(&detail) { String::new() } else { detail }, kind, origin })
        };
        let head = |what: &str, origin| Head { title: frame_title(what), origin };
        match work {
            ir::Work::Skill(id, _) => {
                let skill = self.program.skills.get(id.index());
                let kind = match skill.map(|s| &s.effect) {
                    Some(ir::Effect::Run(_)) => NodeKind::Run,
                    Some(ir::Effect::Http(_)) => NodeKind::Http,
                    Some(ir::Effect::Prompt(_) | ir::Effect::Agent(_)) => NodeKind::Model,
                    _ => NodeKind::Other,
                };
                call(skill.map(|s| s.name.to_string()).unwrap_or_default(), kind, origin)
            }
            ir::Work::Cascade(id, _) => {
                let called = self.program.cascades.get(id.index()).map(|c| c.name.to_string()).unwrap_or_default();
                call(called, NodeKind::Cascade, origin)
            }
            ir::Work::Person(person) => {
                let (word, question) = match person {
                    ir::Person::Approve(q) => ("approve", q),
                    ir::Person::Ask(q) => ("ask", q),
                    ir::Person::Choose(q, _) => ("choose", q),
                };
                Part::Box(Node { title: title(word), detail: expr_text(question), kind: NodeKind::Person, origin })
            }
            ir::Work::Pure(_) => {
                Part::Box(Node { title: title("value"), detail: String::new(), kind: NodeKind::Other, origin })
            }
            ir::Work::If(_, then, otherwise) => Part::Choice(
                head("if", origin),
                vec![("yes".into(), self.block(then, &within)), ("no".into(), self.block(otherwise, &within))],
            ),
            ir::Work::Match(_, arms) => Part::Choice(
                head("match", origin),
                arms.iter().map(|arm| (pattern_text(&arm.pattern), self.block(&arm.body, &within))).collect(),
            ),
            ir::Work::For(x) => {
                let what = if x.parallel { "for each, in parallel" } else { "for each" };
                Part::Frame(head(&format!("{what} {}", x.name), origin), self.block(&x.body, &within))
            }
            ir::Work::Repeat(x) => {
                let what = match &x.max {
                    ir::Expr::Const(ir::Const::Int(n)) => format!("repeat at most {n} times"),
                    _ => "repeat".to_owned(),
                };
                Part::Frame(head(&what, origin), self.block(&x.body, &within))
            }
            ir::Work::Sandbox(x) => Part::Frame(head("sandbox", origin), self.block(&x.body, &within)),
            ir::Work::Parallel(x) => Part::Parallel(head("parallel", origin), self.branches(x, &within)),
            ir::Work::Block(block) => Part::Frame(head("block", origin), self.block(block, &within)),
        }
    }

    /// The branches that are drawn, each with the drawn ones that it waits for.
    fn branches(&self, node: &ir::Parallel, path: &str) -> Vec<(Part, Vec<usize>)> {
        let mut kept: Vec<Option<usize>> = Vec::new();
        let mut parts: Vec<(Part, Vec<usize>)> = Vec::new();
        for branch in &node.branches {
            match self.stmt(&branch.stmt, path) {
                Some(part) => {
                    kept.push(Some(parts.len()));
                    parts.push((part, Vec::new()));
                }
                None => kept.push(None),
            }
        }
        for (i, branch) in node.branches.iter().enumerate() {
            let Some(Some(own)) = kept.get(i).copied() else { continue };
            let after = branch.after.iter().filter_map(|a| kept.get(*a as usize).copied().flatten()).collect();
            if let Some(part) = parts.get_mut(own) {
                part.1 = after;
            }
        }
        parts
    }
}

/// Where work that is no stage comes from. Loops and sandboxes have names in paths nevertheless, as the interpreter
/// gives them.
fn origin_of_unnamed(work: &ir::Work, path: &str) -> Origin {
    let (name, place) = match work {
        ir::Work::For(x) => (Some(x.name.as_str()), Some(x.place)),
        ir::Work::Repeat(x) => (Some("repeat"), Some(x.place)),
        ir::Work::Sandbox(x) => (Some(x.label.as_str()), Some(x.place)),
        ir::Work::Parallel(x) => (None, Some(x.place)),
        ir::Work::If(_, then, _) => (None, Some(then.place)),
        ir::Work::Match(_, arms) => (None, arms.first().map(|arm| arm.body.place)),
        ir::Work::Block(block) => (None, Some(block.place)),
        ir::Work::Skill(..) | ir::Work::Cascade(..) | ir::Work::Person(_) | ir::Work::Pure(_) => (None, None),
    };
    Origin { path: name.map(|name| join_path(path, name)), place: place.and_then(known_place) }
}

fn pattern_text(pattern: &ir::Pattern) -> String {
    let end = |e: &Option<ir::Expr>| e.as_ref().map(expr_text).unwrap_or_default();
    match pattern {
        ir::Pattern::Any => "otherwise".into(),
        ir::Pattern::Equal(e) => expr_text(e),
        ir::Pattern::Range(a, b) => format!("{}..{}", end(a), end(b)),
        ir::Pattern::OneOf(all) => all.iter().map(pattern_text).collect::<Vec<_>>().join(" | "),
        ir::Pattern::Variant { name, .. } => name.to_string(),
    }
}

/// A short form of an expression: literal text as it is, `…` for everything computed.
fn expr_text(e: &ir::Expr) -> String {
    match e {
        ir::Expr::Const(c) => match c {
            ir::Const::Null => "null".into(),
            ir::Const::Bool(b) => b.to_string(),
            ir::Const::Int(n) => n.to_string(),
            ir::Const::Float(x) => x.to_string(),
            ir::Const::Str(s) => s.to_string(),
            ir::Const::Duration(ms) => format!("{ms}ms"),
            ir::Const::Money(micro) => format!("{}usd", *micro as f64 / 1e6),
        },
        ir::Expr::Template(t) => t
            .parts
            .iter()
            .map(|p| match p {
                ir::TextPart::Text(t) => t.as_str(),
                ir::TextPart::Hole { .. } => "…",
            })
            .collect(),
        _ => "…".into(),
    }
}
