//! Whether a word is an option of a list, alone or with its value.

use crate::programs::Interpreter;

/// Whether a text is one of the options.
pub(crate) fn is_option(options: &[&str], text: &str) -> bool {
    options.contains(&text)
}

/// Whether a text is one of the options, or one with its value (`--option=…`).
pub(crate) fn has_option(options: &[&str], text: &str) -> bool {
    options.iter().any(|o| text == *o || text.strip_prefix(o).is_some_and(|rest| rest.starts_with('=')))
}

/// Whether the value of one of the options follows a text: the option itself, or letters of which
/// the last is one (`-ne`).
pub(crate) fn ends_in_option(options: &[&str], text: &str) -> bool {
    options.iter().any(|option| {
        let letter = option.strip_prefix('-').filter(|o| o.chars().count() == 1);
        let bundled = letter.is_some_and(|l| !text.starts_with("--") && text.starts_with('-') && text.ends_with(l));
        text == *option || bundled
    })
}

/// Whether a text begins with one of the options and its value (`--option=…`, `-ovalue`).
pub(crate) fn has_joined_value(options: &[&str], text: &str) -> bool {
    options.iter().any(|option| {
        text.strip_prefix(option).is_some_and(|rest| match option.starts_with("--") {
            true => rest.starts_with('='),
            false => !rest.is_empty() || text == *option,
        })
    })
}

/// Whether a value that is joined to an option (`--name=…`) is data.
pub(crate) fn is_data_option(interpreter: &Interpreter, text: &str) -> bool {
    let is_code = has_joined_value(interpreter.code, text) || has_joined_value(interpreter.preload, text);
    !is_code && (has_joined_value(interpreter.data, text) || (text.starts_with("--") && text.contains('=')))
}
