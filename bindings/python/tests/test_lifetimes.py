"""When things are freed: references, threads, the end of the interpreter, forked children, subinterpreters."""

from __future__ import annotations

import gc
import os
import pathlib
import subprocess
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import Any, Callable

import pytest

import tc_auth
from tc_auth import Auth, State, _auth, _library, _renewal

API = "https://company.example/api"
GOOD = '{"success":true,"apiToken":"API:6:b"}'
CPYTHON = sys.implementation.name == "cpython"
COUNTED = pytest.mark.skipif(not CPYTHON, reason="only CPython counts references")
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() here")


def due() -> Auth:
    auth = Auth.token("API:5:a", 1)
    auth.set_api_path(API)
    return auth


@pytest.fixture
def freed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How many objects of the C library were freed, and no object twice."""
    counts: Counter[str] = Counter()

    def counting(name: str, free: Callable[[Any], None]) -> Callable[[Any], None]:
        def count(pointer: Any) -> None:
            counts[name] += 1
            free(pointer)

        return count

    gc.collect()
    _auth._no_tickets.clear()
    monkeypatch.setattr(_auth._Handle, "free", staticmethod(counting("auth", _auth._Handle.free)))
    yield counts


@COUNTED
def test_without_a_garbage_collection(freed: Counter[str]) -> None:
    """There are no cycles of references, so the secrets are wiped as soon as the last reference goes."""
    gc.disable()
    try:
        auth = due()
        gone = weakref.ref(auth)
        renewal: Any = auth.poll()
        url = auth.url("/v3")
        assert "API" in renewal.url
        del auth
        assert gone() is not None  # the renewal needs it
        assert renewal.complete(200, GOOD) is None
        assert freed["auth"] == 0
        del renewal
        assert gone() is None
        assert freed["auth"] == 1
        assert str(url) == f"{API}/v3"
    finally:
        gc.enable()


@COUNTED
@pytest.mark.parametrize("failure", ["headers", "poll", "update_token", "complete"])
def test_a_kept_traceback_does_not_hold_off_close(freed: Counter[str], failure: str) -> None:
    auth = due()
    renewal: Any = auth.poll()
    calls: dict[str, Callable[[], Any]] = {
        "headers": lambda: auth.headers("GET", "x"),
        "poll": auth.poll,
        "update_token": lambda: auth.update_token(" "),
        "complete": lambda: renewal.complete(500, ""),
    }
    with pytest.raises(tc_auth.TcAuthError) as kept:
        calls[failure]()
    auth.close()
    assert freed["auth"] == 1
    assert kept.value.__traceback__ is not None


def test_an_auth_in_a_cycle_is_freed(freed: Counter[str]) -> None:
    class Owner:
        auth: Auth
        itself: Owner

    owner = Owner()
    owner.itself, owner.auth = owner, due()
    del owner
    for _ in range(3):
        gc.collect()
    assert freed["auth"] == 1


def test_a_dropped_renewal_is_cancelled() -> None:
    auth = due()
    renewal = auth.poll()
    assert renewal is not None
    assert auth.state().state is State.UNDER_WAY
    del renewal
    gc.collect()
    gc.collect()
    assert auth.state().state is State.PAUSED


@COUNTED
def test_the_ticket_goes_before_its_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the pause after a renewal that was given back would not count."""
    order: list[str] = []
    cancel, free = _library.quick.tc_auth_renewal_cancel, _auth._Handle.free
    auth = due()
    renewal: Any = auth.poll()
    monkeypatch.setattr(_auth._Handle, "free", staticmethod(lambda pointer: (order.append("free"), free(pointer))))
    renewal._held[0].cancel = lambda pointer: (order.append("cancel"), cancel(pointer))
    del auth, renewal
    assert order == ["cancel", "free"]


def together(count: int, work: Callable[[int], object]) -> None:
    """Calls it in so many threads at once, and raises the first error."""
    begun, problems = threading.Barrier(count), []

    def run(number: int) -> None:
        begun.wait()
        try:
            work(number)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if problems:
        raise problems[0]


