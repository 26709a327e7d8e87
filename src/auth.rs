//! One identity: its credential, its API path and its clock offset.

use std::ffi::CStr;
use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use once_cell::race::OnceBox;

use crate::ascii::is_visible;
use crate::clock::{self, ClockOffset, Now};
use crate::error::{Error, Result};
use crate::request::api_path::ApiPath;
use crate::request::builder::Url;
use crate::request::target::Uri;
use crate::review::{Advice, Objection, Response};
use crate::secret::residue::{cleared, wiped};
use crate::sign::headers::{Authorization, HeaderList};
use crate::sign::verify::{self, Window};
use crate::sign::{self, Method, MethodBuffer, Signer, StringToSign};
use crate::token::directory;
#[cfg(test)]
use crate::token::directory::Directory;
use crate::token::family::Family;
use crate::token::shared::SharedToken;
use crate::token::{self, Keys, Rejection, State, Ticket, Token, Unsealed};

/// Stack bytes used at most to compute and compare a signature.
const VERIFY_STACK: usize = 2 << 10;

/// Stack bytes used at most to read a refusal.
const REVIEW_STACK: usize = 4 << 10;

/// One identity at one ThreatConnect instance. Create it once and share it between threads; it returns the headers of
/// each request. Only [`Auth::poll`] waits for other threads.
pub struct Auth {
    credential: Credential,
    /// Set at most once, so readers need no lock, which another thread could hold during fork().
    api_path: OnceBox<ApiPath>,
    clock_offset: ClockOffset,
    source: Source,
}

/// The kind of credential of an [`Auth`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An access id and a secret key, which sign every request.
    Hmac,
    /// An API token.
    Token,
}

/// Where a handle got its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Caller,
    Json,
    Arguments,
    ParamFile,
    Environment,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Caller => "caller",
            Source::Json => "JSON",
            Source::Arguments => "arguments",
            Source::ParamFile => "parameter file",
            Source::Environment => "environment",
        })
    }
}

enum Credential {
    Hmac(Box<Signer>),
    Token(Shared),
}

/// The identity's part of a token, which its ticket may outlive.
struct Shared(Arc<SharedToken>);

impl Deref for Shared {
    type Target = Arc<SharedToken>;

    fn deref(&self) -> &Arc<SharedToken> {
        &self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Room for the parts of a string to sign that are not in the caller's arguments.
#[derive(Default)]
pub(crate) struct Texts {
    method: MethodBuffer,
    timestamp: itoa::Buffer,
}

impl Auth {
    /// An identity that signs with HMAC-SHA256.
    ///
    /// # Errors
    /// [`Error::InvalidAccessId`] unless the id is visible ASCII; [`Error::InvalidSecretKey`] if the key is empty,
    /// contains a control character or begins with a byte order mark.
    pub fn new_hmac(access_id: impl AsRef<[u8]>, secret_key: impl AsRef<[u8]>) -> Result<Auth> {
        Ok(Auth::new(Credential::Hmac(Signer::new(access_id.as_ref(), secret_key.as_ref())?)))
    }

    /// An identity that uses an API token. `expires` is in Unix seconds, or `None` if unknown; `now` is needed to
    /// compute how long the token is still valid.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] unless the token is visible ASCII; [`Error::InvalidTime`].
    pub fn new_token(token: impl AsRef<[u8]>, expires: Option<i64>, now: Now) -> Result<Auth> {
        let shared = SharedToken::new(Token::new(token.as_ref(), expires)?, now);
        Ok(Auth::new(Credential::Token(Shared(shared))))
    }

    fn new(credential: Credential) -> Auth {
        Auth { credential, api_path: OnceBox::new(), clock_offset: ClockOffset::default(), source: Source::Caller }
    }

    pub(crate) fn with_source(self, source: Source) -> Auth {
        Auth { source, ..self }
    }

    /// Which kind of credential this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.credential {
            Credential::Hmac(_) => Kind::Hmac,
            Credential::Token(_) => Kind::Token,
        }
    }

