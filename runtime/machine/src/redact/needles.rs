//! The forms in which a secret is written.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

use crate::interpreter::hex;

/// A shorter text is not looked for: it stands in half of all words, and is guessed sooner than found.
pub(super) const SHORTEST: usize = 4;
/// From this length on a secret is found within a longer word, too. A shorter one must stand alone.
pub(super) const SHORTEST_WITHIN: usize = 6;
/// A line of a secret of several lines that is at least as long is a secret of its own.
const SHORTEST_LINE: usize = 16;
/// A longer secret is looked for in pieces of this length, in bytes: they join where they are found.
const PIECE: usize = 256;
/// What of a secret is looked for, in bytes.
const LONGEST: usize = 64 * 1024;

/// How the text of a needle is written, as far as what stands beside it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// As it is.
    Plain,
    /// In base64 or hex: breaks of lines and blanks inside of it do not count.
    Encoded,
}

/// A text to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needle {
    pub(super) text: Vec<u8>,
    pub(super) writing: Writing,
    /// Whether it counts only where it is a word of its own.
    pub(super) alone: bool,
    /// Whether the digit before it, of base64, holds bits of the secret as well.
    pub(super) before: bool,
    /// Whether the digit after it does.
    pub(super) after: bool,
}

impl Needle {
    fn new(text: impl Into<Vec<u8>>, writing: Writing, alone: bool) -> Self {
        Self { text: text.into(), writing, alone, before: false, after: false }
    }
}

/// The texts of which a secret consists, each to be found by itself: the secret without blanks around
/// it, its longer lines, and of a very long one its pieces.
pub(super) fn parts(secret: &str) -> Vec<String> {
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

/// Every form of a part.
pub(super) fn forms(part: &str) -> Vec<Needle> {
    let alone = part.len() < SHORTEST_WITHIN;
    let mut out = vec![Needle::new(part, Writing::Plain, alone)];
    // How a shell writes a quote inside of quotes. Escapes with a character before the escaped one are
    // decoded instead (`views.rs`).
    if part.contains('\'') {
        for quote in ["'\\''", "'\"'\"'", "''"] {
            out.push(Needle::new(part.replace('\'', quote), Writing::Plain, alone));
        }
    }
    if part.contains('"') {
        out.push(Needle::new(part.replace('"', "\"\""), Writing::Plain, alone));
    }
    if alone {
        // What stands alone is often a line of its own.
        for bytes in [part.to_owned(), format!("{part}\n")] {
            let pairs: Vec<String> = bytes.bytes().map(|byte| hex(&[byte])).collect();
            for digits in [pairs.concat(), pairs.join(" "), pairs.join(":")] {
                out.push(Needle::new(digits.to_uppercase(), Writing::Encoded, true));
                out.push(Needle::new(digits, Writing::Encoded, true));
            }
            for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                out.push(Needle::new(engine.encode(&bytes), Writing::Encoded, true));
            }
        }
    } else {
        out.push(Needle::new(hex(part.as_bytes()), Writing::Encoded, false));
        out.push(Needle::new(hex(part.as_bytes()).to_uppercase(), Writing::Encoded, false));
        for offset in 0..3 {
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                out.push(aligned(part.as_bytes(), offset, &engine));
            }
        }
        let wide = |bytes: fn(u16) -> [u8; 2]| part.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        out.push(Needle::new(wide(u16::to_le_bytes), Writing::Plain, false));
        out.push(Needle::new(wide(u16::to_be_bytes), Writing::Plain, false));
    }
    out
}

/// The digits of base64 that the secret alone decides, when so many bytes stand before it.
fn aligned(secret: &[u8], offset: usize, engine: &base64::engine::GeneralPurpose) -> Needle {
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
