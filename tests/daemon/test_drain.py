"""SIGTERM ends the daemon without failing a request."""

import http.client
import signal
import threading
import time

import pytest

from calls import Client, new_id
from patience import FACTOR, until
from raw import Raw, raw

HOST = "Host: localhost\r\n"
HEALTH = f"GET /healthz HTTP/1.1\r\n{HOST}\r\n"


class Caller(threading.Thread):
    """Calls over one kept connection until it is told that the connection closes."""

    def __init__(self, address, number):
        super().__init__()
        self.address = address
        self.number = number
        self.calls = 0
        self.outcome = "running"

    def run(self):
        id = new_id()
        with Client(self.address) as client:
            try:
                while True:
                    for method, body, statuses in (("PUT", {"n": self.calls}, (201, 204)), ("GET", None, (200,))):
                        answer = client.session(method, id, body=body)
                        self.calls += 1
                        if answer.status not in statuses:
                            self.outcome = answer
                            return
                        if answer.headers["Connection"] == "close":
                            self.outcome = "told to close"
                            return
            except (OSError, http.client.HTTPException) as e:
                self.outcome = e


@pytest.fixture
def daemon(start, new_store, any_store):
    return start(new_store(any_store))


def test_no_request_fails_while_it_drains_under_load(daemon):
    callers = [Caller(daemon.address, number) for number in range(16)]
    for caller in callers:
        caller.start()
    until(lambda: all(caller.calls > 20 for caller in callers), 20)
    begin = time.monotonic()
    daemon.signal(signal.SIGTERM)
    for caller in callers:
        caller.join()
    assert {str(caller.outcome) for caller in callers} == {"told to close"}
    assert daemon.wait() == 0
    assert time.monotonic() - begin < 5 * FACTOR
    assert daemon.log[-1]["msg"] == "stopped" and daemon.log[-1]["connections"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_without_load_it_stops_soon(start, number):
    daemon = start()
    with Raw(daemon) as never_used, raw(daemon, HEALTH) as idle:
        assert idle.answer().status == 200
        begin = time.monotonic()
        daemon.signal(number)
        assert idle.is_closed() and never_used.is_closed()
    assert daemon.wait() == 0
    assert time.monotonic() - begin < 4 * FACTOR


def test_a_request_on_its_way_is_answered(start):
    daemon = start()
    with Raw(daemon) as cut, Raw(daemon) as slow_body:
        cut.send(HEALTH[:20])
        slow_body.send(f"POST /v1/sessions HTTP/1.1\r\n{HOST}Content-Length: 2\r\n\r\n")
        time.sleep(0.1)
        daemon.signal(signal.SIGTERM)
        daemon.logged("draining")
        time.sleep(0.5)
        for connection, rest, status in ((cut, HEALTH[20:], 200), (slow_body, "{}", 201)):
            answer = connection.send(rest).answer()
            assert answer.status == status and answer.headers["Connection"] == "close"
            assert connection.is_closed()
    assert daemon.wait() == 0


def test_connections_that_wait_to_be_accepted_are_served(start):
    daemon = start(threads=1)
    waiting = []
    try:
        daemon.signal(signal.SIGSTOP)
        waiting = [raw(daemon, HEALTH) for _ in range(50)]
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGCONT)
        for connection in waiting:
            assert connection.answer().status == 200
    finally:
        for connection in waiting:
            connection.socket.close()
    assert daemon.wait() == 0


def test_new_connections_are_refused_while_it_drains(start):
    daemon = start()
    with Raw(daemon) as kept:
        kept.send(HEALTH[:20])
        until(lambda: b"coatcheck_connections 2" in daemon.client().get("/metrics").body)
        daemon.signal(signal.SIGTERM)

        def refused():
            try:
                Raw(daemon).socket.close()
            except ConnectionRefusedError:
                return True
        until(refused)
        assert kept.send(HEALTH[20:]).answer().status == 200
    assert daemon.wait() == 0


def test_a_drain_delay_goes_on_serving_and_says_that_it_is_not_ready(start):
    daemon = start(drain_delay="1s")
    daemon.signal(signal.SIGTERM)
    daemon.logged("draining")
    begin = time.monotonic()
    served = 0
    while time.monotonic() < begin + 0.7:
        with daemon.client() as client:
            answer = client.get("/readyz")
            assert answer.status == 503 and answer.headers["Retry-After"]
            assert answer.json == {"ready": False, "draining": True, "stores": {"default": "up"}}
        with daemon.client() as client:
            assert client.get("/healthz").status == 200
        with daemon.client() as client:
            assert client.create({"n": 1}).status == 201
        served += 1
    assert served > 3
    assert daemon.wait() == 0
    assert time.monotonic() - begin > 0.9


def test_a_drain_ends_after_its_timeout_whatever_clients_do(start):
    daemon = start(drain_timeout="500ms")
    with Raw(daemon) as stuck:
        stuck.send(f"POST /v1/sessions HTTP/1.1\r\n{HOST}Content-Length: 2\r\n\r\n")
        until(lambda: b"coatcheck_connections 2" in daemon.client().get("/metrics").body)
        begin = time.monotonic()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        assert 0.4 < time.monotonic() - begin < 3 * FACTOR
        assert daemon.log[-1]["connections"] >= 1


def test_a_second_signal_stops_at_once(start):
    daemon = start(drain_delay="60s")
    daemon.signal(signal.SIGTERM)
    daemon.logged("draining")
    begin = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert time.monotonic() - begin < 2 * FACTOR


def test_what_was_acknowledged_is_there_after_the_restart(start, folder):
    store = f"sqlite://{folder}/sessions.db"
    first = start(store)
    written, stop = {}, threading.Event()

    def write():
        with first.client() as client:
            while not stop.is_set():
                try:
                    answer = client.create({"n": len(written)})
                except (OSError, http.client.HTTPException):
                    return
                written[answer.id] = answer.json
                if answer.headers["Connection"] == "close":
                    return

    thread = threading.Thread(target=write)
    thread.start()
    until(lambda: len(written) > 50)
    first.signal(signal.SIGTERM)
    thread.join()
    assert first.wait() == 0
    with start(store).client() as client:
        for id in written:
            assert client.session("GET", id).status == 200


def test_sighup_ends_nothing(start):
    daemon = start()
    with daemon.client() as client:
        id = client.create().id
        for _ in range(5):
            daemon.signal(signal.SIGHUP)
            assert client.session("GET", id).status == 200
