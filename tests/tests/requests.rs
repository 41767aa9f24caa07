//! HTTP requests only reach the declared server: redirects, addresses and headers.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "support/project.rs"]
mod project;

use std::{io::Write, net::TcpListener, process::Output, thread};

use cascade_ir::ErrorKind;
use cascade_runtime::Begin;
use cascade_tests::server::serve;
use project::{Project, result_json, stderr, stdout};
use serde_json::json;

const PROGRAM: &str = r#"skill read(base: string, id: string, token: secret) -> string {
  http get "$<base>/users/$<id>/sessions" {
    headers: { authorization: "Bearer $<token>", x_api_key: token, accept: "text/plain", x_note: id },
    query: { q: id },
  }
}

skill write(base: string, id: string, token: secret) -> string {
  http post "$<base>/users/$<id>" {
    headers: { x_api_key: token },
    body: { note: "private words" },
  }
}

skill write_and_look(base: string) -> string {
  http post "$<base>/users" { body: { note: "private words" } }
    exit [307]
}

skill write_and_follow(base: string) -> string {
  http post "$<base>/users" { body: { note: "private words" }, redirects: follow }
}

skill read_with_body(base: string) -> string {
  http get "$<base>/users" { body: { note: "private words" } }
}

cascade get_it(base: string, id: string = "7", token: secret) -> string {
  stage a = read(base, id, token)
  return a
}

cascade post_it(base: string, id: string = "7", token: secret) -> string {
  stage a = write(base, id, token)
  return a
}

cascade look(base: string) -> string {
  stage a = write_and_look(base)
  return a
}

cascade follow(base: string) -> string {
  stage a = write_and_follow(base)
  return a
}

cascade body(base: string) -> string {
  stage a = read_with_body(base)
  return a
}
"#;

fn run_cascade(cascade: &str, base: &str, more: &[&str]) -> Output {
    let project = Project::new();
    project.write("flow.cascade", PROGRAM);
    let base = format!("base={base}");
    project.call(&[&["run", "-q", "flow.cascade", cascade, "--input", &base][..], more].concat())
}

const TOKEN: &[&str] = &["--input", "token=hunter2-and-more"];

fn redirect_reply(status: u16, to: &str) -> (u16, &'static str, String) {
    let headers: &'static str = format!("location: {to}\r\n").leak();
    (status, headers, String::new())
}

#[test]
fn a_redirect_sends_no_secret_to_another_server() {
    for status in [301, 302, 303, 307, 308] {
        let (other, theirs) = serve(vec![(200, "", "ok".to_owned())]);
        let (url, ours) = serve(vec![redirect_reply(status, &format!("{other}/elsewhere"))]);
        let output = run_cascade("get_it", &url, TOKEN);
        assert_eq!(stdout(&output), "ok\n", "{}", stderr(&output));
        assert!(ours.join().unwrap()[0].contains("hunter2"), "it is meant for this one");
        let asked = theirs.join().unwrap().remove(0).to_lowercase();
        assert!(asked.starts_with("get /elsewhere ") && asked.contains("accept: text/plain"), "{asked}");
        for private in ["hunter2", "authorization", "x-api-key", "referer"] {
            assert!(!asked.contains(private), "{status}: {asked}");
        }
    }
}

#[test]
fn a_redirect_on_the_same_server_keeps_the_request() {
    let (url, server) = serve(vec![redirect_reply(307, "/v2/users"), (200, "", "ok".to_owned())]);
    let output = run_cascade("get_it", &url, TOKEN);
    assert_eq!(stdout(&output), "ok\n", "{}", stderr(&output));
    let asked = server.join().unwrap();
    assert!(asked[1].starts_with("GET /v2/users ") && asked[1].contains("Bearer hunter2-and-more"), "{asked:?}");
}

#[test]
fn only_get_and_head_follow_redirects() {
    for status in [301, 302, 303, 307, 308] {
        // Nobody answers there: a request would fail as `unavailable`.
        let (url, server) = serve(vec![redirect_reply(status, "http://127.0.0.1:9/elsewhere")]);
        let output = run_cascade("post_it", &url, TOKEN);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains(&format!("HTTP status {status}: the server sends the request to another")), "{said}");
        assert_eq!(server.join().unwrap().len(), 1);
    }
    let (url, server) = serve(vec![(307, "location: /x\r\n", "look there".to_owned())]);
    let output = run_cascade("look", &url, &[]);
    assert_eq!(stdout(&output), "look there\n", "{}", stderr(&output));
    server.join().unwrap();
}

