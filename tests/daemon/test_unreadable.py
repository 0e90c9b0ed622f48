"""Records that the daemon cannot read, and those that a crash left half-way."""

import os

import pytest

from at_rest import KINDS, records_of
from calls import handle_of, new_id
from running import run
from tokens import Tokens

MSGPACK = {"Accept": "application/msgpack"}
# A way to spoil a record for good: what it does to the records, and what an operator is told.
DAMAGES = {
    "record": lambda records, handle: records.spoil(handle),
    "kind": lambda records, handle: records.set_kind(handle, 9),
    "alias": lambda records, handle: (records.set_payload(handle, b"nowhere"), records.set_kind(handle, KINDS["alias"])),
    "short-alias": lambda records, handle: (records.set_payload(handle, b"A" * 43 + b"x" * 27),
                                            records.set_kind(handle, KINDS["alias"])),
    "pending": lambda records, handle: (records.set_payload(handle, b"nowhere"),
                                        records.set_kind(handle, KINDS["pending"])),
}
DATA = {"cut-short": b"\x82\xa1n\x01", "left-over": b"\x80\x80", "no-map": b"\x93\x01\x02\x03", "empty": b"",
        "no-messagepack": b"\x81\xa1n\xc1"}
CHANGES = {
    "PUT": lambda client, id: client.session("PUT", id, body={"new": 1}),
    "PUT-to-create": lambda client, id: client.session("PUT", id, body={"new": 1}, If_None_Match="*"),
    "PUT-to-save": lambda client, id: client.session("PUT", id, body={"new": 1}, If_Match="*"),
    "PATCH": lambda client, id: client.session("PATCH", id, body=b'{"new":1}',
                                               Content_Type="application/merge-patch+json"),
    "touch": lambda client, id: client.session("POST", id, "/touch"),
    "rotate": lambda client, id: client.session("POST", id, "/rotate", {}),
    "rotate-with-grace": lambda client, id: client.session("POST", id, "/rotate", {"grace_s": 60}),
}
each_change = pytest.mark.parametrize("change", CHANGES)
each_damage = pytest.mark.parametrize("damage", DAMAGES)


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def any_store(request):
    """Nobody can damage what the daemon keeps in its own memory."""
    return request.param


@pytest.fixture(scope="module")
def store_url(new_store, any_store):
    return new_store(any_store)


@pytest.fixture(scope="module")
def records(store_url):
    return records_of(store_url)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    tokens = Tokens(tmp_path_factory.mktemp("tokens") / "tokens")
    return tokens.write(tokens.line("shop", "app,metrics"), tokens.line("ops", "admin"))


@pytest.fixture(scope="module")
def daemon(start_shared, store_url, tokens):
    return start_shared(store_url, tokens_file=str(tokens.path))


@pytest.fixture
def shop(daemon, tokens):
    with daemon.client(tokens.of["shop"]) as client:
        yield client


@pytest.fixture
def look(daemon, tokens):
    """look(id): what an operator sees."""
    with daemon.client(tokens.of["ops"]) as client:
        def ask(id):
            answer = client.get(f"/v1/handles/{handle_of(id)}")
            assert answer.status == 200, answer
            return answer.json
        yield ask


@pytest.fixture
def end(daemon, tokens):
    with daemon.client(tokens.of["ops"]) as client:
        yield lambda id: client.call("DELETE", f"/v1/handles/{handle_of(id)}").status


@pytest.fixture
def newer(shop, records):
    """The id of a session that a later release wrote."""
    id = shop.create({"n": 1}).id
    records.set_format(handle_of(id), 2)
    return id


@pytest.fixture
def spoilt(shop, records):
    """spoilt(damage): the id of a session whose record is damaged so."""
    def make(damage):
        id = shop.create({"n": 1}).id
        DAMAGES[damage](records, handle_of(id))
        return id
    return make


def unreadable_total(client):
    line = next(line for line in client.get("/metrics").body.decode().splitlines()
                if line.startswith('coatcheck_sessions_unreadable_total{store="default"}'))
    return float(line.split()[-1])


def assert_newer(answer):
    answer.problem(503, "newer-format")
    assert int(answer.headers["Retry-After"]) > 0 and "Session-Unreadable" not in answer.headers


def assert_unreadable(answer):
    answer.problem(404, "unreadable")
    assert answer.headers["Session-Unreadable"] == "1"


