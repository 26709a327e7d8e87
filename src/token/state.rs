//! When a token is renewed, and by whom: a state machine without threads, clocks or networking.
//!
//! The platform invalidates a token when it issues the next one. So one caller renews while the others wait, and after
//! a failure, a token that may still be valid is kept.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::clock::{self, Now};
use crate::error::{Error, Result};
use crate::token::response::RenewalResponse;
use crate::token::seal::Sealed;
use crate::token::value::Token;

/// How many seconds before its expiry a token is renewed by default, as in TcEx 0.8 to 1.
const DEFAULT_WINDOW: i64 = 60;

/// After this time, a ticket that was not completed no longer blocks other callers.
pub(super) const TICKET_LIFE: Duration = Duration::from_secs(if cfg!(tc_auth_short_ticket) { 3 } else { 120 });

/// The pause after the first failure, and the longest one before jitter, in milliseconds.
const FIRST_PAUSE: u64 = 5_000;
const LONGEST_PAUSE: u64 = 50_000;

/// With jitter. A longer one in a record is an error, or of a clock that was set back.
const LONGEST_FAMILY_PAUSE: Duration = Duration::from_secs(61);

/// A token that is rejected this soon after its delivery is not renewed at once, because the endpoint may reject every
/// token. After this time without a rejection, the count starts again.
const REJECTION_MEMORY: Duration = Duration::from_secs(60);

/// What a caller must do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Sign with the current token.
    GoAhead,
    /// Renew: only this caller does.
    Renew(TicketId),
    /// Another caller renews. Poll again after a change, or at this time at the latest.
    Wait(Moment),
    /// Another process renewed when this one last looked.
    Elsewhere,
}

/// What the server's "Unauthorized" means for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// There is another token, or one can be obtained: poll, and send the request once more.
    Retry,
    /// There is no better token, or not yet.
    Final,
}

/// What can be done with a token.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// There is no token, but an access id and a secret key.
    None = 0,
    /// It is not due.
    Valid = 1,
    /// It is due: the next poll gives a ticket, unless a shared directory does not work.
    Due = 2,
    /// A ticket is out.
    UnderWay = 3,
    /// It is due, but the next attempt comes only after a pause.
    Paused = 4,
    /// The server refused to renew it.
    Refused = 5,
    /// It begins with "APIV2:", or no API path is set.
    NotRenewable = 6,
}

/// What a sealed token was, compared with the current one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unsealed {
    /// The same token, with the same expiry.
    Same = 0,
    /// Newer: it is the current token now. Or the same token with a later expiry.
    Adopted = 1,
    /// Older: it was ignored. Seal the current one and store it.
    Older = 2,
}

/// Which renewal a response belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TicketId(u64);

/// The token and the state of its renewal.
#[derive(Clone, Debug)]
pub(crate) struct TokenState {
    token: Arc<Token>,
    /// How often the token changed, in whichever process of its family. Another expiry is no change: it could have the
    /// same generation as a renewal in another process, and the dead token would be as new as the one that replaced it.
    generation: u64,
    /// When this token and its expiry were set, by the monotonic clock, which no offset corrects.
    set_at: Moment,
    window: i64,
    /// When a renewal, here or in another process, delivered or extended this token; `None` if the application set it.
    delivered_at: Option<Moment>,
    /// Whether the server rejected this token. Then it is due, whatever its expiry.
    rejected: Rejected,
    rejections: Rejections,
    phase: Phase,
    failures: u32,
    /// When the ticket lapses that another process of the family had when this one last looked.
    elsewhere: Option<Moment>,
    tickets: u64,
    /// The latest ticket when the token last became newer, or valid for longer. Neither its renewal nor that of an earlier
    /// one is needed, and a refusal or a failure is out of date.
    settled: u64,
    /// Random bits, so that many handles do not retry at the same time.
    jitter: u64,
}

#[derive(Clone, Copy, Debug)]
enum Rejected {
    No,
    /// Due at once, also for a caller that read the clock just before the rejection.
    Yes,
    /// Soon after its delivery: due after a pause.
    Fresh {
        at: Moment,
        due: Moment,
    },
}

/// Consecutive tokens that were rejected soon after their delivery. Kept across renewals: an endpoint that rejects
/// every token must not cause endless renewals, each of which invalidates a token that others use.
#[derive(Clone, Copy, Debug, Default)]
struct Rejections {
    count: u32,
    last: Option<Moment>,
    /// The delivery that was counted last.
    counted: Delivery,
}

/// A token's generation, and its expiry, or 0: a renewal changes at least one of them.
pub(crate) type Delivery = (u64, i64);

/// What the processes of a family must agree on, so that they renew no more often than one process would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pauses {
    /// Of the token that could not be renewed.
    pub(crate) generation: u64,
    pub(crate) failures: u32,
    /// No attempt to renew that token before this time.
    pub(crate) until: Option<Moment>,
    /// Consecutive tokens that were rejected soon after their delivery.
    pub(crate) rejections: u32,
    pub(crate) last_rejection: Option<Moment>,
    /// The delivery that was counted last.
    pub(crate) counted: Delivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    UnderWay {
        ticket: u64,
        lapses: Moment,
    },
    /// After a failure, no attempt before this time.
    Pause {
        until: Moment,
    },
    /// The platform will not renew this token.
    Refused,
}

impl TokenState {
    pub(crate) fn new(token: Token, now: Now, jitter: u64) -> TokenState {
        TokenState {
            token: Arc::new(token),
            generation: 0,
            set_at: now.monotonic,
            window: DEFAULT_WINDOW,
            delivered_at: None,
            rejected: Rejected::No,
            rejections: Rejections::default(),
            phase: Phase::Idle,
            failures: 0,
            elsewhere: None,
            tickets: 0,
            settled: 0,
            jitter,
        }
    }

