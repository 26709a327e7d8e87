//! The URI of a request: how it is parsed and built, and the base URL of the API.

pub(crate) mod api_path;
pub(crate) mod builder;
pub(crate) mod target;
