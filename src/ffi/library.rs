//! The version of the library.

use std::ffi::{CStr, c_char};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => unreachable!(),
};

/// The version of the library that is running, such as "0.1.0"; TC_AUTH_VERSION_* is that of the header. Never NULL;
/// valid as long as the program runs.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_version() -> *const c_char {
    VERSION.as_ptr()
}
