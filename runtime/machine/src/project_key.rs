//! The secret key of a project, and keyed digests.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::interpreter::to_hex;

/// The random key of a project. A keyed digest reveals nothing of its content, however short that is, to
/// anybody without the key.
#[derive(Clone)]
pub struct ProjectKey {
    bytes: [u8; Self::LENGTH],
    /// The HMAC after the key, which is half the work of a short digest.
    keyed: Hmac<Sha256>,
}

impl PartialEq for ProjectKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for ProjectKey {}

impl fmt::Debug for ProjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProjectKey")
    }
}

impl ProjectKey {
    /// Its length in bytes.
    pub const LENGTH: usize = 32;

    /// The key with these random bytes.
    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        // HMAC pads a key to the length of a block with zeros.
        let mut block = [0; 64];
        block[..Self::LENGTH].copy_from_slice(&bytes);
        Self { bytes, keyed: <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into()) }
    }

    /// HMAC-SHA-256 of a content. Digests for different purposes differ.
    pub fn digest(&self, purpose: &str, content: &[u8]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(&(purpose.len() as u64).to_le_bytes());
        mac.update(purpose.as_bytes());
        mac.update(content);
        mac.finalize().into_bytes().into()
    }

    /// [`ProjectKey::digest`] in hex, as a name for the content.
    pub fn name_content(&self, purpose: &str, content: &[u8]) -> String {
        to_hex(&self.digest(purpose, content))
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
