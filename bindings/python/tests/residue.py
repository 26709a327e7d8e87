"""Makes the calls that handle secrets, for tests/residue/scan.c to look for them afterwards in the memory of this process.

    python3 residue.py [plant]

What a call returns is the caller's str. A program can't overwrite a str, so most leave it behind; this one overwrites
it, to find the copies that the package makes. For CPython.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import tempfile
import time

import tc_auth
from tc_auth import Auth

# Numbers and lengths of secrets in tests/residue/secrets.h.
LENGTHS = {0: 48, 5: 60, 6: 61, 7: 300}
KEY_48, TOKEN_60, TOKEN_61, TOKEN_300 = LENGTHS

# Memory of this program's own, which is not looked at.
ARENA = mmap.mmap(-1, 1 << 20)
VIEW = memoryview(ARENA)
used = 0


def write(text: bytes | memoryview) -> memoryview:
    global used
    used += len(text)
    room = VIEW[used - len(text) : used]
    room[:] = text
    return room


def secret(number: int) -> memoryview:
    """A secret, made as in secrets.h."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:+/="
    size = 62 if number == KEY_48 else 66
    state = 0x9E3779B97F4A7C15 * (number + 1) % 2**64
    room = write(bytes(LENGTHS[number]))
    for index in range(len(room)):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        room[index] = alphabet[(state >> 33) % size]
    return room


def join(*parts: bytes | memoryview) -> memoryview:
    start = used
    for part in parts:
        write(part)
    return VIEW[start:used]


class Text:
    """A str with a secret, which is overwritten at the end of the `with` block."""

    def __init__(self, made: memoryview | str) -> None:
        self.text = made if isinstance(made, str) else str(made, "ascii")

    def __enter__(self) -> str:
        return self.text

    def __exit__(self, *_: object) -> None:
        size = len(self.text)
        assert self.text.isascii()
        # The characters, and a NUL, are at the end of the object.
        ctypes.memset(id(self.text) + sys.getsizeof(self.text) - size - 1, 0, size)


def new_token(number: int, expires: int | None = None) -> Auth:
    with Text(secret(number)) as token:
        return Auth.token(token, expires)


def update(auth: Auth, number: int, expires: int | None = None) -> None:
    with Text(secret(number)) as token:
        auth.update_token(token, expires)


def look(name: str) -> None:
    print(f"check {name} - 0", flush=True)
    sys.stdin.readline()


def headers(auth: Auth) -> None:
    for _ in range(3):
        made = auth.headers("GET", "/api/v3/indicators")
        with Text(made.authorization) as authorization:
            before = auth._changes.counted()
            auth._changes.adopted(authorization, before)
            auth.review(made, 403, body=b"nobody's message")
            timestamp = None if made.timestamp is None else str(made.timestamp)
            auth.verify("GET", "/api/v3/indicators", authorization, timestamp)
        with Text(auth.header_block("GET", "/api/v3/indicators")):
            pass
        with Text(auth.headers("GET", "/api/v3/indicators", at=1513703787).authorization):
            pass
    try:
        auth.headers("GET", "x")
        raise AssertionError("no error")
    except tc_auth.ArgumentError as error:
        repr(error)
    repr(auth)


def hmac() -> None:
    with Text(secret(KEY_48)) as key, Auth.hmac("12345678901234567890", key) as auth:
        headers(auth)
    with Text(secret(KEY_48)) as key:
        try:
            Auth.hmac("a b", key)
            raise AssertionError("no error")
        except tc_auth.ArgumentError:
            pass


def token(number: int, following: int) -> None:
    with new_token(number) as auth:
        auth.set_api_path("https://company.example/api")
        headers(auth)
        update(auth, number, int(time.time()) - 60)
        renewal = auth.poll()
        assert renewal is not None
        with Text(renewal.url):
            pass
        renewal.complete(200, join(b'{"success":true,"apiToken":"', secret(following), b'"}'))
        headers(auth)
        with Text(auth.current_token().value) as current:
            assert len(current) == LENGTHS[following]


def renewal_that_fails() -> None:
    with new_token(TOKEN_60, int(time.time()) - 60) as auth:
        auth.set_api_path("https://company.example/api")
        renewal = auth.poll()
        assert renewal is not None
        with Text(str(join(b'{"apiToken":"', secret(TOKEN_300)), "ascii")) as cut:
            try:
                renewal.complete(200, cut)
                raise AssertionError("no error")
            except tc_auth.RenewalFailed:
                pass


def seal() -> None:
    key = join(secret(KEY_48))
    with new_token(TOKEN_60) as auth, new_token(TOKEN_60) as other, Text(key) as text:
        update(other, TOKEN_300)
        outcome = auth.unseal(other.seal(text), text)
        assert outcome is tc_auth.Unsealed.ADOPTED
        with Text(join(b"\0", secret(KEY_48))) as wrong:
            try:
                auth.seal(wrong)
                raise AssertionError("no error")
            except tc_auth.ArgumentError:
                pass


def share() -> None:
    with tempfile.TemporaryDirectory() as directory, new_token(TOKEN_60) as auth, Text(secret(KEY_48)) as key:
        auth.share_in(directory, key)
        update(auth, TOKEN_300)


def json() -> None:
    with Text(join(b'{"tc_token":"', secret(TOKEN_60), b'"}')) as text:
        Auth.from_json(text).close()


def arguments() -> None:
    with Text(join(b"--tc_token=", secret(TOKEN_300))) as argument:
        Auth.from_args([argument]).close()


def main() -> None:
    address = ctypes.addressof(ctypes.c_char.from_buffer(ARENA))
    print(f"arena {address:x} {len(ARENA):x}")
    hmac()
    look("hmac")
    token(TOKEN_60, TOKEN_300)
    token(TOKEN_300, TOKEN_61)
    look("token")
    renewal_that_fails()
    look("refusal")
    seal()
    look("seal")
    share()
    look("share")
    json()
    look("json")
    arguments()
    look("arguments")
    if len(sys.argv) > 1:  # a copy that nobody wipes
        planted = bytes(secret(TOKEN_61))
        look("planted")
        print(len(planted), file=sys.stderr)


if __name__ == "__main__":
    main()
