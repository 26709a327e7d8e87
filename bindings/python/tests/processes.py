"""Processes that share a token, made in the ways of Python, and killed at random.

    python processes.py [--seconds 60] [--seed 7] [--planted] [SCENARIO...]

`gunicorn` has workers of an application that was loaded before they were forked. `fork`, `spawn` and `forkserver` are
those of multiprocessing, `prefork` a loop around os.fork(). Each scenario has its own stand-in for the platform, whose
tokens live for 4 seconds. Its processes send requests all the time; the process that started them does so, too, so that
it forks while its threads are in calls. Meanwhile processes are killed, and others started.

No request may fail, except when a process was killed between the platform's response to a renewal and the write: then
the token is lost, and this program sets another one. With --planted the processes do not share the token, and requests
must fail.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import http.client
import json
import multiprocessing
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
import warnings

import tc_auth
from tc_auth.requests import Session

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[2] / "tests" / "platform"))
from support import StandIn  # noqa: E402

TOKEN_LIFE = 4
KEY = "a key of this test"
WORKERS = 3
SETTINGS = "TC_AUTH_TEST_PROCESSES"

# fork() of a process with threads is what this tests.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)


@dataclasses.dataclass
class Settings:
    """What a process must know, however it is started."""

    url: str
    token: str
    expires: int
    directory: str
    shared: bool

    def auth(self) -> tc_auth.Auth:
        auth = tc_auth.Auth.token(self.token, self.expires)
        auth.set_api_path(self.url + "/api")
        if self.shared:
            auth.share_in(self.directory, KEY)
        return auth

    def log(self, kind: str, text: str = "") -> None:
        """Adds a line to the file of all processes, in one write."""
        line = f"{time.time():.3f} {kind} {os.getpid()} {' | '.join(text.splitlines())}\n"
        file = os.open(self.directory + ".log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def lines(self, kind: str) -> list[tuple[float, int, str]]:
        try:
            text = pathlib.Path(self.directory + ".log").read_text()
        except FileNotFoundError:
            return []
        fields = [line.split(" ", 3) for line in text.splitlines()]
        return [(float(when), int(pid), what) for when, found, pid, what in fields if found == kind]

    def has_ended(self) -> bool:
        return os.path.exists(self.directory + ".end")


def request(session: Session) -> str:
    """Sends one; returns why it failed, or nothing."""
    try:
        response = session.get("/v3/indicators", timeout=30)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if response.status_code == 200 else f"status {response.status_code}: {response.text}"


def send(settings: Settings, auth: tc_auth.Auth, threads: int) -> None:
    """What a process does until the end."""

    def in_thread() -> None:
        try:
            first = True
            with Session(auth) as session:
                while not settings.has_ended():
                    failure = request(session)
                    if failure or first:
                        settings.log("failed" if failure else "works", failure)
                    first = bool(failure)
                    time.sleep(0.005)
        except Exception:
            settings.log("failed", traceback.format_exc())

    others = [threading.Thread(target=in_thread, daemon=True) for _ in range(threads - 1)]
    for other in others:
        other.start()
    in_thread()
    for other in others:
        other.join()


def work(settings: Settings, auth: tc_auth.Auth | None) -> None:
    """A worker: with the Auth that it has inherited, or its own."""
    send(settings, auth or settings.auth(), 2)


# --- the ways to start a process


class Multiprocessing:
    def __init__(self, method: str, settings: Settings, auth: tc_auth.Auth) -> None:
        self.context = multiprocessing.get_context(method)
        self.settings = settings
        self.inherited = auth if method == "fork" else None  # it can't be pickled
        self.processes = [self.start() for _ in range(WORKERS)]

    def start(self) -> multiprocessing.process.BaseProcess:
        process = self.context.Process(target=work, args=(self.settings, self.inherited))
        process.start()
        return process

    def pids(self) -> list[int]:
        return [process.pid or 0 for process in self.processes]

    def replace(self, pid: int) -> None:
        [process] = [process for process in self.processes if process.pid == pid]
        process.join()
        self.processes.remove(process)
        self.processes.append(self.start())

    def end(self) -> None:
        for process in self.processes:
            process.join(20)
            assert process.exitcode == 0, f"process {process.pid}: {process.exitcode}"


class Prefork:
    def __init__(self, settings: Settings, auth: tc_auth.Auth) -> None:
        self.settings, self.auth = settings, auth
        self.running = [self.start() for _ in range(WORKERS)]

    def start(self) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                work(self.settings, self.auth)
                os._exit(0)
            finally:
                os._exit(1)
        return pid

    def pids(self) -> list[int]:
        return list(self.running)

    def replace(self, pid: int) -> None:
        os.waitpid(pid, 0)
        self.running.remove(pid)
        self.running.append(self.start())

    def end(self) -> None:
        late = time.monotonic() + 20
        while self.running and time.monotonic() < late:
            for pid in list(self.running):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self.running.remove(pid)
                    assert status == 0, f"process {pid}: {status}"
            time.sleep(0.05)
        assert not self.running, f"hanging: {self.running}"


class Gunicorn:
    def __init__(self, settings: Settings, _: tc_auth.Auth) -> None:
        self.settings = settings
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.output = tempfile.TemporaryFile("w+")
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(WORKERS), "--threads", "2"]
        command += ["--worker-class", "gthread", "--graceful-timeout", "5", "--bind", f"fd://{self.listener.fileno()}"]
        self.server = subprocess.Popen(
            [*command, "processes:application()"],
            cwd=HERE,
            env={**os.environ, SETTINGS: json.dumps(dataclasses.asdict(settings))},
            pass_fds=[self.listener.fileno()],
            stderr=self.output,
        )
        self.clients = [threading.Thread(target=self.ask) for _ in range(WORKERS)]
        for client in self.clients:
            client.start()

    def ask(self) -> None:
        """A client of the application. That a killed worker does not answer is no failure here."""
        while not self.settings.has_ended():
            with contextlib.closing(http.client.HTTPConnection(*self.address, timeout=60)) as connection:
                try:
                    connection.request("GET", "/")
                    response = connection.getresponse()
                    body = response.read().decode()
                    if response.status != 200:
                        self.settings.log("failed", body)
                except TimeoutError:
                    self.settings.log("failed", "gunicorn does not answer")
                except (ConnectionError, http.client.HTTPException):
                    pass

    def pids(self) -> list[int]:
        pid = self.server.pid
        assert self.server.poll() is None, "gunicorn has ended"
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def replace(self, pid: int) -> None:
        while pid in self.pids():
            time.sleep(0.01)

    def end(self) -> None:
        for client in self.clients:
            client.join()
        self.server.terminate()
        status = self.server.wait(20)
        self.output.seek(0)
        assert status == 0, f"gunicorn: {status}\n{self.output.read()}"
        self.listener.close()


def application():  # type: ignore[no-untyped-def]
    """The application that gunicorn loads before it forks. The workers inherit the Auth, which was used."""
    settings = Settings(**json.loads(os.environ[SETTINGS]))
    auth = settings.auth()
    with Session(auth) as session:
        failure = request(session)
        assert not failure or not settings.shared, failure
    session = Session(auth)  # without a connection yet, so each worker gets its own
    seen = set()

    def answer(environ, start_response):  # type: ignore[no-untyped-def]
        failure = request(session)
        if os.getpid() not in seen and not failure:
            settings.log("works")
            seen.add(os.getpid())
        start_response("500 failed" if failure else "200 OK", [("Content-Type", "text/plain")])
        return [failure.encode()]

    return answer


SCENARIOS = {
    "gunicorn": Gunicorn,
    "prefork": Prefork,
    "fork": lambda *arguments: Multiprocessing("fork", *arguments),
    "spawn": lambda *arguments: Multiprocessing("spawn", *arguments),
    "forkserver": lambda *arguments: Multiprocessing("forkserver", *arguments),
}


# --- a run


def run(name: str, seconds: float, seed: int, planted: bool) -> str:
    """One scenario; returns what happened, in a line."""
    chance = random.Random(f"{name} {seed}")
    with tempfile.TemporaryDirectory() as place, StandIn("--token-life", str(TOKEN_LIFE), "--quiet") as platform:
        directory = os.path.join(place, "token")
        os.mkdir(directory, 0o700)
        first = json.loads(urllib.request.urlopen(platform.url + "/_issue").read())
        settings = Settings(platform.url, first["tc_token"], first["tc_token_expires"], directory, not planted)
        auth = settings.auth()
        own = threading.Thread(target=send, args=(settings, auth, 1))
        own.start()
        kills, losses, lost = 0, [], 0
        processes = SCENARIOS[name](settings, auth)
        try:
            begin = time.monotonic()
            # On a busy machine it takes longer until something has happened.
            while time.monotonic() < begin + seconds or (not settings.lines("failed") if planted else kills < 3):
                assert time.monotonic() < begin + seconds + 120, f"{name}: {kills} processes were killed, none failed"
                time.sleep(chance.uniform(0.2, 0.6))
                working = {pid for _, pid, _ in settings.lines("works")}
                candidates = [pid for pid in processes.pids() if pid in working]
                if candidates:
                    pid = chance.choice(candidates)
                    os.kill(pid, signal.SIGKILL)
                    processes.replace(pid)
                    kills += 1
                if platform.stats()["lost"] > lost and not planted:
                    other = json.loads(urllib.request.urlopen(platform.url + "/_issue").read())
                    auth.update_token(other["tc_token"], other["tc_token_expires"])
                    lost = platform.stats()["lost"]
                    losses.append(time.time())
            # Each process that lives has sent a request: none hangs in a lock that it has inherited.
            late = time.monotonic() + 30
            while not set(processes.pids()) <= {pid for _, pid, _ in settings.lines("works")} and not planted:
                assert time.monotonic() < late, f"{name}: a process does not work: {processes.pids()}"
                time.sleep(0.05)
        finally:
            pathlib.Path(directory + ".end").touch()
            own.join()
            processes.end()
        stats = platform.stats()
        auth.close()
        all_failed = settings.lines("failed")
        failed = [line for line in all_failed if not any(-3 < line[0] - loss < 2 for loss in losses)]
        started = len({pid for _, pid, _ in settings.lines("works")})
        said = (
            f"{name}: {stats['verified']} requests, {len(failed)} failed, {stats['issued'] - 1} renewals, "
            f"{kills} of {started} processes killed, {len(losses)} tokens lost (which failed "
            f"{len(all_failed) - len(failed)} requests)"
        )
        if planted:
            return f"{said} (planted: not shared)"
        for when, pid, what in failed[:10]:
            print(f"{when:.3f} {pid}: {what}")
        assert not failed, said
        assert started > kills and stats["issued"] - 1 >= seconds / TOKEN_LIFE, said
        return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    options = parser.parse_args()
    names = options.scenarios or list(SCENARIOS)
    if len(names) == 1:
        print(run(names[0], options.seconds, options.seed, options.planted), flush=True)
        return
    # Each in a process of its own: a fork must find no threads of another scenario.
    command = [sys.executable, __file__, "--seconds", str(options.seconds), "--seed", str(options.seed)]
    command += ["--planted"] if options.planted else []
    print(f"--seed {options.seed}", flush=True)
    running = [subprocess.Popen([*command, name]) for name in names]
    sys.exit(any([process.wait() for process in running]))


if __name__ == "__main__":
    main()
