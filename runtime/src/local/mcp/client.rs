//! A connection to an MCP server, by the crate `rmcp`, whose types do not leave this folder.

use std::{
    collections::HashMap,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cascade_ir::ErrorKind;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    ClientHandler, ServiceError, ServiceExt,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, ErrorCode, ProgressNotificationParam,
        ProgressToken, ServerResult, Tool,
    },
    service::{NotificationContext, Peer, PeerRequestOptions, RoleClient, RunningService},
    transport::{
        StreamableHttpClientTransport, async_rw::AsyncRwTransport,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value as Json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use super::super::{Message, Outbox, web::install_cryptography};
use crate::{
    failure::{Failure, Raise},
    host::Progress,
    request::{RequestId, ServerAddress, ServerTransport},
};

/// How long a server may take to be ready.
const STARTUP: Duration = Duration::from_secs(60);
/// How long a server may take to end when it is told so, and when it is asked by a signal.
const GOODBYE: Duration = Duration::from_secs(1);
/// The last lines of standard error that are kept, in lines.
const STDERR_LINES: usize = 10;

/// A server that is connected.
pub(super) struct Connection {
    service: RunningService<RoleClient, Handler>,
    process: Option<Process>,
    caller: Caller,
}

/// What is needed to call a tool of a connected server.
#[derive(Clone)]
pub(super) struct Caller {
    peer: Peer<RoleClient>,
    name: String,
    pub(super) tools: Arc<[Tool]>,
    progress: ProgressTokens,
    stderr: Lines,
    /// Set when the connection is lost.
    is_lost: Arc<AtomicBool>,
}

type ProgressTokens = Arc<Mutex<HashMap<ProgressToken, RequestId>>>;
type Lines = Arc<Mutex<Vec<String>>>;

/// The process of a server, in a group of its own.
struct Process {
    child: Child,
    group: Option<Pid>,
    /// Reads its standard error until that is closed.
    errors: Option<JoinHandle<()>>,
}

/// Takes what a server tells by itself.
struct Handler {
    outbox: Outbox,
    progress: ProgressTokens,
}

impl ClientHandler for Handler {
    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let id = self.progress.lock().unwrap_or_else(PoisonError::into_inner).get(&params.progress_token).copied();
        let Some(id) = id else { return };
        let done = match params.total {
            Some(total) => format!("{} of {total}", params.progress),
            None => params.progress.to_string(),
        };
        let step = params.message.map_or(done.clone(), |message| format!("{message} ({done})"));
        let _ = self.outbox.send(Message::Progress(id, Progress::Step(step)));
    }
}

