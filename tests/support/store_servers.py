"""Real servers for stores of every kind, by the scripts of tests/support/servers/."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

import pytest

import patience

SCRIPTS = pathlib.Path(__file__).parent / "servers"

# kind: (script, URL of a store at 127.0.0.1:{port})
KINDS = {
    "redis": ("redis", "redis://127.0.0.1:{port}/0"),
    "redis-cluster": ("redis-cluster", "redis+cluster://127.0.0.1:{port},127.0.0.2:{port},127.0.0.3:{port}/"),
    "redis-sentinel": ("redis-sentinel", "redis+sentinel://127.0.0.1:{port},127.0.0.2:{port},127.0.0.3:{port}/mymaster/0"),
    "memcached": ("memcached", "memcached://127.0.0.1:{port}/"),
    "mongodb": ("mongodb", "mongodb://127.0.0.1:{port}/"),
    "postgresql": ("postgresql", "postgresql://app:coatcheck@127.0.0.1:{port}/postgres"),
    "mysql": ("mysql", "mysql://app:app@127.0.0.1:{port}/sessions"),
    "dynamodb": ("dynamodb", "dynamodb://eu-central-1/sessions?endpoint=http://127.0.0.1:{port}"),
    "uwsgi": ("uwsgi", "uwsgi://127.0.0.1:{port}/sessions"),
    "appengine": ("appengine", "appengine://127.0.0.1:{port}/"),
}
# What a proxy can stand before: their clients are not told other addresses.
BEHIND_ONE_ADDRESS = tuple(kind for kind in KINDS if kind not in ("redis-cluster", "redis-sentinel"))


def missing(what):
    """Something of the machine's is not there: a visible skip for a developer, a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"this test needs {what}")
    pytest.skip(f"this test needs {what}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A server of `kind` with its data in `folder`, which it is handed again after a restart."""

    def __init__(self, kind, folder, *options):
        self.script, self.url_form = KINDS[kind]
        self.folder = folder
        self.options = options
        self.port = free_port()
        self.start()

    def url(self, port=None):
        """Of its store; `port` is another one that leads to it."""
        return self.url_form.format(port=port or self.port)

    def start(self):
        self.log = open(pathlib.Path(self.folder) / "server.log", "ab")
        self.process = subprocess.Popen([SCRIPTS / self.script, str(self.port), str(self.folder), *self.options],
                                        stdout=self.log, stderr=self.log, start_new_session=True)

        def is_up():
            if self.process.poll() == 77:
                missing(pathlib.Path(self.log.name).read_text())
            assert self.process.poll() is None, pathlib.Path(self.log.name).read_text()
            return answers(self.port) and not (pathlib.Path(self.folder) / "starting").exists()
        patience.until(is_up, 60)

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        self.process.send_signal(number)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@contextlib.contextmanager
def server(kind, *options):
    """A server in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="coatcheck-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # servers that run as another user
        one = Server(kind, folder, *options)
        try:
            yield one
        finally:
            one.stop()
