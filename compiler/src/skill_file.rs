//! Agent Skills: files that tell a model how to do something (`skill_file "./review/SKILL.md"`).
//!
//! Such a file begins with front matter in YAML, of which `name` and `description` are the portable part
//! (<https://agentskills.io>), and goes on in Markdown. The text files that it links to are read too, since a model that
//! is asked over HTTP cannot open them.

use std::{collections::HashMap, sync::Arc};

use cascade_grammar::ast::{Span, StrLit, StrPart};
use saphyr::{LoadableYamlNode, Yaml};

use crate::{
    codes,
    diagnostic::Diagnostic,
    source::{SourceId, Sources},
};

/// The longest name and description, in characters.
const LONGEST_NAME: usize = 64;
const LONGEST_DESCRIPTION: usize = 1024;
/// The largest file with all that it links to, in bytes: it is sent with every prompt.
const LARGEST: usize = 256 * 1024;

/// The instructions of a skill file, as a model is given them.
#[derive(Debug)]
pub(crate) struct SkillDocument {
    /// The Markdown after the front matter, and the files that it links to.
    pub instructions: String,
}

/// The skill files of a program, by the module and the start of the path.
pub(crate) type SkillDocuments = HashMap<(usize, u32), Arc<SkillDocument>>;

/// A skill file that a module names.
pub(crate) struct NamedFile<'a> {
    /// The index of the module, its name and its source.
    pub module: (usize, &'a str, SourceId),
    pub path: &'a StrLit,
}

/// Reads the skill files that the modules name. What is wrong with them is reported where they are named.
pub(crate) fn load_skill_files(
    named: Vec<NamedFile<'_>>,
    sources: &dyn Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> SkillDocuments {
    let mut found = SkillDocuments::new();
    for NamedFile { module: (index, module, source), path } in named {
        let place = Place { source, span: path.span };
        let target = match path.parts.as_slice() {
            [StrPart::Text { text, .. }] => text,
            _ => {
                let message = "the path of a skill file is plain text";
                diagnostics.push(place.diagnostic(message).label("no `$<>` here"));
                continue;
            }
        };
        let name = sources.resolve(module, target);
        match read_document(&name, target, place, sources, diagnostics) {
            Ok(document) => {
                found.insert((index, path.span.start), Arc::new(document));
            }
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    found
}

/// Where a skill file is named.
#[derive(Clone, Copy)]
struct Place {
    source: SourceId,
    span: Span,
}

impl Place {
    fn diagnostic(self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(codes::SKILL_FILE, self.source, self.span, message)
    }
}

fn read_document(
    name: &str,
    target: &str,
    place: Place,
    sources: &dyn Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<SkillDocument, Box<Diagnostic>> {
    let text = sources.read(name).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::InvalidData => "the file is not UTF-8 text".to_owned(),
            _ => error.to_string(),
        };
        let d = place.diagnostic(format!("the skill file `{target}` cannot be read")).label(why);
        Box::new(d.help(format!("the path is relative to the file that names it; looked for `{name}`")))
    })?;
    let (matter, body) = split_front_matter(&text).ok_or_else(|| {
        let d = place.diagnostic(format!("`{target}` has no front matter")).label("no skill file");
        Box::new(d.help("it begins with `---`, `name: …`, `description: …` and `---`, each on a line"))
    })?;
    check_front_matter(matter).map_err(|why| {
        Box::new(place.diagnostic(format!("the front matter of `{target}` is wrong")).label(why.clone()).help(
            "a skill file has a `name` of small letters, digits and hyphens, and a `description` of what it is for",
        ))
    })?;
    let mut instructions = body.trim().to_owned();
    for link in local_links(body) {
        let linked = sources.resolve(name, &link);
        match sources.read(&linked) {
            Ok(text) => {
                let text = text.trim_end();
                instructions.push_str(&format!("\n\n<file path=\"{link}\">\n{text}\n</file>"));
            }
            // Scripts and pictures are named, and are not sent.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {}
            Err(_) => {
                let d = place.diagnostic(format!("`{target}` links to `{link}`, which cannot be read"));
                diagnostics.push(d.label("a link of this file leads nowhere").help(format!("looked for `{linked}`")));
            }
        }
    }
    if instructions.len() > LARGEST {
        let size = instructions.len() / 1024;
        let d = place.diagnostic(format!("`{target}` and what it links to are too large")).label(format!("{size} KiB"));
        return Err(Box::new(d.help(format!("at most {} KiB are sent with a prompt", LARGEST / 1024))));
    }
    Ok(SkillDocument { instructions })
}

/// The front matter and the rest of a file.
fn split_front_matter(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches('\u{feff}');
    let rest = text.strip_prefix("---")?.trim_start_matches([' ', '\t', '\r']).strip_prefix('\n')?;
    let mut start = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((&rest[..start], &rest[start + line.len()..]));
        }
        start += line.len();
    }
    None
}

