//! No text that the library creates contains a secret.

use std::fmt::Debug;

use tc_auth::{Auth, Now};

const SECRET: &str = "s3cr3t-k3y-of-this-test";

fn texts(value: &impl Debug) -> [String; 2] {
    [format!("{value:?}"), format!("{value:#?}")]
}

#[test]
fn neither_debug_nor_describe_shows_a_secret() {
    let hmac = Auth::new_hmac("id", SECRET).unwrap();
    let token = Auth::new_token(SECRET, Some(2_000_000_000), Now::read()).unwrap();
    let mut seen = vec![hmac.describe(), token.describe()];
    seen.extend(texts(&hmac));
    seen.extend(texts(&token));
    seen.extend(texts(&token.token().unwrap()));
    seen.extend(texts(&token.headers("GET", "/", 1).unwrap()));
    seen.extend(texts(&Auth::new_token(format!("{SECRET}\n"), None, Now::read())));
    seen.extend(texts(&Auth::new_hmac("id", format!("{SECRET}\n"))));
    for text in seen {
        assert!(!text.is_empty() && !text.contains(SECRET), "{text}");
        assert!(!text.contains(&SECRET.len().to_string()), "a length: {text}");
    }
}
