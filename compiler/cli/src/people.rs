//! Questions of runs: asked on the terminal, or answered by a command.

use std::{
    io::{BufRead, Write},
    sync::Arc,
};

use cascade_ir::screen::{neutral_line, neutralize_controls};
use cascade_runtime::{
    Asked, Pause, Reply,
    journal::{QuestionRow, RunRow, Store},
    redact::find_key,
};
use serde_json::{Value as Json, json};

use crate::{
    args::{AnswerArgs, ApproveArgs, InputArgs, LiveArgs},
    error::Stop,
    journal, resume,
};

/// `cascadec approve` and `cascadec reject`.
pub fn run_approve(args: &ApproveArgs, yes: bool, color: bool) -> Result<u8, Stop> {
    let store = journal::open_project_store()?;
    let row = match &args.run {
        Some(run) => journal::find_run(&*store, run)?,
        None => only_waiting_run(&*store)?,
    };
    let open: Vec<QuestionRow> = open_questions(&*store, &row)?.into_iter().filter(|q| q.kind == "approve").collect();
    let question = pick_question(&row, open, args.stage.as_deref(), "asks for approval")?;
    record_answer(&*store, &row, &question, &Json::Bool(yes))?;
    continue_run(store, row, &question, args.resume, &args.live, color)
}

/// `cascadec answer`.
pub fn run_answer(args: &AnswerArgs, color: bool) -> Result<u8, Stop> {
    let store = journal::open_project_store()?;
    let row = journal::find_run(&*store, &args.run)?;
    let question = pick_question(&row, open_questions(&*store, &row)?, Some(&args.stage), "asks")?;
    let answer =
        parse_answer(&question.kind, &question.options, &args.answer, args.value.as_deref()).map_err(|why| {
            let help = if question.options.is_empty() { None } else { Some(question.options.join(", ")) };
            match help {
                Some(options) => Stop::usage_help(why, format!("the answers are {options}")),
                None => Stop::usage(why),
            }
        })?;
    record_answer(&*store, &row, &question, &answer)?;
    continue_run(store, row, &question, args.resume, &args.live, color)
}

/// The only run that waits for approval.
fn only_waiting_run(store: &dyn Store) -> Result<RunRow, Stop> {
    let mut waiting = Vec::new();
    for row in store.runs()? {
        if row.status != "done"
            && row.status != "failed"
            && store.questions(&row.id)?.iter().any(|q| q.answer.is_none() && q.kind == "approve")
        {
            waiting.push(row);
        }
    }
    let ids: Vec<String> = waiting.iter().map(|row| row.id.clone()).collect();
    match (waiting.pop(), waiting.is_empty()) {
        (Some(row), true) => Ok(row),
        (None, _) => Err(Stop::usage_help("no run waits for approval", "`cascadec runs` lists the runs")),
        (Some(_), false) => Err(Stop::usage_help(
            format!("{} runs wait for approval", ids.len()),
            format!(
                "say which: {}",
                ids.iter().map(|id| format!("`cascadec approve {id}`")).collect::<Vec<_>>().join(", ")
            ),
        )),
    }
}

fn open_questions(store: &dyn Store, row: &RunRow) -> Result<Vec<QuestionRow>, Stop> {
    if row.status == "done" || row.status == "failed" {
        return Err(Stop::usage(format!("run {} has ended ({}); it asks nothing", row.id, row.status)));
    }
    Ok(store.questions(&row.id)?.into_iter().filter(|q| q.answer.is_none()).collect())
}