impl Connection {
    /// Starts a server or connects to it, and asks for its tools.
    pub(super) async fn open(
        server: &ServerAddress,
        cwd: Option<PathBuf>,
        mark: Option<(&'static str, String)>,
        outbox: Outbox,
    ) -> Result<Self, Raise> {
        let (progress, stderr) = (ProgressTokens::default(), Lines::default());
        let handler = Handler { outbox, progress: Arc::clone(&progress) };
        let failed = |why: String, stderr: &Lines| {
            let message = format!("the server `{}` cannot be used: {why}{}", server.name, stderr_text(stderr));
            Failure::raise(ErrorKind::Unavailable, message)
        };
        let late = || format!("it was not ready after {} s", STARTUP.as_secs());
        let (service, process) = match &server.transport {
            ServerTransport::Stdio { argv, env } => {
                let (program, args) = argv.split_first().ok_or_else(|| failed("no command".to_owned(), &stderr))?;
                let mut command = Command::new(program.text.as_str());
                command.args(args.iter().map(|arg| arg.text.as_str()));
                command.envs(env.iter().map(|(name, value)| (name.as_str(), value.text.as_str())));
                command.envs(mark);
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                command.process_group(0).kill_on_drop(true);
                if let Some(cwd) = cwd {
                    command.current_dir(cwd);
                }
                let mut child =
                    command.spawn().map_err(|error| failed(format!("`{}`: {error}", program.text), &stderr))?;
                let streams = child.stdout.take().zip(child.stdin.take());
                let (stdout, stdin) = streams.ok_or_else(|| failed("it has no streams".to_owned(), &stderr))?;
                let errors = child.stderr.take();
                let errors = errors.map(|errors| tokio::spawn(keep_last_lines(errors, Arc::clone(&stderr))));
                let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
                let process = Process { child, group, errors };
                let transport = AsyncRwTransport::new(stdout, stdin);
                match timeout(STARTUP, handler.serve(transport)).await {
                    Ok(Ok(service)) => (service, Some(process)),
                    Ok(Err(error)) => {
                        process.end_process().await;
                        return Err(failed(error.to_string(), &stderr));
                    }
                    Err(_) => {
                        process.end_process().await;
                        return Err(failed(late(), &stderr));
                    }
                }
            }
            ServerTransport::Http { url, headers } => {
                let mut config = StreamableHttpClientTransportConfig::with_uri(url.text.as_str());
                for (name, value) in headers {
                    let header = HeaderName::from_bytes(name.as_bytes()).ok();
                    let value = HeaderValue::from_str(&value.text).ok();
                    let pair = header.zip(value).ok_or_else(|| failed(format!("the header `{name}`"), &stderr))?;
                    config.custom_headers.insert(pair.0, pair.1);
                }
                install_cryptography();
                let transport = StreamableHttpClientTransport::from_config(config);
                match timeout(STARTUP, handler.serve(transport)).await {
                    Ok(Ok(service)) => (service, None),
                    Ok(Err(error)) => return Err(failed(error.to_string(), &stderr)),
                    Err(_) => return Err(failed(late(), &stderr)),
                }
            }
        };
        let peer = service.peer().clone();
        let has_tools = service.peer_info().is_none_or(|info| info.capabilities.tools.is_some());
        let tools = match has_tools {
            true => timeout(STARTUP, peer.list_all_tools())
                .await
                .map_err(|_| late())
                .and_then(|tools| tools.map_err(|error| error.to_string())),
            false => Ok(Vec::new()),
        };
        let tools = match tools {
            Ok(tools) => tools.into(),
            Err(why) => {
                let failure = failed(why, &stderr);
                if let Some(process) = process {
                    process.end_process().await;
                }
                return Err(failure);
            }
        };
        let is_lost = Arc::default();
        let caller = Caller { peer, name: server.name.to_string(), tools, progress, stderr, is_lost };
        Ok(Self { service, process, caller })
    }

    pub(super) fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// Whether the server is not there any more.
    pub(super) fn has_ended(&self) -> bool {
        self.caller.is_lost.load(Ordering::Relaxed) || self.service.is_closed()
    }

    /// Takes leave of the server; one that was started has ended afterwards.
    pub(super) async fn close(self) {
        let _ = timeout(GOODBYE, self.service.cancel()).await;
        if let Some(process) = self.process {
            process.end_process().await;
        }
    }
}

impl Process {
    /// Waits a moment for the process to end by itself, and ends it then with all that it has started.
    async fn end_process(mut self) {
        let has_ended = timeout(GOODBYE, self.child.wait()).await.is_ok();
        for signal in [Signal::TERM, Signal::KILL] {
            if let Some(group) = self.group {
                // All of it may have ended.
                let _ = kill_process_group(group, signal);
            }
            if has_ended || timeout(GOODBYE, self.child.wait()).await.is_ok() {
                break;
            }
        }
        self.group = None;
        // Its last words may say why it has ended.
        if let Some(errors) = self.errors.take() {
            let _ = timeout(GOODBYE, errors).await;
        }
    }
}

/// A start that is given up leaves nothing of what it has started, such as the programs of a launcher.
impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            // All of it may have ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Caller {
    /// Calls a tool, until it has answered or is withdrawn.
    pub(super) async fn call(
        &self,
        id: RequestId,
        tool: &str,
        args: &Json,
        withdrawn: oneshot::Receiver<()>,
    ) -> Result<Json, Raise> {
        let mut params = CallToolRequestParams::new(tool.to_owned());
        params.arguments = args.as_object().cloned();
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let sent = self.peer.send_request_with_option(request, PeerRequestOptions::no_options()).await;
        let mut handle = sent.map_err(|error| self.failure(tool, &error))?;
        let token = handle.progress_token.clone();
        self.tokens().insert(token.clone(), id);
        let answered = tokio::select! {
            answered = &mut handle.rx => Some(answered),
            _ = withdrawn => None,
        };
        self.tokens().remove(&token);
        let Some(answered) = answered else {
            let _ = handle.cancel(Some("it is not needed any more".to_owned())).await;
            return Err(Failure::raise(ErrorKind::Cancelled, "cancelled"));
        };
        match answered.unwrap_or(Err(ServiceError::TransportClosed)) {
            Ok(ServerResult::CallToolResult(result)) => self.value_of(tool, result),
            Ok(ServerResult::EmptyResult(_)) => Ok(Json::Null),
            Ok(_) => {
                let message = format!("`{}.{tool}` answered with something else than a result", self.name);
                Err(Failure::raise(ErrorKind::InvalidOutput, message))
            }
            Err(error) => Err(self.failure(tool, &error)),
        }
    }

