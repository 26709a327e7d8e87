//! Builds the URL of a request, so that the same string is signed and sent.

use std::ffi::CStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_encode};

use crate::ascii::ascii;
use crate::error::{Error, Result};
use crate::request::api_path::ApiPath;
use crate::request::target::Uri;

/// Everything except the unreserved characters (RFC 3986, 2.3), the only ones that all clients send unchanged.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A URL that is being built from a base, path segments and query parameters. Sign and send the same string.
#[derive(Debug)]
pub struct Url {
    /// Ends in NUL, so that C can read it without a copy.
    text: String,
}

impl Url {
    /// Starts with a path, such as `/api/v3/indicators`, or an absolute URL, such as `https://company.example/api`. The
    /// base is copied unchanged, so it must be percent-encoded already.
    ///
    /// # Errors
    /// [`Error::InvalidUriByte`]; [`Error::InvalidUriForm`], also for a base with a fragment.
    pub fn new(base: impl AsRef<[u8]>) -> Result<Url> {
        let base = base.as_ref();
        if Uri::parse(base)?.has_fragment {
            return Err(Error::InvalidUriForm);
        }
        Ok(Url { text: format!("{}\0", ascii(base)) })
    }

    pub(crate) fn join(api_path: &ApiPath, path: &[u8]) -> Result<Url> {
        let uri = Uri::parse(path)?;
        if uri.origin.is_some() || uri.has_fragment || path.starts_with(b"//") {
            return Err(Error::InvalidUriForm);
        }
        Ok(Url { text: format!("{}{}\0", api_path.as_str(), ascii(path)) })
    }

    /// Adds one segment to the path. Every byte except the unreserved characters is percent-encoded, so a segment may
    /// contain anything, even a URL.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the segment is empty, `.` or `..`: HTTP clients remove these from a path, however
    /// they are encoded. [`Error::InvalidUriForm`] if the URL has a query already.
    pub fn add_segment(&mut self, segment: impl AsRef<[u8]>) -> Result<()> {
        let segment = segment.as_ref();
        if matches!(segment, b"" | b"." | b"..") {
            return Err(Error::InvalidArgument);
        }
        if self.as_str().contains('?') {
            return Err(Error::InvalidUriForm);
        }
        let path = self.as_str().trim_end_matches('/').len();
        self.text.truncate(path);
        self.append("/", encode(segment));
        Ok(())
    }

    /// Adds one parameter to the query, both parts encoded like a segment; the value may be empty.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the name is empty.
    pub fn add_query(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        if name.as_ref().is_empty() {
            return Err(Error::InvalidArgument);
        }
        self.text.pop();
        let separator = match self.text.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        self.append(separator, encode(name.as_ref()).chain(["="]).chain(encode(value.as_ref())));
        Ok(())
    }

    /// Appends to a text whose NUL was removed.
    fn append<'a>(&mut self, separator: &str, parts: impl Iterator<Item = &'a str>) {
        self.text.push_str(separator);
        self.text.extend(parts);
        self.text.push('\0');
    }

    /// The URL as it is now.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.strip_suffix('\0').unwrap_or(&self.text)
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(self.text.as_bytes()).unwrap_or_default()
    }
}

fn encode(bytes: &[u8]) -> PercentEncode<'_> {
    percent_encode(bytes, RESERVED)
}

#[cfg(test)]
mod tests {
    use super::Url;
    use crate::error::Error;

    #[test]
    fn exactly_one_slash_between_parts() {
        for (base, expected) in [
            ("/", "/x"),
            ("//", "/x"),
            ("/api", "/api/x"),
            ("/api/", "/api/x"),
            ("https://h", "https://h/x"),
            ("https://h//", "https://h/x"),
        ] {
            let mut url = Url::new(base).unwrap();
            url.add_segment("x").unwrap();
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn exactly_one_separator_between_parameters() {
        for (base, expected) in [
            ("/", "/?a=&b=1"),
            ("/?", "/?a=&b=1"),
            ("/?x", "/?x&a=&b=1"),
            ("/?x&", "/?x&a=&b=1"),
            ("/x&", "/x&?a=&b=1"),
            ("/?x?", "/?x?&a=&b=1"),
        ] {
            let mut url = Url::new(base).unwrap();
            url.add_query("a", "").unwrap();
            url.add_query("b", "1").unwrap();
            assert_eq!(url.as_str(), expected);
            assert_eq!(url.add_segment("late"), Err(Error::InvalidUriForm));
            assert_eq!(url.as_c_str().to_str().unwrap(), expected);
        }
    }

    #[test]
    fn a_segment_may_contain_anything() {
        let mut url = Url::new("/v2/indicators/urls").unwrap();
        url.add_segment("http://evil.example/a?b").unwrap();
        url.add_segment([0xff, 0, b' ', b'~']).unwrap();
        assert_eq!(url.as_str(), "/v2/indicators/urls/http%3A%2F%2Fevil.example%2Fa%3Fb/%FF%00%20~");
        for bad in ["", ".", ".."] {
            assert_eq!(url.add_segment(bad), Err(Error::InvalidArgument));
        }
        assert_eq!(url.add_query("", "x"), Err(Error::InvalidArgument));
        assert!(url.as_str().ends_with("%20~"), "a refused part must change nothing");
    }
}
