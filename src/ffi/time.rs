//! Times in the C ABI, which has special values instead of `Option`.

use crate::auth::Auth;
use crate::clock::Moment;
use crate::clock::Now;

/// As a time: this machine's clock, plus the handle's clock offset.
pub const TC_AUTH_NOW: i64 = -1;

/// Instead of a timestamp: send no Timestamp header.
pub const TC_AUTH_NO_TIMESTAMP: i64 = -1;

/// As an expiry: unknown, or never.
pub const TC_AUTH_NO_EXPIRY: i64 = 0;

/// Replaces TC_AUTH_NOW by the current time, with the clock offset.
pub(super) fn resolve(unix_time: i64, auth: &Auth) -> i64 {
    if unix_time == TC_AUTH_NOW { unix_clock() + auth.clock_offset() } else { unix_time }
}

pub(super) fn now() -> Now {
    Now { unix: unix_clock(), monotonic: Moment::now() }
}

pub(super) fn expiry(expires: i64) -> Option<i64> {
    (expires != TC_AUTH_NO_EXPIRY).then_some(expires)
}

/// Unix seconds. `time` is cheaper than the clock of the standard library, and nanoseconds are not needed.
fn unix_clock() -> i64 {
    if cfg!(miri) {
        return Now::read().unix; // Miri does not support `time`
    }
    // SAFETY: with NULL, the time is only returned.
    #[allow(clippy::unnecessary_cast, reason = "time_t has 32 bits on some platforms")]
    unsafe {
        libc::time(std::ptr::null_mut()) as i64
    }
}