    pub(crate) fn token(&self) -> &Arc<Token> {
        &self.token
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn set_window(&mut self, seconds: i64) -> Result<()> {
        if !(0..=clock::DAY).contains(&seconds) {
            return Err(Error::InvalidArgument);
        }
        self.window = seconds;
        Ok(())
    }

    pub(crate) fn window(&self) -> i64 {
        self.window
    }

    /// The state, and in seconds, rounded up: until it is due, until the ticket lapses, until the next attempt, or until
    /// the expiry if it will not be renewed. `None` if that is not known.
    pub(crate) fn describe(&self, renewable: bool, now: Now) -> (State, Option<i64>) {
        let until = |moment: Moment| {
            let left = moment.saturating_duration_since(now.monotonic);
            left.as_secs() as i64 + i64::from(left.subsec_nanos() > 0)
        };
        let until_unix = |time: i64| time.saturating_sub(now.unix).max(0);
        let until_expiry = self.token.expires().map(until_unix);
        let pause = match self.phase {
            _ if !renewable => return (State::NotRenewable, until_expiry),
            Phase::Refused => return (State::Refused, until_expiry),
            Phase::Pause { until: end } => until(end),
            Phase::Idle | Phase::UnderWay { .. } => 0,
        };
        if let Some(lapses) = self.under_way(now).or(self.elsewhere(now)) {
            return (State::UnderWay, Some(until(lapses)));
        }
        let due_by_time = self.due_at(now).map(until_unix);
        let due_by_rejection = match self.rejected {
            Rejected::No => None,
            Rejected::Yes => Some(0),
            Rejected::Fresh { due, .. } => Some(until(due)),
        };
        if due_by_rejection.is_none() && due_by_time != Some(0) {
            return (State::Valid, due_by_time);
        }
        let due = [due_by_time, due_by_rejection].into_iter().flatten().min().unwrap_or(0);
        match due.max(pause) {
            0 => (State::Due, Some(0)),
            attempt => (State::Paused, Some(attempt)),
        }
    }

    /// `renewable`: an API path is set, and this type of token can be renewed.
    pub(crate) fn poll(&mut self, renewable: bool, now: Now) -> Turn {
        if let Some(lapses) = self.under_way(now) {
            return Turn::Wait(lapses);
        }
        if renewable && self.elsewhere(now).is_some() {
            return Turn::Elsewhere;
        }
        match self.phase {
            Phase::Pause { until } if now.monotonic < until => return Turn::GoAhead,
            Phase::Refused => return Turn::GoAhead,
            _ if !renewable || !self.is_due(now) => return Turn::GoAhead,
            _ => {}
        }
        self.tickets += 1;
        self.phase = Phase::UnderWay { ticket: self.tickets, lapses: now.monotonic + TICKET_LIFE };
        Turn::Renew(TicketId(self.tickets))
    }

    /// When the ticket lapses that blocks other callers; `None` if none does.
    fn under_way(&self, now: Now) -> Option<Moment> {
        match self.phase {
            Phase::UnderWay { lapses, .. } if now.monotonic < lapses => Some(lapses),
            _ => None,
        }
    }

    fn is_due(&self, now: Now) -> bool {
        let rejected = match self.rejected {
            Rejected::No => false,
            Rejected::Yes => true,
            Rejected::Fresh { due, .. } => now.monotonic >= due,
        };
        rejected || self.due_at(now).is_some_and(|due| now.unix >= due)
    }

    /// When it is due by time. A token with a short life is due at half of it, or it would be renewed all the time.
    fn due_at(&self, now: Now) -> Option<i64> {
        let expires = self.token.expires()?;
        let since = now.monotonic.saturating_duration_since(self.set_at).as_secs() as i64;
        let life = expires.saturating_sub(now.unix).saturating_add(since);
        Some(expires - self.window.min((life / 2).max(0)))
    }

    /// `of`: the token that the ticket was made for.
    pub(crate) fn complete(&mut self, ticket: TicketId, of: &Token, response: RenewalResponse, now: Now) -> Result<()> {
        if !self.token.matches(of.bytes()) {
            return Ok(()); // the token was replaced in the meantime: ignore this response
        }
        match response {
            RenewalResponse::Renewed { token, expires } => {
                // An impossible expiry counts as unknown; a 401 will still cause a renewal.
                let expires = expires.filter(|&expires| expires > now.unix && clock::unix_seconds(expires).is_ok());
                if !self.token.matches(&token) {
                    self.replace(Token::from_secret(&token, expires), self.generation + 1, now);
                    self.delivered(now);
                } else if self.token.expires().zip(expires).is_some_and(|(old, new)| new > old) {
                    self.extend(self.token.with_expiry(expires), self.generation, now);
                    self.withdraw(ticket, None);
                } else {
                    return self.fail(ticket, Error::RenewalBadResponse, now);
                }
                Ok(())
            }
            RenewalResponse::Refused => {
                if ticket.0 <= self.settled {
                    self.withdraw(ticket, None); // the server may have received the other request first
                } else if self.holder().is_none_or(|holder| holder == ticket) {
                    self.phase = Phase::Refused;
                }
                Err(Error::RenewalRefused)
            }
            RenewalResponse::Useless => self.fail(ticket, Error::RenewalBadResponse, now),
        }
    }

    /// The request failed, and it is not known whether the platform received it.
    pub(crate) fn cancel(&mut self, ticket: TicketId, of: &Token, now: Now) {
        if self.token.matches(of.bytes()) {
            let _ = self.fail(ticket, Error::RenewalBadResponse, now);
        }
    }

    /// Starts the pause, unless this ticket lapsed and another one replaced it, or the token was extended in the meantime.
    fn fail(&mut self, ticket: TicketId, error: Error, now: Now) -> Result<()> {
        if ticket.0 <= self.settled {
            self.withdraw(ticket, None);
        } else if self.holder() == Some(ticket) {
            self.phase = Phase::Pause { until: now.monotonic + self.pause(self.failures) };
            self.failures = self.failures.saturating_add(1);
        }
        Err(error)
    }

    /// The pause after `before` others: it doubles each time, and has jitter.
    fn pause(&self, before: u32) -> Duration {
        let pause = (FIRST_PAUSE << before.min(4)).min(LONGEST_PAUSE);
        let spread = pause / 5 * (self.jitter.rotate_left(before % 8 * 8) & 0xff) / 0xff;
        Duration::from_millis(pause + spread)
    }

    /// The ticket that others wait for, or waited for until it lapsed.
    fn holder(&self) -> Option<TicketId> {
        match self.phase {
            Phase::UnderWay { ticket, .. } => Some(TicketId(ticket)),
            _ => None,
        }
    }

    fn delivered(&mut self, now: Now) {
        self.delivered_at = Some(now.monotonic);
        self.settled = self.tickets;
    }

    /// Whether the ticket should still be used. `of`: the token that it was made for.
    pub(crate) fn needs(&self, ticket: TicketId, of: &Token) -> bool {
        self.token.matches(of.bytes()) && ticket.0 > self.settled
    }

    /// The application sets another token, or another expiry of this one.
    pub(crate) fn update(&mut self, token: Token, now: Now) {
        if !self.token.matches(token.bytes()) {
            self.replace(token, self.generation + 1, now);
        } else if self.token.expires() != token.expires() {
            if token.expires() > self.token.expires() {
                self.settled = self.tickets;
            }
            if mistake!(ExpiryHasAGeneration) {
                self.generation += 1;
            }
            self.set(token, self.generation, now);
        }
        self.rejections = Rejections::default();
    }

    /// Another process of the family has this token. All processes prefer the same of two tokens, so that they agree in
    /// the end: the one with the higher generation, then the greater one, then the one with the later expiry.
    pub(crate) fn adopt(&mut self, sealed: Sealed, now: Now) -> Unsealed {
        let Sealed { generation, token } = sealed;
        if mistake!(AdoptsOlder) && generation < self.generation {
            self.replace(token, generation, now);
            return Unsealed::Adopted;
        }
        // Not in constant time: only somebody who knows the family's keys can choose what is compared.
        let newest = (self.generation, self.token.bytes(), self.token.expires());
        match (generation, token.bytes(), token.expires()).cmp(&newest) {
            Ordering::Less => Unsealed::Older,
            Ordering::Equal => Unsealed::Same,
            Ordering::Greater => {
                if self.token.matches(token.bytes()) {
                    self.extend(token, generation, now);
                } else {
                    self.replace(token, generation, now);
                    self.delivered(now);
                }
                if mistake!(AdoptionEndsTheCount) {
                    self.rejections = Rejections::default();
                }
                if mistake!(AdoptionIsNoDelivery) {
                    self.delivered_at = None;
                }
                Unsealed::Adopted
            }
        }
    }

    // --- what a family shares

    fn elsewhere(&self, now: Now) -> Option<Moment> {
        self.elsewhere.filter(|&lapses| now.monotonic < lapses && self.phase != Phase::Refused)
    }

    /// What a rejection means while another process renews.
    pub(crate) fn rejection_elsewhere(&self, sent: &[u8], now: Now) -> Rejection {
        let is_renewed = !self.token.matches(sent) || self.elsewhere(now).is_some();
        if is_renewed { Rejection::Retry } else { Rejection::Final }
    }

    /// Another process renews, or none does.
    pub(crate) fn set_elsewhere(&mut self, lapses: Option<Moment>) {
        self.elsewhere = lapses;
    }

    /// The application's token replaces the one that another process has saved, whatever its generation. Returns whether
    /// it must still be saved.
    pub(crate) fn insist(&mut self, token: &Token, saved: Sealed, now: Now) -> bool {
        if !self.token.matches(token.bytes()) {
            self.update(token.with_expiry(token.expires()), now);
        }
        if self.token.matches(saved.token.bytes()) {
            return self.adopt(saved, now) == Unsealed::Older;
        }
        #[cfg(test)]
        if saved.generation > self.generation {
            crate::planted::reach("a token of the application that outranked a later generation");
        }
        self.generation = self.generation.max(saved.generation + 1);
        true
    }

    fn delivery(&self) -> Delivery {
        (self.generation, self.token.expires().unwrap_or_default())
    }

    pub(crate) fn pauses(&self) -> Pauses {
        let until = match self.phase {
            Phase::Pause { until } => Some(until),
            _ => None,
        };
        let Rejections { count, last, counted } = self.rejections;
        Pauses {
            generation: self.generation,
            failures: self.failures,
            until,
            rejections: count,
            last_rejection: last,
            counted,
        }
    }

    /// Applies the family's pauses before a ticket is handed out. Returns whether its holder may renew now.
    pub(crate) fn join(&mut self, ticket: TicketId, family: &Pauses, now: Now) -> bool {
        if self.holder() != Some(ticket) {
            return false; // another token, in the meantime
        }
        if mistake!(PauseForEachProcess) {
            return true;
        }
        self.join_rejections(family, now);
        let is_same = family.generation == self.generation;
        self.failures = if is_same { family.failures } else { 0 };
        let longest = now.monotonic + LONGEST_FAMILY_PAUSE;
        if let Some(until) = family.until.filter(|&until| is_same && now.monotonic < until && until < longest) {
            self.phase = Phase::Pause { until };
            return false;
        }
        let is_due = self.is_due(now);
        // Its life begins now: the process may have been stopped since it was chosen.
        self.phase = if is_due {
            Phase::UnderWay { ticket: ticket.0, lapses: now.monotonic + TICKET_LIFE }
        } else {
            Phase::Idle
        };
        is_due
    }

    fn join_rejections(&mut self, family: &Pauses, now: Now) {
        // This process may have seen a later rejection than the record.
        let of_family = family.last_rejection.filter(|&last| last <= now.monotonic);
        let last = self.rejections.last.max(of_family).filter(|&last| is_recent(last, now));
        let of_family = if mistake!(NoFamilyCount) { self.rejections.count } else { family.rejections };
        let mut count = if last.is_some() { of_family } else { 0 };
        if let Rejected::Fresh { at, .. } = self.rejected {
            if last.is_none() || family.counted != self.delivery() {
                count = count.saturating_add(1);
            }
            self.rejected = Rejected::Fresh { at, due: at + self.pause(count.saturating_sub(1)) };
            self.rejections.counted = self.delivery();
        } else {
            self.rejections.counted = family.counted;
        }
        self.rejections.count = count;
        self.rejections.last = last;
    }

    /// Whether this ticket is out, and others wait for it.
    pub(crate) fn is_out(&self, ticket: TicketId) -> bool {
        self.holder() == Some(ticket)
    }

    /// Takes a ticket back that was not handed out.
    pub(crate) fn withdraw(&mut self, ticket: TicketId, elsewhere: Option<Moment>) {
        if self.holder() == Some(ticket) {
            self.phase = Phase::Idle;
            self.elsewhere = elsewhere;
        }
    }

    fn set(&mut self, token: Token, generation: u64, now: Now) {
        self.token = Arc::new(token);
        self.generation = generation;
        self.set_at = now.monotonic;
    }

    /// Sets another token, and forgets what happened to the old one, except its rejections.
    fn replace(&mut self, token: Token, generation: u64, now: Now) {
        self.set(token, generation, now);
        self.delivered_at = None;
        self.rejected = Rejected::No;
        self.phase = Phase::Idle;
        self.failures = 0;
        self.elsewhere = None;
    }

    /// This process or another one has learned that the token stays valid. An earlier rejection is cleared, or it would
    /// be renewed for ever. A ticket that is out stays out: a second one for the same token could do harm.
    fn extend(&mut self, token: Token, generation: u64, now: Now) {
        self.set(token, generation, now);
        self.rejected = Rejected::No;
        self.failures = 0;
        if self.holder().is_none() {
            self.phase = Phase::Idle;
        }
        self.delivered(now);
    }

    /// The server rejected a request with the token `sent`.
    pub(crate) fn unauthorized(&mut self, sent: &[u8], renewable: bool, now: Now) -> Rejection {
        if !self.token.matches(sent) {
            return Rejection::Retry;
        }
        if self.under_way(now).is_some() {
            if self.rejections.last.is_some_and(|last| is_recent(last, now)) {
                self.rejections.last = Some(now.monotonic);
            }
            return Rejection::Retry;
        }
        match self.phase {
            Phase::Refused => Rejection::Final,
            _ if !renewable => Rejection::Final,
            phase => {
                self.reject(now);
                let waits = matches!(phase, Phase::Pause { until } if now.monotonic < until) || !self.is_due(now);
                if waits { Rejection::Final } else { Rejection::Retry }
            }
        }
    }

    fn reject(&mut self, now: Now) {
        let recent = |at| is_recent(at, now);
        if !self.rejections.last.is_some_and(recent) {
            self.rejections.count = 0;
        }
        self.rejections.last = Some(now.monotonic);
        if !matches!(self.rejected, Rejected::No) {
            return; // marked already
        }
        self.rejected = if self.delivered_at.is_some_and(recent) {
            self.rejections.count += 1;
            self.rejections.counted = self.delivery();
            Rejected::Fresh { at: now.monotonic, due: now.monotonic + self.pause(self.rejections.count - 1) }
        } else {
            Rejected::Yes
        };
    }
}

fn is_recent(moment: Moment, now: Now) -> bool {
    now.monotonic.saturating_duration_since(moment) < REJECTION_MEMORY
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Phase, Rejection, State, TicketId, TokenState, Turn, Unsealed};
    use crate::clock::Moment;
    use crate::clock::Now;
    use crate::error::Error;
    use crate::secret::Secret;
    use crate::token::response::RenewalResponse;
    use crate::token::seal::Sealed;
    use crate::token::value::Token;

