//! The base URL of the API, which also limits to which server requests may go.

use crate::ascii::ascii;
use crate::error::{Error, Result};
use crate::request::target::{Origin, Uri};

/// The base URL of a platform's API, such as `https://company.example/api`.
#[derive(Debug)]
pub(crate) struct ApiPath(String);

impl ApiPath {
    /// A `/` at the end is removed.
    pub(crate) fn parse(text: &[u8]) -> Result<ApiPath> {
        let uri = Uri::parse(text)?;
        if uri.origin.is_none() || uri.has_user || uri.has_fragment || uri.target.has_query() {
            return Err(Error::InvalidUriForm);
        }
        Ok(ApiPath(ascii(text).trim_end_matches('/').to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses another origin.
    pub(crate) fn check_origin(&self, origin: Origin) -> Result<()> {
        let own = Uri::parse(self.0.as_bytes())?.origin;
        if own == Some(origin) { Ok(()) } else { Err(Error::OtherOrigin) }
    }
}
