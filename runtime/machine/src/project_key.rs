//! The random key of a project, and digests that are made with it.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A random number that a project keeps to itself. A digest that is made with it tells nothing of
/// what it was made of, however short that is, to one who does not have the key.
#[derive(Clone, PartialEq, Eq)]
pub struct ProjectKey([u8; Self::LENGTH]);

impl fmt::Debug for ProjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProjectKey")
    }
}

impl ProjectKey {
    /// Its length in bytes.
    pub const LENGTH: usize = 32;

    /// The key of these bytes, which are random.
    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA-256 of a content. Digests for different purposes are different.
    pub fn digest(&self, purpose: &str, content: &[u8]) -> [u8; 32] {
        // The key of an HMAC is as long as a block; a shorter one has zeros at its end.
        let mut block = [0; 64];
        block[..Self::LENGTH].copy_from_slice(&self.0);
        let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into());
        mac.update(&(purpose.len() as u64).to_le_bytes());
        mac.update(purpose.as_bytes());
        mac.update(content);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_differ_by_key_purpose_and_content() {
        let (a, b) = (ProjectKey::new([1; 32]), ProjectKey::new([2; 32]));
        let all =
            [a.digest("x", b"1"), a.digest("x", b"2"), a.digest("y", b"1"), b.digest("x", b"1"), a.digest("x1", b"")];
        for (i, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(i));
        }
        assert_eq!(a.digest("x", b"1"), a.digest("x", b"1"));
        assert_eq!(format!("{a:?}"), "ProjectKey");
    }
}
