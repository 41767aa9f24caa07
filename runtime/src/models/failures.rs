//! Maps providers' errors to failures.

use cascade_ir::ErrorKind;
use serde_json::Value as Json;

use crate::{
    failure::{Failure, Raise},
    request::Response,
};

/// Codes of a plan that is spent, or of an account that cannot pay.
const SPENT_CODES: [&str; 4] =
    ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "quota_exceeded"];
/// Codes of a limit for a short time.
const RATE_CODES: [&str; 4] = ["rate_limit_exceeded", "rate_limit_error", "rate_limited", "too_many_requests"];
/// Codes of a request that the provider does not answer because of its content.
const REFUSED_CODES: [&str; 3] = ["invalid_prompt", "content_filter", "content_policy_violation"];
/// Words of a plan that is spent, where no code tells.
const SPENT_WORDS: [&str; 6] =
    ["insufficient_quota", "exceeded your current quota", "billing", "credit balance", "usage limit", "per day"];

/// What a refusal because of limits is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// Requests or tokens in a minute or so: it is waited for.
    Rate,
    /// A plan, a budget, a day: waiting a little does not help.
    Plan,
}

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
    let status = response.status;
    let message =
        if said.is_empty() { format!("HTTP status {status}") } else { format!("{said} (HTTP status {status})") };
    failure_of(status, error, response.retry_after_ms, &said, message)
}

/// The failure for an error within an answer whose status is a success: in its body, or in its stream.
pub(super) fn failure_of_error(error: &Json) -> Raise {
    let said = error["message"].as_str().or_else(|| error.as_str()).unwrap_or("the request failed");
    if ["code", "type"].iter().any(|name| REFUSED_CODES.contains(&error[name].as_str().unwrap_or_default())) {
        return Failure::raise(ErrorKind::Refused, said);
    }
    failure_of(status_of(error), error, None, said, said.to_owned())
}

/// The status that an error would have had if it had been known before the answer began.
fn status_of(error: &Json) -> u16 {
    let number = match &error["code"] {
        Json::String(text) => text.parse().ok(),
        number => number.as_u64().and_then(|n| u16::try_from(n).ok()),
    };
    if let Some(status) = number.filter(|n| (400..600).contains(n)) {
        return status;
    }
    let names = ["code", "type", "status"].iter().filter_map(|name| error[name].as_str());
    let of_name = |name: &str| match name {
        name if RATE_CODES.contains(&name) || SPENT_CODES.contains(&name) || name == "RESOURCE_EXHAUSTED" => Some(429),
        "billing_error" => Some(402),
        "authentication_error" | "permission_error" | "invalid_api_key" | "UNAUTHENTICATED" | "PERMISSION_DENIED" => {
            Some(401)
        }
        "invalid_request_error"
        | "not_found_error"
        | "request_too_large"
        | "context_length_exceeded"
        | "model_not_found"
        | "INVALID_ARGUMENT" => Some(400),
        _ => None,
    };
    // What failed in the middle of an answer is the service, unless it says otherwise.
    names.filter_map(of_name).next().unwrap_or(503)
}

fn failure_of(status: u16, error: &Json, retry_after_ms: Option<u64>, said: &str, message: String) -> Raise {
    let code = error["code"].as_str().or_else(|| error["type"].as_str()).unwrap_or_default();
    let retry_after_ms = retry_after_ms.or_else(|| retry_delay(error));
    let spent = limit_of(code, error, retry_after_ms, said) == Some(Limit::Plan);
    let kind = match status {
        429 | 402 if spent => ErrorKind::QuotaExhausted,
        429 => ErrorKind::RateLimited,
        402 => ErrorKind::QuotaExhausted,
        401 | 403 => ErrorKind::Denied,
        400 if spent => ErrorKind::QuotaExhausted,
        408 | 409 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Failed,
    };
    let too_long = matches!(status, 400 | 413) && kind == ErrorKind::Failed && is_too_long(code, said);
    let message = match too_long {
        true => format!(
            "the prompt does not fit into the model's context window: {message}; state the window by `context`, so that \
             `using [a, b]` takes a model with a larger one"
        ),
        false => message,
    };
    let mut failure = Failure::raise(kind, message);
    failure.retry_after_ms = retry_after_ms;
    // The same prompt would be as long again.
    failure.permanent = too_long;
    failure
}

/// Whether a provider refuses a prompt because of its length.
fn is_too_long(code: &str, said: &str) -> bool {
    const WORDS: [&str; 5] = [
        "prompt is too long",
        "maximum context length",
        "exceeds the maximum number of tokens",
        "context window",
        "context size",
    ];
    let said = said.to_ascii_lowercase();
    matches!(code, "context_length_exceeded" | "request_too_large" | "exceed_context_size_error")
        || WORDS.iter().any(|words| said.contains(words))
}

