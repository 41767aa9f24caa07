//! A live tree on a terminal: what runs, for how long, what it cost so far.
//!
//! Stages that are done and whose parent is done are folded into it, so the tree stays small
//! while a run is large. A thread redraws ten times a second; the run itself only notes events.

use std::{
    collections::HashMap,
    io::Write,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use cascade_runtime::{Event, host::Progress};

use super::{figures, meter::Meter, plain::first_line};

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const TICK: Duration = Duration::from_millis(100);
/// Children shown of one stage before the rest is counted.
const SHOWN: usize = 12;

/// The tree and the thread that draws it.
pub struct Live {
    state: Arc<Mutex<Tree>>,
    stop: Arc<AtomicBool>,
    painter: Mutex<Option<JoinHandle<()>>>,
}

impl Live {
    /// Starts drawing.
    pub fn new(color: bool, meter: Option<Meter>) -> Self {
        let state = Arc::new(Mutex::new(Tree::new(color, meter)));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, flag) = (Arc::clone(&state), Arc::clone(&stop));
        let painter = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                while !flag.load(Ordering::Relaxed) {
                    std::thread::park_timeout(TICK);
                    lock(&shared).draw(false);
                }
            })
            .ok();
        Self { state, stop, painter: Mutex::new(painter) }
    }

    /// Draws nothing while a question is on the terminal; afterwards the tree continues below it.
    pub fn around<T>(state: &Arc<Mutex<Tree>>, ask: impl FnOnce() -> T) -> T {
        {
            let mut tree = lock(state);
            tree.draw(true);
            tree.asking = true;
        }
        let answer = ask();
        let mut tree = lock(state);
        tree.asking = false;
        tree.drawn = 0;
        answer
    }

    /// What is drawn, for those who must interrupt it.
    pub fn state(&self) -> Arc<Mutex<Tree>> {
        Arc::clone(&self.state)
    }

    /// Notes an event.
    pub fn event(&self, event: &Event) {
        lock(&self.state).event(event);
    }

    /// Draws for the last time and leaves the tree where it is.
    pub fn finish(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let painter = self.painter.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(painter) = painter {
            painter.thread().unpark();
            let _ = painter.join();
        }
        lock(&self.state).draw(true);
    }
}

fn lock(state: &Mutex<Tree>) -> MutexGuard<'_, Tree> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Running,
    Done,
    Skipped,
    Failed,
}

struct Node {
    name: String,
    note: String,
    /// What it last reported while it runs.
    progress: String,
    status: Status,
    began: Instant,
    ms: u64,
    attempt: u32,
    tokens: u64,
    cost: i64,
    parent: Option<usize>,
    children: Vec<usize>,
    /// Where its answer was taken from, when it was not asked.
    reused: Option<&'static str>,
    /// The number of corrections that its answer needed.
    repairs: usize,
    /// An iteration of a loop: it has no events of its own, only the stages below it have.
    iteration: bool,
}

/// What is drawn.
pub struct Tree {
    nodes: Vec<Node>,
    roots: Vec<usize>,
    index: HashMap<String, usize>,
    lines: Vec<String>,
    drawn: usize,
    frame: usize,
    dirty: bool,
    color: bool,
    began: Instant,
    /// Whether the terminal belongs to a question.
    asking: bool,
    /// The money of the run.
    meter: Option<Meter>,
}