def test_close_while_other_threads_call() -> None:
    """Their calls finish, or raise Closed. Under a debugger or a checked allocator, nothing freed would be read."""
    for turn in range(30):
        auth = due() if turn % 2 else Auth.hmac("1", "key")
        calls: list[Callable[[], Any]] = [
            lambda: auth.headers("GET", "/", at=0), lambda: auth.header_block("GET", "x"), auth.poll, auth.state,
            lambda: auth.api_path, lambda: str(auth), auth.url, auth.current_token,
            lambda: auth.review(tc_auth.Headers("TC-Token a"), 401), lambda: auth.update_token("b", 1),
        ]  # fmt: skip

        def work(number: int, auth: Auth = auth, calls: list[Callable[[], Any]] = calls) -> None:
            if number == 0:
                time.sleep(0.005)
                auth.close()
            closed = 0
            while closed < len(calls):
                closed = 0
                for call in calls:
                    try:
                        call()
                        closed += auth.kind is tc_auth.Kind.NONE
                    except tc_auth.Closed:
                        closed += 1
                    except tc_auth.TcAuthError:
                        pass

        together(9, work)


def test_one_renewal_in_many_threads() -> None:
    """It is completed once, and no other thread touches it then."""
    for _ in range(50):
        auth = due()
        renewal: Any = auth.poll()
        results: list[str] = []

        def work(_: int, renewal: Any = renewal, results: list[str] = results) -> None:
            try:
                assert renewal.url.startswith(API)
                renewal.complete(200, GOOD)
                results.append("completed")
            except tc_auth.Closed:
                renewal.cancel()
                results.append("closed")

        together(8, work)
        assert Counter(results) == {"completed": 1, "closed": 7}
        assert auth.current_token().value == "API:6:b"


def test_threads_get_the_headers_of_their_own_requests() -> None:
    auth, token = Auth.hmac("1", "key"), Auth.token("x")

    def work(number: int) -> None:
        url = f"/thread/{number}"
        for count in range(1500):
            made = auth.headers("GET", url)
            assert made.authorization == auth.headers("GET", url, at=made.timestamp).authorization
            if number == 0:
                token.update_token(f"{count % 10}" * (1 + count % 1500))
            value = token.headers("GET", url).authorization.partition(" ")[2]
            assert len(set(value)) == 1  # not half of one and half of another

    together(8, work)


@COUNTED
def test_memory_does_not_grow() -> None:
    resource = pytest.importorskip("resource")
    auth, token = Auth.hmac("1", "key"), due()

    def work(times: int) -> int:
        for _ in range(times):
            auth.headers("GET", "/")
            Auth.hmac("1", "key").close()
            token.url("/v3").add_segment("a")
            renewal = token.poll()
            if renewal is not None:
                renewal.cancel()
            token.update_token("API:5:a", 1)
            try:
                auth.headers("GET", "x")
            except tc_auth.ArgumentError:
                pass
            token.unseal(token.seal())
            str(auth)
        gc.collect()
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    work(2000)
    before = work(1000)
    assert work(3000) - before < 1500  # KiB; 6,000 handles of 100 bytes would be 600


def run(program: str, timeout: float = 60, warnings: str = "error") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", warnings, "-c", PREAMBLE + program], check=False, capture_output=True, text=True,
        timeout=timeout,
    )  # fmt: skip


PREAMBLE = f"""
import atexit, os, signal, sys, threading, time
import tc_auth
from tc_auth import Auth, State

API, GOOD = {API!r}, {GOOD!r}

def due():
    auth = Auth.token("API:5:a", 1)
    auth.set_api_path(API)
    return auth

def name_of(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__

def in_child(function):
    # What the function prints in a forked child, which ends as a Python program does.
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        function()
        sys.exit()
    _, status = os.waitpid(child, 0)
    assert status == 0, status
"""

