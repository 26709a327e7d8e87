"""Sealed tokens: a second implementation, written from docs/sealed-token.md alone, must agree with the vectors of
tests/vectors/sealed.json, which the tests in Rust and C run, and with the example in that document.

    python3 sealed.py    (needs: pip install cryptography, 42 or later, with OpenSSL 3.2 or later)
"""

import base64
import json
import pathlib
import re

import cryptography
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERSION = "TC1."
UNKNOWN = b"\xff" * 8


class Refused(Exception):
    """With the name of the status."""


def hkdf(salt, text, info, length):
    return HKDF(SHA256(), length, salt, info).derive(text)


class Family:
    def __init__(self, first):
        self.name = hkdf(b"tc_auth family", first, b"name", 16).hex()
        self.secret = hkdf(b"tc_auth family", first, b"secret", 32)

    def seal_key(self, key):
        return hkdf(self.secret, b"\0" if key is None else key, b"seal", 32)

    def nonce_and_associated(self, prefix):
        return bytes(4) + bytes.fromhex(prefix[4:20]), (prefix + self.name).encode()

    def seal(self, keys, generation, token, expires):
        prefix = f"{VERSION}{generation:016x}."
        nonce, associated = self.nonce_and_associated(prefix)
        sealed = AESGCMSIV(self.seal_key(keys[0])).encrypt(nonce, plaintext(token, expires), associated)
        return prefix + base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def unseal(self, keys, line):
        """Generation, token and expiry."""
        match = re.match(rb"TC([1-9][0-9]*)\.", line)
        if match and match[1] != b"1":
            raise Refused("SEAL_VERSION")
        match = re.fullmatch(rb"(TC1\.([0-7][0-9a-f]{15})\.)([A-Za-z0-9_-]+)", line)
        if not match or len(match[3]) % 4 == 1:
            raise Refused("SEAL_INVALID")
        sealed = base64.urlsafe_b64decode(match[3] + b"=" * (-len(match[3]) % 4))
        length = len(sealed) - 16
        if base64.urlsafe_b64encode(sealed).rstrip(b"=") != match[3] or length % 256 or not 256 <= length <= 65536:
            raise Refused("SEAL_INVALID")
        nonce, associated = self.nonce_and_associated(match[1].decode())
        for key in keys:
            try:
                plain = AESGCMSIV(self.seal_key(key)).decrypt(nonce, sealed, associated)
            except InvalidTag:
                continue
            token, expires = plain[8:].rstrip(b"\0"), int.from_bytes(plain[:8], "big")
            expires = None if plain[:8] == UNKNOWN else expires
            good = re.fullmatch(rb"[!-~]+", token) and (expires is None or expires < 10**11)
            if not good or plaintext(token, expires) != plain:
                break
            return int(match[2], 16), token, expires
        raise Refused("SEAL_INVALID")


def plaintext(token, expires):
    plain = (UNKNOWN if expires is None else expires.to_bytes(8, "big")) + token
    return plain + bytes(-len(plain) % 256)


def keys_of(text):
    if text is None:
        return [None]
    lines = re.sub(rb"\n\Z", b"", text).split(b"\n")
    keys = [re.sub(rb"\A\xef\xbb\xbf|\r\Z", b"", line) for line in lines]
    if len(keys) > 4 or not all(re.fullmatch(rb"(?!\xef\xbb\xbf)[^\x00-\x1f\x7f]+", key) for key in keys):
        raise Refused("INVALID_ARGUMENT")
    return keys


def argument(value):
    """A text of a vector, as bytes: a string, {hex}, {start, fill, times} or null."""
    if value is None or isinstance(value, str):
        return None if value is None else value.encode()
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    return value["start"].encode() + value["fill"].encode() * value["times"]


def result(case):
    """What is in a line, or the status."""
    try:
        return Family(argument(case["first"])).unseal(keys_of(argument(case["key"])), argument(case["line"]))
    except Refused as refused:
        return refused.args[0]


def check_example(case):
    """The intermediate values of the example in the document, which is the first vector."""
    family = Family(argument(case["first"]))
    key = keys_of(argument(case["key"]))[0]
    prefix = argument(case["line"])[:21].decode()
    nonce, associated = family.nonce_and_associated(prefix)
    document = re.sub(r"\s+", "", (ROOT / "docs/sealed-token.md").read_text().partition("### An example")[2])
    plain = plaintext(argument(case["token"]), case["expires"])
    shown = [family.name, family.secret.hex(), family.seal_key(key).hex(), nonce.hex(), associated.decode(),
             plain.rstrip(b"\0").hex(), case["line"]]
    for value in shown:
        assert value in document, f"not in the example: {value}"
    return len(shown)


def main():
    vectors = json.loads((ROOT / "tests/vectors/sealed.json").read_text())
    for case in vectors["sealed"]:
        family, keys = Family(argument(case["first"])), keys_of(argument(case["key"]))
        content = case["generation"], argument(case["token"]), case["expires"]
        assert family.name == case["family"], case["name"]
        assert result(case) == content, case["name"]
        assert family.seal(keys, *content) == case["line"], case["name"]
    for case in vectors["refused"]:
        assert result(case) == case["status"], f"{case['name']}: {result(case)} instead of {case['status']}"
    assert len(vectors["sealed"]) >= 20 and len(vectors["refused"]) >= 40

    # The check itself is checked: another character in a line.
    first = vectors["sealed"][0]
    changed = first["line"][:-1] + ("A" if first["line"][-1] != "A" else "Q")
    assert result({**first, "line": changed}) == "SEAL_INVALID"
    print(f"cryptography {cryptography.__version__}: {len(vectors['sealed'])} lines, {len(vectors['refused'])} refused,"
          f" {check_example(first)} values of the example")


if __name__ == "__main__":
    main()
