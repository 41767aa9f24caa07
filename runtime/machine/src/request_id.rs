//! Ids of requests, and maps and sets keyed by them.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
};

/// The id of a request, unique within a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Hashes the id of a request. Ids are consecutive, so a cheap hash is sufficient.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestIdHasher(u64);

impl Hasher for RequestIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, n: u64) {
        // Fibonacci hashing: consecutive ids are spread out.
        self.0 = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map keyed by request ids.
pub type RequestMap<T> = HashMap<RequestId, T, BuildHasherDefault<RequestIdHasher>>;
/// A set of request ids.
pub type RequestSet = HashSet<RequestId, BuildHasherDefault<RequestIdHasher>>;
