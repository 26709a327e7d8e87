"""Runs the program of docs/coming-from-tcex.md as an App: with TcEx, and a token that must be renewed.

python3 tcex_app.py       (needs: pip install tcex)
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "platform"))

from stand_in import TOKEN
from support import StandIn
from tcex.util.util import Util

DOCUMENT = pathlib.Path(__file__).resolve().parents[3] / "docs" / "coming-from-tcex.md"
KEY = "0123456789abcdef"
APP = {"programName": "example", "programMain": "example", "programVersion": "1.0.0", "languageVersion": "3.11"}
APP |= {"displayName": "example", "runtimeLevel": "Organization", "programLanguage": "PYTHON", "sdkVersion": "4.0.0"}
APP |= {"allowOnDemand": True, "listDelimiter": "|", "params": [], "features": []}


def main() -> None:
    [program] = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S)
    with StandIn("--token-life", "3600") as platform, tempfile.TemporaryDirectory() as directory:
        app = pathlib.Path(directory)
        (app / "install.json").write_text(json.dumps(APP))
        (app / "example.py").write_text(program)
        directories = {f"tc_{name}_path": str(app) for name in ("in", "log", "out", "temp")}
        token = {"tc_token": TOKEN, "tc_token_expires": "1", "tc_api_path": platform.url + "/api"}  # long expired
        (app / "parameters").write_bytes(Util.encrypt_aes_cbc(KEY, json.dumps({**directories, **token})))
        environment = {**os.environ, "TC_APP_PARAM_FILE": str(app / "parameters"), "TC_APP_PARAM_KEY": KEY}
        result = subprocess.run(
            [sys.executable, "example.py"], cwd=app, env=environment, capture_output=True, text=True
        )
        assert (result.returncode, result.stdout) == (0, "200\n"), result
        assert platform.stats()["issued"] == 1 and platform.stats()["refused"] == 0, platform.stats()
        assert TOKEN not in "".join(file.read_text(errors="replace") for file in app.glob("*.log"))


if __name__ == "__main__":
    main()
