"""The crash test: processes that share a token in a directory are killed, stopped and disturbed, and all are judged.

    python3 fleet.py PROGRAM [--seconds 60] [--seed N] [--shipped PROGRAM]...    (`make fleet` starts it)

PROGRAM is tests/c/fleet.c with a library whose tickets live for 3 seconds, and --shipped the same with the library that
users get. The stand-in for the platform runs in this process, so a fault can hit a worker at an exact moment of its
renewal. First the locks are taken away, which must be found. The seed repeats the choice of the faults, not the timing.

Some faults need root, and some of these CAP_SYS_ADMIN, which a container may lack. What can't be tested is printed. With
REQUIRE_ALL=1 in the environment, a run without root fails.
"""

import argparse
import collections
import contextlib
import ctypes
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import stand_in

WORKERS = 8
LIFE = 4  # of a token
TICKET_LIFE = 3  # with --cfg tc_auth_short_ticket
SHIPPED_TICKET_LIFE = 120
USER, FOREIGN_USER = 64001, 64002
TOKEN = "API:0:fleet+token="
# Ten times what is expected: the machine may be busy.
GATE = 10
# When a process has failed no request for so long, and has sent some, a fault is over for it.
CALM = 0.8
# SAVE_PAUSE of src/token/share.rs: for so long a process that could not use the directory does without it, so it does not
# notice that another one renews.
STORE_PAUSE = 1

LOST, STOPPED, STORE = "the unrepairable loss", "a stopped holder", "a store that does not answer"
# What a request may fail with, if there is a cause: any other failure is a mistake.
FAILURES = ["poll RENEWAL_TIMEOUT", "sign TOKEN_EXPIRED", "401 RETRY", "401 TOKEN_REJECTED"]


class Trouble(Exception):
    """The run can't go on."""


class Worker:
    def __init__(self, slot, name, process, namespace):
        self.slot, self.name, self.process, self.namespace = slot, name, process, namespace
        self.pid = None if namespace else process.pid
        self.ready = self.killed = self.stopped = self.reserved = False
        self.was_issued = False  # a token, since its last ticket
        self.clock = 0  # how far it is off
        self.accepted, self.last_accepted, self.last_failure = 0, 0.0, 0.0
        self.ever_accepted = set()
        self.unsaved = None  # a token that was issued to it, and perhaps nobody else knows
        self.asked = 0.0  # when it asked for it: from then on the platform may refuse the one before
        self.tickets = {}  # that are out, for each thread
        self.obeyed = collections.Counter()

    def command(self, line):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()


class Window:
    """From when to when requests may fail because of a fault."""

    def __init__(self, cause, only=None, start=None):
        self.cause, self.only = cause, only
        self.start = start or time.monotonic()
        self.over = None  # when the fault ended
        self.end = None  # when all workers were accepted again
        self.failures = 0

    def covers(self, worker, start, end):
        return self.only in (None, worker) and self.start <= end and (self.end is None or start <= self.end)


class Tokens(stand_in.Tokens):
    def __init__(self, fleet, life):
        super().__init__(TOKEN, life, [])
        self.fleet = fleet
        self.asking = threading.local()

    def renew(self, token, now, tell):
        """A renewal takes some time, so that others come in the meantime."""
        time.sleep(random.uniform(0, 0.05))
        # A late success must outlive the stop: after a new token was rejected, processes wait for 5 seconds or more.
        renewed = super().renew(token, now + TICKET_LIFE if self.fleet.trap == "after" else now, tell)
        time.sleep(random.uniform(0, 0.05))
        if renewed is None:
            self.fleet.refused(self.asking.worker, token)
        else:
            self.fleet.issued(self.asking.worker, renewed[0])
        return renewed


class Handler(stand_in.Handler):
    def renew(self, token):
        fleet = self.server.fleet
        worker = self.server.tokens.asking.worker = fleet.worker(self.headers["Worker"])
        if fleet.asked(worker, token):
            super().renew(token)
        else:
            self.drop()

    def log(self, line):
        """Events are logged by the fleet, without tokens."""


class Platform(stand_in.Platform):
    def __init__(self, fleet):
        super().__init__(argparse.Namespace(
            access_id=stand_in.ACCESS_ID, secret_key=stand_in.SECRET_KEY, token=TOKEN, token_life=LIFE, faults=[],
            clock_offset=0, tls=None, header=[], dead_connections=False, quiet=True))
        self.RequestHandlerClass = Handler
        self.fleet = fleet
        self.tokens = Tokens(fleet, LIFE)

    def check(self, method, target, headers):
        how = super().check(method, target, headers)
        self.fleet.accept(headers["Worker"], headers["Authorization"].removeprefix("TC-Token "))
        return how

    def handle_error(self, request, client_address):
        """A worker that was killed does not read its response."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def states(pid):
    """The kernel's letters for its threads: T is stopped, Z and X have ended."""
    letters = set()
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            letters.add(path.read_text().rpartition(")")[2].split()[0])
    return letters or {"X"}


