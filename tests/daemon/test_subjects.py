"""A user's sessions: listed, limited and ended together."""

import json
import threading
import time

import pytest

from calls import named, new_id
from patience import FACTOR


def subject_name():
    return "user-" + new_id()


@pytest.fixture
def user():
    return subject_name()


def login(client, user, **headers):
    """A session of the user: its id."""
    return client.create({}, Session_Subject=user, **headers).id


def listed(client, user, query=""):
    answer = client.call("GET", "/v1/sessions" + query, None, {"Session-Subject": user})
    assert answer.status == 200, answer
    return answer.json


def handles(client, user):
    return [s["handle"] for s in listed(client, user)["sessions"]]


def handle_of(client, id):
    return client.session("GET", id, "/meta").json["handle"]


def end_all(client, user, query="", **headers):
    answer = client.call("DELETE", "/v1/sessions" + query, None, {"Session-Subject": user, **named(headers)})
    assert answer.status == 200, answer
    return answer.json["ended"]


def test_a_user_sees_the_sessions_that_are_his_the_newest_first(api, user):
    ids = [login(api, user, Session_Label=f"device {n}") for n in range(3)]
    login(api, subject_name())
    found = listed(api, user)
    assert found["next"] is None
    assert [s["label"] for s in found["sessions"]] == ["device 2", "device 1", "device 0"]
    assert [s["handle"] for s in found["sessions"]] == [handle_of(api, id) for id in reversed(ids)]
    for session in found["sessions"]:
        assert set(session) == {"handle", "label", "created", "last_seen", "expires", "ends"}
    assert not any(id in json.dumps(found) for id in ids)


def test_a_list_comes_in_pages(api, user):
    for n in range(7):
        login(api, user, Session_Label=str(n))
    labels, cursor, pages = [], "", 0
    while cursor is not None:
        page = listed(api, user, f"?limit=3{cursor and '&cursor=' + cursor}")
        assert len(page["sessions"]) <= 3
        labels += [s["label"] for s in page["sessions"]]
        cursor, pages = page["next"], pages + 1
    assert labels == list("6543210")
    assert pages == 3


def test_the_cursor_of_a_page_is_the_moment_at_which_its_last_session_came(api, user):
    """With moments out of thin air an entry without a session would never be dropped."""
    begin = time.time_ns() // 10**6
    for _ in range(2):
        login(api, user)
    assert begin <= int(listed(api, user, "?limit=1")["next"]) <= time.time_ns() // 10**6 + 1000


def test_nobody_has_no_sessions(api, user):
    assert listed(api, user) == {"sessions": [], "next": None}
    assert end_all(api, user) == 0


@pytest.mark.parametrize("method, query, headers", [
    ("GET", "", {}), ("DELETE", "", {}), ("GET", "", {"Session-Subject": ""}), ("GET", "?limit=0", {}),
    ("GET", "?limit=101", {}), ("GET", "?cursor=x", {}), ("GET", "?page=1", {}), ("DELETE", "?before=yesterday", {}),
    ("DELETE", "?after=2026-01-01T00:00:00Z", {}), ("DELETE", "", {"Session-Id": "short"}),
    ("DELETE", "", {"If-Match": "*"}), ("GET", "", {"Session-Subject": "x" * 1025}),
])
def test_what_is_asked_wrongly_is_400(api, user, method, query, headers):
    with_subject = {"Session-Subject": user} if query or "Session-Id" in headers or "If-Match" in headers else {}
    api.call(method, "/v1/sessions" + query, None, {**with_subject, **headers}).problem(400, "malformed")


def test_sessions_that_end_leave_the_list(api, user):
    stays, deleted, other = (login(api, user) for _ in range(3))
    expires = login(api, user, Session_Idle_Timeout=1)
    api.session("DELETE", deleted)
    assert api.session("PUT", other, body={}, Session_Subject=subject_name()).status == 204
    until = time.monotonic() + 10 * FACTOR
    while len(handles(api, user)) > 1 and time.monotonic() < until:
        time.sleep(0.05)
    assert handles(api, user) == [handle_of(api, stays)]
    api.session("GET", expires).problem(410, "ended")


def test_a_session_belongs_to_who_logs_in_and_to_nobody_when_he_logs_out(api, user):
    id = api.create({}).id
    assert handles(api, user) == []
    assert api.session("PUT", id, body={}, Session_Subject=user).status == 204
    assert handles(api, user) == [handle_of(api, id)]
    assert api.session("PUT", id, body={"n": 1}).status == 204
    assert handles(api, user) == [handle_of(api, id)]
    assert api.session("PUT", id, body={}, Session_Subject="").status == 204
    assert handles(api, user) == []


