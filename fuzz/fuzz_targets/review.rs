//! What a response means: the advice for every known message, and the clock offset, which nothing else may change.
//!
//! Fields: `h` or `t`, what was sent (empty: the handle's own), the second that was sent, the clock offset, HTTP
//! status, Date (may be empty), body, parts of which may be `grown`.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tc_auth::{Advice, Auth, Error, Moment, Now, Response};
use tc_auth_fuzz::{fields, grown, is_time, is_visible, linear, number, planted};

const NOW: i64 = 1_700_000_000;

/// The messages of the platform, in lower case.
const SIGNATURE: &str = "signature data did not match expected result";
const RANGE: &str = "timestamp out of acceptable time range";
const INVALID: &str = "invalid timestamp";
const DENIED: &str = "access denied";
const UNAUTHORIZED: &str = "unauthorized";
const LICENSE: &str = "api access has not been licensed";

fuzz_target!(|input: &[u8]| {
    let Some([kind, sent, timestamp, offset, http_status, date, body]) = fields(input) else { return };
    let body = &*grown(body);
    let now = Now { unix: NOW, monotonic: Moment::now() };
    let is_token = kind == b"t";
    let auth =
        if is_token { Auth::new_token("current", Some(NOW + 1_000_000), now) } else { Auth::new_hmac("id", "key") };
    let auth = auth.unwrap();
    auth.set_api_path("https://company.example/api").unwrap();
    let offset = number(offset);
    if auth.set_clock_offset(offset).is_err() {
        assert!(!(-86_400..=86_400).contains(&offset));
        return;
    }

    let own = if is_token { b"TC-Token current".as_slice() } else { b"TC id:c2lnbmF0dXJl" };
    let sent = if sent.is_empty() { own } else { sent };
    let (timestamp, http_status) = (number(timestamp), number(http_status) as i32);
    let date = (!date.is_empty()).then_some(date);
    let response = Response { status: http_status, date, body };
    let advice = linear(input.len() + body.len(), || auth.review(sent, timestamp, &response, now));

    // The offset: only for the one message, and only as far as the server's Date says.
    let refusal = matches!(http_status, 400 | 401 | 403);
    let says = |text: &str| {
        let plain = String::from_utf8_lossy(body).to_ascii_lowercase();
        plain.contains(text) || plain.contains('\\')
    };
    let server = date.and_then(|date| httpdate::parse_http_date(str::from_utf8(date).ok()?.trim()).ok());
    let server = server.and_then(|time| Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs() as i64));
    if auth.clock_offset() != offset {
        let server = server.expect("a Date");
        assert!(!is_token && refusal && says(RANGE) && advice == Ok(Advice::Retry));
        assert!(server.abs_diff(timestamp) > 300 && server.abs_diff(NOW + offset) > 300);
        assert_eq!(auth.clock_offset(), server - NOW);
        assert!((-86_400..=86_400).contains(&auth.clock_offset()));
    }

    let scheme = if is_token { b"TC-Token ".as_slice() } else { b"TC " };
    let advice = match (advice, sent.strip_prefix(scheme).is_some_and(is_visible)) {
        (Ok(advice), true) => advice,
        (Err(Error::MalformedAuthorization), false) => return,
        (Err(Error::InvalidTime), true) => return assert!(!is_token && !is_time(timestamp) && says(RANGE) && refusal),
        (other, _) => panic!("{other:?}"),
    };
    assert!((Advice::Accepted as i32..=Advice::Unknown as i32).contains(&(advice as i32)));
    if !refusal {
        assert_eq!(advice, Advice::Accepted);
    }

    // For the token: a retry begins with a renewal, unless another token was sent.
    let due = auth.poll(Duration::ZERO, || now).unwrap().is_some();
    assert_eq!(due, is_token && advice == Advice::Retry && sent == own, "{advice:?}");

    // The known messages, where serde_json finds them.
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return };
    let Some(message) = members.get("message").and_then(Value::as_str) else { return };
    if !refusal || body.len() > 65_536 || body.windows(8).filter(|part| part.ends_with(b"essage\"")).count() > 1 {
        return;
    }
    let message = message.trim().to_ascii_lowercase();
    let begins = |text: &str| message.starts_with(text);
    // The planted fault: one second more than what the server allows.
    let allowed = if planted("wrong") { 301 } else { 300 };
    let corrected = server.is_some_and(|server| server.abs_diff(timestamp) > allowed)
        && (server.unwrap().abs_diff(NOW + offset) <= 300 || server.unwrap().abs_diff(NOW) <= 86_400);
    let whole = message.strip_suffix('.').unwrap_or(&message) == UNAUTHORIZED;
    let unauthorized = begins(UNAUTHORIZED) && (http_status == 401 || whole);
    let expected = if begins(SIGNATURE) {
        Advice::BadSignature
    } else if begins(DENIED) {
        Advice::AccessDenied
    } else if begins(LICENSE) {
        Advice::NotLicensed
    } else if begins(RANGE) && !is_token && corrected {
        Advice::Retry
    } else if begins(RANGE) || begins(INVALID) {
        Advice::ClockSkew
    } else if is_token && (unauthorized || http_status == 401 && message.is_empty()) {
        Advice::Retry
    } else if unauthorized {
        Advice::Unknown
    } else {
        return; // unknown, as the status says
    };
    assert_eq!(advice, expected, "{message:?}");
});
