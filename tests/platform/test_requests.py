"""Real requests to the stand-in, sent by the example programs and the curl tool; the stand-in's log has the results.

    python3 test_requests.py DIRECTORY_OF_THE_PROGRAMS
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from stand_in import ACCESS_ID, SECRET_KEY, TOKEN, expected_signature
from support import Hop, StandIn

HERE = pathlib.Path(__file__).parent
PROGRAMS = pathlib.Path(sys.argv.pop(1)) if __name__ == "__main__" else None
CREDENTIALS = {"TC_API_ACCESS_ID": ACCESS_ID, "TC_API_SECRET_KEY": SECRET_KEY}
HARD_TARGET = "/api/v3//x/../y;z/%7e%2F!'()*?q=a+b%20c&tql=[1-2]{3,4}&empty=&&u=http://h/?x"


def run(program, *arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TC_")}
    command = [str(PROGRAMS / program), *arguments]
    return subprocess.run(command, env=environment | variables, capture_output=True, text=True, timeout=60)


def full_disk(program, *arguments):
    with open("/dev/full", "w") as full:
        command = [str(PROGRAMS / program), *arguments]
        return subprocess.run(command, env=CREDENTIALS, stdout=full, stderr=subprocess.PIPE, text=True)


def sign(*arguments, **variables):
    return run("tc-sign", *arguments, **(variables or CREDENTIALS))


class CurlRequest(unittest.TestCase):
    """examples-c/curl_request.c"""

    def test_a_request_is_verified(self):
        with StandIn() as stand_in:
            for target in ["/api/v3/indicators?resultLimit=10", HARD_TARGET]:
                result = run("curl_request", stand_in.url + target, **CREDENTIALS)
                self.assertEqual(stand_in.next_line(), f"verified signature: GET {target}")
                self.assertIn("HTTP status 200", result.stderr)
                self.assertEqual(result.returncode, 0)

    def test_a_changed_byte_is_refused(self):
        change = lambda request: request.replace(b"resultLimit=10", b"resultLimit=11")
        with StandIn() as stand_in, Hop(stand_in.port, change) as hop:
            result = run("curl_request", hop.url + "/api/v3/indicators?resultLimit=10", **CREDENTIALS)
            expected = 'refused 401 "Signature data did not match expected result": GET /api/v3/indicators?resultLimit=11'
            self.assertEqual(stand_in.next_line(), expected)
            self.assertIn("HTTP status 401", result.stderr)
            self.assertEqual(result.returncode, 1)

    def test_no_redirect_is_followed(self):
        with StandIn() as stand_in:
            location = f"Location: {stand_in.url}/api/elsewhere\r\n".encode()
            answer = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + location + b"\r\n"
            with Hop(stand_in.port, answer=answer) as hop:
                result = run("curl_request", hop.url + "/api/v3/indicators", **CREDENTIALS)
            self.assertIn("HTTP status 302", result.stderr)
            self.assertTrue(stand_in.lines.empty())

    def test_another_secret_or_id_is_refused(self):
        with StandIn() as stand_in:
            run("curl_request", stand_in.url + "/api", **CREDENTIALS | {"TC_API_SECRET_KEY": SECRET_KEY + "x"})
            self.assertIn("Signature data did not match expected result", stand_in.next_line())
            run("curl_request", stand_in.url + "/api", **CREDENTIALS | {"TC_API_ACCESS_ID": "1"})
            self.assertIn("Access Denied", stand_in.next_line())

    def test_clocks_five_minutes_apart(self):
        for offset, expected in [(290, "verified"), (-290, "verified"), (310, "Timestamp out"), (-310, "Timestamp out")]:
            with StandIn("--clock-offset", str(offset)) as stand_in:
                run("curl_request", stand_in.url + "/api", **CREDENTIALS)
                self.assertIn(expected, stand_in.next_line())


class CurlTool(unittest.TestCase):
    """tc-sign with the curl tool, as the README shows it."""

    def curl(self, stand_in, target, method, headers):
        command = ["curl", "-sS", "-g", "--path-as-is", "-X", method, "-H", "@-", stand_in.url + target]
        subprocess.run(command, input=headers, text=True, check=True, capture_output=True, timeout=60)
        return stand_in.next_line()

    def test_signed(self):
        with StandIn() as stand_in:
            for method in ["GET", "POST", "PUT", "DELETE"]:
                headers = sign(method.lower(), stand_in.url + HARD_TARGET).stdout
                line = self.curl(stand_in, HARD_TARGET, method, headers)
                self.assertEqual(line, f"verified signature: {method} {HARD_TARGET}")
            headers = sign("GET", "/api/a").stdout
            self.assertIn("did not match", self.curl(stand_in, "/api/a", "POST", headers))

    def test_token(self):
        with StandIn() as stand_in:
            headers = sign("GET", "/api", TC_TOKEN=TOKEN).stdout
            self.assertEqual(self.curl(stand_in, "/api", "GET", headers), "verified token: GET /api")
            headers = sign("GET", "/api", TC_TOKEN=TOKEN + "x").stdout
            self.assertEqual(self.curl(stand_in, "/api", "GET", headers), 'refused 401 "Unauthorized": GET /api')

    def test_old_and_malformed_timestamps(self):
        with StandIn() as stand_in:
            headers = sign("--at", str(int(time.time()) - 600), "GET", "/api").stdout
            self.assertIn("Timestamp out of acceptable time range", self.curl(stand_in, "/api", "GET", headers))
            headers = sign("GET", "/api").stdout.replace("Timestamp: ", "Timestamp: x")
            self.assertIn("Invalid timestamp", self.curl(stand_in, "/api", "GET", headers))
            self.assertIn("Unauthorized", self.curl(stand_in, "/api", "GET", ""))


class TcSign(unittest.TestCase):
    """examples-c/tc_sign.c as a Unix tool."""

    def test_output(self):
        result = sign("--at", "1513703787", "GET", "/api/v3/indicators")
        signature = "WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks="
        self.assertEqual(result.stdout, f"Authorization: TC {ACCESS_ID}:{signature}\nTimestamp: 1513703787\n")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        both = CREDENTIALS | {"TC_TOKEN": TOKEN}
        self.assertEqual(sign("GET", "/", **both).stdout, f"Authorization: TC-Token {TOKEN}\n")
        self.assertIn("Authorization: TC ", sign("GET", "/", **both | {"TC_TOKEN": ""}).stdout)

    def test_explain(self):
        unset = "parameter file: TC_APP_PARAM_FILE is not set"
        params = HERE.parent / "vectors" / "params" / "aes128"
        file = {"TC_APP_PARAM_FILE": str(params), "TC_APP_PARAM_KEY": "ajfmuyodhscwegea"}
        nothing = {"TC_TOKEN": ""}
        for arguments, variables, status, expected in [
            (["--tc_token", "x"], nothing, 0, f"arguments: tc_token; {unset}; environment: nothing; used: arguments\n"
             "token; no expiry; source arguments; api path not set\n"),
            (["--tc_token=x", "--tc_api_path=https://h/api"], nothing, 0,
             f"arguments: tc_token, tc_api_path; {unset}; environment: nothing; used: arguments\n"
             "token; no expiry; source arguments; api path https://h/api\n"),
            ([], file, 0, "arguments: nothing; parameter file: tc_token, tc_token_expires, tc_api_path; "
             "environment: nothing; used: parameter file\n"
             "token; expires 1900000000; source parameter file; api path https://company.example/api\n"),
            ([], CREDENTIALS, 0, f"arguments: nothing; {unset}; environment: TC_API_ACCESS_ID, TC_API_SECRET_KEY; "
             f"used: environment\nHMAC; access id {ACCESS_ID}; source environment; api path not set\n"),
            (["--owner", "Acme", "--tc_log_to_api", "--tc_token", "x", "file"], nothing, 0,
             f"arguments: tc_token; {unset}; environment: nothing; used: arguments\n"
             "token; no expiry; source arguments; api path not set\n"),
            ([], nothing, 1, f"arguments: nothing; {unset}; environment: nothing\n"),
        ]:
            result = sign("--explain", *arguments, **variables)
            self.assertEqual((result.returncode, result.stdout), (status, expected))
            print(f"    tc-sign --explain {' '.join(arguments)}\n      " + result.stdout.strip().replace("\n", "\n      "))

    def test_a_secret_with_a_misspelt_name_is_not_shown(self):
        for option in ("--tctoken=SEKRET", "-tSEKRET", "-SEKRET", "--tctoken SEKRET", "--tctoken\x1bSEKRET", "--SEKRET"):
            self.assertNotIn("SEKRET", sign(option, "GET", "/").stderr)

    def test_help_and_version(self):
        for option, expected in [("--help", "Usage: tc-sign"), ("-h", "Usage: tc-sign"), ("--version", "tc-sign ")]:
            result = sign(option)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertTrue(result.stdout.startswith(expected))

    def test_wrong_usage(self):
        for arguments in [
            [], ["GET"], ["GET", "/", "x"], ["--at"], ["--at", "x", "GET", "/"], ["--at", "-1", "GET", "/"],
            ["--at", "", "GET", "/"], ["--at", "9" * 20, "GET", "/"], ["-x", "GET", "/"], ["--at=1", "GET", "/"], ["--tc_token"],
        ]:
            result = sign(*arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""), arguments)
            self.assertIn("Try 'tc-sign --help'", result.stderr)

    def test_what_cannot_be_signed(self):
        cases = [
            (["GET", "ftp://h/"], CREDENTIALS, "form"),
            (["GET", "/a b"], CREDENTIALS, "percent-encode"),
            (["G T", "/"], CREDENTIALS, "method"),
            (["--at", "1513703787000", "GET", "/"], CREDENTIALS, "not milliseconds"),
            (["GET", "/"], CREDENTIALS | {"TC_API_SECRET_KEY": SECRET_KEY + "\n"}, "line break"),
            (["GET", "/"], {"TC_API_ACCESS_ID": "1"}, "no TC_API_SECRET_KEY"),
            (["GET", "/"], {"TC_API_SECRET_KEY": "1"}, "no TC_API_ACCESS_ID"),
            (["GET", "/"], {"TC_TOKEN": ""}, "No complete credentials were found"),
            (["--tc_token=a b", "GET", "/"], {"TC_TOKEN": "x"}, "token is empty or contains a character"),
            (["--tc_token=x", "GET", "https://h/"], {"TC_API_PATH": "https://company.example"}, "must not go"),
        ]
        for arguments, variables, message in cases:
            result = sign(*arguments, **variables)
            self.assertEqual((result.returncode, result.stdout), (1, ""), arguments)
            self.assertTrue(result.stderr.startswith("tc-sign: ") and message in result.stderr, result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1)
            self.assertNotIn(SECRET_KEY, result.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a program to another user")
    def test_a_set_user_id_program_does_not_read_its_environment(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            program = pathlib.Path(directory, "tc-sign")
            shutil.copy(PROGRAMS / "tc-sign", program)
            for mode, expected in [(0o755, 0), (0o4755, 1)]:
                os.chown(program, 65534, 65534)
                program.chmod(mode)
                result = subprocess.run([program, "GET", "/"], env=CREDENTIALS, capture_output=True, text=True)
                self.assertEqual(result.returncode, expected, result.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can take a file away from another user")
    def test_a_parameter_file_that_can_not_be_read(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            program, file = pathlib.Path(directory, "tc-sign"), pathlib.Path(directory, "parameters")
            shutil.copy(PROGRAMS / "tc-sign", program)
            shutil.copy(HERE.parent / "vectors" / "params" / "aes128", file)
            variables = {"TC_APP_PARAM_FILE": str(file), "TC_APP_PARAM_KEY": "ajfmuyodhscwegea"}
            for mode, expected in [(0o644, 0), (0o600, 1)]:
                file.chmod(mode)
                command = [program, "GET", "https://company.example/api"]
                result = subprocess.run(command, env=variables, capture_output=True, text=True, user=65534)
                self.assertEqual(result.returncode, expected, result.stderr)
            self.assertIn("can't be read", result.stderr)

    def test_a_full_disk_is_an_error(self):
        for arguments in (["GET", "/"], ["--help"], ["--version"], ["--explain"]):
            result = full_disk("tc-sign", *arguments)
            self.assertEqual(result.returncode, 1, arguments)
            self.assertIn("standard output", result.stderr)


class SignInto(unittest.TestCase):
    """examples-c/sign_into.c"""

    def test_a_full_disk_is_an_error(self):
        self.assertEqual(full_disk("sign_into").returncode, 1)

    def test_output(self):
        result = run("sign_into")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, rf"\A(Authorization: TC {ACCESS_ID}:.{{44}}\nTimestamp: \d{{10}}\n){{3}}\Z")


class StandInItself(unittest.TestCase):
    def test_it_agrees_with_the_vectors(self):
        for vector in json.loads((HERE.parent / "vectors" / "hmac.json").read_text("utf-8")):
            target, method = vector["request_target"].encode(), vector["method"].upper().encode()
            signature = expected_signature(vector["secret_key"], target, method, str(vector["timestamp"]).encode())
            expected = f"TC {vector['access_id']}:{signature.decode()}"
            self.assertEqual(vector["authorization"], expected, vector["name"])

    def test_it_ends_with_its_parent(self):
        script = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE).pid)"
        command = [sys.executable, "-c", script, sys.executable, str(HERE / "stand_in.py")]
        pid = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        deadline = time.monotonic() + 10
        while pathlib.Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        state = pathlib.Path(f"/proc/{pid}/stat")
        self.assertTrue(not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z")


if __name__ == "__main__":
    unittest.main()
