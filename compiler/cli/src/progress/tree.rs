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
/// Of those, how many are for what only runs: the rest is for what failed or is tried again.
const SHOWN_RUNNING: usize = 8;

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

/// How much a line matters where there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Done,
    Running,
    /// It failed, or is tried again.
    Trouble,
}

/// A line of the tree.
struct Line {
    text: String,
    weight: Weight,
    depth: usize,
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
        let out = self.fit_lines(width.saturating_sub(1).max(20), height.saturating_sub(2).max(4));
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

    /// The lines of the tree, at most so many. What runs, failed or is tried again stays in view; what is done gives way
    /// first.
    fn fit_lines(&self, width: usize, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for root in &self.roots {
            self.write(*root, 0, &mut lines, width);
        }
        let meter = self.meter.as_ref().and_then(Meter::text);
        let most = most - usize::from(meter.is_some());
        if lines.len() > most {
            let mut hidden = 0;
            for weight in [Weight::Done, Weight::Running] {
                let mut surplus = (lines.len() + 1).saturating_sub(most);
                hidden += surplus;
                lines.retain(|line| {
                    let goes = surplus > 0 && line.weight == weight && line.depth > 0;
                    surplus -= usize::from(goes);
                    !goes
                });
                hidden -= surplus;
            }
            let surplus = (lines.len() + 1).saturating_sub(most);
            hidden += surplus;
            lines.drain(..surplus);
            let text = self.paint("2", &format!("… {hidden} more lines"));
            lines.insert(0, Line { text, weight: Weight::Running, depth: 0 });
        }
        let meter = meter.map(|text| self.paint("2", &text));
        lines.into_iter().map(|line| line.text).chain(meter).collect()
    }

    /// Whether a node, or something that runs below it, is tried again or has failed.
    fn is_in_trouble(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        match self.status(index) {
            Status::Failed => true,
            Status::Running => node.attempt > 1 || node.children.iter().any(|child| self.is_in_trouble(*child)),
            Status::Done | Status::Skipped => false,
        }
    }

