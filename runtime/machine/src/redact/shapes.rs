//! The shapes of well-known keys, which are not stored even if the program does not declare them as secrets.

use std::{
    ops::Range,
    sync::{LazyLock, OnceLock},
};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use regex::bytes::Regex;

/// The prefix of a key, a regular expression for the rest of it, and a description.
///
/// Prefix and rest are specific enough that ordinary text does not match.
const SHAPES: &[(&str, &str, &str)] = &[
    ("sk-ant-", r"[A-Za-z0-9_-]{20,}", "a key of Anthropic"),
    ("sk-proj-", r"[A-Za-z0-9_-]{20,}", "a key of OpenAI"),
    ("sk-svcacct-", r"[A-Za-z0-9_-]{20,}", "a key of OpenAI"),
    ("sk-admin-", r"[A-Za-z0-9_-]{20,}", "a key of OpenAI"),
    ("sk-or-v1-", r"[a-f0-9]{40,}", "a key of OpenRouter"),
    ("sk-", r"[A-Za-z0-9]{32,}", "a key of a model's provider"),
    ("AIza", r"[A-Za-z0-9_-]{35}", "a key of Google"),
    ("ya29.", r"[A-Za-z0-9_-]{30,}", "an access token of Google"),
    ("GOCSPX-", r"[A-Za-z0-9_-]{28}", "a client secret of Google"),
    ("gsk_", r"[A-Za-z0-9]{40,}", "a key of Groq"),
    ("xai-", r"[A-Za-z0-9]{40,}", "a key of xAI"),
    ("pplx-", r"[A-Za-z0-9]{40,}", "a key of Perplexity"),
    ("hf_", r"[A-Za-z0-9]{30,}", "a token of Hugging Face"),
    ("AKIA", r"[0-9A-Z]{16}", "an access key of AWS"),
    ("ASIA", r"[0-9A-Z]{16}", "an access key of AWS"),
    ("ghp_", r"[A-Za-z0-9]{36,}", "a token of GitHub"),
    ("gho_", r"[A-Za-z0-9]{36,}", "a token of GitHub"),
    ("ghu_", r"[A-Za-z0-9]{36,}", "a token of GitHub"),
    ("ghs_", r"[A-Za-z0-9]{36,}", "a token of GitHub"),
    ("ghr_", r"[A-Za-z0-9]{36,}", "a token of GitHub"),
    ("github_pat_", r"[A-Za-z0-9_]{22,}", "a token of GitHub"),
    ("glpat-", r"[A-Za-z0-9_-]{20,}", "a token of GitLab"),
    ("npm_", r"[A-Za-z0-9]{36}", "a token of npm"),
    ("pypi-AgE", r"[A-Za-z0-9_-]{50,}", "a token of PyPI"),
    ("xoxa-", r"[A-Za-z0-9-]{10,}", "a token of Slack"),
    ("xoxb-", r"[A-Za-z0-9-]{10,}", "a token of Slack"),
    ("xoxe-", r"[A-Za-z0-9-]{10,}", "a token of Slack"),
    ("xoxp-", r"[A-Za-z0-9-]{10,}", "a token of Slack"),
    ("xoxs-", r"[A-Za-z0-9-]{10,}", "a token of Slack"),
    ("xapp-", r"[A-Za-z0-9-]{20,}", "a token of Slack"),
    ("sk_live_", r"[A-Za-z0-9]{16,}", "a key of Stripe"),
    ("sk_test_", r"[A-Za-z0-9]{16,}", "a key of Stripe"),
    ("rk_live_", r"[A-Za-z0-9]{16,}", "a key of Stripe"),
    ("whsec_", r"[A-Za-z0-9+/=]{24,}", "a secret of a web hook"),
    ("SG.", r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", "a key of SendGrid"),
    ("dop_v1_", r"[a-f0-9]{64}", "a token of DigitalOcean"),
    ("eyJ", r"[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}", "a JSON web token"),
    (
        "-----BEGIN ",
        concat!(
            r"(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
            r"(?:(?:[^-]|-[^-])*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
            // Without its end: as far as it looks like a key.
            r"|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{40,})+(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]+)?)",
        ),
        "a private key",
    ),
];

/// Finds the first place at which a prefix begins. Only searches of this kind skip text without reading all of it.
/// A deterministic automaton would take longer to build than a short run takes to be recorded, and is not faster
/// where there is nothing to find.
static PREFIXES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let prefixes = SHAPES.iter().map(|(prefix, ..)| prefix);
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .match_kind(MatchKind::LeftmostFirst)
        .build(prefixes)
        .ok()
});
/// The regular expressions of the rests, each compiled when its prefix is first found.
static RESTS: [OnceLock<Option<Regex>>; SHAPES.len()] = [const { OnceLock::new() }; SHAPES.len()];

