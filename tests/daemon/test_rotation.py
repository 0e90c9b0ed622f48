"""New ids for sessions, over every store, and by name the races that others lose."""

import threading

import msgpack
import pytest

from calls import new_id
from patience import until
from paths import Session, each_form

PARALLEL = 12
GRACE = 2  # seconds; what is within it has to be done by then
MSGPACK = "application/msgpack"


@pytest.fixture
def session(api):
    made = Session(api, new_id())
    made.etag = made.put({"cart": ["apple"]}).etag
    return made


def rotate(session, body=None, **headers):
    return session.call("POST", "/rotate", body, **headers)


def rotated(session, body=None, **headers):
    """The session under the new id, in the same form."""
    answer = rotate(session, body, **headers)
    assert answer.status == 200, answer
    next = Session(session.client, answer.headers["Session-Id"])
    next.base, next.in_path = session.base, session.in_path
    return next


def all_at_once(daemon, count, work):
    """The results of work(0, client), work(1, client), … in threads of their own, from one moment on."""
    start, results = threading.Barrier(count), {}

    def run(number):
        with daemon.client() as client:
            client.get("/healthz")
            start.wait()
            results[number] = work(number, client)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return [results[n] for n in range(count)]


@each_form
def test_a_rotation_moves_the_session_to_a_new_id(api, form):
    session = Session(api, new_id(), form)
    etag = session.put({"cart": ["apple"]}).etag
    answer = rotate(session)
    assert answer.status == 200
    id = answer.json["id"]
    assert len(id) == 43 and id != session.id
    assert answer.headers["Session-Id"] == id
    assert answer.etag == etag
    assert answer.expires_in == 95039 or answer.expires_in == 95040
    assert answer.headers["Location"] is None
    read = Session(api, id, form).get()
    assert (read.json, read.etag) == ({"cart": ["apple"]}, etag)
    for gone in (session.get(), session.touch(), session.meta(), session.put({}), rotate(session),
                 session.put({}, If_Match="*"), session.put({}, If_None_Match="*"),
                 session.call("PATCH", body=b"{}", Content_Type="application/merge-patch+json")):
        gone.problem(410, "ended")
    assert session.delete().status == 204
    assert Session(api, id, form).get().status == 200


def test_what_is_known_of_a_session_goes_with_it(session):
    session.put({}, Session_Subject="ada", Session_Label="pc", Session_Idle_Timeout=100, Session_Absolute_Timeout=500)
    before = session.meta().json
    after = rotated(session).meta().json
    changing = {"handle", "last_seen", "expires"}
    assert {k: v for k, v in after.items() if k not in changing} == \
        {k: v for k, v in before.items() if k not in changing}
    assert after["handle"] != before["handle"]


def test_a_rotation_is_a_use(api, session):
    session.put({}, Session_Idle_Timeout=1)
    until(lambda: session.call("HEAD").expires_in == 0)
    assert rotate(session).expires_in == 1


def test_headers_of_a_rotation_are_those_of_a_write(session):
    next = rotated(session, Session_Subject="ada", Session_Label="pc", Session_Idle_Timeout=100,
                   Session_Absolute_Timeout=500)
    known = next.meta().json
    assert [known[name] for name in ("subject", "label", "idle_timeout", "absolute_timeout")] == ["ada", "pc", 100, 500]
    assert next.get().json == {"cart": ["apple"]}


@pytest.mark.parametrize("body, headers", [
    (None, {}), (b"", {}), (b"{}", {}), (b"{}", {"Content_Type": "application/json"}),
    (b"\x80", {"Content_Type": MSGPACK}),
    (b'{"grace_s": 0}', {}), (b'{"grace_s": 60, "id": "%s"}', {}), (b'{"id": "short", "id": "%s"}', {}),
    (msgpack.packb({"id": "%s", "grace_s": 1}), {"Content_Type": MSGPACK}),
    (msgpack.packb({"grace_s": 1}), {"Content_Type": "application/vnd.msgpack", "Accept": MSGPACK})])
