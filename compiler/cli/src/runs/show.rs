//! `cascadec runs show`.

use std::collections::{BTreeMap, HashMap, HashSet};

use cascade_ir::screen::{neutral_line, neutralize_controls};
use cascade_runtime::{
    journal::{EffectRow, RunRow, Store, now_ms},
    value::{REDACTED, shown_command},
    wire::shown_text,
};
use serde_json::{Value as Json, json};

use super::{
    lifetime_ms,
    logs::{describe_repairs, wait_end},
    paint_status,
    verify::describe_faults,
};
use crate::{
    args::RunsShowArgs,
    commands::{page_text, print_text},
    error::Stop,
    journal,
    progress::{dollars, duration_text, stage_figures},
    time,
};

/// Longest text of a request or an answer without `--full`, in characters.
const SHORT: usize = 100;

/// Shows one run.
pub fn show_run(store: &dyn Store, args: &RunsShowArgs, color: bool) -> Result<u8, Stop> {
    let run = match &args.run {
        Some(id) => journal::find_run(store, id)?,
        None => match store.runs()?.into_iter().next() {
            Some(run) => run,
            None => return Err(Stop::usage("no runs are recorded")),
        },
    };
    let effects = store.effects(&run.id)?;
    let questions = store.questions(&run.id)?;
    if args.json {
        let whole = json!({ "run": run, "effects": effects, "questions": questions });
        print_text(&(serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"))?;
        return Ok(0);
    }
    let mut out = run_head(&run, color);
    let mut tree = Tree::default();
    for effect in &effects {
        tree.add(effect);
    }
    let shown = Shown::new(args, color, store.events(&run.id, 0)?);
    tree.write("", "", 0, &mut out, &shown);
    for question in questions.iter().filter(|q| q.answer.is_none()) {
        out.push_str(&format!(
            "asks   {}: {}\n",
            question.path,
            neutralize_controls(question.question.lines().next().unwrap_or_default())
        ));
    }
    match (&run.result, &run.error) {
        (Some(result), _) => out.push_str(&format!("result {}\n", cut_value(result, args.full))),
        (None, Some(error)) => out.push_str(&format!("error  {}\n", neutralize_controls(&error.to_string()))),
        (None, None) => {}
    }
    // A run that lives is being written.
    if run.pid.is_none() {
        out.push_str(&format!("record {}\n", describe_faults(&store.verify(&run.id)?)));
    }
    if journal::is_unfinished(&run) {
        out.push_str(&format!("resume cascadec resume {}\n", run.id));
    }
    page_text(&out)?;
    Ok(0)
}

fn run_head(run: &RunRow, color: bool) -> String {
    let millis = u64::try_from(lifetime_ms(run)).unwrap_or(0);
    let mut out = format!("run    {} {}\n", run.id, paint_status(color, &run.status));
    out.push_str(&format!("of     {} {}\n", neutral_line(&run.file), run.cascade));
    out.push_str(&format!("began  {}, lived {}\n", time::clock_text(run.started), duration_text(millis)));
    if let Some(pid) = run.pid {
        out.push_str(&format!("by     process {pid}\n"));
    }
    if let Some(fork) = &run.fork {
        out.push_str(&format!("fork   of run {fork}\n"));
    }
    if let Some(until) = run.until {
        out.push_str(&format!("waits  until {}\n", time::clock_text(until)));
    }
    if run.tokens > 0 || run.cost > 0 {
        out.push_str(&format!("spent  {} tokens, {}\n", run.tokens, dollars(run.cost)));
    }
    for (name, value) in run.inputs.as_object().into_iter().flatten() {
        out.push_str(&format!("input  {name} = {}\n", cut_value(value, false)));
    }
    out
}

/// Effects by the parts of their paths.
#[derive(Default)]
struct Tree<'e> {
    /// In the order in which they first began.
    order: Vec<String>,
    children: BTreeMap<String, Tree<'e>>,
    effects: Vec<&'e EffectRow>,
}

impl<'e> Tree<'e> {
    fn add(&mut self, effect: &'e EffectRow) {
        let mut at = self;
        for part in effect.path.split('/') {
            if !at.children.contains_key(part) {
                at.order.push(part.to_owned());
            }
            at = at.children.entry(part.to_owned()).or_default();
        }
        at.effects.push(effect);
    }

    fn write(&self, path: &str, name: &str, depth: usize, out: &mut String, shown: &Shown<'_>) {
        let (args, color) = (shown.args, shown.color);
        let indent = "  ".repeat(depth.saturating_sub(1));
        if depth > 0 {
            match self.effects.last() {
                None => match shown.outcomes.get(path) {
                    Some(outcome) => {
                        let mark = paint_mark(outcome.mark(), color);
                        out.push_str(&format!("{indent}{mark} {name}{}\n", outcome.reason()));
                    }
                    None => out.push_str(&format!("{indent}  {name}\n")),
                },
                Some(last) => {
                    let attempts = self.effects.iter().map(|e| e.attempt).max().unwrap_or(1);
                    // An outcome that is older than the last effect was overcome by it.
                    let outcome = shown.outcomes.get(path).filter(|o| last.ended.is_none_or(|ended| o.at >= ended));
                    let mark = outcome.map_or_else(|| mark_of_effect(last), Outcome::mark);
                    let mut facts = effect_facts(&self.effects, attempts);
                    if let Some(outcome) = outcome.filter(|_| last.error.is_none()) {
                        facts.push_str(&outcome.reason());
                    }
                    if let Some(wait) = shown.waits.get(path).filter(|wait| wait.began >= last.started) {
                        facts.push_str(&format!(", waits until {}", time::clock_text(wait.until)));
                    }
                    if shown.repaired.contains_key(path) {
                        facts.push_str(", repaired");
                    }
                    if shown.fell_back.contains(path) {
                        facts.push_str(", fell back");
                    }
                    out.push_str(&format!("{indent}{} {name}  {facts}\n", paint_mark(mark, color)));
                    if args.full || args.io {
                        write_details(last, &format!("{indent}    "), args.full, out);
                        for repair in shown.repaired.get(path).into_iter().flatten() {
                            out.push_str(&format!("{indent}    read  {repair}\n"));
                        }
                    }
                    if args.keys {
                        write_key(last, &format!("{indent}    "), out);
                    }
                }
            }
        }
        let mut rounds = self.fold_rounds(path, shown);
        for part in self.in_order() {
            let Some(child) = self.children.get(part) else { continue };
            match rounds.get_mut(loop_of(part)).filter(|fold| fold.hidden.contains(part)) {
                Some(fold) => {
                    fold.left -= 1;
                    if fold.left == 0 {
                        let (count, name) = (fold.hidden.len(), loop_of(part));
                        let indent = "  ".repeat(depth);
                        out.push_str(&format!(
                            "{indent}… {count} more rounds of `{name}` are done; --full shows them\n"
                        ));
                    }
                }
                None => child.write_round(&child_path(path, part), part, depth + 1, out, shown),
            }
        }
    }

    /// Like `write`; a round with one stage is one line.
    fn write_round(&self, path: &str, name: &str, depth: usize, out: &mut String, shown: &Shown<'_>) {
        match (self.order.as_slice(), name.ends_with(']') && self.effects.is_empty()) {
            ([only], true) if !shown.outcomes.contains_key(path) => {
                if let Some(child) = self.children.get(only) {
                    child.write(&child_path(path, only), &format!("{name} {only}"), depth, out, shown);
                }
            }
            _ => self.write(path, name, depth, out, shown),
        }
    }

    /// The parts in the order in which they began; the rounds of a loop by their numbers.
    fn in_order(&self) -> Vec<&str> {
        let number = |part: &str| part.strip_suffix(']')?.rsplit_once('[')?.1.parse::<u64>().ok();
        let mut rounds: HashMap<&str, Vec<&str>> = HashMap::new();
        for part in self.order.iter().filter(|part| number(part).is_some()) {
            rounds.entry(loop_of(part)).or_default().push(part);
        }
        let mut out = Vec::with_capacity(self.order.len());
        for part in &self.order {
            match number(part) {
                None => out.push(part.as_str()),
                Some(_) => {
                    // With the first one come all.
                    let mut all = rounds.remove(loop_of(part)).unwrap_or_default();
                    all.sort_by_key(|part| number(part));
                    out.extend(all);
                }
            }
        }
        out
    }

    /// The rounds of long loops that get no lines: they are done, and there is nothing to say of them.
    fn fold_rounds<'s>(&'s self, path: &str, shown: &Shown<'_>) -> HashMap<&'s str, Fold<'s>> {
        let mut folds: HashMap<&str, Fold<'_>> = HashMap::new();
        if shown.args.full || shown.args.io || shown.args.keys {
            return folds;
        }
        let rounds = self.order.iter().filter(|part| part.ends_with(']'));
        for part in rounds.filter(|part| {
            self.children.get(*part).is_some_and(|child| child.is_unremarkable(&child_path(path, part), shown))
        }) {
            folds.entry(loop_of(part)).or_default().hidden.insert(part);
        }
        folds.retain(|_, fold| fold.hidden.len() > MAX_ROUNDS);
        for (name, fold) in &mut folds {
            let first = self.in_order().into_iter().filter(|part| loop_of(part) == *name).take(FIRST_ROUNDS);
            first.for_each(|part| {
                fold.hidden.remove(part);
            });
            fold.left = fold.hidden.len();
        }
        folds
    }

    /// Whether all in it is done at the first attempt.
    fn is_unremarkable(&self, path: &str, shown: &Shown<'_>) -> bool {
        let said = shown.outcomes.contains_key(path)
            || shown.repaired.contains_key(path)
            || shown.fell_back.contains(path)
            || shown.waits.contains_key(path);
        !said
            && self.effects.iter().all(|effect| effect.status == "done" && effect.attempt == 1)
            && self.children.iter().all(|(part, child)| child.is_unremarkable(&child_path(path, part), shown))
    }
}

