//! The vectors, and the result of each function for each argument, in the Rust API. `tests/c/test_cases.c` runs the
//! same files through the C ABI.

mod support;

use serde_json::Value;
use support::{list, read, text};
use tc_auth::{Auth, Error, Now, Result, Unsealed, Url, string_to_sign};

#[test]
fn hmac_vectors() {
    let mut count = 0;
    for vector in list(&read("hmac.json")).iter().filter(|vector| vector["core_only"] != true) {
        let (name, timestamp) = (text(vector, "name"), vector["timestamp"].as_i64().unwrap());
        let (method, uri) = (text(vector, "method"), text(vector, "uri"));
        let auth = Auth::new_hmac(text(vector, "access_id"), text(vector, "secret_key")).unwrap();
        assert_eq!(string_to_sign(method, uri, timestamp).unwrap(), text(vector, "string_to_sign"), "{name}");
        let headers = auth.headers(method, uri, timestamp).unwrap();
        let lines: Vec<_> = headers.iter().collect();
        let seconds = timestamp.to_string();
        assert_eq!(lines, [("Authorization", text(vector, "authorization")), ("Timestamp", &seconds)], "{name}");
        assert_eq!(headers.timestamp(), Some(timestamp), "{name}");
        let sent = uri.split('#').next().unwrap(); // a client sends no fragment
        let verified = auth.verify(method, sent, Some(lines[0].1.as_bytes()), Some(seconds.as_bytes()), timestamp, 0);
        assert_eq!(verified, Ok(()), "{name}");
        count += 1;
    }
    assert!(count >= 20, "only {count} vectors were run");
}

#[test]
fn sealed_tokens() {
    let file = read("sealed.json");
    let new = |case: &Value| Auth::new_token(bytes(&case["first"]).unwrap(), None, Now::read()).unwrap();
    let mut count = 0;
    for case in list(&file["sealed"]) {
        let (name, line, key) = (text(case, "name"), text(case, "line"), bytes(&case["key"]));
        let (auth, key) = (new(case), key.as_deref());
        assert_eq!(auth.family(), Ok(text(case, "family")), "{name}");
        let is_first = case["generation"] == 0 && case["expires"].is_null();
        let expected = if is_first { Unsealed::Same } else { Unsealed::Adopted };
        assert_eq!(auth.unseal(line, key, Now::read()), Ok(expected), "{name}");
        let token = auth.token().unwrap();
        assert_eq!(Some(token.value().as_bytes().to_vec()), bytes(&case["token"]), "{name}");
        assert_eq!(token.expires(), case["expires"].as_i64(), "{name}");
        assert_eq!(auth.seal(key).as_deref(), Ok(line), "{name}");
        assert_eq!(auth.unseal(line, key, Now::read()), Ok(Unsealed::Same), "{name}");
        count += 1;
    }
    for case in list(&file["refused"]) {
        let (name, auth, key) = (text(case, "name"), new(case), bytes(&case["key"]));
        let before = auth.seal(None);
        let error = auth.unseal(bytes(&case["line"]).unwrap(), key.as_deref(), Now::read()).unwrap_err();
        assert_eq!(support::screaming_snake(&format!("{error:?}")), text(case, "status"), "{name}");
        assert_eq!(auth.seal(None), before, "{name}");
        count += 1;
    }
    assert!(count >= 100, "only {count} vectors were run");
}

#[test]
fn generations_end() {
    let file = read("sealed.json");
    let highest = list(&file["sealed"]).iter().find(|case| case["generation"] == i64::MAX).unwrap();
    let auth = Auth::new_token(text(highest, "first"), None, Now::read()).unwrap();
    let key = bytes(&highest["key"]);
    assert_eq!(auth.unseal(text(highest, "line"), key.as_deref(), Now::read()), Ok(Unsealed::Adopted));
    auth.update_token("another", None, Now::read()).unwrap();
    assert_eq!(auth.seal(None), Err(Error::SealInvalid));
    assert_eq!(auth.token().unwrap().value(), "another", "it counts in this process");
    assert_eq!(auth.unseal(text(highest, "line"), key.as_deref(), Now::read()), Ok(Unsealed::Older));
}

