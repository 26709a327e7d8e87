//! The response to a renewal request.

use crate::ascii::is_visible;
use crate::clock;
use crate::secret::Secret;
use crate::secret::json;
use crate::server_message;
use crate::token::redact::{redact, tokens_named};

/// What the response means.
#[derive(Debug)]
pub(crate) enum RenewalResponse {
    /// A new token, which invalidates the old one, or the same token again. The expiry is not checked yet.
    Renewed { token: Secret, expires: Option<i64> },
    /// The platform refuses to renew this token.
    Refused,
    /// Anything else, from the platform or a proxy.
    Useless,
}

/// The members that are read. Others may contain anything: they must not cost a new token.
#[derive(Default)]
struct Members<'a> {
    success: Option<&'a str>,
    token: Option<Secret>,
    /// Members named `apiToken` that contain no other than `token`.
    tokens: usize,
    expires: Option<i64>,
    message: Option<Secret>,
}

impl RenewalResponse {
    /// Parses the response to the renewal of `old`, and its message, which is made safe to log. The member `success`
    /// decides, not only the status: the platform also refuses with status 200.
    pub(crate) fn parse(http_status: i32, body: &[u8], old: &[u8]) -> (RenewalResponse, Option<String>) {
        let text = server_message::to_text(body);
        let text = str::from_utf8(&text).unwrap_or_default();
        let mut found = Members::default();
        let read = json::members(text, |name, raw| match name {
            "success" => found.success = Some(raw),
            "apiToken" => {
                found.token = json::string(raw);
                found.tokens += usize::from(found.token.is_some() || raw == "null");
            }
            "apiTokenExpires" => found.expires = seconds(raw),
            "message" => found.message = json::text(raw),
            _ => {}
        });
        if read.is_none() {
            // Truncated or wrapped JSON is not a valid response, but it may still contain a token, and so may any 2xx
            // body: return no message.
            let is_success = (200..300).contains(&http_status);
            let message = if is_success { None } else { server_message::find_in_text(text) };
            let message = message.filter(|_| tokens_named(text) == Some(0));
            return (RenewalResponse::Useless, clean(message, &[old]));
        }
        // A token in an unexpected place, as in a response that a gateway has wrapped, can't be redacted.
        let is_missing = found.success == Some("true") && found.token.is_none();
        let known = found.tokens.min(1);
        let message = found.message.filter(|_| !is_missing && tokens_named(text).is_some_and(|named| named <= known));
        // A token that was issued is a secret, even if the response is not valid.
        let secrets = [old, found.token.as_deref().unwrap_or_default()];
        let message = clean(message, &secrets);
        let response = match (found.success, found.token) {
            (Some("true"), Some(token)) if (200..300).contains(&http_status) && is_visible(&token) => {
                RenewalResponse::Renewed { token, expires: found.expires }
            }
            (Some("false"), _) => RenewalResponse::Refused,
            _ => RenewalResponse::Useless,
        };
        (response, message)
    }
}

fn clean(message: Option<Secret>, secrets: &[&[u8]]) -> Option<String> {
    let message = message?;
    let text = str::from_utf8(&message).unwrap_or_default().trim();
    if text.is_empty() { None } else { redact(text, secrets) }
}

/// A number or a string: both occur.
fn seconds(raw: &str) -> Option<i64> {
    let text = json::string(raw);
    clock::parse_seconds(text.as_deref().map_or(Some(raw), |text| str::from_utf8(text).ok())?.trim())
}

#[cfg(test)]
mod tests {
    use super::RenewalResponse;

