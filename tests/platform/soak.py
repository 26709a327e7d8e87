"""Signs and renews for a long time, while renewals fail in all ways at random.

    python3 soak.py PROGRAM [MINUTES [SEED]]    (`make soak` starts it; it prints the seed, which makes the same faults)

Succeeds if the stand-in has seen no header that was wrong, no token is lost, and memory and open files do not grow.
First a wrong signature and a leak are planted, which must be found.
"""

import collections
import random
import subprocess
import sys
import time

from stand_in import ACCESS_ID, SECRET_KEY, TOKEN
from support import StandIn

LIFE = 12
FAULTS = ["500", "html", "drop", "refuse", "lost", "slow:1", "slow:3"]


def faults(seed, seconds):
    """About half of the renewals fail, at most three in a row."""
    rng, listed = random.Random(seed), []
    for _ in range(int(seconds)):  # more than there can be
        listed += rng.choices(FAULTS, k=rng.randint(0, 3)) + ["ok"] * rng.randint(1, 3)
    return listed[: int(seconds)]


def run(program, seconds, seed, *plant):
    """Whether the program was content, and what the stand-in has seen."""
    with StandIn("--quiet", f"--token-life={LIFE}", "--faults", ",".join(faults(seed, seconds))) as stand_in:
        arguments = [stand_in.url, ACCESS_ID, SECRET_KEY, TOKEN, LIFE, seconds, seed, *plant]
        content = subprocess.run([program, *map(str, arguments)], check=False).returncode == 0
        seen = stand_in.stats()
    prefix = "renewal, fault: "
    renewals = (line.removeprefix(prefix) for line in stand_in.lines.queue if line.startswith(prefix))
    print(f"stand-in: {seen}")
    print(f"renewals: {dict(collections.Counter(renewals))}", flush=True)
    return content, seen


def main():
    program, minutes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    print("planted:", flush=True)
    content, seen = run(program, 5, seed, "plant")
    if content or not seen["wrong"]:
        sys.exit("the planted faults were not found")
    print(f"\n{minutes:g} minutes, seed {seed}:", flush=True)
    content, seen = run(program, minutes * 60, seed)
    if not content or seen["wrong"] or not seen["verified"]:
        sys.exit("FAILED")
    print("no header wrong, no token lost, memory and files flat")


if __name__ == "__main__":
    main()
