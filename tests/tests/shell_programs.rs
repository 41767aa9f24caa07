//! Each row of the tables of programs and variables that read code has a script in `tests/shell/programs.txt` in
//! which a value would become code, and, where there is one, a script in which it is data.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use cascade_compiler::{MemorySources, compile};
use cascade_shell::{Row, table_rows};
use cascade_tests::programs::repository_root;

/// A script of the file.
struct Case {
    /// The line that it stands on, from 1.
    line: usize,
    /// The heading above it: a program, or `variables`.
    heading: String,
    /// Whether the value in it would become code.
    is_code: bool,
    /// The script, with the value as `$<x>`.
    script: String,
}

impl Case {
    /// Whether the script has a word, alone or with a value joined to it.
    fn has_word(&self, word: &str) -> bool {
        self.script.split([' ', ';', '|']).any(|part| {
            part.strip_prefix(word).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('=') || (rest.starts_with("$<") && word.starts_with('-'))
            })
        })
    }

    /// Whether the script gives the value to a variable with this name.
    fn assigns(&self, variable: &str) -> bool {
        self.script.split(' ').any(|word| word.strip_prefix(variable).is_some_and(|rest| rest.starts_with("=$<")))
    }
}

fn read_cases() -> Vec<Case> {
    let text = std::fs::read_to_string(repository_root().join("tests/shell/programs.txt")).unwrap();
    let (mut cases, mut heading) = (Vec::new(), String::new());
    for (at, line) in text.lines().enumerate() {
        let line_number = at + 1;
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            heading = name.to_owned();
            continue;
        }
        let (kind, script) = line.split_once(' ').unwrap_or_else(|| panic!("line {line_number}: {line}"));
        let is_code = match kind {
            "code" => true,
            "data" => false,
            other => panic!("line {line_number}: `{other}` is neither `code` nor `data`"),
        };
        cases.push(Case { line: line_number, heading: heading.clone(), is_code, script: script.to_owned() });
    }
    cases
}

/// Whether one of the cases shows a row of the tables.
fn is_shown(row: Row, cases: &[Case]) -> bool {
    cases.iter().any(|case| match row {
        Row::Program(name) => case.is_code && case.heading == name && case.has_word(name),
        Row::CodeWord(name, word) => case.is_code && case.heading == name && case.has_word(word),
        Row::DataWord(name, word) => !case.is_code && case.heading == name && case.has_word(word),
        Row::CodeVariable(name) => case.is_code && case.assigns(name),
        Row::CodeVariables(prefix) => {
            case.is_code && case.script.split(' ').any(|word| word.starts_with(prefix) && word.contains("=$<"))
        }
        Row::DataVariable(name) => !case.is_code && case.assigns(name),
    })
}

/// The lines of the file whose scripts are refused with E0601.
fn refused_lines(cases: &[Case]) -> BTreeSet<usize> {
    let mut program = "skill suggest() -> string {\n  prompt \"What?\"\n}\n".to_owned();
    for case in cases {
        let script = case.script.replace('\\', "\\\\");
        program += &format!("skill s{}(x: string) {{\n  run sh\"\"\"\n    {script}\n    \"\"\"\n}}\n", case.line);
    }
    program += "cascade main() {\n  stage x = suggest()\n";
    let mut lines_of_calls = BTreeMap::new();
    for case in cases {
        lines_of_calls.insert(program.lines().count() as u32 + 1, case.line);
        program += &format!("  stage c{0} = s{0}(x)\n", case.line);
    }
    program += "}\n";
    let sources = MemorySources::one("main.cascade", &program);
    let compilation = compile("main.cascade", program.as_str().into(), &sources);
    let mut refused = BTreeSet::new();
    for diagnostic in &compilation.diagnostics {
        let (line, _) = compilation.sources.get(diagnostic.primary.source).position(diagnostic.primary.span.start);
        match diagnostic.code.as_str() {
            "E0601" => drop(refused.insert(lines_of_calls[&line])),
            code if code.starts_with('E') => {
                panic!("{code}: {}: {}", diagnostic.message, program.lines().nth(line as usize - 1).unwrap());
            }
            _ => {}
        }
    }
    refused
}

#[test]
fn each_row_has_a_script() {
    let cases = read_cases();
    let missing: Vec<Row> = table_rows().into_iter().filter(|row| !is_shown(*row, &cases)).collect();
    assert!(missing.is_empty(), "write a script for each into tests/shell/programs.txt: {missing:#?}");
}

#[test]
fn each_heading_is_a_program_of_the_table() {
    let programs: BTreeSet<&str> = table_rows()
        .into_iter()
        .filter_map(|row| match row {
            Row::Program(name) => Some(name),
            _ => None,
        })
        .collect();
    for case in read_cases() {
        let is_known = programs.contains(case.heading.as_str()) || case.heading == "variables";
        assert!(is_known, "line {}: [{}] is in no table", case.line, case.heading);
        assert!(case.script.contains("$<x>"), "line {}: no value", case.line);
    }
}

#[test]
fn values_that_would_become_code_are_refused_and_data_passes() {
    let cases = read_cases();
    let refused = refused_lines(&cases);
    let wrong: Vec<String> = cases
        .iter()
        .filter(|case| refused.contains(&case.line) != case.is_code)
        .map(|case| format!("{}: {} {}", case.line, if case.is_code { "code" } else { "data" }, case.script))
        .collect();
    assert!(wrong.is_empty(), "judged otherwise than written:\n{}", wrong.join("\n"));
}
