//! A model server over HTTP that answers by a function and keeps the prompts.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use cascade_tests::server::{Reply, read_request, write_reply};
use serde_json::{Value as Json, json};

/// A reply: status, headers, body.
pub type Said = (u16, String, String);

/// The server; it runs until the process ends.
pub struct Model {
    pub url: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

/// An answer in the dialect of OpenAI's chat completions, for 10 tokens in and 200 out: 0.00201 dollars.
pub fn chat_reply(text: &str) -> Said {
    let body = json!({
        "choices": [{ "message": { "content": text } }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 200 },
    });
    (200, String::new(), body.to_string())
}

/// A failure of the service.
pub fn error_reply(status: u16, headers: &str, body: Json) -> Said {
    (status, headers.to_owned(), body.to_string())
}

impl Model {
    /// Starts a server; `answer` gets the text of the last message, or the body as it is.
    pub fn start(mut answer: impl FnMut(&str) -> Said + Send + 'static) -> Self {
        Self::serve(move |_, text| answer(text))
    }

    /// Starts a server; `answer` gets the body of each request.
    pub fn start_with_bodies(mut answer: impl FnMut(&Json) -> Said + Send + 'static) -> Self {
        Self::serve(move |body, _| answer(body))
    }

    fn serve(mut answer: impl FnMut(&Json, &str) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some((head, body)) = read_request(&stream) else { continue };
                let text = prompt_of_body(&body);
                kept.lock().unwrap().push((text.clone(), head));
                let json = serde_json::from_str(&body).unwrap_or(Json::Null);
                let (status, headers, body) = answer(&json, &text);
                // The client may have been killed meanwhile.
                let _ = write_reply(&mut stream, &Reply { status, headers, body });
            }
        });
        Self { url, asked }
    }

    /// The prompts, in order.
    pub fn prompts(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(text, _)| text.clone()).collect()
    }

    /// The heads of the requests, in order.
    pub fn request_heads(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(_, head)| head.clone()).collect()
    }

    /// The declaration of the model.
    pub fn declaration(&self) -> String {
        format!(
            "model m {{ provider: openai_compatible, id: \"m\", base_url: \"{}\", context: 100_000, \
             max_output: 1_000, price: {{ input: 1usd, output: 10usd }} }}\n",
            self.url
        )
    }
}

fn prompt_of_body(body: &str) -> String {
    let json: Json = match serde_json::from_str(body) {
        Ok(json) => json,
        Err(_) => return body.to_owned(),
    };
    let last = json.get("messages").and_then(|m| m.as_array()).and_then(|m| m.last());
    match last.and_then(|m| m.get("content")).and_then(Json::as_str) {
        Some(text) => text.to_owned(),
        None => body.to_owned(),
    }
}
