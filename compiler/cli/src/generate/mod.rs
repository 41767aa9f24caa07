//! `cascadec generate`: a model writes a program, and the compiler says what is wrong with it until it is right.

mod catalog;

use std::{path::Path, sync::Arc};

use cascade_compiler::{
    Compilation, FileSources, Severity, compile, cost, format::format, render, source::MemorySources,
};
use cascade_ir::screen::neutralize_controls;
use cascade_runtime::{Providers, RunOptions, inputs_from_json, run_blocking, to_json};
use serde_json::{Map, Value as Json, json};

use crate::{
    args::GenerateArgs,
    commands::{print_text, write_file},
    error::Stop,
    progress::{dollars, short_count},
    projects::providers_here,
};

/// The language on one sheet, which a test keeps up to date.
pub const SHEET: &str = include_str!("../../../../docs/language-sheet.md");

/// The program that asks.
const ASKING: &str = include_str!("write.cascade");

/// What a model wrote.
struct Draft {
    program: String,
    explanation: String,
}

/// `cascadec generate`.
pub fn run_generate(args: &GenerateArgs, color: bool) -> Result<u8, Stop> {
    if args.sheet {
        print_text(&skill_of_the_language())?;
        return Ok(0);
    }
    let Some(goal) = &args.goal else {
        return Err(Stop::usage_help(
            "what shall the program do?",
            "say it in a sentence: cascadec generate \"summarise the issues of this week\" -o summary.cascade",
        ));
    };
    let skills = match &args.skills {
        Some(folder) => catalog::describe_skills(folder, &args.output)?,
        None => "none".to_owned(),
    };
    let providers = Arc::new(providers_here()?);
    let (mut tokens, mut cost) = (0, 0);
    let (mut previous, mut mistakes) = (Json::Null, Json::Null);
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}: a model writes the program", args.rounds);
        let inputs = json!({
            "sheet": SHEET, "goal": goal, "skills": skills, "previous": previous, "mistakes": mistakes,
        });
        let (draft, spent) = ask_model(inputs, args.model.as_deref(), &providers, color)?;
        (tokens, cost) = (tokens + spent.0, cost + spent.1);
        let text = without_fence(&draft.program);
        let compiled = compile_draft(&args.output, text);
        if compiled.has_failed() {
            let errors: Vec<_> =
                compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
            if let Some(summary) = render::summarize_counts(&errors) {
                eprintln!("round {round} of {}: {summary}", args.rounds);
            }
            previous = text.into();
            mistakes = render::render(&errors, &compiled.sources, render::Format::Human, false).into();
            continue;
        }
        let text = format(text, &cascade_grammar::parse(text)).unwrap_or_else(|| text.to_owned());
        return write_program(args, &text, &draft, &compiled, (tokens, cost), color);
    }
    let draft = previous.as_str().unwrap_or_default();
    let kept = args.output.with_extension("cascade.draft");
    write_file(&kept, draft)?;
    eprint!("{}", mistakes.as_str().unwrap_or_default());
    eprintln!("{}", said_cost(tokens, cost));
    Err(Stop::failed_help(
        format!("after {} rounds the program still has mistakes; it is in `{}`", args.rounds, kept.display()),
        "say the goal more exactly, allow more `--rounds`, or take another `--model`",
        color,
    ))
}

/// Writes the program and says what it does, what it may cost, and how it is run.
fn write_program(
    args: &GenerateArgs,
    text: &str,
    draft: &Draft,
    compiled: &Compilation,
    (tokens, cost): (u64, i64),
    color: bool,
) -> Result<u8, Stop> {
    if args.output.exists() && !args.force {
        return Err(Stop::usage_help(
            format!("`{}` exists", args.output.display()),
            "name another file with `-o`, or replace it with `--force`",
        ));
    }
    write_file(&args.output, text)?;
    eprint!("{}", render::render(&compiled.diagnostics, &compiled.sources, render::Format::Human, color));
    eprintln!("{}\n", neutralize_controls(draft.explanation.trim()));
    if let Some(program) = &compiled.program {
        eprint!("{}", cost::report_text(&cost::costs(program, false), &program.files));
    }
    eprintln!("{}", said_cost(tokens, cost));
    let shown = args.output.display();
    eprintln!("wrote {shown}; nothing was run. Read it, then: cascadec run {shown}");
    Ok(0)
}

