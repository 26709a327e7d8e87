//! ASCII checks and conversion, and what is not part of a text.

/// Whether this is not empty and only visible ASCII (0x21 to 0x7e), as ids, tokens and URIs must be.
pub(crate) fn is_visible(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic)
}

/// In UTF-8. Some editors put it in front of a text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Converts bytes that were already checked to be ASCII.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    debug_assert!(bytes.is_ascii());
    str::from_utf8(bytes).unwrap_or_default()
}
