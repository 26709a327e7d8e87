//! Responses to a renewal request: compares the result with serde_json, and checks that no message contains a token.
//!
//! Fields: token, the seconds until it expires, HTTP status, body. Parts of the body may be `grown`; then the bytes 1
//! to 5 and 14 to 22 in it stand for the token in the encodings of `spell`.
#![no_main]

use std::collections::HashSet;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::Value;
use tc_auth::{Auth, Error, Moment, Now};
use tc_auth_fuzz::{LARGE, encode, fields, grown, is_visible, linear, number, planted};

const NOW: i64 = 1_700_000_000;

/// The token as it is, and in the encodings that redaction decodes, also nested.
fn spell(byte: u8, token: &[u8]) -> Vec<u8> {
    let each = |form: fn(u8) -> String| token.iter().map(|byte| form(*byte)).collect::<String>().into_bytes();
    match byte {
        1 => token.to_vec(),
        2 => each(|byte| format!("%{byte:02x}")),
        3 => encode(encode(token).as_bytes()).into_bytes(),
        4 => each(|byte| format!("\\u{byte:04x}")),
        5 => each(|byte| format!("&#{byte};")),
        14 => each(|byte| format!("\\\\u{byte:04x}")),
        15 => each(|byte| format!("%5Cu{byte:04X}")),
        16 => each(|byte| format!("%25u{byte:04x}")),
        17 => each(|byte| format!("&#37;{byte:02x}")),
        18 => each(|byte| format!("%26%23x000000000000{byte:x}%3B")),
        19 => each(|byte| format!("\\u{{0000000{byte:x}}}")),
        20 => each(|byte| format!("\\\\{byte:o}\\n")),
        21 => each(|byte| format!("{}\0", char::from(byte))),
        _ => each(|byte| format!("{}\u{200b}\u{e9}", char::from(byte))),
    }
}

fn spelled(body: &[u8], token: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let stands_for_token = |byte: &u8| matches!(byte, 1..=5 | 14..=22);
    for part in grown(body).chunk_by(|one, next| !stands_for_token(one) && !stands_for_token(next)) {
        match part {
            [byte] if stands_for_token(byte) && out.len() < LARGE => out.extend(spell(*byte, token)),
            _ => out.extend_from_slice(part),
        }
    }
    out
}

/// The response by serde_json; `None` where it is stricter than the grammar, or ignores duplicates.
fn read(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        // No name may be given twice, or be escaped. Searched with its quotes, because one name is the start of
        // another.
        Ok(value) => ["\"success\"", "\"apiToken\"", "\"apiTokenExpires\"", "\"message\""]
            .iter()
            .all(|name| text.matches(name).count() <= 1 && !text.contains('\\'))
            .then_some(value),
        Err(_) => serde_json::from_str::<IgnoredAny>(text).is_err().then_some(Value::Null),
    }
}

