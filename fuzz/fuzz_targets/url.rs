//! Compares the URL builder with the URL parser of browsers: it must return the parts unchanged.
//!
//! Fields: the base (with `+` before it, a path to be joined to an API path), then any number of `/segment`, or `?name`
//! and a value. A segment may be `grown`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use tc_auth::{Auth, Error, Url, string_to_sign};
use tc_auth_fuzz::{agree, grown, linear, planted, request, uri};

const API_PATH: &str = "https://company.example/api";

/// Adds a server to a path.
fn parse(text: &str) -> Option<url::Url> {
    let absolute = if text.starts_with('/') { format!("https://company.example{text}") } else { text.to_owned() };
    url::Url::parse(&absolute).ok()
}

/// A base that the parser does not support, such as a host of `%`, is refused as a whole.
fn segments(url: &url::Url) -> Vec<Vec<u8>> {
    url.path_segments().unwrap().map(|segment| percent_decode_str(segment).collect()).collect()
}

fn pairs(url: &url::Url) -> Vec<(Vec<u8>, Vec<u8>)> {
    let parts = url.query().unwrap_or_default().split('&').filter(|part| !part.is_empty());
    let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
    pairs.map(|(name, value)| (percent_decode_str(name).collect(), percent_decode_str(value).collect())).collect()
}

fuzz_target!(|input: &[u8]| {
    let mut fields = input.split(|byte| *byte == 0);
    let Some(base) = fields.next() else { return };
    let auth = Auth::new_hmac("id", "key").unwrap();
    auth.set_api_path(API_PATH).unwrap();
    let (made, whole) = match base.strip_prefix(b"+") {
        Some(path) => {
            let single = path.starts_with(b"/") && !path.starts_with(b"//");
            let checked = uri(path)
                .and_then(|uri| if single && !uri.has_fragment { Ok(()) } else { Err(vec![Error::InvalidUriForm]) });
            (agree(auth.url(path), checked), [API_PATH.as_bytes(), path].concat())
        }
        None => {
            let checked =
                uri(base).and_then(|uri| if uri.has_fragment { Err(vec![Error::InvalidUriForm]) } else { Ok(()) });
            (agree(Url::new(base), checked), base.to_vec())
        }
    };
    let Some((mut url, ())) = made else { return };
    assert_eq!(url.as_str().as_bytes(), whole);
    let base = String::from_utf8(whole).unwrap();

    let (mut added_segments, mut added_pairs) = (Vec::new(), Vec::new());
    while let Some(field) = fields.next() {
        let before = url.as_str().to_owned();
        let (result, fault) = match field.split_first() {
            Some((b'/', segment)) => {
                let segment = &*grown(segment);
                let fault = match segment {
                    b"" | b"." | b".." => Some(Error::InvalidArgument),
                    // The planted fault: a segment counts as encoded already.
                    b"%2e%2e" if planted("wrong") => Some(Error::InvalidArgument),
                    _ if before.contains('?') => Some(Error::InvalidUriForm),
                    _ => None,
                };
                if fault.is_none() {
                    added_segments.push(segment.to_vec());
                }
                (linear(before.len() + segment.len(), || url.add_segment(segment)), fault)
            }
            Some((b'?', name)) => {
                let value = fields.next().unwrap_or_default();
                let fault = name.is_empty().then_some(Error::InvalidArgument);
                if fault.is_none() {
                    added_pairs.push((name.to_vec(), value.to_vec()));
                }
                (linear(before.len() + input.len(), || url.add_query(name, value)), fault)
            }
            _ => continue,
        };
        assert_eq!(result.err(), fault);
        if fault.is_some() {
            assert_eq!(url.as_str(), before, "changed by a call that failed");
        }
    }

    let (ours, theirs) =
        agree(string_to_sign("GET", url.as_str(), 1), request(None, b"GET", url.as_str().as_bytes(), 1))
            .expect("what was built can be signed");
    assert_eq!(ours.as_bytes(), theirs);

    let kept = if added_segments.is_empty() { base.as_str() } else { base.trim_end_matches('/') };
    let added = url.as_str().strip_prefix(kept).expect("the base stays as it is");
    let Some(parsed) = parse(url.as_str()) else {
        assert!(parse(&base).is_none(), "{} can't be parsed any more", url.as_str());
        return;
    };
    assert!(parsed.as_str().ends_with(added), "changed by the parser: {parsed}");
    assert_eq!(parsed.fragment(), None);
    if !added_segments.is_empty() {
        let mut expected = segments(&parse(&format!("{kept}/")).unwrap());
        expected.pop();
        expected.extend(added_segments);
        assert_eq!(segments(&parsed), expected);
    }
    let base_pairs = pairs(&parse(&base).unwrap());
    assert_eq!(pairs(&parsed), [base_pairs, added_pairs].concat());
    assert_eq!(parse(&base).unwrap().origin(), parsed.origin());
});