impl Tree {
    fn new(color: bool, meter: Option<Meter>) -> Self {
        Self {
            nodes: Vec::new(),
            roots: Vec::new(),
            index: HashMap::new(),
            lines: Vec::new(),
            drawn: 0,
            frame: 0,
            dirty: false,
            color,
            began: Instant::now(),
            asking: false,
            meter,
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
        let index = self.nodes.len();
        self.nodes.push(Node {
            name: name.to_owned(),
            note: String::new(),
            progress: String::new(),
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
        });
        match parent {
            Some(parent) => self.nodes[parent].children.push(index),
            None => self.roots.push(index),
        }
        self.index.insert(path.to_owned(), index);
        index
    }

    fn event(&mut self, event: &Event) {
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
            }
            Event::Progress { path, progress, .. } => {
                let node = self.node(path);
                self.nodes[node].progress = match progress {
                    Progress::Alive | Progress::Session(_) => return,
                    Progress::Line(text) | Progress::Step(text) => text.clone(),
                    Progress::Tokens(count) => format!("{} tokens so far", figures::count(*count)),
                    Progress::WaitsFor(name) => format!("waits for its turn at `{name}`"),
                    Progress::WaitsUntil(until) => format!("waits until {}", crate::time::clock(*until)),
                };
            }
            Event::ModelChosen { path, model, .. } => {
                let node = self.node(path);
                self.nodes[node].note = model.clone();
            }
            Event::StageRetrying { path, message, wait_ms, .. } => {
                let node = self.node(path);
                self.nodes[node].progress =
                    wait_ms.map_or_else(String::new, |ms| format!("waits until {}", crate::time::clock_in(ms)));
                self.nodes[node].note = first_line(message).to_owned();
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
                    (_, Some(message)) => first_line(message).to_owned(),
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
            }
            Event::Paused { reason, .. } => self.push_message("33", "!", reason),
            Event::RunFinished { status, .. } => {
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
        self.lines.push(line);
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Draws the tree over the one drawn before.
    fn draw(&mut self, last: bool) {
        let running = self.nodes.iter().any(|n| n.status == Status::Running && !n.iteration);
        // A run that ends at once shows nothing, rather than a flicker.
        if self.asking || !last && (self.began.elapsed() < TICK || !(self.dirty || running)) {
            return;
        }
        self.dirty = false;
        self.frame += 1;
        let (width, height) =
            terminal_size::terminal_size().map_or((80, 24), |(w, h)| (usize::from(w.0), usize::from(h.0)));
        let mut out = Vec::new();
        for root in self.roots.clone() {
            self.write(root, 0, &mut out, width.saturating_sub(1).max(20));
        }
        if let Some(text) = self.meter.as_ref().and_then(Meter::text) {
            out.push(self.paint("2", &text));
        }
        let most = height.saturating_sub(2).max(4);
        if out.len() > most {
            let hidden = out.len() - (most - 1);
            out.drain(0..hidden);
            out.insert(0, self.paint("2", &format!("… {hidden} lines above")));
        }
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A\r\x1b[J", self.drawn));
        }
        for line in self.lines.drain(..).chain(out.iter().cloned()) {
            text.push_str(&line);
            text.push('\n');
        }
        self.drawn = out.len();
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// The status of a node; an iteration is over when all that is known below it is.
    fn status(&self, index: usize) -> Status {
        let node = &self.nodes[index];
        if !node.iteration || node.status != Status::Running {
            return node.status;
        }
        let below = || node.children.iter().map(|c| self.status(*c));
        if node.children.is_empty() || below().any(|s| s == Status::Running) {
            Status::Running
        } else if below().any(|s| s == Status::Failed) {
            Status::Failed
        } else if below().all(|s| s == Status::Skipped) {
            Status::Skipped
        } else {
            Status::Done
        }
    }

    fn write(&self, index: usize, depth: usize, out: &mut Vec<String>, width: usize) {
        let node = &self.nodes[index];
        let status = self.status(index);
        let (mark, code) = match status {
            Status::Running => (SPINNER[self.frame % SPINNER.len()], "36"),
            Status::Done => ("✓", "32"),
            Status::Skipped => ("○", "33"),
            Status::Failed => ("✗", "31"),
        };
        let ms = match status {
            Status::Running => u64::try_from(node.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            _ if node.iteration => node.children.iter().map(|c| self.nodes[*c].ms).sum(),
            _ => node.ms,
        };
        let mut facts = match node.reused {
            Some("cache") => "from the cache".to_owned(),
            Some(_) => "from the record".to_owned(),
            None => figures::figures(ms, node.attempt, node.tokens, node.cost),
        };
        if node.repairs > 0 {
            facts.push_str(", repaired");
        }
        if !node.note.is_empty() {
            facts = format!("{facts}  {}", node.note);
        }
        if status == Status::Running && !node.progress.is_empty() {
            facts = format!("{facts}  {}", node.progress);
        }
        let indent = "  ".repeat(depth);
        let used = indent.chars().count() + 2 + node.name.chars().count() + 2;
        let facts: String = facts.chars().take(width.saturating_sub(used)).collect();
        out.push(format!("{indent}{} {}  {}", self.paint(code, mark), node.name, self.paint("2", &facts)));
        // Below a stage that is done, stages that are done have no lines; those that failed always do.
        let folded = node.status == Status::Done && node.parent.is_some() && depth > 1;
        let children: Vec<usize> =
            node.children.iter().copied().filter(|c| !folded || self.nodes[*c].status != Status::Done).collect();
        let done = children.iter().filter(|c| self.nodes[**c].status == Status::Done).count();
        let hide = if children.len() > SHOWN { done.min(children.len() - SHOWN) } else { 0 };
        let mut hidden = 0;
        for child in children {
            if hidden < hide && self.status(child) == Status::Done {
                hidden += 1;
                continue;
            }
            self.write(child, depth + 1, out, width);
        }
        if hidden > 0 {
            out.push(format!("{indent}  {}", self.paint("2", &format!("✓ {hidden} more done"))));
        }
    }
}
