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
/// Most turns in which a model uses tools before it answers.
pub const MOST_TURNS: usize = 10;
/// Most calls of tools in a turn; a model is told of those that were not made.
pub const MOST_TOOL_CALLS: usize = 8;
/// How much of the result of a tool a model is shown, in bytes.
pub const LONGEST_TOOL_RESULT: usize = 64 * 1024;
/// Most attempts after the first, whatever `retry` says.
pub const MAX_RETRIES: i64 = 1_000;
/// Most branches at once where the program states no `max`.
pub const MAX_BRANCHES: usize = 256;
/// Routes that refer to routes, at most.
pub const MAX_ROUTES: u32 = 16;

/// Bytes of a token, in halves: an estimate that is a little high for prose.
const HALF_BYTES_A_TOKEN: u64 = 7;

/// How much of an answer that could not be used is shown to the model that is asked again, in bytes.
pub const LONGEST_REFUSED_ANSWER: usize = 1_000;
/// How much of the reason is shown to it, in bytes.
pub const LONGEST_COMPLAINT: usize = 500;
/// The bytes that a prompt is longer by, at most, when a model is asked again: the two above, what escaping adds to
/// them, and the words around them.
pub const MOST_COMPLAINT: u64 = 2_000;

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
    /// Whether it is asked through a coding agent, whatever it is asked.
    pub fn is_agent(&self) -> bool {
        matches!(self.provider.as_str(), "claude_cli" | "codex_cli" | "gemini_cli" | "acp" | "agent_cli")
    }

    /// Price of an answer in millionths of a US dollar, rounded up. What has no price costs
    /// nothing.
    pub fn price(&self, tokens: Tokens) -> i64 {
        let part = |price: Option<i64>, tokens: u64| i128::from(price.unwrap_or(0).max(0)) * i128::from(tokens);
        let cached = tokens.cache_read.saturating_add(tokens.cache_write);
        let total = part(self.price_input, tokens.input.saturating_sub(cached))
            + part(self.price_cache_read.or(self.price_input), tokens.cache_read)
            + part(self.price_cache_write.or(self.price_input), tokens.cache_write)
            + part(self.price_output, tokens.output);
        i64::try_from((total + 999_999) / 1_000_000).unwrap_or(i64::MAX)
    }

    /// The highest price of an answer with so many tokens, in millionths of a US dollar: the provider may write all of
    /// the input into its cache, which can cost more than reading it.
    pub fn highest_price(&self, input: u64, output: u64) -> i64 {
        let plain = Tokens { input, output, ..Tokens::default() };
        [plain, Tokens { cache_read: input, ..plain }, Tokens { cache_write: input, ..plain }]
            .into_iter()
            .map(|tokens| self.price(tokens))
            .fold(0, i64::max)
    }
}

/// The tokens of one answer of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// All input tokens, also those of the cache.
    pub input: u64,
    /// Input tokens that the provider read from its cache.
    pub cache_read: u64,
    /// Input tokens that the provider wrote into its cache.
    pub cache_write: u64,
    /// Output tokens.
    pub output: u64,
}

/// What a sandbox promises, by the names that `allow_unenforced` of `cascade.toml` uses.
pub const SANDBOX_PROMISES: [&str; 6] = ["writes", "metadata", "reads", "network", "processes", "limits"];

#[cfg(test)]
mod tests {
    use super::*;

    fn model(input: i64, cache_read: Option<i64>, cache_write: Option<i64>) -> Model {
        Model {
            name: "m".into(),
            provider: "anthropic".into(),
            id: "m".into(),
            base_url: None,
            key_env: None,
            context: None,
            max_output: None,
            provides: Vec::new(),
            price_input: Some(input),
            price_output: Some(15_000_000),
            price_cache_read: cache_read,
            price_cache_write: cache_write,
            prefers: crate::Rendering::Json,
            command: None,
        }
    }

    #[test]
    fn the_highest_price_writes_all_input_into_the_cache() {
        assert_eq!(model(3_000_000, Some(300_000), Some(3_750_000)).highest_price(1_000, 10), 3_900);
        assert_eq!(model(3_000_000, None, None).highest_price(1_000, 10), 3_150);
        assert_eq!(model(0, Some(5_000_000), None).highest_price(1_000, 0), 5_000);
    }

    #[test]
    fn more_cached_tokens_than_input_cost_no_less_than_they_are() {
        let tokens = Tokens { input: 1, cache_read: 1_000_000, cache_write: 0, output: 0 };
        assert_eq!(model(3_000_000, Some(300_000), None).price(tokens), 300_000);
    }
}
