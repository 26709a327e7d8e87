"""Servers for a test: the stand-in in its own process, and a proxy before it."""

import json
import pathlib
import queue
import re
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request

HERE = pathlib.Path(__file__).parent


class StandIn:
    """A running stand-in and the lines of its log."""

    def __init__(self, *options):
        command = [sys.executable, str(HERE / "stand_in.py"), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.url = f"{'https' if '--tls' in options else 'http'}://127.0.0.1:{self.port}"
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with self.process.stderr as log:
            for line in log:
                self.lines.put(line.rstrip("\n"))

    def next_line(self):
        line = self.lines.get(timeout=10)
        print(f"    {line}")
        return line

    def stats(self):
        """How many requests were verified and refused, and how many tokens asked for and issued."""
        context = ssl._create_unverified_context()  # its certificate is not tested here
        with urllib.request.urlopen(self.url + "/_stats", timeout=10, context=context) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.reader.join()


class Hop:
    """A proxy that changes each request before it passes it on, or responds by itself."""

    def __init__(self, port, change=None, answer=None):
        self.port_behind, self.change, self.answer = port, change, answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += client.recv(65536)
                client.sendall(self.answer or self._pass_on(self.change(request)))

    def _pass_on(self, request):
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port_behind)) as server:
            request = re.sub(rb"\r\nConnection:[^\r]*", b"", request, flags=re.IGNORECASE)
            server.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            while part := server.recv(65536):
                answer += part
        return answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