    /// One line for a log. It contains no part of a secret key or a token, and not their length.
    #[must_use]
    pub fn describe(&self) -> String {
        let credential = match &self.credential {
            Credential::Hmac(signer) => format!("HMAC; access id {}", signer.access_id()),
            Credential::Token(shared) => match shared.current().expires() {
                Some(expires) => format!("token; expires {expires}"),
                None => "token; no expiry".to_owned(),
            },
        };
        let api_path = self.api_path.get().map_or("not set", ApiPath::as_str);
        format!("{credential}; source {}; api path {api_path}", self.source)
    }

    /// The headers for one request at `unix_time`, which also decides whether the token has expired. Reads no clock.
    ///
    /// # Errors
    /// [`Error::InvalidMethod`], [`Error::InvalidUriForm`], [`Error::InvalidUriByte`], [`Error::InvalidTime`],
    /// [`Error::OtherOrigin`], [`Error::TokenExpired`].
    pub fn headers(&self, method: impl AsRef<[u8]>, uri: impl AsRef<[u8]>, unix_time: i64) -> Result<HeaderList> {
        let mut texts = Texts::default();
        cleared(|| Ok(HeaderList::new(&self.authorize(method.as_ref(), uri.as_ref(), unix_time, &mut texts)?)))
    }

    /// Like [`Auth::headers`], but without a list: allocates nothing and takes no lock. The caller must clear the
    /// registers.
    #[inline(always)]
    pub(crate) fn authorize<'a>(
        &'a self,
        method: &[u8],
        uri: &'a [u8],
        unix_time: i64,
        texts: &'a mut Texts,
    ) -> Result<Authorization<'a>> {
        let (method, target) = (Method::parse(method, &mut texts.method)?, self.uri(uri)?.target);
        let timestamp = clock::unix_seconds(unix_time)?;
        match &self.credential {
            Credential::Hmac(signer) => {
                let text = StringToSign::new(target, method, texts.timestamp.format(timestamp).as_bytes());
                Ok(Authorization::Signed { signer, text, timestamp })
            }
            Credential::Token(shared) => {
                let token = shared.current();
                token.check_expiry(unix_time)?;
                Ok(Authorization::Token(token))
            }
        }
    }

    /// Checks the headers of a request that was received, as a server does.
    ///
    /// `timestamp` is the value of the Timestamp header, which is ignored with a token. It may differ from `unix_time`
    /// by `tolerance` seconds, at most a day; ThreatConnect itself allows 300.
    ///
    /// # Errors
    /// For the other arguments: those of [`Auth::headers`], and [`Error::InvalidArgument`] for the tolerance. A fragment is
    /// [`Error::InvalidUriForm`]. It is not signed, but some servers read it as a part of the path or the query. For the
    /// headers, in this order: [`Error::MalformedAuthorization`], [`Error::SignatureMismatch`],
    /// [`Error::TimestampOutOfRange`] or [`Error::TokenExpired`].
    pub fn verify(
        &self,
        method: impl AsRef<[u8]>,
        uri: impl AsRef<[u8]>,
        authorization: Option<&[u8]>,
        timestamp: Option<&[u8]>,
        unix_time: i64,
        tolerance: i64,
    ) -> Result<()> {
        let mut buffer = None;
        let (method, uri) = (Method::parse(method.as_ref(), &mut buffer)?, self.uri(uri.as_ref())?);
        if uri.has_fragment {
            return Err(Error::InvalidUriForm);
        }
        let window = Window::new(unix_time, tolerance)?;
        let authorization = authorization.ok_or(Error::MalformedAuthorization)?;
        match &self.credential {
            Credential::Hmac(signer) => {
                let timestamp = timestamp.ok_or(Error::MalformedAuthorization)?;
                let text = StringToSign::new(uri.target, method, timestamp);
                // If the signature that was sent is wrong, the right one is a secret.
                wiped::<VERIFY_STACK, _>(|| verify::signature(signer, &text, authorization, &window))
            }
            Credential::Token(shared) => cleared(|| verify::token(&shared.current(), authorization, &window)),
        }
    }

    /// Fails if the URI has another origin than the API path.
    #[inline(always)]
    fn uri<'a>(&self, uri: &'a [u8]) -> Result<Uri<'a>> {
        let uri = Uri::parse(uri)?;
        if let (Some(origin), Some(api_path)) = (uri.origin, self.api_path.get()) {
            api_path.check_origin(origin)?;
        }
        Ok(uri)
    }

    /// Replaces the token at once, for all threads, also during a renewal. The old token is wiped when no call reads it
    /// any more. The same token with another expiry only changes the expiry.
    ///
    /// # Errors
    /// Those of [`Auth::new_token`]; [`Error::WrongKind`] on an HMAC identity. The old token then stays.
    pub fn update_token(&self, token: impl AsRef<[u8]>, expires: Option<i64>, now: Now) -> Result<()> {
        let shared = self.shared()?;
        shared.update(Token::new(token.as_ref(), expires)?, self.correct(now))
    }

    /// The current token with its expiry.
    ///
    /// # Errors
    /// [`Error::WrongKind`] on an HMAC identity.
    pub fn token(&self) -> Result<Arc<Token>> {
        Ok(Guard::into_inner(self.shared()?.current()))
    }

    fn shared(&self) -> Result<&Arc<SharedToken>> {
        match &self.credential {
            Credential::Hmac(_) => Err(Error::WrongKind),
            Credential::Token(shared) => Ok(shared),
        }
    }

    /// Sets how many seconds before its expiry the token is renewed: 0 to 86400; 60 by default. A token with a short
    /// life is renewed at half of it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`]; [`Error::WrongKind`] on an HMAC identity.
    pub fn set_renewal_window(&self, seconds: i64) -> Result<()> {
        self.shared()?.set_window(seconds)
    }

    /// The renewal window in seconds.
    ///
    /// # Errors
    /// [`Error::WrongKind`] on an HMAC identity.
    pub fn renewal_window(&self) -> Result<i64> {
        self.shared()?.window()
    }

    /// The state of the token, for event loops, health checks and messages, and a time in seconds. `Valid`: until it is
    /// due. `UnderWay`: until the ticket lapses. `Paused`: until the next attempt. `Refused` and `NotRenewable`: until the
    /// expiry. Otherwise 0. `None`: that is not known.
    ///
    /// # Errors
    /// [`Error::RenewalTimeout`] in a forked child, if a thread of the parent was changing the token.
    pub fn token_state(&self, now: Now) -> Result<(State, Option<i64>)> {
        match &self.credential {
            Credential::Hmac(_) => Ok((State::None, Some(0))),
            Credential::Token(shared) => shared.state(self.api_path.get().is_some(), self.correct(now)),
        }
    }

    /// Call it before each request. `None`: go ahead and sign. A ticket: only this caller renews the token: GET the
    /// ticket's URL, then complete the ticket. While another caller renews, the call waits for at most `max_wait`.
    /// `clock` reads this machine's clocks; the clock offset is added to the result.
    ///
    /// # Errors
    /// [`Error::RenewalTimeout`] if the other caller's renewal takes longer.
    pub fn poll(&self, max_wait: Duration, clock: impl Fn() -> Now) -> Result<Option<Ticket>> {
        match &self.credential {
            Credential::Hmac(_) => Ok(None),
            Credential::Token(shared) => shared.poll(max_wait, self.api_path.get(), || self.correct(clock())),
        }
    }

    /// The name of the family: all processes that started with the same token. 32 hexadecimal digits, for the place
    /// where they store the newest token, and for its lock. It stays the same when the token changes.
    ///
    /// # Errors
    /// [`Error::WrongKind`] on an HMAC identity.
    pub fn family(&self) -> Result<&str> {
        Ok(self.shared()?.family().name())
    }

    /// Encrypts the current token and its expiry, for the other processes of the family. Equal inputs give equal texts.
    ///
    /// `key`: 1 to 4 keys, one per line. The first one seals, each of them unseals. Without a key, anyone who knows the
    /// family's first token, even if it is not valid any more, can read the current one.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for the key; [`Error::SealInvalid`] if the token is longer than 65,528 bytes or was
    /// changed 2^63 times; [`Error::WrongKind`] on an HMAC identity.
    pub fn seal(&self, key: Option<&[u8]>) -> Result<String> {
        self.shared()?.seal(&Keys::parse(key)?)
    }

    /// Compares the token that another process has sealed with the current one, and uses it if it is newer.
    ///
    /// # Errors
    /// [`Error::SealInvalid`] if the text was sealed with another key or in another family, or was changed;
    /// [`Error::SealVersion`]; [`Error::InvalidArgument`] for the key; [`Error::WrongKind`] on an HMAC identity.
    pub fn unseal(&self, sealed: impl AsRef<[u8]>, key: Option<&[u8]>, now: Now) -> Result<Unsealed> {
        self.shared()?.unseal(sealed.as_ref(), &Keys::parse(key)?, self.correct(now))
    }

    /// Shares the token with all processes of the family that use this directory, once per identity and before other
    /// threads use it. Reads the family's token file there, and creates it if there is none. From then on
    /// [`Auth::poll`] uses what another process has saved, and at most one process has a ticket;
    /// [`Ticket::complete`] and [`Auth::update_token`] save the token, and wait for the disk.
    ///
    /// The directory must exist. `tc_auth_share_in` in the header says what it needs. `key`: as in [`Auth::seal`].
    ///
    /// # Errors
    /// [`Error::AlreadySet`]; [`Error::InvalidArgument`] for the key; [`Error::StoreIo`] for the directory or a file in it;
    /// [`Error::SealInvalid`] or [`Error::SealVersion`] if the token file can't be unsealed; [`Error::WrongKind`] on an HMAC
    /// identity. The identity then stays as it was, and this may be called again.
    pub fn share_in(&self, directory: impl AsRef<Path>, key: Option<&[u8]>, now: Now) -> Result<()> {
        let open = |family: &Family| directory::open(directory.as_ref(), family.name());
        self.shared()?.share(open, Keys::parse(key)?, self.correct(now))
    }

    /// The same with files that exist only in the simulation.
    #[cfg(test)]
    pub(crate) fn share(&self, directory: Box<dyn Directory>, key: Option<&[u8]>, now: Now) -> Result<()> {
        self.shared()?.share(|_| Ok(directory), Keys::parse(key)?, self.correct(now))
    }

    /// Whether the file of the family has the token, as far as this handle knows.
    #[cfg(test)]
    pub(crate) fn is_saved(&self) -> bool {
        self.shared().is_ok_and(|shared| shared.is_saved())
    }

    /// How often the token was changed in the family.
    #[cfg(test)]
    pub(crate) fn generation(&self) -> u64 {
        self.shared().and_then(|shared| shared.generation()).unwrap_or(0)
    }

    /// Says what a response means for the authorization. Marks a rejected token, so that the next poll renews it, and
    /// corrects the clock offset if the server rejected the timestamp.
    ///
    /// `sent_authorization` and `sent_timestamp` are the values that were sent; with a token, the timestamp is ignored.
    ///
    /// # Errors
    /// [`Error::MalformedAuthorization`] if what was sent does not begin with this identity's scheme;
    /// [`Error::InvalidTime`] if the timestamp is needed and not valid.
    pub fn review(
        &self,
        sent_authorization: impl AsRef<[u8]>,
        sent_timestamp: i64,
        response: &Response,
        now: Now,
    ) -> Result<Advice> {
        let scheme = match self.kind() {
            Kind::Hmac => sign::SCHEME,
            Kind::Token => token::SCHEME,
        };
        let sent = sent_authorization.as_ref().strip_prefix(scheme).filter(|sent| is_visible(sent));
        let sent = sent.ok_or(Error::MalformedAuthorization)?;
        if !response.is_refusal() {
            return Ok(Advice::Accepted);
        }
        // A refusal may contain the token.
        wiped::<REVIEW_STACK, _>(|| self.judge(sent, sent_timestamp, response, now))
    }

    fn judge(&self, sent: &[u8], sent_timestamp: i64, response: &Response, now: Now) -> Result<Advice> {
        match (response.objection(), &self.credential) {
            (Some(Objection::Signature), _) => Ok(Advice::BadSignature),
            (Some(Objection::AccessDenied), _) => Ok(Advice::AccessDenied),
            (Some(Objection::NotLicensed), _) => Ok(Advice::NotLicensed),
            (Some(Objection::Timestamp), Credential::Hmac(_)) => self.correct_clock(sent_timestamp, response, now),
            (Some(Objection::Timestamp | Objection::InvalidTimestamp), _) => Ok(Advice::ClockSkew),
            (Some(Objection::Unauthorized), Credential::Token(shared)) => self.unauthorized(shared, sent, now),
            (None, Credential::Token(shared)) if response.status == 401 => self.unauthorized(shared, sent, now),
            (None, _) if response.status == 400 => Ok(Advice::Accepted), // a bad request, not a bad authorization
            _ => Ok(Advice::Unknown),
        }
    }

    fn unauthorized(&self, shared: &SharedToken, sent: &[u8], now: Now) -> Result<Advice> {
        let rejection = shared.unauthorized(sent, self.api_path.get().is_some(), self.correct(now))?;
        Ok(match rejection {
            Rejection::Retry => Advice::Retry,
            Rejection::Final => Advice::TokenRejected,
        })
    }

    fn correct_clock(&self, sent_timestamp: i64, response: &Response, now: Now) -> Result<Advice> {
        let sent = clock::unix_seconds(sent_timestamp)?;
        loop {
            let offset = self.clock_offset.get();
            let Some(corrected) = response.corrected_offset(sent, now.unix, offset) else {
                return Ok(Advice::ClockSkew);
            };
            match self.clock_offset.replace(offset, corrected) {
                Ok(true) => return Ok(Advice::Retry),
                Ok(false) => {} // another thread changed the offset, perhaps to the right one: check again
                Err(_) => return Ok(Advice::ClockSkew),
            }
        }
    }

    /// Adds the clock offset.
    fn correct(&self, now: Now) -> Now {
        now.corrected(self.clock_offset())
    }

    /// Sets the URL of the platform's API, such as `https://company.example/api`, once. From then on, URLs of another
    /// origin are refused, and [`Auth::url`] can join paths to it.
    ///
    /// # Errors
    /// [`Error::InvalidUriForm`] unless it is an absolute `http` or `https` URL without user, query and fragment;
    /// [`Error::InvalidUriByte`]; [`Error::AlreadySet`].
    pub fn set_api_path(&self, api_path: impl AsRef<[u8]>) -> Result<()> {
        let api_path = ApiPath::parse(api_path.as_ref())?;
        self.api_path.set(Box::new(api_path)).map_err(|_| Error::AlreadySet)
    }

    /// The API path, without a `/` at its end; `None` if it is not set.
    #[must_use]
    pub fn api_path(&self) -> Option<&str> {
        self.api_path.get().map(ApiPath::as_str)
    }

    pub(crate) fn api_path_as_c_str(&self) -> Option<&CStr> {
        self.api_path.get().map(ApiPath::as_c_str)
    }

    /// Starts a URL by joining a path such as `/v2/owners` to the API path.
    ///
    /// # Errors
    /// [`Error::ApiPathMissing`]; [`Error::InvalidUriByte`]; [`Error::InvalidUriForm`] if the path does not begin
    /// with exactly one `/` or has a fragment.
    pub fn url(&self, path: impl AsRef<[u8]>) -> Result<Url> {
        Url::join(self.api_path.get().ok_or(Error::ApiPathMissing)?, path.as_ref())
    }

    /// Sets the number of seconds to add to this machine's clock to get the server's time.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it is more than a day.
    pub fn set_clock_offset(&self, seconds: i64) -> Result<()> {
        self.clock_offset.set(seconds)
    }

    /// The clock offset in seconds, as set or corrected; 0 by default.
    #[must_use]
    pub fn clock_offset(&self) -> i64 {
        self.clock_offset.get()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Auth({})", self.describe())
    }
}

/// The string that is signed, to compare with another implementation: `<request target>:<METHOD>:<Unix seconds>`.
///
/// # Errors
/// [`Error::InvalidMethod`], [`Error::InvalidUriForm`], [`Error::InvalidUriByte`], [`Error::InvalidTime`].
pub fn string_to_sign(method: impl AsRef<[u8]>, uri: impl AsRef<[u8]>, unix_time: i64) -> Result<String> {
    let mut buffer = None;
    let method = Method::parse(method.as_ref(), &mut buffer)?;
    let uri = Uri::parse(uri.as_ref())?;
    let mut digits = itoa::Buffer::new();
    let timestamp = digits.format(clock::unix_seconds(unix_time)?).as_bytes();
    Ok(StringToSign::new(uri.target, method, timestamp).to_text())
}
