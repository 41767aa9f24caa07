//! A cascade as a graph: stages, dependencies, branches and loops.
//!
//! Programs are structured, and so is the graph: a sequence is drawn from top to bottom, parallel
//! branches side by side, loops and blocks as frames. The same [`Picture`] is written as Mermaid,
//! as DOT for Graphviz, and as SVG.

mod dot;
mod mermaid;
mod svg;

use cascade_ir as ir;

pub use dot::to_dot;
pub use mermaid::to_mermaid;
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
    /// Alternatives of an `if` or a `match`: title, then label and parts of each.
    Choice(String, Vec<(String, Vec<Part>)>),
    /// A frame: its title and its parts in sequence.
    Frame(String, Vec<Part>),
    /// Parallel branches, each with the indexes of the branches that it depends on.
    Parallel(String, Vec<(Part, Vec<usize>)>),
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
}

/// The graph of a cascade.
pub fn draw_picture(program: &ir::Program, cascade: ir::CascadeId) -> Option<Picture> {
    let cascade = program.cascades.get(cascade.index())?;
    let reader = Reader { program };
    let mut parts = reader.block(&cascade.body);
    for (word, hook) in
        [("on success", &cascade.on_success), ("on failure", &cascade.on_failure), ("on cancel", &cascade.on_cancel)]
    {
        if let Some(hook) = hook {
            let inner = reader.block(&hook.body);
            if !inner.is_empty() {
                parts.push(Part::Frame(word.to_owned(), inner));
            }
        }
    }
    Some(Picture { name: cascade.name.to_string(), parts })
}

struct Reader<'p> {
    program: &'p ir::Program,
}

impl Reader<'_> {
    fn block(&self, block: &ir::Block) -> Vec<Part> {
        block.stmts.iter().filter_map(|s| self.stmt(s)).collect()
    }

    fn stmt(&self, stmt: &ir::Stmt) -> Option<Part> {
        let node = |title: String, detail: &str, kind| Some(Part::Box(Node { title, detail: detail.to_owned(), kind }));
        match stmt {
            ir::Stmt::Stage(stage) => Some(self.read_work(&stage.work, Some(stage.name.as_str()))),
            ir::Stmt::Work(work, _) => {
                let part = self.read_work(work, None);
                let empty = match &part {
                    Part::Choice(_, ways) => ways.iter().all(|(_, p)| p.is_empty()),
                    Part::Frame(_, parts) => parts.is_empty(),
                    _ => false,
                };
                (!empty).then_some(part)
            }
            ir::Stmt::Gate(_, message, _) => {
                node("gate".into(), &message.as_ref().map(expr_text).unwrap_or_default(), NodeKind::Gate)
            }
            ir::Stmt::Fail(message, _) => node("fail".into(), &expr_text(message), NodeKind::End),
            ir::Stmt::Return(_) => node("return".into(), "", NodeKind::End),
            ir::Stmt::Remember { memory, key, .. } => {
                let memory = self.program.memories.get(memory.index())?;
                let key = memory.keys.get(*key as usize)?;
                node("remember".into(), &format!("{}.{}", memory.name, key.name), NodeKind::Other)
            }
            ir::Stmt::Set(..) | ir::Stmt::SetField(..) | ir::Stmt::Warn(..) | ir::Stmt::Log(..) => None,
        }
    }

    fn read_work(&self, work: &ir::Work, name: Option<&str>) -> Part {
        let title = |fallback: &str| name.map_or_else(|| fallback.to_owned(), str::to_owned);
        let frame_title = |what: &str| name.map_or_else(|| what.to_owned(), |n| format!("{n}: {what}"));
        match work {
            ir::Work::Skill(id, _) => {
                let skill = self.program.skills.get(id.index());
                let kind = match skill.map(|s| &s.effect) {
                    Some(ir::Effect::Run(_)) => NodeKind::Run,
                    Some(ir::Effect::Http(_)) => NodeKind::Http,
                    Some(ir::Effect::Prompt(_) | ir::Effect::Agent(_)) => NodeKind::Model,
                    _ => NodeKind::Other,
                };
                let detail = skill.map(|s| s.name.to_string()).unwrap_or_default();
                Part::Box(Node {
                    title: title(&detail),
                    detail: if name == Some(&detail) { String::new() } else { detail },
                    kind,
                })
            }
            ir::Work::Cascade(id, _) => {
                let detail = self.program.cascades.get(id.index()).map(|c| c.name.to_string()).unwrap_or_default();
                Part::Box(Node {
                    title: title(&detail),
                    detail: if name == Some(&detail) { String::new() } else { detail },
                    kind: NodeKind::Cascade,
                })
            }
            ir::Work::Person(person) => {
                let (word, question) = match person {
                    ir::Person::Approve(q) => ("approve", q),
                    ir::Person::Ask(q) => ("ask", q),
                    ir::Person::Choose(q, _) => ("choose", q),
                };
                Part::Box(Node { title: title(word), detail: expr_text(question), kind: NodeKind::Person })
            }
            ir::Work::Pure(_) => {
                Part::Box(Node { title: title("value"), detail: String::new(), kind: NodeKind::Other })
            }
            ir::Work::If(_, then, otherwise) => Part::Choice(
                frame_title("if"),
                vec![("yes".into(), self.block(then)), ("no".into(), self.block(otherwise))],
            ),
            ir::Work::Match(_, arms) => Part::Choice(
                frame_title("match"),
                arms.iter().map(|arm| (pattern_text(&arm.pattern), self.block(&arm.body))).collect(),
            ),
            ir::Work::For(x) => {
                let what = if x.parallel { "for each, in parallel" } else { "for each" };
                Part::Frame(frame_title(&format!("{what} {}", x.name)), self.block(&x.body))
            }
            ir::Work::Repeat(x) => {
                let what = match &x.max {
                    ir::Expr::Const(ir::Const::Int(n)) => format!("repeat at most {n} times"),
                    _ => "repeat".to_owned(),
                };
                Part::Frame(frame_title(&what), self.block(&x.body))
            }
            ir::Work::Sandbox(x) => Part::Frame(frame_title("sandbox"), self.block(&x.body)),
            ir::Work::Parallel(x) => {
                let mut kept: Vec<Option<usize>> = Vec::new();
                let mut parts: Vec<(Part, Vec<usize>)> = Vec::new();
                for branch in &x.branches {
                    match self.stmt(&branch.stmt) {
                        Some(part) => {
                            kept.push(Some(parts.len()));
                            parts.push((part, Vec::new()));
                        }
                        None => kept.push(None),
                    }
                }
                for (i, branch) in x.branches.iter().enumerate() {
                    let Some(Some(own)) = kept.get(i).copied() else { continue };
                    let after = branch.after.iter().filter_map(|a| kept.get(*a as usize).copied().flatten()).collect();
                    if let Some(part) = parts.get_mut(own) {
                        part.1 = after;
                    }
                }
                Part::Parallel(frame_title("parallel"), parts)
            }
            ir::Work::Block(block) => Part::Frame(frame_title("block"), self.block(block)),
        }
    }
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
