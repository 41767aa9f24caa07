//! The language server of the Cascade language.
//!
//! A message passes three modules: `server` receives it and sends an event into a channel before
//! it awaits anything, `session` owns the documents and handles the events one by one, and
//! `analysis` checks a snapshot in a thread of its own. Its result goes back through the same
//! channel; only `publish` sends to the client. So neither a slow client nor a slow analysis can
//! delay or reorder the edits. `requests` answers questions about snapshots, one kind a file.

mod analysis;
mod changes;
mod convert;
mod document;
mod events;
mod history;
mod imports;
mod position;
mod publish;
mod requests;
mod server;
mod session;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
};
use tower_lsp::{LspService, Server, jsonrpc::Request};
use tower_service::Service;

use crate::{server::Backend, session::Session};

pub use history::{LastRun, NoHistory, RunHistory};

/// Serves one client on standard input and output until it sends `exit` or closes the input.
/// `history` is asked for the last runs of cascades. Returns the exit code of the process: 0 if `shutdown` came first, else 1.
///
/// # Errors
/// When the threads for reading and writing cannot be started.
pub fn serve_stdio(history: Arc<dyn RunHistory>) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let code = runtime.block_on(serve(tokio::io::stdin(), tokio::io::stdout(), history));
    // A client may send `exit` and keep the pipe open; the reading thread is not joined.
    runtime.shutdown_background();
    Ok(code)
}

/// Serves one client; see [`serve_stdio`].
pub async fn serve(input: impl AsyncRead + Unpin, output: impl AsyncWrite, history: Arc<dyn RunHistory>) -> u8 {
    let (events, inbox) = mpsc::unbounded_channel();
    let (outbox, publications) = mpsc::unbounded_channel();
    let shutdown_received = Arc::new(AtomicBool::new(false));
    let session = Session::new(events.clone(), outbox, history);
    let mut client = None;
    let (service, socket) = LspService::new(|connected| {
        client = Some(connected.clone());
        Backend::new(connected, events)
    });
    let service = NoteShutdown { service, received: Arc::clone(&shutdown_received) };
    let publishing = async {
        if let Some(client) = client {
            publish::publish_diagnostics(&client, publications).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = Server::new(input, output, socket).serve(service) => {}
        () = session.run(inbox) => {}
        () = publishing => {}
    }
    u8::from(!shutdown_received.load(Ordering::SeqCst))
}

/// Notes that `shutdown` was received when it is read. Its answer may not be made any more: a client can send `exit`
/// right behind it.
struct NoteShutdown<S> {
    service: S,
    received: Arc<AtomicBool>,
}

impl<S: Service<Request>> Service<Request> for NoteShutdown<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        if request.method() == "shutdown" {
            self.received.store(true, Ordering::SeqCst);
        }
        self.service.call(request)
    }
}
