//! Files that commands declare as their output are kept, verified when the answer is used again, and put back; files
//! that are inputs are known by their content.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::fs;

use cascade_runtime::{Begin, RunOutcome};
use project::{Project, result_json};
use serde_json::json;

/// The shape of a Snakemake pipeline: sort two samples, join them, split the result.
const PIPELINE: &str = r#"
skill sort_sample(input: file, name: string) -> file {
  run sh"echo sort $<name> >> log; mkdir -p out; sort $<input> > out/$<name>.sorted"
    output file "out/$<name>.sorted"
}

skill join_samples(samples: list<file>) -> file {
  run sh"echo join >> log; cat $<samples> > out/all.txt"
    output file "out/all.txt"
}

skill split(all: file) -> list<file> {
  run sh"echo split >> log; cd out && split -l 2 ../$<all> part_"
    output files "out/part_*"
}

cascade main() -> list<string> {
  stage sorted = for name in ["a", "b"] {
    let sample: path = "$<name>.txt"
    stage one = sort_sample(sample, name)
      cache 1d
    one
  }
  stage all = join_samples(sorted)
    cache 1d
  stage parts = split(all)
    cache 1d
  return parts.map(|p| p.to_text())
}
"#;

fn pipeline() -> Project {
    let project = Project::new();
    project.write("a.txt", "2\n1\n");
    project.write("b.txt", "3\n");
    project
}

fn run(project: &Project) -> RunOutcome {
    fs::remove_file(project.path().join("log")).ok();
    project.run(PIPELINE, Begin::New)
}

#[test]
fn a_touched_input_runs_exactly_what_depends_on_it() {
    let project = pipeline();
    assert_eq!(result_json(&run(&project)), json!(["out/part_aa", "out/part_ab"]));
    assert_eq!(project.lines("log"), ["sort a", "sort b", "join", "split"]);
    run(&project);
    assert_eq!(project.lines("log"), [""; 0]);
    // Written again with the same content, it is the same file.
    project.write("b.txt", "3\n");
    run(&project);
    assert_eq!(project.lines("log"), [""; 0]);
    project.write("b.txt", "0\n");
    run(&project);
    assert_eq!(project.lines("log"), ["sort b", "join", "split"]);
    assert_eq!(project.lines("out/all.txt"), ["1", "2", "0"]);
    // An input that changes nothing of what is made of it ends the chain.
    project.write("a.txt", "1\n2\n");
    run(&project);
    assert_eq!(project.lines("log"), ["sort a"]);
}

#[test]
fn an_output_that_was_deleted_or_changed_is_put_back() {
    let project = pipeline();
    run(&project);
    fs::remove_dir_all(project.path().join("out")).unwrap();
    run(&project);
    assert_eq!(project.lines("log"), [""; 0]);
    assert_eq!(project.lines("out/all.txt"), ["1", "2", "3"]);
    assert_eq!(project.lines("out/part_ab"), ["3"]);
    project.write("out/all.txt", "changed by hand\n");
    run(&project);
    assert_eq!(project.lines("out/all.txt"), ["1", "2", "3"]);
}

/// A plan reads inputs as the run would find them: what its recorded answers leave is put back first.
#[test]
fn a_plan_knows_that_outputs_are_put_back() {
    let project = pipeline();
    let first = run(&project);
    let paths = |planned: &[cascade_runtime::PlannedEffect]| -> Vec<String> {
        planned.iter().map(|effect| effect.path.clone()).collect()
    };
    for lost in ["out", "out/a.sorted", "out/all.txt"] {
        let path = project.path().join(lost);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::write(&path, "by hand\n").unwrap()
        }
        let plan = project.plan(PIPELINE, &first.run);
        assert_eq!(plan.end.as_deref(), Some("done"), "{lost}: {plan:?}");
        assert_eq!((plan.reused.len(), paths(&plan.runs)), (4, vec![]), "{lost}");
        run(&project);
    }
    project.write("b.txt", "0\n");
    fs::remove_dir_all(project.path().join("out")).unwrap();
    let plan = project.plan(PIPELINE, &first.run);
    assert_eq!(paths(&plan.reused), ["main/sorted[0]/one"]);
    assert_eq!(paths(&plan.runs), ["main/sorted[1]/one"]);
    assert_eq!(paths(&plan.depends), ["main/all", "main/parts"]);
}

#[test]
fn a_resumed_run_puts_the_outputs_of_finished_stages_back() {
    let program = r#"
skill make() -> file {
  run sh"echo make >> log; printf '\377\000binary' > made.bin; chmod +x made.bin"
    output file "made.bin"
}

skill use_it(made: file) -> string {
  run sh"test -e go && test -x $<made> && wc -c < $<made>"
}

cascade main() -> string {
  stage made = make()
  stage used = use_it(made)
  return used
}
"#;
    let project = Project::new();
    let first = project.run(program, Begin::New);
    assert_eq!(first.result.as_ref().unwrap_err().stage, "main/used");
    fs::remove_file(project.path().join("made.bin")).unwrap();
    project.write("go", "");
    assert_eq!(result_json(&project.run(program, Begin::Resume(first.run))), "8");
    assert_eq!(project.lines("log"), ["make"]);
}

#[test]
fn an_input_is_known_by_its_content_in_a_fork_too() {
    let program = r#"
skill count(input: file) -> string {
  run sh"echo count >> log; wc -l < $<input>"
}

cascade main() -> string {
  let input: path = "in.txt"
  stage n = count(input)
  return n
}
"#;
    let project = Project::new();
    project.write("in.txt", "1\n");
    let first = project.run(program, Begin::New);
    assert_eq!(result_json(&project.run(program, Begin::Fork(first.run.clone()))), "1");
    assert_eq!(project.lines("log"), ["count"]);
    project.write("in.txt", "1\n2\n");
    assert_eq!(project.plan(program, &first.run).runs.len(), 1);
    assert_eq!(result_json(&project.run(program, Begin::Fork(first.run))), "2");
    assert_eq!(project.lines("log"), ["count", "count"]);
}

#[test]
fn what_is_missing_or_leads_out_is_a_failure() {
    for (output, wrong) in [
        ("output file \"none\"", "the program ended well, and did not make `none`"),
        ("output files \"none/*\"", "the program ended well, and made no file that `none/*` matches"),
        ("output file \"../outside\"", "leads out of its workspace"),
        ("output file \"folder\"", "`folder` is no file"),
    ] {
        let ty = if output.contains("files") { "list<file>" } else { "file" };
        let program = format!(
            "skill make() -> {ty} {{\n  run sh\"mkdir -p folder\"\n    {output}\n}}\n\ncascade main() {{\n  \
             stage made = make()\n}}\n"
        );
        let project = Project::new();
        let failure = project.run(&program, Begin::New).result.unwrap_err();
        assert!(failure.message.contains(wrong), "{output}: {failure}");
    }
    let program = "skill count(input: file) -> string {\n  run sh\"wc -l < $<input>\"\n}\n\ncascade main() -> string \
                   {\n  let input: path = \"none\"\n  stage n = count(input)\n  return n\n}\n";
    let failure = Project::new().run(program, Begin::New).result.unwrap_err();
    assert!(failure.message.contains("the input `none` cannot be read"), "{failure}");
}
