//! HTTP, for requests of programs and for models: tasks on the runtime that the run is polled on, and
//! a client that is built when the first request is made.

use std::{
    borrow::Cow,
    collections::HashMap,
    error::Error,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use cascade_ir::ErrorKind;
use encoding_rs::Encoding;
use reqwest::{Client, Method, NoProxy, Proxy, Url, header::HeaderMap, redirect::Policy};
use tokio::task::AbortHandle;

use super::{
    Message, Outbox,
    commands::Watching,
    prompts::{self, Reporter},
};
use crate::{
    agents::host_of_url,
    models::ModelCall,
    redact::Redactor,
    request::{Answer, HttpRequest, Output, RequestId, Response},
    value::Arg,
};

/// Longest body that is kept, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// Longest time to establish a connection.
const CONNECT: Duration = Duration::from_secs(30);
/// How often in a row a request may be sent elsewhere.
const MAX_REDIRECTS: usize = 10;

pub(super) struct Web {
    outbox: Outbox,
    /// The clients by their proxies, or why there is none; `None`: the proxy of the environment.
    clients: HashMap<Option<String>, Result<Client, String>>,
    running: HashMap<RequestId, AbortHandle>,
}

impl Web {
    pub(super) fn new(outbox: Outbox) -> Self {
        Self { outbox, clients: HashMap::new(), running: HashMap::new() }
    }

    pub(super) fn http(&mut self, id: RequestId, request: HttpRequest, redactor: Redactor) {
        self.spawn(id, None, move |client| async move {
            let answered = match open_request(&client, &request, &redactor).await {
                Ok(response) => read_response(response).await,
                Err(answer) => Err(answer),
            };
            match answered {
                Ok(response) => Answer::ok(Output::Response(response)),
                Err(answer) => answer,
            }
        });
    }

    pub(super) fn prompt(
        &mut self,
        id: RequestId,
        call: ModelCall,
        redactor: Redactor,
        watch: Watching,
        cwd: Option<PathBuf>,
    ) {
        let reporter = Reporter::new(id, self.outbox.clone(), watch);
        self.spawn(id, call.proxy.clone(), move |client| prompts::ask_model(client, call, redactor, reporter, cwd));
    }

    fn spawn<F>(&mut self, id: RequestId, proxy: Option<String>, work: impl FnOnce(Client) -> F)
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        match self.clients.entry(proxy).or_insert_with_key(|proxy| build_client(proxy.as_deref())) {
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

/// Gives rustls its cryptography, which every client of HTTP needs before it is built.
pub(super) fn install_cryptography() {
    // Fails only when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client with the proxy of the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), with this one,
/// or with none if it is empty.
pub(super) fn build_client(proxy: Option<&str>) -> Result<Client, String> {
    install_cryptography();
    let mut builder = Client::builder();
    builder = match proxy {
        None => builder,
        Some("") => builder.no_proxy(),
        Some(address) => {
            // The address is left out: it may hold a password.
            let proxy = Proxy::all(address).map_err(|_| "the proxy in cascade.toml is no address".to_owned())?;
            builder.proxy(proxy.no_proxy(NoProxy::from_env()))
        }
    };
    builder
        .connect_timeout(CONNECT)
        // They are followed here, by rules of our own.
        .redirect(Policy::none())
        .user_agent(concat!("cascade/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| format!("the HTTP client could not be built: {}", error_chain(&e)))
}

/// Sends a request, and follows redirects. The answer's body has not been read.
pub(super) async fn open_request(
    client: &Client,
    request: &HttpRequest,
    redactor: &Redactor,
) -> Result<reqwest::Response, Answer> {
    let mut method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| Answer::failed(ErrorKind::Failed, format!("`{}` is not an HTTP method", request.method)))?;
    let mut address: Url = request
        .url
        .text
        .parse()
        // The address is left out: it may hold a secret.
        .map_err(|e| Answer::failed(ErrorKind::Failed, format!("the address cannot be read: {e}")))?;
    let origin = address.origin();
    let mut redirects = 0;
    let mut has_body = request.body.is_some();
    loop {
        let at_home = address.origin() == origin;
        let mut builder = client.request(method.clone(), address.clone());
        for (name, value) in &request.headers {
            if at_home || !is_private(name, value) {
                builder = builder.header(name.as_str(), value.text.as_str());
            }
        }
        if let Some(body) = request.body.as_ref().filter(|_| at_home && has_body) {
            builder = builder.body(body.text.to_string());
        }
        let response = builder.send().await.map_err(failed_answer)?;
        let Some(next) = redirect_of(&method, request.follows_redirects, &address, &response) else {
            return Ok(response);
        };
        redirects += 1;
        // What the server took as done is looked at; what it sends elsewhere is done there (RFC 9110, 15.4).
        let status = response.status().as_u16();
        if status == 303 || (matches!(status, 301 | 302) && method == Method::POST) {
            if method != Method::HEAD {
                method = Method::GET;
            }
            has_body = false;
        }
        check_redirect(has_body, &origin, &next, redirects, redactor)?;
        address = next;
    }
}

/// Reads an answer to its end.
pub(super) async fn read_response(mut response: reqwest::Response) -> Result<Response, Answer> {
    let status = response.status().as_u16();
    let retry_after_ms = retry_after(response.headers());
    let charset = charset_of(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed_answer)? {
        if body.len() + chunk.len() > MAX_BODY {
            let message = format!("the answer is longer than {} MiB", MAX_BODY / 1024 / 1024);
            return Err(Answer::failed(ErrorKind::InvalidOutput, message));
        }
        body.extend_from_slice(&chunk);
    }
    // What is recorded and searched for secrets is text where it can be. What cannot be decoded is told when it is read.
    let (body, charset) = match charset {
        Some(label) => match Encoding::for_label(label.as_bytes()).map(|encoding| encoding.decode(&body)) {
            Some((text, _, false)) => (text.into_owned().into_bytes(), Some("utf-8".to_owned())),
            _ => (body, Some(label)),
        },
        None => (body, None),
    };
    Ok(Response { status, body: Arc::from(body), retry_after_ms, charset })
}

/// Where an answer sends the request, if it is one that may go there: to read something twice is
/// harmless, to do something elsewhere is not what the program said.
fn redirect_of(method: &Method, always: bool, address: &Url, response: &reqwest::Response) -> Option<Url> {
    let follows = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    if !follows || !(always || matches!(*method, Method::GET | Method::HEAD)) {
        return None;
    }
    let location = response.headers().get("location")?.to_str().ok()?;
    address.join(location).ok()
}

/// Whether a request may go where it is sent.
fn check_redirect(
    has_body: bool,
    origin: &url::Origin,
    next: &Url,
    redirects: usize,
    redactor: &Redactor,
) -> Result<(), Answer> {
    let refuse = |why: String| Err(Answer::failed(ErrorKind::Denied, why));
    if redirects > MAX_REDIRECTS {
        return refuse(format!("the server redirects more than {MAX_REDIRECTS} times"));
    }
    if !matches!(next.scheme(), "http" | "https") {
        return refuse(format!("the server redirects to an address of `{}:`", next.scheme()));
    }
    if next.origin() == *origin {
        return Ok(());
    }
    let other = next.origin().ascii_serialization();
    if has_body {
        return refuse(format!("the server redirects to `{other}`; a body is not sent to another server"));
    }
    if matches!(redactor.mask(next.as_str()), Cow::Owned(_)) {
        return refuse(format!("the server redirects to `{other}` with a secret in the address"));
    }
    Ok(())
}

/// Whether a header is for the server alone to which the program sends it.
fn is_private(name: &str, value: &Arg) -> bool {
    const NAMES: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "idempotency-key"];
    const PARTS: [&str; 6] = ["auth", "api-key", "apikey", "token", "secret", "password"];
    let name = name.to_ascii_lowercase();
    value.secret || NAMES.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part))
}

/// The failure of a request without an answer. Of the address only the host is told: the rest may hold a secret.
pub(super) fn failed_answer(error: reqwest::Error) -> Answer {
    let host = error.url().and_then(host_of_url);
    let error = error.without_url();
    let kind = if error.is_builder() { ErrorKind::Failed } else { ErrorKind::Unavailable };
    let reasons = error_chain(&error);
    Answer::failed(kind, host.map_or_else(|| reasons.clone(), |host| format!("`{host}`: {reasons}")))
}

/// An error with what caused it.
fn error_chain(error: &dyn Error) -> String {
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

/// The charset that `Content-Type` declares, in lower case.
fn charset_of(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("content-type")?.to_str().ok()?;
    text.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"').trim();
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then(|| value.to_ascii_lowercase())
    })
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
