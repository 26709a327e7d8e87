//! The server's message in a response body.

use crate::ascii::BYTE_ORDER_MARK;
use crate::secret::Secret;
use crate::secret::json;

/// A plain-text body of at most this many bytes counts as a message.
const LIMIT: usize = 512;

/// A body as text. Bytes that are not UTF-8 become U+FFFD, which no token contains. Strips a byte order mark and
/// trailing NULs: callers often pass strlen() + 1, or the whole buffer.
pub(crate) fn to_text(body: &[u8]) -> Secret {
    let body = &body[..body.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let parts = || {
        body.utf8_chunks().flat_map(|chunk| [chunk.valid(), if chunk.invalid().is_empty() { "" } else { "\u{fffd}" }])
    };
    // Compute the size first: growing would leave an unwiped copy.
    let mut text = Vec::with_capacity(parts().map(str::len).sum());
    parts().for_each(|part| text.extend_from_slice(part.as_bytes()));
    Secret::from(text)
}

/// The message of a body: the JSON member `message`, the XML element `Message`, or a short plain text.
pub(crate) fn find(body: &[u8]) -> Option<Secret> {
    let text = to_text(body);
    let text = str::from_utf8(&text).ok()?;
    let mut message = None;
    match json::members(text, |name, raw| message = if name == "message" { json::text(raw) } else { message.take() }) {
        Some(()) => message.filter(|message| !message.trim_ascii().is_empty()),
        None => find_in_text(text),
    }
}

/// The same for a text that is not a JSON object.
pub(crate) fn find_in_text(text: &str) -> Option<Secret> {
    let text = text.trim();
    let message = match text.as_bytes().first()? {
        b'{' | b'[' => return None,
        b'<' => xml_element(text, "Message")?.trim(),
        _ if text.len() <= LIMIT => text,
        _ => return None,
    };
    (!message.is_empty()).then(|| Secret::concat(&[message.as_bytes()]))
}

/// The content, up to the next tag, of the first element of that name that is not self-closing. Enough for a message.
fn xml_element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        rest = rest.split_once('<')?.1;
        let Some(after_name) = rest.strip_prefix(name) else { continue };
        // Stop at either: with `>` alone, each unclosed tag would be searched to the end of the text.
        let (attributes, content) = after_name.split_at(after_name.find(['<', '>'])?);
        let Some(content) = content.strip_prefix('>') else { continue };
        let is_element = attributes.is_empty() || attributes.starts_with([' ', '\t', '\r', '\n', '/']);
        if !is_element || attributes.ends_with('/') {
            continue;
        }
        if let Some(plain) = content.trim_start().strip_prefix("<![CDATA[") {
            return Some(plain.split_once("]]>")?.0);
        }
        return Some(content.split_once('<')?.0);
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_message_is_found_where_the_platform_puts_it() {
        for (body, expected) in [
            (r#"{"status":"Failure","message":" Access Denied "}"#, Some("Access Denied")),
            (r#"{"message":"a\u003db"}"#, Some("a=b")),
            (r#"{"message":"a\ud800b","x":1e999}"#, Some("a\u{fffd}b")),
            ("\u{feff}{\"message\":\"Access Denied\"}", Some("Access Denied")),
            (r#"{"Message":"not this one"}"#, None),
            (r#"{"message":17}"#, None),
            (r#"{"message":""}"#, None),
            (r#"{"message":"cut"#, None),
            (r#"{"detail":"<Message>Access Denied</Message>"#, None),
            ("<Result><Status>Failure</Status><Message>Unauthorized</Message></Result>", Some("Unauthorized")),
            ("<r><Messages/><Message lang='en'>\n x y\n</Message></r>", Some("x y")),
            ("<r><Message /><Message>x</Message></r>", Some("x")),
            ("<r><Message><![CDATA[x < y]]></Message></r>", Some("x < y")),
            ("\u{feff}<?xml version='1.0'?><Message>x</Message>", Some("x")),
            ("<html><body>Bad Gateway</body></html>", None),
            ("<Message>never closed", None),
            ("Unauthorized\r\n", Some("Unauthorized")),
            ("", None),
            (" \n", None),
            ("[1]", None),
        ] {
            let found = find(body.as_bytes()).map(|found| String::from_utf8(found.to_vec()).unwrap());
            assert_eq!(found.as_deref().map(str::trim), expected, "{body}");
        }
        assert_eq!(find(b"<r>\xe9<Message>x\xff</Message></r>").unwrap().to_vec(), "x\u{fffd}".as_bytes());
        assert_eq!(find("x".repeat(512).as_bytes()).map(|text| text.len()), Some(512));
        assert!(find("x".repeat(513).as_bytes()).is_none());
    }

    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn a_hostile_body_takes_linear_time() {
        let started = std::time::Instant::now();
        for part in
            ["<", "<MessageX", "<Message ", "<Message/", "<Message <Message/>", "<Message></", "&<Message><![CDATA"]
        {
            assert!(find(format!("<{}", part.repeat((4 << 20) / part.len())).as_bytes()).is_none(), "{part}");
        }
        assert!(started.elapsed().as_secs() < 20);
    }
}
