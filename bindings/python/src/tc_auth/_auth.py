"""One identity: an access id with its secret key, or an API token."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Sequence
from ctypes import byref, c_int32, c_int64, c_size_t, c_void_p
from threading import TIMEOUT_MAX, Lock, RLock, current_thread, main_thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, NoReturn, TypeVar
from weakref import WeakSet

from . import _border, _library, _renewal, _url
from ._border import Arguments, Body, Secret
from ._changes import Changes, fingerprint, lookout_pause
from ._renewal import Renewal, Ticket
from ._status import Advice, Closed, Forked, Kind, State, Status, TcAuthError, Unsealed, check, error_for
from ._values import Headers, Token, TokenState

if TYPE_CHECKING:
    from datetime import datetime

_quick = _library.quick
_HMAC = Kind.HMAC
_NULL_ARGUMENT = Status.NULL_ARGUMENT.value
_header_block = _library.unchecked(_quick, "tc_auth_header_block")
_polls = {functions: _library.unchecked(functions, "tc_auth_renewal_poll") for functions in (_quick, _library.waiting)}
_NO_WAIT = c_int64(0)

# Buffers for headers, each used by one call at a time. There is none per thread, because a signal handler and a
# finalizer can sign a request in the middle of another call in the same thread.
_BUFFER_SIZE = 1024
_SIZE = c_size_t(_BUFFER_SIZE)
_ZEROS = bytes(_BUFFER_SIZE)
_buffers: list[tuple[bytearray, Any, memoryview]] = []

# Tickets for the next poll, because most polls give none.
_no_tickets: list[Ticket] = []

_CR = ord("\r")
_METHODS = {method: method.encode() for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")}

# How many bytes of a body review() reads.
REVIEW_LIMIT = 64 << 10

# On Windows, Ctrl-C does not end a wait of the main thread.
_LONGEST_WAIT_ON_WINDOWS = 0.1

_Result = TypeVar("_Result")

# A child after fork() must not use the tokens of its parent.
_auths: WeakSet[Auth] = WeakSet()


class _Handle(c_void_p):
    """A tc_auth. It is freed with this object, which running calls keep alive."""

    free: Any = _quick.tc_auth_free

    def __del__(self) -> None:
        if self:
            self.free(self)
            self.value = None


class _Origin:
    """What a forked child needs to make a handle of its own: kept only after share_in(), and wiped with the Auth."""

    __slots__ = ("api_path", "directory", "expires", "key", "lock", "token")

    def __init__(self, token: bytearray, expires: int, api_path: bytes | None, directory: bytes) -> None:
        self.token = token
        self.expires = expires
        self.api_path = api_path
        self.directory = directory
        self.key: bytearray | None = None
        self.lock = RLock()

    def make_handle(self, clock_offset: int | None, renewal_window: int | None) -> _Handle:
        """A handle of the same family, with its current token."""
        functions, handle = _library.waiting, _Handle()
        handle.free = functions.tc_auth_free
        check(functions.tc_auth_new_token(_border.pointer(self.token), self.expires, byref(handle)))
        if self.api_path is not None:
            check(functions.tc_auth_set_api_path(handle, self.api_path))
        if clock_offset is not None:
            check(functions.tc_auth_set_clock_offset(handle, clock_offset))
        if renewal_window is not None:
            check(functions.tc_auth_set_renewal_window(handle, renewal_window))
        key = None if self.key is None else _border.pointer(self.key)
        check(functions.tc_auth_share_in(handle, self.directory, key))
        return handle

    def wipe(self, wipe: Callable[[bytearray], None] = _border.wipe) -> None:  # _border is gone when the program ends
        wipe(self.token)
        if self.key is not None:
            wipe(self.key)

    def __del__(self) -> None:
        self.wipe()


class _Change:
    """A call that gives the Auth a token of this process. `done` says that it did."""

    __slots__ = ("_auth", "done")

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self.done = False

    def __enter__(self) -> _Change:
        self._auth._changes.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.done:
            self._auth._has_changed = True
        self._auth._changes.end(self._auth._fingerprint() if self.done else None)


class Auth:
    """One identity: an access id with its secret key, or an API token.

    Make it once and share it: any number of threads may call its methods at the same time, including close(). Running
    calls finish, and later calls raise Closed. repr() and str() are one line without a secret. An Auth can't be copied
    or pickled.
    """

    __slots__ = (
        "__weakref__", "_changes", "_clock_offset", "_forked", "_functions", "_handle", "_has_changed", "_kind",
        "_origin", "_renewal_window", "why",
    )  # fmt: skip

    why: str | None
    """What Auth.discover() found, without secrets; None if the Auth was made in another way."""

    _handle: _Handle | None
    _functions: Any  # how C is called where it can wait for a file after share_in()
    _kind: Kind
    _changes: Changes
    _origin: _Origin | None
    _forked: bool  # the handle belonged to the parent process
    _has_changed: bool  # the token is no longer the family's first one
    _renewal_window: int | None
    _clock_offset: int | None

    def __init__(self) -> None:
        raise TypeError("use Auth.hmac(), Auth.token(), Auth.discover() or another class method")

    @classmethod
    def _made(cls, status: int, handle: _Handle, why: str | None = None) -> Auth:
        check(status, why)
        auth = cls.__new__(cls)
        auth._handle = handle
        auth._functions = _quick
        auth._kind = Kind(_quick.tc_auth_get_kind(handle))
        auth._origin = auth._renewal_window = auth._clock_offset = None
        auth._forked = auth._has_changed = False
        auth._changes = Changes(auth._fingerprint())
        auth.why = why
        _auths.add(auth)
        return auth

    # Create and close

    @classmethod
    def hmac(cls, access_id: str, secret_key: str) -> Auth:
        """Signs with HMAC-SHA256. The access id is visible ASCII; the secret key has no control character.

        Raises ArgumentError: INVALID_ACCESS_ID, INVALID_SECRET_KEY.
        """
        handle = _Handle()
        with Secret("secret_key", secret_key, Status.INVALID_SECRET_KEY) as key:
            del secret_key  # error reports show the variables of each function
            identity = _border.text("access_id", access_id, Status.INVALID_ACCESS_ID)
            status = _quick.tc_auth_new_hmac(identity, key.string, byref(handle))
        return cls._made(status, handle)

    @classmethod
    def token(cls, token: str, expires: int | datetime | None = None) -> Auth:
        """Uses an API token. `expires` is in Unix seconds, or a datetime with a time zone; None if unknown, or never.

        Raises ArgumentError: INVALID_TOKEN (not visible ASCII), INVALID_TIME.
        """
        handle = _Handle()
        with Secret("token", token, Status.INVALID_TOKEN) as value:
            del token
            status = _quick.tc_auth_new_token(value.string, _border.expiry(expires), byref(handle))
        return cls._made(status, handle)

    @classmethod
    def from_json(cls, text: str | bytes) -> Auth:
        """From the platform's parameters in a JSON object, or from a message to a service App.

        Members: tc_token, tc_token_expires, tc_api_path, and tc_api_access_id with tc_api_secret_key; in messages
        apiToken and expireSeconds. Raises ConfigError, and ArgumentError for an invalid value.
        """
        handle = _Handle()
        with Secret("text", text, Status.CONFIG_SYNTAX, binary=True) as json:
            del text
            status = _quick.tc_auth_from_json(json.chars, json.length, byref(handle))
        return cls._made(status, handle)

    @classmethod
    def from_args(cls, args: Sequence[str]) -> Auth:
        """From command-line arguments: --tc_token X or --tc_token=X, and the other names of from_json().

        Other arguments are ignored, so sys.argv can be passed. Raises ConfigError, and ArgumentError for an invalid
        value, or INVALID_ARGUMENT for an argument with a NUL.
        """
        handle = _Handle()
        with Arguments(args) as argv:
            del args
            status = _quick.tc_auth_from_args(argv.count, argv.pointers, byref(handle))
        return cls._made(status, handle)

    @classmethod
    def from_env(cls) -> Auth:
        """From TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID and TC_API_SECRET_KEY.

        Call it before you start threads that set variables. Raises ConfigError, and ArgumentError for an invalid value.
        """
        handle = _Handle()
        return cls._made(_quick.tc_auth_from_env(byref(handle)), handle)

    @classmethod
    def from_parameter_file(cls, path: str | os.PathLike[str], key: str | bytes) -> Auth:
        """From the encrypted file in which the platform passes parameters. The file is not deleted.

        `path` is the value of TC_APP_PARAM_FILE, `key` that of TC_APP_PARAM_KEY. Raises ConfigError, and ArgumentError
        for an invalid value, or INVALID_ARGUMENT for a NUL.
        """
        handle = _Handle()
        with Secret("key", key, Status.INVALID_ARGUMENT, binary=True) as secret:
            del key
            file = _border.path("path", path)
            status = _library.waiting.tc_auth_from_param_file(file, secret.string, byref(handle))
        return cls._made(status, handle)

    @classmethod
    def discover(cls, args: Sequence[str] | None = None) -> Auth:
        """From the arguments (by default those of the program), from the file that TC_APP_PARAM_FILE and
        TC_APP_PARAM_KEY name, or from the environment: the first source that contains credentials.

        `why` says, without secrets, what was found where; if it fails, the error says it. Raises ConfigError, and
        ArgumentError for an invalid value.
        """
        handle, why = _Handle(), _library.String()
        with Arguments(sys.argv[1:] if args is None else args) as argv:
            del args
            status = _library.waiting.tc_auth_discover(argv.count, argv.pointers, byref(why), byref(handle))
        return cls._made(status, handle, why.take())

    def close(self) -> None:
        """Frees the Auth and wipes its secrets, as soon as no call is running. It may be called again.

        An Auth that is never closed is freed when it is no longer used. Complete renewals first: a later response is
        discarded. On PyPy, which counts no references, this collects garbage, which takes some milliseconds.
        """
        self._kind = Kind.NONE
        origin = self._origin
        if origin is None:
            self._handle = None
        else:
            with origin.lock:  # a forked child may be making its handle
                self._handle = self._origin = None
                origin.wipe()
        self._forked = False
        if sys.implementation.name == "pypy":
            gc.collect()
        self._changes.wake()

    def __enter__(self) -> Auth:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # What it is

    @property
    def kind(self) -> Kind:
        """What kind of credentials it has; NONE if it is closed."""
        return self._kind

    def __str__(self) -> str:
        """One line for a log: the kind, the access id or the expiry, and the API path."""
        text = _library.String()
        if _quick.tc_auth_describe(self._handle, byref(text)) != Status.OK:
            return "of the parent process" if self._forked else "closed"
        return text.take() or ""

    def __repr__(self) -> str:
        return f"<tc_auth.Auth {self}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a tc_auth.Auth can't be copied or pickled: it holds a secret. Make one in each process")

    @property
    def api_path(self) -> str | None:
        """The URL of the platform's API, without a / at its end; None if it is not set."""
        path: bytes | None = _quick.tc_auth_api_path(self._handle)
        if path is None and self._make_handle():
            path = _quick.tc_auth_api_path(self._handle)
        return None if path is None else path.decode()

    def set_api_path(self, api_path: str) -> None:
        """Sets the URL of the platform's API, such as "https://company.example/api", once, before others use the Auth.

        From then on a URL of another server is refused, a token can be renewed, and url() can be used. Raises
        ArgumentError (INVALID_URI_FORM, INVALID_URI_BYTE), and TcAuthError (ALREADY_SET).
        """
        raw = _border.text("api_path", api_path, Status.INVALID_URI_BYTE)
        self._call(_quick.tc_auth_set_api_path, raw)
        origin = self._origin
        if origin is not None:
            origin.api_path = raw

    @property
    def clock_offset(self) -> int:
        """The seconds that are added to this machine's clock to get the server's time: set here, or by review().

        At most a day in either direction; otherwise ArgumentError.
        """
        return self._number(_quick.tc_auth_clock_offset)

    @clock_offset.setter
    def clock_offset(self, seconds: int) -> None:
        seconds = _border.number("clock_offset", seconds, Status.INVALID_ARGUMENT)
        self._call(_quick.tc_auth_set_clock_offset, seconds)
        self._clock_offset = seconds

    @property
    def renewal_window(self) -> int:
        """How many seconds before its expiry a token is due for renewal: 0 to 86400, by default 60.

        At most half of the life that the token had left when it was set. Raises TcAuthError (WRONG_KIND), and
        ArgumentError for another value.
        """
        return self._number(_quick.tc_auth_renewal_window)

    @renewal_window.setter
    def renewal_window(self, seconds: int) -> None:
        seconds = _border.number("renewal_window", seconds, Status.INVALID_ARGUMENT)
        self._call(_quick.tc_auth_set_renewal_window, seconds)
        self._renewal_window = seconds

    # Sign

    def headers(self, method: str, url: str, *, at: int | None = None) -> Headers:
        """The headers of one request. It never waits.

        `url` is a path with query, or an absolute http or https URL, exactly as it will be sent. `at` is the Unix second
        to sign, and to compare with the expiry of a token; by default now. Raises ArgumentError (INVALID_METHOD,
        INVALID_URI_FORM, INVALID_URI_BYTE, INVALID_TIME), OtherOrigin, TokenExpired.
        """
        if at is None:
            return self._sign(method, url, _headers)
        verb = _border.text("method", method, Status.INVALID_METHOD)
        target = _border.text("url", url, Status.INVALID_URI_BYTE)
        value, timestamp = self._authorization(verb, target, _border.moment("at", at))
        headers = Headers(str(memoryview(value), "ascii"), None if timestamp < 0 else timestamp)
        _border.wipe(value)
        return headers

    def header_block(self, method: str, url: str) -> str:
        """The header lines of a request that is sent now, as they go over the wire: each ends with CR LF.

        For clients that write requests themselves. Arguments and errors are those of headers().
        """
        return self._sign(method, url, _block)

    def _sign(self, method: str, url: str, result: Callable[[bytearray, memoryview], _Result]) -> _Result:
        if type(url) is str and url.isascii() and "\0" not in url:
            target = url.encode()
        else:
            target = _border.text("url", url, Status.INVALID_URI_BYTE)
        if type(method) is str and method in _METHODS:
            verb = _METHODS[method]
        else:
            verb = _border.text("method", method, Status.INVALID_METHOD)
        try:
            buffer, pointer, view = _buffers.pop()
        except IndexError:
            buffer, pointer, view = _new_buffer(_BUFFER_SIZE)
        try:
            status = _header_block(self._handle, verb, target, pointer, _SIZE)
            if status == 0:
                return result(buffer, view)
        finally:
            pointer.raw = _ZEROS
            _buffers.append((buffer, pointer, view))
        size = _BUFFER_SIZE
        while True:
            buffer, pointer, view = _new_buffer(size)
            try:
                status = self._status(_header_block, verb, target, pointer, c_size_t(size))
                if status == Status.OK:
                    return result(buffer, view)
            finally:
                _border.wipe(buffer)
            if status != Status.BUFFER_TOO_SMALL:
                raise error_for(status)
            size *= 2

    def _authorization(self, method: bytes, url: bytes, at: int) -> tuple[bytearray, int]:
        """The value of Authorization in a buffer that the caller wipes, and the timestamp."""
        size, length, timestamp = _BUFFER_SIZE, c_size_t(), c_int64()
        # A loop, because another thread can set a longer token between two calls.
        while True:
            buffer = bytearray(size)
            status = self._status(
                _quick.tc_auth_headers_into, method, len(method), url, len(url), at, _border.pointer(buffer), size,
                byref(length), byref(timestamp),
            )  # fmt: skip
            if status == Status.OK:
                value = buffer[: length.value]
                _border.wipe(buffer)
                return value, timestamp.value
            if status != Status.BUFFER_TOO_SMALL:
                raise error_for(status)
            size = length.value + 1

    def verify(
        self, method: str, url: str, authorization: str | None, timestamp: str | None, *, at: int | None = None,
        tolerance: int = 300,
    ) -> None:  # fmt: skip
        """Checks the headers of a request that was received: for gateways, mocks and tests.

        `url` is the request target; one with a fragment is refused. `timestamp` is ignored with a token. `at` is a Unix
        second, by default now; the timestamp may be off by `tolerance` seconds, 0 to 86400. Raises TcAuthError:
        MALFORMED_AUTHORIZATION, SIGNATURE_MISMATCH, TIMESTAMP_OUT_OF_RANGE; TokenExpired; OtherOrigin; and
        ArgumentError for the other arguments.
        """
        with Secret("authorization", authorization, Status.MALFORMED_AUTHORIZATION, optional=True) as received:
            del authorization
            self._call(
                _quick.tc_auth_verify,
                _border.text("method", method, Status.INVALID_METHOD),
                _border.text("url", url, Status.INVALID_URI_BYTE),
                received.string,
                None if timestamp is None else _border.text("timestamp", timestamp, Status.MALFORMED_AUTHORIZATION),
                _border.NOW if at is None else _border.moment("at", at),
                _border.number("tolerance", tolerance, Status.INVALID_ARGUMENT),
            )

    def url(self, path: str = "/") -> _url.URL:
        """Starts a URL with the API path followed by `path`: "/v2/owners" gives https://company.example/api/v2/owners.

        Raises TcAuthError (API_PATH_MISSING), ArgumentError (INVALID_URI_FORM, INVALID_URI_BYTE).
        """
        builder = _url.Builder()
        raw = _border.text("path", path, Status.INVALID_URI_BYTE)
        self._call(_quick.tc_auth_url_new_for, raw, byref(builder))
        return _url.from_builder(builder)

    # Tokens

    def current_token(self) -> Token:
        """The current token and its expiry, to pass them to another process. Raises TcAuthError (WRONG_KIND)."""
        text, expires = _library.String(), c_int64()
        self._call(self._functions.tc_auth_token, byref(text), byref(expires))
        return Token(_library.text_at(text.value), expires.value or None)

    def update_token(self, token: str, expires: int | datetime | None = None) -> None:
        """Replaces the token at once, for all threads. Arguments as in Auth.token().

        Raises ArgumentError (INVALID_TOKEN, INVALID_TIME), TcAuthError (WRONG_KIND): then the old token stays. After
        share_in() it waits for the disk; StoreError: the new token counts, but is not saved yet.
        """
        with Secret("token", token, Status.INVALID_TOKEN) as value:
            del token
            string, until = value.string, _border.expiry(expires)
            with _Change(self) as change:
                status = self._status(self._functions.tc_auth_update_token, string, until)
                change.done = status in (Status.OK, Status.STORE_IO)
        check(status)

    def state(self) -> TokenState:
        """The state of the token, for health checks and messages. It changes nothing."""
        number, seconds = c_int32(), c_int64()
        self._call(self._functions.tc_auth_token_state, byref(number), byref(seconds))
        return TokenState(State(number.value), None if seconds.value < 0 else seconds.value)

    def poll(self, max_wait: float = 0.0) -> Renewal | None:
        """To be called before each request is signed: None if you can sign now; a Renewal if you must renew first.

        While another thread renews the token, or a process that shares it, it waits for at most `max_wait` seconds.
        Raises RenewalTimeout if that renewal has not ended by then. Do not send the old token; poll again.
        """
        longest = _border.seconds("max_wait", max_wait) if max_wait != 0 else 0
        if self._kind is _HMAC:
            return None
        renewal, status = self._poll()
        if status == Status.RENEWAL_TIMEOUT and longest > 0:
            renewal, status = self._wait(longest)
        if status != 0:
            raise error_for(status)
        return renewal

    def _poll(self) -> tuple[Renewal | None, int]:
        """A poll that does not wait for another renewal."""
        try:
            ticket = _no_tickets.pop()
        except IndexError:
            ticket = Ticket()
        poll = _polls[self._functions]
        status = poll(self._handle, _NO_WAIT, byref(ticket))
        if status == _NULL_ARGUMENT:
            status = self._status(poll, _NO_WAIT, byref(ticket))
        if not ticket:
            _no_tickets.append(ticket)
            return None, status
        ticket.auth, ticket.cancel = self, self._functions.tc_auth_renewal_cancel
        _renewal.tickets.add(ticket)
        return Renewal(self, ticket), status

    def _wait(self, longest: float) -> tuple[Renewal | None, int]:
        """Polls until the other renewal has ended.

        It waits in Python, where Ctrl-C takes effect at once: C would first wait to the end.
        """
        deadline, changes, me = time.monotonic() + longest, self._changes, object()
        try:
            while True:
                gate = Lock()
                gate.acquire()
                changes.enter(me, gate.release)
                renewal, status = self._poll()
                left = deadline - time.monotonic()
                if status != Status.RENEWAL_TIMEOUT or left <= 0:
                    return renewal, status
                if changes.take_lookout(me):
                    left = min(left, lookout_pause())
                if sys.platform == "win32" and current_thread() is main_thread():
                    left = min(left, _LONGEST_WAIT_ON_WINDOWS)
                gate.acquire(True, min(left, TIMEOUT_MAX))
        finally:
            changes.leave(me)

    def review(
        self,
        headers: Headers,
        status: int,
        *,
        date: str | None = None,
        body: bytes | bytearray | memoryview | str = b"",
    ) -> Advice:
        """To be called with the response to a signed request. RETRY: poll, sign and send it again, once.

        If the server rejected the token, the next poll() renews it. If the server's date shows that the clock is wrong,
        the clock offset is corrected. `date` is the Date header: None if the response has an Age header, or did not come
        from the signed server over TLS. Of the body the first 64 KiB count. Raises TcAuthError
        (MALFORMED_AUTHORIZATION), ArgumentError (INVALID_TIME).
        """
        advice = c_int32()
        with Body(body, REVIEW_LIMIT) as text:
            del body  # error reports show the variables of each function
            if not isinstance(headers, Headers):
                error = _border.wrong_type("headers", headers, "tc_auth.Headers")
                del headers
                raise error
            second = -1 if headers.timestamp is None else _border.moment("timestamp", headers.timestamp)
            with Secret("authorization", headers.authorization, Status.MALFORMED_AUTHORIZATION) as sent:
                self._call(
                    _library.waiting.tc_auth_review, sent.chars, sent.length, second, _border.http_status(status),
                    _border.date(date), text.chars, text.length, byref(advice),
                )  # fmt: skip
        return Advice(advice.value)

    # One token, many processes

    def family(self) -> str:
        """The name of the family: all processes that started with the same token. 32 hexadecimal digits.

        Use it as the key of an entry in a store, and as the name of its lock. Raises TcAuthError (WRONG_KIND).
        """
        text = _library.String()
        self._call(self._functions.tc_auth_family, byref(text))
        return text.take() or ""

    def seal(self, key: str | bytes | None = None) -> str:
        """Encrypts the current token and its expiry into one line, to store it for other processes of the family.

        `key` is one to four keys, one per line: the first one seals, each of them unseals. Use at least 128 random bits,
        such as 32 random hexadecimal digits. Without a key, whoever knows the family's first token, even a dead one, can
        read the current token and forge lines. Raises TcAuthError (WRONG_KIND), SealError, ArgumentError (the key).
        """
        text = _library.String()
        with Secret("key", key, Status.INVALID_ARGUMENT, binary=True, optional=True) as secret:
            del key
            self._call(self._functions.tc_auth_seal, secret.string, byref(text))
        return text.take() or ""

    def unseal(self, line: str | bytes, key: str | bytes | None = None) -> Unsealed:
        """Reads a line that seal() made in this or another process, and uses its token if it is newer.

        Threads that wait for a renewal then go on. Raises TcAuthError (WRONG_KIND), SealError, ArgumentError (the key):
        then nothing changes.
        """
        outcome = c_int32()
        with Secret("line", line, Status.SEAL_INVALID, binary=True) as sealed:
            with Secret("key", key, Status.INVALID_ARGUMENT, binary=True, optional=True) as secret:
                del line, key
                arguments = sealed.chars, sealed.length, secret.string, byref(outcome)
                self._call(self._functions.tc_auth_unseal, *arguments)
        if outcome.value == Unsealed.ADOPTED:
            self._has_changed = True
        self._changes.wake()
        return Unsealed(outcome.value)

    def share_in(self, directory: str | os.PathLike[str], key: str | bytes | None = None) -> None:
        """Shares the token with all processes of the family that use the same directory.

        They renew it once, and each of them gets the new one. Call it once, before others use the Auth. The directory
        exists, on a local file system, and belongs to the same user, or to root; other users can't write to it.
        `key` is as in seal(), the same in all processes.

        Afterwards poll() waits for the renewal of another process, too; Renewal.complete() and update_token() wait for
        the disk. A forked child makes a handle of its own when it first uses the Auth: for that, the first token and the
        key are kept in memory until the Auth is closed.

        Raises TcAuthError (WRONG_KIND, ALREADY_SET), ArgumentError (the key), SealError (a file can't be unsealed, for
        example with this key), StoreError. Then the Auth is as before, and you may call this again.
        """
        place = _border.path("directory", directory)
        with Secret("key", key, Status.INVALID_ARGUMENT, binary=True, optional=True) as secret:
            del key
            string = secret.string
            origin = self._make_origin(place)
            if origin is not None and string is not None:
                origin.key = secret.copy()
            self._call(_library.waiting.tc_auth_share_in, place, string)
        self._origin, self._functions = origin, _library.waiting
        handle = self._handle
        if handle is not None:
            handle.free = _library.waiting.tc_auth_free
        self._changes.wake()

    def _make_origin(self, directory: bytes) -> _Origin | None:
        """None if the family's first token is no longer known, or this is no token."""
        if self._kind != Kind.TOKEN or self._has_changed:
            return None
        expires = c_int64()
        self._call(_quick.tc_auth_token, None, byref(expires))
        return _Origin(self._token(), expires.value, _quick.tc_auth_api_path(self._handle), directory)

    # How C is called

    def _status(self, function: Callable[..., int], *arguments: object) -> int:
        """Calls C; in a forked child with a handle of its own."""
        status = function(self._handle, *arguments)
        if status == Status.NULL_ARGUMENT:
            if not self._make_handle():
                raise self._gone()
            status = function(self._handle, *arguments)
        return status

    def _call(self, function: Callable[..., int], *arguments: object) -> None:
        check(self._status(function, *arguments))

    def _number(self, function: Callable[..., int]) -> int:
        value = c_int64()
        self._call(function, byref(value))
        return value.value

    def _gone(self) -> TcAuthError:
        return Forked() if self._forked else Closed()

    # What adapters and renewals need

    def _changing(self) -> _Change:
        return _Change(self)

    def _token(self) -> bytearray:
        """The token, ended by NUL, in a buffer that the caller wipes."""
        value, _ = self._authorization(b"GET", b"/", 0)  # at this time no token has expired
        token = bytearray(len(value) - len("TC-Token ") + 1)
        memoryview(token)[:-1] = memoryview(value)[len("TC-Token ") :]
        _border.wipe(value)
        return token

    def _fingerprint(self) -> int | None:
        """The fingerprint of the current token; None if there is none."""
        if self._kind != Kind.TOKEN:
            return None
        try:
            token = self._token()
        except TcAuthError:  # closed in the meantime
            return None
        found = fingerprint(memoryview(token)[:-1])
        _border.wipe(token)
        return found

    # Forked children

    def _after_fork(self) -> None:
        """In the child: two processes that renew one token would invalidate each other's copy."""
        self._changes.after_fork()
        if self._kind == Kind.TOKEN:
            self._forked = True
            self._handle = None
        if self._origin is not None:
            self._origin.lock = RLock()

    def _make_handle(self) -> bool:
        """Makes a handle for this process, if it is a forked child and the token is shared."""
        origin = self._origin
        if origin is None:
            return False
        with origin.lock:
            if self._forked and self._origin is not None:
                self._handle = origin.make_handle(self._clock_offset, self._renewal_window)
                self._forked = False
            return self._handle is not None


