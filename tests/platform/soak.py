"""Signs and renews for a long time, while renewals fail in all ways at random and the clock is set wrong.

    python3 soak.py PROGRAM [MINUTES [SEED]]    (`make soak` starts it; it prints the seed, which repeats the same faults)

Succeeds if the stand-in saw no wrong header and no lost token, if memory and open files do not grow, and if all that
was refused is accepted later. First a fault is planted for each check: only that check must find it.
"""

import collections
import subprocess
import sys
import time

from stand_in import ACCESS_ID, SECRET_KEY
from support import StandIn

LIFE = 4
# A fault, and the checks that find it. A fault that is never corrected also makes the run idle.
PLANTS = {
    "heap": {"heap"},
    "pages": {"resident"},
    "files": {"files"},
    "signature": {"unexpected", "wrong"},
    "token": {"lost"},
    "clock": {"clock", "idle"},
    "outage": {"outage"},
}


def run(program, seconds, seed, *plant):
    """The checks that failed: of the program, and of the stand-in."""
    failed, options = set(), ["--quiet", f"--token-life={LIFE}", f"--faults=half:{seed}"]
    with StandIn(*options) as stand_in:
        arguments = [stand_in.url, ACCESS_ID, SECRET_KEY, seconds, seed, *plant]
        with subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                print(line, end="", flush=True)
                if line.startswith("failed: "):
                    failed.add(line.removeprefix("failed: ").strip())
        seen = stand_in.stats()
    if process.returncode != (1 if failed else 0):
        failed.add(f"exit code {process.returncode}")
    failed |= {name for name in ("wrong", "lost") if seen[name]}
    prefix = "renewal, fault: "
    renewals = (line.removeprefix(prefix) for line in stand_in.lines.queue if line.startswith(prefix))
    print(f"stand-in: {seen}")
    print(f"renewals: {dict(collections.Counter(renewals))}", flush=True)
    return failed


def main():
    program, minutes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    for plant, checks in PLANTS.items():
        print(f"planted: {plant}", flush=True)
        failed = run(program, 15, seed, plant)
        if failed != checks:
            sys.exit(f"the planted fault was to be found by {sorted(checks)}, but was by {sorted(failed)}")
        print("found, as it has to be\n")
    print(f"{minutes:g} minutes, seed {seed}:", flush=True)
    if failed := run(program, minutes * 60, seed):
        sys.exit(f"FAILED: {', '.join(sorted(failed))}")
    print("no header wrong, no token lost, every clock corrected, memory and files flat")


if __name__ == "__main__":
    main()
