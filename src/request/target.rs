//! Parses a URI into its target, which is signed, and its origin, which must be that of the API path.

use crate::ascii::ascii;
use crate::error::{Error, Result};

/// A URI as the caller will send it: a path with query, or an absolute `http` or `https` URL (RFC 3986).
/// Nothing in it is ever decoded, normalised or re-encoded.
pub(crate) struct Uri<'a> {
    /// `None` for a path.
    pub(crate) origin: Option<Origin<'a>>,
    pub(crate) target: Target<'a>,
    pub(crate) has_user: bool,
    pub(crate) has_fragment: bool,
}

/// The request target in origin-form (RFC 9112, 3.2.1), byte for byte as it is sent.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// `/` if the URL's path is empty, because HTTP clients then send that; else empty.
    slash: &'static [u8],
    rest: &'a [u8],
}

/// Scheme, host and port (RFC 6454), which decide which server gets a request.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    https: bool,
    host: &'a [u8],
    port: u16,
}

impl<'a> Uri<'a> {
    #[inline(always)]
    pub(crate) fn parse(uri: &'a [u8]) -> Result<Uri<'a>> {
        let (uri, has_fragment) = split_fragment(uri)?;
        if uri.starts_with(b"/") {
            let target = Target { slash: b"", rest: uri };
            return Ok(Uri { origin: None, target, has_user: false, has_fragment });
        }
        let (https, after_scheme) = split_scheme(uri)?;
        let end = after_scheme.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(after_scheme.len());
        let (authority, rest) = after_scheme.split_at(end);
        let (has_user, host, port) = split_authority(authority)?;
        let port = port.unwrap_or(if https { 443 } else { 80 });
        let slash = if rest.starts_with(b"/") { b"".as_slice() } else { b"/" };
        let origin = Some(Origin { https, host, port });
        Ok(Uri { origin, target: Target { slash, rest }, has_user, has_fragment })
    }
}

impl<'a> Target<'a> {
    /// The bytes, in two parts of which the second is often empty.
    pub(crate) fn parts(self) -> [&'a [u8]; 2] {
        if self.slash.is_empty() { [self.rest, b""] } else { [self.slash, self.rest] }
    }

    pub(crate) fn has_query(self) -> bool {
        self.rest.contains(&b'?')
    }
}

impl PartialEq for Origin<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.https == other.https && self.port == other.port && self.host.eq_ignore_ascii_case(other.host)
    }
}

/// Checks the bytes of a URI and cuts off its fragment, which is never sent.
fn split_fragment(uri: &[u8]) -> Result<(&[u8], bool)> {
    if is_plain(uri) {
        return Ok((uri, false));
    }
    if !uri.iter().all(u8::is_ascii_graphic) {
        return Err(Error::InvalidUriByte);
    }
    match uri.iter().position(|&byte| byte == b'#') {
        Some(hash) => Ok((&uri[..hash], true)),
        None => Ok((uri, false)),
    }
}

/// Whether all bytes lie from 0x24 to 0x7e, where there is neither a refused byte nor `#`: true for most URIs of 16 bytes or
/// more. It looks at 16 bytes at a time, and at the last 16 once more.
#[inline(always)]
fn is_plain(uri: &[u8]) -> bool {
    let Some(last) = uri.last_chunk::<16>() else {
        return false;
    };
    let mut farthest = last.map(|byte| byte.wrapping_sub(0x24));
    for block in uri.as_chunks::<16>().0 {
        for (farthest, byte) in farthest.iter_mut().zip(block) {
            *farthest = byte.wrapping_sub(0x24).max(*farthest);
        }
    }
    u128::from_ne_bytes(farthest.map(|distance| u8::from(distance > 0x7e - 0x24))) == 0
}

fn split_scheme(uri: &[u8]) -> Result<(bool, &[u8])> {
    for (scheme, https) in [(b"https://".as_slice(), true), (b"http://", false)] {
        if let Some((start, rest)) = uri.split_at_checked(scheme.len())
            && start.eq_ignore_ascii_case(scheme)
        {
            return Ok((https, rest));
        }
    }
    Err(Error::InvalidUriForm)
}

/// Splits `[user@]host[:port]`. It is strict: where URL parsers disagree (a `\`, a second `@`), the headers could go to
/// another server than the one that was checked.
fn split_authority(authority: &[u8]) -> Result<(bool, &[u8], Option<u16>)> {
    let (user, host_and_port) = match authority.iter().position(|&byte| byte == b'@') {
        Some(at) => (Some(&authority[..at]), &authority[at + 1..]),
        None => (None, authority),
    };
    let bracketed = host_and_port.starts_with(b"[");
    let host_end = if bracketed {
        host_and_port.iter().position(|&byte| byte == b']').ok_or(Error::InvalidUriForm)? + 1
    } else {
        host_and_port.iter().position(|&byte| byte == b':').unwrap_or(host_and_port.len())
    };
    let (host, port) = host_and_port.split_at(host_end);
    let (name, extra) = if bracketed { (&host[1..host.len() - 1], b":".as_slice()) } else { (host, b"".as_slice()) };
    let good = !name.is_empty()
        && name.iter().all(|byte| is_name_byte(*byte) || extra.contains(byte))
        && user.is_none_or(|user| user.iter().all(|&byte| is_name_byte(byte) || byte == b':'));
    if !good {
        return Err(Error::InvalidUriForm);
    }
    Ok((user.is_some(), host, parse_port(port)?))
}

