//! Properties of all requests, checked with random ones.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use tc_auth::{Auth, Error, Url, string_to_sign};

const TIME: i64 = 1_700_000_000;

fn auth() -> Auth {
    Auth::new_hmac("12345678901234567890", "tc_auth-example-secret").unwrap()
}

/// A path with query: visible ASCII without `#`.
fn target() -> impl Strategy<Value = String> {
    "/[!-\"$-~]{0,200}"
}

fn method() -> impl Strategy<Value = String> {
    "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}"
}

/// Bytes, many of which are URIs or similar.
fn any_uri() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        "/[ -~]{0,40}".prop_map(String::into_bytes),
        "[hH]ttps?://[a-zA-Z0-9.:@%_~!$&'()*+,;=\\[\\]/?#-]{0,40}".prop_map(String::into_bytes),
        "[a-z]{0,6}:?/{0,3}[ -~]{0,20}".prop_map(String::into_bytes),
    ]
}

/// Signs, and returns what a server sees.
fn sign(method: &str, uri: &str) -> (String, String) {
    let headers = auth().headers(method, uri, TIME).unwrap();
    let mut values = headers.iter().map(|(_, value)| value.to_owned());
    (values.next().unwrap(), values.next().unwrap())
}

fn verify(method: &str, uri: &str, (authorization, timestamp): &(String, String)) -> tc_auth::Result<()> {
    auth().verify(method, uri, Some(authorization.as_bytes()), Some(timestamp.as_bytes()), TIME, 0)
}

proptest! {
    #[test]
    fn the_targets_bytes_are_never_changed(target in target(), method in method(), time in 0..100_000_000_000_i64) {
        let expected = format!("{target}:{}:{time}", method.to_ascii_uppercase());
        prop_assert_eq!(string_to_sign(&method, &target, time).unwrap(), expected);
    }

    #[test]
    fn origin_and_fragment_are_never_signed(target in target(), host in "[a-z0-9.-]{1,20}", fragment in "[!-~]{0,20}") {
        let path = string_to_sign("GET", &target, TIME).unwrap();
        let url = format!("https://{host}{target}#{fragment}");
        prop_assert_eq!(string_to_sign("GET", &url, TIME).unwrap(), path);
    }

    #[test]
    fn a_signed_request_verifies_unless_it_has_a_fragment(uri in "[!-~]{0,200}", method in method()) {
        let uri = format!("/{uri}");
        let expected = if uri.contains('#') { Err(Error::InvalidUriForm) } else { Ok(()) };
        prop_assert_eq!(verify(&method, &uri, &sign(&method, &uri)), expected);
    }

    #[test]
    fn two_targets_never_verify_for_each_other(one in target(), other in target()) {
        prop_assume!(one != other);
        prop_assert_eq!(verify("GET", &other, &sign("GET", &one)), Err(Error::SignatureMismatch));
    }

    #[test]
    fn one_changed_byte_never_verifies(target in target(), at in any::<prop::sample::Index>(), byte in b'$'..=b'~') {
        let mut changed = target.clone().into_bytes();
        let at = at.index(changed.len());
        prop_assume!(at > 0 && changed[at] != byte);
        changed[at] = byte;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert_eq!(verify("GET", &changed, &sign("GET", &target)), Err(Error::SignatureMismatch));
    }

    #[test]
    fn any_uri_is_signed_or_refused(uri in any_uri()) {
        match auth().headers("GET", &uri, TIME) {
            Ok(_) => prop_assert!(uri.iter().all(u8::is_ascii_graphic)),
            Err(Error::InvalidUriByte) => prop_assert!(!uri.iter().all(u8::is_ascii_graphic)),
            Err(status) => prop_assert_eq!((status, uri.starts_with(b"/")), (Error::InvalidUriForm, false)),
        }
    }

    #[test]
    fn any_method_is_signed_or_refused(name in any::<Vec<u8>>(), good in method()) {
        for name in [name, good.into_bytes()] {
            let token = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte));
            let expected = if token && (1..=64).contains(&name.len()) { None } else { Some(Error::InvalidMethod) };
            prop_assert_eq!(auth().headers(&name, "/", TIME).err(), expected);
        }
    }

    #[test]
    fn any_time_is_signed_or_refused(any_time: i64, good in 0..100_000_000_000_i64) {
        for time in [any_time, good] {
            let signed = auth().headers("GET", "/", time).map(|headers| headers.timestamp());
            let good = (0..100_000_000_000).contains(&time);
            prop_assert_eq!(signed.err(), if good { None } else { Some(Error::InvalidTime) });
        }
    }

    #[test]
    fn a_header_value_is_one_clean_line(id in "[!-~]{1,40}", key in "[ -~]{1,80}", target in target()) {
        let headers = Auth::new_hmac(&id, &key).unwrap().headers("GET", &target, TIME).unwrap();
        for (_, value) in headers.iter() {
            prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }

    #[test]
    fn a_built_url_decodes_to_its_parts(segments in prop::collection::vec(".{1,30}", 1..5), name in ".{1,20}", value in ".{0,40}") {
        prop_assume!(segments.iter().all(|segment| segment != "." && segment != ".."));
        let mut url = Url::new("/api").unwrap();
        for segment in &segments {
            url.add_segment(segment).unwrap();
        }
        url.add_query(&name, &value).unwrap();
        let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let (path, query) = url.as_str().split_once('?').unwrap();
        let parts: Vec<_> = path.split('/').skip(2).map(decode).collect();
        prop_assert_eq!(parts, segments);
        prop_assert_eq!(query.split_once('=').map(|(name, value)| (decode(name), decode(value))), Some((name, value)));
        prop_assert!(auth().headers("GET", url.as_str(), TIME).is_ok());
    }

    #[test]
    fn another_origin_is_always_refused(host in "[a-z][a-z0-9.-]{0,20}", port in 1..=65535_u16, target in target()) {
        let auth = auth();
        auth.set_api_path("https://company.example/api").unwrap();
        let same = host == "company.example" && port == 443;
        let expected = if same { None } else { Some(Error::OtherOrigin) };
        prop_assert_eq!(auth.headers("GET", format!("https://{host}:{port}{target}"), TIME).err(), expected);
        let own = format!("https://company.example{target}");
        prop_assert!(auth.headers("GET", own, TIME).is_ok());
    }
}
