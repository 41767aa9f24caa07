//! HTTP requests: the address, headers and body that a skill states, with its values.

use cascade_ir::Http;
use smol_str::SmolStr;

use super::Machine;
use crate::{
    eval::{Result, Target},
    failure::fail,
    render::percent_encode,
    request::{HttpRequest, RequestKind},
    value::{Arg, Value, to_json},
};

impl Machine<'_> {
    pub(super) fn http_request(&mut self, http: &Http, slots: &mut [Value]) -> Result<RequestKind> {
        let url = self.eval.template(&http.url, slots, Target::Url)?;
        let mut address = url.text;
        if let Some(expr) = &http.query {
            let query = self.eval.eval(expr, slots)?;
            append_query(&mut address, &query);
        }
        let mut headers = Vec::with_capacity(http.headers.len() + 2);
        for (name, expr) in &http.headers {
            if let Some(text) = self.optional_text(expr, slots)? {
                check_header(name, &text.text)?;
                headers.push((name.clone(), text));
            }
        }
        let body = match &http.body {
            Some(expr) => self.body_text(expr, slots)?,
            None => None,
        };
        let has = |name: &str| headers.iter().any(|(n, _): &(SmolStr, Arg)| n.eq_ignore_ascii_case(name));
        if let Some((_, json)) = &body
            && !has("content-type")
        {
            let media = if *json { "application/json" } else { "text/plain; charset=utf-8" };
            headers.push(("Content-Type".into(), Arg::plain(media)));
        }
        let url = Arg { text: address.into(), secret: url.secret };
        Ok(RequestKind::Http(HttpRequest {
            method: http.method.clone(),
            url,
            headers,
            body: body.map(|(text, _)| text),
            follows_redirects: http.follows_redirects,
        }))
    }
}

/// A header is one line: what would begin another one is refused.
fn check_header(name: &str, value: &str) -> Result<()> {
    let Some(control) = value.chars().find(|c| c.is_control() && *c != '\t') else { return Ok(()) };
    let what = match control {
        '\n' | '\r' => "a line break".to_owned(),
        other => format!("the control character U+{:04X}", u32::from(other)),
    };
    fail!("the value of the header `{name}` holds {what}; take it out first, at the ends with `.trim()`")
}

/// Appends `?a=1&b=2`. A scalar as text, a list repeats its name, null is left out.
fn append_query(url: &mut String, query: &Value) {
    let mut mark = if url.contains('?') { '&' } else { '?' };
    for (name, value) in query.entries().into_iter().flatten() {
        let single = [value.clone()];
        for item in value.as_list().unwrap_or(&single) {
            if item.is_null() {
                continue;
            }
            let text = match crate::render::scalar(item) {
                Some(text) => text.into_owned(),
                None => to_json(item).to_string(),
            };
            url.push(mark);
            mark = '&';
            percent_encode(name, url);
            url.push('=');
            percent_encode(&text, url);
        }
    }
}