def test_the_body_is_optional_and_so_is_all_in_it(session, body, headers):
    id = new_id()
    if body:
        body = body.replace(b"%s", id.encode()).replace(b"\xa2" + id.encode(), b"\xd9" + bytes([len(id)]) + id.encode())
    answer = rotate(session, body, **headers)
    assert answer.status == 200, answer
    got = msgpack.unpackb(answer.body) if headers.get("Accept") == MSGPACK else answer.json
    assert got == {"id": answer.headers["Session-Id"]}
    if body and id.encode() in body:
        assert got["id"] == id


@pytest.mark.parametrize("status, name, body, headers", [
    (400, "malformed", b"{", {}), (400, "malformed", b'{"grace_s": 61}', {}),
    (400, "malformed", b'{"grace_s": -1}', {}),
    (400, "malformed", b'{"grace_s": 1.0}', {}), (400, "malformed", b'{"grace_s": "1"}', {}),
    (400, "malformed", b'{"grace_s": null}', {}), (400, "malformed", b'{"grace_s": true}', {}),
    (400, "malformed", b'{"id": "short"}', {}), (400, "malformed", b'{"id": null}', {}),
    (400, "malformed", b'{"id": ["x"]}', {}), (400, "malformed", b'{"id": "%s/"}', {}),
    (400, "malformed", b'{"grace": 1}', {}), (400, "malformed", b'{"grace_s": {"$bytes": ""}}', {}),
    (400, "malformed", b"{}", {"If_Match": "*"}), (400, "malformed", b"{}", {"If_None_Match": "*"}),
    (400, "malformed", b"{}", {"Session_Idle_Timeout": "0"}), (400, "malformed", b"{}", {"Session_Lock": "x"}),
    (422, "not-a-map", b"[]", {}), (422, "not-a-map", b"null", {}),
    (415, "unsupported-media-type", b"{}", {"Content_Type": "text/plain"}),
    (406, "not-acceptable", b"{}", {"Accept": "text/html"}),
    (413, "too-large", b'{"id": "' + b"x" * (1 << 20) + b'"}', {})])
def test_a_rotation_that_is_malformed_does_nothing(session, status, name, body, headers):
    rotate(session, body.replace(b"%s", new_id().encode()), **headers).problem(status, name)
    assert session.get().etag == session.etag


def test_a_rotation_to_the_same_id_is_malformed(session):
    rotate(session, {"id": session.id}).problem(400, "malformed")
    assert session.get().status == 200


def test_a_rotation_of_nothing_is_404_and_makes_nothing(api):
    id = new_id()
    rotate(Session(api, new_id()), {"id": id}).problem(404, "not-found")
    Session(api, id).get().problem(404, "not-found")


def test_an_id_that_is_in_use_or_was_is_412(api, session):
    used, gone = Session(api, new_id()), Session(api, new_id())
    used.put({"cart": ["pear"]})
    gone.delete()
    for other in (used, gone):
        assert rotate(session, {"id": other.id}).problem(412, "precondition-failed")["status"] == 412
    assert session.get().etag == session.etag
    assert used.get().json == {"cart": ["pear"]}


def test_a_rotation_to_an_id_of_the_callers_can_be_repeated(api, session):
    id = new_id()
    answers = [rotate(session, {"id": id}) for _ in range(3)]
    assert {(a.status, a.json["id"], a.etag) for a in answers} == {(200, id, session.etag)}
    Session(api, id).delete()
    rotate(session, {"id": id}).problem(410, "ended")


def test_a_store_that_adopts_no_ids_takes_one_in_a_rotation(start):
    daemon = start(stores={"default": {"adopt_ids": False}})
    with daemon.client() as client:
        id = new_id()
        assert rotated(Session(client, client.create({}).id), {"id": id}).id == id
        assert Session(client, id).put({"n": 1}).status == 204