fn rest_of(index: usize) -> Option<&'static Regex> {
    let (_, rest, _) = SHAPES.get(index)?;
    RESTS.get(index)?.get_or_init(|| Regex::new(&format!("^(?-u:{rest})")).ok()).as_ref()
}

/// A text with the shape of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) range: Range<usize>,
    /// `a token of GitHub`.
    pub(super) what: &'static str,
}

/// The keys in a text, in order.
pub(super) fn find_keys(bytes: &[u8]) -> Vec<Found> {
    let mut out: Vec<Found> = Vec::new();
    let Some(prefixes) = &*PREFIXES else { return out };
    let mut at = 0;
    while let Some(hit) = prefixes.find(Input::new(bytes).span(at..bytes.len())) {
        let start = hit.start();
        // A prefix within a word (`task-…`) is no key.
        let within = start > 0 && bytes.get(start - 1).is_some_and(|before| is_word(*before));
        let found = if within { None } else { key_at(bytes, start) };
        at = found.as_ref().map_or(start + 1, |found| found.range.end);
        out.extend(found);
    }
    out
}

/// The key that begins here. Several prefixes may: `sk-`, `sk-ant-`.
fn key_at(bytes: &[u8], start: usize) -> Option<Found> {
    let text = bytes.get(start..)?;
    SHAPES.iter().enumerate().find_map(|(index, (prefix, _, what))| {
        let after = text.strip_prefix(prefix.as_bytes())?;
        let rest = rest_of(index)?.find(after)?;
        Some(Found { range: start..start + prefix.len() + rest.end(), what })
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, &'static str)> {
        find_keys(text.as_bytes()).into_iter().map(|f| (&text[f.range.clone()], f.what)).collect()
    }

    #[test]
    fn a_prefix_within_another_is_found() {
        let key = format!("sk-ant-{}", "a1B2".repeat(10));
        assert_eq!(found(&format!("sk-{key} sk-x")), [(key.as_str(), "a key of Anthropic")]);
        assert_eq!(found(&format!("eyJ-{key},{key}")).len(), 2);
    }

    #[test]
    fn every_shape_compiles_and_finds_its_like() {
        assert!(PREFIXES.is_some());
        for (i, (_, rest, what)) in SHAPES.iter().enumerate() {
            assert!(rest_of(i).is_some(), "{what}: {rest}");
        }
        let a = |n: usize| "a1B2c3D4e5".repeat(10)[..n].to_owned();
        for (text, what) in [
            (format!("sk-ant-api03-{}", a(40)), "a key of Anthropic"),
            (format!("sk-proj-{}", a(40)), "a key of OpenAI"),
            (format!("AIza{}", a(35)), "a key of Google"),
            (format!("ghp_{}", a(36)), "a token of GitHub"),
            (format!("xoxb-{}", a(20)), "a token of Slack"),
            ("AKIAIOSFODNN7EXAMPLE".to_owned(), "an access key of AWS"),
            (format!("eyJ{}.eyJ{}.{}", a(20), a(20), a(30)), "a JSON web token"),
        ] {
            assert_eq!(found(&format!("key: \"{text}\", next")), [(text.as_str(), what)]);
        }
    }

    #[test]
    fn a_private_key_ends_where_it_says_or_where_it_was_cut() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----";
        assert_eq!(found(&format!("a {key} b")), [(key, "a private key")]);
        let cut = format!("-----BEGIN PRIVATE KEY-----\n{0}\n{0}\nabc", "MIIEx".repeat(12));
        assert_eq!(found(&format!("{cut} …")), [(cut.as_str(), "a private key")]);
        assert_eq!(found("it begins with -----BEGIN PRIVATE KEY----- and ends elsewhere"), []);
        assert_eq!(found("-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----"), []);
        assert_eq!(found("-----BEGIN CERTIFICATE-----"), []);
    }

    #[test]
    fn ordinary_text_has_no_keys() {
        for text in [
            "task-runner-of-the-day-is-here",
            "sk-1",
            "the flask-sqlalchemy-migrations-tool",
            "eyJhbGciOi",
            "desk-ant-abc",
        ] {
            assert_eq!(found(text), []);
        }
    }
}
