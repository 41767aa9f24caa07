//! What comes back from the world is searched for secrets before anybody sees it: the record, the
//! interpreter, those who watch.

use super::Durable;
use crate::{
    events::Event,
    host::Host,
    masking::mask_output,
    request::{Answer, EffectInfo},
};

impl<H: Host> Durable<'_, H> {
    /// An answer without the secrets that its type does not declare.
    pub(super) fn hide_secrets(&mut self, info: Option<&EffectInfo>, mut answer: Answer) -> Answer {
        let form = info.map(|info| info.answer).unwrap_or_default();
        let redactor = self.vault.redactor();
        let mut found = None;
        match &mut answer.result {
            Ok(output) => found = mask_output(redactor, form, output),
            Err(failure) => redactor.mask_failure(failure),
        }
        if let Some(what) = found {
            let path = info.map(|info| info.path.clone()).unwrap_or_default();
            let message = format!(
                "the answer held what looks like {what}: `[secret]` stands in its place; where it is meant, give the \
                 result the type `secret`"
            );
            self.event(Event::Warning { path, message, place: None });
        }
        answer
    }
}
