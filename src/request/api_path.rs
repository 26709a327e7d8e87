//! The base URL of the API, which also limits to which server requests may go.

use std::ffi::{CStr, CString};

use crate::ascii::ascii;
use crate::error::{Error, Result};
use crate::request::target::{Origin, Uri};

/// The base URL of a platform's API, such as `https://company.example/api`; with a NUL, so that C can read it in place.
#[derive(Debug)]
pub(crate) struct ApiPath(CString);

impl ApiPath {
    /// A `/` at the end is removed.
    pub(crate) fn parse(text: &[u8]) -> Result<ApiPath> {
        let uri = Uri::parse(text)?;
        if uri.origin.is_none() || uri.has_user || uri.has_fragment || uri.target.has_query() {
            return Err(Error::InvalidUriForm);
        }
        let text = ascii(text).trim_end_matches('/');
        Ok(ApiPath(CString::new(text).map_err(|_| Error::InvalidUriByte)?))
    }

    pub(crate) fn as_str(&self) -> &str {
        ascii(self.0.as_bytes())
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        &self.0
    }

    /// Refuses another origin.
    pub(crate) fn check_origin(&self, origin: Origin) -> Result<()> {
        let own = Uri::parse(self.0.as_bytes())?.origin;
        if own == Some(origin) { Ok(()) } else { Err(Error::OtherOrigin) }
    }
}
