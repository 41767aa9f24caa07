//! One small question to a model, outside of any run: whether it can be asked.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cascade_ir::{ErrorKind, ModelId, Program};
use tokio::sync::mpsc;

use super::{
    commands::Watching,
    prompts::{self, Reporter},
    web,
};
use crate::{
    failure::Raise,
    interpreter::price_of,
    models::{Models, Providers},
    redact::Redactor,
    request::{Answer, Output, PromptRequest, RequestId, Usage},
};

/// What a model is asked.
const QUESTION: &str = "Answer with the one word: ready";
/// Room for a model that thinks before it answers, in tokens.
const MAX_TOKENS: u64 = 2_000;

/// What came of asking a model.
#[derive(Debug)]
pub struct Probe {
    /// What it said, or why it did not.
    pub result: Result<String, Raise>,
    /// The tokens that were used.
    pub usage: Usage,
    /// Their price in millionths of a US dollar.
    pub cost: i64,
    /// The time until the whole answer was there.
    pub took: Duration,
}

/// Asks a model of a program one small question, for at most `limit`. It costs what the answer costs.
pub async fn probe_model(program: &Program, id: ModelId, providers: Arc<Providers>, limit: Duration) -> Probe {
    let began = Instant::now();
    let answer = match tokio::time::timeout(limit, ask_model(program, id, providers)).await {
        Ok(answer) => answer,
        Err(_) => Answer::failed(ErrorKind::TimedOut, format!("no answer within {} seconds", limit.as_secs())),
    };
    let Answer { result, usage } = answer;
    let result = result.map(|output| match output {
        Output::Model(text) => text,
        _ => String::new(),
    });
    let cost = program.models.get(id.index()).map_or(0, |model| price_of(model, &usage));
    Probe { result, usage, cost, took: began.elapsed() }
}

async fn ask_model(program: &Program, id: ModelId, providers: Arc<Providers>) -> Answer {
    let mut redactor = Redactor::default();
    providers.secrets(program).iter().for_each(|secret| redactor.learn(secret));
    let prompt = PromptRequest {
        model: id,
        system: None,
        text: QUESTION.to_owned(),
        attachments: Vec::new(),
        schema: None,
        schema_name: "probe".to_owned(),
        temperature: None,
        max_tokens: Some(MAX_TOKENS),
        file: None,
        tools: Vec::new(),
        turns: Vec::new(),
    };
    let call = match Models::new(program, providers).call(&prompt) {
        Ok(call) => call,
        Err(answer) => return answer,
    };
    let client = match web::build_client(call.proxy.as_deref()) {
        Ok(client) => client,
        Err(why) => return Answer::failed(ErrorKind::Unavailable, why),
    };
    // Nobody watches; a key that a command prints is masked in failures all the same.
    let (outbox, _inbox) = mpsc::unbounded_channel();
    let reporter = Reporter::new(RequestId(0), outbox, Watching { idle: false, lines: false });
    prompts::ask_model(client, call, redactor, reporter, None).await
}
