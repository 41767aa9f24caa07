//! A number that 64 bits do not hold keeps its digits wherever it goes: inputs, answers, bodies, prompts, memory, the
//! journal, events.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use cascade_tests::server::serve;
use project::{Project, stderr, stdout};

const ID: &str = "123456789012345678901234567890";

#[test]
fn a_large_number_keeps_its_digits() {
    let project = Project::new();
    let (url, server) = serve(vec![(200, format!("{{\"id\": {ID}}}"))]);
    let text = format!(
        r#"memory notes: global {{
  last: json = null
}}

skill send(order: json) -> json {{
  http post "{url}/" {{ body: order }}
    output json json
}}

skill ready(order: json) -> string {{
  run sh"test -e ready && echo $<order>"
}}

cascade main(order: json) -> {{ got: json, told: string, seen: json }} {{
  stage got = send(order)
  notes.last = got
  stage told = ready(order)
  return {{ got: got, told: told, seen: notes.last }}
}}
"#
    );
    project.write("flow.cascade", &text);
    let order = format!("order={{\"id\": {ID}, \"of\": [18446744073709551616]}}");
    let failed = project.call(&["run", "--json", "flow.cascade", "--input", &order]);
    assert_eq!(failed.status.code(), Some(1), "{}", stderr(&failed));
    let asked = server.join().unwrap().remove(0);
    assert!(asked.ends_with(&format!("{{\"id\":{ID},\"of\":[18446744073709551616]}}")), "{asked}");
    project.write("ready", "");
    let done = project.call(&["resume", "--json"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let result = stdout(&done).lines().find(|line| line.contains("\"result\"")).unwrap().to_owned();
    assert!(result.contains(&format!("{{\"got\":{{\"id\":{ID}}},\"told\":\"id: {ID}\\nof:\\n")), "{result}");
    assert!(result.contains(&format!("\"seen\":{{\"id\":{ID}}}")), "{result}");
    let kept = stdout(&project.call(&["memory", "get", "notes.last"]));
    assert!(kept.contains(ID), "{kept}");
    let shown = stdout(&project.call(&["runs", "show", "last", "--json"]));
    assert!(shown.matches(ID).count() >= 3, "{shown}");
}