    /// The children that get lines, in their order, and what is said of the others.
    fn choose_children(&self, children: Vec<usize>) -> (Vec<usize>, Option<String>) {
        if children.len() <= SHOWN {
            return (children, None);
        }
        let (mut troubled, mut running, mut done) = (0, 0, 0);
        let (mut more_troubled, mut more_running, mut more_done) = (0, 0, 0);
        let in_trouble = children.iter().filter(|child| self.is_in_trouble(**child)).count();
        let runs = |child: &usize| self.status(*child) == Status::Running;
        let all_running = children.iter().filter(|child| runs(child) && !self.is_in_trouble(**child)).count();
        let for_trouble = SHOWN - SHOWN_RUNNING.min(all_running);
        let for_running = SHOWN - in_trouble.min(for_trouble);
        // What has ended last is shown in what is left.
        let ended = children.len() - in_trouble - all_running;
        let for_done = SHOWN.saturating_sub(in_trouble.min(for_trouble) + all_running.min(for_running));
        let first_done = ended.saturating_sub(for_done);
        let chosen = children
            .into_iter()
            .filter(|child| {
                let (count, more, most) = match (self.is_in_trouble(*child), runs(child)) {
                    (true, _) => (&mut troubled, &mut more_troubled, for_trouble),
                    (false, true) => (&mut running, &mut more_running, for_running),
                    (false, false) => {
                        done += 1;
                        more_done += usize::from(done <= first_done);
                        return done > first_done;
                    }
                };
                *count += 1;
                *more += usize::from(*count > most);
                *count <= most
            })
            .collect();
        let said = [(more_done, "ended"), (more_running, "running"), (more_troubled, "failed or tried again")];
        let said: Vec<String> =
            said.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} more {what}")).collect();
        (chosen, (!said.is_empty()).then(|| said.join(", ")))
    }

    /// How many of a loop's rounds have ended, run and failed, and how fast they end.
    fn summarize_rounds(&self, node: &Node) -> Option<String> {
        let rounds: Vec<Status> = node
            .children
            .iter()
            .filter(|child| self.nodes[**child].iteration)
            .map(|child| self.status(*child))
            .collect();
        if rounds.len() <= SHOWN {
            return None;
        }
        let count = |status: Status| rounds.iter().filter(|other| **other == status).count();
        let (done, running, failed) = (count(Status::Done), count(Status::Running), count(Status::Failed));
        let mut text = format!("{done} done");
        for (count, what) in [(running, "running"), (failed, "failed"), (count(Status::Skipped), "skipped")] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        let seconds = node.began.elapsed().as_secs_f64();
        if node.status == Status::Running && done > 0 && seconds >= 1.0 {
            text.push_str(&format!(", {:.1} a second", done as f64 / seconds));
        }
        Some(text)
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

    fn write(&self, index: usize, depth: usize, out: &mut Vec<Line>, width: usize) {
        // A round with one stage is one line.
        let (mut index, mut node) = (index, &self.nodes[index]);
        let mut name = node.name.clone();
        while let (true, [only]) = (node.iteration, node.children.as_slice()) {
            (index, node) = (*only, &self.nodes[*only]);
            name = format!("{name} {}", node.name);
        }
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
        if let Some(rounds) = self.summarize_rounds(node) {
            facts = format!("{facts}  {rounds}");
        }
        if !node.note.is_empty() {
            facts = format!("{facts}  {}", node.note);
        }
        if status == Status::Running && !node.progress.is_empty() {
            facts = format!("{facts}  {}", node.progress);
        }
        let indent = "  ".repeat(depth);
        let used = indent.chars().count() + 2 + name.chars().count() + 2;
        let facts: String = facts.chars().take(width.saturating_sub(used)).collect();
        let weight = match status {
            _ if self.is_in_trouble(index) => Weight::Trouble,
            Status::Running => Weight::Running,
            _ => Weight::Done,
        };
        let text = format!("{indent}{} {}  {}", self.paint(code, mark), name, self.paint("2", &facts));
        out.push(Line { text, weight, depth });
        // Below a stage that is done, stages that are done have no lines; those that failed always do.
        let folded = node.status == Status::Done && node.parent.is_some() && depth > 1;
        let children: Vec<usize> =
            node.children.iter().copied().filter(|c| !folded || self.nodes[*c].status != Status::Done).collect();
        let (children, others) = self.choose_children(children);
        for child in children {
            self.write(child, depth + 1, out, width);
        }
        if let Some(others) = others {
            let text = format!("{indent}  {}", self.paint("2", &format!("… {others}")));
            out.push(Line { text, weight: Weight::Done, depth: depth + 1 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(tree: &mut Tree, path: &str, attempt: u32) {
        tree.event(&Event::StageStarted { path: path.into(), attempt, skill: None });
    }

    fn end(tree: &mut Tree, path: &str, status: &'static str) {
        tree.event(&Event::StageFinished {
            path: path.into(),
            status,
            attempts: 1,
            tokens: 0,
            cost: 0,
            ms: 10,
            message: None,
        });
    }

    /// A loop over 200 files: 150 are done, 3 have failed, 1 is tried again, 40 run.
    fn large_loop() -> Tree {
        let mut tree = Tree::new(false, None);
        start(&mut tree, "main/files", 1);
        for n in 0..194 {
            let path = format!("main/files[{n}]/check");
            start(&mut tree, &path, if n == 160 { 2 } else { 1 });
            if n < 153 {
                end(&mut tree, &path, if n % 60 == 7 { "failed" } else { "done" });
            }
        }
        tree
    }

    #[test]
    fn a_large_loop_is_counted_and_its_trouble_stays_in_view() {
        let tree = large_loop();
        for (width, height) in [(79, 22), (199, 60), (79, 10)] {
            let lines = tree.fit_lines(width, height);
            let text = lines.join("\n");
            assert!(lines.len() <= height, "{height}: {text}");
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{text}");
            assert!(text.contains("150 done, 41 running, 3 failed"), "{text}");
            for round in ["[7] ", "[67] ", "[127] ", "[160] "] {
                assert!(text.contains(round), "{height}: {round} is not in view:\n{text}");
            }
        }
        println!("{}", tree.fit_lines(79, 22).join("\n"));
    }

    #[test]
    fn nothing_is_lost_of_a_small_tree() {
        let mut tree = Tree::new(false, None);
        for n in 0..5 {
            start(&mut tree, &format!("main/s{n}"), 1);
            end(&mut tree, &format!("main/s{n}"), "done");
        }
        assert_eq!(tree.fit_lines(79, 22).len(), 6);
    }
}
