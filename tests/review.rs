//! What a response means, and what it changes.

mod support;

use std::time::Duration;

use support::{list, read, text};
use tc_auth::{Advice, Auth, Error, Moment, Now, Response, State};

const NOW: i64 = 1_700_000_000;
const TOKEN: &str = "API:5:review+token=";

fn now(unix: i64) -> Now {
    Now { unix, monotonic: Moment::now() }
}

fn hmac() -> Auth {
    Auth::new_hmac("1", "secret").unwrap()
}

fn token(api_path: bool) -> Auth {
    let auth = Auth::new_token(TOKEN, None, now(NOW)).unwrap();
    if api_path {
        auth.set_api_path("https://company.example/api").unwrap();
    }
    auth
}

fn response(status: i32, body: &str) -> Response<'_> {
    Response { status, date: None, body: body.as_bytes() }
}

/// The HTTP form of a time (RFC 9110, 5.6.7).
fn date(unix: i64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(unix as u64))
}

fn review_token(auth: &Auth, sent: &str) -> Advice {
    auth.review(format!("TC-Token {sent}"), -1, &response(401, "Unauthorized"), now(NOW)).unwrap()
}

fn ticket(auth: &Auth) -> Option<tc_auth::Ticket> {
    auth.poll(Duration::ZERO, || now(NOW)).unwrap()
}

#[test]
fn messages() {
    for case in list(&read("review.json")) {
        let (name, status) = (text(case, "name"), case["http_status"].as_i64().unwrap() as i32);
        let body = support::argument(&case["body"]).unwrap();
        let body = [body.start, vec![body.fill; body.times]].concat();
        let response = Response { status, date: None, body: &body };
        let advice = |auth: Auth, sent: &str| auth.review(sent, NOW, &response, now(NOW)).unwrap();
        let got = [advice(hmac(), "TC 1:x="), advice(token(false), &format!("TC-Token {TOKEN}"))];
        let expected = [text(case, "hmac"), text(case, "token")];
        assert_eq!(got.map(|advice| support::screaming_snake(&format!("{advice:?}"))), expected, "{name}");
    }
}

#[test]
fn the_sent_value_must_have_the_handles_scheme() {
    for (auth, sent) in
        [(hmac(), "TC-Token x"), (hmac(), "tc 1:x"), (hmac(), ""), (token(true), "TC 1:x"), (token(true), "x")]
    {
        for status in [200, 401] {
            let result = auth.review(sent, NOW, &response(status, "Unauthorized"), now(NOW));
            assert_eq!(result, Err(Error::MalformedAuthorization), "{sent}");
        }
    }
}

#[test]
fn a_wrong_length_of_the_sent_value_is_refused() {
    for (auth, sent) in
        [(hmac(), "TC "), (hmac(), "TC 1:x=\0"), (token(true), "TC-Token "), (token(true), "TC-Token a\r\n")]
    {
        let result = auth.review(sent, NOW, &response(401, "Unauthorized"), now(NOW));
        assert_eq!(result, Err(Error::MalformedAuthorization), "{sent:?}");
    }
}

#[test]
fn the_sent_timestamp_decides_whether_the_clock_is_corrected() {
    let auth = hmac();
    let (late, body) = (date(NOW + 1200), b"Timestamp out of acceptable time range");
    let response = Response { status: 401, date: Some(late.as_bytes()), body };
    // The Date agrees with the timestamp that was sent: the clock is not corrected, whatever it says now.
    assert_eq!(auth.review("TC 1:x=", NOW + 1200, &response, now(NOW)), Ok(Advice::ClockSkew));
    assert_eq!(auth.review("TC 1:x=", NOW + 100, &response, now(NOW + 7)), Ok(Advice::Retry));
    assert_eq!(auth.clock_offset(), 1193);
    assert_eq!(auth.review("TC 1:x=", NOW, &response, now(i64::MAX)), Ok(Advice::ClockSkew));
}