/// Loops with more rounds that are done are folded.
const MAX_ROUNDS: usize = 12;
/// Of those, so many of the first rounds are shown.
const FIRST_ROUNDS: usize = 3;

/// The rounds of a loop that get no lines.
#[derive(Default)]
struct Fold<'t> {
    hidden: HashSet<&'t str>,
    /// How many of them are still to come.
    left: usize,
}

fn child_path(path: &str, part: &str) -> String {
    if path.is_empty() { part.to_owned() } else { format!("{path}/{part}") }
}

/// The name of the loop of a round: `files` of `files[3]`.
fn loop_of(part: &str) -> &str {
    part.rsplit_once('[').map_or(part, |(name, _)| name)
}

/// A sign and its colour.
type Mark = (&'static str, &'static str);

const FAILED: Mark = ("✗", "31");
const NOT_DONE: Mark = ("○", "33");

fn mark_of_effect(effect: &EffectRow) -> Mark {
    match effect.status.as_str() {
        "done" => ("✓", "32"),
        "failed" => FAILED,
        "running" => ("…", "36"),
        _ => NOT_DONE,
    }
}

fn paint_mark((mark, code): Mark, color: bool) -> String {
    if color { format!("\x1b[{code}m{mark}\x1b[0m") } else { mark.to_owned() }
}