/// Asks a model for a draft; gives it with the tokens and the cost, in millionths of a US dollar.
fn ask_model(
    inputs: Json,
    model: Option<&str>,
    providers: &Arc<Providers>,
    color: bool,
) -> Result<(Draft, (u64, i64)), Stop> {
    let asking = match model {
        Some(name) => {
            let asking = ASKING.replace("import std.models { auto }", &format!("import std.models {{ {name} }}"));
            asking.replace("using auto", &format!("using {name}"))
        }
        None => ASKING.to_owned(),
    };
    let compiled = compile("generate.cascade", asking.into(), &MemorySources::default());
    let Some(program) = compiled.program else {
        return Err(Stop::usage_help(
            format!("there is no model `{}` in the standard library", model.unwrap_or_default()),
            "`cascadec models list` shows the models",
        ));
    };
    let Some(main) = program.main else { return Err(Stop::usage("the program that asks has no cascade")) };
    let fields: Map<String, Json> = match inputs {
        Json::Object(fields) => fields,
        _ => Map::new(),
    };
    let values =
        inputs_from_json(&program, main, &fields).map_err(|error| Stop::usage(format!("the inputs: {error:?}")))?;
    let options = RunOptions { providers: Arc::clone(providers), ..RunOptions::default() };
    let outcome = run_blocking(&program, main, values, options);
    let spent = (outcome.spent.tokens, outcome.spent.cost);
    let value = outcome.result.map_err(|failure| {
        Stop::failed_help(failure.to_string(), "`cascadec doctor` looks for keys and programs of models", color)
    })?;
    let json = to_json(&value);
    let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    Ok((Draft { program: text("program"), explanation: text("explanation") }, spent))
}

/// A program in the place where it will be written, with its imports from there.
fn compile_draft(output: &Path, text: &str) -> Compilation {
    let name = output.to_string_lossy();
    compile(&name, text.into(), &FileSources)
}

/// The text without a Markdown fence around it.
fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let Some(rest) = text.strip_prefix("```") else { return text };
    let Some((_, body)) = rest.split_once('\n') else { return text };
    body.rsplit_once("```").map_or(body, |(body, _)| body).trim()
}

fn said_cost(tokens: u64, cost: i64) -> String {
    format!("{} tokens, {} spent on writing it", short_count(tokens), dollars(cost))
}

/// The sheet as an Agent Skill.
fn skill_of_the_language() -> String {
    format!(
        "---\nname: cascade-language\ndescription: Writes and mends programs of the Cascade language (files that end in \
         .cascade), which coordinate commands, models, agents and people. Use it before writing such a file.\n---\n\n{SHEET}"
    )
}

#[cfg(test)]
mod tests {
    use super::{ASKING, skill_of_the_language, without_fence};

    #[test]
    fn a_fence_is_no_part_of_a_program() {
        for text in ["```cascade\na\nb\n```", "a\nb", "\n```\na\nb\n```\n"] {
            assert_eq!(without_fence(text), "a\nb");
        }
    }

    #[test]
    fn the_program_that_asks_checks() {
        let compiled = cascade_compiler::compile("x.cascade", ASKING.into(), &cascade_compiler::FileSources);
        assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
    }

    #[test]
    fn the_skill_of_the_language_has_its_front_matter() {
        let text = skill_of_the_language();
        assert!(
            text.starts_with("---\nname: cascade-language\ndescription: ") && text.len() < 60_000,
            "{}",
            text.len()
        );
    }
}