fn pick_question(
    row: &RunRow,
    mut open: Vec<QuestionRow>,
    stage: Option<&str>,
    asks: &str,
) -> Result<QuestionRow, Stop> {
    if let Some(stage) = stage {
        let exact = open.iter().any(|q| q.path == stage);
        open.retain(|q| if exact { q.path == stage } else { is_named(&q.path, stage) });
    }
    let paths: Vec<String> = open.iter().map(|q| format!("`{}`", q.path)).collect();
    match (open.pop(), stage) {
        (Some(one), _) if open.is_empty() => Ok(one),
        (None, Some(stage)) => Err(Stop::usage_help(
            format!("no stage `{stage}` of run {} {asks}", row.id),
            format!("`cascadec runs show {}` shows its questions", row.id),
        )),
        (None, None) => Err(Stop::usage_help(
            format!("no stage of run {} {asks}", row.id),
            format!("`cascadec runs show {}` shows where it is", row.id),
        )),
        (Some(_), _) => Err(Stop::usage_help(
            format!("several stages of run {} ask: {}", row.id, paths.join(", ")),
            "say which one",
        )),
    }
}

/// Whether a path ends with a stage's name, perhaps with more of the path before it.
fn is_named(path: &str, stage: &str) -> bool {
    let path = path.strip_suffix("/escalate").unwrap_or(path);
    path == stage || path.strip_suffix(stage).is_some_and(|before| before.ends_with('/'))
}

fn record_answer(store: &dyn Store, row: &RunRow, question: &QuestionRow, answer: &Json) -> Result<(), Stop> {
    if store.answer_question(&row.id, &question.path, &question.key, answer)? {
        return Ok(());
    }
    Err(Stop::usage(format!("`{}` of run {} has been answered meanwhile", question.path, row.id)))
}

fn continue_run(
    store: Arc<dyn Store>,
    row: RunRow,
    question: &QuestionRow,
    resume: bool,
    live: &LiveArgs,
    color: bool,
) -> Result<u8, Stop> {
    if row.pid.is_some() {
        eprintln!("`{}` is answered; the run continues", question.path);
        return Ok(0);
    }
    if resume {
        return resume::resume_run(store, row, &InputArgs::default(), false, live, color);
    }
    eprintln!("`{}` is answered; resume the run with: cascadec resume {}", question.path, row.id);
    Ok(0)
}

/// An answer as the run takes it, or why it is none.
fn parse_answer(kind: &str, options: &[String], text: &str, value: Option<&str>) -> Result<Json, String> {
    let text = text.trim_end_matches(['\r', '\n']);
    if let Some(what) = find_key(text.as_bytes()).or_else(|| find_key(value.unwrap_or_default().as_bytes())) {
        // It would be recorded, and shown to models.
        return Err(format!("the answer holds what looks like {what}; give it as an input of the type `secret`"));
    }
    match kind {
        "approve" => match text.trim().to_lowercase().as_str() {
            "y" | "yes" | "true" => Ok(Json::Bool(true)),
            "n" | "no" | "false" => Ok(Json::Bool(false)),
            _ => Err(format!("`{text}` is neither yes nor no")),
        },
        "ask" => Ok(Json::String(text.to_owned())),
        "choose" => {
            let picked = text.trim();
            let by_number = picked.parse::<usize>().ok().and_then(|n| options.get(n.checked_sub(1)?));
            match options.iter().find(|o| *o == picked).or(by_number) {
                Some(option) => Ok(Json::String(option.clone())),
                None => Err(format!("`{picked}` is none of the options")),
            }
        }
        _ => {
            let action = text.trim();
            if !options.iter().any(|o| o == action) {
                return Err(format!("`{action}` is none of the options"));
            }
            match (action, value) {
                ("value", None) => Err("`value` needs the value, as JSON".to_owned()),
                ("value", Some(value)) => match serde_json::from_str::<Json>(value) {
                    Ok(value) => Ok(json!({ "action": action, "value": value })),
                    Err(error) => Err(format!("the value is not JSON: {error}")),
                },
                ("done", value) => Ok(json!({ "action": action, "output": value.unwrap_or_default() })),
                (_, Some(_)) => Err(format!("`{action}` takes no value")),
                (_, None) => Ok(json!({ "action": action })),
            }
        }
    }
}

