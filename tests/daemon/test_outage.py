"""A backend that is away: its store says so, the others go on, and it comes back without a restart."""

import shutil
import socket
import subprocess
import time

import pytest

from calls import new_id
from patience import FACTOR, until
from paths import Session


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def daemon(start, port, redis_url):
    """Beside the default store one whose Redis is not there."""
    return start(stores={"away": {"url": f"redis://127.0.0.1:{port}/0", "deadline": "500ms"}})


@pytest.fixture
def away(api):
    session = Session(api, new_id())
    session.base = "/v1/stores/away/session"
    return session


def test_readiness_tells_of_an_outage_and_fails_only_when_strict(api):
    ready = api.get("/readyz")
    assert (ready.status, ready.json["ready"], ready.json["stores"]) == (200, True, {"away": "down", "default": "up"})
    strict = api.get("/readyz?strict")
    assert strict.status == 503 and strict.headers["Retry-After"]
    assert strict.json["stores"] == {"away": "down", "default": "up"}
    assert api.get("/healthz").status == 200
    assert api.get("/v1/stores").json["stores"]["away"]["state"] == "down"


def test_what_is_away_is_503_soon_and_tells_nothing_of_the_backend(api, away, port):
    for answer in (away.get(), away.put({}), away.touch(), away.meta(), away.delete(),
                   api.call("POST", "/v1/stores/away/sessions", {})):
        problem = answer.problem(503, "unavailable")
        assert answer.headers["Retry-After"]
        assert str(port) not in answer.body.decode() and "redis" not in problem["detail"].lower()
    begin = time.monotonic()
    for _ in range(10):
        away.get().problem(503, "unavailable")
    assert time.monotonic() - begin < 5.5 * FACTOR


def test_the_log_has_what_the_answer_does_not(daemon, away):
    id = away.get().problem(503, "unavailable")["request_id"]
    assert daemon.logged("request failed", request_id=id, status=503, store="away")["error"]


def test_the_other_stores_go_on(api, away):
    for n in range(20):
        away.get().problem(503, "unavailable")
        id = api.create({"n": n}).id
        assert Session(api, id).get().json == {"n": n}


def test_it_comes_back_without_a_restart(api, away, port, folder):
    away.put({"n": 1}).problem(503, "unavailable")
    assert shutil.which("redis-server")
    server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save",
                               ""],
                              stdout=subprocess.DEVNULL)
    try:
        until(lambda: away.put({"n": 2}).status in (201, 204))
        assert away.get().json == {"n": 2}
        assert api.get("/readyz?strict").json["stores"] == {"away": "up", "default": "up"}
    finally:
        server.terminate()
        server.wait()
    until(lambda: away.get().status == 503)
