//! Secrets in memory: bytes that are wiped, kept out of core dumps, and not left on the stack or in registers.

mod bytes;
pub(crate) mod json;
pub(crate) mod residue;
mod undumped;

pub(crate) use bytes::Secret;
pub(crate) use undumped::Undumped;