#[test]
fn calls() {
    let file = read("calls.json");
    for case in list(&file["cases"]) {
        let name = text(case, "name");
        let arguments: Vec<_> = args(case).iter().map(Argument::read).collect();
        let (status, result) = match call(case, &file["handles"], &arguments) {
            Ok(result) => ("OK".to_owned(), Some(result)),
            Err(status) => (support::screaming_snake(&format!("{status:?}")), None),
        };
        assert_eq!(status, text(case, "status"), "{name}");
        if let Some(expected) = case["result"].as_str() {
            assert_eq!(result.as_deref(), Some(expected), "{name}");
        }
    }
}

/// Makes one call and returns its result as text.
fn call(case: &Value, handles: &Value, arguments: &[Argument]) -> Result<String> {
    let on = case["on"].as_str().unwrap_or_default();
    let handle = || handle(&handles[on]);
    let bytes = |index: usize| arguments[index].bytes().expect("a string");
    let number = |index: usize| arguments[index].number();
    let expiry = |index: usize| Some(number(index)).filter(|expires| *expires != 0);
    let nothing = |()| String::new();
    match text(case, "call") {
        "new_hmac" => Auth::new_hmac(bytes(0), bytes(1)).map(|_| String::new()),
        "new_token" => Auth::new_token(bytes(0), expiry(1), Now::read()).map(|_| String::new()),
        "headers" => {
            let headers = handle().headers(bytes(0), bytes(1), number(2))?;
            let timestamp = headers.iter().nth(1).map(|(_, value)| value.parse().unwrap());
            assert_eq!(timestamp, headers.timestamp());
            Ok(headers.iter().next().unwrap().1.to_owned())
        }
        "string_to_sign" => string_to_sign(bytes(0), bytes(1), number(2)),
        "set_api_path" => handle().set_api_path(bytes(0)).map(nothing),
        "set_clock_offset" => handle().set_clock_offset(number(0)).map(nothing),
        "update_token" => handle().update_token(bytes(0), expiry(1), Now::read()).map(nothing),
        "token" => handle().token().map(|token| token.value().to_owned()),
        "url_new" => Url::new(bytes(0)).map(|url| url.as_str().to_owned()),
        "url_new_for" => handle().url(bytes(0)).map(|url| url.as_str().to_owned()),
        "url_add_segment" => {
            let mut url = Url::new(on)?;
            let added = url.add_segment(bytes(0));
            unchanged_on_error(added, url, on)
        }
        "url_add_query" => {
            let mut url = Url::new(on)?;
            let added = url.add_query(bytes(0), bytes(1));
            unchanged_on_error(added, url, on)
        }
        "verify" => {
            let (authorization, timestamp) = (arguments[2].bytes(), arguments[3].bytes());
            handle().verify(bytes(0), bytes(1), authorization, timestamp, number(4), number(5)).map(nothing)
        }
        other => panic!("no such call: {other}"),
    }
}

fn unchanged_on_error(added: Result<()>, url: Url, base: &str) -> Result<String> {
    if added.is_err() {
        assert_eq!(url.as_str(), base);
    }
    added.map(|()| url.as_str().to_owned())
}

fn handle(fixture: &Value) -> Auth {
    let auth = match fixture["token"].as_str() {
        Some(token) => Auth::new_token(token, fixture["expires"].as_i64(), Now::read()),
        None => Auth::new_hmac(text(fixture, "access_id"), text(fixture, "secret_key")),
    };
    let auth = auth.unwrap();
    if let Some(api_path) = fixture["api_path"].as_str() {
        auth.set_api_path(api_path).unwrap();
    }
    auth
}

/// A text; `None` for null.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    support::argument(value).map(|text| [text.start, vec![text.fill; text.times]].concat())
}

enum Argument {
    Bytes(Option<Vec<u8>>),
    Number(i64),
}

impl Argument {
    fn read(value: &Value) -> Argument {
        if let Some(number) = value.as_i64() {
            return Argument::Number(number);
        }
        Argument::Bytes(bytes(value))
    }

    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Argument::Bytes(bytes) => bytes.as_deref(),
            Argument::Number(number) => panic!("{number} must be a string"),
        }
    }

    fn number(&self) -> i64 {
        match self {
            Argument::Number(number) => *number,
            Argument::Bytes(_) => panic!("must be a number"),
        }
    }
}

fn args(case: &Value) -> &[Value] {
    case["args"].as_array().expect("args")
}
