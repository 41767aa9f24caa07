//! Answers that other runs may use: when one is found, and what is kept of a new one.

use cascade_ir::Program;

use super::{Durable, explain_key_change};
use crate::{
    events::Event,
    host::Host,
    journal::{CachedAnswer, EffectEnd, Store, now_ms},
    request::{Answer, EffectInfo, KeyVersion, Output, Request},
};

impl<H: Host> Durable<'_, H> {
    /// The cached answer of another run, if it is young enough.
    pub(super) fn look_in_cache(&mut self, request: &Request) -> Option<Answer> {
        let info = request.effect.as_deref()?;
        let max_age = info.cache_ms?;
        let path = info.path.clone();
        let store = self.store.as_ref()?;
        let found = match self.use_cache {
            true => find_cached_output(&**store, self.program, info, max_age),
            false => Err("the cache is switched off".to_owned()),
        };
        match found {
            Ok(output) => {
                self.watch.tell_observer(Event::Reused { path, attempt: info.attempt, from: "cache" });
                Some(Answer::ok(output))
            }
            Err(reason) => {
                self.watch.tell_observer(Event::CacheMissed { path, reason });
                None
            }
        }
    }
}

/// The answer of another run to the same request, if it is at most `max_age` milliseconds old; otherwise why there is
/// none.
pub(crate) fn find_cached_output(
    store: &dyn Store,
    program: &Program,
    info: &EffectInfo,
    max_age: i64,
) -> Result<Output, String> {
    let mut keys = std::iter::once(&info.key).chain(&info.old_keys);
    match keys.find_map(|key| store.cached(key).ok().flatten()) {
        Some(found) => {
            let age = now_ms().saturating_sub(found.at);
            if (0..=max_age).contains(&age) {
                return store.output(found.answer.as_deref(), found.artifact.as_deref()).map_err(|e| e.to_string());
            }
            let (age, limit) = (crate::value::format_duration(age), crate::value::format_duration(max_age));
            Err(format!("the answer is {age} old, and at most {limit} are allowed"))
        }
        None => Err(match store.cached_of_skill(&info.skill).ok().flatten() {
            // The parts of keys of different versions cannot be compared.
            Some(other) if KeyVersion::of_key(&other.key, true) != KeyVersion::of_key(&info.key, true) => {
                format!("what is kept of `{}` was kept by an older version of Cascade", info.skill)
            }
            Some(other) => explain_key_change(program, info, &other.parts),
            None => format!("no answer of `{}` is kept", info.skill),
        }),
    }
}

/// What the cache keeps of an answer, if its effect asks for it.
pub(super) fn cache_record(run: &str, info: &EffectInfo, end: &EffectEnd, answer: &Answer) -> Option<CachedAnswer> {
    // An answer with a secret is for this run alone.
    info.cache_ms.filter(|_| !info.answer.secret)?;
    // An unsuccessful exit of a program or status of a service is not cached.
    let good = match answer.result.as_ref().map(Output::without_patch) {
        Ok(Output::Process(process)) => process.code == Some(0),
        Ok(Output::Response(response)) => (200..300).contains(&response.status),
        Ok(_) => true,
        Err(_) => false,
    };
    good.then(|| CachedAnswer {
        key: info.key.clone(),
        parts: info.parts.to_bytes(),
        skill: info.skill.to_string(),
        run: run.to_owned(),
        answer: end.answer.clone(),
        artifact: None,
        at: end.at,
    })
}
