//! When a token is renewed, and by whom: a state machine without threads, clocks or networking.
//!
//! The platform kills a token the moment it issues the next one. So exactly one caller renews, the others wait until
//! that is over, and whatever goes wrong, a token that may still be good is kept.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::clock::{self, Now};
use crate::error::{Error, Result};
use crate::token::response::RenewalResponse;
use crate::token::value::Token;

/// How long before its expiry a token is renewed, in seconds, if nobody says otherwise. TcEx 0.8 to 1 do the same.
const DEFAULT_WINDOW: i64 = 60;

/// After this time a ticket that was never completed blocks nobody any more.
const TICKET_LIFE: Duration = Duration::from_secs(120);

/// The pause after the first failure, and the longest one before jitter, in milliseconds.
const FIRST_PAUSE: u64 = 5_000;
const LONGEST_PAUSE: u64 = 50_000;

/// A token that is rejected so soon after its delivery is not renewed at once: the endpoint may reject every token. After
/// as long without a rejection the next one is the first again.
const REJECTION_MEMORY: Duration = Duration::from_secs(60);

/// What a caller does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Sign, with the token as it is.
    GoAhead,
    /// Renew: this caller, and nobody else.
    Renew(TicketId),
    /// Somebody else is renewing. Ask again when something has changed, or at this time at the latest.
    Wait(Moment),
}

/// What a server's "Unauthorized" means for the request that it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// Another token is there already, or can be had: poll, and send the request once more.
    Retry,
    /// There is nothing better than the token that was sent, or not yet.
    Final,
}

/// Which renewal an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TicketId(u64);

/// The token, and what has happened to it.
#[derive(Clone, Debug)]
pub(crate) struct TokenState {
    token: Arc<Token>,
    /// When this token and its expiry were set: by the clock that does not jump, and that no offset corrects.
    set_at: Moment,
    window: i64,
    /// When a renewal delivered or extended this token; `None` if the application set it.
    delivered_at: Option<Moment>,
    /// The server has refused a request with this token, so it is due whatever its expiry says.
    rejected: Rejected,
    rejections: Rejections,
    phase: Phase,
    failures: u32,
    tickets: u64,
    /// The latest ticket when a renewal delivered or extended a token: a refusal for one up to it is out of date.
    settled: u64,
    /// Random bits that spread the pauses of many handles.
    jitter: u64,
}

#[derive(Clone, Copy, Debug)]
enum Rejected {
    No,
    /// Due at once.
    Yes,
    /// Due after a pause.
    DueFrom(Moment),
}

