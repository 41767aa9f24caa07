//! How fast text becomes a tree.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

/// The sample programs, repeated until there are at least so many lines.
fn lines(count: usize) -> String {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/workflows");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cascade"));
    paths.sort();
    let once: String = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    once.repeat(count.div_ceil(once.lines().count()))
}

#[divan::bench(args = [100, 1_000, 10_000])]
fn programs(bencher: Bencher<'_, '_>, count: usize) {
    let text = lines(count);
    bencher.counter(BytesCount::of_str(&text)).bench(|| cascade_grammar::parse(&text));
}

/// A mistake on every other line: recovery must not cost more than a constant for each.
#[divan::bench(args = [1_000, 10_000])]
fn mistakes(bencher: Bencher<'_, '_>, count: usize) {
    let text = format!("cascade f() {{\n{}}}\n", "  let x = (1 2)\n  stage y = \n".repeat(count / 2));
    bencher.counter(BytesCount::of_str(&text)).bench(|| cascade_grammar::parse(&text));
}
