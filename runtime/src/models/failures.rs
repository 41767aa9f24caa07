//! Maps providers' errors to failures.

use cascade_ir::ErrorKind;
use serde_json::Value as Json;

use crate::{
    failure::{Failure, Raise},
    request::Response,
};

/// Words with which providers report a used-up quota, as opposed to rate limiting.
const QUOTA: [&str; 6] =
    ["insufficient_quota", "exceeded your current quota", "billing", "credit balance", "usage limit", "per day"];

/// The failure for an HTTP status and its body.
pub(super) fn failure_of_status(response: &Response) -> Raise {
    let json: Json = serde_json::from_slice(&response.body).unwrap_or(Json::Null);
    // Gemini wraps its error in a list when streaming.
    let error = if json.is_array() { &json[0]["error"] } else { &json["error"] };
    let said = error["message"].as_str().or_else(|| error.as_str()).map(str::to_owned);
    let said = said.unwrap_or_else(|| String::from_utf8_lossy(&response.body).trim().chars().take(300).collect());
    if matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        let message = format!(
            "the model's server sends the prompt to another address, where it does not go (HTTP status {}); name that \
             address in `base_url`",
            response.status
        );
        return Failure::raise(ErrorKind::Failed, message);
    }
    let code = error["code"].as_str().or_else(|| error["type"].as_str()).unwrap_or_default();
    let status = response.status;
    let message =
        if said.is_empty() { format!("HTTP status {status}") } else { format!("{said} (HTTP status {status})") };
    let spent = is_quota(code) || is_quota(&said);
    let kind = match status {
        429 | 402 if spent => ErrorKind::QuotaExhausted,
        429 => ErrorKind::RateLimited,
        402 => ErrorKind::QuotaExhausted,
        401 | 403 => ErrorKind::Denied,
        400 if spent => ErrorKind::QuotaExhausted,
        408 | 409 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Failed,
    };
    let mut failure = Failure::raise(kind, message);
    failure.retry_after_ms = response.retry_after_ms;
    failure
}

/// The failure for an error code within an answer.
pub(super) fn failure_of_code(code: Option<&str>, message: &str) -> Raise {
    let kind = match code {
        Some("rate_limit_exceeded") => ErrorKind::RateLimited,
        Some(code) if is_quota(code) => ErrorKind::QuotaExhausted,
        Some("invalid_prompt") => ErrorKind::Refused,
        _ => ErrorKind::Unavailable,
    };
    Failure::raise(kind, message)
}

fn is_quota(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    QUOTA.iter().any(|words| text.contains(words))
}
