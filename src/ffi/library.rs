//! The version of the library.

use std::ffi::{CStr, c_char};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => unreachable!(),
};

/// The same as a number, as TC_AUTH_VERSION_NUMBER has it.
const VERSION_NUMBER: u32 = {
    let parts = [
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
        number(env!("CARGO_PKG_VERSION_PATCH")),
    ];
    assert!(parts[1] < 1 << 8 && parts[2] < 1 << 8, "the parts must not overlap");
    parts[0] << 16 | parts[1] << 8 | parts[2]
};

const fn number(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => unreachable!(),
    }
}

/// The version of the library that is running, such as "0.1.0"; TC_AUTH_VERSION_* is that of the header. Never NULL;
/// valid as long as the program runs.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the library that is running, to compare with TC_AUTH_VERSION_NUMBER: major << 16 | minor << 8 | patch.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_version_number() -> u32 {
    VERSION_NUMBER
}
