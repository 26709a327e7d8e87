//! A signed request verifies, and one that was changed anywhere does not.
//!
//! Fields: `h` or `t`, access id, secret key or token, Unix time, how far the server's clock is off, method, URI, and a
//! change: one byte for the part, one for the place, one for the kind, one for the byte to put there.
//! Any of it may be `grown`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tc_auth::{Auth, Error, Now};
use tc_auth_fuzz::{fields, grown, linear, number, planted, request};

fuzz_target!(|input: &[u8]| {
    let input = grown(input);
    let Some([kind, access_id, secret, time, off, method, mut uri, change]) = fields(&input) else { return };
    let (time, off) = (number(time), number(off).clamp(-200_000, 200_000));
    let is_token = kind == b"t";
    let auth = if is_token {
        Auth::new_token(secret, (off > 0).then_some(off), Now::read())
    } else {
        Auth::new_hmac(access_id, secret)
    };
    let Ok(auth) = auth else { return };
    let verify = |method: &[u8], uri: &[u8], authorization: &[u8], timestamp: Option<&[u8]>, at, tolerance| {
        linear(input.len(), || auth.verify(method, uri, Some(authorization), timestamp, at, tolerance))
    };

    let made = linear(input.len(), || auth.headers(method, uri, time));
    let Ok(headers) = made else {
        // For the same arguments the same status.
        let expired = made.as_ref().err() == Some(&Error::TokenExpired);
        let authorization = [b"TC-Token ", secret].concat();
        let result = verify(method, uri, &authorization, Some(b"0"), time, 0);
        let fragment = uri.contains(&b'#') && result == Err(Error::InvalidUriForm);
        assert!((result == made.map(drop) || fragment) && (is_token || !expired));
        return;
    };
    if let Some(end) = uri.iter().position(|byte| *byte == b'#') {
        // Signed, but never sent.
        assert_eq!(verify(method, uri, b"", None, time, 0), Err(Error::InvalidUriForm));
        uri = &uri[..end];
    }
    let values: Vec<_> = headers.iter().map(|(_, value)| value.as_bytes()).collect();
    let (authorization, timestamp) = (values[0], values.get(1).copied());
    assert_eq!(verify(method, uri, authorization, timestamp, time, 0), Ok(()));

    // The server's clock and its tolerance.
    if !is_token && (0..100_000_000_000).contains(&(time + off)) {
        let tolerance = off.abs().min(86_400);
        // The planted fault: a difference equal to the tolerance is refused, unless it is 0.
        let within = if planted("wrong") { off.abs() < tolerance.max(1) } else { off.abs() <= tolerance };
        let expected = if within { Ok(()) } else { Err(Error::TimestampOutOfRange) };
        assert_eq!(verify(method, uri, authorization, timestamp, time + off, tolerance), expected);
        if (1..=86_400).contains(&off.abs()) {
            let late = verify(method, uri, authorization, timestamp, time + off, off.abs() - 1);
            assert_eq!(late, Err(Error::TimestampOutOfRange));
        }
    }

    let [part, place, kind, byte, ..] = *change else { return };
    let mut parts = [method.to_vec(), uri.to_vec(), authorization.to_vec(), timestamp.unwrap_or_default().to_vec()];
    let part = usize::from(part % 4);
    let changed = &mut parts[part];
    let place = usize::from(place) % (changed.len() + 1);
    match kind % 4 {
        0 if place < changed.len() => changed[place] = byte,
        1 if place < changed.len() => _ = changed.remove(place),
        2 => changed.truncate(place),
        _ => changed.insert(place, byte),
    }
    let [method_2, uri_2, authorization_2, timestamp_2] = &parts;
    // Two requests are the same if they differ only in the case of the method or the origin.
    let same = match part {
        1 if uri_2.contains(&b'#') => false,
        _ if is_token && part < 2 => request(None, method_2, uri_2, time).is_ok(),
        0 | 1 => request(None, method_2, uri_2, time).is_ok_and(|text| Ok(text) == request(None, method, uri, time)),
        2 => authorization_2 == authorization,
        _ => is_token || timestamp_2 == timestamp.unwrap(),
    };
    let result = verify(method_2, uri_2, authorization_2, Some(timestamp_2), time, 0);
    assert_eq!(result.is_ok(), same, "{result:?}");
    assert_eq!(auth.verify(method, uri, None, timestamp, time, 0), Err(Error::MalformedAuthorization));
});
