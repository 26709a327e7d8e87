//! An API token: its value, the state machine that says when to renew it, and what threads share.
//!
//! `state` decides, without threads. In `shared`, threads wait for the one that renews, which gets a `ticket`.
//! `response` parses the server's response, and `redact` removes tokens from its message. `seal` makes the text that
//! carries a token to another process of its `family`.

pub(crate) mod directory;
pub(crate) mod family;
pub(crate) mod record;
mod redact;
mod response;
mod seal;
mod share;
pub(crate) mod shared;
pub(crate) mod state;
mod ticket;
mod value;

pub(crate) use seal::Keys;
pub(crate) use state::Rejection;
pub use state::{State, Unsealed};
pub use ticket::Ticket;
pub(crate) use value::SCHEME;
pub use value::Token;
