//! Text in the encodings that servers and reports declare.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding, UTF_8};

use crate::eval::Result;

use super::invalid_output;

/// The encoding with this name, as it is used on the web: a name that is known by no other meaning.
pub(super) fn find_encoding(what: &str, name: &str) -> Result<&'static Encoding> {
    Encoding::for_label(name.as_bytes())
        .ok_or_else(|| invalid_output(format!("{what} is in the encoding `{name}`, which is not known")))
}

/// The text of bytes in an encoding, unless a byte order mark says another one. Bytes that are none of its characters
/// are a failure with their place.
pub(super) fn decode_bytes<'b>(what: &str, bytes: &'b [u8], encoding: &'static Encoding) -> Result<Cow<'b, str>> {
    let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or((encoding, 0));
    let bytes = &bytes[mark..];
    if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        return Ok(text);
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len());
    let mut text = String::with_capacity(room);
    let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    let at = match result {
        DecoderResult::Malformed(wrong, after) => read.saturating_sub(usize::from(wrong) + usize::from(after)),
        _ => read,
    };
    let name = if encoding == UTF_8 { "UTF-8" } else { encoding.name() };
    Err(invalid_output(format!("{what} is not {name} (at byte {})", mark + at)))
}

/// The body of an answer whose server declares this charset, as UTF-8.
pub(crate) fn decode_body<'b>(bytes: &'b [u8], charset: &str) -> Result<Cow<'b, str>> {
    decode_bytes("the output", bytes, find_encoding("the output", charset)?)
}
