//! `cascadec runs verify`: whether the record of a run is whole and as it was written.

use cascade_ir::screen::neutral_line;
use cascade_runtime::journal::{RunRow, Store, Verification};
use serde_json::json;

use crate::{args::RunsVerifyArgs, commands::print_text, error::Stop, journal};

/// `cascadec runs verify`. Gives 1 when a record is not what was written, or cannot be verified.
pub fn verify_run(store: &dyn Store, args: &RunsVerifyArgs) -> Result<u8, Stop> {
    let runs: Vec<RunRow> = match &args.run {
        Some(id) => vec![journal::find_run(store, id)?],
        None => store.runs()?,
    };
    let (mut out, mut code) = (String::new(), 0);
    for run in &runs {
        let verified = store.verify(&run.id)?;
        if verified.unknown || !verified.faults.is_empty() {
            code = 1;
        }
        if args.json {
            let (rows, faults) = (verified.rows, &verified.faults);
            let line = json!({ "run": run.id, "rows": rows, "faults": faults, "unknown": verified.unknown });
            out.push_str(&format!("{line}\n"));
        } else {
            out.push_str(&format!("{}  {}\n", run.id, describe_faults(&verified)));
        }
    }
    if runs.is_empty() {
        out.push_str("no runs are recorded\n");
    }
    print_text(&out)?;
    Ok(code)
}

/// What was found, in a few lines.
pub(super) fn describe_faults(verified: &Verification) -> String {
    if verified.unknown {
        return "cannot be verified: an earlier version of Cascade recorded it".to_owned();
    }
    match verified.faults.as_slice() {
        [] => format!("whole and unchanged ({} rows)", verified.rows),
        faults => {
            let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {}", neutral_line(fault))).collect();
            format!("NOT what was written:{}", lines.concat())
        }
    }
}
