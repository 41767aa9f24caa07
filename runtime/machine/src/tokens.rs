//! How many tokens a prompt has, measured by the tokenizer of OpenAI's models (`o200k_base`).
//!
//! Other providers publish no tokenizer. Their models count more tokens for the same text; by how much is known from
//! comparisons, and is added as a margin.

use crate::request::Attachment;

/// The tokenizer is given a text in pieces of this size, in bytes: its regular expressions need much memory for long
/// runs of spaces. A cut adds at most one token.
const PIECE: usize = 2048;
/// What a picture costs at most for most models, in tokens.
const PICTURE: u64 = 2_000;
/// What a page of a PDF costs, as text and as a picture.
const PAGE: u64 = 3_000;
/// Bytes of sound and of films for one token: speech of 64 kbit/s with 32 tokens a second, films of 1 Mbit/s with 300.
const SOUND_BYTES: u64 = 250;
const FILM_BYTES: u64 = 400;

/// The tokens of a text.
pub fn count_tokens(text: &str) -> u64 {
    let tokenizer = tiktoken_rs::o200k_base_singleton();
    let (mut rest, mut total) = (text, 0u64);
    while !rest.is_empty() {
        let end = end_of_piece(rest);
        let (piece, after) = rest.split_at(end);
        total += tokenizer.encode_ordinary(piece).len() as u64;
        rest = after;
    }
    total
}

/// Where a piece ends: after the last line or before the last word in it, where there is one.
fn end_of_piece(text: &str) -> usize {
    if text.len() <= PIECE {
        return text.len();
    }
    let end = (0..=PIECE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let piece = &text[..end];
    let line = piece.rfind('\n').map(|at| at + 1);
    line.or_else(|| piece.rfind(' ')).filter(|at| *at > end / 2).unwrap_or(end)
}

/// About how many tokens a file costs that is sent as a file.
pub(crate) fn file_tokens(file: &Attachment) -> u64 {
    let size = file.content.len() as u64;
    match file.media.split('/').next() {
        Some("image") => PICTURE,
        Some("audio") => size.div_ceil(SOUND_BYTES),
        Some("video") => size.div_ceil(FILM_BYTES),
        _ => count_pages(&file.content) * PAGE,
    }
}

/// The pages of a PDF. Where its page objects are compressed, they are estimated by its size.
fn count_pages(content: &[u8]) -> u64 {
    /// The usual size of a page whose text is compressed, in bytes.
    const USUAL: u64 = 30_000;
    let is_page = |rest: &[u8]| {
        let name = rest.strip_prefix(b"/Type").map(<[u8]>::trim_ascii_start);
        name.and_then(|name| name.strip_prefix(b"/Page")).is_some_and(|after| after.first() != Some(&b's'))
    };
    let starts = content.windows(5).enumerate().filter(|(_, window)| *window == b"/Type");
    let found = starts.filter(|(at, _)| is_page(content.get(*at..).unwrap_or_default())).count() as u64;
    found.max((content.len() as u64).div_ceil(USUAL)).max(1)
}

/// How many tokens a provider may count where `o200k_base` counts so many.
pub(crate) fn counted_by(provider: &str, tokens: u64) -> u64 {
    let percent = match provider {
        "openai" | "codex_cli" => 100,
        // Up to a third more, for code and for newer models.
        "anthropic" | "claude_cli" => 135,
        _ => 115,
    };
    tokens.saturating_mul(percent).div_ceil(100)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_measured() {
        // What OpenAI's own tokenizer says.
        assert_eq!(count_tokens("hello world"), 2);
        assert_eq!(count_tokens("antidisestablishmentarianism"), 6);
        assert_eq!(count_tokens(""), 0);
        let prose = "The quick brown fox jumps over the lazy dog.\n".repeat(2_000);
        let (whole, one) = (count_tokens(&prose), count_tokens("The quick brown fox jumps over the lazy dog.\n"));
        assert!(whole.abs_diff(one * 2_000) <= 2_000 * 45 / PIECE as u64 + 1, "{whole} {one}");
    }

    #[test]
    fn texts_without_words_are_measured_too() {
        for text in
            [" ".repeat(300_000), "a".repeat(300_000), "\n".repeat(100_000), "🦀".repeat(50_000), " \n".repeat(50_000)]
        {
            let tokens = count_tokens(&text);
            assert!(tokens > 0 && tokens <= text.len() as u64, "{tokens}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_token_has_at_least_one_byte(text in "\\PC{0,3000}|[\\s\\p{L}]{0,6000}|[a-z ]{0,6000}") {
            prop_assert!(count_tokens(&text) <= text.len() as u64);
        }
    }

    #[test]
    fn pages_of_a_document_are_counted() {
        let file = |media: &str, content: &[u8]| Attachment {
            path: "x".into(),
            media: media.into(),
            content: Arc::from(content),
            hash: String::new(),
        };
        let three = b"%PDF-1.4 /Type /Pages /Type /Page >> /Type/Page /Type  /Page\n";
        assert_eq!(file_tokens(&file("application/pdf", three)), 3 * PAGE);
        assert_eq!(file_tokens(&file("image/png", &[0; 100_000])), PICTURE);
    }
}
