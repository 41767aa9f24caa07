//! What comes back from the world is searched for secrets before anybody sees it: the record, the
//! interpreter, those who watch.

use std::borrow::Cow;

use super::Durable;
use crate::{
    events::Event,
    host::{Host, Progress},
    masking::mask_output,
    redact::Redactor,
    request::{Answer, BuiltinArg, EffectInfo, RequestKind, ServerAddress, ServerTransport},
    value::Arg,
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

/// Learns the secrets of a request that are no inputs of the run.
pub(super) fn learn_args(redactor: &mut Redactor, kind: &RequestKind) {
    let mut learn = |arg| redactor.learn_arg(arg);
    match kind {
        RequestKind::Run(run) => {
            run.argv
                .iter()
                .chain(run.env.iter().filter_map(|(_, value)| value.as_ref()))
                .chain(&run.stdin)
                .for_each(learn);
        }
        RequestKind::Http(http) => {
            learn(&http.url);
            http.headers.iter().map(|(_, value)| value).chain(&http.body).for_each(learn);
        }
        RequestKind::Agent(work) => {
            work.program.iter().flat_map(|program| &program.argv).for_each(&mut learn);
            work.servers.iter().for_each(|offered| server_args(&offered.server).for_each(&mut learn));
        }
        RequestKind::Mcp(call) => server_args(&call.server).for_each(learn),
        RequestKind::Builtin(builtin) => {
            for (_, arg) in &builtin.args {
                if let BuiltinArg::Secret(arg) = arg {
                    learn(arg);
                }
            }
        }
        _ => {}
    }
}

/// What a server is told when it is started or connected to.
fn server_args(server: &ServerAddress) -> impl Iterator<Item = &Arg> {
    let (first, rest) = match &server.transport {
        ServerTransport::Stdio { argv, env } => (argv.as_slice(), env),
        ServerTransport::Http { url, headers } => (std::slice::from_ref(url), headers),
    };
    first.iter().chain(rest.iter().map(|(_, value)| value))
}

/// Masks what an event says.
pub(super) fn hide_in_event(redactor: &Redactor, event: &mut Event) {
    for text in event.texts_mut() {
        if let Cow::Owned(masked) = redactor.mask_stored(text).0 {
            *text = masked;
        }
    }
}

/// What an effect reports, masked.
pub(super) fn hide_in_progress(redactor: &Redactor, progress: &Progress) -> Progress {
    let hide = |text: &str| redactor.mask_stored(text).0.into_owned();
    match progress {
        Progress::Line(line) => Progress::Line(hide(line)),
        Progress::Step(step) => Progress::Step(hide(step)),
        Progress::WaitsFor(name) => Progress::WaitsFor(hide(name)),
        Progress::Alive | Progress::Tokens(_) | Progress::WaitsUntil(_) | Progress::Session(_) => progress.clone(),
    }
}
