//! A change as the text of a patch, as git writes it.

use std::{fmt::Write, path::Path};

use super::{Change, Content, Kind, Result, Tree, capture::as_text};

impl Tree {
    /// The changes as a patch. Contents that are no text are named, not shown.
    ///
    /// # Errors
    /// When the first content of a file cannot be read.
    pub fn patch_text(&self, changes: &[Change]) -> Result<String> {
        let mut out = String::new();
        for change in changes {
            let first = self.first_content(Path::new(&change.path))?;
            write_file(&mut out, &change.path, first.as_ref(), change.after.as_ref());
        }
        Ok(out)
    }
}

fn mode_text(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "100644",
        Kind::Executable => "100755",
        Kind::Link => "120000",
    }
}

/// Writing into a string cannot fail, so that results are dropped.
fn write_file(out: &mut String, path: &str, before: Option<&Content>, after: Option<&Content>) {
    let (old, new) = (quote_path("a", path), quote_path("b", path));
    let _ = writeln!(out, "diff --git {old} {new}");
    match (before, after) {
        (None, Some(after)) => {
            let _ = writeln!(out, "new file mode {}", mode_text(after.kind));
        }
        (Some(before), None) => {
            let _ = writeln!(out, "deleted file mode {}", mode_text(before.kind));
        }
        (Some(before), Some(after)) if before.kind != after.kind => {
            let _ = writeln!(out, "old mode {}\nnew mode {}", mode_text(before.kind), mode_text(after.kind));
        }
        _ => {}
    }
    let text = |content: Option<&Content>| match content {
        None => Some(String::new()),
        Some(content) if content.kind == Kind::Link => String::from_utf8(content.bytes.clone()).ok(),
        Some(content) => as_text(content).map(str::to_owned),
    };
    match (text(before), text(after)) {
        (Some(a), Some(b)) if a == b => {}
        (Some(a), Some(b)) => {
            let diff = diffy::create_patch(&a, &b).to_string();
            let body = diff.find("@@").map_or("", |start| &diff[start..]);
            let name = |content: Option<&Content>, name: &str| match content {
                Some(_) => name.to_owned(),
                None => "/dev/null".to_owned(),
            };
            let _ = write!(out, "--- {}\n+++ {}\n{body}", name(before, &old), name(after, &new));
        }
        _ => {
            let _ = writeln!(out, "Binary files {old} and {new} differ");
        }
    }
}

/// A name as git writes it: quoted if it has characters that would be misread.
fn quote_path(side: &str, path: &str) -> String {
    let is_plain = |c: char| !c.is_control() && c != '"' && c != '\\';
    match path.chars().all(is_plain) {
        true => format!("{side}/{path}"),
        false => format!("\"{side}/{}\"", path.escape_default()),
    }
}