#[test]
fn a_request_with_redirects_follow_is_redirected() {
    let done = || (200, "", "done".to_owned());
    // 303: the result is read by `GET`.
    for status in [301, 302, 303] {
        let (url, server) = serve(vec![redirect_reply(status, "/v2/users"), done()]);
        let output = run_cascade("follow", &url, &[]);
        assert_eq!(stdout(&output), "done\n", "{}", stderr(&output));
        let asked = server.join().unwrap();
        assert!(asked[0].starts_with("POST /users ") && asked[0].contains("private words"), "{asked:?}");
        assert!(asked[1].starts_with("GET /v2/users ") && !asked[1].contains("private words"), "{asked:?}");
    }
    // 307: the request is repeated at another address of the same server.
    for status in [307, 308] {
        let (url, server) = serve(vec![redirect_reply(status, "/v2/users"), done()]);
        let output = run_cascade("follow", &url, &[]);
        assert_eq!(stdout(&output), "done\n", "{}", stderr(&output));
        let asked = server.join().unwrap();
        assert!(asked[1].starts_with("POST /v2/users ") && asked[1].contains("private words"), "{asked:?}");
    }
    let (url, server) = serve(vec![redirect_reply(307, "http://127.0.0.1:9/")]);
    let said = stderr(&run_cascade("follow", &url, &[]));
    assert!(said.contains("a body is not sent to another server (denied)"), "{said}");
    server.join().unwrap();
}

#[test]
fn redirects_that_would_send_data_elsewhere_are_refused() {
    let (url, server) = serve(vec![redirect_reply(302, "http://127.0.0.1:9/")]);
    let said = stderr(&run_cascade("body", &url, &[]));
    assert!(said.contains("a body is not sent to another server (denied)"), "{said}");
    server.join().unwrap();
    let (url, server) = serve(vec![redirect_reply(302, "http://127.0.0.1:9/?t=hunter2-and-more")]);
    let said = stderr(&run_cascade("get_it", &url, TOKEN));
    assert!(said.contains("with a secret in the address (denied)"), "{said}");
    server.join().unwrap();
    let (url, server) = serve(vec![redirect_reply(302, "file:///etc/passwd")]);
    let said = stderr(&run_cascade("get_it", &url, TOKEN));
    assert!(said.contains("redirects to an address of `file:` (denied)"), "{said}");
    server.join().unwrap();
    let (url, server) = serve((0..11).map(|_| redirect_reply(302, "/again")).collect());
    let said = stderr(&run_cascade("get_it", &url, TOKEN));
    assert!(said.contains("redirects more than 10 times (denied)"), "{said}");
    assert_eq!(server.join().unwrap().len(), 11);
}

#[test]
fn a_value_in_an_address_is_one_segment() {
    for id in [".", ".."] {
        let output = run_cascade("get_it", "http://127.0.0.1:9", &[TOKEN, &["--input", &format!("id={id}")]].concat());
        let said = stderr(&output);
        assert!(said.contains(&format!("a value makes `{id}` a segment of the address")), "{said}");
    }
    for (id, path) in [
        ("a/../../b", "/users/a%2F..%2F..%2Fb/sessions?q=a%2F..%2F..%2Fb"),
        ("a&b=1#c?", "/users/a%26b%3D1%23c%3F/sessions?q=a%26b%3D1%23c%3F"),
        ("%2e%2e", "/users/%252e%252e/sessions?q=%252e%252e"),
        ("a\\b", "/users/a%5Cb/sessions?q=a%5Cb"),
    ] {
        let (url, server) = serve(vec![(200, "", "ok".to_owned())]);
        let output = run_cascade("get_it", &url, &[TOKEN, &["--input", &format!("id={id}")]].concat());
        assert_eq!(stdout(&output), "ok\n", "{}", stderr(&output));
        let asked = server.join().unwrap().remove(0);
        assert!(asked.starts_with(&format!("GET {path} ")), "{asked}");
    }
}

#[test]
fn a_header_is_one_line() {
    for (id, what) in [("a\r\nx-admin: 1", "a line break"), ("a\u{1b}[2J", "the control character U+001B")] {
        let output = run_cascade("get_it", "http://127.0.0.1:9", &[TOKEN, &["--input", &format!("id={id}")]].concat());
        let said = stderr(&output);
        assert!(said.contains(&format!("the value of the header `x-note` holds {what}")), "{said}");
    }
}

