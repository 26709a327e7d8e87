//! Makes the authorization headers of the ThreatConnect API: HMAC-SHA256 signatures over path, query, method and time,
//! or an API token. It does no networking: its caller does, with whatever HTTP client it has.
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
//! All times are Unix seconds and given by the caller, as is every look at the clock. The same functions are there for C: see `include/tc_auth.h`.

#![deny(unsafe_code)]
// The text of a panic goes to standard error, and such a panic shows what was sliced or unwrapped: a token, perhaps.
#![cfg_attr(
    not(test),
    deny(clippy::string_slice, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::todo)
)]

// The API of the crate.
mod auth;
mod clock;
mod error;
mod review;

// What it is made of, by role.
mod credentials;
mod request;
mod sign;
mod token;

// What these stand on.
mod ascii;
#[cfg(test)]
mod planted;
mod process;
mod secret;
mod server_message;
mod sync;

#[allow(unsafe_code, reason = "the only C-facing code")]
mod ffi;

pub use auth::{Auth, Kind, string_to_sign};
pub use clock::{Moment, Now};
pub use error::{Error, Result};
pub use request::builder::Url;
pub use review::{Advice, Response};
pub use sign::headers::HeaderList;
pub use token::{Ticket, Token};