    fn parse(http_status: i32, body: &str) -> String {
        match RenewalResponse::parse(http_status, body.as_bytes(), b"old").0 {
            RenewalResponse::Renewed { token, expires } => format!("{} {expires:?}", str::from_utf8(&token).unwrap()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_good_response_in_all_its_forms() {
        for (body, expected) in [
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":"1474673195"}"#, "new Some(1474673195)"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":1474673195}"#, "new Some(1474673195)"),
            (r#"{"success":true,"apiToken":"a\u003d\/","apiTokenExpires":" 7 "}"#, "a=/ Some(7)"),
            (r#"{"success":true,"apiToken":"new"}"#, "new None"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":null}"#, "new None"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":"soon"}"#, "new None"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":[1]}"#, "new None"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":-5}"#, "new Some(-5)"),
            (r#"{"x":[{}],"apiToken":"new","success":true,"message":"hi"}"#, "new None"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":1474673195.0}"#, "new Some(1474673195)"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":1474673195.5}"#, "new Some(1474673195)"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":1.474673195e9}"#, "new Some(1474673195)"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":"1474673195.25"}"#, "new Some(1474673195)"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":1e999}"#, "new None"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":1e15}"#, "new Some(1000000000000000)"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":99999999999999999999}"#, "new None"),
            (r#"{"success":true,"apiToken":"new","apiTokenExpires":"1474673195."}"#, "new None"),
            (r#"{"success":true,"apiToken":"new","message":"\ud800"}"#, "new None"),
            ("\u{feff}{\"success\":true,\"apiToken\":\"new\"}", "new None"),
            ("{\"success\":true,\"apiToken\":\"new\"}\n\0", "new None"),
            (r#" { "success" : true , "apiToken" : "new" } "#, "new None"),
        ] {
            assert_eq!(parse(200, body), expected, "{body}");
            assert_eq!(parse(299, body), expected, "{body}");
            assert_eq!(parse(500, body), "Useless", "{body}");
            assert_eq!(parse(302, body), "Useless", "{body}");
            assert_eq!(parse(0, body), "Useless", "{body}");
        }
    }

    #[test]
    fn a_refusal_whatever_the_status() {
        for http_status in [200, 401, 403, 500] {
            assert_eq!(parse(http_status, r#"{"success":false,"message":"no"}"#), "Refused");
            assert_eq!(parse(http_status, r#"{"success":false,"apiToken":"new"}"#), "Refused");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn everything_else_is_useless() {
        for body in [
            "",
            "{}",
            "null",
            "[]",
            "true",
            "<html>502</html>",
            r#"{"success":true"#,
            r#"{"success":true}"#,
            r#"{"success":"true","apiToken":"new"}"#,
            r#"{"success":1,"apiToken":"new"}"#,
            r#"{"success":true,"apiToken":""}"#,
            r#"{"success":true,"apiToken":null}"#,
            r#"{"success":true,"apiToken":17}"#,
            r#"{"success":true,"apiToken":"a b"}"#,
            r#"{"success":true,"apiToken":"a\n"}"#,
            r#"{"success":true,"apiToken":"\u00e9"}"#,
            r#"[{"success":true,"apiToken":"new"}]"#,
            r#"{"success":true,"apiToken":"new"} trailing"#,
        ] {
            assert_eq!(parse(200, body), "Useless", "{body}");
        }
        let deep = format!(r#"{{"x":{}{},"success":true,"apiToken":"new"}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse(200, &deep), "new None", "an ignored member must not cost the token");
        assert_eq!(parse(200, &"[".repeat(100_000)), "Useless");
        assert_eq!(parse(200, &" ".repeat(10 << 20)), "Useless");
        let padded = format!(r#"{{"success":true,"apiToken":"new","padding":"{}"}}"#, "x".repeat(10 << 20));
        assert_eq!(parse(200, &padded), "new None");
    }

    #[test]
    fn a_byte_that_is_not_utf8_does_not_cost_the_token() {
        let response =
            RenewalResponse::parse(200, b"{\"success\":true,\"apiToken\":\"new\",\"message\":\"caf\xe9\"}", b"old");
        assert!(matches!(response.0, RenewalResponse::Renewed { .. }));
        assert_eq!(response.1.as_deref(), Some("caf\u{fffd}"));
    }

    #[test]
    fn trailing_nuls_do_not_cost_the_token() {
        for nuls in 0..4 {
            assert_eq!(
                parse(200, &format!("{{\"success\":true,\"apiToken\":\"new\"}}{}", "\0".repeat(nuls))),
                "new None"
            );
        }
        assert_eq!(parse(200, "\0\0"), "Useless");
        assert_eq!(parse(200, "\0{\"success\":true,\"apiToken\":\"new\"}"), "Useless");
    }

    #[test]
    fn a_token_that_is_not_utf8_is_not_accepted() {
        let response = RenewalResponse::parse(200, b"{\"success\":true,\"apiToken\":\"n\xe9w\"}", b"old").0;
        assert!(matches!(response, RenewalResponse::Useless), "{response:?}");
    }

    #[test]
    fn no_message_shows_a_token() {
        for (http_status, body) in [
            (200, r#"{"success":true,"apiToken":"NEWSECRET","message":"issued NEWSECRET for OLDSECRET"}"#),
            (500, r#"{"success":true,"apiToken":"NEWSECRET","message":"issued NEWSECRET"}"#),
            (200, r#"{"success":false,"apiToken":"NEWSECRET","message":"issued NEWSECRET"}"#),
            (200, r#"{"success":"true","apiToken":"NEWSECRET","message":"issued NEWSECRET"}"#),
            (502, r#"{"message":"{\"success\":true,\"apiToken\":\"NEWSECRET\"}"}"#),
            (200, r#"{"success":true,"apiToken":"NEWSECRET","apiToken":null,"message":"issued NEWSECRET"}"#),
            (200, r#"{"success":true,"apiToken":"NEWSECRET","apiToken":"other","message":"issued NEWSECRET"}"#),
            (200, r#"{"success":true,"apiToken":["NEWSECRET"],"message":"issued NEWSECRET"}"#),
            (200, r#"{"success":true,"data":{"apiToken":"NEWSECRET"},"message":"issued NEWSECRET"}"#),
            (200, r#"{"success":true,"apiToken":"NEWSECRET\ud800","message":"issued NEWSECRET"}"#),
            (500, "O\0L\0D\0S\0E\0C\0R\0E\0T\0"),
            (500, "OLD\u{1}SECRET"),
            (500, "O\n\n\n\n\nLDSECRET"),
            (200, ")]}', {\"success\":true,\"apiToken\":\"NEWSECRET\"}"),
            (200, "OK {\"success\":true,\"apiToken\":\"NEWSECRET\"}"),
            (200, "{\"success\":true,\"apiToken\":\"NEWSECRET\""),
            (500, "OLDSECRET is no token"),
            (500, "<Message>OLDSECRET</Message>"),
            (200, "NEWSECRET"),
            (200, "\"NEWSECRET\""),
            (201, "<token>NEWSECRET</token><Message>issued NEWSECRET</Message>"),
        ] {
            let message = RenewalResponse::parse(http_status, body.as_bytes(), b"OLDSECRET").1.unwrap_or_default();
            assert!(!message.contains("SECRET"), "{body}: {message}");
        }
        let longer = r#"{"success":true,"apiToken":"OLDSECRETREST","message":"OLDSECRETREST"}"#;
        assert_eq!(RenewalResponse::parse(200, longer.as_bytes(), b"OLDSECRET").1.as_deref(), Some("***"));
    }
}