/// The API key and the prompt are only sent to the address of the model.
#[test]
fn no_prompt_is_redirected() {
    let (other, theirs) = serve(vec![(200, "", "ok".to_owned())]);
    let (url, ours) = serve(vec![redirect_reply(307, &format!("{other}/chat/completions"))]);
    let project = Project::new();
    project.write(
        "flow.cascade",
        &format!(
            "model m {{ provider: openai_compatible, id: \"m\", base_url: \"{url}\", key_env: \"REQUESTS_TEST_KEY\" }}\n\
             skill say() -> string {{\n  prompt \"private words\"\n}}\n\
             cascade main() -> string {{\n  stage a = say()\n    using m\n  return a\n}}\n"
        ),
    );
    let mut command = project.command(&["run", "-q", "flow.cascade"]);
    let output = command.env("REQUESTS_TEST_KEY", "a-key-of-a-provider").output().unwrap();
    assert!(stderr(&output).contains("sends the prompt to another address"), "{}", stderr(&output));
    assert!(ours.join().unwrap()[0].contains("a-key-of-a-provider"));
    // The other server has received no request before this one.
    let probe = run_cascade("get_it", &other, TOKEN);
    assert_eq!(stdout(&probe), "ok\n", "{}", stderr(&probe));
    assert!(theirs.join().unwrap()[0].starts_with("GET /users/7"));
}

/// Answers each connection with the next of these: the value of `Content-Type`, and the bytes of the body.
fn serve_bytes(answers: Vec<(&'static str, &'static [u8])>) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for (content, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            cascade_tests::server::read_request(&stream).unwrap();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: {length}\r\ncontent-type: {content}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body).unwrap();
        }
    });
    (url, server)
}

#[test]
fn an_answer_is_decoded_from_its_declared_charset() {
    let report = "<?xml version='1.0' encoding='iso-8859-1'?><testsuite><testcase name='é'/></testsuite>";
    for (output, content, body, expected) in [
        ("json json", "application/json; charset=ISO-8859-1", &b"{\"a\": \"caf\xe9\"}"[..], Ok(json!({ "a": "café" }))),
        ("json json", "application/json; Charset = \"utf-16le\"", b"\"\0\xe9\0\"\0", Ok(json!("é"))),
        ("json json", "application/json; charset=utf-8", "\"é\"".as_bytes(), Ok(json!("é"))),
        ("string", "text/plain; charset=shift_jis", b"\x82\xa0", Ok(json!("あ"))),
        // What the server declares goes before what the report says.
        ("junit", "text/xml; charset=utf-8", report.as_bytes(), Ok(json!("é"))),
        (
            "junit",
            "text/xml",
            b"<?xml version='1.0' encoding='iso-8859-1'?><testsuite><testcase name='\xe9'/></testsuite>",
            Ok(json!("é")),
        ),
        (
            "string",
            "text/plain; charset=klingon",
            b"x",
            Err("the output is in the encoding `klingon`, which is not known"),
        ),
        ("string", "text/plain; charset=shift_jis", b"abc\xff", Err("the output is not Shift_JIS (at byte 3)")),
        ("string", "text/plain; charset=utf-8", b"caf\xe9", Err("the output is not UTF-8 (at byte 3)")),
        ("string", "text/plain", b"caf\xe9", Err("the output is not UTF-8 (at byte 3)")),
    ] {
        let (url, server) = serve_bytes(vec![(content, body)]);
        let (ty, lines) = match output {
            "junit" => ("string", "    output junit\n  return output.tests.map(|t| t.test).join(\",\")\n"),
            "string" => ("string", ""),
            _ => ("json", "    output json json\n"),
        };
        let text = format!(
            "skill get() -> {ty} {{\n  http get \"{url}/\"\n{lines}}}\n\
             cascade main() -> {ty} {{\n  stage a = get()\n  return a\n}}\n"
        );
        let project = Project::new();
        let outcome = project.run(&text, Begin::New);
        server.join().unwrap();
        match expected {
            Ok(expected) => assert_eq!(result_json(&outcome), expected, "{content}"),
            Err(message) => {
                let failure = outcome.result.as_ref().unwrap_err();
                assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::InvalidOutput, message), "{content}");
            }
        }
        // The record gives the same.
        let again = project.run(&text, Begin::Fork(outcome.run.clone()));
        if outcome.result.is_ok() {
            assert_eq!(result_json(&again), result_json(&outcome), "{content}");
        }
    }
}
