//! An API token: its value, the state machine that says when it is renewed, and what threads share of it.
//!
//! `state` decides and knows no threads. `shared` is where threads wait for the one that renews. `ticket` is what that
//! one gets, `response` what the server says to it, and `redact` keeps tokens out of the server's messages.

mod redact;
mod response;
pub(crate) mod shared;
mod state;
mod ticket;
mod value;

pub(crate) use state::Rejection;
pub use ticket::Ticket;
pub(crate) use value::SCHEME;
pub use value::Token;
