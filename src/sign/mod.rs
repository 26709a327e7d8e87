//! HMAC signatures: the string to sign, its signature, the headers that carry it, and their verification.

pub(crate) mod headers;
mod hmac;
mod signer;
pub(crate) mod verify;

pub(crate) use signer::*;
