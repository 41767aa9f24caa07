//! The language server of the Cascade language.
//!
//! The way of a message: `server` takes it off the wire and pushes an event into a channel
//! before it awaits anything, `session` owns the documents and takes the events one by one, and
//! `analysis` works on a snapshot in a thread of its own. What it finds goes back into the same
//! channel; `publish` alone talks to the client. So neither a slow client nor a slow analysis can
//! hold up or reorder the edits.

mod analysis;
mod changes;
mod convert;
mod document;
mod events;
mod imports;
mod position;
mod publish;
mod server;
mod session;
mod trees;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
};
use tower_lsp::{LspService, Server};

use crate::{server::Backend, session::Session};

/// Serves one client on standard input and output until it says `exit` or closes its end.
/// Gives the exit code of the process: 0 when `shutdown` came first, else 1.
///
/// # Errors
/// When the threads for reading and writing cannot be started.
pub fn stdio() -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let code = runtime.block_on(serve(tokio::io::stdin(), tokio::io::stdout()));
    // A client may say `exit` and keep the pipe open; the thread that reads it is not waited for.
    runtime.shutdown_background();
    Ok(code)
}

/// Serves one client; see [`stdio`].
pub async fn serve(input: impl AsyncRead + Unpin, output: impl AsyncWrite) -> u8 {
    let (events, inbox) = mpsc::unbounded_channel();
    let (outbox, publications) = mpsc::unbounded_channel();
    let asked_to_stop = Arc::new(AtomicBool::new(false));
    let session = Session::new(events.clone(), outbox);
    let mut client = None;
    let (service, socket) = LspService::new(|connected| {
        client = Some(connected.clone());
        Backend::new(connected, events, asked_to_stop.clone())
    });
    let publishing = async {
        if let Some(client) = client {
            publish::run(&client, publications).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = Server::new(input, output, socket).serve(service) => {}
        () = session.run(inbox) => {}
        () = publishing => {}
    }
    u8::from(!asked_to_stop.load(Ordering::SeqCst))
}