/// Checks the portable part of the front matter.
///
/// # Errors
/// What is wrong, in words.
fn check_front_matter(matter: &str) -> Result<(), String> {
    let documents = Yaml::load_from_str(matter).map_err(|error| format!("it is not YAML: {error}"))?;
    let fields = documents.first().ok_or("it is empty")?;
    let text = |name: &str| -> Result<String, String> {
        let value = fields.as_mapping_get(name).ok_or_else(|| format!("`{name}` is missing"))?;
        value.as_str().map(str::to_owned).ok_or_else(|| format!("`{name}` is not text"))
    };
    let (name, description) = (text("name")?, text("description")?);
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.chars().count() > LONGEST_NAME || !name.chars().all(is_plain) {
        return Err(format!("`{name}` is no name: at most {LONGEST_NAME} small letters, digits and hyphens"));
    }
    match description.trim().chars().count() {
        0 => Err("`description` is empty".to_owned()),
        n if n > LONGEST_DESCRIPTION => Err(format!("`description` has more than {LONGEST_DESCRIPTION} characters")),
        _ => Ok(()),
    }
}

/// The targets of the links in Markdown that are files beside it, each once: neither addresses nor places in the text.
fn local_links(markdown: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut in_fence = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        if in_fence {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let Some(target) = rest.split([')', ' ']).next() else { continue };
            let target = target.trim_matches(['<', '>']).split('#').next().unwrap_or_default();
            let is_address = target.contains("://") || target.starts_with("mailto:") || target.starts_with('/');
            if !target.is_empty() && !is_address && !found.iter().any(|known| known == target) {
                found.push(target.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_is_split_off_and_checked() {
        let split = split_front_matter("---\nname: a\n---\nbody\n---\n");
        assert_eq!(split, Some(("name: a\n", "body\n---\n")));
        assert_eq!(split_front_matter("# no\n---\n"), None);
        assert_eq!(split_front_matter("---\nname: a\n"), None);
        assert_eq!(check_front_matter("name: code-review\ndescription: >\n  Reviews\n  code.\nlicense: MIT\n"), Ok(()));
        for (matter, why) in [
            ("", "it is empty"),
            ("name: a\n", "`description` is missing"),
            ("name: Code Review\ndescription: x\n", "`Code Review` is no name"),
            ("name: [a]\ndescription: x\n", "`name` is not text"),
            ("name: a\ndescription: ''\n", "`description` is empty"),
            ("name: \"a\ndescription: x\n", "it is not YAML"),
        ] {
            let found = check_front_matter(matter).expect_err(matter);
            assert!(found.starts_with(why), "{matter}: {found}");
        }
    }

    #[test]
    fn links_to_files_are_found_outside_of_code() {
        let text = "See [forms](reference/forms.md) and [it again](reference/forms.md#top), [web](https://a.b/c.md),\n\
                    [top](#top), ![picture](<x.png>).\n```\n[no](no.md)\n```\n";
        assert_eq!(local_links(text), ["reference/forms.md", "x.png"]);
    }
}
