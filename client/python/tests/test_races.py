"""Two requests of one session at the same time."""

import threading

import pytest


def test_parallel_changes_of_different_keys_both_survive(slow):
    slow.start(lambda session: session.update(cart="apple"))
    slow.other.post("/put/language/fr")
    assert slow.finish().status_code == 200
    assert slow.other.get("/").json == {"user": "ann", "cart": "apple", "language": "fr"}


def test_the_later_of_two_changes_of_one_key_wins(slow):
    slow.start(lambda session: session.update(cart="apple"))
    slow.other.post("/put/cart/pear")
    slow.finish()
    assert slow.other.get("/").json["cart"] == "apple"


def test_a_removed_key_stays_removed_beside_another_change(slow):
    slow.start(lambda session: session.update(cart="apple") or session.pop("user"))
    slow.other.post("/put/language/fr")
    slow.finish()
    assert slow.other.get("/").json == {"cart": "apple", "language": "fr"}


def test_a_conflict_is_an_error_if_the_app_says_so(slow):
    slow.start(lambda session: session.update(cart="apple"), SESSION_COATCHECK_CONFLICT="raise")
    slow.other.post("/put/language/fr")
    assert slow.finish().status_code == 500
    assert slow.other.get("/").json == {"user": "ann", "language": "fr"}


def test_the_last_write_replaces_everything_if_the_app_says_so(slow):
    slow.start(lambda session: session.update(cart="apple"), SESSION_COATCHECK_CONFLICT="overwrite")
    slow.other.post("/put/language/fr")
    assert slow.finish().status_code == 200
    assert slow.other.get("/").json == {"user": "ann", "cart": "apple"}


@pytest.mark.parametrize("save", ["replace", "merge"])
@pytest.mark.parametrize("conflict", ["merge", "raise", "overwrite"])
def test_a_write_after_a_logout_brings_nothing_back(slow, conflict, save, caplog):
    settings = {"SESSION_COATCHECK_CONFLICT": conflict, "SESSION_COATCHECK_SAVE": save}
    slow.start(lambda session: session.update(cart="apple"), **settings)
    id = slow.other.get_cookie("session").value
    slow.other.post("/clear")
    answer = slow.finish()
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers  # the logout has expired it, and a later login may have set another
    assert "dropped" in caplog.text and id not in caplog.text
    assert slow.browser.get("/").json == {}


def test_what_ends_between_a_refused_write_and_the_next_try_stays_ended(slow, wire):
    slow.start(lambda session: session.update(cart="apple"))
    slow.other.post("/clear")
    wire.faults = [412]
    assert slow.finish().status_code == 200
    assert wire.methods[-1] == "GET"
    assert slow.browser.get("/").json == {}


@pytest.mark.parametrize("save", ["replace", "merge"])
def test_twelve_requests_at_once_lose_nothing(make_app, save):
    app = make_app(SESSION_COATCHECK_SAVE=save)
    first = app.test_client()
    first.post("/put/user/ann")
    id = first.get_cookie("session").value
    start = threading.Barrier(12)

    def add(number):
        browser = app.test_client()
        browser.set_cookie("session", id)
        start.wait()
        assert browser.post(f"/put/item{number}/x").status_code == 200

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(first.get("/").json) == {"user", *(f"item{number}" for number in range(12))}
