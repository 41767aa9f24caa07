//! Test results as JUnit XML.

use cascade_ir::markup::push_escaped;

use super::Done;

/// One suite a file.
pub fn junit_document(done: &[Done<'_>]) -> String {
    let failures = done.iter().filter(|one| !one.has_passed()).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{failures}\">\n",
        done.len()
    );
    let mut rest = done;
    while let Some(first) = rest.first() {
        let of_file = rest.iter().take_while(|one| one.file.name == first.file.name).count();
        let (suite, others) = rest.split_at(of_file);
        rest = others;
        let failures = suite.iter().filter(|one| !one.has_passed()).count();
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{of_file}\" failures=\"{failures}\">\n",
            escape_xml_text(&first.file.name)
        ));
        for one in suite {
            write_case(&mut out, one);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn write_case(out: &mut String, one: &Done<'_>) {
    let place = one.test.place;
    out.push_str(&format!(
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{0}\" line=\"{}\"",
        escape_xml_text(&one.file.name),
        escape_xml_text(&one.test.name),
        place.line
    ));
    if one.has_passed() {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    for problem in &one.rehearsed.problems {
        let mut text = format!("{}:{}:{}\n", one.file.name, problem.place.line, problem.place.column);
        for line in problem.notes.iter().chain(&problem.help) {
            text.push_str(line);
            text.push('\n');
        }
        if one.seed > 0 {
            text.push_str(&format!("with --seed {}\n", one.seed));
        }
        out.push_str(&format!(
            "      <failure message=\"{}\">{}</failure>\n",
            escape_xml_text(&problem.message),
            escape_xml_text(&text).replace("&#10;", "\n")
        ));
    }
    out.push_str("    </testcase>\n");
}

/// Escapes text for XML; characters that XML cannot hold are left out.
fn escape_xml_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, text, |c| match c {
        '\n' => Some("&#10;"),
        '\t' => None,
        c => c.is_control().then_some(""),
    });
    out
}
