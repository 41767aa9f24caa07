//! Lexer and parser: any text gives a tree, with sorted errors inside of the text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parse = cascade_grammar::parse(text);
    assert!(parse.errors.is_sorted_by_key(|e| e.span.start));
    for error in &parse.errors {
        assert!(text.get(error.span.start as usize..error.span.end as usize).is_some());
    }
    assert_eq!(parse, cascade_grammar::parse(text));
});
