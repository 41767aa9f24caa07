#![allow(clippy::unwrap_used)]
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{interpreter::to_hex, render::percent_encode};

fn percent_encoded(text: &str) -> String {
    let mut out = String::new();
    percent_encode(text, &mut out);
    out
}

#[test]
fn a_secret_that_looks_like_the_mark_is_masked_once() {
    for secret in ["secret", "[secret]", "[secre"] {
        let redactor = Redactor::new([secret]);
        assert_eq!(redactor.mask(&format!("a {secret} b")), "a [secret] b");
        assert_eq!(redactor.mask("a [secret] b"), "a [secret] b");
    }
}

/// `\u0074\u006f…`
fn unicode_escapes(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// Lines of so many characters.
fn wrap_lines(text: &str, width: usize) -> String {
    text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>().join("\n")
}

/// Texts that contain a secret in each encoding, with other text before and after it.
fn encoded_texts(secret: &str, before: &str, after: &str) -> Vec<String> {
    let whole = format!("{before}{secret}{after}");
    let quoted = serde_json::to_string(&whole).unwrap();
    let entities = secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;");
    let in_bash: String =
        secret.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\{c}") }).collect();
    vec![
        whole.clone(),
        STANDARD.encode(&whole),
        URL_SAFE_NO_PAD.encode(&whole),
        wrap_lines(&STANDARD.encode(&whole), 12),
        to_hex(whole.as_bytes()),
        to_hex(whole.as_bytes()).to_uppercase(),
        wrap_lines(&to_hex(whole.as_bytes()), 10),
        whole.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
        format!("{before}{}{after}", percent_encoded(secret)),
        format!("{before}{}{after}", percent_encoded(secret).replace("%20", "+")),
        whole.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        format!("{before}{}{after}", percent_encoded(&percent_encoded(secret))),
        quoted.clone(),
        serde_json::to_string(&quoted).unwrap(),
        format!("\"{}\"", unicode_escapes(&whole)),
        format!("{before}{entities}{after}"),
        format!("{before}'{}'{after}", secret.replace('\'', "'\\''")),
        format!("{before}'{}'{after}", secret.replace('\'', "'\"'\"'")),
        format!("{before}{in_bash}{after}"),
    ]
}

/// Whether a secret can be decoded from a text.
fn contains_encoded(text: &str, secret: &str) -> bool {
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes: Vec<u8> = squeezed
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    text.contains(secret)
        || STANDARD.decode(&squeezed).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(secret))
        || URL_SAFE_NO_PAD.decode(&squeezed).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(secret))
        || String::from_utf8_lossy(&bytes).contains(secret)
        || text.contains(&percent_encoded(secret))
}