ENDS = {
    "objects of modules": "auth = due(); renewal = auth.poll(); url = auth.url(); other = Auth.hmac('1', 'key')",
    "a cycle": "auth = due(); held = [auth, auth.poll()]; held.append(held)",
    "a shared token": """
import atexit, shutil, tempfile
directory = tempfile.mkdtemp()
atexit.register(shutil.rmtree, directory)
auth = due(); auth.share_in(directory, "a key of 32 characters, or longer"); renewal = auth.poll()
held = [auth]; held.append(held); sys.kept = held
class Keeper:
    def __init__(self): self.auth = due(); self.auth.share_in(directory, "a key of 32 characters, or longer")
sys.keeper = Keeper()
""",
    "a daemon thread that waits": """
auth = due(); renewal = auth.poll()
for _ in range(10):
    threading.Thread(target=lambda: auth.poll(600), daemon=True).start()
time.sleep(0.3)
""",
    "daemon threads that call": """
auth, hmac = due(), Auth.hmac("1", "key")
def work():
    while True:
        hmac.headers("GET", "/"); auth.state(); name_of(auth.poll); auth.update_token("API:5:a", 1); str(auth)
for _ in range(5):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
""",
    "a daemon thread that creates": """
def work():
    while True:
        Auth.hmac("1", "key").headers("GET", "/"); due().poll()
for _ in range(5):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
""",
    "atexit": "auth = due(); renewal = auth.poll(); atexit.register(lambda: renewal.complete(200, GOOD)); atexit.register(str, auth)",
    "a thread that outlives the main one": """
auth = due(); renewal = auth.poll()
threading.Thread(target=lambda: (time.sleep(0.2), renewal.complete(200, GOOD), auth.headers("GET", "/"))).start()
""",
    "sys.exit": "auth = due(); renewal = auth.poll(); sys.exit(0)",
    "no module left": "auth = due(); renewal = auth.poll(); sys.modules.clear()",
    "objects that outlive their module": """
class Keeper:
    def __init__(self): self.auth = due(); self.renewal = self.auth.poll()
    def __del__(self): self.renewal.cancel(); self.auth.close()
sys.keeper = Keeper()
""",
}


@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_the_interpreter_is_quiet(name: str) -> None:
    for _ in range(5 if "daemon" in name else 1):
        ended = run(ENDS[name])
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@COUNTED
def test_the_check_of_the_end_finds_a_finalizer_that_fails() -> None:
    ended = run("class Bad:\n    def __del__(self): missing\nbad = Bad()")
    assert "NameError" in ended.stderr


# --- forked children


def lines(program: str, warnings: str = "error") -> list[str]:
    ended = run(program, warnings=warnings)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


@FORKS
def test_a_child_signs_with_a_key_pair() -> None:
    assert lines("""
auth = Auth.hmac("1", "key")
before = auth.headers("GET", "/", at=5).authorization
in_child(lambda: print(auth.headers("GET", "/", at=5).authorization == before, auth.poll(), auth.kind))
""") == ["True None HMAC"]  # fmt: skip


@FORKS
def test_a_child_does_not_use_its_parents_token() -> None:
    """It says why, and the parent goes on, also with the ticket that was out."""
    assert lines("""
auth, closed = due(), due()
closed.close()
renewal = auth.poll()
def child():
    calls = [
        lambda: auth.headers("GET", "/"), lambda: auth.headers("GET", "/", at=5), lambda: auth.header_block("GET", "/"),
        auth.poll, lambda: auth.poll(5), auth.state, auth.current_token, lambda: auth.update_token("a"), auth.seal,
        lambda: auth.unseal("x"), auth.family, lambda: auth.share_in("/tmp"), auth.url, lambda: auth.set_api_path(API),
        lambda: auth.review(tc_auth.Headers("TC-Token a"), 401), lambda: renewal.url, lambda: renewal.complete(200, GOOD),
        lambda: auth.clock_offset,
    ]
    print(set(map(name_of, calls)), auth, auth.kind, auth.api_path, renewal.needed, renewal.cancel())
    print(name_of(closed.state), name_of(lambda: due().poll().complete(200, GOOD)))
    try:
        auth.headers("GET", "/")
    except tc_auth.Forked as error:
        print(error, error.status.name)
    auth.close()
    print(name_of(auth.state))
in_child(child)
print(auth.state().state, renewal.needed, renewal.complete(200, GOOD), auth.current_token().value)
""") == [
        "{'Forked'} of the parent process TOKEN None False None",
        "Closed None",
        "the token belongs to the parent process: create the Auth after the fork, or share it with share_in() before the "
        "fork RENEWAL_TIMEOUT",
        "Closed",
        "UNDER_WAY True None API:6:b",
    ]  # fmt: skip


