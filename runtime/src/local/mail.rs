//! Sending mail over SMTP, for the built-in skill `mail.send`.

use std::{path::PathBuf, time::Duration};

use cascade_ir::ErrorKind;
use lettre::{
    Message, SmtpTransport, Transport,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use url::Url;

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is sent, to whom, and by which server.
pub(super) struct Mail<'a> {
    /// `smtps://` (encrypted from the beginning) or `smtp://` (encrypted by STARTTLS; on this machine it may be plain),
    /// with the user's name where there is a login.
    pub(super) server: &'a str,
    /// The password of the user in the address.
    pub(super) password: Option<&'a str>,
    pub(super) from: &'a str,
    pub(super) to: Vec<&'a str>,
    pub(super) subject: &'a str,
    pub(super) text: &'a str,
    /// Files with the names that the reader sees.
    pub(super) files: Vec<(String, PathBuf)>,
}

/// Why a mail was not sent.
pub(super) struct NotSent {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
}

fn not_sent(kind: ErrorKind, message: impl Into<String>) -> NotSent {
    NotSent { kind, message: message.into() }
}

/// Sends a mail. It blocks.
///
/// # Errors
/// When an address cannot be read, a file is not there, or the server does not take it.
pub(super) fn send_mail(mail: &Mail<'_>) -> Result<(), NotSent> {
    let message = build_message(mail)?;
    let url = parse_server(mail.server)?;
    let sent = connect_smtp(&url, mail.password)?.send(&message).map(drop);
    sent.map_err(|error| {
        let kind = match error.status().map(u16::from) {
            // A login that is missing or wrong.
            Some(530 | 534 | 535 | 538) => ErrorKind::Denied,
            Some(400..500) => ErrorKind::Unavailable,
            Some(_) => ErrorKind::Failed,
            None if error.is_timeout() => ErrorKind::TimedOut,
            None if error.is_client() => ErrorKind::Failed,
            None => ErrorKind::Unavailable,
        };
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let host = url.host_str().unwrap_or_default();
        not_sent(kind, format!("`{host}{port}` did not take the mail: {error}"))
    })
}

fn wrong_address(why: &str) -> NotSent {
    not_sent(ErrorKind::Failed, format!("the address of the mail server {why}"))
}

fn parse_server(address: &str) -> Result<Url, NotSent> {
    let url = Url::parse(address).map_err(|_| wrong_address("is none; write `smtps://mail.example.com`"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong_address("names no host"));
    }
    if url.password().is_some() {
        return Err(wrong_address("has a password in it; give it as the argument of the type `secret`"));
    }
    Ok(url)
}

fn connect_smtp(url: &Url, password: Option<&str>) -> Result<SmtpTransport, NotSent> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let is_local = ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str());
    let encryption = || {
        TlsParameters::new(host.clone())
            .map_err(|error| not_sent(ErrorKind::Unavailable, format!("no encryption: {error}")))
    };
    let (tls, port) = match url.scheme() {
        "smtps" => (Tls::Wrapper(encryption()?), 465),
        "smtp" if is_local => (Tls::Opportunistic(encryption()?), 25),
        "smtp" => (Tls::Required(encryption()?), 587),
        _ => return Err(wrong_address("begins with `smtps://` or `smtp://`")),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let mut builder =
        SmtpTransport::builder_dangerous(host).port(url.port().unwrap_or(port)).tls(tls).timeout(Some(PATIENCE));
    match (url.username(), password) {
        ("", None) => {}
        ("", Some(_)) => return Err(wrong_address("names no user for the password: `smtps://user@mail.example.com`")),
        (_, None) => return Err(wrong_address("names a user, and there is no password")),
        (user, Some(password)) => {
            let user = percent_decoded(user);
            builder = builder.credentials(Credentials::new(user, password.to_owned()));
        }
    }
    Ok(builder.build())
}

/// A name of an address, in which `%40` stands for `@`.
fn percent_decoded(text: &str) -> String {
    // As the value of a form it is decoded; a `+` is one.
    let form = text.replace('+', "%2B");
    url::form_urlencoded::parse(form.as_bytes()).next().map_or_else(|| text.to_owned(), |(name, _)| name.into_owned())
}

fn build_message(mail: &Mail<'_>) -> Result<Message, NotSent> {
    let read = |text: &str| {
        text.parse::<Mailbox>()
            .map_err(|error| not_sent(ErrorKind::Failed, format!("`{text}` is no address of mail: {error}")))
    };
    if mail.to.is_empty() {
        return Err(not_sent(ErrorKind::Failed, "the mail names nobody who gets it"));
    }
    let mut builder = Message::builder().from(read(mail.from)?).subject(mail.subject);
    for to in &mail.to {
        builder = builder.to(read(to)?);
    }
    let text = SinglePart::plain(mail.text.to_owned());
    let built = match mail.files.is_empty() {
        true => builder.singlepart(text),
        false => {
            let mut parts = MultiPart::mixed().singlepart(text);
            for (name, path) in &mail.files {
                let content = std::fs::read(path)
                    .map_err(|error| not_sent(ErrorKind::Failed, format!("cannot attach `{name}`: {error}")))?;
                let kind = match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
                    Some("txt" | "md" | "log" | "csv" | "patch" | "diff") => "text/plain",
                    Some("json") => "application/json",
                    Some("html") => "text/html",
                    Some("png") => "image/png",
                    Some("jpg" | "jpeg") => "image/jpeg",
                    Some("svg") => "image/svg+xml",
                    Some("pdf") => "application/pdf",
                    _ => "application/octet-stream",
                };
                let kind = ContentType::parse(kind).unwrap_or(ContentType::TEXT_PLAIN);
                parts = parts.singlepart(Attachment::new(name.clone()).body(content, kind));
            }
            builder.multipart(parts)
        }
    };
    built.map_err(|error| not_sent(ErrorKind::Failed, format!("the mail cannot be written: {error}")))
}
