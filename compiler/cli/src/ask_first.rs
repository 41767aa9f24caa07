//! The worst case of a run before it starts (`run --plan`, and `ask_above` in `cascade.toml`).

use std::io::{BufRead, IsTerminal, Write};

use cascade_compiler::cost::{self, Cost};
use cascade_ir::{CascadeId, Model, Program};
use cascade_runtime::Providers;

use crate::{
    args::RunArgs,
    commands::print_text,
    error::Stop,
    progress::dollars,
    projects::{project_of, providers_of},
};

/// Shows what a run may cost at most where that was asked for, and asks whether to start it. `false`: it is not
/// started.
pub fn ask_first(args: &RunArgs, program: &Program, cascade: CascadeId) -> Result<bool, Stop> {
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let threshold = match args.plan {
        true => None,
        // Only a person at a terminal can be asked; a script has started the run on purpose.
        false if args.yes || !terminal || args.live.json => return Ok(true),
        false => match project_of(program).and_then(|project| project.ask_above) {
            Some(threshold) => Some(threshold),
            None => return Ok(true),
        },
    };
    let Some((cost, models)) = cost::cost_of(program, cascade) else { return Ok(true) };
    if threshold.is_some_and(|threshold| !may_exceed(&cost, threshold)) {
        return Ok(true);
    }
    eprint!(
        "{}{}",
        cost::report_text(std::slice::from_ref(&cost), &program.files),
        describe_models(program, &models, &providers_of(program, None)?)
    );
    if let Some(threshold) = threshold {
        eprintln!("It may cost more than {} (`ask_above` in cascade.toml).", dollars(threshold));
    }
    if args.yes {
        return Ok(true);
    }
    if !terminal {
        eprintln!("Not started. `--yes` starts it without a question.");
        return Ok(false);
    }
    eprint!("Start it? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|e| Stop::usage(format!("no answer can be read: {e}")))?;
    let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !yes {
        eprintln!("Not started.");
    }
    Ok(yes)
}

/// Prints what a run may cost at most.
pub fn show_cost(program: &Program, cascade: CascadeId, as_json: bool) -> Result<u8, Stop> {
    let Some((cost, models)) = cost::cost_of(program, cascade) else {
        return Err(Stop::usage("the program has no bound that can be computed"));
    };
    let costs = std::slice::from_ref(&cost);
    if as_json {
        print_text(&cost::report_json(costs, &program.files))?;
        return Ok(0);
    }
    let models = describe_models(program, &models, &providers_of(program, None)?);
    print_text(&format!("{}{models}Not started.\n", cost::report_text(costs, &program.files)))?;
    Ok(0)
}

/// Whether the worst case is more than an amount, or not known.
fn may_exceed(cost: &Cost, micro: i64) -> bool {
    cost.money.as_number().is_none_or(|most| most > u128::from(micro.max(0).unsigned_abs()))
}

/// The models that the run may ask, and which of them cannot be asked here.
fn describe_models(program: &Program, asked: &[&Model], providers: &Providers) -> String {
    let mut out = String::new();
    for model in program.models.iter().filter(|model| asked.iter().any(|known| known.name == model.name)) {
        let price = |price: Option<i64>| price.map_or_else(|| "no price".to_owned(), dollars);
        let (input, output) = (price(model.price_input), price(model.price_output));
        let note =
            providers.why_unavailable(model).map(|reason| format!("; not used here: {reason}")).unwrap_or_default();
        out.push_str(&format!("  model `{}`, {input} in and {output} out for a million tokens{note}\n", model.name));
    }
    out
}