@FORKS
def test_a_child_makes_its_own_handle_of_a_shared_token(tmp_path: pathlib.Path) -> None:
    """With the settings of the parent, and the newest token. It renews like any process of the family."""
    tmp_path.chmod(0o700)
    assert lines(f"""
auth = due()
auth.renewal_window, auth.clock_offset = 30, -5
auth.share_in({str(tmp_path)!r}, "a key of 32 characters, or longer")
family = auth.family()
auth.poll().complete(200, GOOD)
def child():
    print(auth.headers("GET", "/").authorization, auth.family() == family)
    print(auth.renewal_window, auth.clock_offset, auth.api_path, auth.kind, auth.state().state)
    auth.update_token("API:7:c")
    in_child(lambda: print("grandchild", auth.poll(), auth.current_token().value))
    auth.close()
    print(name_of(auth.state), auth._origin)
in_child(child)
print(auth.poll(), auth.headers("GET", "/").authorization)
""") == [
        "TC-Token API:6:b True",
        "30 -5 https://company.example/api TOKEN VALID",
        "grandchild None API:7:c",
        "Closed None",
        "None TC-Token API:7:c",
    ]  # fmt: skip


@FORKS
def test_a_child_that_can_not_make_its_handle_says_why(tmp_path: pathlib.Path) -> None:
    """And tries again with the next call."""
    tmp_path.chmod(0o700)
    directory = tmp_path / "tokens"
    directory.mkdir(0o700)
    assert lines(f"""
auth = due()
auth.share_in({str(directory)!r})
def child():
    os.rename({str(directory)!r}, {str(tmp_path / "moved")!r})
    print(name_of(auth.poll), name_of(lambda: auth.headers("GET", "/")), str(auth))
    os.rename({str(tmp_path / "moved")!r}, {str(directory)!r})
    print(auth.poll())
    auth.update_token("API:7:c")
    print(auth.headers("GET", "/").authorization)
in_child(child)
""") == ["StoreError StoreError of the parent process", "<tc_auth.Renewal under way>", "TC-Token API:7:c"]  # fmt: skip


@FORKS
def test_a_child_whose_parent_held_the_locks(tmp_path: pathlib.Path) -> None:
    tmp_path.chmod(0o700)
    assert lines(f"""
auth = due()
auth.share_in({str(tmp_path)!r})
held = threading.Event()
def hold():
    with auth._origin.lock, auth._changes._lock:
        held.set(); time.sleep(0.5)
thread = threading.Thread(target=hold)
thread.start(); held.wait()
def child():
    signal.alarm(20)
    authorization = auth.headers("GET", "/", at=0).authorization
    print(authorization, auth._changes.adopted(authorization, 0))
in_child(child)
thread.join()
""", warnings="ignore") == ["TC-Token API:5:a False"]  # fmt: skip


@FORKS
def test_a_token_that_was_changed_before_it_was_shared(tmp_path: pathlib.Path) -> None:
    """The family's first token is no longer known, so the child can't join it."""
    tmp_path.chmod(0o700)
    for change in ("auth.update_token('b')", "auth.poll().complete(200, GOOD)"):
        assert lines(f"""
auth = due()
{change}
auth.share_in({str(tmp_path)!r})
in_child(lambda: print(name_of(auth.poll)))
""") == ["Forked"]  # fmt: skip


