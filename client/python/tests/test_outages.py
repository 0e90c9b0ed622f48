"""The daemon is away, slow or refuses."""

import os
import signal
import time

import pytest
from conftest import RunningDaemon, free_port


@pytest.fixture
def browser(app, wire):
    browser = app.test_client()
    browser.post("/put/user/ann")
    wire.requests.clear()
    return browser


@pytest.mark.parametrize("fault", ["drop", 504])
def test_a_read_that_gets_no_answer_is_tried_once_more(browser, wire, fault):
    wire.faults = [fault]
    assert browser.get("/").json == {"user": "ann"}
    assert wire.methods == ["GET", "GET"]


@pytest.mark.parametrize("faults", [["drop", "drop"], [504, 504], [503], [500]])
def test_a_failed_read_is_an_error_and_never_a_new_cookie(browser, wire, faults):
    wire.faults = list(faults)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "Set-Cookie" not in answer.headers
    assert wire.methods == ["GET"] * len(faults)
    assert browser.get("/").json == {"user": "ann"}


@pytest.mark.parametrize("fault", ["drop", 504])
def test_a_logout_that_gets_no_answer_is_tried_once_more(browser, wire, fault):
    wire.faults = [None, fault]
    assert browser.post("/clear").status_code == 200
    assert wire.methods == ["GET", "DELETE", "DELETE"]


def test_a_failed_logout_is_an_error_and_keeps_the_cookie(browser, wire):
    wire.faults = [None, 503]
    answer = browser.post("/clear")
    assert answer.status_code == 500
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("fault", ["drop", "lose", 504, 503])
def test_a_write_is_never_repeated(browser, wire, fault):
    wire.faults = [None, fault]
    assert browser.post("/put/cart/apple").status_code == 500
    assert wire.methods == ["GET", "PUT"]


def test_a_failed_creation_is_an_error_without_cookie(app, wire):
    wire.faults = ["lose"]
    answer = app.test_client().post("/put/user/ann")
    assert answer.status_code == 500
    assert "Set-Cookie" not in answer.headers
    assert wire.methods == ["PUT"]


def test_by_choice_an_outage_is_an_anonymous_request_that_cannot_write(make_app, wire, caplog):
    app = make_app(SESSION_COATCHECK_OUTAGE="read-only")
    browser = app.test_client()
    browser.post("/put/user/ann")
    wire.faults = [503, 503]
    reading, writing = browser.get("/"), browser.post("/put/cart/apple")
    assert reading.json == {}
    assert writing.status_code == 500
    assert "Set-Cookie" not in reading.headers and "Set-Cookie" not in writing.headers
    assert "read-only" in caplog.text
    assert browser.get("/").json == {"user": "ann"}


def test_a_refused_token_is_an_error_even_where_outages_are_not(make_app, wire):
    browser = make_app(SESSION_COATCHECK_OUTAGE="read-only").test_client()
    browser.post("/put/user/ann")
    wire.faults = [401]
    assert browser.get("/").status_code == 500


def test_a_daemon_that_hangs_costs_three_seconds_a_try(make_app):
    daemon = RunningDaemon(f"127.0.0.1:{free_port()}")
    try:
        browser = make_app(COATCHECK_URL=daemon.url).test_client()
        browser.post("/put/user/ann")
        daemon.process.send_signal(signal.SIGSTOP)
        os.waitpid(daemon.process.pid, os.WUNTRACED)
        started = time.monotonic()
        assert browser.get("/").status_code == 500
        assert 5.5 < time.monotonic() - started < 8
        daemon.process.send_signal(signal.SIGCONT)
        assert browser.get("/").json == {"user": "ann"}
    finally:
        daemon.stop()


def test_a_daemon_that_is_not_there_is_an_error_at_once(make_app):
    browser = make_app(COATCHECK_URL=f"http://127.0.0.1:{free_port()}").test_client()
    started = time.monotonic()
    assert browser.post("/put/user/ann").status_code == 500
    assert time.monotonic() - started < 1


def test_data_without_encoding_is_a_type_error_that_names_the_key(make_app, wire):
    from flask import session

    app = make_app(TESTING=True)

    @app.post("/bad")
    def bad():
        session["basket"] = {"apple"}
        return "never sent"

    with pytest.raises(TypeError, match=r"session\['basket'\].*set"):
        app.test_client().post("/bad")
    assert wire.requests == []