    /// The tools as a list of names, descriptions and schemas of arguments.
    pub(super) fn describe_tools(&self) -> Json {
        let describe = |tool: &Tool| {
            serde_json::json!({
                "name": tool.name.as_ref(),
                "description": tool.description.as_deref().unwrap_or_default(),
                "inputSchema": Json::Object(tool.input_schema.as_ref().clone()),
            })
        };
        self.tools.iter().map(describe).collect()
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<ProgressToken, RequestId>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is structured in a result, or else its text.
    fn value_of(&self, tool: &str, result: CallToolResult) -> Result<Json, Raise> {
        let texts: Vec<&str> =
            result.content.iter().filter_map(|part| part.as_text()).map(|text| text.text.as_str()).collect();
        if result.is_error == Some(true) {
            let message = format!("`{}.{tool}`: {}", self.name, texts.join("\n"));
            return Err(Failure::raise(ErrorKind::CommandFailed, message));
        }
        if let Some(structured) = result.structured_content.filter(|value| !value.is_null()) {
            return Ok(structured);
        }
        if texts.is_empty() && !result.content.is_empty() {
            let message = format!("`{}.{tool}` gave no text and nothing structured", self.name);
            return Err(Failure::raise(ErrorKind::InvalidOutput, message));
        }
        Ok(Json::String(texts.join("\n")))
    }

    fn failure(&self, tool: &str, error: &ServiceError) -> Raise {
        match error {
            ServiceError::McpError(error) => {
                let kind = match error.code {
                    ErrorCode::INVALID_PARAMS | ErrorCode::METHOD_NOT_FOUND | ErrorCode::INVALID_REQUEST => {
                        ErrorKind::Failed
                    }
                    _ => ErrorKind::CommandFailed,
                };
                Failure::raise(kind, format!("`{}.{tool}`: {}", self.name, error.message))
            }
            ServiceError::TransportClosed => {
                self.is_lost.store(true, Ordering::Relaxed);
                let message =
                    format!("the server `{}` ended before it had answered{}", self.name, stderr_text(&self.stderr));
                Failure::raise(ErrorKind::Unavailable, message)
            }
            other => {
                self.is_lost.store(true, Ordering::Relaxed);
                let message = format!("the server `{}`: {other}{}", self.name, stderr_text(&self.stderr));
                Failure::raise(ErrorKind::Unavailable, message)
            }
        }
    }
}

async fn keep_last_lines(stream: impl tokio::io::AsyncRead + Unpin, lines: Lines) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
        let mut kept = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == STDERR_LINES {
            kept.remove(0);
        }
        kept.push(String::from_utf8_lossy(&line).trim_end().chars().take(500).collect());
        line.clear();
    }
}

/// The last lines that a server wrote to its standard error, as the end of a message.
fn stderr_text(stderr: &Lines) -> String {
    let lines = stderr.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().map(|line| format!("\n{line}")).collect()
}
