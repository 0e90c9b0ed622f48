"""The end of every session of a store."""

import datetime
import time

import msgpack
import pytest

from at_rest import SqliteRecords
from calls import handle_of, new_id
from operators import daemon, ops, shop, tokens  # noqa: F401, fixtures of the tests
from patience import until

END_ALL = "/v1/stores/default/end-all"


@pytest.fixture
def alone(start, folder, tokens):
    """alone(url): a daemon, and a client of each token."""
    def make(url):
        daemon = start(url, tokens_file=str(tokens.path))
        return daemon, daemon.client(tokens.of["shop"]), daemon.client(tokens.of["ops"])
    return make


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def created(client, id):
    return client.session("GET", id, "/meta").json["created"]


def test_every_session_is_over_and_later_ones_live(shop, ops):
    for _ in range(20):
        before = [shop.create({"n": n}).id for n in range(5)]
        answer = ops.call("POST", END_ALL)
        assert answer.status == 202
        after = shop.create({"later": True}).id
        for id in before:
            shop.session("GET", id).problem(410, "ended")
        assert shop.session("GET", after).json == {"later": True}


@pytest.mark.parametrize("do", [
    lambda client, id: client.session("GET", id, "?peek"),
    lambda client, id: client.session("GET", id, "/meta"),
    lambda client, id: client.session("PUT", id, body={}),
    lambda client, id: client.session("PUT", id, body={}, If_Match="*"),
    lambda client, id: client.session("PUT", id, body={}, If_None_Match="*"),
    lambda client, id: client.session("PATCH", id, body=b"{}", Content_Type="application/merge-patch+json"),
    lambda client, id: client.session("POST", id, "/touch"),
    lambda client, id: client.session("POST", id, "/rotate", {"grace_s": 5}),
], ids=["peek", "meta", "PUT", "PUT-to-save", "PUT-to-create", "PATCH", "touch", "rotate"])
def test_nothing_brings_back_a_session_that_it_ended(shop, ops, do):
    id = shop.create({"n": 1}).id
    assert ops.call("POST", END_ALL).status == 202
    do(shop, id).problem(410, "ended")
    shop.session("GET", id).problem(410, "ended")


def test_it_reaches_those_whose_ids_were_rotated(shop, ops):
    old = shop.create({"n": 1}).id
    new = shop.session("POST", old, "/rotate", {"grace_s": 60}).json["id"]
    assert ops.call("POST", END_ALL).status == 202
    for id in (old, new):
        shop.session("GET", id).problem(410, "ended")


def test_only_what_was_created_before_the_moment_is_over(shop, ops):
    old = shop.create().id
    until(lambda: created(shop, shop.create().id) > created(shop, old))
    young = shop.create().id
    before = created(shop, young)
    assert ops.call("POST", END_ALL, {"before": before}).json == {"before": before}
    shop.session("GET", old).problem(410, "ended")
    assert shop.session("GET", young).status == 200


def test_the_moment_never_goes_back(shop, ops):
    id = shop.create().id
    assert ops.call("POST", END_ALL).status == 202
    assert ops.call("POST", END_ALL, {"before": "2000-01-01T00:00:00Z"}).json == {"before": "2000-01-01T00:00:00Z"}
    shop.session("GET", id).problem(410, "ended")


def test_without_a_body_the_moment_is_now(ops):
    for body in (None, {}):
        earliest = datetime.datetime.now(datetime.UTC)
        answer = ops.call("POST", END_ALL, body)
        assert earliest <= moment(answer.json["before"]) <= datetime.datetime.now(datetime.UTC)


def test_a_moment_is_taken_with_any_offset_and_to_the_millisecond_that_it_is_in(ops):
    for sent, kept in (("2020-02-03T04:05:06+02:00", "2020-02-03T02:05:06Z"),
                       ("2020-02-03T04:05:06.25Z", "2020-02-03T04:05:06.250Z"),
                       ("2020-02-03T04:05:06.0001Z", "2020-02-03T04:05:06.001Z"),
                       ("0000-01-01T00:00:00Z", "1970-01-01T00:00:00Z")):
        assert ops.call("POST", END_ALL, {"before": sent}).json == {"before": kept}


def test_it_speaks_messagepack(ops):
    body = msgpack.packb({"before": "2020-01-01T00:00:00Z"})
    headers = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}
    answer = ops.call("POST", END_ALL, body, headers)
    assert (answer.status, msgpack.unpackb(answer.body)) == (202, {"before": "2020-01-01T00:00:00Z"})


@pytest.mark.parametrize("body", [
    {"before": "tomorrow"}, {"before": "2020-01-01"}, {"before": "2020-01-01T00:00:00"}, {"before": 1700000000},
    {"before": None}, {"before": {"$time": "2020-01-01T00:00:00Z"}}, {"after": "2020-01-01T00:00:00Z"},
    {"before": "2020-01-01T00:00:00Z", "store": "default"}, {"before": "9999-12-31T23:59:59.9999Z"}])
