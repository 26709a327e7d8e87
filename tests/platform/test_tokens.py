"""Tokens and the stand-in: each fault of a renewal, and its effect on callers.

    python3 test_tokens.py SHARED_LIBRARY DIRECTORY_OF_THE_PROGRAMS
"""

import http.client
import pathlib
import queue
import subprocess
import sys
import threading
import time
import unittest

import library
from stand_in import ACCESS_ID, SECRET_KEY, TOKEN
from support import StandIn

LIBRARY = library.load(sys.argv.pop(1))
PROGRAMS = pathlib.Path(sys.argv.pop(1))
TARGET = "/api/v3/indicators"


def get(port, target, headers=None):
    """Status, Date and body of a response; None if there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", target, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.getheader("Date"), response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class Client:
    """An application: poll, sign, send and review, and once more if that helps."""

    def __init__(self, stand_in, auth):
        self.stand_in, self.auth = stand_in, auth

    def renew_if_due(self):
        """The result of the renewal, if one was due."""
        renewal = self.auth.poll(10_000)
        if renewal is None:
            return None
        url = self.auth.url(renewal)
        response = get(self.stand_in.port, url.removeprefix(self.stand_in.url))
        if response is None:
            self.auth.cancel(renewal)
            return "cancelled", None
        return self.auth.complete(renewal, response[0], response[2])

    def send(self, target=TARGET):
        """One signed request, without a retry: the status and the advice, or why it could not be signed."""
        try:
            authorization, timestamp = self.auth.headers("GET", target)
        except library.Error as error:
            return str(error)
        headers = {"Authorization": authorization} | ({"Timestamp": str(timestamp)} if timestamp else {})
        status, date, body = get(self.stand_in.port, target, headers)
        return status, self.auth.review(authorization, timestamp, status, date, body)


GOOD = (200, "ACCEPTED")
REFUSED = ("RENEWAL_REFUSED", "Token *** may not be renewed")
# fault, how the renewal ended, the next request, how the second renewal (after the pause) ended, the request after it
FAULTS = [
    ("ok", ("OK", None), GOOD, None, GOOD),
    ("slow:1", ("OK", None), GOOD, None, GOOD),
    ("500", ("RENEWAL_BAD_RESPONSE", "Internal Server Error"), GOOD, ("OK", None), GOOD),
    ("html", ("RENEWAL_BAD_RESPONSE", None), GOOD, ("OK", None), GOOD),
    ("drop", ("cancelled", None), GOOD, ("OK", None), GOOD),
    ("refuse", REFUSED, GOOD, None, GOOD),
    # The platform has replaced the token, and the new one was lost: the application needs another token.
    ("lost", ("cancelled", None), (401, "TOKEN_REJECTED"), ("RENEWAL_REFUSED", "Unauthorized"), (401, "TOKEN_REJECTED")),
]


class Faults(unittest.TestCase):
    def run_fault(self, fault, first, request, second, last, results):
        with StandIn("--token-life", "60", "--faults", fault) as stand_in:
            auth = library.Auth.token(LIBRARY, TOKEN, int(time.time()) + 30, stand_in.url + "/api")
            client = Client(stand_in, auth)
            # Due at once, although the server would accept it for a minute.
            self.assertEqual(auth.review(f"TC-Token {TOKEN}", None, 401, None, b"Unauthorized"), "RETRY")
            seen = [client.renew_if_due(), client.send()]
            seen.append(client.renew_if_due() and "a renewal in the pause")
            time.sleep(6.5)
            seen += [client.renew_if_due(), client.send()]
            auth.close()
        results.append((fault, seen, [first, request, None, second, last]))

    def test_each_fault(self):
        results = []
        threads = [threading.Thread(target=self.run_fault, args=(*fault, results)) for fault in FAULTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(results), len(FAULTS))
        print("\n| fault | the renewal | the next request | after the pause | the request after it |")
        print("| --- | --- | --- | --- | --- |")
        order = [fault[0] for fault in FAULTS]
        for fault, seen, expected in sorted(results, key=lambda result: order.index(result[0])):
            cells = [describe(seen[index]) for index in (0, 1, 3, 4)]
            print(f"| {fault} | {' | '.join(cells)} |")
            self.assertEqual(seen, expected, fault)


def describe(cell):
    if cell is None:
        return "nothing was due"
    return cell if isinstance(cell, str) else ": ".join(str(part) for part in cell if part is not None)


class Renewal(unittest.TestCase):
    def test_a_401_renews_once(self):
        with StandIn("--token-life", "60") as stand_in:
            auth = library.Auth.token(LIBRARY, "API:5:an-older-one=", library.NO_EXPIRY, stand_in.url + "/api")
            client = Client(stand_in, auth)
            self.assertIsNone(client.renew_if_due())
            self.assertEqual(client.send(), (401, "RETRY"))
            self.assertEqual(client.renew_if_due(), ("RENEWAL_REFUSED", "Unauthorized"))
            self.assertEqual(client.send(), (401, "TOKEN_REJECTED"))
            self.assertIsNone(client.renew_if_due())
            auth.update_token(TOKEN, int(time.time()) + 60)
            self.assertEqual(client.send(), GOOD)
            auth.close()

    def test_others_wait_and_go_on_with_the_new_token(self):
        with StandIn("--token-life", "60", "--faults", "slow:1") as stand_in:
            auth = library.Auth.token(LIBRARY, TOKEN, int(time.time()), stand_in.url + "/api")
            seen = queue.Queue()
            worker = lambda: seen.put((Client(stand_in, auth).renew_if_due(), Client(stand_in, auth).send()))
            threads = [threading.Thread(target=worker) for _ in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(0.5)
            with self.assertRaisesRegex(library.Error, "RENEWAL_TIMEOUT"):
                auth.poll(0)
            for thread in threads:
                thread.join()
            seen = [seen.get() for _ in threads]
            self.assertEqual([send for _, send in seen], [GOOD] * 8)
            self.assertEqual(sorted(str(renewed) for renewed, _ in seen), ["('OK', None)"] + ["None"] * 7)
            self.assertNotEqual(auth.current_token(), TOKEN)
            auth.close()


class Availability(unittest.TestCase):
    """An endpoint that responds with 401 to every token does not break the others."""

    def test_few_renewals_and_every_other_request_succeeds(self):
        with StandIn("--quiet") as stand_in:
            auth = library.Auth.token(LIBRARY, TOKEN, 0, stand_in.url + "/api")
            end, failed, rejected = time.monotonic() + 8, queue.Queue(), queue.Queue()

            def work(target, good):
                client = Client(stand_in, auth)
                while time.monotonic() < end:
                    for _ in range(2):
                        client.renew_if_due()
                        status, advice = client.send(target)
                        if advice != "RETRY":
                            break
                    if good and (status, advice) != GOOD:
                        failed.put((status, advice))
                    elif not good:
                        rejected.put(advice)

            threads = [threading.Thread(target=work, args=arguments) for arguments in
                       [("/api/v3/rejected", False)] + [(TARGET, True)] * 4]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            stats = stand_in.stats()
            print(f"\n{rejected.qsize()} rejections, {stats}")
            self.assertEqual(list(failed.queue), [])
            self.assertGreater(rejected.qsize(), 50)
            self.assertIn(stats["renewal requests"], (1, 2), "at once, and after 5 seconds")
            auth.close()

    def test_an_error_about_something_else_is_no_rejection(self):
        with StandIn("--quiet") as stand_in:
            auth = library.Auth.token(LIBRARY, TOKEN, 0, stand_in.url + "/api")
            client = Client(stand_in, auth)
            self.assertEqual(client.send("/api/v3/attribute"), (400, "ACCEPTED"))
            self.assertIsNone(client.renew_if_due())
            auth.close()


class Session(unittest.TestCase):
    """examples-c/curl_session.c"""

    def run_session(self, stand_in, expires):
        variables = {"TC_TOKEN": TOKEN, "TC_TOKEN_EXPIRES": str(expires), "TC_API_PATH": stand_in.url + "/api"}
        command = [PROGRAMS / "curl_session", stand_in.url + TARGET]
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)

    def test_it_renews_and_loses_nothing(self):
        for faults in ("ok", "slow:1", "500", "html", "drop"):
            with StandIn("--token-life", "60", "--faults", faults, "--quiet") as stand_in:
                result = self.run_session(stand_in, int(time.time()) + 1 if faults in ("ok", "slow:1") else 0)
                self.assertEqual((result.returncode, result.stdout), (0, "20 requests, 0 failed\n"), result.stderr)

    def test_it_takes_a_key_pair(self):
        with StandIn("--quiet") as stand_in:
            variables = {"TC_API_ACCESS_ID": ACCESS_ID, "TC_API_SECRET_KEY": SECRET_KEY, "TC_API_PATH": stand_in.url + "/api"}
            result = subprocess.run([PROGRAMS / "curl_session", stand_in.url + TARGET], env=variables,
                                    capture_output=True, text=True, timeout=60)
            self.assertEqual((result.returncode, result.stdout), (0, "20 requests, 0 failed\n"), result.stderr)

    def test_a_failure_leaves_no_token_in_the_response(self):
        for faults in ("ok", "refuse"):
            with StandIn("--token-life", "60", "--faults", faults) as stand_in:
                variables = {"TC_TOKEN": TOKEN, "TC_TOKEN_EXPIRES": "1", "TC_API_PATH": stand_in.url + "/api"}
                result = subprocess.run([PROGRAMS / "left", "http://other.example/"], env=variables, capture_output=True,
                                        text=True, timeout=60)
                self.assertIn("renewal", stand_in.next_line())
                self.assertEqual((result.returncode, result.stdout), (0, "0 0 no body\n"), result.stderr)

    def test_a_failed_transfer_is_explained(self):
        variables = {"TC_TOKEN": TOKEN, "TC_API_PATH": "http://127.0.0.1:1/api"}
        result = subprocess.run([PROGRAMS / "curl_session", "http://127.0.0.1:1/api/x"], env=variables,
                                capture_output=True, text=True, timeout=60)
        self.assertEqual((result.returncode, result.stdout), (1, "20 requests, 20 failed\n"))
        self.assertEqual(result.stderr.splitlines(), ["Couldn't connect to server"] * 20)

    def test_a_renewal_is_sent_once(self):
        with StandIn("--token-life", "2", "--faults", "drop", "--quiet") as stand_in:
            self.run_session(stand_in, int(time.time()))
            self.assertEqual(stand_in.stats()["renewal requests"], 1)


class EventLoop(unittest.TestCase):
    """examples-c/curl_multi.c: 50 requests at a time in one thread."""

    def run_loop(self, seconds, left, *options):
        """What it counted, and what the stand-in did. The token is due when half of `left` is over."""
        with StandIn("--quiet", *options) as stand_in:
            variables = {"TC_TOKEN": TOKEN, "TC_TOKEN_EXPIRES": str(int(time.time()) + left), "TC_API_PATH": stand_in.url + "/api"}
            result = subprocess.run([PROGRAMS / "curl_multi", stand_in.url + TARGET, str(seconds)], env=variables,
                                    capture_output=True, text=True, timeout=60)
            stats = stand_in.stats()
        print(f"\n{result.stdout.strip()} {stats}")
        counted = [int(word) for word in result.stdout.split() if word.isdecimal()]
        requests, failed, renewals, polls, wakeups = counted
        self.assertEqual((result.returncode, failed, stats["wrong"], stats["lost"]), (0, 0, 0, 0), result.stderr)
        self.assertEqual(requests, stats["verified"])
        self.assertEqual(renewals, stats["renewal requests"], "each of them is sent once")
        self.assertLessEqual(stats["refused"], 50 * renewals, "only what was in flight may meet a 401")
        self.assertLessEqual(polls, 3 * renewals, "it does not wait by polling")
        self.assertLessEqual(wakeups, 10 * renewals, "nor by asking libcurl again and again")
        return requests, renewals, result.stderr

    def test_renewals_among_many_requests(self):
        requests, renewals, _ = self.run_loop(8, 2, "--token-life", "2")
        self.assertIn(renewals, range(6, 10))
        self.assertGreater(requests, 1000)

    def test_slow_renewals_keep_nobody_busy(self):
        _, renewals, _ = self.run_loop(8, 4, "--token-life", "4", "--faults", "slow:1,slow:1,slow:1,slow:1,slow:1,slow:1")
        self.assertIn(renewals, range(2, 7))

    def test_a_failed_renewal_is_sent_once_and_stops_nobody(self):
        for fault, said in ("drop", "no response"), ("500", "Internal Server Error"), ("refuse", "***"):
            with self.subTest(fault):
                _, renewals, errors = self.run_loop(4, 6, "--faults", fault)
                self.assertEqual(renewals, 1)
                self.assertIn(said, errors)
                self.assertEqual(len(errors.splitlines()), 1, errors)


class Clock(unittest.TestCase):
    def test_a_clock_that_is_wrong_is_corrected(self):
        for offset in (1200, -1200, 80000):
            with StandIn("--clock-offset", str(offset)) as stand_in:
                auth = library.Auth.hmac(LIBRARY, ACCESS_ID, SECRET_KEY)
                client = Client(stand_in, auth)
                self.assertEqual(client.send(), (401, "RETRY"))
                self.assertAlmostEqual(auth.clock_offset(), offset, delta=3)
                self.assertEqual(client.send(), GOOD)
                auth.close()

    def test_more_than_a_day_is_not(self):
        with StandIn("--clock-offset", "90000") as stand_in:
            auth = library.Auth.hmac(LIBRARY, ACCESS_ID, SECRET_KEY)
            self.assertEqual(Client(stand_in, auth).send(), (401, "CLOCK_SKEW"))
            self.assertEqual(auth.clock_offset(), 0)
            auth.close()

    def test_a_wrong_secret_is_not_the_clocks_fault(self):
        with StandIn() as stand_in:
            auth = library.Auth.hmac(LIBRARY, ACCESS_ID, SECRET_KEY + "x")
            self.assertEqual(Client(stand_in, auth).send(), (401, "BAD_SIGNATURE"))
            auth.close()


class Storm(unittest.TestCase):
    LIFE, WINDOW, THREADS, SECONDS = 2, 1, 16, 8

    def run_storm(self, *servers):
        """The servers' statistics; each server is a stand-in and its first token."""
        command = [PROGRAMS / "storm", *map(str, [self.LIFE, self.WINDOW, self.THREADS, self.SECONDS])]
        command += [argument for stand_in, token in servers for argument in (stand_in.url, token)]
        storm = subprocess.run(command, capture_output=True, text=True, timeout=120)
        stats = [stand_in.stats() for stand_in, _ in servers]
        print(f"\n{storm.stdout.strip()} {stats}")
        self.assertEqual(storm.returncode, 0, storm.stderr)
        return stats

    def check(self, stats):
        issued = stats["issued"]
        self.assertLessEqual(stats["refused"], self.THREADS * issued, "only what was in flight may meet a 401")
        self.assertEqual(issued, stats["renewal requests"], "one expiry, one renewal")
        self.assertIn(issued, range(self.SECONDS - 2, self.SECONDS + 2))

    def test_no_request_is_lost(self):
        with StandIn("--token-life", str(self.LIFE), "--quiet") as stand_in:
            self.check(*self.run_storm((stand_in, TOKEN)))

    def test_no_handle_gets_the_token_of_another(self):
        options = ["--token-life", str(self.LIFE), "--quiet", "--token"]
        with StandIn(*options, TOKEN) as one, StandIn(*options, "API:6:another=") as other:
            for stats in self.run_storm((one, TOKEN), (other, "API:6:another=")):
                self.check(stats)
                self.assertEqual(stats["wrong"], 0, "a token that this server never issued")


if __name__ == "__main__":
    unittest.main()