/// How a stage ended that is not done.
struct Outcome {
    /// When, in milliseconds since 1970.
    at: i64,
    status: String,
    message: Option<String>,
}

impl Outcome {
    fn mark(&self) -> Mark {
        if self.status == "failed" { FAILED } else { NOT_DONE }
    }

    /// `: exit code 1`, or `, skipped`.
    fn reason(&self) -> String {
        match (self.status.as_str(), self.message.as_deref().and_then(|m| m.lines().next()).map(neutralize_controls)) {
            ("failed", Some(message)) => format!(": {message}"),
            ("failed", None) => String::new(),
            (status, Some(message)) => format!(", {status}: {message}"),
            (status, None) => format!(", {status}"),
        }
    }
}

/// A wait that a service asked for, in milliseconds since 1970.
struct Wait {
    began: i64,
    until: i64,
}

/// What the tree of a run is written with.
struct Shown<'a> {
    args: &'a RunsShowArgs,
    color: bool,
    /// The last outcome of each stage that is not done, by its path.
    outcomes: HashMap<String, Outcome>,
    /// Stages whose `fallback` was used.
    fell_back: HashSet<String>,
    /// Waits that are not over, by path of the stage.
    waits: HashMap<String, Wait>,
    /// What was corrected to read the last answer of a model, by path of the stage.
    repaired: HashMap<String, Vec<String>>,
}

