"""Real daemons and servers, started for one test and ended by pid."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import pytest


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, limit=20.0):
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.005)
    raise AssertionError(f"{what} did not happen within {limit} s")


class Daemon:
    """A coatcheckd on a free port of 127.0.0.1. Its standard error goes to a file, so that it never blocks."""

    def __init__(self, store, folder, binary=None, listen="127.0.0.1:0", **environment):
        self.log = pathlib.Path(folder) / f"coatcheckd-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [binary or os.environ["COATCHECKD"]],
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "COATCHECK_STORE": store,
                     "COATCHECK_LISTEN": listen, "COATCHECK_LOG_FORMAT": "json", **environment},
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        try:
            self.address = wait_for(self._listening, "listening")
        except BaseException:
            self.kill()
            raise
        self.port = int(self.address.rpartition(":")[2])
        self.url = f"http://{self.address}"

    def _listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"coatcheckd ended with {self.process.returncode}: {self.log.read_text()}")
        for line in self.log.read_text().splitlines():
            if '"msg":"ready"' in line:
                return address
            if '"msg":"listening"' in line:
                address = json.loads(line)["address"]
        return None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=30)


@contextlib.contextmanager
def redis_server():
    """A Redis without persistence; yields its URL."""
    if shutil.which("redis-server") is None:
        assert os.environ.get("CI") != "true", "redis-server is missing"
        pytest.skip("redis-server is missing")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "",
                                    "--appendonly", "no", "--dir", folder], stdout=subprocess.DEVNULL)
        try:
            def answers():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as s:
                    s.sendall(b"PING\r\n")
                    return s.recv(64).startswith(b"+PONG")

            wait_for(answers, "the start of redis-server")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def store(kind, folder):
    """The URL of a fresh store: memory, sqlite or redis."""
    if kind == "memory":
        yield "memory://"
    elif kind == "sqlite":
        yield f"sqlite://{folder}/sessions.db"
    else:
        with redis_server() as url:
            yield url
