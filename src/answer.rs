//! The answer to a renewal request.

use serde_json::Value;
use zeroize::Zeroize;

use crate::message;
use crate::secret::Secret;
use crate::uri::is_visible;

/// What the platform said.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A new token, or the same again. The old one is dead. The expiry is what the answer says, whatever that may be.
    Renewed { token: Secret, expires: Option<i64> },
    /// The platform does not renew this token.
    Refused,
    /// Anything else, from the platform or from somebody between.
    Useless,
}

impl Answer {
    /// Reads an answer, and the message in it. The member `success` decides, not the status alone: the platform refuses
    /// with status 200, too.
    pub(crate) fn parse(http_status: i32, body: &[u8]) -> (Answer, Option<String>) {
        let Ok(mut json) = serde_json::from_slice::<Value>(body) else {
            return (Answer::Useless, message::find_in_text(body));
        };
        let answer = match json["success"].as_bool() {
            Some(true) if (200..300).contains(&http_status) => Answer::renewed(&mut json),
            Some(false) => Answer::Refused,
            _ => Answer::Useless,
        };
        (answer, message::find_in_json(&json))
    }

    fn renewed(json: &mut Value) -> Answer {
        let expires = seconds(&json["apiTokenExpires"]);
        let Some(Value::String(token)) = json.get_mut("apiToken") else { return Answer::Useless };
        let secret = Secret::concat(&[token.as_bytes()]);
        token.zeroize();
        if is_visible(&secret) { Answer::Renewed { token: secret, expires } } else { Answer::Useless }
    }
}

/// Seconds as a number or as a string: both are seen.
fn seconds(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;

    fn parse(http_status: i32, body: &str) -> String {
        match Answer::parse(http_status, body.as_bytes()).0 {
            Answer::Renewed { token, expires } => format!("{} {expires:?}", str::from_utf8(&token).unwrap()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_good_answer_in_all_its_forms() {
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
        assert_eq!(parse(200, &"[".repeat(100_000)), "Useless");
        assert_eq!(parse(200, &" ".repeat(10 << 20)), "Useless");
        let padded = format!(r#"{{"success":true,"apiToken":"new","padding":"{}"}}"#, "x".repeat(10 << 20));
        assert_eq!(parse(200, &padded), "new None");
    }
}