fn expiry(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A message, and how it can be read: with one encoding decoded, and with all of them, repeatedly.
fn readings(message: &str) -> Vec<String> {
    let forms: [fn(&str) -> String; 3] = [percent, backslash, html];
    let mut texts = vec![message.to_owned()];
    texts.extend(forms.map(|undo| undo(message)));
    let mut text = message.to_owned();
    loop {
        let next = forms.iter().fold(text.clone(), |text, undo| undo(&text));
        if next == text {
            break;
        }
        text = next;
    }
    texts.push(text);
    // A form decoder turns `+` into a space.
    let visible = |text: String| text.replace(' ', "+").chars().filter(char::is_ascii_graphic).collect();
    texts.into_iter().map(visible).collect()
}

fn percent(text: &str) -> String {
    let text = undo(text, "%u", 16, |after| after.split_at_checked(4));
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

fn backslash(text: &str) -> String {
    let braces = undo(text, "\\u{", 16, |after| after.split_once('}'));
    let json = undo(&braces, "\\u", 16, |after| after.split_at_checked(4));
    undo(&json, "\\", 8, |after| after.split_at_checked(3)).replace("\\n", "\n").replace("\\\\", "\\")
}

fn html(text: &str) -> String {
    let hex = undo(text, "&#x", 16, |after| after.split_once(';'));
    undo(&hex, "&#", 10, |after| after.split_once(';'))
}

fn undo(text: &str, escape: &str, radix: u32, cut: fn(&str) -> Option<(&str, &str)>) -> String {
    let mut parts = text.split(escape);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = cut(part).filter(|(digits, _)| digits.chars().all(|digit| digit.is_digit(radix)));
        match digits.and_then(|(digits, after)| Some((u8::from_str_radix(digits, radix).ok()?, after))) {
            Some((byte, after)) => out.extend([char::from(byte).to_string().as_str(), after]),
            None => out.extend([escape, part]),
        }
    }
    out
}

/// Whether a text contains the secret or, if it is longer, any 16 consecutive bytes of it.
fn tell(texts: &[String], secret: &str) -> bool {
    let len = secret.len().min(16);
    // As a set, because the secret may have a million such parts.
    let shown: HashSet<_> = texts.iter().flat_map(|text| text.as_bytes().windows(len)).collect();
    secret.as_bytes().windows(len).any(|part| shown.contains(part))
}

fuzz_target!(|input: &[u8]| {
    let Some([old, left, http_status, body]) = fields(input) else { return };
    let now = Now { unix: NOW, monotonic: Moment::now() };
    let at = |millis| Now { monotonic: now.monotonic + Duration::from_millis(millis), ..now };
    let old_expires = Some(NOW + number(left).clamp(-1000, 60));
    let Ok(auth) = Auth::new_token(old, old_expires, now) else { return };
    let old = str::from_utf8(old).unwrap();
    auth.set_renewal_window(86_400).unwrap();
    auth.set_api_path("https://company.example/api/").unwrap();

    // A token is due at half of its life.
    let later = Now { unix: NOW + 60, monotonic: now.monotonic + Duration::from_secs(60) };
    let ticket = auth.poll(Duration::ZERO, || later).unwrap();
    assert_eq!(ticket.is_some(), !old.starts_with("APIV2:"));
    let Some(ticket) = ticket else { return };
    let url = format!("https://company.example/api/appAuth?expiredToken={}", encode(old.as_bytes()));
    assert_eq!(ticket.url(), url);
    assert_eq!(auth.poll(Duration::ZERO, || later).err(), Some(Error::RenewalTimeout));

    let body = spelled(body, old.as_bytes());
    let http_status = number(http_status) as i32;
    let (result, message) = linear(old.len() + body.len(), || ticket.complete(http_status, &body, at(0)));
    let token = auth.token().unwrap();

    let mut text = body.as_slice();
    while let Some(shorter) = text.strip_suffix(b"\0") {
        text = shorter;
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    // For bytes that are not UTF-8, the text may differ by a character, which does not matter.
    let read = str::from_utf8(text).ok().and_then(read);
    let new = read.as_ref().and_then(|response| response.get("apiToken")?.as_str());
    if let Some(response) = &read {
        let success = response.get("success").and_then(Value::as_bool);
        let expires = response.get("apiTokenExpires").and_then(expiry);
        // The planted fault: an expiry that is past counts.
        let first = if planted("wrong") { 0 } else { NOW + 1 };
        let fit = |expires: &i64| (first..=99_999_999_999).contains(expires);
        let good = new.filter(|new| is_visible(new.as_bytes()) && (200..300).contains(&http_status));
        match (success, good) {
            (Some(true), Some(new)) if new != old => {
                assert_eq!((result, token.value()), (Ok(()), new), "a good token was not taken");
                if let Some(expires) = expires {
                    assert_eq!(token.expires(), Some(expires).filter(fit));
                }
            }
            (Some(true), Some(_)) if expires.is_some() => {
                let longer = expires.filter(fit).filter(|expires| Some(*expires) > old_expires);
                assert_eq!(result, if longer.is_some() { Ok(()) } else { Err(Error::RenewalBadResponse) });
                assert_eq!(token.expires(), longer.or(old_expires));
            }
            (Some(true), Some(_)) => {} // the same token, with an expiry in a form that serde_json has no number for
            (Some(false), _) => assert_eq!(result, Err(Error::RenewalRefused)),
            _ => assert_eq!(result, Err(Error::RenewalBadResponse)),
        }
    }
    match result {
        Ok(()) => {
            let says = |text: &str| String::from_utf8_lossy(&body).contains(text) || body.contains(&b'\\');
            assert!(
                (200..300).contains(&http_status) && says("success") && says(token.value()),
                "a token that is in no response"
            );
            assert!(is_visible(token.value().as_bytes()));
            assert!(token.value() != old || token.expires() > old_expires);
        }
        Err(status) => {
            assert!(matches!(status, Error::RenewalRefused | Error::RenewalBadResponse), "{status:?}");
            assert_eq!((token.value(), token.expires()), (old, old_expires), "a token that may be good is lost");
            // After a failure, there is a pause of 5 to 60 seconds; after a refusal, no renewal.
            let due = |millis| auth.poll(Duration::ZERO, || at(millis)).unwrap().is_some();
            let again = status == Error::RenewalBadResponse;
            assert!(!due(0) && !due(4_999));
            assert_eq!(due(60_001), again);
        }
    }

    let Some(message) = message else { return };
    // A server that renewed the token may respond in any form, and the message could be the new token.
    let text = String::from_utf8_lossy(text);
    let object = text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(&text).is_ok();
    assert!(object || !(200..300).contains(&http_status), "a message of a success that is none: {message:?}");
    assert!(!message.is_empty() && message.len() <= 512 && !message.contains(char::is_control), "{message:?}");
    let readings = readings(&message);
    for secret in [Some(old), new, Some(token.value())].into_iter().flatten().filter(|secret| !secret.is_empty()) {
        // A secret may itself be `***`, or have two readings, such as `%25`. A control character is shown as a space,
        // which then looks like a decoded `+`.
        let is_doubtful = secret.contains(['*', '%', '&', '\\'])
            || secret.contains('+') && message.contains(' ')
            || !is_visible(secret.as_bytes());
        if is_doubtful {
            continue;
        }
        assert!(!tell(&readings, secret), "the token in the message: {message:?}");
    }
});