/// Which limit was met: decided by codes, then by the ids of quotas, then by whether the provider says when
/// to ask again, and by words only where nothing else tells.
fn limit_of(code: &str, error: &Json, retry_after_ms: Option<u64>, said: &str) -> Option<Limit> {
    /// A wait that is no longer is one for a limit of rate, in milliseconds.
    const SHORT: u64 = 10 * 60 * 1000;
    if SPENT_CODES.contains(&code) {
        return Some(Limit::Plan);
    }
    if RATE_CODES.contains(&code) {
        return Some(Limit::Rate);
    }
    // Google names each quota that was exceeded: `GenerateRequestsPerDayPerProjectPerModel-FreeTier`.
    let ids =
        error_details(error, "QuotaFailure").flat_map(|detail| detail["violations"].as_array().into_iter().flatten());
    let mut limit = None;
    for id in ids.filter_map(|violation| violation["quotaId"].as_str()) {
        match ["PerDay", "PerMonth"].iter().any(|period| id.contains(period)) {
            true => return Some(Limit::Plan),
            false => limit = Some(Limit::Rate),
        }
    }
    if limit.is_some() || retry_after_ms.is_some_and(|ms| ms <= SHORT) {
        return Some(Limit::Rate);
    }
    let said = said.to_ascii_lowercase();
    SPENT_WORDS.iter().any(|words| said.contains(words)).then_some(Limit::Plan)
}

/// The details of an error of Google of one type.
fn error_details<'e>(error: &'e Json, name: &'e str) -> impl Iterator<Item = &'e Json> {
    let all = error["details"].as_array().into_iter().flatten();
    all.filter(move |detail| detail["@type"].as_str().is_some_and(|of| of.ends_with(name)))
}

/// When Google says to ask again (`RetryInfo`): `"retryDelay": "1.5s"`.
fn retry_delay(error: &Json) -> Option<u64> {
    let delay = error_details(error, "RetryInfo").find_map(|detail| detail["retryDelay"].as_str())?;
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    (seconds >= 0.0).then_some((seconds * 1000.0).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn failure(status: u16, retry_after_ms: Option<u64>, body: Json) -> (ErrorKind, Option<u64>) {
        let failure = failure_of_status(&Response {
            status,
            body: Arc::from(body.to_string().into_bytes()),
            retry_after_ms,
            charset: None,
        });
        (failure.kind, failure.retry_after_ms)
    }

    fn google(message: &str, quota: &str, delay: Option<&str>) -> Json {
        let mut details = vec![
            json!({ "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": quota }] }),
        ];
        details.extend(delay.map(|d| json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": d })));
        json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": message, "details": details } })
    }

    #[test]
    fn a_limit_for_a_minute_is_waited_for_and_a_spent_plan_is_not() {
        let said = "You exceeded your current quota, please check your plan and billing details.";
        let minute = google(said, "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", Some("1.2s"));
        assert_eq!(failure(429, None, minute), (ErrorKind::RateLimited, Some(1200)));
        let day = google(said, "GenerateRequestsPerDayPerProjectPerModel-FreeTier", Some("30s"));
        assert_eq!(failure(429, None, day).0, ErrorKind::QuotaExhausted);
        let openai = |code: &str, said: &str| json!({ "error": { "code": code, "message": said } });
        let rate = openai("rate_limit_exceeded", "Limit reached. See platform.openai.com/account/billing");
        assert_eq!(failure(429, Some(1000), rate), (ErrorKind::RateLimited, Some(1000)));
        assert_eq!(failure(429, Some(1000), openai("insufficient_quota", said)).0, ErrorKind::QuotaExhausted);
        let anthropic = json!({ "error": { "type": "rate_limit_error", "message": "usage limit per minute" } });
        assert_eq!(failure(429, None, anthropic).0, ErrorKind::RateLimited);
        let credit =
            json!({ "error": { "type": "invalid_request_error", "message": "Your credit balance is too low" } });
        assert_eq!(failure(400, None, credit).0, ErrorKind::QuotaExhausted);
        assert_eq!(failure(429, None, json!({ "error": said })).0, ErrorKind::QuotaExhausted);
        assert_eq!(failure(429, Some(2000), json!({ "error": said })).0, ErrorKind::RateLimited);
        assert_eq!(failure(429, None, json!({ "error": "slow down" })).0, ErrorKind::RateLimited);
    }
}