    fn token(name: &str, expires: Option<i64>) -> Token {
        Token::new(name.as_bytes(), expires).unwrap()
    }

    fn renewed(name: &str, expires: Option<i64>) -> RenewalResponse {
        RenewalResponse::Renewed { token: Secret::concat(&[name.as_bytes()]), expires }
    }

    fn sealed(generation: u64, name: &str, expires: Option<i64>) -> Sealed {
        Sealed { generation, token: token(name, expires) }
    }

    /// Virtual time: both clocks start at zero and advance together. The Unix clock can be set.
    #[derive(Clone, Copy)]
    struct Clock {
        start: Moment,
        seconds: i64,
        /// How far the Unix clock is ahead.
        ahead: i64,
    }

    impl Clock {
        fn new() -> Clock {
            Clock { start: Moment::now(), seconds: 0, ahead: 0 }
        }

        fn unix(self) -> i64 {
            self.seconds + self.ahead
        }

        fn now(self) -> Now {
            Now { unix: self.unix(), monotonic: self.start + Duration::from_secs(self.seconds as u64) }
        }

        fn at(self, seconds: i64) -> Now {
            Clock { seconds, ..self }.now()
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Poll,
        Renewed,
        Extended,
        Useless,
        Refused,
        Cancel,
        UpdateOther,
        UpdateSame,
        AdoptOther,
        AdoptSame,
        RejectCurrent,
        RejectOld,
        Pass(i64),
        SetDate(i64),
    }