/// Tokens that were rejected soon after their delivery, one after the other. It survives renewals: one endpoint that
/// rejects every token must not cause one renewal after the other, each of which kills a token that others use.
#[derive(Clone, Copy, Debug, Default)]
struct Rejections {
    count: u32,
    last: Option<Moment>,
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
            set_at: now.monotonic,
            window: DEFAULT_WINDOW,
            delivered_at: None,
            rejected: Rejected::No,
            rejections: Rejections::default(),
            phase: Phase::Idle,
            failures: 0,
            tickets: 0,
            settled: 0,
            jitter,
        }
    }

    pub(crate) fn token(&self) -> &Arc<Token> {
        &self.token
    }

    pub(crate) fn set_window(&mut self, seconds: i64) -> Result<()> {
        if !(0..=clock::DAY).contains(&seconds) {
            return Err(Error::InvalidArgument);
        }
        self.window = seconds;
        Ok(())
    }

    /// `renewable`: an API path is set, and this type of token can be renewed.
    pub(crate) fn poll(&mut self, renewable: bool, now: Now) -> Turn {
        match self.phase {
            Phase::UnderWay { lapses, .. } if now.monotonic < lapses => return Turn::Wait(lapses),
            Phase::Pause { until } if now.monotonic < until => return Turn::GoAhead,
            Phase::Refused => return Turn::GoAhead,
            _ if !renewable || !self.is_due(now) => return Turn::GoAhead,
            _ => {}
        }
        self.tickets += 1;
        self.phase = Phase::UnderWay { ticket: self.tickets, lapses: now.monotonic + TICKET_LIFE };
        Turn::Renew(TicketId(self.tickets))
    }

    /// A token with a short life is due at half of it, lest it be renewed all the time.
    fn is_due(&self, now: Now) -> bool {
        let rejected = match self.rejected {
            Rejected::No => false,
            Rejected::Yes => true,
            Rejected::DueFrom(due) => now.monotonic >= due,
        };
        rejected
            || self.token.expires().is_some_and(|expires| {
                let since = now.monotonic.saturating_duration_since(self.set_at).as_secs() as i64;
                let life = expires.saturating_sub(now.unix).saturating_add(since);
                now.unix >= expires - self.window.min((life / 2).max(0))
            })
    }

    /// `of`: the token that the ticket was made for.
    pub(crate) fn complete(&mut self, ticket: TicketId, of: &Token, answer: RenewalResponse, now: Now) -> Result<()> {
        if !self.token.matches(of.bytes()) {
            return Ok(()); // the token was replaced in the meantime: ignore this response
        }
        match answer {
            RenewalResponse::Renewed { token, expires } => {
                // An expiry that can't be true says nothing; a 401 will still tell.
                let expires = expires.filter(|&expires| expires > now.unix && clock::unix_seconds(expires).is_ok());
                if !self.token.matches(&token) {
                    self.replace(Token::from_secret(&token, expires), now);
                } else if self.token.expires().zip(expires).is_some_and(|(old, new)| new > old) {
                    self.extend(ticket, expires, now);
                } else {
                    return self.fail(ticket, Error::RenewalBadResponse, now);
                }
                self.delivered_at = Some(now.monotonic);
                self.settled = self.tickets;
                Ok(())
            }
            RenewalResponse::Refused => {
                // A ticket that lapsed may be refused because another one's request was there before.
                let under_way = matches!(self.phase, Phase::UnderWay { lapses, .. } if now.monotonic < lapses);
                let out_of_date = !under_way && ticket.0 <= self.settled;
                if self.holder().is_none_or(|holder| holder == ticket) && !out_of_date {
                    self.phase = Phase::Refused;
                }
                Err(Error::RenewalRefused)
            }
            RenewalResponse::Useless => self.fail(ticket, Error::RenewalBadResponse, now),
        }
    }

    /// The request failed: nobody knows whether the platform has seen it.
    pub(crate) fn cancel(&mut self, ticket: TicketId, of: &Token, now: Now) {
        if self.token.matches(of.bytes()) {
            let _ = self.fail(ticket, Error::RenewalBadResponse, now);
        }
    }

    /// Starts the pause, unless another ticket has taken over from one that had lapsed.
    fn fail(&mut self, ticket: TicketId, error: Error, now: Now) -> Result<()> {
        if self.holder() == Some(ticket) {
            self.phase = Phase::Pause { until: now.monotonic + self.pause(self.failures) };
            self.failures = self.failures.saturating_add(1);
        }
        Err(error)
    }

    /// The pause after so many others: it doubles, and has jitter.
    fn pause(&self, before: u32) -> Duration {
        let pause = (FIRST_PAUSE << before.min(4)).min(LONGEST_PAUSE);
        let spread = pause / 5 * (self.jitter.rotate_left(before % 8 * 8) & 0xff) / 0xff;
        Duration::from_millis(pause + spread)
    }

    /// Whose ticket the others wait for, or did until it lapsed.
    fn holder(&self) -> Option<TicketId> {
        match self.phase {
            Phase::UnderWay { ticket, .. } => Some(TicketId(ticket)),
            _ => None,
        }
    }

    /// The application has a token from elsewhere, or knows more about the expiry of this one.
    pub(crate) fn update(&mut self, token: Token, now: Now) {
        if self.token.matches(token.bytes()) {
            self.token = Arc::new(token);
            self.set_at = now.monotonic;
        } else {
            self.replace(token, now);
        }
        self.rejections = Rejections::default();
    }

    /// Another token: nothing that happened to the old one matters.
    fn replace(&mut self, token: Token, now: Now) {
        self.token = Arc::new(token);
        self.set_at = now.monotonic;
        self.delivered_at = None;
        self.rejected = Rejected::No;
        self.phase = Phase::Idle;
        self.failures = 0;
    }

    /// The platform stands by this token, so an earlier rejection is settled; else it would be renewed for ever.
    fn extend(&mut self, ticket: TicketId, expires: Option<i64>, now: Now) {
        self.token = Arc::new(self.token.with_expiry(expires));
        self.set_at = now.monotonic;
        self.rejected = Rejected::No;
        self.failures = 0;
        if self.holder().is_none_or(|holder| holder == ticket) {
            self.phase = Phase::Idle;
        }
    }

    /// The server answered "Unauthorized" to a request with this token.
    pub(crate) fn unauthorized(&mut self, sent: &[u8], renewable: bool, now: Now) -> Rejection {
        if !self.token.matches(sent) {
            return Rejection::Retry;
        }
        match self.phase {
            Phase::UnderWay { lapses, .. } if now.monotonic < lapses => {
                if self.rejections.last.is_some_and(|last| is_recent(last, now)) {
                    self.rejections.last = Some(now.monotonic);
                }
                Rejection::Retry
            }
            Phase::Refused => Rejection::Final,
            _ if !renewable => Rejection::Final,
            phase => {
                self.reject(now);
                let waits = matches!(phase, Phase::Pause { until } if now.monotonic < until)
                    || matches!(self.rejected, Rejected::DueFrom(due) if now.monotonic < due);
                if waits { Rejection::Final } else { Rejection::Retry }
            }
        }
    }

    /// Marks the token as rejected.
    fn reject(&mut self, now: Now) {
        let recent = |at| is_recent(at, now);
        if !self.rejections.last.is_some_and(recent) {
            self.rejections.count = 0;
        }
        self.rejections.last = Some(now.monotonic);
        if !matches!(self.rejected, Rejected::No) {
            return; // the same token again
        }
        self.rejected = if self.delivered_at.is_some_and(recent) {
            self.rejections.count += 1;
            Rejected::DueFrom(now.monotonic + self.pause(self.rejections.count - 1))
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

    use super::{Phase, Rejection, TicketId, TokenState, Turn};
    use crate::clock::Moment;
    use crate::clock::Now;
    use crate::error::Error;
    use crate::secret::Secret;
    use crate::token::response::RenewalResponse;
    use crate::token::value::Token;

    fn token(name: &str, expires: Option<i64>) -> Token {
        Token::new(name.as_bytes(), expires).unwrap()
    }

    fn renewed(name: &str, expires: Option<i64>) -> RenewalResponse {
        RenewalResponse::Renewed { token: Secret::concat(&[name.as_bytes()]), expires }
    }

    /// Virtual time: both clocks start at zero and go on together, also while the machine sleeps. The one that tells the
    /// date can be set.
    #[derive(Clone, Copy)]
    struct Clock {
        start: Moment,
        seconds: i64,
        /// How far the date is ahead.
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
        RejectCurrent,
        RejectOld,
        Pass(i64),
        SetDate(i64),
    }

    const EVENTS: [Event; 15] = [
        Event::Poll,
        Event::Renewed,
        Event::Extended,
        Event::Useless,
        Event::Refused,
        Event::Cancel,
        Event::UpdateOther,
        Event::UpdateSame,
        Event::RejectCurrent,
        Event::RejectOld,
        Event::Pass(6),
        Event::Pass(50),
        Event::Pass(121),
        Event::SetDate(70),
        Event::SetDate(-70),
    ];

    /// The contract as a few flat facts, each set where the contract says so.
    #[derive(Clone)]
    struct Model {
        token: u32,
        expires: i64,
        set_at: i64,
        /// When a renewal delivered or extended the token; long ago if the application set it.
        delivered: i64,
        /// From when on it is due because it was rejected; `NEVER` if it was not.
        rejected: i64,
        /// Fresh tokens that were rejected, and the last rejection of all.
        rejections: u32,
        last_rejection: i64,
        /// The latest ticket when a renewal delivered or extended a token.
        settled: Option<TicketId>,
        refused: bool,
        pause_ends: i64,
        failures: u32,
        /// The ticket that blocks others, and when it lapses.
        holder: Option<(TicketId, i64)>,
    }

    #[derive(Clone)]
    struct World {
        renewal: TokenState,
        model: Model,
        clock: Clock,
        /// Tickets that were handed out and not given back, with the number of their token.
        tickets: Vec<(TicketId, u32)>,
        latest: Option<TicketId>,
        tokens: u32,
    }

    const NEVER: i64 = i64::MAX;
    const LONG_AGO: i64 = i64::MIN / 2;

    impl World {
        fn new() -> World {
            let clock = Clock { ahead: 10_000, ..Clock::new() };
            let renewal = TokenState::new(token("t0", Some(clock.unix() + 100)), clock.now(), 0);
            let mut model = Model::new();
            model.set(0, clock);
            World { renewal, model, clock, tickets: Vec::new(), latest: None, tokens: 0 }
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
                    self.renewal.update(token(&World::name(self.tokens), Some(now.unix + 100)), now);
                    self.model.set(self.tokens, clock);
                    (self.model.rejections, self.model.last_rejection) = (0, LONG_AGO);
                }
                Event::UpdateSame => {
                    self.renewal.update(token(&World::name(self.model.token), Some(now.unix + 200)), now);
                    (self.model.expires, self.model.set_at) = (now.unix + 200, seconds);
                    (self.model.rejections, self.model.last_rejection) = (0, LONG_AGO);
                }
                Event::RejectCurrent => {
                    let expected = self.model.reject(seconds);
                    let sent = World::name(self.model.token);
                    assert_eq!(self.renewal.unauthorized(sent.as_bytes(), true, now), expected);
                }
                Event::RejectOld => {
                    assert_eq!(self.renewal.unauthorized(b"an older one", true, now), Rejection::Retry);
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
            let turn = self.renewal.poll(true, now);
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
            let holds = self.model.holder.is_some_and(|(holder, _)| holder == ticket);
            let same = World::name(of_token);
            let of = token(&same, None);
            self.tokens += 1;
            let (answer, expected) = match event {
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
                self.renewal.cancel(ticket, &of, now);
            } else {
                let result = self.renewal.complete(ticket, &of, answer, now);
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
                        if holds {
                            model.holder = None;
                        }
                    } else {
                        model.fail(holds, seconds);
                    }
                }
                Event::Refused => {
                    // Of a ticket that blocks nobody it counts if nothing was delivered since, and nobody else asks.
                    let old = model.settled.is_some_and(|last| ticket.0 <= last.0);
                    let counts = if model.is_held(seconds) { holds } else { !old && (holds || model.holder.is_none()) };
                    if counts {
                        (model.refused, model.holder) = (true, None);
                    }
                }
                _ => model.fail(holds, seconds),
            }
        }

        fn check(&self) {
            assert_eq!(self.renewal.token().value(), World::name(self.model.token), "a token was lost");
            assert_eq!(self.renewal.token().expires(), Some(self.model.expires));
        }
    }

    impl Model {
        fn new() -> Model {
            Model {
                token: 0,
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

        /// Another token: all is as at the start, but for the count of rejections and what earlier tickets are worth.
        fn set(&mut self, token: u32, clock: Clock) {
            let Model { rejections, last_rejection, settled, .. } = *self;
            let (expires, set_at) = (clock.unix() + 100, clock.seconds);
            *self = Model { token, expires, set_at, rejections, last_rejection, settled, ..Model::new() };
        }

        fn is_held(&self, seconds: i64) -> bool {
            self.holder.is_some_and(|(_, lapses)| seconds < lapses)
        }

        /// A minute before its end, or at half of the life that it had when it was set, by what the date is now.
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

        fn fail(&mut self, holds: bool, seconds: i64) {
            if holds {
                self.holder = None;
                self.pause_ends = seconds + [5, 10, 20, 40, 50][self.failures.min(4) as usize];
                self.failures += 1;
            }
        }

        fn reject(&mut self, seconds: i64) -> Rejection {
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
            if seconds < self.pause_ends.max(self.rejected) { Rejection::Final } else { Rejection::Retry }
        }
    }

    fn all_orders(world: &World, depth: u32, count: &mut u64) {
        for event in EVENTS {
            let mut next = world.clone();
            next.step(event);
            *count += 1;
            if depth > 1 {
                all_orders(&next, depth - 1, count);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn every_order_of_six_events_is_as_the_model_says() {
        let mut count = 0;
        let mut due = World::new();
        due.step(Event::Pass(50)); // else the first events have little to do
        all_orders(&due, 6, &mut count);
        assert_eq!(count, (1..=6).map(|depth| 15_u64.pow(depth)).sum::<u64>());
    }

    proptest! {
        #[test]
        fn long_lives_are_as_the_model_says(events in prop::collection::vec(0..EVENTS.len(), 0..200)) {
            let mut world = World::new();
            for event in events {
                world.step(EVENTS[event]);
            }
        }

        #[test]
        fn a_pause_doubles_with_jitter(jitter: u64) {
            let clock = Clock::new();
            let mut renewal = TokenState::new(token("t", Some(1)), clock.now(), jitter);
            let mut seconds = 1;
            for (least, most) in [(5, 6), (10, 12), (20, 24), (40, 48), (50, 60), (50, 60), (50, 60)] {
                let now = clock.at(seconds);
                let Turn::Renew(ticket) = renewal.poll(true, now) else { panic!("the pause is over") };
                renewal.cancel(ticket, &token("t", None), now);
                let Phase::Pause { until } = renewal.phase else { panic!("a pause must follow") };
                let pause = until - now.monotonic;
                prop_assert!((Duration::from_secs(least)..=Duration::from_secs(most)).contains(&pause), "{:?}", pause);
                seconds += most as i64;
            }
        }
    }

    #[test]
    fn jitter_spreads_the_pauses() {
        let pause = |jitter| {
            let clock = Clock::new();
            let mut renewal = TokenState::new(token("t", Some(1)), clock.now(), jitter);
            let Turn::Renew(ticket) = renewal.poll(true, clock.at(1)) else { panic!("it is due") };
            renewal.cancel(ticket, &token("t", None), clock.at(1));
            let Phase::Pause { until } = renewal.phase else { panic!("a pause must follow") };
            until - clock.at(1).monotonic
        };
        assert_eq!(pause(0), Duration::from_secs(5));
        assert_eq!(pause(0xff), Duration::from_secs(6));
        assert!(pause(0x80) > pause(0x40));
    }

    #[test]
    fn each_pause_has_bits_of_its_own() {
        let (clock, of) = (Clock::new(), token("t", None));
        let mut renewal = TokenState::new(token("t", Some(1)), clock.now(), 0xff << 56);
        let mut now = clock.at(1);
        for pause in [5, 12, 20, 40, 50, 50, 50, 50, 50, 60, 50] {
            let Turn::Renew(ticket) = renewal.poll(true, now) else { panic!("it is due") };
            renewal.cancel(ticket, &of, now);
            now.monotonic += Duration::from_millis(pause * 1000 - 1);
            assert_eq!(renewal.poll(true, now), Turn::GoAhead, "{pause}");
            now.monotonic += Duration::from_millis(1);
        }
    }

    #[test]
    fn due_before_the_expiry_by_the_window_or_half_the_life() {
        for (life, window, due) in
            [(1000, 60, 940), (1000, 0, 1000), (1000, 86_400, 500), (100, 60, 50), (4, 1, 3), (1, 60, 1), (121, 60, 61)]
        {
            let clock = Clock::new();
            let mut renewal = TokenState::new(token("t", Some(life)), clock.now(), 0);
            renewal.set_window(window).unwrap();
            assert_eq!(renewal.poll(true, clock.at(due - 1)), Turn::GoAhead, "{life} {window}");
            assert!(matches!(renewal.poll(true, clock.at(due)), Turn::Renew(_)), "{life} {window}");
        }
    }

    #[test]
    fn the_life_counts_from_the_moment_the_token_was_set() {
        let clock = Clock::new();
        let mut renewal = TokenState::new(token("t", Some(1000)), clock.at(980), 0);
        assert_eq!(renewal.poll(true, clock.at(989)), Turn::GoAhead);
        assert!(matches!(renewal.poll(true, clock.at(990)), Turn::Renew(_)));
        let mut born_dead = TokenState::new(token("t", Some(1000)), clock.at(2000), 0);
        assert!(matches!(born_dead.poll(true, clock.at(2000)), Turn::Renew(_)));
    }

    #[test]
    fn nothing_is_due_without_an_expiry_or_a_way_to_renew() {
        let clock = Clock::new();
        let mut renewal = TokenState::new(token("t", None), clock.now(), 0);
        assert_eq!(renewal.poll(true, clock.at(99_999_999_999)), Turn::GoAhead);
        assert_eq!(renewal.unauthorized(b"t", false, clock.now()), Rejection::Final);
        assert_eq!(renewal.poll(true, clock.now()), Turn::GoAhead, "what can't be renewed is not marked");
        assert_eq!(renewal.unauthorized(b"t", true, clock.now()), Rejection::Retry);
        assert_eq!(renewal.poll(false, clock.now()), Turn::GoAhead);
        assert!(matches!(renewal.poll(true, clock.now()), Turn::Renew(_)));
    }

    #[test]
    fn the_window_is_at_most_a_day() {
        let mut renewal = TokenState::new(token("t", None), Clock::new().now(), 0);
        for bad in [-1, 86_401, i64::MIN, i64::MAX] {
            assert_eq!(renewal.set_window(bad), Err(Error::InvalidArgument));
        }
        assert_eq!(renewal.set_window(86_400), Ok(()));
    }

    #[test]
    fn an_expiry_that_can_not_be_true_is_none() {
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
            let mut renewal = TokenState::new(token("old", Some(50)), clock.now(), 0);
            let Turn::Renew(ticket) = renewal.poll(true, clock.at(50)) else { panic!() };
            assert_eq!(renewal.complete(ticket, &token("old", None), renewed("new", expires), clock.at(50)), Ok(()));
            assert_eq!((renewal.token().value(), renewal.token().expires()), ("new", kept), "{expires:?}");
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
            let mut renewal = TokenState::new(token("t", old), clock.now(), 0);
            renewal.unauthorized(b"t", true, clock.now());
            let Turn::Renew(ticket) = renewal.poll(true, clock.at(55)) else { panic!() };
            assert_eq!(renewal.complete(ticket, &token("t", None), renewed("t", new), clock.at(55)), result);
            assert_eq!(renewal.token().expires(), if result.is_ok() { new } else { old });
            assert_eq!(renewal.poll(true, clock.at(56)), Turn::GoAhead, "an extended token is not renewed for ever");
        }
    }

    #[test]
    fn a_rejection_counts_from_the_moment_that_a_ticket_lapses_or_a_pause_ends() {
        let (clock, of) = (Clock::new(), token("t", None));
        // Whether the token is marked, so that it is due though it does not expire.
        let rejected_at = |mut renewal: TokenState, seconds, advice| {
            assert_eq!(renewal.unauthorized(b"t", true, clock.at(seconds)), advice);
            matches!(renewal.poll(true, clock.at(1000)), Turn::Renew(_))
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

    /// One endpoint rejects every token; all others take the current one.
    #[test]
    fn an_endpoint_that_rejects_everything_causes_few_renewals() {
        let clock = Clock::new();
        let mut renewal = TokenState::new(token("0", None), clock.now(), 0);
        let mut renewals = Vec::new();
        for tenth in 0..6000 {
            let mut now = clock.at(tenth / 10);
            now.monotonic += Duration::from_millis(tenth as u64 % 10 * 100);
            let sent = renewal.token().clone();
            let advice = renewal.unauthorized(sent.bytes(), true, now);
            match renewal.poll(true, now) {
                Turn::Renew(ticket) => {
                    assert_eq!(advice, Rejection::Retry);
                    renewals.push(tenth / 10);
                    let next = renewed(&renewals.len().to_string(), None);
                    assert_eq!(renewal.complete(ticket, &sent, next, now), Ok(()));
                }
                turn => assert_eq!((turn, advice), (Turn::GoAhead, Rejection::Final), "nobody waits"),
            }
        }
        assert_eq!(renewals[..5], [0, 5, 15, 35, 75], "{renewals:?}");
        assert!(renewals.windows(2).skip(4).all(|pair| pair[1] - pair[0] >= 50), "{renewals:?}");
    }

    #[test]
    fn a_pause_after_rejections_delays_no_renewal_that_is_due_by_time() {
        let (clock, of) = (Clock::new(), token("0", None));
        let mut renewal = TokenState::new(token("0", None), clock.now(), 0);
        renewal.unauthorized(b"0", true, clock.now());
        let Turn::Renew(ticket) = renewal.poll(true, clock.now()) else { panic!("the first rejection") };
        assert_eq!(renewal.complete(ticket, &of, renewed("1", Some(4)), clock.now()), Ok(()));
        assert_eq!(renewal.unauthorized(b"1", true, clock.now()), Rejection::Final);
        assert_eq!(renewal.poll(true, clock.at(1)), Turn::GoAhead);
        assert!(matches!(renewal.poll(true, clock.at(2)), Turn::Renew(_)), "half of its life of 4 s is over");
    }

    #[test]
    fn rejections_are_forgotten_after_a_minute_without_one_and_with_a_token_from_the_application() {
        let clock = Clock::new();
        for update in [false, true] {
            let mut renewal = TokenState::new(token("0", None), clock.now(), 0);
            let mut seconds = 0;
            for number in 0..4 {
                let name = number.to_string();
                renewal.unauthorized(name.as_bytes(), true, clock.at(seconds));
                seconds += [0, 5, 10, 20][number];
                let Turn::Renew(ticket) = renewal.poll(true, clock.at(seconds)) else { panic!("{number}") };
                let next = renewed(&(number + 1).to_string(), None);
                assert_eq!(renewal.complete(ticket, &token(&name, None), next, clock.at(seconds)), Ok(()));
            }
            if update {
                renewal.update(token("4", Some(10_000)), clock.at(seconds));
            }
            assert_eq!(renewal.unauthorized(b"4", true, clock.at(seconds)), Rejection::Final);
            let due = seconds + if update { 5 } else { 40 };
            assert_eq!(renewal.poll(true, clock.at(due - 1)), Turn::GoAhead);
            let Turn::Renew(ticket) = renewal.poll(true, clock.at(due)) else { panic!("the pause is over") };
            assert_eq!(renewal.complete(ticket, &token("4", None), renewed("5", None), clock.at(due)), Ok(()));
            // 59 s after its delivery, but more than a minute after the rejection before.
            let later = due + 59;
            assert_eq!(renewal.unauthorized(b"5", true, clock.at(later)), Rejection::Final);
            assert_eq!(renewal.poll(true, clock.at(later + 4)), Turn::GoAhead);
            assert!(matches!(renewal.poll(true, clock.at(later + 5)), Turn::Renew(_)), "counted from the start");
        }
    }

    #[test]
    fn a_late_refusal_does_not_disable_a_token_that_another_ticket_has_extended() {
        let (clock, of) = (Clock::new(), token("t", None));
        let mut renewal = TokenState::new(token("t", Some(10)), clock.now(), 0);
        let Turn::Renew(first) = renewal.poll(true, clock.at(10)) else { panic!("it is due") };
        let Turn::Renew(second) = renewal.poll(true, clock.at(130)) else { panic!("the first has lapsed") };
        assert_eq!(renewal.complete(second, &of, renewed("t", Some(1000)), clock.at(131)), Ok(()));
        assert_eq!(renewal.complete(first, &of, RenewalResponse::Refused, clock.at(132)), Err(Error::RenewalRefused));
        let Turn::Renew(third) = renewal.poll(true, clock.at(940)) else { panic!("it must still be renewed") };
        assert_eq!(renewal.complete(third, &of, RenewalResponse::Refused, clock.at(941)), Err(Error::RenewalRefused));
        assert_eq!(renewal.poll(true, clock.at(999)), Turn::GoAhead, "this refusal counts");
    }

    #[test]
    fn a_refusal_of_a_lapsed_ticket_is_out_of_date_after_any_other_delivery() {
        let (clock, a) = (Clock::new(), token("a", None));
        let two_tickets = || {
            let mut renewal = TokenState::new(token("a", Some(10)), clock.now(), 0);
            let Turn::Renew(first) = renewal.poll(true, clock.at(10)) else { panic!("it is due") };
            let Turn::Renew(second) = renewal.poll(true, clock.at(130)) else { panic!("the first has lapsed") };
            (renewal, first, second)
        };
        // The first ticket extends after the second has lapsed, too.
        let (mut renewal, first, second) = two_tickets();
        assert_eq!(renewal.complete(first, &a, renewed("a", Some(1000)), clock.at(251)), Ok(()));
        assert_eq!(renewal.complete(second, &a, RenewalResponse::Refused, clock.at(252)), Err(Error::RenewalRefused));
        assert!(matches!(renewal.poll(true, clock.at(990)), Turn::Renew(_)), "not locked out");
        // The same token comes back after another one.
        let (mut renewal, first, second) = two_tickets();
        assert_eq!(renewal.complete(second, &a, renewed("b", None), clock.at(131)), Ok(()));
        renewal.update(token("a", Some(1000)), clock.at(132));
        assert_eq!(renewal.complete(first, &a, RenewalResponse::Refused, clock.at(133)), Err(Error::RenewalRefused));
        assert!(matches!(renewal.poll(true, clock.at(990)), Turn::Renew(_)), "not locked out");
    }

    #[test]
    fn an_abandoned_ticket_lapses_and_still_counts() {
        let clock = Clock::new();
        let mut renewal = TokenState::new(token("old", Some(10)), clock.now(), 0);
        let Turn::Renew(abandoned) = renewal.poll(true, clock.at(10)) else { panic!() };
        assert_eq!(renewal.poll(true, clock.at(129)), Turn::Wait(clock.at(130).monotonic));
        let Turn::Renew(second) = renewal.poll(true, clock.at(130)) else { panic!() };
        let old = token("old", None);
        renewal.cancel(abandoned, &old, clock.at(131));
        assert!(matches!(renewal.poll(true, clock.at(131)), Turn::Wait(_)), "the second is still under way");
        let refused = renewal.complete(abandoned, &old, RenewalResponse::Refused, clock.at(131));
        assert_eq!(refused, Err(Error::RenewalRefused));
        assert!(matches!(renewal.poll(true, clock.at(131)), Turn::Wait(_)), "the second may have the token");
        assert_eq!(renewal.unauthorized(b"old", true, clock.at(131)), Rejection::Retry);
        assert_eq!(renewal.complete(abandoned, &old, renewed("new", None), clock.at(132)), Ok(()));
        assert_eq!(renewal.poll(true, clock.at(132)), Turn::GoAhead);
        assert_eq!(renewal.complete(second, &old, RenewalResponse::Refused, clock.at(133)), Ok(()));
        assert_eq!(renewal.token().value(), "new");
    }
}
