//! Effects of the run itself, which are those of no skill: sandboxes, memories on servers, mirrors of swarms.

use super::{Machine, keys::idempotency_key};
use crate::request::{AnswerForm, EffectInfo};

/// What makes an effect of the run that effect.
pub(super) struct OwnEffect<'a> {
    /// What it belongs to, as a skill is named in the record.
    pub(super) name: &'static str,
    /// The stage or cascade, and what is done there, after a `#`: no path of a stage ends so.
    pub(super) path: String,
    pub(super) attempt: u32,
    /// What its key is made of.
    pub(super) content: &'a [String],
}

impl Machine<'_> {
    /// How an effect of the run itself is recorded.
    pub(super) fn own_effect_info(&self, effect: OwnEffect<'_>) -> EffectInfo {
        let OwnEffect { name, path, attempt, content } = effect;
        let (key, parts) = self.keys.own_effect_key(name, content);
        let idempotency = idempotency_key(self.keys.version(), &self.env.run, &path, &key);
        EffectInfo {
            path,
            skill: name.into(),
            attempt,
            key,
            old_keys: Vec::new(),
            parts,
            idempotency,
            once: false,
            watch: false,
            cache_ms: None,
            answer: AnswerForm::default(),
        }
    }
}
