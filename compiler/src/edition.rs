//! The editions of the language.

/// The newest edition, and the only one so far.
pub const NEWEST: u32 = 1;

/// What is wrong with an edition as a text; `None` when this compiler reads it.
pub fn unknown_edition(text: &str) -> Option<String> {
    match text.parse::<u32>() {
        Ok(NEWEST) => None,
        Ok(number) if number > NEWEST => Some(format!(
            "this version of Cascade reads edition {NEWEST}; edition {number} needs a newer one than {}",
            env!("CARGO_PKG_VERSION")
        )),
        _ => Some(format!("`{text}` is no edition; the newest one is {NEWEST}")),
    }
}
