//! The lines of the tree, as many as there is room for.

use std::{cmp::Reverse, collections::HashSet};

use cascade_runtime::journal::now_ms;

use super::{
    figures,
    meter::Meter,
    tree::{Node, Status, Tree},
    width::{count_columns, fit_to_width},
};

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// Children shown of one stage before the rest is counted.
const SHOWN: usize = 12;
/// Of those, how many are for what only runs: the rest is for what failed or is tried again.
const SHOWN_RUNNING: usize = 8;

/// How much a line matters where there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

impl Tree {
    /// The lines of the tree, at most so many. What runs, failed or is tried again stays in view; what is done gives way
    /// first.
    pub(super) fn fit_lines(&self, width: usize, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for root in &self.roots {
            self.write(*root, 0, &mut lines, width);
        }
        let meter = self.meter.as_ref().and_then(Meter::text);
        let most = most - usize::from(meter.is_some());
        if lines.len() > most {
            // One line says how many are hidden.
            let hidden = (lines.len() + 1 - most).min(lines.len());
            let mut order: Vec<usize> = (0..lines.len()).collect();
            // What is done and deep goes first, then what only runs.
            order.sort_by_key(|index| lines.get(*index).map(|line| (line.weight, Reverse(line.depth))));
            let gone: HashSet<usize> = order.into_iter().take(hidden).collect();
            let mut index = 0;
            lines.retain(|_| {
                index += 1;
                !gone.contains(&(index - 1))
            });
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
        let total = node.total.and_then(|total| usize::try_from(total).ok()).unwrap_or(0);
        let rounds: Vec<Status> = node
            .children
            .iter()
            .filter(|child| self.nodes[**child].iteration)
            .map(|child| self.status(*child))
            .collect();
        if rounds.len().max(total) <= SHOWN {
            return None;
        }
        let count = |status: Status| rounds.iter().filter(|other| **other == status).count();
        let (done, running, failed) = (count(Status::Done), count(Status::Running), count(Status::Failed));
        let mut text = match total > 0 && node.status == Status::Running {
            true => format!("{done} of {total} done"),
            false => format!("{done} done"),
        };
        for (count, what) in [(running, "running"), (failed, "failed"), (count(Status::Skipped), "skipped")] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        let seconds = node.began.elapsed().as_secs_f64();
        if node.status == Status::Running && done > 0 && seconds >= 1.0 {
            let ended = rounds.len() - running;
            let speed = ended as f64 / seconds;
            text.push_str(&format!(", {speed:.1} a second"));
            // Before that it is a guess.
            if ended >= SHOWN_RUNNING && total > ended {
                let left = (total - ended) as f64 / speed * 1000.0;
                text.push_str(&format!(", about {} left", figures::rough_time(left as u64)));
            }
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
            None => figures::stage_figures(ms, node.attempt, node.tokens, node.cost),
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
        if status == Status::Running {
            if let Some(left) = node.waits_until.map(|until| until - now_ms()).filter(|left| *left > 0) {
                let left = figures::rough_time(left.unsigned_abs().saturating_add(999));
                facts = format!("{facts}  goes on within {left}");
            }
            if !node.progress.is_empty() {
                facts = format!("{facts}  {}", node.progress);
            }
        }
        let indent = "  ".repeat(depth);
        let name = fit_to_width(&name, width.saturating_sub(count_columns(&indent) + 2));
        let used = count_columns(&indent) + 2 + count_columns(&name) + 2;
        let facts = fit_to_width(&facts, width.saturating_sub(used));
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
    use cascade_runtime::Event;

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
        let labels = (0..200).map(|n| format!("src/f{n}.rs")).collect();
        tree.event(&Event::LoopStarted { path: "main/files".into(), total: 200, labels });
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
            assert!(text.contains("150 of 200 done, 41 running, 3 failed"), "{text}");
            for round in ["[7] src/f7.rs check", "[67] src", "[127] src", "[160] src"] {
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
