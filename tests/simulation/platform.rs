//! The platform as docs and vendors describe it: a token dies when the next one is issued.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::engine::{Nanoseconds, SECOND};

/// How long a token lives, in seconds.
pub(super) const LIFE: i64 = 600;

#[derive(Default)]
pub struct Platform {
    /// Valid tokens and when they expire, in Unix seconds.
    valid: RefCell<HashMap<String, i64>>,
    issued: Cell<u64>,
    /// For each token, the number of the one that somebody set and from which it descends by renewals.
    roots: RefCell<HashMap<String, u64>>,
    /// When a token was last invalidated, or the next one arrived in a store.
    pub changed_at: Cell<Nanoseconds>,
    /// Until when every renewal gets no answer, or a useless one.
    pub hangs_until: Cell<Nanoseconds>,
    pub fails_until: Cell<Nanoseconds>,
    /// Responses to successful renewals that will be lost.
    pub lose_responses: Cell<u64>,
    pub lose_requests: Cell<u64>,
    /// So many renewals only extend the token.
    pub keeps: Cell<u64>,
    /// Tokens that were issued and whose response has not arrived yet.
    pub in_flight: RefCell<Vec<(usize, String)>>,
    pub renewals: Cell<u64>,
    pub refusals: Cell<u64>,
}

pub fn unix(time: Nanoseconds) -> i64 {
    1_700_000_000 + (time / SECOND) as i64
}

impl Platform {
    /// A token that needs no other: the one that the processes start with, or that an administrator creates.
    pub fn issue(&self, time: Nanoseconds) -> (String, i64) {
        self.issue_from(None, time)
    }

    fn issue_from(&self, root: Option<u64>, time: Nanoseconds) -> (String, i64) {
        self.issued.set(self.issued.get() + 1);
        // Not in the order of time, so that comparing texts can't replace comparing generations.
        let number = self.issued.get().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (token, expires) = (format!("2:1:-1:{number:016x}:{}", self.issued.get()), unix(time) + LIFE);
        self.valid.borrow_mut().insert(token.clone(), expires);
        self.roots.borrow_mut().insert(token.clone(), root.unwrap_or(self.issued.get()));
        (token, expires)
    }

    /// The answer to a renewal.
    pub fn renew(&self, token: &str, time: Nanoseconds) -> (Option<String>, String) {
        if self.valid.borrow_mut().remove(token).is_none() {
            self.refusals.set(self.refusals.get() + 1);
            return (None, r#"{"success":false,"message":"Unauthorized"}"#.to_owned());
        }
        self.renewals.set(self.renewals.get() + 1);
        self.changed_at.set(time);
        if self.keeps.get() > 0 {
            self.keeps.set(self.keeps.get() - 1);
            let expires = unix(time) + LIFE;
            self.valid.borrow_mut().insert(token.to_owned(), expires);
            return (None, format!(r#"{{"success":true,"apiToken":"{token}","apiTokenExpires":"{expires}"}}"#));
        }
        let (next, expires) = self.issue_from(self.root(token), time);
        let body = format!(r#"{{"success":true,"apiToken":"{next}","apiTokenExpires":"{expires}"}}"#);
        (Some(next), body)
    }

    pub fn accepts(&self, token: &str, time: Nanoseconds) -> bool {
        self.valid.borrow().get(token).is_some_and(|&expires| unix(time) < expires)
    }

    pub fn expires(&self, token: &str) -> Option<i64> {
        self.valid.borrow().get(token).copied()
    }

    pub fn is_valid(&self, token: &str) -> bool {
        self.valid.borrow().contains_key(token)
    }

    pub fn root(&self, token: &str) -> Option<u64> {
        self.roots.borrow().get(token).copied()
    }

    /// Whether it was issued for another one.
    pub fn is_renewed(&self, token: &str) -> bool {
        self.root(token).is_some_and(|root| !token.ends_with(&format!(":{root}")))
    }

    pub fn revoke_all(&self, time: Nanoseconds) {
        self.valid.borrow_mut().clear();
        self.changed_at.set(time);
    }
}
