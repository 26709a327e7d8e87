"""Core dumps of a program that uses the library: no secret, no token, no derived key in them.

    python3 test_dump.py PROGRAM    (needs gcore, which comes with gdb)
"""

import pathlib
import secrets
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

PROGRAM = sys.argv.pop(1)
INITIAL = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]


def fractional(root, number):
    """The first 32 bits of the fraction of a root: the constants of SHA-256 (FIPS 180-4)."""
    low, high = 0, 1 << 64
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**root <= number << 32 * root else (low, middle - 1)
    return low & 0xFFFFFFFF


PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, n))]
CONSTANTS = [fractional(3, prime) for prime in PRIMES[:64]]
assert INITIAL == [fractional(2, prime) for prime in PRIMES[:8]]


def compress(block):
    """The state of SHA-256 after one block, as in the memory of a little-endian machine."""
    rotate = lambda x, n: (x >> n | x << 32 - n) & 0xFFFFFFFF
    w = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    for i in range(16, 64):
        s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3
        s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10
        w.append((w[i - 16] + s0 + w[i - 7] + s1) & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = INITIAL
    for i in range(64):
        t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (e & f ^ ~e & g) + CONSTANTS[i] + w[i]
        t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & 0xFFFFFFFF, a, b, c, (d + t1) & 0xFFFFFFFF, e, f, g
    return [(x + y) & 0xFFFFFFFF for x, y in zip(INITIAL, [a, b, c, d, e, f, g, h])]


def padded(key, pad):
    return bytes(byte ^ pad for byte in key.encode().ljust(64, b"\0"))


def in_memory(state, order):
    """Half a state: the SHA instructions keep the words in another order, in two registers of four."""
    return b"".join(state[index].to_bytes(4, "little") for index in order)


def memory(dump):
    """The memory in a core file (ELF, 64 bits), without the registers, which contain what was computed last."""
    start, size, count = (int.from_bytes(dump[at : at + n], "little") for at, n in [(32, 8), (54, 2), (56, 2)])
    for header in (dump[start + i * size : start + (i + 1) * size] for i in range(count)):
        if int.from_bytes(header[:4], "little") == 1:  # PT_LOAD
            offset, length = int.from_bytes(header[8:16], "little"), int.from_bytes(header[32:40], "little")
            yield dump[offset : offset + length]


class Dump(unittest.TestCase):
    def look(self, *arguments):
        """The names of what is found in the two dumps."""
        key = secrets.token_urlsafe(30)
        tokens = [f"API:5:{secrets.token_urlsafe(30)}+/=" for _ in range(2)]
        raw = {"secret key": key.encode(), "key block, inner": padded(key, 0x36)[:24], "key block, outer": padded(key, 0x5C)[:24]}
        for name, token in zip(["token", "new token"], tokens):
            raw |= {name: token.encode()[8:], f"{name}, encoded": urllib.parse.quote(token, safe="-._~").encode()[12:]}
        derived = {}
        for name, pad in [("inner state", 0x36), ("outer state", 0x5C)]:
            for order in [(0, 1, 2, 3), (5, 4, 1, 0), (7, 6, 3, 2)]:
                derived[f"{name} {order}"] = in_memory(compress(padded(key, pad)), order)
        with tempfile.TemporaryDirectory() as directory, subprocess.Popen(
            [PROGRAM, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            process.stdin.write("".join(f"{line}\n" for line in [key, *tokens]).encode())
            process.stdin.flush()
            found = {}
            for phase, patterns in [("alive", raw), ("freed", raw | derived)]:
                self.assertEqual(process.stdout.readline().decode().strip(), phase)
                prefix = pathlib.Path(directory, phase)
                subprocess.run(["gcore", "-o", prefix, str(process.pid)], check=True, capture_output=True)
                dump = b"|".join(memory(pathlib.Path(f"{prefix}.{process.pid}").read_bytes()))
                self.assertTrue(b"a marker that every dump contains" in dump, "the dump must contain the heap")
                found[phase] = [name for name, pattern in patterns.items() if pattern in dump]
                process.stdin.write(b"\n")
                process.stdin.flush()
        return found

    def test_nothing_is_left(self):
        self.assertEqual(self.look(), {"alive": [], "freed": []})

    def test_what_is_planted_is_found(self):
        self.assertEqual(self.look("plant"), {"alive": ["secret key"], "freed": ["secret key"]})


if __name__ == "__main__":
    unittest.main()
