//! Programs as text.

use std::fmt::Write as _;

use super::flow::{Cascade, Flow, Otherwise, PAY, Step, Words, Work};

/// The text of a program.
pub fn text(flow: &Flow) -> String {
    let mut out = "memory notes: global {\n  seen: list<string> = []\n}\n".to_owned();
    for (i, version) in flow.versions.iter().enumerate() {
        let once = if i == PAY { "@once\n" } else { "" };
        let name = skill_name(i);
        // Writing into a string cannot fail.
        let _ =
            write!(out, "\n{once}skill {name}(word: string) -> string {{\n  run sh\"{name} v{version} $<word>\"\n}}\n");
    }
    for cascade in &flow.cascades {
        write_cascade(&mut out, flow, cascade);
    }
    out
}

/// The name of a skill.
pub fn skill_name(skill: usize) -> String {
    if skill == PAY { "pay".to_owned() } else { format!("work{skill}") }
}

fn write_cascade(out: &mut String, flow: &Flow, cascade: &Cascade) {
    let is_main = cascade.name == "main";
    let (param, ty) = if is_main { ("", "json") } else { ("word: string", "string") };
    let _ = writeln!(out, "\ncascade {}({param}) -> {ty} {{", cascade.name);
    if is_main {
        out.push_str("  let word = \"begin\"\n");
    }
    write_steps(out, flow, &cascade.steps, 1);
    let result = text_expression(&result_of(cascade));
    match is_main {
        true => {
            let _ = writeln!(out, "  return {{ value: {result}, seen: notes.seen }} as json");
        }
        false => {
            let _ = writeln!(out, "  return {result}");
        }
    }
    for (hook, head) in [(&cascade.on_failure, "on failure(error)"), (&cascade.on_success, "on success(result)")] {
        if let Some(work) = hook {
            let _ = writeln!(out, "\n  {head} {{");
            write_work(out, work, 2);
            out.push_str("  }\n");
        }
    }
    out.push_str("}\n");
}

/// What a cascade gives: the values of all its stages.
pub fn result_of(cascade: &Cascade) -> Words {
    let values = cascade.steps.iter().flat_map(Step::values).collect();
    Words { word: cascade.name.clone(), values }
}

/// The expression of a text with values in it.
fn text_expression(words: &Words) -> String {
    let mut out = format!("\"{}", words.word);
    for value in &words.values {
        let or = if value.optional { " ?? \"none\"" } else { "" };
        let _ = write!(out, "-$<{}{or}>", value.name);
    }
    out.push('"');
    out
}

fn write_work(out: &mut String, work: &Work, depth: usize) {
    let indent = "  ".repeat(depth);
    let _ = writeln!(out, "{indent}stage {} = {}({})", work.name, skill_name(work.skill), text_expression(&work.words));
    write_retry(out, work.retry, &indent);
    match &work.otherwise {
        Otherwise::Fail => {}
        Otherwise::FailWith => {
            let _ = writeln!(out, "{indent}  on error fail \"it did not work\"");
        }
        Otherwise::Skip => {
            let _ = writeln!(out, "{indent}  on error skip");
        }
        Otherwise::Fallback { skill, word } => {
            let _ = writeln!(out, "{indent}  on error fallback {}(\"{word}\")", skill_name(*skill));
        }
    }
}

fn write_retry(out: &mut String, retry: u32, indent: &str) {
    if retry > 0 {
        let _ = writeln!(out, "{indent}  retry {retry} backoff 0ms..0ms");
    }
}

fn write_steps(out: &mut String, flow: &Flow, steps: &[Step], depth: usize) {
    let indent = "  ".repeat(depth);
    for step in steps {
        match step {
            Step::Work(work) => write_work(out, work, depth),
            Step::Ask { name, words } => {
                let _ = writeln!(out, "{indent}stage {name} = ask({})", text_expression(words));
            }
            Step::Remember(words) => {
                let _ = writeln!(out, "{indent}notes.seen += [{}]", text_expression(words));
            }
            Step::Parallel { name, one_by_one, branches } => {
                let max = if *one_by_one { " max 1" } else { "" };
                let _ = writeln!(out, "{indent}stage {name} = parallel{max} {{");
                write_steps(out, flow, branches, depth + 1);
                let _ = writeln!(out, "{indent}}}");
            }
            Step::For { name, item, rounds, at_once, body } => {
                let items: Vec<String> = (0..*rounds).map(|i| format!("\"i{i}\"")).collect();
                let how = at_once.map_or(String::new(), |max| format!(" parallel max {max}"));
                let _ = writeln!(out, "{indent}stage {name} = for {item} in [{}]{how} {{", items.join(", "));
                write_steps(out, flow, body, depth + 1);
                let _ = writeln!(out, "{indent}  {}\n{indent}}}", text_expression(&result_of_round(item, body)));
                let _ = writeln!(out, "{indent}let j{name} = {name}.join(\"+\")");
            }
            Step::Call { name, cascade, words, retry, skip } => {
                let of = flow.cascades.get(*cascade).map_or("", |c| c.name.as_str());
                let _ = writeln!(out, "{indent}stage {name} = {of}({})", text_expression(words));
                write_retry(out, *retry, &indent);
                if *skip {
                    let _ = writeln!(out, "{indent}  on error skip");
                }
            }
        }
    }
}

/// What a round of a loop gives.
pub fn result_of_round(item: &str, body: &[Step]) -> Words {
    Words { word: format!("of-{item}"), values: body.iter().flat_map(Step::values).collect() }
}