def test_within_the_grace_the_old_id_is_the_session(session):
    next = rotated(session, {"grace_s": 60})
    assert session.get().json == {"cart": ["apple"]}
    assert session.put({"n": 1}, If_Match=session.etag).status == 204
    assert session.touch().status == 204
    assert session.call("PATCH", body=b'{"m":2}', Content_Type="application/merge-patch+json").json == {"n": 1, "m": 2}
    assert next.get().json == {"n": 1, "m": 2}
    assert session.head().etag == next.head().etag
    assert session.meta().json == next.meta().json
    again = rotate(session, {"grace_s": 0, "id": new_id()})
    assert (again.status, again.json["id"]) == (200, next.id)


def test_within_the_grace_a_read_by_an_old_id_tells_the_new_one(session):
    first = rotated(session, {"grace_s": 60})
    second = rotated(first, {"grace_s": 60})
    for old in (session, first):
        assert old.get().headers["Session-Id"] == second.id
        assert old.get(Accept=MSGPACK).headers["Session-Id"] == second.id
    assert "Session-Id" not in second.get().headers


@pytest.mark.parametrize("by_old", [True, False])
def test_within_the_grace_an_end_by_either_id_ends_the_session(session, by_old):
    next = rotated(session, {"grace_s": 60})
    assert (session if by_old else next).delete().status == 204
    for one in (session, next):
        one.get().problem(410, "ended")
        one.put({}).problem(410, "ended")
        rotate(one).problem(410, "ended")


def reuses(client):
    lines = client.get("/metrics").body.decode().splitlines()
    found = [line for line in lines if line.startswith('coatcheck_rotated_ids_reused_total{store="default"}')]
    return float(found[0].split()[-1])


def test_when_the_grace_is_over_the_old_id_is_too_and_its_use_is_counted_and_logged(api, daemon, session):
    handle = session.meta().json["handle"]
    before = reuses(api)
    next = rotated(session, {"grace_s": GRACE})
    assert session.get().status == 200
    assert reuses(api) == before
    until(lambda: session.get().status == 410, GRACE + 5)
    session.get().problem(410, "ended")
    session.put({}).problem(410, "ended")
    rotate(session, {"grace_s": 60}).problem(410, "ended")
    assert next.get().json == {"cart": ["apple"]}
    assert reuses(api) == before + 4
    line = daemon.logged("old id used after its rotation", handle=handle)
    assert (line["level"], line["store"]) == ("warn", "default")
    assert session.id not in daemon.log_text and next.id not in daemon.log_text


@pytest.mark.parametrize("by_old", [False, True])
def test_a_login_without_a_rotation_ends_the_grace_of_the_one_before(session, by_old):
    next = rotated(session, {"grace_s": 60})
    assert session.get().status == 200
    assert (session if by_old else next).put({}, Session_Subject="user-42").status == 204
    session.get().problem(410, "ended")
    session.put({}).problem(410, "ended")
    rotate(session).problem(410, "ended")
    assert "Session-Id" not in session.get().headers
    assert next.get().status == 200


def test_a_login_leaves_no_way_from_the_old_id(api, session):
    """A change of subject overrules the grace, and somebody else's grace before it."""
    first = rotated(session, {"grace_s": 60})
    login = rotated(session, {"grace_s": 60}, Session_Subject="ada")
    assert login.id not in (session.id, first.id)
    assert login.meta().json["subject"] == "ada"
    for old in (session, first):
        old.get().problem(410, "ended")
    same_subject = rotated(login, {"grace_s": 60}, Session_Subject="ada")
    assert login.get().status == 200
    logout = rotated(same_subject, {"grace_s": 60}, Session_Subject="")
    assert logout.meta().json["subject"] is None
    for old in (session, first, login, same_subject):
        old.get().problem(410, "ended")


def test_express_session_923_parallel_regenerations_with_grace_all_get_the_one_session(daemon, session):
    """https://github.com/expressjs/session/issues/923: of parallel requests that regenerate, all but one are left with a
    session that nobody else has."""
    ids = all_at_once(daemon, PARALLEL, lambda n, client: rotate(
        Session(client, session.id), {"grace_s": 60}).json["id"])
    assert len(set(ids)) == 1
    assert Session(session.client, ids[0]).get().json == {"cart": ["apple"]}


