//! A secret in all encodings, and the search for them.
#![allow(dead_code)]

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// The token in each encoding.
pub fn encodings(token: &str) -> Vec<String> {
    let quoted = serde_json::to_string(token).unwrap();
    let escaped: String = token.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let lines: Vec<String> = STANDARD
        .encode(format!("user:{token}"))
        .as_bytes()
        .chunks(10)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    vec![
        token.to_owned(),
        format!("token={token};"),
        STANDARD.encode(token),
        STANDARD.encode(format!("u{token}")),
        STANDARD.encode(format!("us{token}!")),
        URL_SAFE_NO_PAD.encode(format!("usr{token}")),
        lines.join("\n"),
        hex(token.as_bytes()),
        hex(token.as_bytes()).to_uppercase(),
        percent_encode(token),
        percent_encode(&percent_encode(token)),
        format!("{{\"token\": {quoted}}}"),
        serde_json::to_string(&quoted).unwrap(),
        format!("\"{escaped}\""),
        format!("'{}'", token.replace('\'', "'\\''")),
        token.replace('\'', "&#39;").replace('"', "&quot;"),
    ]
}

/// The texts that must not occur: the token in each encoding, and recognisable parts of it.
pub fn recognisable_parts(token: &str) -> Vec<String> {
    let mut out = encodings(token);
    out.extend(["Example/Value".to_owned(), "Example%2FValue".to_owned(), hex(b"Example")]);
    out
}

/// Checks that none of the texts occurs.
pub fn assert_clean(place: &str, bytes: &[u8], traces: &[String]) {
    for trace in traces.iter().filter(|trace| !trace.is_empty()) {
        let found = bytes.windows(trace.len()).position(|window| window == trace.as_bytes());
        if let Some(at) = found {
            let near = String::from_utf8_lossy(&bytes[at.saturating_sub(80)..bytes.len().min(at + 120)]).into_owned();
            panic!("{place} holds `{trace}`: …{near}…");
        }
    }
}
