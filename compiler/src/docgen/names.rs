//! Resolves names to link targets.

use std::collections::{HashMap, HashSet};

use cascade_grammar::ast::{ImportSource, Item, ItemKind, Name};

use super::Input;

/// The keyword and the name of a declaration; `None` if it has no name.
pub(super) fn declared_name(item: &Item) -> Option<(&'static str, &Name)> {
    Some(match &item.kind {
        ItemKind::Type(decl) => ("type", &decl.name),
        ItemKind::Alias(decl) => ("type", &decl.name),
        ItemKind::Enum(decl) => ("enum", &decl.name),
        ItemKind::Model(decl) => ("model", &decl.name),
        ItemKind::Route(decl) => ("route", &decl.name),
        ItemKind::Mcp(decl) => ("mcp", &decl.name),
        ItemKind::Skill(decl) => ("skill", &decl.name),
        ItemKind::Fn(decl) => ("fn", &decl.name),
        ItemKind::Const(decl) => ("let", &decl.name),
        ItemKind::Memory(decl) => ("memory", &decl.name),
        ItemKind::Cascade(decl) => ("cascade", &decl.name),
        ItemKind::Import(_) | ItemKind::Test(_) | ItemKind::Edition(_) | ItemKind::Error => return None,
    })
    .filter(|(_, name)| !name.text.is_empty())
}

/// The target of a name.
enum Target {
    /// A declaration: its file and its anchor.
    Item(usize, String),
    /// Another file.
    File(usize),
}

/// The names visible in each file.
pub(super) struct Names {
    /// The page of each file.
    pub pages: Vec<String>,
    names: Vec<HashMap<String, Target>>,
}

impl Names {
    pub fn new(inputs: &[Input]) -> Self {
        let mut taken = HashSet::from(["index.html".to_owned()]);
        let mut pages = Vec::new();
        for input in inputs {
            let base: String = input
                .title
                .trim_end_matches(".cascade")
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '.' })
                .collect();
            let base = base.trim_start_matches('.');
            let mut page = format!("{base}.html");
            let mut n = 1;
            // Some file systems do not distinguish `A.html` from `a.html`.
            while !taken.insert(page.to_lowercase()) {
                n += 1;
                page = format!("{base}.{n}.html");
            }
            pages.push(page);
        }
        let by_name: HashMap<&str, usize> =
            inputs.iter().enumerate().map(|(i, input)| (input.name.as_str(), i)).collect();
        let own = |file: usize| {
            let items = inputs[file].parse.file.items.iter();
            items
                .filter_map(|item| declared_name(item))
                .map(|(kind, name)| (name.text.to_string(), anchor_of(kind, name)))
        };
        let mut names = Vec::new();
        for (file, input) in inputs.iter().enumerate() {
            let mut map: HashMap<String, Target> = HashMap::new();
            for (index, item) in input.parse.file.items.iter().enumerate() {
                let ItemKind::Import(import) = &item.kind else { continue };
                let Some(from) = input.imports.get(&index).and_then(|name| by_name.get(name.as_str())).copied() else {
                    continue;
                };
                let whole = match (&import.names, &import.alias, &import.source) {
                    (None, Some(alias), _) => Some(alias.text.to_string()),
                    (None, None, ImportSource::Module(path)) => path.last().map(|name| name.text.to_string()),
                    _ => None,
                };
                map.extend(whole.map(|name| (name, Target::File(from))));
                for one in import.names.iter().flatten() {
                    let local = one.alias.as_ref().unwrap_or(&one.name);
                    if let Some((_, anchor)) = own(from).find(|(name, _)| *name == one.name.text.as_str()) {
                        map.insert(local.text.to_string(), Target::Item(from, anchor));
                    }
                }
            }
            map.extend(own(file).map(|(name, anchor)| (name, Target::Item(file, anchor))));
            names.push(map);
        }
        Self { pages, names }
    }

    /// The address of a dotted name as it is used in a file.
    pub fn link(&self, file: usize, path: &[&str]) -> Option<String> {
        let (first, rest) = path.split_first()?;
        match (self.names.get(file)?.get(*first)?, rest) {
            (Target::Item(target, anchor), []) => Some(self.address(file, *target, anchor)),
            (Target::File(target), [name]) => match self.names.get(*target)?.get(*name)? {
                // Names that the other file imports are not exported by it.
                Target::Item(owner, anchor) if owner == target => Some(self.address(file, *target, anchor)),
                _ => None,
            },
            _ => None,
        }
    }

    fn address(&self, from: usize, target: usize, anchor: &str) -> String {
        if from == target { format!("#{anchor}") } else { format!("{}#{anchor}", self.pages[target]) }
    }
}

/// The anchor of a declaration on its page.
pub(super) fn anchor_of(kind: &str, name: &Name) -> String {
    let clean =
        |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_string() } else { format!("u{:x}", u32::from(c)) };
    format!("{kind}.{}", name.text.chars().map(clean).collect::<String>())
}
