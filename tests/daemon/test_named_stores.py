"""Stores with a name and settings of their own, over every kind of store."""

import pytest

from calls import new_id
from paths import Session


@pytest.fixture(scope="module")
def daemon(start_shared, new_store, any_store):
    def store(**settings):
        return {"url": new_store(any_store), **settings}
    return start_shared(new_store(any_store), stores={
        "anonymous": store(anonymous_idle_timeout="30s", idle_timeout="1h"),
        "bounded": store(absolute_timeout="1h", idle_timeout="10m", tombstone="2s"),
        "closed": store(adopt_ids=False),
    })


def in_store(api, name, id=None):
    one = Session(api, id or new_id())
    one.base = f"/v1/stores/{name}/session"
    return one


def test_an_anonymous_session_is_short_and_a_login_ends_that(api):
    session = in_store(api, "anonymous")
    assert session.put({}).expires_in == 33
    assert session.put({}).expires_in == 33
    assert session.put({}, Session_Subject="").expires_in == 33
    assert session.put({}, Session_Subject="user-42").expires_in == 3960
    assert session.put({}).expires_in == 3960
    assert session.meta().json["idle_timeout"] == 3600


def test_a_session_with_a_subject_or_a_timeout_is_not_anonymous_in_its_lifetime(api):
    assert in_store(api, "anonymous").put({}, Session_Subject="user-42").expires_in == 3960
    assert in_store(api, "anonymous").put({}, Session_Idle_Timeout=100).expires_in == 110
    session = in_store(api, "anonymous")
    session.put({})
    assert session.put({}, Session_Subject="user-42", Session_Idle_Timeout=100).expires_in == 110


def test_a_store_has_its_own_lifetimes(api):
    session = in_store(api, "bounded")
    assert session.put({}).expires_in == 660
    meta = session.meta().json
    assert (meta["idle_timeout"], meta["absolute_timeout"], meta["store"]) == (600, 3600, "bounded")
    shown = api.get("/v1/stores").json["stores"]
    assert shown["bounded"]["lifetimes"] == {"idle_timeout": 600, "absolute_timeout": 3600, "tombstone_ms": 2000,
                                             "anonymous_idle_timeout": None, "adopt_ids": True}
    assert shown["anonymous"]["lifetimes"]["anonymous_idle_timeout"] == 30
    assert shown["default"]["lifetimes"]["tombstone_ms"] == 60000


def test_stores_do_not_see_each_others_sessions(api):
    one = in_store(api, "bounded")
    one.put({"n": 1})
    Session(api, one.id).get().problem(404, "not-found")
    in_store(api, "anonymous", one.id).delete()
    assert one.get().json == {"n": 1}


def test_post_in_a_named_store_answers_where_it_is(api):
    answer = api.call("POST", "/v1/stores/bounded/sessions", {"n": 1})
    id = answer.json["id"]
    assert answer.headers["Location"] == f"/v1/stores/bounded/sessions/{id}"
    assert api.get(answer.headers["Location"]).json == {"n": 1}


def test_a_store_that_adopts_no_ids_creates_by_post_alone(api):
    session = in_store(api, "closed")
    session.put({}).problem(404, "not-found")
    session.put({}, If_None_Match="*").problem(404, "not-found")
    session.get().problem(404, "not-found")
    made = in_store(api, "closed", api.call("POST", "/v1/stores/closed/sessions").json["id"])
    assert made.put({"n": 1}).status == 204
    assert made.put({"n": 2}, If_Match="*").status == 204
    made.delete()
    made.put({}).problem(410, "ended")


def test_ids_can_be_banned_from_paths(start, new_store, any_store):
    with start(new_store(any_store), ids_in_path=False).client() as api:
        answer = api.create({"n": 1})
        assert answer.headers["Location"] is None
        assert Session(api, answer.id).get().json == {"n": 1}
        for form in ("path", "store-path"):
            banned = Session(api, answer.id, form)
            for refused in (banned.get(), banned.put({}), banned.delete(), banned.touch(), banned.meta()):
                refused.problem(400, "malformed")
        assert Session(api, answer.id).get().json == {"n": 1}


@pytest.mark.parametrize("lasting", ["sqlite", "redis"])
def test_a_restart_ends_no_session_of_a_store_that_lasts(start, new_store, lasting):
    store = new_store(lasting)
    id = new_id()
    first = start(store)
    with first.client() as api:
        etag = Session(api, id).put({"n": 1}, Session_Subject="user-42").etag
        Session(api, id + "ended").delete()
    first.stop()
    with start(store).client() as api:
        assert Session(api, id).get().json == {"n": 1}
        assert Session(api, id).meta().json["subject"] == "user-42"
        assert Session(api, id).get().etag == etag
        Session(api, id + "ended").put({}).problem(410, "ended")