def test_a_record_of_a_later_release_is_503_and_worth_another_try(shop, newer):
    assert_newer(shop.session("GET", newer))
    assert_newer(shop.session("GET", newer, "/meta"))
    head = shop.session("HEAD", newer)
    assert head.status == 503 and head.headers["Retry-After"]


@each_change
def test_a_record_of_a_later_release_is_changed_by_nothing(shop, records, newer, change):
    before = records.whole(handle_of(newer))
    assert_newer(CHANGES[change](shop, newer))
    assert records.whole(handle_of(newer)) == before


def test_a_rotation_does_not_replace_a_record_of_a_later_release_under_its_new_id(shop, records, newer):
    before = records.whole(handle_of(newer))
    id = shop.create({"n": 2}).id
    answer = shop.session("POST", id, "/rotate", {"id": newer})
    assert answer.status >= 400
    assert records.whole(handle_of(newer)) == before
    assert shop.session("GET", id).json == {"n": 2}


def test_a_record_of_a_later_release_is_ended_by_its_id(shop, newer):
    assert shop.session("DELETE", newer).status == 204
    shop.session("GET", newer).problem(410, "ended")
    shop.session("PUT", newer, body={}).problem(410, "ended")


def test_a_record_of_a_later_release_is_shown_as_that(look, newer):
    assert look(newer) == {"handle": handle_of(newer), "store": "default", "state": "unreadable",
                           "reason": "newer_format", "found": look(newer)["found"]}


def test_a_record_of_a_later_release_is_no_damaged_one(shop, newer):
    before = unreadable_total(shop)
    assert_newer(shop.session("GET", newer))
    assert unreadable_total(shop) == before


@each_damage
def test_a_damaged_record_is_404_and_says_why(shop, spoilt, damage):
    id = spoilt(damage)
    assert_unreadable(shop.session("GET", id))
    assert_unreadable(shop.session("GET", id, "/meta"))
    head = shop.session("HEAD", id)
    assert (head.status, head.headers["Session-Unreadable"]) == (404, "1")


@each_change
@each_damage
def test_a_damaged_record_is_changed_by_nothing(shop, records, spoilt, damage, change):
    id = spoilt(damage)
    before = records.whole(handle_of(id))
    assert_unreadable(CHANGES[change](shop, id))
    assert records.whole(handle_of(id)) == before


@each_damage
def test_a_rotation_does_not_replace_a_damaged_record_under_its_new_id(shop, records, spoilt, damage):
    there = spoilt(damage)
    before = records.whole(handle_of(there))
    id = shop.create({"n": 2}).id
    answer = shop.session("POST", id, "/rotate", {"id": there})
    assert answer.status >= 400
    assert records.whole(handle_of(there)) == before
    assert shop.session("GET", id).json == {"n": 2}


@each_damage
def test_every_answer_that_a_record_is_damaged_is_counted_once(shop, spoilt, damage):
    id = spoilt(damage)
    before = unreadable_total(shop)
    shop.session("GET", id)
    shop.session("PUT", id, body={})
    shop.session("POST", id, "/touch")
    shop.session("GET", new_id()).problem(404, "not-found")
    assert unreadable_total(shop) == before + 3


def test_a_damaged_record_is_a_warning_in_the_log_that_names_it(start, store_url, records, folder):
    daemon = start(store_url)
    with daemon.client() as client:
        id = client.create({"n": 1}).id
        records.spoil(handle_of(id))
        request_id = client.session("GET", id).problem(404, "unreadable")["request_id"]
    line = daemon.logged("request failed", handle=handle_of(id))
    assert (line["level"], line["request_id"]) == ("warn", request_id) and line["error"]


@each_damage
def test_a_damaged_record_is_ended_by_its_id(shop, look, spoilt, damage):
    id = spoilt(damage)
    assert shop.session("DELETE", id).status == 204
    shop.session("GET", id).problem(410, "ended")
    shop.session("PUT", id, body={}, If_None_Match="*").problem(410, "ended")
    assert look(id)["state"] == "ended"


@each_damage
def test_a_damaged_record_is_ended_by_its_handle(shop, end, spoilt, damage):
    id = spoilt(damage)
    assert end(id) == 204
    shop.session("GET", id).problem(410, "ended")


@each_damage
def test_an_operator_is_told_why_a_record_cannot_be_read(look, spoilt, damage):
    seen = look(spoilt(damage))
    assert (seen["state"], seen["reason"], seen["store"]) == ("unreadable", "corrupt", "default")
    assert seen["found"]


