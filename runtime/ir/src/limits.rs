//! Limits that the runtime keeps where a program says nothing, and what a prompt is taken to
//! cost. The analysis of the worst case reckons with the same numbers.

use crate::Model;

/// Most tokens of an answer that are expected of a model that does not say how many it gives.
pub const UNKNOWN_OUTPUT: u64 = 16_384;
/// First and longest pause between attempts without `backoff`, in milliseconds.
pub const BACKOFF: (i64, i64) = (1_000, 30_000);
/// Longest wait before another attempt that a server may ask for, in milliseconds. It is longer than any limit for a
/// minute; who asks for more is not waited for.
pub const LONGEST_WAIT: u64 = 10 * 60 * 1_000;
/// Most attempts after the first, whatever `retry` says.
pub const MAX_RETRIES: i64 = 1_000;
/// Most branches at once where the program states no `max`.
pub const MAX_BRANCHES: usize = 256;
/// Routes that refer to routes, at most.
pub const MAX_ROUTES: u32 = 16;

/// Bytes of a token, in halves: an estimate that is a little high for prose.
const HALF_BYTES_A_TOKEN: u64 = 7;

/// About how many tokens a text of so many bytes has.
pub fn estimated_tokens(bytes: u64) -> u64 {
    bytes.saturating_mul(2).div_ceil(HALF_BYTES_A_TOKEN)
}

/// How many tokens a text has at most when it was estimated to have so many: an estimate is wrong
/// by less than this for any text but noise.
pub fn most_tokens(estimated: u64) -> u64 {
    estimated.saturating_mul(7) / 4
}

impl Model {
    /// Price of an answer in millionths of a US dollar, rounded up. What has no price costs
    /// nothing.
    pub fn price(&self, tokens_in: u64, tokens_out: u64) -> i64 {
        let part = |price: Option<i64>, tokens: u64| i128::from(price.unwrap_or(0).max(0)) * i128::from(tokens);
        let total = part(self.price_input, tokens_in) + part(self.price_output, tokens_out);
        i64::try_from((total + 999_999) / 1_000_000).unwrap_or(i64::MAX)
    }
}
