"""New ids: `app.session_interface.regenerate(session)`."""

import threading

import msgpack
import pytest
import urllib3
from flask import session


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def browser(app, wire):
    browser = app.test_client()
    browser.post("/put/cart/apple")
    wire.requests.clear()
    wire.bodies.clear()
    return browser


@pytest.fixture
def thief(app, browser):
    return tab_of(app, browser)


def tab_of(app, browser):
    tab = app.test_client()
    tab.set_cookie("session", id_of(browser))
    return tab


def id_of(browser):
    return browser.get_cookie("session").value


def living(app, wire):
    """The ids under which there is a session, of all that have been named to the daemon."""
    rotated = [msgpack.unpackb(body)["id"] for (_, path, _), body in zip(wire.requests, wire.bodies) if "rotate" in path]
    ids = {headers["Session-Id"] for _, _, headers in wire.requests} | set(rotated)
    daemon = app.session_interface._daemon
    return [id for id in ids if daemon.load(id, use=False)]


def test_regenerate_keeps_the_data_under_a_new_id_and_ends_the_old_one_in_the_same_step(app, browser, thief, wire):
    browser.post("/regenerate")
    assert [(method, path) for method, path, _ in wire.requests] == [("GET", "/v1/session"), ("POST", "/v1/session/rotate")]
    assert wire.requests[1][2]["Session-Idle-Timeout"] == str(31 * 86400)
    assert msgpack.unpackb(wire.bodies[1]) == {"id": id_of(browser), "grace_s": 0}
    assert id_of(browser) != id_of(thief)
    assert browser.get("/").json == {"cart": "apple"}
    assert thief.get("/").json == {}
    assert living(app, wire) == [id_of(browser)]


@pytest.mark.parametrize("save", ["replace", "merge"])
def test_what_is_written_with_it_is_saved_under_the_new_id_alone(make_app, browser, wire, save):
    app = make_app(SESSION_COATCHECK_SAVE=save)

    @app.post("/login")
    def login():
        app.session_interface.regenerate(session)
        session["user"] = "ann"
        return "in"

    visitor = tab_of(app, browser)
    visitor.post("/login")
    assert wire.methods == ["GET", "POST", "PATCH" if save == "merge" else "PUT"]
    assert wire.requests[2][2]["Session-Id"] == id_of(visitor)
    assert visitor.get("/").json == {"cart": "apple", "user": "ann"}


def test_regenerating_a_session_that_was_never_stored_ends_nothing(app, wire):
    @app.post("/login")
    def login():
        app.session_interface.regenerate(session)
        session["user"] = "ann"
        return "ok"

    browser = app.test_client()
    browser.post("/login")
    assert wire.methods == ["PUT"]
    assert browser.get("/").json == {"user": "ann"}


def test_a_session_emptied_after_regenerate_ends_under_its_old_id(make_app, browser, wire):
    app = make_app()

    @app.post("/out")
    def out():
        app.session_interface.regenerate(session)
        session.clear()
        return "ok"

    tab_of(app, browser).post("/out")
    assert wire.methods == ["GET", "DELETE"]
    assert wire.requests[-1][2]["Session-Id"] == id_of(browser)


def test_regenerating_twice_gives_one_new_id(make_app, browser, wire):
    app = make_app()

    @app.post("/twice")
    def twice():
        app.session_interface.regenerate(session)
        app.session_interface.regenerate(session)
        return "ok"

    visitor = tab_of(app, browser)
    visitor.post("/twice")
    assert wire.methods == ["GET", "POST"]
    assert id_of(visitor) != id_of(browser)
    assert visitor.get("/").json == {"cart": "apple"}


def test_a_lost_answer_is_asked_for_again_and_the_id_is_the_same(browser, wire):
    wire.faults = [None, "lose"]
    assert browser.post("/regenerate").status_code == 200
    assert wire.methods == ["GET", "POST", "POST"]
    assert wire.bodies[1] == wire.bodies[2]
    assert browser.get("/").json == {"cart": "apple"}


def test_a_failed_rotation_is_an_error_that_leaves_session_and_cookie(browser, wire):
    wire.faults = [None, 503]
    answer = browser.post("/regenerate")
    assert answer.status_code == 500
    assert "Set-Cookie" not in answer.headers
    assert browser.get("/").json == {"cart": "apple"}