#[test]
fn the_offset_counts_in_poll_update_and_complete() {
    let start = Moment::now();
    let after = |seconds: u64| Now { unix: NOW + seconds as i64, monotonic: start + Duration::from_secs(seconds) };
    for offset in [3600, -3600] {
        let auth = Auth::new_token(TOKEN, Some(NOW + offset + 50), after(0)).unwrap();
        auth.set_api_path("https://company.example/api").unwrap();
        auth.set_clock_offset(offset).unwrap();
        // By the corrected clock 50 seconds are left, so it is due in 25.
        assert!(auth.poll(Duration::ZERO, || after(24)).unwrap().is_none());
        auth.update_token(TOKEN, Some(NOW + offset + 100), after(0)).unwrap();
        assert!(auth.poll(Duration::ZERO, || after(49)).unwrap().is_none());
        let ticket = auth.poll(Duration::ZERO, || after(50)).unwrap().expect("due");
        let expires = NOW + offset + 1000;
        let good = format!(r#"{{"success":true,"apiToken":"new","apiTokenExpires":"{expires}"}}"#);
        let corrected = now(NOW + offset + 60);
        assert_eq!(ticket.complete(200, good.as_bytes(), corrected).0, Ok(()));
        assert_eq!(auth.token().unwrap().expires(), Some(expires));
    }
}

#[test]
fn a_ticket_still_counts_when_its_token_is_set_again() {
    let auth = token(true);
    assert_eq!(review_token(&auth, TOKEN), Advice::Retry);
    let ticket = ticket(&auth).unwrap();
    auth.update_token("another", None, now(NOW)).unwrap();
    auth.update_token(TOKEN, None, now(NOW)).unwrap();
    assert_eq!(ticket.complete(200, br#"{"success":true,"apiToken":"new"}"#, now(NOW)).0, Ok(()));
    assert_eq!(auth.token().unwrap().value(), "new", "the server has replaced it");
}

#[test]
fn a_ticket_is_for_one_url_and_can_be_cancelled() {
    let start = now(NOW);
    let after = |seconds: u64| Now { unix: NOW, monotonic: start.monotonic + Duration::from_secs(seconds) };
    let auth = token(true);
    assert_eq!(review_token(&auth, TOKEN), Advice::Retry);
    let ticket = auth.poll(Duration::ZERO, || start).unwrap().expect("due");
    assert_eq!(ticket.url(), "https://company.example/api/appAuth?expiredToken=API%3A5%3Areview%2Btoken%3D");
    assert!(matches!(auth.poll(Duration::ZERO, || after(1)), Err(Error::RenewalTimeout)), "one renews, others wait");
    // The pause begins when it is cancelled, by the caller's clock.
    ticket.cancel(after(100));
    assert!(auth.poll(Duration::ZERO, || after(104)).unwrap().is_none());
    assert!(auth.poll(Duration::ZERO, || after(107)).unwrap().is_some());
}

#[test]
fn the_caller_sets_the_renewal_window() {
    let start = Moment::now();
    let after = |seconds: u64| Now { unix: NOW + seconds as i64, monotonic: start + Duration::from_secs(seconds) };
    let auth = Auth::new_token(TOKEN, Some(NOW + 1000), after(0)).unwrap();
    auth.set_api_path("https://company.example/api").unwrap();
    let is_due_with = |left: u64| auth.poll(Duration::ZERO, || after(1000 - left)).unwrap().is_some();
    assert_eq!(auth.set_renewal_window(86_401), Err(Error::InvalidArgument));
    assert!(!is_due_with(61), "60 seconds at first");
    assert_eq!(auth.set_renewal_window(100), Ok(()));
    assert!(!is_due_with(101));
    assert!(is_due_with(100));
    assert_eq!(hmac().set_renewal_window(60), Err(Error::WrongKind));
}

#[test]
fn a_dropped_ticket_does_not_block() {
    let auth = token(true);
    assert_eq!(review_token(&auth, TOKEN), Advice::Retry);
    drop(ticket(&auth).unwrap());
    assert!(ticket(&auth).is_none(), "a pause, and no waiting");
}

#[test]
fn a_rejected_token_is_renewed_once() {
    let auth = token(true);
    assert!(ticket(&auth).is_none());
    assert_eq!(review_token(&auth, "an-older-one"), Advice::Retry);
    assert!(ticket(&auth).is_none(), "the response was for another token");
    for _ in 0..3 {
        assert_eq!(review_token(&auth, TOKEN), Advice::Retry);
    }
    let under_way = ticket(&auth).expect("a renewal is due");
    assert_eq!(auth.poll(Duration::ZERO, || now(NOW)).err(), Some(Error::RenewalTimeout));
    assert_eq!(review_token(&auth, TOKEN), Advice::Retry, "while it is under way");
    let good = format!(r#"{{"success":true,"apiToken":"new","apiTokenExpires":{}}}"#, NOW + 1000);
    assert_eq!(under_way.complete(200, good.as_bytes(), now(NOW)).0, Ok(()));
    assert_eq!(review_token(&auth, TOKEN), Advice::Retry, "the response is for the old one");
    assert!(ticket(&auth).is_none(), "renewed once");
    assert_eq!(auth.token().unwrap().value(), "new");
}

#[test]
fn a_token_that_can_not_be_renewed_is_rejected_for_good() {
    assert_eq!(review_token(&token(false), TOKEN), Advice::TokenRejected);
    let long_lived = Auth::new_token("APIV2:430:x=", None, now(NOW)).unwrap();
    long_lived.set_api_path("https://company.example/api").unwrap();
    assert_eq!(review_token(&long_lived, "APIV2:430:x="), Advice::TokenRejected);

    let refused = token(true);
    assert_eq!(review_token(&refused, TOKEN), Advice::Retry);
    let response = ticket(&refused).unwrap().complete(200, br#"{"success":false,"message":"no"}"#, now(NOW));
    assert_eq!(response, (Err(Error::RenewalRefused), Some("no".to_owned())));
    assert_eq!(review_token(&refused, TOKEN), Advice::TokenRejected);
    assert!(ticket(&refused).is_none());
    refused.update_token("another", None, now(NOW)).unwrap();
    assert_eq!(review_token(&refused, "another"), Advice::Retry);
    assert!(ticket(&refused).is_some(), "the refusal was for the old token");
}

#[test]
fn a_token_rejected_during_the_pause_is_marked() {
    let auth = token(true);
    assert_eq!(review_token(&auth, TOKEN), Advice::Retry);
    ticket(&auth).unwrap().cancel(now(NOW));
    assert!(ticket(&auth).is_none(), "the pause");
    assert_eq!(review_token(&auth, TOKEN), Advice::TokenRejected);
    assert!(auth.headers("GET", "/", NOW).is_ok(), "a rejected token that has not expired is still signed with");
    let after_the_pause = || Now { unix: NOW, monotonic: Moment::now() + Duration::from_secs(7) };
    assert!(auth.poll(Duration::ZERO, after_the_pause).unwrap().is_some(), "the mark stays");
}

#[test]
fn a_clock_is_corrected_when_the_server_says_so() {
    const MESSAGE: &str = "Timestamp out of acceptable time range";
    let review = |auth: &Auth, sent: i64, date: Option<&str>, clock: i64| {
        let response = Response { status: 401, date: date.map(str::as_bytes), body: MESSAGE.as_bytes() };
        auth.review("TC 1:x=", sent, &response, now(clock)).unwrap()
    };
    for (offset_before, server, advice, offset_after) in [
        (0, NOW + 1200, Advice::Retry, 1200),
        (0, NOW - 1200, Advice::Retry, -1200),
        (0, NOW + 301, Advice::Retry, 301),
        (0, NOW + 300, Advice::ClockSkew, 0),
        (0, NOW - 300, Advice::ClockSkew, 0),
        (0, NOW + 86_400, Advice::Retry, 86_400),
        (0, NOW + 86_401, Advice::ClockSkew, 0),
        (0, NOW - 86_401, Advice::ClockSkew, 0),
        (1000, NOW + 1200, Advice::Retry, 1000), // already corrected by another response
        (-1000, NOW + 1200, Advice::Retry, 1200), // the earlier offset was wrong
    ] {
        let auth = hmac();
        auth.set_clock_offset(offset_before).unwrap();
        assert_eq!(review(&auth, NOW, Some(&date(server)), NOW), advice, "{offset_before} {server}");
        assert_eq!(auth.clock_offset(), offset_after, "{offset_before} {server}");
    }
    let auth = hmac();
    for unusable in [None, Some(""), Some("yesterday"), Some("Thu, 32 Jan 1970 00:00:00 GMT"), Some("1700001200")] {
        assert_eq!(review(&auth, NOW, unusable, NOW), Advice::ClockSkew, "{unusable:?}");
    }
    let not_utf8 = Response { status: 401, date: Some(b"\xff"), body: MESSAGE.as_bytes() };
    assert_eq!(auth.review("TC 1:x=", NOW, &not_utf8, now(NOW)), Ok(Advice::ClockSkew));
    assert_eq!(auth.clock_offset(), 0);
    // The three forms of RFC 9110, 5.6.7.
    for form in ["Tue, 14 Nov 2023 22:33:20 GMT", "Tuesday, 14-Nov-23 22:33:20 GMT", "Tue Nov 14 22:33:20 2023"] {
        let auth = hmac();
        assert_eq!(review(&auth, NOW, Some(form), NOW), Advice::Retry);
        assert_eq!(auth.clock_offset(), 1200, "{form}");
    }
    for bad in [-1, 1_700_000_000_000] {
        let response = Response { status: 401, date: None, body: MESSAGE.as_bytes() };
        assert_eq!(auth.review("TC 1:x=", bad, &response, now(NOW)), Err(Error::InvalidTime));
    }
}

#[test]
fn eight_requests_with_a_wrong_clock_move_the_offset_once() {
    let auth = hmac();
    let date = date(NOW + 1200);
    let body = br#"{"status":"Failure","message":"timestamp OUT of acceptable time range."}"#;
    std::thread::scope(|scope| {
        for late in 0..8 {
            let (auth, date) = (&auth, &date);
            scope.spawn(move || {
                let response = Response { status: 401, date: Some(date.as_bytes()), body };
                assert_eq!(auth.review("TC 1:x=", NOW, &response, now(NOW + late)), Ok(Advice::Retry));
            });
        }
    });
    let offset = auth.clock_offset();
    assert!((1193..=1200).contains(&offset), "set by one of them: {offset}");
    let response = Response { status: 401, date: Some(date.as_bytes()), body };
    assert_eq!(auth.review("TC 1:x=", NOW, &response, now(NOW + 30)), Ok(Advice::Retry));
    assert_eq!(auth.clock_offset(), offset, "and never again");
}

#[test]
fn a_token_handle_does_not_correct_the_clock() {
    let auth = token(true);
    let late = date(NOW + 1200);
    let body = b"Timestamp out of acceptable time range";
    let response = Response { status: 401, date: Some(late.as_bytes()), body };
    assert_eq!(auth.review(format!("TC-Token {TOKEN}"), -1, &response, now(NOW)), Ok(Advice::ClockSkew));
    assert_eq!(auth.clock_offset(), 0);
}

#[test]
fn each_advice_has_a_message_of_its_own() {
    use Advice::{Accepted, AccessDenied, BadSignature, ClockSkew, NotLicensed, Retry, TokenRejected, Unknown};
    let all = [Accepted, Retry, BadSignature, ClockSkew, TokenRejected, AccessDenied, NotLicensed, Unknown];
    let mut messages = all.map(|advice| advice.to_string()).to_vec();
    for message in &messages {
        assert!(message.ends_with('.') && message.contains(": ") && !message.contains(". "), "{message}");
    }
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), all.len());
}

#[test]
fn a_pause_and_a_refusal_are_told_apart() {
    let auth = token(true);
    assert_eq!(auth.token_state(now(NOW)), Ok((State::Valid, None)));
    assert_eq!(review_token(&auth, TOKEN), Advice::Retry);
    assert_eq!(auth.token_state(now(NOW)), Ok((State::Due, Some(0))));

    let first = ticket(&auth).unwrap();
    assert!(matches!(auth.token_state(now(NOW)), Ok((State::UnderWay, Some(119 | 120)))));
    first.cancel(now(NOW));
    let paused = auth.token_state(now(NOW)).unwrap();
    assert!(matches!(paused, (State::Paused, Some(4..=6))), "{paused:?}");

    auth.update_token("another", Some(NOW + 30), now(NOW)).unwrap();
    assert_eq!(auth.token_state(now(NOW)), Ok((State::Valid, Some(15))));
    assert_eq!(review_token(&auth, "another"), Advice::Retry);
    let second = ticket(&auth).unwrap();
    assert!(second.complete(200, br#"{"success":false}"#, now(NOW)).0.is_err());
    assert_eq!(auth.token_state(now(NOW)), Ok((State::Refused, Some(30))));
}

#[test]
fn the_state_of_what_is_not_renewed() {
    assert_eq!(hmac().token_state(now(NOW)), Ok((State::None, Some(0))));
    assert_eq!(token(false).token_state(now(NOW)), Ok((State::NotRenewable, None)));
    let fixed = Auth::new_token("APIV2:1:2:3", Some(NOW + 7), now(NOW)).unwrap();
    fixed.set_api_path("https://company.example/api").unwrap();
    assert_eq!(fixed.token_state(now(NOW)), Ok((State::NotRenewable, Some(7))));
    assert_eq!(fixed.token_state(now(NOW + 8)), Ok((State::NotRenewable, Some(0))));
}

#[test]
fn the_state_uses_the_corrected_clock() {
    let auth = Auth::new_token("t", Some(NOW + 1000), now(NOW)).unwrap();
    auth.set_api_path("https://company.example/api").unwrap();
    assert_eq!(auth.token_state(now(NOW)), Ok((State::Valid, Some(940))));
    auth.set_clock_offset(500).unwrap();
    assert_eq!(auth.token_state(now(NOW)), Ok((State::Valid, Some(440))));
    auth.set_clock_offset(1000).unwrap();
    assert_eq!(auth.token_state(now(NOW)), Ok((State::Due, Some(0))));
}

#[test]
fn what_was_set_can_be_read() {
    let auth = token(false);
    assert_eq!((auth.api_path(), auth.renewal_window()), (None, Ok(60)));
    auth.set_api_path("https://company.example/api/").unwrap();
    auth.set_renewal_window(0).unwrap();
    assert_eq!((auth.api_path(), auth.renewal_window()), (Some("https://company.example/api"), Ok(0)));
    assert_eq!(hmac().renewal_window(), Err(Error::WrongKind));
}