def number(token):
    """What to call a token in a log."""
    return f"token {token.split(':')[1]}"


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:x}"


class Fleet:
    def __init__(self, program, store, options, seed, lockless=False):
        self.program, self.store, self.lockless = program, store, lockless
        self.is_root, self.has_disk = options["is_root"], options["has_disk"]
        self.has_namespaces = options["has_namespaces"]
        self.directory = store / "family"
        self.random = random.Random(seed)
        self.lock = threading.RLock()
        self.lines = []
        self.by_name, self.slots, self.incarnations = {}, [None] * WORKERS, 0
        self.kills, self.respawns, self.next_kill = True, True, 0.0
        self.trap = self.trapped = self.forked = None
        self.windows, self.problems = [], []
        self.counts, self.failures, self.renewed = collections.Counter(), [], []
        self.vain = []  # renewals of a token that had been replaced
        self.tickets, self.generations, self.files, self.planted = [], [], [], {}
        self.store_errors = 0
        self.lag = 0.0
        self.running = True

    # --- what happened

    def log(self, text):
        with self.lock:
            self.lines.append((time.monotonic(), text))

    def problem(self, text, at=None):
        with self.lock:
            self.problems.append((time.monotonic() if at is None else at, text))
            self.log(f"PROBLEM {text}")

    def read(self, worker):
        for line in worker.process.stdout:
            with self.lock:
                self.log(f"{worker.name} {line.strip()}")
                self.event(worker, *line.split())

    def event(self, worker, kind, *fields):
        if kind == "process":
            worker.pid = int(fields[0])
        elif kind == "ready":
            worker.ready = True
        elif kind == "ticket":
            thread, got = fields[0], float(fields[2])
            worker.was_issued = False
            ticket = {"worker": worker, "got": got, "end": None, "stopped": worker.stopped}
            worker.tickets[thread] = ticket
            self.tickets.append(ticket)
        elif kind == "answer":
            worker.tickets.pop(fields[0])["end"] = float(fields[1])
        elif kind == "completed":
            if fields[2] == "OK":
                worker.unsaved = None
                if worker.was_issued:
                    self.generations.append((float(fields[1]), worker, int(fields[3])))
            elif fields[2] == "STORE_IO":
                self.store_errors += 1
        elif kind == "updated":
            worker.unsaved = None if fields[1] == "OK" else worker.unsaved
        elif kind == "forked":
            self.forked = (worker, int(fields[0]))
        elif kind == "failed":
            start, end, failure = float(fields[0]), float(fields[1]), " ".join(fields[2:])
            worker.last_failure = end
            self.failures.append((worker, start, end, failure))
        elif kind == "clock":
            worker.clock = int(fields[0])
        elif kind == "obeyed":
            worker.obeyed[fields[0]] += 1

    def watch(self, watcher):
        for line in watcher.stdout:
            _, at, state, generation, digest = line.split()
            with self.lock:
                self.log(f"file: {state} generation {generation}")
                self.files.append((float(at), state, digest))

    # --- the platform, in its threads

    def worker(self, name):
        with self.lock:
            return self.by_name[name]

    def asked(self, worker, token):
        """Before a renewal. Returns whether it arrives."""
        with self.lock:
            self.log(f"platform: {worker.name} renews {number(token)}")
            worker.asked = time.monotonic()
            if self.trap != "before" or worker.reserved:
                return True
            self.trap, arrives = None, random.random() < 0.5
            self.stop(worker)
            self.trapped = worker
        while arrives and worker.stopped and self.running:
            time.sleep(0.01)  # a request that waited for its network as long as the process was stopped
        return arrives

    def refused(self, worker, token):
        with self.lock:
            self.log(f"platform: refused {worker.name} to renew {number(token)}")
            # Another process renews at once after a kill, and may be faster than a request that was on its way.
            if not worker.killed:
                self.vain.append((time.monotonic(), worker, number(token)))

    def issued(self, worker, token):
        with self.lock:
            self.log(f"platform: issued {number(token)} to {worker.name}")
            self.renewed.append((time.monotonic(), worker, token))
            worker.unsaved, worker.was_issued = token, True
            if worker.killed:
                return self.lose(worker)
            trap = None if worker.reserved else self.trap
            if trap == "after":
                self.trap = None
                self.stop(worker)
                self.trapped = worker
                return None
            if trap != "loss":
                return None
            self.trap, worker.reserved = None, True
            delay = random.uniform(0, 0.3)
        time.sleep(delay)  # a slow response
        with self.lock:
            self.kill(worker)
            self.trapped = worker
        return None

    def accept(self, name, token):
        with self.lock:
            worker = self.by_name[name]
            worker.accepted += 1
            worker.last_accepted = time.monotonic()
            if token in worker.ever_accepted:
                return
            worker.ever_accepted.add(token)
            for other in self.by_name.values():
                if other.unsaved == token and other is not worker:
                    other.unsaved = None

    # --- processes

    def start(self):
        self.directory.mkdir(mode=0o755)
        self.own(self.directory)
        self.server = Platform(self)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self.measure_lag, daemon=True).start()
        self.expires = int(time.time()) + LIFE
        self.respawn()
        self.until(self.token_file, "no token file")
        watcher = [self.program, "watch", str(self.token_file()), TOKEN]
        self.watcher = subprocess.Popen(watcher, stdout=subprocess.PIPE, text=True)
        self.watching = threading.Thread(target=self.watch, args=(self.watcher,), daemon=True)
        self.watching.start()
        self.until(lambda: self.renewed and self.all_well(), "not all workers are accepted")

    def measure_lag(self):
        """How late this process is at most: what is measured in real time gets as much longer."""
        while self.running:
            before = time.monotonic()
            time.sleep(0.02)
            self.lag = max(self.lag, time.monotonic() - before - 0.02)

    def own(self, path):
        if self.is_root:
            os.chown(path, USER, USER)

    def token_file(self):
        """The one file with a sealed token."""
        if not hasattr(self, "token_path"):
            for path in self.directory.iterdir():
                with contextlib.suppress(OSError):
                    if path.read_bytes().startswith(b"TC1."):
                        self.token_path = path
        return getattr(self, "token_path", None)

    def respawn(self):
        for slot, worker in enumerate(self.slots):
            if worker is None:
                self.slots[slot] = self.spawn(slot, self.has_namespaces and slot < WORKERS // 4)

    def spawn(self, slot, namespace):
        self.incarnations += 1
        name = f"{slot}.{self.incarnations}"
        # Some wait for a renewal in any case, and some give up before the ticket of a stopped process lapses.
        max_wait = 10_000 if slot % 2 else 2_500
        user = USER if self.is_root else os.geteuid()
        command = [self.program, "worker", name, self.server.server_port, self.directory, TOKEN, self.expires, user]
        command += [max_wait] + ["namespace"] * namespace + ["lockless"] * self.lockless
        with self.lock:  # the platform must know it before its first request
            process = subprocess.Popen([str(argument) for argument in command], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
            worker = self.by_name[name] = Worker(slot, name, process, namespace)
        threading.Thread(target=self.read, args=(worker,), daemon=True).start()
        return worker

    def live(self):
        return [worker for worker in self.slots if worker and worker.ready and not worker.killed and not worker.stopped]

    def free(self):
        """The workers that no fault has been chosen for."""
        return [worker for worker in self.live() if worker.pid and worker.accepted and not worker.reserved]

    def kill(self, worker):
        with self.lock:
            self.log(f"kill {worker.name}")
            os.kill(worker.pid, signal.SIGKILL)
            worker.killed = True
            if worker.unsaved:
                self.lose(worker)

    def lose(self, worker):
        self.log(f"{number(worker.unsaved)} may be lost")
        self.window(LOST, start=worker.asked)

    def stop(self, worker):
        with self.lock:
            self.log(f"stop {worker.name}")
            worker.stopped = worker.reserved = True
            worker.stopped_at = time.monotonic()
            os.kill(worker.pid, signal.SIGSTOP)
            while not states(worker.pid) <= {"T", "X", "Z"}:
                time.sleep(0.001)  # it does not stop at once
            for ticket in worker.tickets.values():
                ticket["stopped"] = True

    def resume(self, worker):
        with self.lock:
            self.log(f"continue {worker.name}")
            os.kill(worker.pid, signal.SIGCONT)
            worker.stopped = worker.reserved = False

    def reap(self):
        for slot, worker in enumerate(self.slots):
            if worker is None or worker.process.poll() is None:
                continue
            expected = 128 + signal.SIGKILL if worker.namespace else -signal.SIGKILL
            if not worker.killed or worker.process.returncode != expected:
                self.problem(f"worker {worker.name} ended with {worker.process.returncode}")
            self.slots[slot] = None

    # --- what goes on all the time

    def tend(self):
        """Starts workers, kills some, and sets a token after a loss."""
        self.reap()
        if self.respawns:
            self.respawn()
        now = time.monotonic()
        if self.with_faults and self.kills and now > self.next_kill:
            self.next_kill = now + self.random.uniform(0.5, 2.5)
            if workers := self.free():
                self.kill(self.random.choice(workers))
                self.counts["kill -9 at a random moment"] += 1
        for window in [window for window in self.windows if window.end is None]:
            if window.over is None and window.cause == LOST:
                self.recover(window)
            elif window.over is not None and self.is_calm(window):
                window.end = now
                self.log(f"over: {window.cause}")
            elif window.over is not None and now > window.over + GATE + 10 * self.lag:
                raise Trouble(f"no recovery from {window.cause}")

    def recover(self, window):
        """An application sets another token in one process, which must reach all."""
        with self.lock:
            workers = self.live()
            if not workers:
                return
            worker = self.random.choice(workers)
            token, expires = self.server.tokens.issue(int(time.time()))
            self.log(f"{number(token)} is set in {worker.name}")
            worker.unsaved = token
            worker.asked = window.over = time.monotonic()
        worker.command(f"update {token} {expires}")

    def is_calm(self, window):
        now = time.monotonic()
        with self.lock:
            workers = [window.only] if window.only and not window.only.killed else self.slots
            pause = STORE_PAUSE if window.cause == STORE else 0
            return now > window.over + pause + CALM and all(self.is_well(worker, now) for worker in workers)

    def is_well(self, worker, now):
        if worker is None or worker.killed:
            return False
        return worker.stopped or worker.last_accepted > now - CALM and worker.last_failure < now - CALM

    def all_well(self):
        now = time.monotonic()
        with self.lock:
            return all(self.is_well(worker, now) for worker in self.slots) and not self.open_windows()

    def open_windows(self):
        return [window for window in self.windows if window.end is None]

    def until(self, condition, otherwise, seconds=GATE):
        end = time.monotonic() + seconds + 10 * self.lag
        while not condition():
            if time.monotonic() > end:
                raise Trouble(otherwise)
            self.tend()
            time.sleep(0.02)

    def pass_time(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tend()
            time.sleep(0.02)

    def window(self, cause, only=None, start=None):
        window = Window(cause, only, start)
        with self.lock:
            self.windows.append(window)
        return window

    def set_trap(self, trap):
        """Waits until it has caught a worker at a moment of its renewal."""
        with self.lock:
            self.trapped, self.trap = None, trap
        self.until(lambda: self.trapped, f"nobody renewed, for the fault '{trap}'", 3 * GATE)
        return self.trapped

    def newest(self):
        with self.lock:
            return len(self.renewed)

    # --- the faults; each returns whether it took effect

    def lose_response(self):
        worker = self.set_trap("loss")
        token = self.renewed[-1][2] if self.renewed[-1][1] is worker else None
        self.until(self.all_well, "no recovery from a loss")
        # Nobody knew it, so nobody has used it.
        return token is not None and not any(token in other.ever_accepted for other in self.by_name.values())

    def stop_before(self):
        worker = self.set_trap("before")
        window, own = (self.window(STOPPED, only, worker.stopped_at) for only in (None, worker))
        renewals = self.newest()
        self.pass_time(TICKET_LIFE)
        window.over = time.monotonic()
        self.until(lambda: window.end, "no recovery while a holder is stopped", 2 * GATE)
        took_effect = states(worker.pid) == {"T"} and self.newest() > renewals
        self.resume(worker)
        own.over = time.monotonic()
        return took_effect

    def stop_after(self):
        worker = self.set_trap("after")
        window = self.window(STOPPED, None, worker.stopped_at)
        self.pass_time(TICKET_LIFE + self.random.uniform(0.1, 0.4))
        took_effect = states(worker.pid) == {"T"}
        self.resume(worker)
        window.over = time.monotonic()
        # Nobody but this process knows the token from which the platform goes on.
        self.until(self.all_well, "a late success did not reach all", 2 * GATE)
        return took_effect

    def fork(self, seconds):
        """The child of a holder that was killed keeps its lock."""
        self.forked, self.kills = None, False
        self.until(self.all_well, "not all workers are accepted", 2 * GATE)
        # With the first process of a namespace, its child would end, too.
        workers = [worker for worker in self.live() if not worker.namespace]
        for worker in workers:
            worker.command(f"fork {seconds}")
        self.until(lambda: all(worker.obeyed["fork"] for worker in workers), "no command is obeyed")
        self.until(lambda: self.forked, "no holder forked", 3 * GATE)
        worker, child = self.forked
        worker.reserved = True
        for other in workers:
            other.obeyed.clear()
            other.command("fork -1")
        self.until(lambda: all(other.obeyed["fork"] for other in workers), "no command is obeyed")
        window, renewals, killed = None, self.newest(), time.monotonic()
        if seconds:
            window = self.window(STOPPED)
        self.kill(worker)
        self.kills = True
        limit = TICKET_LIFE + GATE if seconds else 2
        self.until(lambda: self.newest() > renewals, f"nobody renewed {limit} s after a holder's death", limit)
        took = time.monotonic() - killed
        self.log(f"renewed {took:.3f} s after the death of a holder that had forked")
        child_lives = not states(child) & {"Z", "X"}
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        if window:
            window.over = time.monotonic()
        return child_lives == bool(seconds)

    def fork_and_stay(self):
        return self.fork(30)

    def fork_and_end(self):
        return self.fork(0)

    def fill_disk(self):
        window, errors, failures = self.window(STORE), self.store_errors, len(self.failures)
        filler = self.store / "filler"

        def was_missed():
            # Again and again: room that a replaced file took gets free when the last process has closed it.
            with open(filler, "ab", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(b"\0" * 4096):
                    pass
            # In a new directory, there may be no room for the record of a ticket: then nobody renews.
            return self.store_errors > errors or len(self.failures) > failures
        self.until(was_missed, "nobody wrote to the full disk", 3 * GATE)
        self.pass_time(self.random.uniform(0, 0.5))
        filler.unlink()
        window.over = time.monotonic()
        return True

    def take_permissions(self):
        window, failures = self.window(STORE), len(self.failures)
        files = [path for path in self.directory.iterdir() if not path.name.endswith(".new")]
        victim = self.random.choice([self.directory, *files])
        mode = victim.stat().st_mode & 0o7777
        self.log(f"chmod 0 {victim.name}")
        victim.chmod(0)
        inode = victim.stat().st_ino
        # A new file in its place is as good an end as a failed request.
        was_missed = lambda: len(self.failures) > failures or victim.stat().st_ino != inode
        end = time.monotonic() + 2 * LIFE
        while not was_missed() and time.monotonic() < end:
            self.pass_time(0.02)
        took_effect = was_missed()
        self.pass_time(self.random.uniform(0, 0.5))
        if victim.stat().st_ino == inode:
            victim.chmod(mode)
        window.over = time.monotonic()
        return took_effect

    def remove_directory(self):
        window = self.window(STORE)
        while self.directory.exists():
            shutil.rmtree(self.directory, ignore_errors=True)
        self.pass_time(self.random.uniform(0, 2))
        new = self.store / "new"
        new.mkdir(mode=0o755)
        self.own(new)
        new.rename(self.directory)
        window.over = time.monotonic()
        self.until(lambda: self.token_path.exists(), "no token in the new directory", 2 * GATE)
        return True

    def damage(self, change):
        """Changes the token file, and waits until a worker has repaired it. All know the token, so nobody may fail."""
        self.kills = False
        self.until(self.all_well, "not all workers are accepted", 2 * GATE)
        self.respawns = False
        self.until(self.all_know_the_token, "no moment between two renewals", 2 * GATE)
        at = time.monotonic()
        took_effect = self.plant(change)
        repaired = lambda: any(when > at and state in ("NEWER", "SAME") for when, state, _ in self.files[-5:])
        if took_effect:
            self.until(repaired, "a damaged token file was not repaired")
        self.kills = self.respawns = True
        return took_effect

    def all_know_the_token(self):
        """And the next renewal, at half of its life, is not soon."""
        with self.lock:
            at, _, token = self.renewed[-1]
            know = all(worker and token in worker.ever_accepted for worker in self.slots)
            return know and time.monotonic() < at + LIFE / 2 - 0.5

    def plant(self, change):
        try:
            with open(self.token_path, "r+b", buffering=0) as file:
                text = file.read()
                planted = change(text)
                self.planted[fnv(planted)] = time.monotonic()
                self.log(f"the token file is damaged: {len(planted)} of {len(text)} bytes")
                os.pwrite(file.fileno(), planted, 0)
                file.truncate(len(planted))
                # If a worker has replaced it meanwhile, the damage is nobody's.
                return os.fstat(file.fileno()).st_ino == self.token_path.stat().st_ino and planted != text
        except FileNotFoundError:
            return False

    def truncate(self):
        return self.damage(lambda text: text[:self.random.randrange(len(text))])

    def fill_with_garbage(self):
        def garbage(text):
            if self.random.random() < 0.5:
                return self.random.randbytes(len(text))
            at = self.random.randrange(21, len(text) - 2)  # one wrong letter in the sealed part
            return text[:at] + (b"A" if text[at:at + 1] != b"A" else b"B") + text[at + 1:]
        return self.damage(garbage)

    def restore_older(self):
        older = self.token_path.read_bytes()
        renewals = self.newest()
        self.until(lambda: self.newest() > renewals + 1, "no renewals", 3 * GATE)
        return self.damage(lambda text: older)

    def share_as_other_user(self):
        if self.open_windows():
            return False
        user = self.random.choice([0, FOREIGN_USER])
        command = [self.program, "foreign", str(self.directory), TOKEN, str(self.expires), str(user)]
        status = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
        self.log(f"user {user}: {status}")
        if status != "STORE_IO":
            self.problem(f"a process of the user {user} shares the token: {status}")
        return True

    def enter_namespace(self):
        """Another worker takes the place of one, in a PID namespace of its own."""
        slot = self.random.choice(self.free()).slot
        self.kills, self.respawns = False, False
        self.kill(self.slots[slot])
        self.until(lambda: self.slots[slot] is None, "a process that was killed lives")
        worker = self.slots[slot] = self.spawn(slot, namespace=True)
        worker.reserved = True
        self.kills = self.respawns = True
        self.until(lambda: worker.accepted > 10, "no requests from another PID namespace")
        inside = os.readlink(f"/proc/{worker.pid}/ns/pid")
        worker.reserved = False
        return inside != os.readlink("/proc/self/ns/pid")

    def set_clock_back(self):
        worker = self.random.choice(self.free())
        worker.reserved = True
        worker.command(f"offset -{self.random.choice([10, 600, 86400])}")
        self.until(lambda: worker.obeyed["offset"] == 1, "no command is obeyed")
        accepted, is_back = worker.accepted, worker.clock < -LIFE
        self.pass_time(self.random.uniform(2, 4))
        took_effect = is_back and worker.accepted > accepted + 10
        worker.command("offset 0")
        self.until(lambda: worker.obeyed["offset"] == 2, "no command is obeyed")
        worker.reserved = False
        worker.obeyed.clear()
        return took_effect

    def all_faults(self):
        faults = {
            "kill -9 between the response and the write": self.lose_response,
            "stopped for longer than its ticket, before the renewal": self.stop_before,
            "stopped for longer than its ticket, after the renewal": self.stop_after,
            "killed after a fork with a ticket, the child lives": self.fork_and_stay,
            "killed after a fork with a ticket, the child ends": self.fork_and_end,
            "token file truncated": self.truncate,
            "token file replaced by garbage": self.fill_with_garbage,
            "token file replaced by an older copy": self.restore_older,
            "directory removed and made again": self.remove_directory,
            "wall clock set back": self.set_clock_back,
        }
        if self.is_root:
            faults["a process of another user"] = self.share_as_other_user
        if self.has_namespaces:
            faults["another PID namespace"] = self.enter_namespace
        if self.has_disk:
            faults["full disk"] = self.fill_disk
        if self.is_root or os.geteuid() != 0:
            faults["permissions taken away"] = self.take_permissions
        return faults

    # --- a run and its judgement

    def run(self, seconds, with_faults):
        self.with_faults = False
        self.began = time.monotonic()
        try:
            self.start()
            self.began = began = time.monotonic()
            self.with_faults = with_faults
            if not with_faults:
                self.pass_time(seconds)
            pending = []
            # On a busy machine it may take longer.
            while with_faults and (time.monotonic() < began + seconds or self.too_few(seconds)):
                if time.monotonic() > began + 2 * seconds:
                    raise Trouble(f"too few: {', '.join(self.too_few(seconds))}")
                if not pending:
                    pending = list(self.all_faults().items())
                    self.random.shuffle(pending)
                name, fault = pending.pop()
                self.log(f"--- {name}")
                if fault():
                    self.counts[name] += 1
                self.until(lambda: not self.open_windows(), "no recovery", 2 * GATE)
                self.pass_time(self.random.uniform(0, 0.6))
            self.with_faults = False
            if with_faults:
                self.until(self.all_well, "not all workers are accepted in the end", 2 * GATE)
        except Trouble as trouble:
            self.problem(str(trouble))
        self.seconds = time.monotonic() - self.began
        self.finish()
        self.judge()

    def too_few(self, seconds):
        """What has not happened often enough."""
        times = 5 if seconds >= 300 else 1
        few = [name for name in ["kill -9 at a random moment", *self.all_faults()] if self.counts[name] < times]
        return few + ["renewals"] * (self.newest() < seconds // 3)

    def finish(self):
        self.running = False
        for worker in filter(None, self.slots):
            if worker.stopped:
                self.resume(worker)
            with contextlib.suppress(ProcessLookupError, TypeError):
                os.kill(worker.pid, signal.SIGKILL)
        for worker in self.by_name.values():
            worker.process.wait()
            with contextlib.suppress(BrokenPipeError):
                worker.process.stdin.close()
        if hasattr(self, "watcher"):
            self.watcher.kill()
            self.watcher.wait()
        self.server.shutdown()
        self.server.server_close()

    def judge(self):
        self.judge_failures()
        self.judge_tickets()
        for at, worker, token in self.vain:
            if not self.windows_at(worker, at, at):
                self.problem(f"{worker.name} renewed {token}, which had been replaced", at)
        generations = collections.Counter(generation for _, _, generation in self.generations)
        for at, worker, generation in self.generations:
            if generations[generation] > 1 and not self.windows_at(worker, at, at):
                self.problem(f"two renewals made generation {generation}", at)
        for at, state, digest in self.files:
            planted = self.planted.get(digest)
            is_torn_by_us = any(when - 0.05 <= at <= when + 0.05 for when in self.planted.values())
            is_gone = any(window.cause == STORE for window in self.windows_at(None, at, at))
            if state in ("NEWER", "SAME") or planted or is_torn_by_us or (state in ("OLDER", "MISSING") and is_gone):
                continue
            self.problem(f"the token file was {state}", at)
        if len(self.files) < len(self.renewed) // 2:
            self.problem("the token file was not watched")
        if wrong := self.server.counters["wrong"]:
            self.problem(f"{wrong} requests with a token that was never issued")

    def windows_at(self, worker, start, end):
        return [window for window in self.windows if window.covers(worker, start, end)]

    def judge_failures(self):
        for worker, start, end, failure in self.failures:
            windows = self.windows_at(worker, start, end)
            if windows and failure in FAILURES:
                windows[0].failures += 1
            else:
                self.problem(f"{worker.name} failed: {failure}", end)

    def judge_tickets(self):
        """No two tickets at once, but one that lapsed, or whose lock was removed with the directory."""
        def end(ticket):
            # A second before it lapses, because it is a bit older than this process knows.
            killed = [at for at, text in self.lines if text == f"kill {ticket['worker'].name}"]
            return min([at for at in [ticket["end"], *killed] if at] + [ticket["got"] + TICKET_LIFE - 1])
        before = None
        tickets = [ticket for ticket in self.tickets if not ticket["stopped"]]
        for ticket in sorted(tickets, key=lambda ticket: ticket["got"]):
            ticket["lasted"] = end(ticket)
            if before and ticket["got"] < before["lasted"] and ticket["worker"] is not before["worker"]:
                if not any(window.cause == STORE for window in self.windows_at(None, before["got"], ticket["got"])):
                    names = f"{before['worker'].name} and {ticket['worker'].name}"
                    self.problem(f"two tickets at once: {names}", ticket["got"])
            if not before or ticket["lasted"] > before["lasted"]:
                before = ticket

    def fault_at(self, at):
        """The last fault that began before."""
        return ([text for when, text in self.lines if when <= at and text.startswith("---")] or ["before the first fault"])[-1]

    def requests(self):
        return self.server.counters["verified"] + self.server.counters["refused"]

    def table(self):
        print("| fault | times |\n| --- | ---: |")
        for name in ["kill -9 at a random moment", *self.all_faults()]:
            print(f"| {name} | {self.counts[name]} |")
        print("\n| failed requests because of | faults | requests |\n| --- | ---: | ---: |")
        for cause in (LOST, STOPPED, STORE):
            windows = [window for window in self.windows if window.cause == cause]
            print(f"| {cause} | {len(windows)} | {sum(window.failures for window in windows)} |")
        others = len({worker.name for _, worker, _ in self.renewed if worker.namespace})
        rate = self.requests() / self.seconds
        print(f"\n{self.seconds:.0f} s, {self.incarnations} processes; "
              f"{self.requests()} requests ({rate:.0f} per second), {len(self.failures)} failed; "
              f"{len(self.renewed)} renewals, and {len(self.vain)} of a token that had been replaced; "
              f"{others} processes renewed in another PID namespace; the token file had {len(self.files)} states; "
              f"this process was late by at most {1000 * self.lag:.0f} ms")

    def show_problems(self, most=5):
        for at, text in sorted(self.problems)[:most]:
            print(f"\nPROBLEM: {text}")
            seen = set()
            for when, line in self.lines:
                words = line.split()
                what = (words[0], *words[4:]) if words[1:2] == ["failed"] else line
                if at - 3 <= when <= at + 1 and what not in seen and not line.startswith("PROBLEM"):
                    seen.add(what)
                    print(f"  {'>' if abs(when - at) < 0.01 else ' '} {when - at:+.3f} {line}")
        if len(self.problems) > most:
            print(f"\nand {len(self.problems) - most} more:")
            for text, times in collections.Counter(text for _, text in sorted(self.problems)[most:]).most_common(20):
                print(f"  {times} times: {text}")


NEW_MOUNT_NAMESPACE, NEW_PID_NAMESPACE = 0x20000, 0x20000000


def may_make_namespaces():
    """Root may not in every container. Call it while there is one thread."""
    libc = ctypes.CDLL(None)
    child = os.fork()
    if child == 0:
        os._exit(0 if libc.unshare(NEW_PID_NAMESPACE) == 0 else 1)
    return os.waitpid(child, 0)[1] == 0


def small_disk(path):
    """Mounts a small file system that ends with this process. Returns whether that is possible."""
    libc = ctypes.CDLL(None, use_errno=True)
    recursive, private = 0x4000, 0x40000
    calls = [lambda: libc.unshare(NEW_MOUNT_NAMESPACE), lambda: libc.mount(b"none", b"/", None, recursive | private, None),
             lambda: libc.mount(b"tmpfs", str(path).encode(), b"tmpfs", 0, b"size=256k,mode=755")]
    return all(call() == 0 for call in calls)


def ticket_life(program):
    return int(subprocess.run([program, "life"], capture_output=True, text=True, timeout=60, check=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--shipped", action="append", default=[])
    parser.add_argument("--log", type=pathlib.Path, help="where to write all that happened")
    arguments = parser.parse_args()

    lives = {arguments.program: TICKET_LIFE} | dict.fromkeys(arguments.shipped, SHIPPED_TICKET_LIFE)
    for program, life in lives.items():
        if (found := ticket_life(program)) != life:
            sys.exit(f"{program}: a ticket lives for {found} s, not for {life} s")
        print(f"{program}: a ticket lives for {life} s")

    with tempfile.TemporaryDirectory(prefix="tc_auth-fleet-") as base:
        store = pathlib.Path(base)
        store.chmod(0o755)
        is_root = os.geteuid() == 0
        options = {"is_root": is_root, "has_namespaces": is_root and may_make_namespaces(),
                   "has_disk": is_root and small_disk(store)}
        try:
            failed = test(arguments, store, options)
        finally:
            if options["has_disk"]:
                subprocess.run(["umount", "-l", base], check=False)
    sys.exit(1 if failed else 0)


def test(arguments, store, options):
    not_tested = []
    if not options["is_root"]:
        not_tested += ["a process of another user"]
    if not options["has_namespaces"]:
        not_tested += ["another PID namespace"]
    if not options["has_disk"]:
        not_tested += ["a full disk"]

    print("planted: no locks", flush=True)
    lockless = Fleet(arguments.program, store / "lockless", options, arguments.seed, lockless=True)
    lockless.store.mkdir()
    lockless.run(8, with_faults=False)
    found = collections.Counter(text.partition(":")[0].split(",")[-1].strip() for _, text in lockless.problems)
    for problem in ("two tickets at once", "which had been replaced"):
        if not found[problem]:
            lockless.table()
            print(f"the planted fault was not found: {problem}")
            return True
        print(f"found, as it has to be: {problem}, {found[problem]} times")

    print(f"\n{arguments.seconds} s, seed {arguments.seed}:", flush=True)
    fleet = Fleet(arguments.program, store / "fleet", options, arguments.seed)
    fleet.store.mkdir()
    fleet.run(arguments.seconds, with_faults=True)
    if fleet.requests() < 100 * fleet.seconds:
        fleet.problem(f"too few requests: {fleet.requests()}")
    if arguments.log:
        arguments.log.write_text("".join(f"{at:.3f} {line}\n" for at, line in fleet.lines))
    fleet.show_problems()
    print()
    fleet.table()
    for fault in not_tested:
        print(f"not tested here: {fault}; it needs root" + ", in a container with CAP_SYS_ADMIN" * options["is_root"])
    if fleet.problems:
        print(f"seconds, problem, faults at that time ({arguments.seconds} s, {os.cpu_count()} CPUs, "
              f"load {os.getloadavg()[0]:.1f})")
        for at, text in sorted(fleet.problems)[:10]:
            causes = ", ".join(window.cause for window in fleet.windows_at(None, at, at))
            print(f"  {at - fleet.began:.1f} {text} [{causes}] {fleet.fault_at(at)}")
        print(f"FAILED: {len(fleet.problems)} problems; the same faults again: "
              f"make fleet SECONDS={arguments.seconds} SEED={arguments.seed}")
    return bool(fleet.problems) or (not options["is_root"] and os.environ.get("REQUIRE_ALL") == "1")


if __name__ == "__main__":
    main()
