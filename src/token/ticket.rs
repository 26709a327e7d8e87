//! The ticket of the caller who was chosen to renew a token.

use std::ffi::CStr;
use std::sync::{Arc, Weak};

use percent_encoding::percent_encode;
use zeroize::Zeroizing;

use crate::clock::Now;
use crate::error::Result;
use crate::request::api_path::ApiPath;
use crate::request::builder::RESERVED;
use crate::secret::Undumped;
use crate::secret::residue::wiped;
use crate::token::response::RenewalResponse;
use crate::token::share::Claim;
use crate::token::shared::SharedToken;
use crate::token::state::TicketId;
use crate::token::value::Token;

/// Stack bytes used at most to create a ticket, which contains the token.
const TICKET_STACK: usize = 4 << 10;

/// The right, and the duty, to renew a token: send the request, then complete or cancel.
pub struct Ticket {
    shared: Weak<SharedToken>,
    /// `None` once it is completed or cancelled.
    id: Option<TicketId>,
    token: Arc<Token>,
    /// The family's lock, and the token that is kept alive to save what arrives. In a box: a ticket is moved to the heap,
    /// and would take along what is on the stack where nothing is.
    claim: Option<Box<(Claim, Arc<SharedToken>)>>,
    /// Ends in NUL, so that C can read it without a copy. It contains the token.
    url: Undumped,
}

impl Ticket {
    pub(super) fn new(
        shared: &Arc<SharedToken>,
        id: TicketId,
        api_path: &ApiPath,
        token: Arc<Token>,
        claim: Option<Claim>,
    ) -> Ticket {
        let url = wiped::<TICKET_STACK, _>(|| url(api_path, &token));
        let claim = claim.map(|claim| Box::new((claim, shared.clone())));
        Ticket { shared: Arc::downgrade(shared), id: Some(id), token, claim, url }
    }

    /// The URL to GET, without an Authorization header. It contains the token: do not log it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url_as_c_str().to_str().unwrap_or_default()
    }

    pub(crate) fn url_as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.url).unwrap_or_default()
    }

    /// Whether the request is still needed. `false`: cancel the ticket, because the token was replaced or extended in
    /// the meantime, for example by `Auth::unseal`, or the identity was dropped.
    #[must_use]
    pub fn needed(&self) -> bool {
        // In a forked child that can't take the lock, there is nothing to renew.
        let needs = |shared: Arc<SharedToken>| shared.needs(self.id?, &self.token).ok();
        self.shared.upgrade().and_then(needs).unwrap_or(false)
    }

    /// Processes the server's response. Also returns the server's message, which is safe to log.
    pub fn complete(mut self, http_status: i32, body: &[u8], now: Now) -> (Result<()>, Option<String>) {
        let Some(shared) = self.shared.upgrade() else { return (Ok(()), None) };
        if mistake!(FreedHandleSavesNothing) && Arc::strong_count(&shared) == 2 {
            return (Ok(()), None); // nobody but the ticket has it
        }
        let (response, message) = RenewalResponse::parse(http_status, body, self.token.bytes());
        let Some(id) = self.id.take() else { return (Ok(()), message) };
        let claim = self.claim.take().map(|claim| claim.0);
        (shared.complete(claim, (id, &self.token), response, now), message)
    }

    /// Reports that there was no response, for example after a timeout.
    pub fn cancel(mut self, now: Now) {
        self.give_back(now);
    }

    fn give_back(&mut self, now: Now) {
        if let (Some(shared), Some(id)) = (self.shared.upgrade(), self.id.take()) {
            let claim = self.claim.take().map(|claim| claim.0);
            shared.cancel(claim, (id, &self.token), now);
        }
    }
}

fn url(api_path: &ApiPath, token: &Token) -> Undumped {
    // Allocated with the largest possible size: growing would leave an unwiped copy.
    let mut encoded = Zeroizing::new(String::with_capacity(3 * token.bytes().len()));
    encoded.extend(percent_encode(token.bytes(), RESERVED));
    Undumped::concat(&[api_path.as_str().as_bytes(), b"/appAuth?expiredToken=", encoded.as_bytes(), b"\0"])
}

/// A dropped ticket is cancelled, because others wait for it.
impl Drop for Ticket {
    fn drop(&mut self) {
        if self.id.is_some() {
            self.give_back(Now::read());
        }
    }
}
