"""The stores that tests keep their sessions in, each on the real thing."""

import itertools
import os
import shutil
import socket
import subprocess
import tempfile

import pytest

import patience
import running

STORES = ("memory", "sqlite", "redis")
numbers = itertools.count()


def missing(what):
    """Something of the machine's is not there: a visible skip for a developer, a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"this test needs {what}")
    pytest.skip(f"this test needs {what}")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """A real Redis of this run's own, on a Unix socket."""
    if not shutil.which("redis-server"):
        missing("redis-server")
    if " redis" not in running.run("--version", folder=tmp_path_factory.getbasetemp()).stdout:
        missing("a build with the redis backend")
    with tempfile.TemporaryDirectory(prefix="coatcheck-") as home:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", home,
                                   "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        try:
            patience.until(answers)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait()


@pytest.fixture(scope="session")
def new_store(request, tmp_path_factory):
    """new_store(kind): the URL of an empty store."""
    def make(kind):
        if kind == "memory":
            return "memory://"
        if kind == "sqlite":
            return f"sqlite://{tmp_path_factory.mktemp('sqlite')}/sessions.db"
        if kind == "file":
            return f"file://{tmp_path_factory.mktemp('file')}/sessions"
        return f"{request.getfixturevalue('redis_url')}?prefix=test{next(numbers)}:"
    return make