def test_express_session_923_without_grace_one_wins_and_the_others_are_told(daemon, session):
    answers = all_at_once(daemon, PARALLEL, lambda n, client: rotate(Session(client, session.id)))
    won = [a for a in answers if a.status == 200]
    assert len(won) == 1
    for lost in answers:
        if lost is not won[0]:
            lost.problem(410, "ended")
    assert Session(session.client, won[0].json["id"]).get().json == {"cart": ["apple"]}


def test_parallel_regenerations_to_one_id_all_get_it(daemon, session):
    id = new_id()
    answers = all_at_once(daemon, PARALLEL, lambda n, client: rotate(Session(client, session.id), {"id": id}))
    assert {(a.status, a.etag) for a in answers} == {(200, session.etag)}
    assert Session(session.client, id).get().json == {"cart": ["apple"]}


@pytest.mark.parametrize("save", [{}, {"If_Match": "*"}, {"If_None_Match": "*"}])
def test_express_session_632_a_late_save_brings_no_session_back(session, save):
    """https://github.com/expressjs/session/issues/632: a request that was slow saves the session that another one had
    destroyed, or regenerated, meanwhile."""
    next = rotated(session)
    session.put({"user": "ada"}, **save).problem(410, "ended")
    next.delete()
    for one in (session, next):
        one.put({"user": "ada"}, **save).problem(410, "ended")
        one.get().problem(410, "ended")


def test_express_session_632_saves_that_meet_a_logout_bring_nothing_back(daemon, session):
    next = rotated(session, {"grace_s": 60})

    def work(number, client):
        if number == 0:
            return session.delete().status
        return Session(client, (session, next)[number % 2].id).put({"n": number}).status

    statuses = all_at_once(daemon, PARALLEL, work)
    assert statuses[0] == 204 and set(statuses[1:]) <= {204, 410}
    for one in (session, next):
        one.get().problem(410, "ended")


def test_express_session_361_what_requests_at_once_change_is_not_lost_not_even_by_a_rotation(daemon, session):
    """https://github.com/expressjs/session/issues/361: each request saves the session as it read it, so of two at once
    one takes the other's change back."""
    def work(number, client):
        mine = Session(client, session.id)
        if number == 0:
            return rotated(mine, {"grace_s": 60})
        for n in range(3):
            patched = mine.call("PATCH", body=b'{"%d.%d":1}' % (number, n), Content_Type="application/merge-patch+json")
            assert patched.status == 200, patched

    all_at_once(daemon, PARALLEL, work)
    assert session.get().json == {"cart": ["apple"],
                                  **{f"{number}.{n}": 1 for number in range(1, PARALLEL) for n in range(3)}}


def test_express_session_361_a_save_over_what_another_request_saved_is_refused(session):
    read = session.get()
    next = rotated(session, {"grace_s": 60})
    assert next.put({"saved": "first"}, If_Match=read.etag).status == 204
    session.put({"saved": "second"}, If_Match=read.etag).problem(412, "precondition-failed")
    assert session.get().json == {"saved": "first"}


def test_connect_mongo_459_a_touch_and_the_sweeper_agree(start, new_store, any_store):
    """https://github.com/jdesboeufs/connect-mongo/issues/459: a touch of a session that the store has just removed is an
    error of the request. Here a session that is touched in time is never removed, and a touch afterwards makes none."""
    daemon = start(new_store(any_store), stores={"default": {"tombstone": "1s"}})
    with daemon.client() as client:
        session = Session(client, new_id())
        session.put({"cart": ["apple"]}, Session_Idle_Timeout=1)
        touched = []

        def touch_for_three_lives():
            answer = session.touch()
            assert answer.status == 204, answer
            assert session.peek().json == {"cart": ["apple"]}
            touched.append(answer)
            return len(touched) >= 60
        until(touch_for_three_lives, 20, every=0.05)

        def touch_too_late():
            until(lambda: session.peek().status != 200, 5)
            statuses.append(session.touch().status)
            return statuses[-1] == 404
        statuses = []
        until(touch_too_late, 10)
        assert set(statuses) <= {410, 404} and statuses == sorted(statuses, reverse=True)
        session.peek().problem(404, "not-found")
