"""SESSION_COATCHECK_SAVE="merge": only what changed is sent."""

import pytest
from flask import session

from coatcheck.codec import decode


@pytest.fixture
def app(make_app):
    app = make_app(SESSION_COATCHECK_SAVE="merge")

    @app.post("/remove/<key>")
    def remove(key):
        del session[key]
        return "ok"

    return app


@pytest.fixture
def browser(app, wire):
    browser = app.test_client()
    browser.post("/update", json={"user": "ann", "cart": {"coat": 1, "hat": 2}, "old": True})
    wire.requests.clear()
    wire.bodies.clear()
    return browser


def test_a_changed_session_is_saved_by_a_patch_of_what_changed(browser, wire):
    browser.post("/update", json={"user": "ann", "cart": {"coat": 1, "scarf": 3}})
    assert wire.methods == ["GET", "PATCH"]
    headers = wire.requests[1][2]
    assert headers["Content-Type"] == "application/msgpack" and headers["Prefer"] == "return=minimal"
    assert headers["Session-Idle-Timeout"] == str(31 * 86400)
    assert "If-Match" not in headers
    assert decode(wire.bodies[1]) == {"cart": {"hat": None, "scarf": 3}}
    assert browser.get("/").json == {"user": "ann", "cart": {"coat": 1, "scarf": 3}, "old": True}


def test_a_removed_key_is_removed(browser, wire):
    browser.post("/remove/old")
    assert decode(wire.bodies[1]) == {"old": None}
    assert browser.get("/").json == {"user": "ann", "cart": {"coat": 1, "hat": 2}}


def test_a_new_session_is_created_and_an_unchanged_one_is_not_written(app, browser, wire):
    browser.get("/")
    app.test_client().post("/put/user/bob")
    assert wire.methods == ["GET", "PUT"]
    assert wire.requests[1][2]["If-None-Match"] == "*"


def test_a_session_that_has_been_emptied_ends(browser, wire):
    browser.post("/clear")
    assert wire.methods == ["GET", "DELETE"]


@pytest.mark.parametrize("value", [None, {"coat": None}])
def test_a_value_that_holds_null_is_saved_on_the_version(browser, wire, value):
    browser.post("/update", json={"cart": value})
    assert wire.methods == ["GET", "PUT"]
    assert wire.requests[1][2]["If-Match"].startswith('"')
    assert browser.get("/").json == {"user": "ann", "cart": value, "old": True}


def test_a_null_that_was_there_before_does_not_keep_others_from_being_patched(browser, wire):
    browser.post("/update", json={"nothing": None})
    browser.post("/put/user/bob")
    assert wire.methods[-1] == "PATCH"
    assert browser.get("/").json == {"user": "bob", "cart": {"coat": 1, "hat": 2}, "old": True, "nothing": None}


def test_a_value_that_holds_null_is_merged_with_what_another_request_wrote(slow):
    slow.start(lambda session: session.update(cart=None), SESSION_COATCHECK_SAVE="merge")
    slow.other.post("/put/language/fr")
    assert slow.finish().status_code == 200
    assert slow.other.get("/").json == {"user": "ann", "cart": None, "language": "fr"}


def test_parallel_changes_inside_one_value_both_survive(slow):
    """What a merge by top-level key would lose."""
    data = {"cart": {"coat": 1, "hat": 2}}
    slow.start(lambda session: session["cart"].update(coat=9), data, SESSION_COATCHECK_SAVE="merge")
    slow.other.post("/update", json={"cart": {"coat": 1, "scarf": 3}})
    assert slow.finish().status_code == 200
    assert slow.other.get("/").json == {"cart": {"coat": 9, "scarf": 3}}


def test_a_conflict_is_an_error_if_the_app_says_so(slow, wire):
    changes = {"SESSION_COATCHECK_SAVE": "merge", "SESSION_COATCHECK_CONFLICT": "raise"}
    slow.start(lambda session: session.update(cart="apple"), **changes)
    slow.other.post("/put/language/fr")
    assert slow.finish().status_code == 500
    assert wire.requests[-1][0] == "PATCH" and wire.requests[-1][2]["If-Match"].startswith('"')
    assert slow.other.get("/").json == {"user": "ann", "language": "fr"}


@pytest.mark.parametrize("status", [404, 410])
def test_a_patch_to_a_session_that_has_ended_is_dropped(browser, wire, caplog, status):
    wire.faults = [None, status]
    assert browser.post("/put/user/bob").status_code == 200
    assert wire.methods == ["GET", "PATCH"]
    assert "dropped" in caplog.text


@pytest.mark.parametrize("fault", ["drop", "lose", 504, 503, 413])
def test_a_patch_that_fails_is_an_error_and_never_repeated(browser, wire, fault):
    wire.faults = [None, fault]
    assert browser.post("/put/user/bob").status_code == 500
    assert wire.methods == ["GET", "PATCH"]


def test_a_patch_of_a_session_that_grows_too_large_changes_nothing(browser, wire):
    assert browser.post("/update", json={"much": "x" * 600_000}).status_code == 200
    assert browser.post("/update", json={"more": "x" * 600_000}).status_code == 500
    assert set(browser.get("/").json) == {"user", "cart", "old", "much"}
