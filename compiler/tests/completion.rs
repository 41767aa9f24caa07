//! Completion over the examples and the standard library: it never panics, and it offers the name that was
//! written.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a test says what went wrong by failing

use std::{cell::Cell, collections::BTreeMap, fs, io, path::Path, sync::Arc};

use cascade_compiler::{
    FileSources, Sources,
    ide::{Analysed, complete},
};
use cascade_grammar::TokenClass;

/// The examples and the modules of the standard library, by their names.
fn programs() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for folder in fs::read_dir(root.join("examples")).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            // What imports all workflows takes as long as all of them, and tells nothing else.
            let is_program = path.extension().is_some_and(|extension| extension == "cascade");
            if is_program && !path.ends_with("workflows_test.cascade") {
                found.push((path.to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    for module in cascade_stdlib::modules() {
        // Under a name of its own it is a file like others.
        found.push((format!("/{module}.cascade"), cascade_stdlib::source(module).unwrap().to_owned()));
    }
    assert!(found.len() >= 12, "{}", found.len());
    found
}

#[test]
fn completion_answers_at_every_place() {
    for (name, text) in programs() {
        // `CASCADE_COMPLETE=all` asks at every place, which takes some minutes.
        let step = if std::env::var_os("CASCADE_COMPLETE").is_some() { 1 } else { 7 };
        for (offset, _) in text.char_indices().step_by(step) {
            let found = complete(&name, &text, offset as u32, &FileSources, None);
            assert!(found.replace.start as usize <= offset && offset <= found.replace.end as usize, "{name} {offset}");
            assert!(text.get(found.replace.range()).is_some(), "{name} {offset}");
        }
    }
}

/// Sources that know whether a program was compiled: a compilation asks whether it is cancelled.
#[derive(Default)]
struct WatchedSources {
    compiled: Cell<bool>,
}

impl Sources for WatchedSources {
    fn read(&self, name: &str) -> io::Result<Arc<str>> {
        FileSources.read(name)
    }
    fn list(&self, folder: &str) -> io::Result<Vec<(String, bool)>> {
        FileSources.list(folder)
    }
    fn is_cancelled(&self) -> bool {
        self.compiled.set(true);
        false
    }
}

/// What is kept of the last analysis makes the answer faster, and no other one. It is used where the text has
/// not changed since as well as where the name was deleted, and where what follows makes no sense.
#[test]
fn a_body_alone_is_completed_as_the_whole_file_is() {
    let (mut all, mut equal) = (0, 0);
    let mut alone = [0, 0, 0];
    for (name, text) in programs() {
        let options = cascade_compiler::Options { index: true, ..Default::default() };
        let compiled = cascade_compiler::compile_with(&name, text.as_str().into(), &FileSources, options);
        let kept =
            Analysed { analysis: &compiled.analysis, sources: &compiled.sources, diagnostics: &compiled.diagnostics };
        let names = cascade_grammar::parse(&text).tokens.into_iter().filter(|t| t.class() == TokenClass::Name);
        for token in names.step_by(29) {
            let span = token.span();
            let without = format!("{}{}", &text[..span.start as usize], &text[span.end as usize..]);
            let sources = WatchedSources::default();
            let before_string = format!("{}\"a\"{}", &text[..span.start as usize], &text[span.end as usize..]);
            for (text_now, alone) in [&without, &text, &before_string].into_iter().zip(&mut alone) {
                let answer = |kept| {
                    sources.compiled.set(false);
                    let found = complete(&name, text_now, span.start, &sources, kept);
                    // Their order may differ: the kept analysis knows what other bodies use.
                    let mut entries = found.entries;
                    entries.sort_by(|a, b| a.label.cmp(&b.label));
                    (found.replace, found.cut, entries)
                };
                all += 1;
                let quick = answer(Some(kept));
                *alone += usize::from(!sources.compiled.get());
                let slow = answer(None);
                equal += usize::from(quick == slow);
                let place = format!("{name}: `{}` at {}", &text[span.range()], span.start);
                assert_eq!((quick.0, quick.1), (slow.0, slow.1), "{place}");
                let labels = |entries: &[cascade_compiler::ide::Completion]| -> Vec<String> {
                    entries.iter().map(|entry| format!("{} {:?}", entry.label, entry.also)).collect()
                };
                assert_eq!(labels(&quick.2), labels(&slow.2), "{place}");
            }
        }
    }
    assert!(all > 300 && equal * 100 >= all * 98, "{equal} of {all}");
    let [deleted, unchanged, string] = alone;
    assert!(deleted * 6 > all, "{deleted} bodies were checked alone, of {all} questions");
    assert!(unchanged >= deleted, "{unchanged} in texts that have not changed, {deleted} in others");
    assert!(string * 20 > deleted * 19, "{string} before a string, {deleted} where a name was deleted");
}

#[test]
fn what_cannot_follow_a_declaration_does_not_hide_it() {
    let name = "/a.cascade";
    let options = cascade_compiler::Options { index: true, ..Default::default() };
    let before = "fn f() -> int = 0\n\nfn g() -> int = 1\n";
    let compiled = cascade_compiler::compile_with(name, before.into(), &FileSources, options);
    let kept =
        Analysed { analysis: &compiled.analysis, sources: &compiled.sources, diagnostics: &compiled.diagnostics };
    let text = before.replace('0', "\"a\"");
    let sources = WatchedSources::default();
    let found = complete(name, &text, text.find('"').unwrap() as u32, &sources, Some(kept));
    assert!(found.entries.iter().any(|entry| entry.label == "g"));
    assert!(!sources.compiled.get(), "the whole file was checked");
}

/// A name that is deleted and completed: its place, its text, at which position it was offered, and what came first.
fn offered(name: &str, text: &str) -> Vec<(u32, String, Option<usize>, String)> {
    let parse = cascade_grammar::parse(text);
    let compiled = cascade_compiler::compile_with(
        name,
        text.into(),
        &FileSources,
        cascade_compiler::Options { index: true, ..Default::default() },
    );
    let source = compiled.sources.iter().find(|(_, source)| source.name == name).unwrap().0;
    let mut found = Vec::new();
    for token in parse.tokens.iter().filter(|token| token.class() == TokenClass::Name) {
        let span = token.span();
        let word = &text[span.range()];
        // Only uses: what a new name will be nobody can know.
        let references = cascade_compiler::ide::references(&compiled.analysis, source, span.start);
        let is_definition = references.iter().any(|r| r.definition && r.place.span == span && r.place.source == source);
        let stands_for = cascade_compiler::ide::definition(&compiled.analysis, source, span.start);
        if is_definition || stands_for.is_none_or(|d| d.what == "a key") {
            continue;
        }
        let without = format!("{}{}", &text[..span.start as usize], &text[span.end as usize..]);
        // The editor knows the program as it was before the name was deleted.
        let kept =
            Analysed { analysis: &compiled.analysis, sources: &compiled.sources, diagnostics: &compiled.diagnostics };
        let entries = complete(name, &without, span.start, &FileSources, Some(kept)).entries;
        let position = entries.iter().position(|entry| entry.label == word);
        let first = entries.first().map(|entry| entry.label.clone()).unwrap_or_default();
        found.push((span.start, word.to_owned(), position, first));
    }
    found
}

#[test]
fn a_deleted_name_is_offered_again() {
    let (mut all, mut first, mut first_five) = (0, 0, 0);
    let mut missed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let programs = programs();
    let programs = &programs;
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = |half: usize| {
            let mine = programs.iter().skip(half).step_by(2);
            mine.map(|(name, text)| (name, text, offered(name, text))).collect::<Vec<_>>()
        };
        let workers = [0, 1].map(|half| scope.spawn(move || ask(half)));
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    for (name, text, offered) in answers {
        for (at, word, position, best) in offered {
            all += 1;
            first += usize::from(position == Some(0));
            first_five += usize::from(position.is_some_and(|position| position < 5));
            if position != Some(0) {
                let line = text[..at as usize].matches('\n').count() + 1;
                let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
                let place = format!("{line}: `{word}` {position:?} behind `{best}` in `{shown}`");
                missed.entry(name.clone()).or_default().push(place);
            }
        }
    }
    println!("{all} names: {first} first, {first_five} in the first five");
    if std::env::var_os("CASCADE_SHOW_MISSED").is_some() {
        missed.iter().for_each(|(name, places)| println!("{name}\n  {}", places.join("\n  ")));
    }
    assert!(all > 700, "{all}");
    assert!(first_five * 100 >= all * 96, "{first_five} of {all}");
    assert!(first * 100 >= all * 78, "{first} of {all}");
}

/// Half a program is what an editor has most of the time: a token is missing, doubled, or the file ends early.
#[test]
fn completion_answers_in_mutants() {
    // `CASCADE_MUTANTS=1000` makes as many, and asks at every place of them.
    let wanted: Option<usize> = std::env::var("CASCADE_MUTANTS").ok().map(|count| count.parse().unwrap());
    let programs = programs();
    let mut seed = 0x5eed_u64;
    let mut below = |limit: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % limit.max(1)
    };
    for mutant in 0..wanted.unwrap_or(40) {
        let (name, text) = &programs[below(programs.len())];
        let tokens = cascade_grammar::parse(text).tokens;
        let span = tokens[below(tokens.len())].span().range();
        let changed = match mutant % 3 {
            0 => format!("{}{}", &text[..span.start], &text[span.end..]),
            1 => text[..span.end].to_owned(),
            _ => format!("{}{}{}", &text[..span.end], &text[span.clone()], &text[span.end..]),
        };
        // Around the change, or everywhere.
        let near = |at: usize| wanted.is_some() || at.abs_diff(span.start) < 12;
        for (offset, _) in changed.char_indices().filter(|(at, _)| near(*at)).chain([(changed.len(), ' ')]) {
            let found = complete(name, &changed, offset as u32, &FileSources, None);
            assert!(changed.get(found.replace.range()).is_some(), "{name} {offset}");
        }
    }
}
