//! Numbers of requests, and maps and sets by them.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
};

/// Names one request of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Hashes the number of a request. Requests are numbered in a row: a slower hash gains nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestIdHasher(u64);

impl Hasher for RequestIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, n: u64) {
        // Fibonacci hashing: neighbours end up far apart.
        self.0 = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map by request.
pub type RequestMap<T> = HashMap<RequestId, T, BuildHasherDefault<RequestIdHasher>>;
/// A set of requests.
pub type RequestSet = HashSet<RequestId, BuildHasherDefault<RequestIdHasher>>;
