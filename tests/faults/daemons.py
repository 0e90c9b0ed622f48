"""The daemons of a test over one store, of which any may be killed."""

import json
import threading

import yaml

import running
import store_servers

KINDS = ["memory", "sqlite", "file", *store_servers.KINDS]
FOR_ONE_DAEMON = ("memory", "uwsgi")


def encryption(folder):
    """The setting, with a key of its own."""
    key = folder / "key"
    key.write_text(running.run("--new-key", folder=folder).stdout)
    key.chmod(0o600)
    return {"encryption": {"keys": [str(key)]}}


class Daemons:
    """Two over one store, or one where a store takes no more. A kept connection to each, by thread."""

    def __init__(self, kind, store, folder, binary=running.BINARY, **settings):
        self.folder = folder
        self.binary = binary
        self.kind = kind
        self.survives = kind != "memory"  # the end of a daemon
        self.config = folder / "coatcheck.yaml"
        self.config.write_text(yaml.safe_dump({
            **settings, "listen": "127.0.0.1:0",
            "stores": {"default": {"url": store, "deadline": "30s", "tombstone": "10m"}}}))
        self.running = [self.start() for _ in range(1 if kind in FOR_ONE_DAEMON else 2)]
        self.clients = threading.local()

    def start(self):
        return running.Daemon(self.folder, ["--config", self.config], binary=self.binary).wait_ready()

    def call(self, number, method, action, id, body=None, headers=None):
        daemon = self.running[number % len(self.running)]
        known = self.clients.__dict__
        if daemon not in known:
            known[daemon] = daemon.client()
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        path = action if action.startswith("/v1") else "/v1/session" + action
        sent = {"Session-Id": id} if id else {}
        return known[daemon].call(method, path, body, {**sent, **(headers or {})})

    def replace(self, number):
        self.running[number % len(self.running)].kill()
        self.running[number % len(self.running)] = self.start()

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        for daemon in self.running:
            daemon.kill() if failed else daemon.stop()
