"""A coatcheckd of this build, started for a test."""

import json
import os
import pathlib
import signal
import subprocess
import threading

import calls
import patience

BINARY = os.environ["COATCHECKD"]
READY = "ready"
LOCAL_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}  # a local DynamoDB takes any


def plain_environment(folder):
    """No variable of the daemon's, and a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COATCHECK")}
    return {**LOCAL_CREDENTIALS, **kept, "HOME": str(folder), "XDG_STATE_HOME": str(folder)}


def run(*arguments, folder, input="", **environment):
    """Runs coatcheckd to its end; `input` is its standard input."""
    return subprocess.run([BINARY, *map(str, arguments)], env={**plain_environment(folder), **environment}, text=True,
                          input=input, capture_output=True, timeout=30 * patience.FACTOR)


class Daemon:
    """`wrapper` is put before the command, such as prlimit."""

    def __init__(self, folder, arguments=(), environment=None, wrapper=(), binary=BINARY):
        self.folder = pathlib.Path(folder)
        self.lines = []
        self._clients = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen([*wrapper, binary, *map(str, arguments)], stderr=subprocess.PIPE,
                                        env={**plain_environment(folder), **(environment or {})})
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def _read_log(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.decode())
                self._changed.notify_all()
        with self._changed:
            self.lines.append("")
            self._changed.notify_all()

    @property
    def log(self):
        """The lines until now, each as what its JSON says. A sanitizer's report is none: it shows in the exit status."""
        return [json.loads(line) for line in list(self.lines) if line.startswith("{")]

    @property
    def log_text(self):
        return "".join(self.lines)

    def logged(self, message, seconds=10, count=1, **fields):
        """Waits for a log line; returns the newest one of `count`."""
        def found():
            entries = [e for e in self.log if e["msg"] == message and fields.items() <= e.items()]
            return entries[count - 1:]
        with self._changed:
            ended = self._changed.wait_for(lambda: found() or "" in self.lines, seconds * patience.FACTOR)
        assert found(), f"no line '{message}' in:\n{self.log_text}" + ("" if ended else " (in time)")
        return found()[-1]

    def wait_ready(self):
        self.logged(READY, 20)
        self.addresses = [entry["address"] for entry in self.log if entry["msg"] == "listening"]
        return self

    @property
    def address(self):
        return self.addresses[0]

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])

    def client(self, token=None, **more):
        made = calls.Client(self.address, token, **more)
        self._clients.append(made)
        return made

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=15):
        code = self.process.wait(seconds * patience.FACTOR)
        self._reader.join(5)
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it as an operator would; an exit status other than 0 is a defect (a sanitizer's report, too)."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the daemon did not stop:\n" + self.log_text) from None
        assert self.process.returncode == 0, f"exit status {self.process.returncode}:\n{self.log_text}"
