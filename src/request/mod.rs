//! What a request is made of: its URI, read and built, and the root of the API that it belongs to.

pub(crate) mod api_path;
pub(crate) mod builder;
pub(crate) mod target;
