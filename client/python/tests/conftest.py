import http.client
import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from flask import Flask, request, session

from coatcheck import CoatcheckSessionInterface

COATCHECKD = os.environ.get("COATCHECKD", Path(__file__).parents[3] / "build/release/coatcheckd")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RunningDaemon:
    """The real daemon over its memory store."""

    def __init__(self, listen: str, **settings: str):
        self.listen = listen
        # No address in common with a daemon that the developer may have running.
        environment = {"PATH": os.environ["PATH"], "COATCHECK_STORE": "memory://", "COATCHECK_LISTEN": listen}
        self.process = subprocess.Popen([COATCHECKD], env=environment | settings, stderr=subprocess.DEVNULL)
        for _ in range(250):
            if self.answers():
                return
            assert self.process.poll() is None, "coatcheckd ended"
            time.sleep(0.02)
        raise AssertionError("coatcheckd does not listen")

    @property
    def url(self) -> str:
        return self.listen if self.listen.startswith("unix:") else f"http://{self.listen}"

    def answers(self) -> bool:
        unix = self.listen.startswith("unix:")
        host, _, port = self.listen.rpartition(":")
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
            return probe.connect_ex(port if unix else (host, int(port))) == 0

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Wire:
    """Between the adapter and the daemon: notes the requests, and misbehaves as told.

    `faults` holds one entry for each of the next requests: None passes it on, "drop" hangs up instead of answering,
    a number answers with that status instead, "lose" passes it on and answers 504.
    """

    def __init__(self, daemon: RunningDaemon):
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[bytes] = []  # of those requests
        self.clients: set[tuple[str, int]] = set()  # one for each connection
        self.faults: list[str | int | None] = []
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                wire.clients.add(self.client_address)
                wire.requests.append((self.command, self.path, dict(self.headers)))
                wire.bodies.append(body)
                fault = wire.faults.pop(0) if wire.faults else None
                if fault == "drop":
                    self.close_connection = True
                    return
                status, headers, content = fault, {}, b""
                if not isinstance(fault, int):
                    upstream = http.client.HTTPConnection(daemon.listen)
                    upstream.request(self.command, self.path, body, dict(self.headers))
                    answer = upstream.getresponse()
                    status, headers, content = answer.status, dict(answer.headers), answer.read()
                    upstream.close()
                if fault == "lose":
                    status, headers, content = 504, {}, b""
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection"):
                        self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = forward

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def methods(self) -> list[str]:
        return [method for method, _, _ in self.requests]

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="session")
def daemon():
    daemon = RunningDaemon(f"127.0.0.1:{free_port()}")
    yield daemon
    daemon.stop()


@pytest.fixture
def wire(daemon):
    wire = Wire(daemon)
    yield wire
    wire.stop()


@pytest.fixture
def make_app(wire):
    """An app whose pages do to the session what the test says."""

    def make(**settings) -> Flask:
        app = Flask(__name__)
        app.config.update({"COATCHECK_URL": wire.url, "TESTING": False} | settings)
        app.session_interface = CoatcheckSessionInterface(app)

        @app.get("/")
        def show():
            return dict(session)

        @app.get("/ping")
        def ping():
            return "pong"

        @app.post("/put/<key>/<value>")
        def put(key, value):
            session[key] = value
            return "put"

        @app.post("/update")
        def update():
            session.update(request.json)
            return "updated"

        @app.post("/clear")
        def clear():
            session.clear()
            return "cleared"

        @app.post("/regenerate")
        def regenerate():
            app.session_interface.regenerate(session)
            return "regenerated"

        return app

    return make


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def slow(make_app, wire):
    """A browser's request that has loaded its session and waits; `finish` lets it go on and returns the answer."""

    class Slow:
        def __init__(self):
            self.loaded, self.go = threading.Event(), threading.Event()

        def start(self, change, data={"user": "ann"}, **settings):
            self.app = make_app(**settings)

            @self.app.post("/slow")
            def page():
                session.get("user")
                self.loaded.set()
                assert self.go.wait(10)
                change(session)
                return "slow"

            self.browser, self.other = self.app.test_client(), self.app.test_client()
            self.browser.post("/update", json=data)
            self.other.set_cookie("session", self.browser.get_cookie("session").value)
            self.thread = threading.Thread(target=self.run)
            self.thread.start()
            assert self.loaded.wait(10)

        def run(self):
            self.answer = self.browser.post("/slow")

        def finish(self):
            self.go.set()
            self.thread.join()
            return self.answer

    return Slow()