def _new_buffer(size: int) -> tuple[bytearray, Any, memoryview]:
    buffer = bytearray(size)
    return buffer, _border.pointer(buffer), memoryview(buffer)


# What the library has written, as str: made from the buffer at once, because other copies could not be wiped.


def _block(buffer: bytearray, view: memoryview) -> str:
    return str(view[: buffer.index(0)], "ascii")


def _headers(buffer: bytearray, view: memoryview) -> Headers:
    end = buffer.index(_CR)
    authorization = str(view[len("Authorization: ") : end], "ascii")
    if buffer[end + len("\r\n")] == 0:
        return Headers(authorization)
    timestamp = end + len("\r\nTimestamp: ")
    return Headers(authorization, int(buffer[timestamp : buffer.index(_CR, timestamp)]))


def string_to_sign(method: str, url: str, at: int) -> str:
    """The string that is signed, such as "/api/v3/indicators:GET:1513703787", to compare with another implementation.

    Raises ArgumentError: INVALID_METHOD, INVALID_URI_FORM, INVALID_URI_BYTE, INVALID_TIME.
    """
    text = _library.String()
    verb = _border.text("method", method, Status.INVALID_METHOD)
    target = _border.text("url", url, Status.INVALID_URI_BYTE)
    check(_quick.tc_auth_string_to_sign(verb, target, _border.moment("at", at), byref(text)))
    return text.take() or ""


def _after_fork_in_child() -> None:
    for ticket in list(_renewal.tickets):
        ticket.value = None  # it belongs to the parent
    for auth in list(_auths):
        auth._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
