"""One browser, one app, a daemon that works."""

from datetime import timedelta

import pytest
from flask import session

from coatcheck import CoatcheckSessionInterface


def cookie_of(client, name="session"):
    cookie = client.get_cookie(name)
    return cookie.value if cookie else None


def test_a_request_without_cookie_that_writes_nothing_calls_nobody(app, wire):
    answer = app.test_client().get("/")
    assert answer.json == {}
    assert "Set-Cookie" not in answer.headers
    assert wire.requests == []


def test_what_one_request_writes_the_next_one_reads(app):
    browser = app.test_client()
    browser.post("/put/user/ann")
    assert browser.get("/").json == {"user": "ann"}


def test_a_session_is_created_conditionally_and_saved_on_its_version(app, wire):
    browser = app.test_client()
    browser.post("/put/user/ann")
    browser.post("/put/cart/apple")
    create, load, save = [headers for _, _, headers in wire.requests]
    assert wire.methods == ["PUT", "GET", "PUT"]
    assert create["If-None-Match"] == "*"
    assert save["If-Match"].startswith('"')


def test_ids_travel_in_a_header_and_never_in_a_path(app, wire):
    browser = app.test_client()
    browser.post("/put/user/ann")
    browser.get("/")
    assert {path for _, path, _ in wire.requests} == {"/v1/session"}
    assert {headers["Session-Id"] for _, _, headers in wire.requests} == {cookie_of(browser)}


def test_an_unchanged_session_is_not_written(app, wire):
    browser = app.test_client()
    browser.post("/put/user/ann")
    browser.post("/put/user/ann")
    browser.get("/")
    assert wire.methods == ["PUT", "GET", "GET"]


def test_a_change_inside_a_value_is_written(app):
    @app.post("/nested")
    def nested():
        session.setdefault("cart", {"items": []})["items"].append("apple")
        return "ok"

    browser = app.test_client()
    browser.post("/nested")
    browser.post("/nested")
    assert browser.get("/").json == {"cart": {"items": ["apple", "apple"]}}


def test_clearing_a_session_ends_it_and_expires_the_cookie(app, wire):
    browser = app.test_client()
    browser.post("/put/user/ann")
    thief = app.test_client()
    thief.set_cookie("session", cookie_of(browser))
    browser.post("/clear")
    assert wire.methods == ["PUT", "GET", "DELETE"]
    assert cookie_of(browser) is None
    assert thief.get("/").json == {}


def test_an_unknown_id_is_not_adopted(app):
    browser = app.test_client()
    browser.set_cookie("session", "chosen-by-an-attacker-0123456789")
    browser.post("/put/user/ann")
    assert cookie_of(browser) != "chosen-by-an-attacker-0123456789"
    assert browser.get("/").json == {"user": "ann"}


def test_an_unknown_id_and_nothing_written_leaves_the_cookie_alone(app):
    browser = app.test_client()
    browser.set_cookie("session", "A" * 43)
    assert "Set-Cookie" not in browser.get("/").headers


@pytest.mark.parametrize("garbage", ["x", "not an id" * 5, "A" * 300, "ü" * 20])
def test_a_cookie_that_cannot_be_an_id_is_no_session_and_no_call(app, wire, garbage):
    browser = app.test_client()
    browser.set_cookie("session", garbage)
    assert browser.get("/").json == {}
    assert wire.requests == []


def test_flasks_lifetime_is_the_sessions_idle_timeout(make_app, wire):
    app = make_app(PERMANENT_SESSION_LIFETIME=timedelta(hours=2))
    app.test_client().post("/put/user/ann")
    assert wire.requests[0][2]["Session-Idle-Timeout"] == "7200"


def test_a_lifetime_longer_than_the_daemon_allows_is_cut_to_400_days(make_app, wire):
    app = make_app(PERMANENT_SESSION_LIFETIME=timedelta(days=3650))
    assert app.test_client().post("/put/user/ann").status_code == 200
    assert wire.requests[0][2]["Session-Idle-Timeout"] == str(400 * 86400)


def test_without_refresh_on_each_request_reading_does_not_extend(make_app, wire):
    browser = make_app(SESSION_REFRESH_EACH_REQUEST=False).test_client()
    browser.post("/put/user/ann")
    assert "Set-Cookie" not in browser.get("/").headers
    assert wire.requests[-1][1] == "/v1/session?peek"


def test_the_permanent_flag_is_rebuilt_and_not_in_the_data(make_app):
    def expires(answer):
        return "Expires=" in answer.headers["Set-Cookie"]

    lasting, passing = make_app().test_client(), make_app(SESSION_PERMANENT=False).test_client()
    assert expires(lasting.post("/put/user/ann")) and expires(lasting.get("/"))
    assert not expires(passing.post("/put/user/ann"))
    assert lasting.get("/").json == {"user": "ann"}


def test_an_app_decides_per_session_how_long_the_cookie_lasts(make_app, wire):
    app = make_app(SESSION_PERMANENT=False)

    @app.before_request
    def remember():
        session.permanent = session.get("remember") == "yes"

    browser = app.test_client()
    browser.post("/put/remember/yes")
    assert "Expires=" in browser.get("/").headers["Set-Cookie"]
    assert wire.methods == ["PUT", "GET"]


def test_a_session_that_is_no_longer_permanent_gets_a_cookie_that_ends_with_the_browser(app):
    @app.post("/passing")
    def passing():
        session.permanent = False
        return "ok"

    browser = app.test_client()
    browser.post("/put/user/ann")
    assert "Expires=" not in browser.post("/passing").headers["Set-Cookie"]


def test_cookie_name_and_flags_are_flasks(make_app):
    app = make_app(
        SESSION_COOKIE_NAME="sid",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH="/shop",
    )
    header = app.test_client().post("/put/user/ann").headers["Set-Cookie"]
    assert header.startswith("sid=")
    assert {"Secure", "HttpOnly", "Path=/shop", "SameSite=Strict"} <= set(header.split("; "))


def test_answers_that_depend_on_the_session_vary_by_cookie(make_app):
    browser = make_app().test_client()
    assert "Cookie" in browser.get("/").headers["Vary"]
    assert "Vary" not in browser.get("/ping").headers
    assert "Cookie" in browser.post("/put/user/ann").headers["Vary"]


def test_the_id_has_as_many_random_bytes_as_asked(make_app):
    browser = make_app(SESSION_ID_LENGTH=48).test_client()
    browser.post("/put/user/ann")
    assert len(cookie_of(browser)) == 64


def test_a_named_store_is_part_of_the_path(make_app, wire):
    browser = make_app(SESSION_COATCHECK_STORE="default").test_client()
    browser.post("/put/user/ann")
    assert browser.get("/").json == {"user": "ann"}
    assert wire.requests[0][1] == "/v1/stores/default/session"


@pytest.mark.parametrize(
    "settings",
    [
        {"COATCHECK_URL": "redis://localhost"},
        {"COATCHECK_URL": "unix:"},
        {"SESSION_COATCHECK_CONFLICT": "hope"},
        {"SESSION_COATCHECK_OUTAGE": "hope"},
        {"SESSION_ID_LENGTH": 8},
    ],
)
def test_a_setting_that_makes_no_sense_stops_the_start(make_app, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        make_app(**settings)


def test_the_address_comes_from_the_environment_if_the_configuration_has_none(app, wire, monkeypatch):
    monkeypatch.setenv("COATCHECK_URL", wire.url)
    app.config["COATCHECK_URL"] = None
    app.session_interface = CoatcheckSessionInterface(app)
    assert app.test_client().post("/put/user/ann").status_code == 200
    assert wire.methods == ["PUT"]
