//! The stages of a run as a tree on a terminal.
//!
//! Stages that are done and whose parent is done are folded into it, so the tree stays small while a run is large. What
//! stands on a line is in `lines`.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
    time::{Duration, Instant},
};

use cascade_ir::screen::neutral_line;
use cascade_runtime::{Event, host::Progress, journal::now_ms};

use super::{figures, meter::Meter, plain::first_line, question::Question, width::count_columns};

/// How often the tree is drawn.
pub const TICK: Duration = Duration::from_millis(100);

/// How a stage or a round stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Running,
    Done,
    Skipped,
    Failed,
}

/// A stage, a cascade, or a round of a loop.
pub struct Node {
    pub(super) name: String,
    pub(super) note: String,
    /// What it last reported while it runs.
    pub(super) progress: String,
    /// It waits until this time, in milliseconds since 1970.
    pub(super) waits_until: Option<i64>,
    pub(super) status: Status,
    pub(super) began: Instant,
    pub(super) ms: u64,
    pub(super) attempt: u32,
    pub(super) tokens: u64,
    pub(super) cost: i64,
    pub(super) parent: Option<usize>,
    pub(super) children: Vec<usize>,
    /// Where its answer was taken from, when it was not asked.
    pub(super) reused: Option<&'static str>,
    /// The number of corrections that its answer needed.
    pub(super) repairs: usize,
    /// An iteration of a loop: it has no events of its own, only the stages below it have.
    pub(super) iteration: bool,
    /// Of a loop: the number of its rounds.
    pub(super) total: Option<u64>,
}

/// What is drawn.
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) roots: Vec<usize>,
    index: HashMap<String, usize>,
    /// The loops that have begun: the number of rounds, and what each is about.
    loops: HashMap<String, (u64, Vec<String>)>,
    /// Lines that go above the tree and stay there.
    messages: Vec<String>,
    pub(super) frame: usize,
    dirty: bool,
    pub(super) color: bool,
    began: Instant,
    /// The stages whose questions wait.
    open: HashSet<String>,
    /// The question that is being asked.
    question: Option<Question>,
    /// The money of the run.
    pub(super) meter: Option<Meter>,
    screen: Screen,
}

/// What the last drawing has left on the terminal.
#[derive(Default)]
struct Screen {
    /// The columns of each line.
    columns: Vec<usize>,
    /// Whether the cursor is at the end of the last line, and not below it.
    is_open: bool,
}

impl Tree {
    /// An empty tree.
    pub fn new(color: bool, meter: Option<Meter>) -> Self {
        Self {
            nodes: Vec::new(),
            roots: Vec::new(),
            index: HashMap::new(),
            loops: HashMap::new(),
            messages: Vec::new(),
            frame: 0,
            dirty: false,
            color,
            began: Instant::now(),
            open: HashSet::new(),
            question: None,
            meter,
            screen: Screen::default(),
        }
    }

    /// The node of a path; those above it are made as needed.
    fn node(&mut self, path: &str) -> usize {
        if let Some(index) = self.index.get(path) {
            return *index;
        }
        let (above, name) = match path.rsplit_once('/') {
            Some((above, name)) => (Some(above), name),
            None => (None, path),
        };
        // `waits[3]` stands below `waits` when that is a stage of its own.
        let iteration = name.ends_with(']');
        let of_stage = path.rsplit_once('[').and_then(|(stage, _)| self.index.get(stage)).copied();
        let (parent, name) = match (iteration, of_stage, above) {
            (true, Some(stage), _) => (Some(stage), &name[name.rfind('[').unwrap_or(0)..]),
            (_, _, Some(above)) => (Some(self.node(above)), name),
            _ => (None, name),
        };
        let name = match iteration {
            true => format!("{name}{}", self.label_of(path)),
            false => name.to_owned(),
        };
        let index = self.nodes.len();
        self.nodes.push(Node {
            name,
            note: String::new(),
            progress: String::new(),
            waits_until: None,
            status: Status::Running,
            began: Instant::now(),
            ms: 0,
            attempt: 1,
            tokens: 0,
            cost: 0,
            parent,
            children: Vec::new(),
            reused: None,
            repairs: 0,
            iteration,
            total: self.loops.get(path).map(|(total, _)| *total),
        });
        match parent {
            Some(parent) => self.nodes[parent].children.push(index),
            None => self.roots.push(index),
        }
        self.index.insert(path.to_owned(), index);
        index
    }

