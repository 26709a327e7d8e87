"""Runs the programs of README.md as they are there, with the stand-in for the platform.

    python readme.py [PYTHON]

PYTHON is the one that runs them, in which the package must be installed; by default the same.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[2] / "tests" / "platform"))
from support import StandIn  # noqa: E402


def exports(readme: str) -> dict[str, str]:
    """The variables that the README sets."""
    lines = re.findall(r"^export (.*)$", readme, re.MULTILINE)
    return dict(pair.split("=", 1) for line in lines for pair in line.split())


def run(python: str, program: str, environment: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "program.py"
        file.write_text(program)
        command = [python, "-W", "error", "program.py"]
        result = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, f"{program}\n{result.stdout}{result.stderr}"
    return result.stdout


def share(python: str, program: str, environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = {"TOKEN_DIRECTORY": directory, "TOKEN_KEY": "0123456789abcdef0123456789abcdef"}
        run(python, program, {**environment, **store, "TC_TOKEN": "API:5:first"})
        assert os.listdir(directory), program


def main() -> None:
    python = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else sys.executable
    readme = (HERE.parent / "README.md").read_text()
    programs = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert len(programs) >= 7, len(programs)
    with StandIn() as platform:
        kept = {name: os.environ[name] for name in ("PYTHONPATH", "TC_AUTH_LIBRARY") if name in os.environ}
        environment = {**kept, "PATH": "/usr/bin:/bin", **exports(readme)}
        assert environment.keys() >= {"TC_API_PATH", "TC_API_ACCESS_ID", "TC_API_SECRET_KEY"}
        environment["TC_API_PATH"] = platform.url + "/api"
        first = run(python, programs[0], environment)
        assert first.endswith("\n200 Success\n"), first
        for program in programs[1:]:
            if "share_in" in program:
                share(python, program, environment)
                continue
            output = run(python, program, environment)
            assert output == ("" if "FakePlatform" in program else "200\n"), f"{program}\n{output}"
        # With a token, each program that sends something renews it: an expiry of 1 is long past.
        for program in (program for program in programs if "discover" in program and "share_in" not in program):
            before = platform.stats()["issued"]
            with urllib.request.urlopen(platform.url + "/_issue") as response:
                token = json.load(response)["tc_token"]
            run(python, program, {**environment, "TC_TOKEN": token, "TC_TOKEN_EXPIRES": "1"})
            assert platform.stats()["issued"] == before + 2, program
    print(f"{len(programs)} programs, with {python}")


if __name__ == "__main__":
    main()
