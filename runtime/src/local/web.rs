//! HTTP, for requests of programs and for models: tasks on the runtime that the run is polled on, and
//! a client that is built when the first request is made.

use std::{
    borrow::Cow,
    collections::HashMap,
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime},
};

use cascade_ir::ErrorKind;
use reqwest::{Client, Method, header::HeaderMap};
use tokio::task::AbortHandle;

use super::{Message, Outbox};
use crate::{
    models::ModelCall,
    redact::{Cut, Redactor},
    request::{Answer, HttpRequest, Output, RequestId, Response, Usage},
};

/// Longest body that is kept, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// Longest time to establish a connection.
const CONNECT: Duration = Duration::from_secs(30);

pub(super) struct Web {
    outbox: Outbox,
    /// The client, or why there is none.
    client: Option<Result<Client, String>>,
    running: HashMap<RequestId, AbortHandle>,
}

impl Web {
    pub(super) fn new(outbox: Outbox) -> Self {
        Self { outbox, client: None, running: HashMap::new() }
    }

    pub(super) fn http(&mut self, id: RequestId, request: HttpRequest) {
        self.spawn(id, move |client| async move {
            match send(&client, &request).await {
                Ok(response) => Answer::ok(Output::Response(response)),
                Err(answer) => answer,
            }
        });
    }

    pub(super) fn prompt(&mut self, id: RequestId, call: ModelCall, redactor: Redactor) {
        self.spawn(id, move |client| async move {
            match send(&client, &call.request).await {
                Ok(mut response) => match {
                    // What a provider refuses it may repeat, and messages are cut.
                    if !(200..300).contains(&response.status)
                        && let Cow::Owned(masked) = redactor.mask_bytes(&response.body, Cut::default())
                    {
                        response.body = masked.into();
                    }
                    call.read(&response)
                } {
                    Ok((text, usage)) => Answer { result: Ok(Output::Model(text)), usage },
                    Err((failure, usage)) => Answer { result: Err(failure), usage },
                },
                Err(answer) => Answer { usage: Usage::default(), ..answer },
            }
        });
    }

    fn spawn<F>(&mut self, id: RequestId, work: impl FnOnce(Client) -> F)
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        match self.client.get_or_insert_with(build_client) {
            Ok(client) => {
                let future = work(client.clone());
                let outbox = self.outbox.clone();
                let task = tokio::spawn(async move {
                    let answer = future.await;
                    // The run may have ended meanwhile.
                    let _ = outbox.send(Message::Done(id, answer));
                });
                self.running.insert(id, task.abort_handle());
            }
            Err(message) => {
                let _ = self.outbox.send(Message::Done(id, Answer::failed(ErrorKind::Unavailable, message.clone())));
            }
        }
    }

    /// Gives a request up.
    pub(super) fn stop(&mut self, id: RequestId) {
        if let Some(task) = self.running.remove(&id) {
            task.abort();
        }
    }

    /// It has ended.
    pub(super) fn forget(&mut self, id: RequestId) {
        self.running.remove(&id);
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        // There is no receiver of the answers any more.
        self.running.values().for_each(AbortHandle::abort);
    }
}

fn build_client() -> Result<Client, String> {
    // Fails only when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECT)
        .user_agent(concat!("cascade/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| format!("the HTTP client could not be built: {}", reasons(&e)))
}

async fn send(client: &Client, request: &HttpRequest) -> Result<Response, Answer> {
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| Answer::failed(ErrorKind::Failed, format!("`{}` is not an HTTP method", request.method)))?;
    let mut builder = client.request(method, request.url.text.as_str());
    for (name, value) in &request.headers {
        builder = builder.header(name.as_str(), value.text.as_str());
    }
    if let Some(body) = &request.body {
        builder = builder.body(body.text.to_string());
    }
    let mut response = builder.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let retry_after_ms = retry_after(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_BODY {
            let message = format!("the answer is longer than {} MiB", MAX_BODY / 1024 / 1024);
            return Err(Answer::failed(ErrorKind::InvalidOutput, message));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status, body: Arc::from(body), retry_after_ms })
}

/// The failure of a request without an answer. The address is left out: it may hold a secret.
fn failed(error: reqwest::Error) -> Answer {
    let error = error.without_url();
    let kind = if error.is_builder() { ErrorKind::Failed } else { ErrorKind::Unavailable };
    Answer::failed(kind, reasons(&error))
}

/// An error with what caused it.
fn reasons(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// `Retry-After`: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds >= 0.0).then_some((seconds * 1000.0) as u64);
    }
    let time = httpdate::parse_http_date(text).ok()?;
    let wait = time.duration_since(SystemTime::now()).unwrap_or_default();
    u64::try_from(wait.as_millis()).ok()
}
