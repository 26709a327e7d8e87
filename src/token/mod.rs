//! An API token: its value, the state machine that says when to renew it, and what threads share.
//!
//! `state` decides, without threads. In `shared`, threads wait for the one that renews, which gets a `ticket`.
//! `response` parses the server's response, and `redact` removes tokens from its message.

mod redact;
mod response;
pub(crate) mod shared;
mod state;
mod ticket;
mod value;

pub(crate) use state::Rejection;
pub use state::State;
pub use ticket::Ticket;
pub(crate) use value::SCHEME;
pub use value::Token;
