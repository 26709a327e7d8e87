//! `tc_auth_header_list`: the headers of one request.

use std::ffi::{CStr, c_char};
use std::ptr;

use crate::secret::residue::cleared;
use crate::sign::headers::HeaderList;

/// The headers of one request: Authorization, and for HMAC handles Timestamp. It may outlive the handle.
pub struct tc_auth_header_list(pub(super) HeaderList);

/// The number of headers: 2 with a secret key (Authorization, Timestamp), 1 with a token; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_header_list_len(list: Option<&tc_auth_header_list>) -> usize {
    list.map_or(0, |list| list.0.len())
}

/// The name of a header, such as "Authorization"; NULL for an index past the end. Valid until the list is freed.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_header_list_name(list: Option<&tc_auth_header_list>, index: usize) -> *const c_char {
    pointer(|| list?.0.name(index))
}

/// The value of a header; NULL for an index past the end. Valid until the list is freed.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_header_list_value(list: Option<&tc_auth_header_list>, index: usize) -> *const c_char {
    pointer(|| list?.0.value(index))
}

/// A whole header line, such as "Authorization: TC 1234:...", without line break, ready for curl_slist_append(); NULL
/// for an index past the end. Valid until the list is freed.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_header_list_line(list: Option<&tc_auth_header_list>, index: usize) -> *const c_char {
    pointer(|| list?.0.line(index))
}

/// The second that was signed, which is the value of the Timestamp header; TC_AUTH_NO_TIMESTAMP with a token, or for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_header_list_timestamp(list: Option<&tc_auth_header_list>) -> i64 {
    list.and_then(|list| list.0.timestamp()).unwrap_or(super::time::TC_AUTH_NO_TIMESTAMP)
}

/// Wipes and frees a list and its strings.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_header_list_free(list: Option<Box<tc_auth_header_list>>) {
    cleared(|| drop(list));
}

/// Clears the registers, because finding the end of a string reads all of it.
fn pointer<'a>(string: impl FnOnce() -> Option<&'a CStr>) -> *const c_char {
    cleared(|| string().map_or(ptr::null(), CStr::as_ptr))
}