def test_a_body_that_says_something_else_is_malformed_and_ends_nothing(shop, ops, body):
    id = shop.create().id
    ops.call("POST", END_ALL, body).problem(400, "malformed")
    assert shop.session("GET", id).status == 200


def test_a_moment_in_the_future_is_malformed_and_ends_nothing(shop, ops):
    id = shop.create().id
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=5)
    ops.call("POST", END_ALL, {"before": soon.isoformat()}).problem(400, "malformed")
    assert shop.session("GET", id).status == 200


def test_a_body_that_is_no_map_and_a_wrong_type_are_refused(ops):
    ops.call("POST", END_ALL, b"[]").problem(422, "not-a-map")
    ops.call("POST", END_ALL, b"{}", {"Content-Type": "text/plain"}).problem(415, "unsupported-media-type")
    ops.call("POST", END_ALL, headers={"Accept": "text/html"}).problem(406, "not-acceptable")
    ops.call("POST", END_ALL, headers={"If-Match": "*"}).problem(400, "malformed")
    ops.call("POST", END_ALL + "?before=now").problem(400, "malformed")


def test_only_the_scope_admin_of_that_store_may(daemon, tokens, shop):
    id = shop.create().id
    shop.call("POST", END_ALL).problem(403, "forbidden")
    with daemon.client() as nobody, daemon.client(tokens.of["carts-ops"]) as carts:
        nobody.call("POST", END_ALL).problem(403, "forbidden")
        carts.call("POST", END_ALL).problem(403, "forbidden")
        carts.call("POST", "/v1/stores/nowhere/end-all").problem(404, "not-found")
        assert carts.call("POST", "/v1/stores/carts/end-all").status == 202
    assert shop.session("GET", id).status == 200


def test_other_stores_keep_their_sessions(shop, ops):
    id = new_id()
    assert shop.call("PUT", "/v1/stores/carts/session", {}, {"Session-Id": id}).status == 201
    assert ops.call("POST", END_ALL).status == 202
    assert shop.call("GET", "/v1/stores/carts/session", headers={"Session-Id": id}).status == 200


def test_an_operator_sees_that_they_have_ended(shop, ops):
    id = shop.create().id
    ops.call("POST", END_ALL)
    assert ops.get(f"/v1/handles/{handle_of(id)}").json["state"] == "ended"


def test_who_logs_a_user_out_after_it_ends_no_session_any_more(shop, ops):
    user = {"Session-Subject": "user-" + new_id()}
    shop.call("POST", "/v1/sessions", {}, user)
    assert ops.call("POST", END_ALL).status == 202
    assert shop.call("DELETE", "/v1/sessions", None, user).json == {"ended": 0}


def test_it_is_one_audit_line_that_names_who_did_it(daemon, ops):
    before = ops.call("POST", END_ALL).json["before"]
    line = daemon.logged("admin action", before=before)
    wanted = {"level": "info", "audit": True, "token": "ops", "action": "end-all", "store": "default", "status": 202}
    assert wanted.items() <= line.items() and line["request_id"]


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_daemon_beside_knows_it_within_a_second(alone, new_store, kind):
    url = new_store(kind)
    _, here, ops = alone(url)
    _, there, _ = alone(url)
    ids = [here.create().id for _ in range(3)]
    assert all(there.session("GET", id).status == 200 for id in ids)
    assert ops.call("POST", END_ALL).status == 202
    done = time.monotonic()

    def has_reached():
        asked = time.monotonic()
        status = there.session("GET", ids[0]).status
        assert status == 410 or asked < done + 1, "a session lived on for longer than a second"
        return status == 410
    until(has_reached)
    for id in ids:
        there.session("GET", id).problem(410, "ended")
        there.session("PUT", id, body={}).problem(410, "ended")
    assert there.session("GET", there.create().id).status == 200


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_it_holds_over_a_restart(alone, new_store, kind):
    url = new_store(kind)
    daemon, shop, ops = alone(url)
    before = shop.create().id
    assert ops.call("POST", END_ALL).status == 202
    after = shop.create().id
    daemon.stop()
    _, shop, _ = alone(url)
    shop.session("GET", before).problem(410, "ended")
    assert shop.session("GET", after).status == 200


def writes(client):
    """How many writes the store has been asked for."""
    lines = client.get("/metrics").body.decode().splitlines()
    counts = [line for line in lines if line.startswith("coatcheck_store_operation_seconds_count")
              and any(f'operation="{name}"' in line for name in ("put", "swap", "end", "extend"))]
    assert len(counts) == 4
    return sum(float(line.split()[-1]) for line in counts)


def test_thousands_of_sessions_end_with_one_write(alone, new_store):
    url = new_store("sqlite")
    _, shop, ops = alone(url)
    ids = [shop.create({"n": n}).id for n in range(2000)]
    records = SqliteRecords(url)
    before, writes_before = records.everything(), writes(shop)
    assert ops.call("POST", END_ALL).status == 202
    assert writes(shop) == writes_before + 1
    after = records.everything()
    assert len(after) == len(before) + 1 and before.items() <= after.items()
    for id in ids:
        shop.session("GET", id).problem(410, "ended")
