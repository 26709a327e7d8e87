//! Authorization headers for the ThreatConnect API: HMAC-SHA256 signatures over path, query, method and time, or an API
//! token. The library opens no connection: the application sends the requests, with any HTTP client.
//!
//! ```
//! let auth = tc_auth::Auth::new_hmac("12345678901234567890", "tc_auth-example-secret")?;
//! let headers = auth.headers("GET", "/api/v3/indicators", 1513703787)?;
//! for (name, value) in headers.iter() {
//!     println!("{name}: {value}");
//! }
//! # let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
//! # assert_eq!(lines, [
//! #     "Authorization: TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=",
//! #     "Timestamp: 1513703787",
//! # ]);
//! # Ok::<(), tc_auth::Error>(())
//! ```
//!
//! All times are Unix seconds, passed in by the caller. `include/tc_auth.h` has the same functions for C.

#![deny(unsafe_code)]
// A panic message goes to standard error, and may contain the value that was sliced or unwrapped, such as a token.
#![cfg_attr(
    not(test),
    deny(clippy::string_slice, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::todo)
)]

/// Whether the simulation has planted this mistake.
#[cfg(test)]
macro_rules! mistake {
    ($name:ident) => {
        crate::planted::has(crate::planted::Mistake::$name)
    };
}
#[cfg(not(test))]
macro_rules! mistake {
    ($name:ident) => {
        false
    };
}

// The public API.
mod auth;
mod clock;
mod error;
mod review;

// The parts, by role.
mod credentials;
mod request;
mod sign;
mod token;

// Utilities.
mod ascii;
#[cfg(test)]
mod planted;
mod process;
mod secret;
mod server_message;
#[cfg(all(test, not(loom)))]
#[path = "../tests/simulation/mod.rs"]
mod simulation;
mod sync;

#[allow(unsafe_code, reason = "the only C-facing code")]
mod ffi;

pub use auth::{Auth, Kind, string_to_sign};
pub use clock::{Moment, Now};
pub use error::{Error, Result};
pub use request::builder::Url;
pub use review::{Advice, Response};
pub use sign::headers::HeaderList;
pub use token::{State, Ticket, Token, Unsealed};
