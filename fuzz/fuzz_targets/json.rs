//! Compares the JSON parser with serde_json: a text that both accept as an object must give the same credentials. Parts
//! of the text may be `grown`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;
use tc_auth::{Auth, Error, Kind, Now};
use tc_auth_fuzz::{LARGE, grown, linear, planted};

fuzz_target!(|input: &[u8]| {
    let text = &*grown(input);
    let result = linear(text.len(), || Auth::from_json(text, Now::read()));
    // serde_json refuses lone surrogates and huge numbers in unknown members; the grammar allows them. The planted
    // fault: nothing may be before the object, and no white space either.
    let begin = |text: &str| if planted("wrong") { text.starts_with('{') } else { text.trim_start().starts_with('{') };
    let object = text.len() <= LARGE && str::from_utf8(text).is_ok_and(begin);
    if !object || serde_json::from_slice::<IgnoredAny>(text).is_err() {
        assert_eq!(result.err(), Some(Error::ConfigSyntax));
        return;
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(text) else { return };
    if let Ok(auth) = result
        && auth.kind() == Kind::Token
    {
        // Never both: one thing must not be given twice.
        assert!(!(members.contains_key("tc_token") && members.contains_key("apiToken")));
        let token = members.get("tc_token").or(members.get("apiToken"));
        assert_eq!(token.and_then(Value::as_str), Some(auth.token().unwrap().value()));
        assert!(!auth.describe().contains("\n"));
    }
});