    /// What a round of a loop is about, behind its number.
    fn label_of(&self, path: &str) -> String {
        let Some((of_loop, number)) = path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) else {
            return String::new();
        };
        let labels = self.loops.get(of_loop).map(|(_, labels)| labels);
        let label = number.parse::<usize>().ok().and_then(|number| labels?.get(number));
        label.map(|label| format!(" {label}")).unwrap_or_default()
    }

    /// Takes note of an event.
    pub fn event(&mut self, event: &Event) {
        self.dirty = true;
        if let Some(meter) = &mut self.meter {
            meter.event(event);
        }
        match event {
            Event::StageStarted { path, attempt, .. } => {
                let node = self.node(path);
                self.nodes[node].attempt = *attempt;
                self.nodes[node].status = Status::Running;
                self.nodes[node].progress.clear();
                self.nodes[node].waits_until = None;
            }
            Event::LoopStarted { path, total, labels } => {
                if let Some(node) = self.index.get(path) {
                    self.nodes[*node].total = Some(*total);
                }
                let labels = labels.iter().map(|label| neutral_line(label)).collect();
                self.loops.insert(path.clone(), (*total, labels));
            }
            Event::Progress { path, progress, .. } => {
                let node = self.node(path);
                self.nodes[node].waits_until = match progress {
                    Progress::WaitsUntil(until) => Some(*until),
                    _ => None,
                };
                self.nodes[node].progress = match progress {
                    Progress::Alive | Progress::Session(_) => return,
                    Progress::Line(text) | Progress::Step(text) => text.clone(),
                    Progress::Tokens(count) => format!("{} tokens so far", figures::short_count(*count)),
                    Progress::WaitsFor(name) => format!("waits for its turn at `{name}`"),
                    Progress::WaitsUntil(_) => String::new(),
                };
            }
            Event::ModelChosen { path, model, .. } => {
                let node = self.node(path);
                self.nodes[node].note = model.clone();
            }
            Event::StageRetrying { path, message, wait_ms, up_to_ms, .. } => {
                let node = self.node(path);
                let node = &mut self.nodes[node];
                node.progress.clear();
                let longest = (*wait_ms).max(*up_to_ms);
                node.waits_until = longest.map(|ms| now_ms().saturating_add_unsigned(ms));
                node.note = first_and_last_line(message);
            }
            Event::StageFinished { path, status, attempts, tokens, cost, ms, message } => {
                let node = self.node(path);
                let node = &mut self.nodes[node];
                node.status = match *status {
                    "done" => Status::Done,
                    "failed" => Status::Failed,
                    _ => Status::Skipped,
                };
                (node.attempt, node.tokens, node.cost, node.ms) = (*attempts, *tokens, *cost, *ms);
                node.note = match (node.status, message) {
                    (Status::Done, _) | (_, None) => String::new(),
                    (_, Some(message)) => first_and_last_line(message),
                };
            }
            Event::Log { message, .. } => self.push_message("34", "·", message),
            Event::Warning { message, .. } => self.push_message("33", "!", message),
            Event::GateFailed { message, .. } => self.push_message("31", "✗", message),
            Event::ModelPassedOver { model, reason, .. } => {
                self.push_message("33", "!", &format!("`{model}` is not used: {reason}"))
            }
            Event::AnswerRepaired { path, repairs, .. } => {
                let node = self.node(path);
                self.nodes[node].repairs = repairs.len();
            }
            Event::Reused { path, from, .. } => {
                let node = self.node(path);
                self.nodes[node].reused = Some(*from);
            }
            Event::CacheMissed { path, reason } => {
                self.push_message("2", "·", &format!("{path}: not taken from the cache: {reason}"))
            }
            Event::TimedOut { .. }
            | Event::AnswerRefused { .. }
            | Event::Spent { .. }
            | Event::AgentSession { .. }
            | Event::TaskAssigned { .. } => {}
            Event::Asked { path, .. } => {
                let node = self.node(path);
                self.nodes[node].note = "waits for an answer".to_owned();
                self.open.insert(path.clone());
            }
            Event::QuestionClosed { path } => {
                self.open.remove(path);
                if let Some(node) = self.index.get(path) {
                    self.nodes[*node].note.clear();
                }
                if self.question.as_ref().is_some_and(|question| question.path == *path) {
                    self.close_question("no answer is needed any more");
                }
            }
            Event::Paused { reason, .. } => self.push_message("33", "!", reason),
            Event::RunFinished { status, .. } => {
                self.open.clear();
                self.close_question("the run has ended");
                for root in self.roots.clone() {
                    if self.nodes[root].status == Status::Running {
                        self.nodes[root].status = match *status {
                            "done" => Status::Done,
                            "paused" => Status::Skipped,
                            _ => Status::Failed,
                        };
                        self.nodes[root].ms =
                            u64::try_from(self.nodes[root].began.elapsed().as_millis()).unwrap_or(u64::MAX);
                    }
                }
            }
            Event::RunStarted { cascade, .. } => {
                self.node(cascade);
            }
        }
    }

    fn push_message(&mut self, code: &str, mark: &str, message: &str) {
        let line = format!("{} {message}", self.paint(code, mark));
        self.messages.push(line);
    }

    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Whether the question of a stage still waits for an answer.
    pub fn is_open(&self, path: &str) -> bool {
        self.open.contains(path)
    }

    /// Puts a question below the tree.
    pub fn ask(&mut self, question: Question) {
        self.question = Some(question);
        self.draw_now();
    }

    /// The question that is being asked, while an answer is wanted.
    pub fn question_mut(&mut self) -> Option<&mut Question> {
        self.question.as_mut()
    }

    /// Takes the question away; it stays in the history with what became of it.
    pub fn close_question(&mut self, end: &str) {
        let Some(question) = self.question.take() else { return };
        let text = match question.printed {
            true => question.path.clone(),
            false => question.full_text(self.color),
        };
        let end = self.paint("2", &format!("  > {}", neutral_line(end)));
        self.messages.push(format!("{text}\n{end}"));
        self.dirty = true;
    }

    /// Draws the tree, if anything has changed.
    pub fn draw(&mut self) {
        let running = self.nodes.iter().any(|n| n.status == Status::Running && !n.iteration);
        // A run that ends at once shows nothing, rather than a flicker.
        if self.began.elapsed() >= TICK && (self.dirty || running) {
            self.draw_now();
        }
    }

    /// Draws the tree for the last time.
    pub fn draw_last(&mut self) {
        self.close_question("the run has ended");
        self.draw_now();
    }

    /// Draws the tree over the one drawn before.
    pub fn draw_now(&mut self) {
        self.dirty = false;
        self.frame += 1;
        let (width, height) =
            terminal_size::terminal_size().map_or((80, 24), |(w, h)| (usize::from(w.0), usize::from(h.0)));
        let (columns, rows) = (width.saturating_sub(1).max(20), height.saturating_sub(2).max(4));
        // A question that is longer than its part of the screen goes into the history as a whole.
        let for_question = (rows / 2).max(2);
        let color = self.color;
        if let Some(question) = self.question.as_mut().filter(|q| !q.printed && !q.fits_screen(columns, for_question)) {
            question.printed = true;
            let text = question.full_text(color);
            self.messages.push(text);
        }
        let asked = self.question.as_ref().map(|question| question.lines(columns, for_question, color));
        let asked = asked.unwrap_or_default();
        let mut lines = self.fit_lines(columns, rows.saturating_sub(asked.len()).max(2));
        let is_open = !asked.is_empty();
        lines.extend(asked);
        let mut text = String::new();
        let above = self.screen.rows_above(width);
        if above > 0 {
            text.push_str(&format!("\x1b[{above}A"));
        }
        if above > 0 || self.screen.is_open {
            text.push_str("\r\x1b[J");
        }
        for line in self.messages.drain(..) {
            text.push_str(&line);
            text.push('\n');
        }
        text.push_str(&lines.join("\n"));
        if !is_open && !lines.is_empty() {
            text.push('\n');
        }
        self.screen = Screen { columns: lines.iter().map(|line| visible_columns(line)).collect(), is_open };
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }
}

impl Screen {
    /// The rows from the first line to the cursor, on a terminal that may be narrower than it was: it breaks lines anew.
    fn rows_above(&self, width: usize) -> usize {
        let rows: usize = self.columns.iter().map(|columns| columns.div_ceil(width.max(1)).max(1)).sum();
        rows - usize::from(self.is_open && rows > 0)
    }
}

/// The columns of a line that may have colours.
fn visible_columns(line: &str) -> usize {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    count_columns(&(plain + rest))
}

/// The first line of a message and, where there are more, the last one: of a program, the last that it wrote.
fn first_and_last_line(message: &str) -> String {
    let first = first_line(message);
    match message.trim_end().lines().last().map(str::trim) {
        Some(last) if last != first.trim() => format!("{first}: {last}"),
        _ => first.to_owned(),
    }
}