@FORKS
@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="a child of CPython 3.13t hangs on any shared dict"
)
def test_fork_while_other_threads_call(tmp_path: pathlib.Path) -> None:
    """They may hold any lock. The child never hangs."""
    tmp_path.chmod(0o700)
    assert lines(f"""
auth, shared, hmac = due(), due(), Auth.hmac("1", "key")
shared.share_in({str(tmp_path)!r})
ended = False
def work(number):
    while not ended:
        renewal = name_of(shared.poll)
        if isinstance(renewal, tc_auth.Renewal):
            renewal.complete(200, '{{"success":true,"apiToken":"API:5:%d","apiTokenExpires":1}}' % time.time_ns())
        auth.update_token("API:5:a", 1); name_of(auth.poll); hmac.headers("GET", "/"); auth.url()
        counted = shared._changes.counted()
        shared._changes.adopted(shared.headers("GET", "/", at=0).authorization, counted)
        shared.review(tc_auth.Headers("TC-Token a"), 401, body='{{"message":"Unauthorized"}}')
threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
for thread in threads: thread.start()
def child():
    signal.alarm(30)
    for _ in range(3):
        hmac.headers("GET", "/"); name_of(auth.poll); name_of(lambda: shared.poll(1)); shared.current_token(); due().poll()
    assert name_of(auth.state) == "Forked"
    os._exit(0)
for _ in range(40):
    in_child(child)
ended = True
for thread in threads: thread.join()
print("done")
""", warnings="ignore") == ["done"]  # fmt: skip


@FORKS
def test_a_child_of_a_process_whose_threads_wait() -> None:
    assert lines("""
auth = due(); renewal = auth.poll()
threads = [threading.Thread(target=lambda: name_of(lambda: auth.poll(60))) for _ in range(20)]
for thread in threads: thread.start()
while len(auth._changes._waiters) < 20: time.sleep(0.01)
in_child(lambda: print(len(auth._changes._waiters), name_of(lambda: auth.poll(1)), renewal.cancel()))
start = time.monotonic()
renewal.complete(200, GOOD)
for thread in threads: thread.join()
print(time.monotonic() - start < 1)
""", warnings="ignore") == ["0 Forked None", "True"]  # fmt: skip


def test_subinterpreters() -> None:
    """Each has modules of its own, and from 3.12 may have its own lock; ctypes allows that from 3.13."""
    code = (
        "import sys; sys.path[:] = {path!r}\\n"
        "import tc_auth, time\\n"
        "auth = tc_auth.Auth.hmac('1', 'key'); due = tc_auth.Auth.token('API:5:a', 1); due.set_api_path({api!r})\\n"
        "assert auth.headers('GET', '/', at=5).authorization == {expected!r}\\n"
        "due.poll().complete(200, {good!r}); assert due.headers('GET', '/').authorization == 'TC-Token API:6:b'\\n"
    )
    found = lines(f"""
try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        print("none"); sys.exit()
expected = Auth.hmac("1", "key").headers("GET", "/", at=5).authorization
code = "{code}".format(path=sys.path, api=API, expected=expected, good=GOOD)
own_lock = sys.version_info >= (3, 13)
def work():
    for _ in range(3):
        made = interpreters.create("isolated") if own_lock else interpreters.create(isolated=False) \
            if sys.version_info >= (3, 10) else interpreters.create()
        failure = interpreters.run_string(made, code)
        assert failure is None, failure
        interpreters.destroy(made)
    done.append(1)
done = []
threads = [threading.Thread(target=work) for _ in range(4 if own_lock else 1)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(done) == len(threads))
""", warnings="ignore")  # fmt: skip
    assert found == ["True"] or (found == ["none"] and not CPYTHON)


def test_no_ticket_is_kept() -> None:
    before = {id(ticket) for ticket in _renewal.tickets}  # of other tests
    auth = due()
    for _ in range(10):
        renewal: Any = auth.poll()
        renewal.complete(200, GOOD)
        auth.update_token("API:5:a", 1)
    del renewal
    gc.collect()
    gc.collect()
    assert [ticket for ticket in _renewal.tickets if ticket and id(ticket) not in before] == []
