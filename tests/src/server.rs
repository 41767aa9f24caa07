//! A small HTTP server for tests, on a free port of this machine.
#![allow(clippy::unwrap_used)] // a test says what went wrong by failing

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

/// What the server answers to a request.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Header lines, each with its line end.
    pub headers: String,
    /// The body.
    pub body: String,
}

impl From<(u16, String)> for Reply {
    fn from((status, body): (u16, String)) -> Self {
        Self { status, headers: String::new(), body }
    }
}

impl From<(u16, &str, String)> for Reply {
    fn from((status, headers, body): (u16, &str, String)) -> Self {
        Self { status, headers: headers.to_owned(), body }
    }
}

/// The head (request line and headers) and the body of a request; `None` when the connection ends
/// before them.
pub fn read_request(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content).ok()?;
    Some((head, String::from_utf8_lossy(&content).into_owned()))
}

/// Sends a reply and announces that the connection ends.
///
/// # Errors
/// When the other side does not read it.
pub fn write_reply(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    let Reply { status, headers, body } = reply;
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

/// Starts a server that answers each connection with the next of these. Gives its address and the
/// thread, which ends after the last answer with the requests: head, empty line, body.
pub fn serve<R: Into<Reply>>(answers: Vec<R>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<Reply> = answers.into_iter().map(Into::into).collect();
    let server = thread::spawn(move || {
        let mut asked = Vec::new();
        for reply in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let (head, body) = read_request(&stream).unwrap();
            asked.push(format!("{head}\n{body}"));
            write_reply(&mut stream, &reply).unwrap();
        }
        asked
    });
    (url, server)
}
