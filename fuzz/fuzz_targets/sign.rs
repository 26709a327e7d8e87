//! Compares signing with a second signer, and with how browsers parse a URL.
//!
//! Fields: access id, secret key, API path (may be empty), Unix time, method, URI. Any of it may be `grown`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tc_auth::{Auth, string_to_sign};
use tc_auth_fuzz::{agree, authorization, fields, grown, key_pair_faults, linear, number, request};

fuzz_target!(|input: &[u8]| {
    let input = &*grown(input);
    let Some([access_id, secret_key, api_path, time, method, uri]) = fields(input) else { return };
    let time = number(time);
    let faults = key_pair_faults(access_id, secret_key);
    let made = Auth::new_hmac(access_id, secret_key);
    let Some((auth, ())) = agree(made, if faults.is_empty() { Ok(()) } else { Err(faults) }) else { return };

    let plain = linear(input.len(), || string_to_sign(method, uri, time));
    let plain = agree(plain, request(None, method, uri, time));
    if let Some((ours, theirs)) = plain {
        assert_eq!(ours.as_bytes(), theirs);
    }

    let mut origin = None;
    if !api_path.is_empty() {
        let Some((_, theirs)) = agree(auth.set_api_path(api_path), tc_auth_fuzz::api_path(api_path)) else { return };
        origin = Some(theirs);
    }
    let Some((headers, text)) =
        agree(linear(input.len(), || auth.headers(method, uri, time)), request(origin.as_ref(), method, uri, time))
    else {
        return;
    };
    let expected = String::from_utf8(authorization(access_id, secret_key, &text)).unwrap();
    let made: Vec<_> = headers.iter().collect();
    assert_eq!(made, [("Authorization", expected.as_str()), ("Timestamp", time.to_string().as_str())]);

    // Browsers are more lenient; if they parse a URL to another server, it must not have been signed.
    if origin.is_some() && !uri.starts_with(b"/") {
        let parse = |text| url::Url::parse(str::from_utf8(text).unwrap()).map(|url| url.origin());
        if let (Ok(one), Ok(other)) = (parse(api_path), parse(uri)) {
            assert_eq!(one, other, "another server");
        }
    }
});