@each_damage
def test_looking_at_a_damaged_record_neither_changes_nor_counts_it(shop, look, records, spoilt, damage):
    id = spoilt(damage)
    before = records.whole(handle_of(id)), unreadable_total(shop)
    assert look(id) == look(id)
    assert (records.whole(handle_of(id)), unreadable_total(shop)) == before


@pytest.mark.parametrize("data", DATA)
def test_damaged_data_under_a_sound_head_is_served_in_no_form(shop, look, records, data):
    id = shop.create({"n": 1}, Session_Subject="ada").id
    records.set_payload(handle_of(id), DATA[data])
    before = unreadable_total(shop)
    assert_unreadable(shop.session("GET", id))
    assert_unreadable(shop.call("GET", "/v1/session", headers={"Session-Id": id, **MSGPACK}))
    assert_unreadable(CHANGES["PATCH"](shop, id))
    assert unreadable_total(shop) == before + 3
    seen = look(id)
    assert (seen["state"], seen["reason"], seen["subject"], seen["size"]) == ("unreadable", "corrupt", "ada",
                                                                            len(DATA[data]))


@pytest.mark.parametrize("data", DATA)
def test_damaged_data_under_a_sound_head_is_replaced_by_a_put_and_ended_by_a_delete(shop, records, data):
    for change, status in (("PUT", 204), ("DELETE", 204)):
        id = shop.create({"n": 1}).id
        records.set_payload(handle_of(id), DATA[data])
        assert shop.session(change, id, body={"n": 2} if change == "PUT" else None).status == status
    shop.session("GET", id).problem(410, "ended")


def test_a_rotation_that_was_not_seen_through_is_shown_as_pending_and_left_alone(shop, look, records):
    old, new = new_id(), shop.create({"n": 1}).id
    records.set_payload(handle_of(new), handle_of(old).encode() + b"\x81\xa1n\x01")
    records.set_kind(handle_of(new), KINDS["pending"])
    before = records.whole(handle_of(new))
    seen = look(new)
    assert (seen["state"], seen["comes_from"], seen["size"]) == ("pending", handle_of(old), 4)
    assert records.whole(handle_of(new)) == before
    shop.session("GET", new).problem(404, "not-found")


def test_an_alias_whose_target_is_gone_is_an_ended_session(shop, look, records):
    id = shop.create({"n": 1}).id
    target = handle_of(new_id())
    records.set_payload(handle_of(id), target.encode() + os.urandom(60))
    records.set_kind(handle_of(id), KINDS["alias"])
    assert look(id)["leads_to"] == target
    shop.session("GET", id).problem(410, "ended")
    assert shop.session("DELETE", id).status == 204


def test_a_damaged_epoch_lets_nobody_in_and_drives_nobody_away(start, new_store, any_store, tokens):
    url = new_store(any_store)
    daemon = start(url, tokens_file=str(tokens.path))
    with daemon.client(tokens.of["shop"]) as shop, daemon.client(tokens.of["ops"]) as ops:
        id = shop.create({"n": 1}).id
        assert ops.call("POST", "/v1/stores/default/end-all").status == 202
    daemon.stop()
    epoch = handle_of("the epoch of this store")
    for damage in (lambda records: records.set_payload(epoch, b"\x80"), lambda records: records.spoil(epoch)):
        damage(records_of(url))
        with start(url, tokens_file=str(tokens.path)).client(tokens.of["shop"]) as shop:
            shop.session("GET", id).problem(503, "unavailable")
            shop.call("POST", "/v1/sessions").problem(503, "unavailable")


def test_a_record_under_an_unknown_key_is_shown_as_that(start, new_store, any_store, tokens, folder):
    url = new_store(any_store)
    keys = []
    for name in ("old", "new"):
        keys.append(folder / name)
        keys[-1].write_text(run("--new-key", folder=folder).stdout)
        keys[-1].chmod(0o600)
    daemon = start(url, encryption={"keys": [str(keys[0])]})
    with daemon.client() as client:
        id = client.create({"n": 1}).id
    daemon.stop()
    daemon = start(url, encryption={"keys": [str(keys[1])]}, tokens_file=str(tokens.path))
    with daemon.client(tokens.of["ops"]) as ops:
        seen = ops.get(f"/v1/handles/{handle_of(id)}").json
        assert (seen["state"], seen["reason"]) == ("unreadable", "unknown_key") and seen["found"]
        assert ops.call("DELETE", f"/v1/handles/{handle_of(id)}").status == 204
        assert ops.get(f"/v1/handles/{handle_of(id)}").json["state"] == "ended"