    impl Event {
        fn gives_back(self) -> bool {
            matches!(self, Event::Renewed | Event::Extended | Event::Useless | Event::Refused | Event::Cancel)
        }
    }

    const EVENTS: [Event; 17] = [
        Event::Poll,
        Event::Renewed,
        Event::Extended,
        Event::Useless,
        Event::Refused,
        Event::Cancel,
        Event::UpdateOther,
        Event::UpdateSame,
        Event::AdoptOther,
        Event::AdoptSame,
        Event::RejectCurrent,
        Event::RejectOld,
        Event::Pass(6),
        Event::Pass(50),
        Event::Pass(121),
        Event::SetDate(70),
        Event::SetDate(-70),
    ];

    /// The specified behaviour, as a few independent values.
    #[derive(Clone)]
    struct Model {
        token: u32,
        generation: u64,
        expires: i64,
        set_at: i64,
        /// When a renewal, here or elsewhere, delivered or extended the token; `LONG_AGO` if the application set it.
        delivered: i64,
        /// From when on it is due because it was rejected; `NEVER` if it was not.
        rejected: i64,
        /// How many fresh tokens were rejected, and when any token was last rejected.
        rejections: u32,
        last_rejection: i64,
        /// The latest ticket at the last successful renewal or adoption.
        settled: Option<TicketId>,
        refused: bool,
        pause_ends: i64,
        failures: u32,
        /// The ticket that blocks others, and when it lapses.
        holder: Option<(TicketId, i64)>,
    }

    #[derive(Clone)]
    struct World {
        state: TokenState,
        model: Model,
        clock: Clock,
        /// Open tickets, with the number of their token.
        tickets: Vec<(TicketId, u32)>,
        latest: Option<TicketId>,
        tokens: u32,
    }

    const NEVER: i64 = i64::MAX;
    const LONG_AGO: i64 = i64::MIN / 2;

    impl World {
        fn new() -> World {
            let clock = Clock { ahead: 10_000, ..Clock::new() };
            let state = TokenState::new(token("t0", Some(clock.unix() + 100)), clock.now(), 0);
            let mut model = Model::new();
            model.set(0, clock);
            model.generation = 0;
            World { state, model, clock, tickets: Vec::new(), latest: None, tokens: 0 }
        }

        fn name(number: u32) -> String {
            format!("t{number}")
        }

        fn step(&mut self, event: Event) {
            let (clock, now, seconds) = (self.clock, self.clock.now(), self.clock.seconds);
            match event {
                Event::Pass(time) => self.clock.seconds += time,
                Event::SetDate(ahead) => self.clock.ahead += ahead,
                Event::Poll => self.poll(),
                Event::UpdateOther => {
                    self.tokens += 1;
                    self.state.update(token(&World::name(self.tokens), Some(now.unix + 100)), now);
                    self.model.set(self.tokens, clock);
                    (self.model.rejections, self.model.last_rejection) = (0, LONG_AGO);
                }
                Event::UpdateSame => {
                    self.state.update(token(&World::name(self.model.token), Some(now.unix + 200)), now);
                    if now.unix + 200 > self.model.expires {
                        self.model.settled = self.latest;
                    }
                    if self.model.expires != now.unix + 200 {
                        (self.model.expires, self.model.set_at) = (now.unix + 200, seconds);
                    }
                    (self.model.rejections, self.model.last_rejection) = (0, LONG_AGO);
                }
                Event::AdoptOther => {
                    self.tokens += 1;
                    let generation = self.model.generation + 2;
                    let sealed = sealed(generation, &World::name(self.tokens), Some(now.unix + 100));
                    assert_eq!(self.state.adopt(sealed, now), Unsealed::Adopted);
                    self.model.set(self.tokens, clock);
                    (self.model.generation, self.model.delivered, self.model.settled) =
                        (generation, seconds, self.latest);
                }
                Event::AdoptSame => {
                    let generation = self.model.generation + 1;
                    let sealed = sealed(generation, &World::name(self.model.token), Some(now.unix + 100));
                    assert_eq!(self.state.adopt(sealed, now), Unsealed::Adopted);
                    let holder = self.model.holder;
                    self.model.set(self.model.token, clock);
                    (self.model.delivered, self.model.settled, self.model.holder) = (seconds, self.latest, holder);
                }
                Event::RejectCurrent => {
                    let expected = self.model.reject(clock);
                    let sent = World::name(self.model.token);
                    assert_eq!(self.state.unauthorized(sent.as_bytes(), true, now), expected);
                }
                Event::RejectOld => {
                    assert_eq!(self.state.unauthorized(b"an older one", true, now), Rejection::Retry);
                }
                Event::Renewed | Event::Extended | Event::Refused => {
                    if !self.tickets.is_empty() {
                        let ticket = self.tickets.remove(0);
                        self.give_back(event, ticket);
                    }
                }
                Event::Useless | Event::Cancel => {
                    if let Some(ticket) = self.tickets.pop() {
                        self.give_back(event, ticket);
                    }
                }
            }
            self.check();
        }

        fn poll(&mut self) {
            let (now, seconds) = (self.clock.now(), self.clock.seconds);
            let turn = self.state.poll(true, now);
            match self.model.expected_turn(self.clock) {
                "wait" => {
                    let lapses = self.clock.at(self.model.holder.unwrap().1).monotonic;
                    assert_eq!(turn, Turn::Wait(lapses));
                }
                "renew" => {
                    let Turn::Renew(ticket) = turn else { panic!("no ticket but {turn:?}") };
                    self.model.holder = Some((ticket, seconds + 120));
                    self.latest = Some(ticket);
                    self.tickets.push((ticket, self.model.token));
                }
                _ => assert_eq!(turn, Turn::GoAhead),
            }
        }

        fn give_back(&mut self, event: Event, (ticket, of_token): (TicketId, u32)) {
            let (clock, now, seconds) = (self.clock, self.clock.now(), self.clock.seconds);
            let late = of_token != self.model.token;
            let is_holder = self.model.holder.is_some_and(|(holder, _)| holder == ticket);
            let same = World::name(of_token);
            let of = token(&same, None);
            self.tokens += 1;
            let (response, expected) = match event {
                Event::Renewed => (renewed(&World::name(self.tokens), Some(now.unix + 100)), Ok(())),
                Event::Extended => {
                    let expires = self.model.expires + 100;
                    let result = if expires > now.unix { Ok(()) } else { Err(Error::RenewalBadResponse) };
                    (renewed(&same, Some(expires)), result)
                }
                Event::Refused => (RenewalResponse::Refused, Err(Error::RenewalRefused)),
                _ => (RenewalResponse::Useless, Err(Error::RenewalBadResponse)),
            };
            if let Event::Cancel = event {
                self.state.cancel(ticket, &of, now);
            } else {
                let result = self.state.complete(ticket, &of, response, now);
                assert_eq!(result, if late { Ok(()) } else { expected });
            }
            if late {
                return;
            }
            let model = &mut self.model;
            match event {
                Event::Renewed => {
                    model.set(self.tokens, clock);
                    (model.delivered, model.settled) = (seconds, self.latest);
                }
                Event::Extended => {
                    let expires = model.expires + 100;
                    if expires > now.unix {
                        (model.expires, model.set_at) = (expires, seconds);
                        (model.rejected, model.refused, model.pause_ends, model.failures) = (NEVER, false, 0, 0);
                        (model.delivered, model.settled) = (seconds, self.latest);
                        if is_holder {
                            model.holder = None;
                        }
                    } else {
                        model.fail(ticket, seconds);
                    }
                }
                Event::Refused => {
                    // It counts unless the token was extended since, or a later ticket exists.
                    if model.is_settled(ticket) {
                        model.holder = model.holder.filter(|_| !is_holder);
                    } else if is_holder || model.holder.is_none() {
                        (model.refused, model.holder) = (true, None);
                    }
                }
                _ => model.fail(ticket, seconds),
            }
        }