/// A question for `--json`.
pub fn question_json(asked: &Asked) -> Json {
    json!({
        "stage": asked.path, "kind": asked.kind, "question": asked.question, "options": asked.options,
    })
}

/// A question as it is shown: each of its lines but the first is marked as one, so that it can be told
/// from what stands around it.
fn question_text(question: &str, indent: &str) -> String {
    let shown = neutralize_controls(question);
    shown.trim_end().lines().collect::<Vec<_>>().join(&format!("\n{indent}| "))
}

/// Why a run is paused, and how to resume it.
pub fn explain_pause(run: &str, pause: &Pause, color: bool) -> String {
    let (yellow, end) = if color { ("\x1b[1;33m", "\x1b[0m") } else { ("", "") };
    let mut out = format!("{yellow}paused{end}: {}\n", neutralize_controls(&pause.reason()));
    for asked in &pause.questions {
        out.push_str(&format!("  {}: {}\n", asked.path, question_text(&asked.question, "    ")));
        out.push_str(&match asked.kind.as_str() {
            "approve" => format!("    cascadec approve {run} {0}   or   cascadec reject {run} {0}\n", asked.path),
            "ask" => format!("    cascadec answer {run} {} TEXT\n", asked.path),
            _ => format!("    cascadec answer {run} {} {}\n", asked.path, neutral_line(&asked.options.join("|"))),
        });
    }
    if let Some(until) = pause.until {
        out.push_str(&format!("  it can be resumed at {}\n", crate::time::clock_text(until)));
    }
    out.push_str(&format!("  then: cascadec resume {run}\n"));
    out
}

/// The text of a question with its options, as a terminal may show it, and what is said beside the line for the answer.
pub fn describe_question(asked: &Asked) -> (String, String) {
    let mut text = question_text(&asked.question, "  ");
    let hint = match asked.kind.as_str() {
        "approve" => "yes or no".to_owned(),
        "ask" => String::new(),
        "choose" => {
            for (i, option) in asked.options.iter().enumerate() {
                text.push_str(&format!("\n    {}. {}", i + 1, neutral_line(option)));
            }
            "a number or a name".to_owned()
        }
        _ => neutral_line(&asked.options.join(", ")),
    };
    (text, hint)
}

/// A typed line as an answer, or why it is none.
pub fn parse_line(asked: &Asked, line: &str) -> Result<Json, String> {
    let (action, value) = match asked.kind.as_str() {
        "escalate" | "unknown" => match line.trim().split_once(' ') {
            Some((action, value)) => (action, Some(value)),
            None => (line, None),
        },
        _ => (line, None),
    };
    parse_answer(&asked.kind, &asked.options, action, value)
}

/// Asks below what is on the terminal until there is an answer.
pub fn ask_person(asked: &Asked, color: bool) -> Reply {
    let (cyan, dim, end) = if color { ("\x1b[1;36m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let mut err = std::io::stderr();
    let (text, hint) = describe_question(asked);
    // Where it is asked stands before what is asked: no text can push it away.
    let _ = writeln!(err, "{cyan}?{end} {dim}({}){end} {text}", asked.path);
    loop {
        let _ = write!(err, "  {dim}{hint}{end}> ").and_then(|()| err.flush());
        let mut line = String::new();
        match std::io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => {
                let _ = writeln!(err);
                return Reply::NobodyThere;
            }
            Ok(_) => {}
        }
        match parse_line(asked, &line) {
            Ok(answer) => return Reply::Answer(answer),
            Err(why) => {
                let _ = writeln!(err, "  {}", neutralize_controls(&why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_cannot_be_repainted_by_what_it_shows() {
        let question = "Delete everything?\u{1b}[1A\u{1b}[2K\r? Add a comment?\n  yes or no> yes\n";
        assert_eq!(question_text(question, "  "), "Delete everything?␛[1A␛[2K␍? Add a comment?\n  |   yes or no> yes");
    }
}
