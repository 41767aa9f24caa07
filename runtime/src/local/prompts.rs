//! Prompts to models: the answer is read while it arrives, and what arrives is reported.

use std::{
    borrow::Cow,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use cascade_ir::ErrorKind;
use reqwest::Client;
use sha2::{Digest, Sha256};

use super::{Message, Outbox, commands::Watching, files::media_type, web, workspace};
use crate::{
    failure::{Failure, Raise},
    host::Progress,
    interpreter::to_hex,
    models::{Content, ModelCall},
    redact::{Cut, Redactor},
    request::{Answer, Output, RequestId, Usage},
    value::Secret,
    workspace::{FileChange, FileContent, FileState, WorkspacePatch},
};

/// The folder of the pictures that models draw, below the directory of the run.
const PICTURES: &str = "images";

/// Signs of life are passed on at most this often.
const ALIVE: Duration = Duration::from_millis(50);
/// Counts of tokens are reported at most this often.
const TOKENS: Duration = Duration::from_millis(250);
/// How long the end of a stream is waited for after its answer, so that the connection can be used again.
const DRAIN: Duration = Duration::from_secs(1);

/// Reports of a prompt that is being answered.
pub(super) struct Reporter {
    id: RequestId,
    outbox: Outbox,
    watch: Watching,
    alive: Option<Instant>,
    counted: Instant,
    tokens: u64,
}

impl Reporter {
    pub(super) fn new(id: RequestId, outbox: Outbox, watch: Watching) -> Self {
        Self { id, outbox, watch, alive: None, counted: Instant::now(), tokens: 0 }
    }

    /// Reports a key before anything can repeat it.
    fn tell_secret(&self, key: Secret) {
        // The run may have ended meanwhile.
        let _ = self.outbox.send(Message::Secret(key));
    }

    /// Reports that something has arrived: of the answer, or a sign that it will come.
    fn note_tokens(&mut self, tokens: u64) {
        let progress = if self.watch.lines && tokens > self.tokens && self.counted.elapsed() >= TOKENS {
            self.counted = Instant::now();
            self.tokens = tokens;
            Progress::Tokens(tokens)
        } else if self.watch.idle && self.alive.is_none_or(|at| at.elapsed() >= ALIVE) {
            Progress::Alive
        } else {
            return;
        };
        self.alive = Some(Instant::now());
        // The run may have ended meanwhile.
        let _ = self.outbox.send(Message::Progress(self.id, progress));
    }
}

/// Asks a model.
pub(super) async fn ask_model(
    client: Client,
    mut call: ModelCall,
    mut redactor: Redactor,
    mut reporter: Reporter,
    cwd: Option<PathBuf>,
) -> Answer {
    if let Some(command) = call.key_command() {
        match command.key().await {
            Ok(key) => {
                reporter.tell_secret(key.clone());
                call.authorize(&key);
            }
            Err(why) => return Answer::failed(ErrorKind::Denied, why),
        }
    }
    // Its key, however short that is.
    call.request.headers.iter().for_each(|(_, value)| redactor.learn_arg(value));
    let mut answer = ask_and_read(&client, &call, &redactor, &mut reporter, cwd).await;
    // A provider may repeat what it was sent.
    if let Err(failure) = &mut answer.result {
        redactor.mask_failure(failure);
    }
    answer
}

async fn ask_and_read(
    client: &Client,
    call: &ModelCall,
    redactor: &Redactor,
    reporter: &mut Reporter,
    cwd: Option<PathBuf>,
) -> Answer {
    let failed = |answer: Answer| Answer { usage: Usage::default(), ..answer };
    let mut response = match web::open_request(client, &call.request, redactor).await {
        Ok(response) => response,
        Err(answer) => return failed(answer),
    };
    if !response.status().is_success() {
        let mut refused = match web::read_response(response).await {
            Ok(refused) => refused,
            Err(answer) => return failed(answer),
        };
        // What a provider refuses it may repeat, and messages are cut.
        if let Cow::Owned(masked) = redactor.mask_bytes(&refused.body, Cut::default()) {
            refused.body = masked.into();
        }
        let Some(plain) = call.without_stream(&refused) else {
            return Answer { result: Err(call.refusal_of(&refused)), usage: Usage::default() };
        };
        response = match web::open_request(client, &plain, redactor).await {
            Ok(response) => response,
            Err(answer) => return failed(answer),
        };
        if !response.status().is_success() {
            return match web::read_response(response).await {
                Ok(refused) => Answer { result: Err(call.refusal_of(&refused)), usage: Usage::default() },
                Err(answer) => failed(answer),
            };
        }
    }
    let mut reader = call.reader();
    reporter.note_tokens(0);
    loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(error) => {
                // It broke off in the middle, and is no answer.
                let Answer { result, .. } = web::failed_answer(error);
                return match result {
                    Err(failure) => {
                        let (failure, usage) = reader.stop(failure);
                        Answer { result: Err(failure), usage }
                    }
                    ok => Answer { result: ok, usage: Usage::default() },
                };
            }
        };
        let complete = match reader.push(&piece) {
            Ok(complete) => complete,
            Err((failure, usage)) => return Answer { result: Err(failure), usage },
        };
        reporter.note_tokens(reader.tokens());
        if complete {
            tokio::spawn(drain_body(response));
            break;
        }
    }
    match reader.finish() {
        Ok((Content::Text(text), usage)) => Answer { result: Ok(Output::Model(text)), usage },
        Ok((Content::Calls(calls), usage)) => Answer { result: Ok(Output::Calls(calls)), usage },
        Ok((Content::File(content), usage)) => {
            Answer { result: keep_picture(call.file_name(), content, cwd).await, usage }
        }
        Err((failure, usage)) => Answer { result: Err(failure), usage },
    }
}

/// Writes a picture below the run's directory. Its name has a part of its hash: none replaces another, and one that
/// is there already is the same.
async fn keep_picture(name: &str, content: Vec<u8>, cwd: Option<PathBuf>) -> Result<Output, Raise> {
    let ending = match media_type("", &content) {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/heic" => "heic",
        _ => {
            let message = "what the model gave as a picture has no known format of pictures";
            return Err(Failure::raise(ErrorKind::InvalidOutput, message));
        }
    };
    let hash = to_hex(&Sha256::digest(&content));
    let path = format!("{PICTURES}/{name}-{}.{ending}", &hash[..12.min(hash.len())]);
    let state = FileState { content: FileContent::from_bytes(content), executable: false };
    let change = FileChange { path: path.clone(), before: None, after: Some(state), is_output: true };
    let patch = Arc::new(WorkspacePatch { directory: None, changes: vec![change] });
    let written = Arc::clone(&patch);
    match tokio::task::spawn_blocking(move || workspace::restore_patch(&written, cwd.as_deref())).await {
        Ok(result) => result?,
        Err(error) => return Err(Failure::raise(ErrorKind::Internal, format!("`{path}` was not written: {error}"))),
    }
    Ok(Output::WithPatch(Box::new(Output::Model(path)), patch))
}

/// Reads a stream to its end, so that its connection is free for the next request.
async fn drain_body(mut response: reqwest::Response) {
    let _ = tokio::time::timeout(DRAIN, async { while let Ok(Some(_)) = response.chunk().await {} }).await;
}