def test_a_patch_and_a_rotation_can_log_in(api, user):
    patched, rotated = api.create({}).id, api.create({}).id
    assert api.call("PATCH", "/v1/session", b"{}", {"Session-Id": patched, "Session-Subject": user,
                                                    "Content-Type": "application/merge-patch+json"}).status == 200
    new = api.session("POST", rotated, "/rotate", {"grace_s": 60}, Session_Subject=user).json["id"]
    assert handles(api, user) == [handle_of(api, new), handle_of(api, patched)]
    api.session("GET", rotated).problem(410, "ended")  # a change of subject has no grace


def test_a_rotation_leaves_one_entry_under_the_new_handle(api, user):
    """spring-session#2230: the index keeps what rotation and expiry took away."""
    id = login(api, user)
    for _ in range(5):
        id = api.session("POST", id, "/rotate", {"grace_s": 30}).json["id"]
    assert handles(api, user) == [handle_of(api, id)]
    assert end_all(api, user) == 1
    assert handles(api, user) == []


def test_log_out_everywhere_ends_all_and_what_ends_stays_ended(api, user):
    ids = [login(api, user) for _ in range(3)]
    stranger = login(api, subject_name())
    assert end_all(api, user) == 3
    for id in ids:
        api.session("GET", id).problem(410, "ended")
        api.session("PUT", id, body={}).problem(410, "ended")
    assert handles(api, user) == []
    assert api.session("GET", stranger).status == 200
    assert end_all(api, user) == 0
    assert api.session("GET", login(api, user)).status == 200


def test_log_out_everywhere_else_spares_the_session_that_asks(api, user):
    ids = [login(api, user) for _ in range(3)]
    assert end_all(api, user, Session_Id=ids[1]) == 2
    assert [api.session("GET", id).status for id in ids] == [410, 200, 410]
    new = api.session("POST", ids[1], "/rotate", {"grace_s": 30}).json["id"]
    other = login(api, user)
    assert end_all(api, user, Session_Id=ids[1]) == 1  # by the old id within its grace
    assert [api.session("GET", id).status for id in (new, other)] == [200, 410]


def test_sessions_from_before_a_moment_are_ended(api, user):
    old = login(api, user)
    time.sleep(0.01)
    new = login(api, user)
    created = api.session("GET", new, "/meta").json["created"]
    assert end_all(api, user, "?before=" + created) == 1
    assert [api.session("GET", id).status for id in (old, new)] == [410, 200]


def test_all_of_a_user_end_by_the_alias_of_a_rotation_too(api, user):
    old = login(api, user)
    new = api.session("POST", old, "/rotate", {"grace_s": 60}).json["id"]
    assert end_all(api, user) == 1
    for id in (old, new):
        api.session("GET", id).problem(410, "ended")


def test_a_user_ends_one_of_his_devices_and_nobody_elses(api, user):
    phone, laptop = login(api, user), login(api, user)
    stranger = login(api, subject_name())

    def end(handle, name=user):
        return api.call("DELETE", "/v1/handles/" + handle, None, {"Session-Subject": name})

    theirs = handle_of(api, stranger)
    end(theirs).problem(404, "not-found")
    end(new_id()).problem(404, "not-found")
    end("short").problem(400, "malformed")
    api.call("DELETE", "/v1/handles/" + handle_of(api, phone), None, {"Session-Subject": user, "If-Match": "*"}).problem(
        400, "malformed")
    end(theirs, "").problem(400, "malformed")
    assert end(handle_of(api, phone)).status == 204
    assert [api.session("GET", id).status for id in (phone, laptop, stranger)] == [410, 200, 200]
    assert handles(api, user) == [handle_of(api, laptop)]


def test_a_login_in_flight_does_not_escape(daemon, user):
    """Whoever logs in while everything of his is ended is either ended too, or logged in after it."""
    stop, ids, failures = threading.Event(), [], []

    def log_in():
        try:
            with daemon.client() as mine:
                for _ in range(200):  # all of them less than a user may have, however slow the ends are
                    if stop.is_set():
                        break
                    answer = mine.call("POST", "/v1/sessions", {}, {"Session-Subject": user})
                    assert answer.status in (201, 410), answer
                    if answer.status == 201:
                        ids.append(answer.json["id"])
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=log_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    with daemon.client() as client:
        for _ in range(10):
            end_all(client, user)
        stop.set()
        for thread in threads:
            thread.join()
        assert not failures
        end_all(client, user)
        assert {client.session("GET", id).status for id in ids} == {410}
        assert handles(client, user) == []