#[test]
fn a_secret_is_found_in_every_writing() {
    for secret in ["tok-3n-Example/Value+9", "hunter2", "it's \"so\" <b>&amp;\\n ü😀", "ab cdefg", "🔑🔑"] {
        let redactor = Redactor::new([secret]);
        for before in ["", "a", "user:", "{x} "] {
            for text in encoded_texts(secret, before, "") {
                let masked = redactor.mask(&text);
                assert!(masked.contains(REDACTED), "{text}: {masked}");
                assert!(!contains_encoded(&masked, secret), "{text}: {masked}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_secret_is_found_in_every_writing(
        secret in "[!-~]{2}[ -~äß€]{3,20}[!-~]",
        before in "[a-z:=]{0,5}",
        after in "[ .,;]{0,5}",
    ) {
        let redactor = Redactor::new([secret.as_str()]);
        for text in encoded_texts(&secret, &before, &after) {
            let masked = redactor.mask(&text);
            prop_assert!(masked.contains(REDACTED), "{}: {}", text, masked);
            prop_assert!(!contains_encoded(&masked, &secret), "{}: {}", text, masked);
        }
    }

    #[test]
    fn what_holds_no_secret_stays(text in "[ -~äß€\n]{0,200}") {
        let redactor = Redactor::new(["QX7-unlikely-Zk9"]);
        prop_assert!(matches!(redactor.mask(&text), Cow::Borrowed(_)));
    }

    #[test]
    fn masking_twice_changes_nothing(secret in "[ -~]{4,20}", text in "[ -~]{0,40}") {
        let redactor = Redactor::new([secret.as_str()]);
        let once = redactor.mask(&format!("{text}{secret}{text}")).into_owned();
        prop_assert_eq!(redactor.mask(&once).into_owned(), once.clone());
    }

    /// Wherever a text is cut, no part of a secret that can be told from chance is left at the cut.
    #[test]
    fn a_secret_that_is_cut_is_found(cut in 4usize..20) {
        let secret = "a-long-secret-of-27-letters";
        let redactor = Redactor::new([secret]);
        let head = format!("seen: {}", &secret[..cut]);
        prop_assert_eq!(redactor.mask_cut(&head, Cut { start: false, end: true }), "seen: [secret]");
        let tail = format!("{} was seen", &secret[secret.len() - cut..]);
        prop_assert_eq!(redactor.mask_cut(&tail, Cut { start: true, end: false }), "[secret] was seen");
        prop_assert_eq!(redactor.mask(&head), head.as_str());
    }
}

#[test]
fn short_secrets_must_stand_alone() {
    let pin = Redactor::new(["4711"]);
    for (text, masked) in [
        ("4711", "[secret]"),
        ("pin=4711;", "pin=[secret];"),
        ("the pin is 4711.", "the pin is [secret]."),
        ("NDcxMQ==", "[secret]"),
        ("NDcxMQo=", "[secret]"),
        ("34373131", "[secret]"),
        ("343731310a", "[secret]"),
        ("x 34 37 31 31 0A\n", "x [secret]\n"),
        ("34:37:31:31", "[secret]"),
        ("14711", "14711"),
        ("47112", "47112"),
        ("0.4711", "0.4711"),
        ("4711.5", "4711.5"),
        ("order4711", "order4711"),
    ] {
        assert_eq!(pin.mask(text), masked);
    }
    for nothing in ["", "  ", "\n", "abc", " abc "] {
        assert!(Redactor::new([nothing]).is_empty(), "{nothing:?}");
    }
}

#[test]
fn blanks_around_a_secret_and_lines_within_it() {
    assert_eq!(Redactor::new(["  hunter2\n"]).mask("hunter2!"), "[secret]!");
    let key = "-----BEGIN KEY-----\nabcdefghijklmnop0123\nqrstuvwxyz0123456789\n-----END KEY-----\n";
    let redactor = Redactor::new([key]);
    assert_eq!(redactor.mask(&format!("<{key}>")), "<[secret]\n>");
    assert_eq!(redactor.mask("> abcdefghijklmnop0123"), "> [secret]");
}

#[test]
fn a_long_secret_is_found_in_pieces() {
    let secret: String = (0..5000).map(|n| char::from(b'!' + u8::try_from((n * n / 7 + n) % 90).unwrap())).collect();
    let redactor = Redactor::new([secret.as_str()]);
    assert_eq!(redactor.mask(&format!("a{secret}b")), "a[secret]b");
    for text in encoded_texts(&secret, "x", "") {
        let masked = redactor.mask(&text);
        assert!(masked.len() < 200, "{masked}");
    }
}

#[test]
fn a_secret_across_windows_is_found() {
    let redactor = Redactor::new(["tok-3n-Example/Value+9"]);
    let encoded = percent_encoded("tok-3n-Example/Value+9");
    for shift in [0, 5, 11, 40, 400] {
        let text = format!("{}{encoded} {}", "x".repeat(WINDOW - shift), "y".repeat(WINDOW));
        let masked = redactor.mask(&text);
        assert_eq!(masked.len(), text.len() - encoded.len() + REDACTED.len(), "{shift}");
    }
}

#[test]
fn an_answer_of_json_stays_json() {
    let pin = Redactor::new(["4711", "hunter2"]);
    for (text, masked) in [
        (r#"{"pin": 4711, "n": 14711}"#, r#"{"pin": "[secret]", "n": 14711}"#),
        (r#"["4711", 4711,-4711e2]"#, r#"["[secret]", "[secret]",-4711e2]"#),
        (r#"{"a\"": "x\" hunter2", "b": 4711}"#, r#"{"a\"": "x\" [secret]", "b": "[secret]"}"#),
        ("4711", "\"[secret]\""),
    ] {
        let (found, _) = pin.mask_answer(text.as_bytes(), true);
        assert_eq!(String::from_utf8_lossy(&found), masked);
        serde_json::from_slice::<Json>(&found).unwrap();
    }
    assert_eq!(String::from_utf8_lossy(&pin.mask_answer(b"4711", false).0), "[secret]");
}

#[test]
fn what_looks_like_a_key_is_masked_and_named() {
    let none = Redactor::default();
    let text = format!("token: ghp_{}\n", "a1B2".repeat(9));
    let (masked, what) = none.mask_answer(text.as_bytes(), false);
    assert_eq!((&*masked, what), (&b"token: [secret]\n"[..], Some("a token of GitHub")));
    let mut json = json!({ "a": [text], "b": 1 });
    assert_eq!(none.mask_json(&mut json), Some("a token of GitHub"));
    assert_eq!(json, json!({ "a": ["token: [secret]\n"], "b": 1 }));
}

#[test]
fn bytes_that_are_no_text_are_searched_as_well() {
    let redactor = Redactor::new(["hunter2"]);
    assert_eq!(&*redactor.mask_bytes(b"\xff\xfehunter2\xff", Cut::default()), b"\xff\xfe[secret]\xff");
    let wide: Vec<u8> = "hunter2".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(&*redactor.mask_bytes(&wide, Cut::default()), b"[secret]");
}

#[test]
fn values_keep_what_their_type_calls_a_secret() {
    let mut redactor = Redactor::default();
    let minted = Value::Secret(Secret::new("minted-token"));
    assert_eq!(redactor.learn_value(&Value::list(vec![minted.clone()])).len(), 1);
    assert!(redactor.learn_value(&minted).is_empty(), "it is known");
    let value = Value::record(vec![("token".into(), minted.clone()), ("note".into(), Value::str("is minted-token"))]);
    let masked = redactor.mask_value(value);
    assert_eq!(masked.get("token"), Some(&minted));
    assert_eq!(masked.get("note"), Some(&Value::str("is [secret]")));
    assert_eq!(format!("{redactor:?}"), "Redactor(1 secrets)");
}

#[test]
fn an_argument_that_is_made_of_a_secret_is_known_by_it() {
    let mut redactor = Redactor::default();
    redactor.learn_arg(&Arg { text: "Bearer unknown-token".into(), secret: true });
    assert_eq!(redactor.mask("you said unknown-token"), "you said [secret]");
}
