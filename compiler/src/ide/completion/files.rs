//! Files and folders in the texts that name them: of `import`, `skill_file`, `attach files` and `in`.

use std::path::Path;

use cascade_grammar::{
    Parse,
    ast::{Attach, Expr, ExprKind, ImportSource, ItemKind, SkillLineKind, Span, StrLit, StrPart},
};

use super::item::{Completion, CompletionKind, Completions};
use crate::{index::TYPED_NAME, source::Sources, walk};

/// What a text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// A file of programs, relative to the file.
    Program,
    /// A file of instructions, relative to the file.
    SkillFile,
    /// Files, relative to where the program runs.
    Files,
    /// A folder, relative to where the program runs.
    Folder,
}

/// The entries of the folder that a text names so far.
pub(super) fn complete_path(
    file: &str,
    text: &str,
    parse: &Parse,
    typed: Span,
    word: Span,
    sources: &dyn Sources,
) -> Completions {
    let nothing = Completions { replace: word, ..Completions::default() };
    let Some((names, literal)) = find_text(parse, typed) else { return nothing };
    let start = literal.parts.first().map_or(typed.start, |part| match part {
        StrPart::Text { span, .. } | StrPart::Hole { span, .. } => span.start,
    });
    let before = text.get(start as usize..typed.start as usize).unwrap_or_default();
    // The name that is typed begins after the last `/`; it may have signs that no word has.
    let (folder, name) = before.rsplit_once('/').map_or(("", before), |(folder, name)| (folder, name));
    let base = match names {
        Names::Program | Names::SkillFile => file.to_owned(),
        Names::Files | Names::Folder => project_file(file, sources),
    };
    let inside = match folder {
        "" if before.starts_with('/') => "/".to_owned(),
        "" => sources.resolve(&base, "."),
        folder => sources.resolve(&base, folder),
    };
    let Ok(found) = sources.list(if inside.is_empty() { "." } else { &inside }) else { return nothing };
    let replace = Span { start: word.start - name.len() as u32, end: word.end };
    let mut entries: Vec<(i32, Completion)> = Vec::new();
    for (name, is_folder) in found.into_iter().filter(|(name, _)| !name.starts_with('.')) {
        let wanted = match names {
            Names::Program => name.ends_with(".cascade") && !file.ends_with(&format!("/{name}")),
            Names::SkillFile => name.ends_with(".md"),
            Names::Files => true,
            Names::Folder => false,
        };
        // `import "x.cascade"` begins with `./`, as other paths do not have to.
        let head = if names == Names::Program && before.is_empty() { "./" } else { "" };
        if is_folder {
            let entry = Completion::new(format!("{name}/"), CompletionKind::Folder);
            entries.push((if names == Names::Folder { 90 } else { 50 }, entry.insert(format!("{head}{name}/"))));
        } else if wanted {
            let entry = Completion::new(name.as_str(), CompletionKind::File);
            entries.push((90, entry.insert(format!("{head}{name}"))));
        }
    }
    if names != Names::Files && !folder.is_empty() && folder.split('/').all(|part| part == "..") || before == ".." {
        entries.push((40, Completion::new("../", CompletionKind::Folder)));
    }
    entries.sort_by_key(|(score, _)| -score);
    Completions { replace, entries: entries.into_iter().map(|(_, entry)| entry).collect(), cut: false }
}

/// A name in the folder of the project, or of the file when there is no project.
pub(in crate::ide) fn project_file(file: &str, sources: &dyn Sources) -> String {
    let folders = Path::new(file).ancestors().skip(1);
    let settings = folders.map(|folder| folder.join("cascade.toml").to_string_lossy().into_owned());
    settings.into_iter().find(|name| sources.read(name).is_ok()).unwrap_or_else(|| file.to_owned())
}

fn find_text(parse: &Parse, typed: Span) -> Option<(Names, &StrLit)> {
    let item = parse.file.items.iter().find(|item| item.span.touches(typed.start))?;
    let holds = |text: &StrLit| {
        text.parts.iter().any(|part| {
            matches!(part, StrPart::Text { span, text }
            if span.touches(typed.start) && text.contains(TYPED_NAME))
        })
    };
    let of_expr = |e: &'_ Expr| match &e.kind {
        ExprKind::Str(text) => holds(text),
        _ => false,
    };
    let text_of = |e| text_of(e).filter(|text| holds(text));
    match &item.kind {
        ItemKind::Import(import) => match &import.source {
            ImportSource::Path(path) if holds(path) => Some((Names::Program, path)),
            _ => None,
        },
        ItemKind::Skill(decl) => decl.body.iter().find_map(|line| match &line.kind {
            SkillLineKind::SkillFile(path) if holds(path) => Some((Names::SkillFile, path)),
            SkillLineKind::Attach(Attach::Files { pattern, dir }) => {
                let pattern = text_of(pattern).map(|text| (Names::Files, text));
                pattern.or_else(|| dir.as_ref().and_then(text_of).map(|text| (Names::Folder, text)))
            }
            SkillLineKind::Attach(Attach::Value(value)) => text_of(value).map(|text| (Names::Files, text)),
            SkillLineKind::In(dir) | SkillLineKind::Agent { dir: Some(dir), .. } if of_expr(dir) => {
                text_of(dir).map(|text| (Names::Folder, text))
            }
            _ => None,
        }),
        ItemKind::Cascade(decl) => {
            let mut found = None;
            walk::walk_block(&decl.body, &mut |e| {
                if let ExprKind::Sandbox(x) = &e.kind {
                    found = found.or_else(|| text_of(&x.dir));
                }
            });
            found.map(|text| (Names::Folder, text))
        }
        _ => None,
    }
}

fn text_of(e: &Expr) -> Option<&StrLit> {
    match &e.kind {
        ExprKind::Str(text) => Some(text),
        _ => None,
    }
}
