"""PATCH: merged on the server, in one step."""

import threading

import msgpack
import pytest

from calls import new_id
from paths import Session, each_form

MERGE = "application/merge-patch+json"
MSGPACK = "application/msgpack"


@pytest.fixture
def session(api):
    return Session(api, new_id())


def patch(session, body, type=MERGE, **headers):
    if type == MSGPACK:
        body = msgpack.packb(body)
    return session.call("PATCH", body=body, Content_Type=type, **headers)


@each_form
@pytest.mark.parametrize("type", [MERGE, MSGPACK, "application/vnd.msgpack", "APPLICATION/merge-patch+json; charset=utf-8"])
def test_a_patch_changes_what_it_names_and_answers_the_whole(api, form, type):
    session = Session(api, new_id(), form)
    first = session.put({"user": 42, "cart": {"coat": 1, "hat": 2}, "old": True})
    change = {"cart": {"hat": None, "scarf": 3}, "old": None}
    body = msgpack.packb(change) if "msgpack" in type else change
    answer = session.call("PATCH", body=body, Content_Type=type)
    assert answer.status == 200, answer
    assert answer.json == {"user": 42, "cart": {"coat": 1, "scarf": 3}}
    assert answer.etag != first.etag and answer.expires_in > 86400
    got = session.get()
    assert got.json == answer.json and got.etag == answer.etag


def test_a_patch_answers_messagepack_to_who_accepts_it(session):
    session.put({"a": 1})
    answer = patch(session, {"b": b"\x00"}, MSGPACK, Accept=MSGPACK)
    assert msgpack.unpackb(answer.body) == {"a": 1, "b": b"\x00"}
    session.call("PATCH", body={}, Content_Type=MERGE, Accept="text/plain").problem(406, "not-acceptable")


@pytest.mark.parametrize("prefer", ["return=minimal", "respond-async, return=minimal", "RETURN=minimal; x=1"])
def test_a_patch_that_prefers_minimal_gets_no_content(session, prefer):
    session.put({"a": 1})
    answer = patch(session, {"b": 2}, Prefer=prefer)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Preference-Applied"] == "return=minimal" and answer.etag
    assert session.get().json == {"a": 1, "b": 2}


@pytest.mark.parametrize("prefer", ["return=representation", "handling=lenient"])
def test_other_preferences_change_nothing(session, prefer):
    session.put({"a": 1})
    answer = patch(session, {"b": 2}, Prefer=prefer)
    assert answer.status == 200 and "Preference-Applied" not in answer.headers


def test_a_patch_creates_nothing(session):
    patch(session, {"a": 1}).problem(404, "not-found")
    patch(session, {"a": 1}, If_Match="*").problem(412, "precondition-failed")
    session.get().problem(404, "not-found")


def test_a_patch_brings_nothing_back(session):
    session.put({"a": 1})
    session.delete()
    patch(session, {"a": 2}).problem(410, "ended")
    patch(session, {"a": 2}, If_Match="*").problem(410, "ended")
    session.get().problem(410, "ended")


def test_a_patch_with_if_match_writes_that_version_alone(session):
    old = session.put({"a": 1}).etag
    now = session.put({"a": 2}).etag
    conflict = patch(session, {"b": 1}, If_Match=old)
    assert conflict.problem(412, "precondition-failed")["etag"] == now and conflict.etag == now
    assert patch(session, {"b": 1}, If_Match=f"{old}, {now}").json == {"a": 2, "b": 1}
    assert patch(session, {"c": 1}, If_Match="*").json == {"a": 2, "b": 1, "c": 1}
    patch(session, {}, If_Match="nonsense").problem(400, "malformed")
    patch(session, {}, If_None_Match="*").problem(400, "malformed")


@pytest.mark.parametrize("body, status, name", [
    (b"[1]", 422, "not-a-map"), (b"null", 422, "not-a-map"), (b"{", 400, "malformed"), (b"", 400, "malformed"),
    (b'{"a":{"$nonsense":1}}', 400, "malformed"),
])
def test_a_patch_that_is_none_is_refused_and_changes_nothing(session, body, status, name):
    session.put({"a": 1})
    patch(session, body).problem(status, name)
    assert session.get().json == {"a": 1}


@pytest.mark.parametrize("type", ["application/json", "text/plain", "application/json-patch+json", ""])
def test_a_patch_of_another_type_is_415_and_says_what_is_taken(session, type):
    session.put({"a": 1})
    answer = patch(session, b"{}", type)
    answer.problem(415, "unsupported-media-type")
    assert answer.headers["Accept-Patch"] == "application/merge-patch+json, application/msgpack, application/vnd.msgpack"


def test_escapes_are_atoms(session):
    session.put({"m": {"$map": [[1, 2], [3, 4]]}, "t": 1})
    assert patch(session, {"m": {"$map": [[1, None]]}, "t": {"$time": "2024-01-02T03:04:05Z"}}).json == \
        {"m": {"$map": [[1, None]]}, "t": {"$time": "2024-01-02T03:04:05Z"}}


def test_a_patch_keeps_what_it_does_not_send_and_counts_as_a_use(session):
    session.put({}, Session_Subject="ada", Session_Label="phone", Session_Idle_Timeout=100)
    patch(session, {"a": 1})
    meta = session.meta().json
    assert (meta["subject"], meta["label"], meta["idle_timeout"]) == ("ada", "phone", 100)
    patch(session, {"a": 2}, Session_Subject="eve", Session_Idle_Timeout=200)
    meta = session.meta().json
    assert (meta["subject"], meta["label"], meta["idle_timeout"]) == ("eve", "phone", 200)


def test_a_merged_result_that_is_too_large_is_413_and_changes_nothing(session):
    half = "x" * 600_000
    session.put({"a": half})
    assert patch(session, {"b": half}).problem(413, "too-large")["limit"] == 1048576
    assert session.get().json == {"a": half}
    assert patch(session, {"a": None, "b": half}, Prefer="return=minimal").status == 204


def test_parallel_patches_of_different_keys_all_survive(daemon, session):
    session.put({})
    failures = []

    def count(name):
        with daemon.client() as client:
            own = Session(client, session.id)
            for n in range(1, 11):
                answer = patch(own, {name: n}, Prefer="return=minimal")
                if answer.status != 204:
                    failures.append(answer)

    threads = [threading.Thread(target=count, args=(f"k{i}",)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    assert session.get().json == {f"k{i}": 10 for i in range(12)}