        fn check(&self) {
            assert_eq!(self.state.token().value(), World::name(self.model.token), "a token was lost");
            assert_eq!(self.state.token().expires(), Some(self.model.expires));
            assert_eq!(self.state.generation(), self.model.generation);
            for (ticket, of) in &self.tickets {
                let needed = *of == self.model.token && !self.model.is_settled(*ticket);
                assert_eq!(self.state.needs(*ticket, &token(&World::name(*of), None)), needed);
            }
            let described = self.state.describe(true, self.clock.now());
            assert_eq!(described, self.model.expected_state(self.clock));
            let turn = self.state.clone().poll(true, self.clock.now());
            match described.0 {
                State::UnderWay => assert!(matches!(turn, Turn::Wait(_))),
                State::Due => assert!(matches!(turn, Turn::Renew(_))),
                _ => assert_eq!(turn, Turn::GoAhead),
            }
        }
    }

    impl Model {
        fn new() -> Model {
            Model {
                token: 0,
                generation: 0,
                expires: 0,
                set_at: 0,
                delivered: LONG_AGO,
                rejected: NEVER,
                rejections: 0,
                last_rejection: LONG_AGO,
                settled: None,
                refused: false,
                pause_ends: 0,
                failures: 0,
                holder: None,
            }
        }

        /// Another token of the next generation: everything is reset, except the rejections and `settled`.
        fn set(&mut self, token: u32, clock: Clock) {
            let Model { rejections, last_rejection, settled, .. } = *self;
            let (generation, expires, set_at) = (self.generation + 1, clock.unix() + 100, clock.seconds);
            *self = Model { token, generation, expires, set_at, rejections, last_rejection, settled, ..Model::new() };
        }

        fn is_held(&self, seconds: i64) -> bool {
            self.holder.is_some_and(|(_, lapses)| seconds < lapses)
        }

        /// Due a minute before its expiry, or at half of the life that it had when it was set.
        fn is_due(&self, clock: Clock) -> bool {
            let left = self.expires - clock.unix();
            let life = left + clock.seconds - self.set_at;
            left <= (life / 2).clamp(0, 60)
        }

        fn expected_turn(&self, clock: Clock) -> &'static str {
            let seconds = clock.seconds;
            let due = seconds >= self.rejected || self.is_due(clock);
            if self.is_held(seconds) {
                "wait"
            } else if self.refused || seconds < self.pause_ends || !due {
                "go ahead"
            } else {
                "renew"
            }
        }

        fn expected_state(&self, clock: Clock) -> (State, Option<i64>) {
            let (seconds, left) = (clock.seconds, self.expires - clock.unix());
            let life = left + seconds - self.set_at;
            let by_time = (left - (life / 2).clamp(0, 60)).max(0);
            let attempt = by_time.min(self.rejected.saturating_sub(seconds)).max(self.pause_ends - seconds);
            let (state, time) = if self.refused {
                (State::Refused, left.max(0))
            } else if self.is_held(seconds) {
                (State::UnderWay, self.holder.unwrap().1 - seconds)
            } else if by_time > 0 && self.rejected == NEVER {
                (State::Valid, by_time)
            } else if attempt > 0 {
                (State::Paused, attempt)
            } else {
                (State::Due, 0)
            };
            (state, Some(time))
        }

        fn is_settled(&self, ticket: TicketId) -> bool {
            self.settled.is_some_and(|last| ticket.0 <= last.0)
        }

        fn fail(&mut self, ticket: TicketId, seconds: i64) {
            let is_holder = self.holder.is_some_and(|(holder, _)| holder == ticket);
            if is_holder && self.is_settled(ticket) {
                self.holder = None;
            } else if is_holder {
                self.holder = None;
                self.pause_ends = seconds + [5, 10, 20, 40, 50][self.failures.min(4) as usize];
                self.failures += 1;
            }
        }

        fn reject(&mut self, clock: Clock) -> Rejection {
            let seconds = clock.seconds;
            if self.is_held(seconds) {
                if seconds - self.last_rejection < 60 {
                    self.last_rejection = seconds;
                }
                return Rejection::Retry;
            }
            if self.refused {
                return Rejection::Final;
            }
            if seconds - self.last_rejection >= 60 {
                self.rejections = 0;
            }
            self.last_rejection = seconds;
            if self.rejected == NEVER {
                self.rejected = seconds;
                if seconds - self.delivered < 60 {
                    self.rejected += [5, 10, 20, 40, 50][self.rejections.min(4) as usize];
                    self.rejections += 1;
                }
            }
            let is_due = seconds >= self.rejected || self.is_due(clock);
            if seconds < self.pause_ends || !is_due { Rejection::Final } else { Rejection::Retry }
        }
    }