def test_parallel_logins_are_all_in_the_list(daemon, user):
    def log_in():
        with daemon.client() as mine:
            for _ in range(4):
                login(mine, user)

    threads = [threading.Thread(target=log_in) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with daemon.client() as client:
        assert len(handles(client, user)) == 32


def test_subjects_of_any_utf8_do_not_mix(api, user):
    names = [user + end for end in ("", "x", "é", " ", "/", "~", "%00", "'; --", "*")]
    ids = {}
    for name in names:
        sent = name.encode().decode("latin-1")
        ids[name] = api.create({}, Session_Subject=sent).id
    for name in set(n.strip() for n in names):
        sent = name.encode().decode("latin-1")
        expected = [handle_of(api, ids[n]) for n in reversed(names) if n.strip() == name]
        assert handles(api, sent) == expected


def test_a_subject_keeps_being_found_while_its_session_is_used(start, new_store, any_store):
    """The index lives for forty idle timeouts; a session that is used says again and again that it is there."""
    daemon = start(new_store(any_store), stores={"default": {"idle_timeout": "1s"}})
    user = subject_name()
    with daemon.client() as client:
        id = login(client, user)
        until = time.monotonic() + 4
        n = 0
        while time.monotonic() < until:
            n += 1
            assert client.session("PUT", id, body={"n": n}).status == 204
            time.sleep(0.02)
        assert handles(client, user) == [handle_of(client, id)]


def limited(start, store, policy, most=2):
    return start(store, stores={"default": {"max_per_subject": most, "when_too_many": policy}})


def test_the_oldest_session_makes_room_for_a_new_one(start, new_store, any_store):
    user = subject_name()
    with limited(start, new_store(any_store), "end_oldest").client() as client:
        ids = [login(client, user) for _ in range(4)]
        assert [client.session("GET", id).status for id in ids] == [410, 410, 200, 200]
        assert handles(client, user) == [handle_of(client, id) for id in (ids[3], ids[2])]
        assert client.session("PUT", ids[2], body={}, Session_Subject=user).status == 204
        new = client.session("POST", ids[3], "/rotate").json["id"]
        assert [client.session("GET", id).status for id in (ids[2], new)] == [200, 200]


def test_a_login_too_many_is_refused_until_one_ends(start, new_store, any_store):
    user = subject_name()
    with limited(start, new_store(any_store), "refuse").client() as client:
        ids = [login(client, user) for _ in range(2)]
        for _ in range(2):
            client.call("POST", "/v1/sessions", {}, {"Session-Subject": user}).problem(409, "too-many-sessions")
        anonymous = client.create({}).id
        client.session("PUT", anonymous, body={}, Session_Subject=user).problem(409, "too-many-sessions")
        assert client.session("PUT", ids[0], body={}, Session_Subject=user).status == 204
        ids[0] = client.session("POST", ids[0], "/rotate").json["id"]
        client.session("DELETE", ids[1])
        assert client.session("PUT", anonymous, body={}, Session_Subject=user).status == 204
        assert len(handles(client, user)) == 2


@pytest.mark.parametrize("policy", ["end_oldest", "refuse"])
def test_parallel_logins_leave_as_many_as_there_may_be(start, new_store, any_store, policy):
    daemon, user = limited(start, new_store(any_store), policy, 3), subject_name()
    ids, refused = [], []

    def log_in():
        with daemon.client() as mine:
            answer = mine.call("POST", "/v1/sessions", {}, {"Session-Subject": user})
            ids.append(answer.json["id"]) if answer.status == 201 else refused.append(answer.status)

    threads = [threading.Thread(target=log_in) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refused) <= {409 if policy == "refuse" else 410}
    with daemon.client() as client:
        alive = [id for id in ids if client.session("GET", id).status == 200]
        assert sorted(handles(client, user)) == sorted(handle_of(client, id) for id in alive)
        assert 1 <= len(alive) <= 3
        assert policy == "refuse" or len(alive) == 3


def test_hashed_subjects_are_nowhere_in_the_clear(start, folder):
    key = folder / "subjects.key"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    daemon = start(f"sqlite://{folder}/sessions.db", hash_subjects={"key_file": str(key)})
    user = subject_name()
    with daemon.client() as client:
        id = login(client, user)
        kept = client.session("GET", id, "/meta").json["subject"]
        assert len(kept) == 43 and kept != user
        assert handles(client, user) == [handle_of(client, id)]
        assert handles(client, kept) == []
        assert end_all(client, user) == 1
    daemon.stop()
    for file in folder.iterdir():
        if file.name.startswith("sessions.db"):
            assert user.encode() not in file.read_bytes()
    assert user not in daemon.log_text
