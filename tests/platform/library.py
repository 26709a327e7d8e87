"""The shared library through ctypes: a minimal binding for Python."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p

NO_EXPIRY = 0
NO_TIMESTAMP = -1
UNSEALED = ["SAME", "ADOPTED", "OLDER"]
STATUS = {0: "OK", 11: "TOKEN_EXPIRED", 12: "RENEWAL_REFUSED", 13: "RENEWAL_BAD_RESPONSE", 14: "RENEWAL_TIMEOUT"}
ADVICE = ["ACCEPTED", "RETRY", "BAD_SIGNATURE", "CLOCK_SKEW", "TOKEN_REJECTED", "ACCESS_DENIED", "NOT_LICENSED", "UNKNOWN"]

PROTOTYPES = {
    "tc_auth_new_hmac": [c_char_p, c_char_p, POINTER(c_void_p)],
    "tc_auth_new_token": [c_char_p, c_int64, POINTER(c_void_p)],
    "tc_auth_set_api_path": [c_void_p, c_char_p],
    "tc_auth_set_renewal_window": [c_void_p, c_int64],
    "tc_auth_update_token": [c_void_p, c_char_p, c_int64],
    "tc_auth_token": [c_void_p, POINTER(c_void_p), POINTER(c_int64)],
    "tc_auth_clock_offset": [c_void_p, POINTER(c_int64)],
    "tc_auth_headers_at": [c_void_p, c_char_p, c_char_p, c_int64, POINTER(c_void_p)],
    "tc_auth_renewal_poll": [c_void_p, c_int64, POINTER(c_void_p)],
    "tc_auth_renewal_complete": [c_void_p, c_int32, c_char_p, c_size_t, POINTER(c_void_p)],
    "tc_auth_review": [c_void_p, c_char_p, c_size_t, c_int64, c_int32, c_char_p, c_char_p, c_size_t, POINTER(c_int32)],
    "tc_auth_header_list_timestamp": [c_void_p],
    "tc_auth_header_list_value": [c_void_p, c_size_t],
    "tc_auth_header_list_free": [c_void_p],
    "tc_auth_renewal_url": [c_void_p],
    "tc_auth_renewal_cancel": [c_void_p],
    "tc_auth_string_free": [c_void_p],
    "tc_auth_free": [c_void_p],
    "tc_auth_family": [c_void_p, POINTER(c_void_p)],
    "tc_auth_seal": [c_void_p, c_char_p, POINTER(c_void_p)],
    "tc_auth_unseal": [c_void_p, c_char_p, c_size_t, c_char_p, POINTER(c_int32)],
    "tc_auth_status_name": [c_int32],
    "tc_auth_status_message": [c_int32],
    "tc_auth_advice_name": [c_int32],
    "tc_auth_advice_message": [c_int32],
    "tc_auth_version": [],
    "tc_auth_version_number": [],
}
RESULTS = {
    "tc_auth_header_list_timestamp": c_int64,
    "tc_auth_header_list_value": c_char_p,
    "tc_auth_renewal_url": c_char_p,
    "tc_auth_status_name": c_char_p,
    "tc_auth_status_message": c_char_p,
    "tc_auth_advice_name": c_char_p,
    "tc_auth_advice_message": c_char_p,
    "tc_auth_version": c_char_p,
    "tc_auth_version_number": c_uint32,
}


def load(path):
    library = ctypes.CDLL(path)
    for name, arguments in PROTOTYPES.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = RESULTS.get(name, c_int32)
    return library


class Error(Exception):
    """A status that is not OK."""


def check(status):
    if status != 0:
        raise Error(STATUS.get(status, str(status)))


class Auth:
    """One handle."""

    def __init__(self, library, handle):
        self.library, self.handle = library, handle

    @classmethod
    def hmac(cls, library, access_id, secret_key):
        handle = c_void_p()
        check(library.tc_auth_new_hmac(access_id.encode(), secret_key.encode("utf-8"), byref(handle)))
        return cls(library, handle)

    @classmethod
    def token(cls, library, token, expires, api_path):
        handle = c_void_p()
        check(library.tc_auth_new_token(token.encode(), expires, byref(handle)))
        check(library.tc_auth_set_api_path(handle, api_path.encode()))
        return cls(library, handle)

    def headers(self, method, uri, time=-1):
        """The value of Authorization, and the timestamp or None."""
        headers = c_void_p()
        check(self.library.tc_auth_headers_at(self.handle, method.encode(), uri.encode("utf-8"), time, byref(headers)))
        value = self.library.tc_auth_header_list_value(headers, 0).decode()
        timestamp = self.library.tc_auth_header_list_timestamp(headers)
        self.library.tc_auth_header_list_free(headers)
        return value, None if timestamp == NO_TIMESTAMP else timestamp

    def update_token(self, token, expires):
        check(self.library.tc_auth_update_token(self.handle, token.encode(), expires))

    def current_token(self):
        return self._string(lambda out: self.library.tc_auth_token(self.handle, out, None))[1]

    def family(self):
        return self._string(lambda out: self.library.tc_auth_family(self.handle, out))[1]

    def seal(self, key=None):
        status, line = self._string(lambda out: self.library.tc_auth_seal(self.handle, key, out))
        check(status)
        return line

    def unseal(self, line, key=None):
        outcome = c_int32()
        check(self.library.tc_auth_unseal(self.handle, line.encode(), len(line), key, byref(outcome)))
        return UNSEALED[outcome.value]

    def clock_offset(self):
        offset = c_int64()
        check(self.library.tc_auth_clock_offset(self.handle, byref(offset)))
        return offset.value

    def poll(self, max_wait_ms=0):
        """A ticket, or None for "go ahead"."""
        renewal = c_void_p()
        check(self.library.tc_auth_renewal_poll(self.handle, max_wait_ms, byref(renewal)))
        return renewal if renewal.value else None

    def url(self, renewal):
        return self.library.tc_auth_renewal_url(renewal).decode()

    def complete(self, renewal, status, body):
        """The status by its name, and the server's message."""
        call = lambda out: self.library.tc_auth_renewal_complete(renewal, status, body, len(body), out)
        result, message = self._string(call)
        return STATUS.get(result, result), message

    def cancel(self, renewal):
        self.library.tc_auth_renewal_cancel(renewal)

    def review(self, authorization, timestamp, status, date, body):
        advice, sent = c_int32(), authorization.encode()
        timestamp = NO_TIMESTAMP if timestamp is None else timestamp
        date = date.encode() if date else None
        check(self.library.tc_auth_review(self.handle, sent, len(sent), timestamp, status, date, body, len(body), byref(advice)))
        return ADVICE[advice.value]

    def close(self):
        self.library.tc_auth_free(self.handle)

    def _string(self, call):
        out = c_void_p()
        status = call(byref(out))
        text = ctypes.string_at(out).decode("utf-8") if out.value else None
        self.library.tc_auth_string_free(out)
        return status, text