    fn all_orders(world: &World, depth: u32, count: &mut u64) {
        for event in EVENTS {
            let mut next = world.clone();
            next.step(event);
            *count += 1;
            // If there is no ticket to give back, nothing has happened, and shorter orders try what follows.
            if depth > 1 && !(world.tickets.is_empty() && event.gives_back()) {
                all_orders(&next, depth - 1, count);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn every_order_of_six_events_agrees_with_the_model() {
        let mut count = 0;
        let mut due = World::new();
        due.step(Event::Pass(50)); // so that the first events have an effect
        all_orders(&due, 6, &mut count);
        assert_eq!(count, 5_627_901);
    }

    proptest! {
        #[test]
        fn long_sequences_of_events_agree_with_the_model(events in prop::collection::vec(0..EVENTS.len(), 0..200)) {
            let mut world = World::new();
            for event in events {
                world.step(EVENTS[event]);
            }
        }

        #[test]
        fn a_pause_doubles_with_jitter(jitter: u64) {
            let clock = Clock::new();
            let mut state = TokenState::new(token("t", Some(1)), clock.now(), jitter);
            let mut seconds = 1;
            for (least, most) in [(5, 6), (10, 12), (20, 24), (40, 48), (50, 60), (50, 60), (50, 60)] {
                let now = clock.at(seconds);
                let Turn::Renew(ticket) = state.poll(true, now) else { panic!("the pause is over") };
                state.cancel(ticket, &token("t", None), now);
                let Phase::Pause { until } = state.phase else { panic!("a pause must follow") };
                let pause = until - now.monotonic;
                prop_assert!((Duration::from_secs(least)..=Duration::from_secs(most)).contains(&pause), "{:?}", pause);
                seconds += most as i64;
            }
        }
    }

    #[test]
    fn a_token_that_can_not_be_renewed_tells_its_expiry() {
        let clock = Clock { ahead: 10_000, ..Clock::new() };
        for (expires, left) in [(None, None), (Some(10_100), Some(100)), (Some(9_000), Some(0))] {
            let mut state = TokenState::new(token("t", expires), clock.now(), 0);
            assert_eq!(state.describe(false, clock.now()), (State::NotRenewable, left));
            state.phase = Phase::Refused;
            assert_eq!(state.describe(true, clock.now()), (State::Refused, left));
            assert_eq!(state.describe(false, clock.now()), (State::NotRenewable, left));
        }
    }

    #[test]
    fn without_an_expiry_it_is_not_known_when_it_is_due() {
        let clock = Clock::new();
        let mut state = TokenState::new(token("t", None), clock.now(), 0);
        assert_eq!(state.describe(true, clock.now()), (State::Valid, None));
        assert_eq!(state.unauthorized(b"t", true, clock.now()), Rejection::Retry);
        assert_eq!(state.describe(true, clock.now()), (State::Due, Some(0)));
    }

    #[test]
    fn a_part_of_a_second_counts_as_one() {
        let clock = Clock::new();
        let mut state = TokenState::new(token("t", Some(1)), clock.now(), 0x80); // jitter: half a second
        let Turn::Renew(ticket) = state.poll(true, clock.at(1)) else { panic!("it is due") };
        assert_eq!(state.describe(true, clock.at(1)), (State::UnderWay, Some(120)));
        state.cancel(ticket, &token("t", None), clock.at(1));
        assert_eq!(state.describe(true, clock.at(1)), (State::Paused, Some(6)));
        assert_eq!(state.describe(true, clock.at(6)), (State::Paused, Some(1)));
        assert_eq!(state.describe(true, clock.at(7)), (State::Due, Some(0)));
    }

    #[test]
    fn jitter_spreads_the_pauses() {
        let pause = |jitter| {
            let clock = Clock::new();
            let mut state = TokenState::new(token("t", Some(1)), clock.now(), jitter);
            let Turn::Renew(ticket) = state.poll(true, clock.at(1)) else { panic!("it is due") };
            state.cancel(ticket, &token("t", None), clock.at(1));
            let Phase::Pause { until } = state.phase else { panic!("a pause must follow") };
            until - clock.at(1).monotonic
        };
        assert_eq!(pause(0), Duration::from_secs(5));
        assert_eq!(pause(0xff), Duration::from_secs(6));
        assert!(pause(0x80) > pause(0x40));
    }

    #[test]
    fn each_pause_has_its_own_jitter_bits() {
        let (clock, of) = (Clock::new(), token("t", None));
        let mut state = TokenState::new(token("t", Some(1)), clock.now(), 0xff << 56);
        let mut now = clock.at(1);
        for pause in [5, 12, 20, 40, 50, 50, 50, 50, 50, 60, 50] {
            let Turn::Renew(ticket) = state.poll(true, now) else { panic!("it is due") };
            state.cancel(ticket, &of, now);
            now.monotonic += Duration::from_millis(pause * 1000 - 1);
            assert_eq!(state.poll(true, now), Turn::GoAhead, "{pause}");
            now.monotonic += Duration::from_millis(1);
        }
    }

    #[test]
    fn due_before_the_expiry_by_the_window_or_half_the_life() {
        for (life, window, due) in
            [(1000, 60, 940), (1000, 0, 1000), (1000, 86_400, 500), (100, 60, 50), (4, 1, 3), (1, 60, 1), (121, 60, 61)]
        {
            let clock = Clock::new();
            let mut state = TokenState::new(token("t", Some(life)), clock.now(), 0);
            state.set_window(window).unwrap();
            assert_eq!(state.poll(true, clock.at(due - 1)), Turn::GoAhead, "{life} {window}");
            assert!(matches!(state.poll(true, clock.at(due)), Turn::Renew(_)), "{life} {window}");
        }
    }

    #[test]
    fn the_life_counts_from_the_moment_the_token_was_set() {
        let clock = Clock::new();
        let mut state = TokenState::new(token("t", Some(1000)), clock.at(980), 0);
        assert_eq!(state.poll(true, clock.at(989)), Turn::GoAhead);
        assert!(matches!(state.poll(true, clock.at(990)), Turn::Renew(_)));
        let mut expired = TokenState::new(token("t", Some(1000)), clock.at(2000), 0);
        assert!(matches!(expired.poll(true, clock.at(2000)), Turn::Renew(_)));
    }

    #[test]
    fn nothing_is_due_without_an_expiry_or_when_it_is_not_renewable() {
        let clock = Clock::new();
        let mut state = TokenState::new(token("t", None), clock.now(), 0);
        assert_eq!(state.poll(true, clock.at(99_999_999_999)), Turn::GoAhead);
        assert_eq!(state.unauthorized(b"t", false, clock.now()), Rejection::Final);
        assert_eq!(state.poll(true, clock.now()), Turn::GoAhead, "what can't be renewed is not marked");
        assert_eq!(state.unauthorized(b"t", true, clock.now()), Rejection::Retry);
        assert_eq!(state.poll(false, clock.now()), Turn::GoAhead);
        assert!(matches!(state.poll(true, clock.now()), Turn::Renew(_)));
    }

    #[test]
    fn the_window_is_at_most_a_day() {
        let mut state = TokenState::new(token("t", None), Clock::new().now(), 0);
        for bad in [-1, 86_401, i64::MIN, i64::MAX] {
            assert_eq!(state.set_window(bad), Err(Error::InvalidArgument));
        }
        assert_eq!(state.set_window(86_400), Ok(()));
    }

    #[test]
    fn an_impossible_expiry_counts_as_unknown() {
        for (expires, kept) in [
            (None, None),
            (Some(49), None),
            (Some(50), None),
            (Some(-1), None),
            (Some(i64::MIN), None),
            (Some(51), Some(51)),
            (Some(99_999_999_999), Some(99_999_999_999)),
            (Some(100_000_000_000), None),
            (Some(i64::MAX), None),
        ] {
            let clock = Clock::new();
            let mut state = TokenState::new(token("old", Some(50)), clock.now(), 0);
            let Turn::Renew(ticket) = state.poll(true, clock.at(50)) else { panic!() };
            assert_eq!(state.complete(ticket, &token("old", None), renewed("new", expires), clock.at(50)), Ok(()));
            assert_eq!((state.token().value(), state.token().expires()), ("new", kept), "{expires:?}");
        }
    }

    #[test]
    fn the_same_token_needs_a_later_expiry() {
        for (old, new, result) in [
            (Some(50), Some(60), Ok(())),
            (Some(500), Some(500), Err(Error::RenewalBadResponse)),
            (Some(500), Some(499), Err(Error::RenewalBadResponse)),
            (Some(50), None, Err(Error::RenewalBadResponse)),
            (None, Some(60), Err(Error::RenewalBadResponse)),
            (None, None, Err(Error::RenewalBadResponse)),
        ] {
            let clock = Clock::new();
            let mut state = TokenState::new(token("t", old), clock.now(), 0);
            state.unauthorized(b"t", true, clock.now());
            let Turn::Renew(ticket) = state.poll(true, clock.at(55)) else { panic!() };
            assert_eq!(state.complete(ticket, &token("t", None), renewed("t", new), clock.at(55)), result);
            assert_eq!(state.token().expires(), if result.is_ok() { new } else { old });
            assert_eq!(state.poll(true, clock.at(56)), Turn::GoAhead, "an extended token is not renewed for ever");
        }
    }

    #[test]
    fn a_rejection_counts_from_the_moment_that_a_ticket_lapses_or_a_pause_ends() {
        let (clock, of) = (Clock::new(), token("t", None));
        // Whether the token is marked as rejected, so that it is due although it has no expiry.
        let rejected_at = |mut state: TokenState, seconds, advice| {
            assert_eq!(state.unauthorized(b"t", true, clock.at(seconds)), advice);
            matches!(state.poll(true, clock.at(1000)), Turn::Renew(_))
        };
        let mut under_way = TokenState::new(token("t", Some(1)), clock.now(), 0);
        let Turn::Renew(ticket) = under_way.poll(true, clock.at(1)) else { panic!("it is due") };
        under_way.update(token("t", None), clock.at(1));
        assert!(!rejected_at(under_way.clone(), 120, Rejection::Retry));
        assert!(rejected_at(under_way.clone(), 121, Rejection::Retry));
        let mut pause = under_way;
        pause.cancel(ticket, &of, clock.at(1));
        assert!(rejected_at(pause.clone(), 5, Rejection::Final));
        assert!(rejected_at(pause, 6, Rejection::Retry));
    }

    #[test]
    fn the_newer_of_two_tokens_is_kept() {
        let clock = Clock::new();
        let ours = (3, "m", Some(1000));
        for ((generation, name, expires), outcome, kept) in [
            ((2, "z", Some(2000)), Unsealed::Older, ours),
            ((3, "a", Some(2000)), Unsealed::Older, ours),
            ((3, "lzz", Some(2000)), Unsealed::Older, ours),
            ((3, "m", Some(1000)), Unsealed::Same, ours),
            ((3, "m", None), Unsealed::Older, ours),
            ((3, "m", Some(999)), Unsealed::Older, ours),
            ((3, "m", Some(1001)), Unsealed::Adopted, (3, "m", Some(1001))),
            ((3, "ma", None), Unsealed::Adopted, (3, "ma", None)),
            ((4, "a", Some(1)), Unsealed::Adopted, (4, "a", Some(1))),
            ((u64::MAX >> 1, "APIV2:a", None), Unsealed::Adopted, (u64::MAX >> 1, "APIV2:a", None)),
        ] {
            let mut state = TokenState::new(token("0", None), clock.now(), 0);
            assert_eq!(state.adopt(sealed(3, "m", Some(1000)), clock.now()), Unsealed::Adopted);
            assert_eq!(state.adopt(sealed(generation, name, expires), clock.now()), outcome, "{generation} {name}");
            let (generation, name, expires) = kept;
            assert_eq!(state.generation(), generation);
            assert_eq!((state.token().value(), state.token().expires()), (name, expires));
        }
    }

    #[test]
    fn only_another_token_has_a_new_generation() {
        let clock = Clock::new();
        let mut state = TokenState::new(token("a", None), clock.now(), 0);
        for (name, expires, generation) in
            [("a", None, 0), ("a", Some(9), 0), ("b", Some(9), 1), ("b", None, 1), ("b", None, 1), ("a", None, 2)]
        {
            state.update(token(name, expires), clock.now());
            assert_eq!(state.generation(), generation, "{name} {expires:?}");
        }
    }

    #[test]
    fn adopting_ends_a_refusal_and_a_pause_but_keeps_the_rejections() {
        let (clock, a) = (Clock::new(), token("a", None));
        for response in [RenewalResponse::Refused, RenewalResponse::Useless] {
            let mut state = TokenState::new(token("a", Some(10)), clock.now(), 0);
            let Turn::Renew(ticket) = state.poll(true, clock.at(10)) else { panic!("it is due") };
            state.complete(ticket, &a, response, clock.at(10)).unwrap_err();
            assert_eq!(state.poll(true, clock.at(11)), Turn::GoAhead);
            assert_eq!(state.adopt(sealed(1, "b", None), clock.at(11)), Unsealed::Adopted);
            assert_eq!(state.describe(true, clock.at(11)), (State::Valid, None));
            // It counts as a delivery: a rejection within a minute has a pause, which grows with each adoption.
            assert_eq!(state.unauthorized(b"b", true, clock.at(12)), Rejection::Final);
            assert_eq!(state.describe(true, clock.at(12)), (State::Paused, Some(5)));
            assert_eq!(state.adopt(sealed(2, "c", None), clock.at(13)), Unsealed::Adopted);
            assert_eq!(state.unauthorized(b"c", true, clock.at(14)), Rejection::Final);
            assert_eq!(state.describe(true, clock.at(14)), (State::Paused, Some(10)));
        }
    }

    /// One process renews, and an application gives the same token another expiry in another one.
    #[test]
    fn another_expiry_never_outlives_a_renewal() {
        let (clock, old) = (Clock::new(), token("z", None));
        let mut renewer = TokenState::new(token("z", Some(10)), clock.now(), 0);
        let mut other = renewer.clone();
        let Turn::Renew(ticket) = renewer.poll(true, clock.at(10)) else { panic!("it is due") };
        assert_eq!(renewer.complete(ticket, &old, renewed("a", Some(20)), clock.at(10)), Ok(()));
        for expires in [11, 12, 13] {
            other.update(token("z", Some(expires)), clock.at(10));
        }
        assert_eq!(renewer.adopt(sealed(other.generation(), "z", Some(13)), clock.at(11)), Unsealed::Older);
        assert_eq!(other.adopt(sealed(renewer.generation(), "a", Some(20)), clock.at(11)), Unsealed::Adopted);
    }

    #[test]
    fn a_later_expiry_ends_no_ticket_but_the_need_for_it() {
        let (clock, a) = (Clock::new(), token("a", None));
        let extend = |state: &mut TokenState, by_application| {
            if by_application {
                state.update(token("a", Some(1000)), clock.at(11));
            } else {
                assert_eq!(state.adopt(sealed(0, "a", Some(1000)), clock.at(11)), Unsealed::Adopted);
            }
        };
        for by_application in [false, true] {
            let mut state = TokenState::new(token("a", Some(10)), clock.now(), 0);
            let Turn::Renew(ticket) = state.poll(true, clock.at(10)) else { panic!("it is due") };
            extend(&mut state, by_application);
            assert!(!state.needs(ticket, &a));
            assert!(matches!(state.poll(true, clock.at(11)), Turn::Wait(_)), "no second ticket");
            let mut refused = state.clone();
            state.cancel(ticket, &a, clock.at(12));
            refused.complete(ticket, &a, RenewalResponse::Refused, clock.at(12)).unwrap_err();
            for state in [&mut state, &mut refused] {
                assert_eq!(state.describe(true, clock.at(12)), (State::Valid, Some(1000 - 12 - 60)));
                assert!(matches!(state.poll(true, clock.at(940)), Turn::Renew(_)), "no pause, no refusal");
            }
        }
    }

    /// The platform has invalidated the old token, so the new one must not be lost.
    #[test]
    fn a_late_success_counts_after_another_process_has_extended_the_token() {
        let (clock, a) = (Clock::new(), token("a", None));
        let mut state = TokenState::new(token("a", Some(10)), clock.now(), 0);
        let Turn::Renew(ticket) = state.poll(true, clock.at(10)) else { panic!("it is due") };
        assert_eq!(state.adopt(sealed(7, "a", Some(100)), clock.at(11)), Unsealed::Adopted);
        assert!(!state.needs(ticket, &a));
        let mut refused = state.clone();
        assert_eq!(state.complete(ticket, &a, renewed("b", None), clock.at(12)), Ok(()));
        assert_eq!((state.token().value(), state.generation()), ("b", 8));
        let result = refused.complete(ticket, &a, RenewalResponse::Refused, clock.at(12));
        assert_eq!((result, refused.describe(true, clock.at(12)).0), (Err(Error::RenewalRefused), State::Valid));
    }

    /// One endpoint rejects every token; all others accept the current one.
    #[test]
    fn an_endpoint_that_rejects_everything_causes_few_renewals() {
        let clock = Clock::new();
        let mut state = TokenState::new(token("0", None), clock.now(), 0);
        let mut renewals = Vec::new();
        for tenth in 0..6000 {
            let mut now = clock.at(tenth / 10);
            now.monotonic += Duration::from_millis(tenth as u64 % 10 * 100);
            let sent = state.token().clone();
            let advice = state.unauthorized(sent.bytes(), true, now);
            match state.poll(true, now) {
                Turn::Renew(ticket) => {
                    assert_eq!(advice, Rejection::Retry);
                    renewals.push(tenth / 10);
                    let next = renewed(&renewals.len().to_string(), None);
                    assert_eq!(state.complete(ticket, &sent, next, now), Ok(()));
                }
                turn => assert_eq!((turn, advice), (Turn::GoAhead, Rejection::Final), "no caller waits"),
            }
        }
        assert_eq!(renewals[..5], [0, 5, 15, 35, 75], "{renewals:?}");
        assert!(renewals.windows(2).skip(4).all(|pair| pair[1] - pair[0] >= 50), "{renewals:?}");
    }

    #[test]
    fn a_pause_after_rejections_delays_no_renewal_that_is_due_by_time() {
        let (clock, of) = (Clock::new(), token("0", None));
        let mut state = TokenState::new(token("0", None), clock.now(), 0);
        state.unauthorized(b"0", true, clock.now());
        let Turn::Renew(ticket) = state.poll(true, clock.now()) else { panic!("the first rejection") };
        assert_eq!(state.complete(ticket, &of, renewed("1", Some(4)), clock.now()), Ok(()));
        assert_eq!(state.unauthorized(b"1", true, clock.now()), Rejection::Final);
        assert_eq!(state.poll(true, clock.at(1)), Turn::GoAhead);
        assert_eq!(state.unauthorized(b"1", true, clock.at(2)), Rejection::Retry);
        assert!(matches!(state.poll(true, clock.at(2)), Turn::Renew(_)), "half of its life of 4 s is over");
    }

    #[test]
    fn rejections_are_forgotten_after_a_minute_without_one_and_with_a_token_from_the_application() {
        let clock = Clock::new();
        for update in [false, true] {
            let mut state = TokenState::new(token("0", None), clock.now(), 0);
            let mut seconds = 0;
            for number in 0..4 {
                let name = number.to_string();
                state.unauthorized(name.as_bytes(), true, clock.at(seconds));
                seconds += [0, 5, 10, 20][number];
                let Turn::Renew(ticket) = state.poll(true, clock.at(seconds)) else { panic!("{number}") };
                let next = renewed(&(number + 1).to_string(), None);
                assert_eq!(state.complete(ticket, &token(&name, None), next, clock.at(seconds)), Ok(()));
            }
            if update {
                state.update(token("4", Some(10_000)), clock.at(seconds));
            }
            assert_eq!(state.unauthorized(b"4", true, clock.at(seconds)), Rejection::Final);
            let due = seconds + if update { 5 } else { 40 };
            assert_eq!(state.poll(true, clock.at(due - 1)), Turn::GoAhead);
            let Turn::Renew(ticket) = state.poll(true, clock.at(due)) else { panic!("the pause is over") };
            assert_eq!(state.complete(ticket, &token("4", None), renewed("5", None), clock.at(due)), Ok(()));
            // 59 s after its delivery, but more than a minute after the previous rejection.
            let later = due + 59;
            assert_eq!(state.unauthorized(b"5", true, clock.at(later)), Rejection::Final);
            assert_eq!(state.poll(true, clock.at(later + 4)), Turn::GoAhead);
            assert!(matches!(state.poll(true, clock.at(later + 5)), Turn::Renew(_)), "counted from the start");
        }
    }

    #[test]
    fn a_late_refusal_does_not_disable_a_token_that_another_ticket_has_extended() {
        let (clock, of) = (Clock::new(), token("t", None));
        let mut state = TokenState::new(token("t", Some(10)), clock.now(), 0);
        let Turn::Renew(first) = state.poll(true, clock.at(10)) else { panic!("it is due") };
        let Turn::Renew(second) = state.poll(true, clock.at(130)) else { panic!("the first has lapsed") };
        assert_eq!(state.complete(second, &of, renewed("t", Some(1000)), clock.at(131)), Ok(()));
        assert_eq!(state.complete(first, &of, RenewalResponse::Refused, clock.at(132)), Err(Error::RenewalRefused));
        let Turn::Renew(third) = state.poll(true, clock.at(940)) else { panic!("it must still be renewed") };
        assert_eq!(state.complete(third, &of, RenewalResponse::Refused, clock.at(941)), Err(Error::RenewalRefused));
        assert_eq!(state.poll(true, clock.at(999)), Turn::GoAhead, "this refusal counts");
    }

    #[test]
    fn a_refusal_of_a_lapsed_ticket_is_out_of_date_after_any_other_delivery() {
        let (clock, a) = (Clock::new(), token("a", None));
        let two_tickets = || {
            let mut state = TokenState::new(token("a", Some(10)), clock.now(), 0);
            let Turn::Renew(first) = state.poll(true, clock.at(10)) else { panic!("it is due") };
            let Turn::Renew(second) = state.poll(true, clock.at(130)) else { panic!("the first has lapsed") };
            (state, first, second)
        };
        // The first ticket extends the token after the second has lapsed as well.
        let (mut state, first, second) = two_tickets();
        assert_eq!(state.complete(first, &a, renewed("a", Some(1000)), clock.at(251)), Ok(()));
        assert_eq!(state.complete(second, &a, RenewalResponse::Refused, clock.at(252)), Err(Error::RenewalRefused));
        assert!(matches!(state.poll(true, clock.at(990)), Turn::Renew(_)), "not locked out");
        // Another token, then the first one again.
        let (mut state, first, second) = two_tickets();
        assert_eq!(state.complete(second, &a, renewed("b", None), clock.at(131)), Ok(()));
        state.update(token("a", Some(1000)), clock.at(132));
        assert_eq!(state.complete(first, &a, RenewalResponse::Refused, clock.at(133)), Err(Error::RenewalRefused));
        assert!(matches!(state.poll(true, clock.at(990)), Turn::Renew(_)), "not locked out");
    }

    #[test]
    fn an_abandoned_ticket_lapses_and_still_counts() {
        let clock = Clock::new();
        let mut state = TokenState::new(token("old", Some(10)), clock.now(), 0);
        let Turn::Renew(abandoned) = state.poll(true, clock.at(10)) else { panic!() };
        assert_eq!(state.poll(true, clock.at(129)), Turn::Wait(clock.at(130).monotonic));
        let Turn::Renew(second) = state.poll(true, clock.at(130)) else { panic!() };
        let old = token("old", None);
        state.cancel(abandoned, &old, clock.at(131));
        assert!(matches!(state.poll(true, clock.at(131)), Turn::Wait(_)), "the second is still under way");
        let refused = state.complete(abandoned, &old, RenewalResponse::Refused, clock.at(131));
        assert_eq!(refused, Err(Error::RenewalRefused));
        assert!(matches!(state.poll(true, clock.at(131)), Turn::Wait(_)), "the second may have the token");
        assert_eq!(state.unauthorized(b"old", true, clock.at(131)), Rejection::Retry);
        assert_eq!(state.complete(abandoned, &old, renewed("new", None), clock.at(132)), Ok(()));
        assert_eq!(state.poll(true, clock.at(132)), Turn::GoAhead);
        assert_eq!(state.complete(second, &old, RenewalResponse::Refused, clock.at(133)), Ok(()));
        assert_eq!(state.token().value(), "new");
    }
}