@pytest.mark.parametrize("path", ["/regenerate", "/put/user/ann"])
@pytest.mark.parametrize("save", ["replace", "merge"])
def test_nothing_is_written_while_others_have_locked_the_session_but_a_logout(make_app, browser, daemon, save, path):
    visitor = tab_of(make_app(SESSION_COATCHECK_SAVE=save), browser)
    headers = {"Session-Id": id_of(browser), "Content-Type": "application/json"}
    locked = urllib3.request("POST", f"{daemon.url}/v1/session/lock", headers=headers, body=b"{}")
    assert locked.status == 200
    answer = visitor.post(path)
    assert answer.status_code == 500
    assert "Set-Cookie" not in answer.headers
    assert visitor.get("/").json == {"cart": "apple"}
    assert visitor.post("/clear").status_code == 200
    assert visitor.get("/").json == {}


def test_a_failed_save_after_the_rotation_leaves_the_browser_with_the_new_id(make_app, browser, thief, wire):
    app = make_app()

    @app.post("/login")
    def login():
        app.session_interface.regenerate(session)
        session["user"] = "ann"
        return "in"

    visitor = tab_of(app, browser)
    wire.faults = [None, None, 503]
    assert visitor.post("/login").status_code == 500
    assert id_of(visitor) != id_of(browser)
    assert visitor.get("/").json == {"cart": "apple"}
    assert thief.get("/").json == {}


def in_parallel(app, browser, count, path):
    """The tabs and their answers, of that many requests none of which goes on before all have loaded the session."""
    tabs = [tab_of(app, browser) for _ in range(count)]
    answers = [None] * count

    def post(number):
        answers[number] = tabs[number].post(path)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tabs, answers


@pytest.fixture
def crowd(make_app):
    """An app whose page waits for seven more visitors, then regenerates."""
    app = make_app()
    all_here = threading.Barrier(8)

    @app.post("/login/<int:grace>")
    def login(grace):
        session.get("cart")
        all_here.wait(10)
        app.session_interface.regenerate(session, grace=grace)
        session[threading.current_thread().name] = 1
        return "in"

    return app


def test_parallel_regenerates_leave_one_session_and_one_cookie(crowd, browser, wire, caplog):
    tabs, answers = in_parallel(crowd, browser, 8, "/login/0")
    assert {answer.status_code for answer in answers} == {200}
    winners = [tab for tab, answer in zip(tabs, answers) if "Set-Cookie" in answer.headers]
    assert len(winners) == 1
    assert living(crowd, wire) == [id_of(winners[0])]
    assert len(winners[0].get("/").json) == 2
    assert caplog.text.count("dropped") == 7


def test_with_grace_parallel_regenerates_give_the_same_new_id_and_lose_nothing(crowd, browser, thief, wire):
    tabs, answers = in_parallel(crowd, browser, 8, "/login/10")
    assert {answer.status_code for answer in answers} == {200}
    ids = {id_of(tab) for tab in tabs}
    assert len(ids) == 1 and ids != {id_of(browser)}
    assert len(tabs[0].get("/").json) == 9
    assert thief.get("/").json == tabs[0].get("/").json


@pytest.mark.parametrize("refresh", [True, False])
def test_whoever_comes_by_the_old_id_within_the_grace_gets_the_new_one(make_app, refresh):
    app = make_app(SESSION_REFRESH_EACH_REQUEST=refresh, SESSION_PERMANENT=refresh)

    @app.post("/login")
    def login():
        session.get("cart")
        app.session_interface.regenerate(session, grace=30)
        return "in"

    browser = app.test_client()
    browser.post("/put/cart/apple")
    late = tab_of(app, browser)
    browser.post("/login")
    assert late.get("/").json == {"cart": "apple"}
    assert id_of(late) == id_of(browser)
    late.post("/put/cart/pear")
    assert browser.get("/").json == {"cart": "pear"}


def test_a_write_before_the_rotation_is_kept(slow):
    slow.start(lambda session: slow.app.session_interface.regenerate(session) or session.update(cart="apple"))
    slow.other.post("/put/language/fr")
    assert slow.finish().status_code == 200
    assert slow.browser.get("/").json == {"user": "ann", "cart": "apple", "language": "fr"}


@pytest.mark.parametrize("save", ["replace", "merge"])
def test_a_write_after_the_rotation_is_dropped_and_leaves_the_new_cookie_alone(slow, wire, caplog, save):
    slow.start(lambda session: session.update(cart="apple"), SESSION_COATCHECK_SAVE=save)
    slow.other.post("/regenerate")
    slow.browser.set_cookie("session", id_of(slow.other))
    answer = slow.finish()
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "dropped" in caplog.text
    assert slow.other.get("/").json == {"user": "ann"}
    assert living(slow.app, wire) == [id_of(slow.other)]
