//! Text that is ASCII.

/// Whether this is one word of visible ASCII (0x21 to 0x7e): what an id and a token must be, and all of a URI.
pub(crate) fn is_visible(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic)
}

/// Text of bytes that were checked to be ASCII before.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    debug_assert!(bytes.is_ascii());
    str::from_utf8(bytes).unwrap_or_default()
}