/// Parses an empty text, `:` or `:8443`. An empty port means the scheme's default (RFC 3986, 3.2.3).
fn parse_port(port: &[u8]) -> Result<Option<u16>> {
    let digits = match port {
        [] | [b':'] => return Ok(None),
        [b':', digits @ ..] => digits,
        _ => return Err(Error::InvalidUriForm),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::InvalidUriForm);
    }
    ascii(digits).parse().map(Some).map_err(|_| Error::InvalidUriForm)
}

/// The bytes of a host name or a user: `unreserved`, `sub-delims` and `%` (RFC 3986, 3.2).
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::Uri;
    use crate::error::{Error, Result};
    use crate::request::api_path::ApiPath;

    fn target(uri: &str) -> Result<String> {
        Ok(String::from_utf8(Uri::parse(uri.as_bytes())?.target.parts().concat()).unwrap())
    }

    #[test]
    fn a_target_is_never_changed() {
        for (uri, expected) in [
            ("/", "/"),
            ("//two/slashes", "//two/slashes"),
            ("/a/../b/./%7e%7E?x=+&y=%20&&", "/a/../b/./%7e%7E?x=+&y=%20&&"),
            ("/a!b\"c#d", "/a!b\"c"),
            ("/#", "/"),
            ("/?q#f#g", "/?q"),
            ("http://h", "/"),
            ("http://h#f", "/"),
            ("http://h?", "/?"),
            ("hTTps://h/a//b", "/a//b"),
            ("https://u:p@h:/x", "/x"),
            ("https://[::1]:8443/x?http://y", "/x?http://y"),
            ("http://h/\\@other", "/\\@other"),
        ] {
            assert_eq!(target(uri).as_deref(), Ok(expected), "{uri}");
        }
    }

    #[test]
    fn unsupported_uris_are_refused() {
        for uri in [
            "",
            "*",
            "a",
            "?q",
            "#f",
            "host:443",
            "host/path",
            "ftp://h/",
            "http:",
            "http:/h",
            "http:h",
            "http://",
            "https:///p",
            "https://?q",
            "https://:80/",
            "https://u@/",
            "https://u@v@h/",
            "https://h:x/",
            "https://h:-1/",
            "https://h:65536/",
            "https://h:80:80/",
            "https://[::1/",
            "https://[]/",
            "https://[::1]x/",
            "https://h]/",
            "https://a\\@h/",
            "https://h\\x/",
            "https://{h}/",
            "https://h|x/",
            "javascript://h/",
        ] {
            assert_eq!(target(uri), Err(Error::InvalidUriForm), "{uri}");
        }
        for uri in [" ", "/a b", "/a\n", "/\r\nX: y", "/\0", "/\x7f", "/\u{e9}", "/a#b c", "https://h h/", "ftp://\t"] {
            assert_eq!(target(uri), Err(Error::InvalidUriByte), "{uri:?}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let api_path = ApiPath::parse(b"https://Company.example/api//").unwrap();
        assert_eq!(api_path.as_str(), "https://Company.example/api");
        let check = |uri: &str| match Uri::parse(uri.as_bytes()).unwrap().origin {
            Some(origin) => api_path.check_origin(origin),
            None => Ok(()), // a path goes to any server
        };
        for same in [
            "/anything",
            "//evil.example/x",
            "https://company.example",
            "HTTPS://COMPANY.EXAMPLE:443/other",
            "https://company.example:/x",
            "https://user@company.example:0443/x",
        ] {
            assert_eq!(check(same), Ok(()), "{same}");
        }
        for other in [
            "http://company.example/api",
            "http://company.example:443/api",
            "https://company.example:8443/api",
            "https://company.example.evil.example/api",
            "https://company.example@evil.example/api",
            "https://evil.example/https://company.example/api",
            "https://evil.example?@company.example/api",
            "https://evil.example#@company.example/api",
            "https://company.example./api",
            "https://%63ompany.example/api",
        ] {
            assert_eq!(check(other), Err(Error::OtherOrigin), "{other}");
        }
    }

    #[test]
    fn an_api_path_is_a_plain_absolute_url() {
        for bad in
            ["/api", "https://u@h/api", "https://h/api?x", "https://h/api?", "https://h/api#x", "https://h/#", ""]
        {
            assert_eq!(ApiPath::parse(bad.as_bytes()).unwrap_err(), Error::InvalidUriForm, "{bad}");
        }
        assert_eq!(ApiPath::parse(b"https://h/a b").unwrap_err(), Error::InvalidUriByte);
        assert_eq!(ApiPath::parse(b"http://h/").unwrap().as_str(), "http://h");
        assert_eq!(ApiPath::parse(b"http://h/").unwrap().as_c_str(), c"http://h");
    }
}
