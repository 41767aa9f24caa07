//! The encodings in which a secret is searched for.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

use crate::interpreter::to_hex;

/// The shortest secret that is searched for, in bytes: a shorter one occurs in ordinary text and is easily guessed.
pub(super) const SHORTEST: usize = 4;
/// The shortest secret that is found within longer words. A shorter one must be a whole word.
pub(super) const SHORTEST_WITHIN: usize = 6;
/// The shortest line of a secret of several lines that is searched for on its own.
const SHORTEST_LINE: usize = 16;
/// A secret of more than two of these, in bytes, is searched for in pieces; adjacent matches are merged.
const PIECE: usize = 256;
/// How much of a secret is searched for, in bytes.
const LONGEST: usize = 64 * 1024;

/// The encoding of a needle, which determines what may surround it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// Plain text.
    Plain,
    /// Base64 or hex: line breaks and white space within it are ignored.
    Encoded,
}

/// A text to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needle {
    pub(super) text: Vec<u8>,
    pub(super) writing: Writing,
    /// Whether it only counts as a whole word.
    pub(super) alone: bool,
    /// Whether the base64 digit before it contains bits of the secret, too.
    pub(super) before: bool,
    /// Whether the base64 digit after it does.
    pub(super) after: bool,
}

impl Needle {
    fn new(text: impl Into<Vec<u8>>, writing: Writing, alone: bool) -> Self {
        Self { text: text.into(), writing, alone, before: false, after: false }
    }
}

/// The parts of a secret that are searched for separately: the secret without surrounding white space, its
/// longer lines, and the pieces of a very long one.
pub(super) fn searched_parts(secret: &str) -> Vec<String> {
    let secret = secret.trim();
    let secret = &secret[..secret.floor_char_boundary(LONGEST)];
    let mut out = Vec::new();
    if secret.len() < SHORTEST {
        return out;
    }
    let mut add = |text: &str| {
        let mut rest = text;
        while rest.len() > 2 * PIECE {
            let (piece, more) = rest.split_at(rest.floor_char_boundary(PIECE));
            out.push(piece.to_owned());
            rest = more;
        }
        out.push(rest.to_owned());
    };
    add(secret);
    if secret.contains('\n') {
        secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE).for_each(add);
    }
    out
}

/// The needles for a part, one for each encoding.
pub(super) fn needles_of(part: &str) -> Vec<Needle> {
    let alone = part.len() < SHORTEST_WITHIN;
    let mut out = vec![Needle::new(part, Writing::Plain, alone)];
    // The ways to write a quote within quotes in a shell. Escapes by a preceding character are decoded instead
    // (`views.rs`).
    if part.contains('\'') {
        for quote in ["'\\''", "'\"'\"'", "''"] {
            out.push(Needle::new(part.replace('\'', quote), Writing::Plain, alone));
        }
    }
    if part.contains('"') {
        out.push(Needle::new(part.replace('"', "\"\""), Writing::Plain, alone));
    }
    if alone {
        // A short secret is often encoded with the line break after it.
        for bytes in [part.to_owned(), format!("{part}\n")] {
            let pairs: Vec<String> = bytes.bytes().map(|byte| to_hex(&[byte])).collect();
            for digits in [pairs.concat(), pairs.join(" "), pairs.join(":")] {
                out.push(Needle::new(digits.to_uppercase(), Writing::Encoded, true));
                out.push(Needle::new(digits, Writing::Encoded, true));
            }
            for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                out.push(Needle::new(engine.encode(&bytes), Writing::Encoded, true));
            }
        }
    } else {
        out.push(Needle::new(to_hex(part.as_bytes()), Writing::Encoded, false));
        out.push(Needle::new(to_hex(part.as_bytes()).to_uppercase(), Writing::Encoded, false));
        for offset in 0..3 {
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                out.push(aligned_needle(part.as_bytes(), offset, &engine));
            }
        }
        let wide = |bytes: fn(u16) -> [u8; 2]| part.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        out.push(Needle::new(wide(u16::to_le_bytes), Writing::Plain, false));
        out.push(Needle::new(wide(u16::to_be_bytes), Writing::Plain, false));
    }
    out
}

/// The base64 digits that depend on the secret alone, if it starts at this offset (modulo 3).
fn aligned_needle(secret: &[u8], offset: usize, engine: &base64::engine::GeneralPurpose) -> Needle {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(secret);
    let digits = engine.encode(&bytes);
    let (first, last) = ((offset * 8).div_ceil(6), bytes.len() * 8 / 6);
    Needle {
        text: digits.as_bytes()[first..last].to_vec(),
        writing: Writing::Encoded,
        alone: false,
        before: !(offset * 8).is_multiple_of(6),
        after: !(bytes.len() * 8).is_multiple_of(6),
    }
}
