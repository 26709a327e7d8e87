//! Shared by the programs that measure.

pub mod floor;
#[cfg(feature = "peers")]
pub mod peers;
pub mod tc_auth;

use std::ffi::CStr;

pub const ACCESS_ID: &CStr = c"12345678901234567890";
pub const SECRET_KEY: &CStr = c"tc_auth-example-secret";
pub const TOKEN: &CStr = c"2:1:-1:1474673195:poZAT:tc_auth-example-secret=";

/// As a time: the library reads the clock.
pub const NOW: i64 = -1;

/// A request target of a given length, as clients of this API send it.
pub fn uri(len: usize) -> String {
    let start = "/api/v3/indicators?tql=typeName%20in%20(%22Host%22)&resultLimit=100&resultStart=1000";
    start.chars().chain("&fields=attributes%2Ctags".chars().cycle()).take(len).collect()
}

/// Built with `--cfg sha2_backend="soft"`: everything here that can is kept from using the CPU's SHA instructions.
pub const SHA_HIDDEN: bool = cfg!(sha2_backend = "soft");

/// Whether SHA-256 is computed with instructions of the CPU for it.
pub fn sha_instructions() -> bool {
    #[cfg(target_arch = "x86_64")]
    let present = std::arch::is_x86_feature_detected!("sha");
    #[cfg(target_arch = "aarch64")]
    let present = std::arch::is_aarch64_feature_detected!("sha2");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let present = false;
    present && !SHA_HIDDEN
}