impl<'a> Shown<'a> {
    fn new(args: &'a RunsShowArgs, color: bool, events: Vec<(i64, i64, Json)>) -> Self {
        let (mut outcomes, mut fell_back, mut waits) = (HashMap::new(), HashSet::new(), HashMap::new());
        let mut repaired = HashMap::new();
        for (_, at, event) in events {
            let text = |name: &str| event.get(name).and_then(Json::as_str).map(str::to_owned);
            let (Some(kind), Some(path)) = (text("event"), text("path")) else { continue };
            if kind == "stage_finished" {
                let status = text("status").unwrap_or_default();
                waits.remove(&path);
                outcomes.insert(path, Outcome { at, status, message: text("message") });
            } else if kind == "answer_repaired" {
                repaired.insert(path, describe_repairs(&event));
            } else if kind == "stage_retrying" {
                waits.remove(&path);
                if let Some(until) = wait_end(at, &event).filter(|until| *until > now_ms()) {
                    waits.insert(path.clone(), Wait { began: at, until });
                }
                if text("next").as_deref() == Some("fallback") {
                    fell_back.insert(path);
                }
            }
        }
        Self { args, color, outcomes, fell_back, waits, repaired }
    }
}

fn effect_facts(effects: &[&EffectRow], attempts: u32) -> String {
    let took: i64 = effects.iter().filter_map(|e| Some(e.ended?.saturating_sub(e.started))).sum();
    let tokens: i64 = effects.iter().map(|e| e.tokens_in + e.tokens_out).sum();
    let cost: i64 = effects.iter().filter_map(|e| e.cost).sum();
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    let mut out = stage_figures(number(took), attempts, number(tokens), cost);
    let Some(last) = effects.last() else { return out };
    out = format!("{}, {out}", last.model.as_deref().unwrap_or(&last.skill));
    if let Some(origin) = &last.origin {
        out.push_str(&format!(", from run {origin}"));
    }
    if let Some(error) = &last.error {
        out.push_str(&format!(": {}", neutralize_controls(error.message.lines().next().unwrap_or_default())));
    } else if last.status == "interrupted" {
        out.push_str(": interrupted");
    } else if last.status == "withdrawn" {
        out.push_str(": given up");
    }
    out
}

