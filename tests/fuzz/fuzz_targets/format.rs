//! Formatter: what can be read can be formatted, and formatting again changes nothing.
#![no_main]

use cascade_compiler::format::format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parse = cascade_grammar::parse(text);
    let Some(once) = format(text, &parse) else {
        assert!(!parse.errors.is_empty());
        return;
    };
    let again = cascade_grammar::parse(&once);
    assert_eq!(parse.trivia.comments.len(), again.trivia.comments.len());
    assert_eq!(format(&once, &again).as_deref(), Some(once.as_str()));
});
