//! Checker and renderers: any text gives sorted diagnostics with places inside of it.
#![no_main]

use cascade_compiler::{MemorySources, compile, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let compiled = compile("fuzz.cascade", text.into(), &MemorySources::default());
    for d in &compiled.diagnostics {
        for label in std::iter::once(&d.primary).chain(&d.labels) {
            let text = &compiled.sources.get(label.source).text;
            assert!(text.get(label.span.start as usize..label.span.end as usize).is_some());
        }
    }
    for format in [render::Format::Human, render::Format::Json] {
        render::render(&compiled.diagnostics, &compiled.sources, format, false);
    }
});