fn write_details(effect: &EffectRow, indent: &str, full: bool, out: &mut String) {
    let mut line = |name: &str, text: &str| {
        for (i, part) in text.lines().enumerate() {
            out.push_str(&format!("{indent}{} {part}\n", if i == 0 { name } else { "     " }));
        }
    };
    line("asked", &request_text(effect, full));
    if effect.answer.as_ref().is_some_and(|answer| answer.get("sealed").is_some()) {
        line("said ", REDACTED);
    } else if let Some(answer) = &effect.answer {
        let texts = ["stdout", "body", "text", "answer", "value"];
        match answer.get("calls").and_then(Json::as_array) {
            Some(calls) => {
                let call = |call: &Json| {
                    let name = call.get("name").and_then(Json::as_str).unwrap_or_default();
                    format!("{name} {}", call.get("args").unwrap_or(&Json::Null))
                };
                let calls: Vec<String> = calls.iter().map(call).collect();
                line("calls", &cut_value(&Json::String(calls.join(", ")), full));
            }
            None => {
                let text = texts.iter().find_map(|n| answer.get(n)).unwrap_or(answer);
                line("said ", &cut_value(text, full));
            }
        }
        let changes = answer.pointer("/patch/changes").and_then(Json::as_array);
        let changed: Vec<String> = changes.into_iter().flatten().filter_map(changed_file).collect();
        if !changed.is_empty() {
            line("files", &neutral_line(&changed.join(", ")));
        }
        if let (Some(diff), true) = (answer.get("diff"), full) {
            line("diff ", &cut_value(diff, full));
        }
    }
}

/// A file that an effect changed, with `+` or `-` before a new or a removed one.
fn changed_file(change: &Json) -> Option<String> {
    let path = change.get("path")?.as_str()?;
    let is_there = |when: &str| change.get(when).is_some_and(|state| !state.is_null());
    let is_output = change.get("is_output").and_then(Json::as_bool) == Some(true);
    Some(match (is_there("before"), is_there("after")) {
        (false, true) if !is_output => format!("+{path}"),
        (true, false) => format!("-{path}"),
        _ => path.to_owned(),
    })
}

/// The key of an effect and what it is made of.
fn write_key(effect: &EffectRow, indent: &str, out: &mut String) {
    out.push_str(&format!("{indent}key   {}\n", effect.key));
    for (name, digest) in &effect.key_parts {
        out.push_str(&format!("{indent}      {} {digest}\n", neutral_line(name)));
    }
}

/// What was asked, in the words of its kind.
fn request_text(effect: &EffectRow, full: bool) -> String {
    let request = &effect.request;
    let text = |name: &str| request.get(name).map(shown_text).unwrap_or_default().to_owned();
    match effect.kind.as_str() {
        "run" => {
            let argv = request.get("argv").and_then(Json::as_array).cloned().unwrap_or_default();
            let words: Vec<&str> = argv.iter().map(shown_text).collect();
            cut_value(&Json::String(shown_command(&words)), full)
        }
        "http" => format!("{} {}", text("method"), neutral_line(&text("url"))),
        "prompt" | "agent" => match request.get("turns").and_then(Json::as_array).and_then(|turns| turns.last()) {
            // What is new in a conversation: the results of the tools.
            Some(turn) => {
                let results = turn.get("results").and_then(Json::as_array);
                let results = results.into_iter().flatten().filter_map(|r| r.get("text")?.as_str());
                cut_value(&Json::String(results.collect::<Vec<_>>().join(", ")), full)
            }
            None => cut_value(&Json::String(text("prompt")), full),
        },
        "mcp" => {
            let server = request.pointer("/server/name").and_then(Json::as_str).unwrap_or_default();
            let arguments = cut_value(request.get("args").unwrap_or(&Json::Null), full);
            format!("{} {arguments}", neutral_line(&format!("{server}.{}", text("tool"))))
        }
        _ => cut_value(&Json::String(text("question")), full),
    }
}

/// A value in one line, or as it is.
fn cut_value(value: &Json, full: bool) -> String {
    let text = match value {
        Json::String(text) => text.trim_end().to_owned(),
        other if full => serde_json::to_string_pretty(other).unwrap_or_default(),
        other => other.to_string(),
    };
    if full {
        return neutralize_controls(&text).into_owned();
    }
    let line = neutral_line(&text);
    if line.chars().count() <= SHORT {
        return line;
    }
    line.chars().take(SHORT).chain(['…']).collect()
}
