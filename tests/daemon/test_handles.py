"""What an operator does with a session's handle."""

import json

import msgpack
import pytest

from calls import handle_of, new_id
from operators import daemon, ops, shop, tokens  # noqa: F401, fixtures of the tests
from patience import until
from running import run


def look(ops, id):
    answer = ops.get(f"/v1/handles/{handle_of(id)}")
    assert answer.status == 200, answer
    return answer.json


def test_a_handle_shows_what_meta_shows_and_more(shop, ops):
    id = shop.create({"cart": ["apple"]}, Session_Subject="ada", Session_Label="Firefox",
                     Session_Absolute_Timeout=3600).id
    seen = look(ops, id)
    meta = shop.session("GET", id, "/meta").json
    assert {name: seen[name] for name in meta} == meta
    assert seen.keys() - meta.keys() == {"state", "revision", "keep_until", "locked_until"}
    assert (seen["state"], seen["revision"], seen["locked_until"]) == ("live", 1, None)
    assert seen["keep_until"] > seen["expires"]


def test_looking_at_a_session_is_no_use_of_it(shop, ops):
    id = shop.create(Session_Idle_Timeout=20).id
    before = look(ops, id)
    assert look(ops, id) == before


def test_the_data_and_the_id_are_not_shown(shop, ops):
    id = shop.create({"visible": "nowhere"}).id
    answer = ops.get(f"/v1/handles/{handle_of(id)}")
    assert b"nowhere" not in answer.body and id.encode() not in answer.body


def test_a_handle_is_shown_as_messagepack_too(shop, ops):
    id = shop.create().id
    answer = ops.get(f"/v1/handles/{handle_of(id)}", headers={"Accept": "application/msgpack"})
    assert msgpack.unpackb(answer.body) == look(ops, id)
    ops.get(f"/v1/handles/{handle_of(id)}", headers={"Accept": "text/html"}).problem(406, "not-acceptable")


def test_an_ended_session_is_shown_as_ended(shop, ops):
    id = shop.create({"n": 1}).id
    shop.session("DELETE", id)
    seen = look(ops, id)
    assert (seen["state"], seen["size"], seen["version"], seen["idle_timeout"]) == ("ended", 0, None, None)


def test_an_expired_session_is_shown_as_expired(shop, ops):
    id = shop.create(Session_Absolute_Timeout=1).id
    until(lambda: look(ops, id)["state"] == "expired")
    shop.session("GET", id).problem(410, "ended")


def test_an_old_id_is_shown_as_an_alias_that_leads_to_the_new_one(shop, ops):
    old = shop.create({"n": 1}).id
    new = shop.session("POST", old, "/rotate", {"grace_s": 60}).json["id"]
    seen = look(ops, old)
    assert (seen["state"], seen["leads_to"]) == ("alias", handle_of(new))
    assert look(ops, new)["state"] == "live"
    assert look(ops, new)["revision"] > 1
    for id in (old, new):
        assert new not in json.dumps(look(ops, id))


def test_a_handle_under_which_nothing_is_kept_is_404(ops):
    ops.get(f"/v1/handles/{handle_of(new_id())}").problem(404, "not-found")


def test_a_session_is_ended_by_its_handle(shop, ops):
    id = shop.create({"n": 1}).id
    answer = ops.call("DELETE", f"/v1/handles/{handle_of(id)}")
    assert (answer.status, answer.body) == (204, b"")
    shop.session("GET", id).problem(410, "ended")
    shop.session("PUT", id, body={}).problem(410, "ended")
    assert ops.call("DELETE", f"/v1/handles/{handle_of(id)}").status == 204


def test_ending_an_alias_ends_the_session_that_it_leads_to(shop, ops):
    first = shop.create({"n": 1}).id
    second = shop.session("POST", first, "/rotate", {"grace_s": 60}).json["id"]
    third = shop.session("POST", second, "/rotate", {"grace_s": 60}).json["id"]
    assert ops.call("DELETE", f"/v1/handles/{handle_of(first)}").status == 204
    for id in (first, second, third):
        shop.session("GET", id).problem(410, "ended")


def test_an_end_by_handle_holds_against_a_create_that_is_still_under_way(shop, ops):
    id = new_id()
    assert ops.call("DELETE", f"/v1/handles/{handle_of(id)}").status == 204
    shop.session("PUT", id, body={}, If_None_Match="*").problem(410, "ended")


@pytest.mark.parametrize("wrong", ["x", "a" * 42, "a" * 44, "a" * 42 + ".", "a" * 42 + "~", "ä" * 43])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_handle_that_is_none_is_malformed(ops, method, wrong):
    encoded = "".join(c if c.isascii() else "%C3%A4" for c in wrong)
    ops.call(method, f"/v1/handles/{encoded}").problem(400, "malformed")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_preconditions_and_queries_are_malformed(ops, method):
    path = f"/v1/handles/{handle_of(new_id())}"
    ops.call(method, path, headers={"If-Match": "*"}).problem(400, "malformed")
    ops.call(method, path, headers={"If-None-Match": "*"}).problem(400, "malformed")
    ops.call(method, path + "?peek").problem(400, "malformed")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_the_store_keeps_for_itself_is_nobodys_session(shop, ops, method):
    epoch = handle_of("the epoch of this store")
    assert ops.call("POST", "/v1/stores/default/end-all", {"before": "2000-01-01T00:00:00Z"}).status == 202
    ops.call(method, f"/v1/handles/{epoch}").problem(404, "not-found")
    id = shop.create(Session_Subject="ada-alone").id
    index = handle_of("subject\nada-alone")
    ops.call(method, f"/v1/handles/{index}").problem(404, "not-found")
    listed = shop.call("GET", "/v1/sessions", headers={"Session-Subject": "ada-alone"}).json["sessions"]
    assert [entry["handle"] for entry in listed][0] == handle_of(id)


def test_only_the_scope_admin_of_that_store_may(daemon, tokens, shop):
    id = shop.create().id
    path = f"/handles/{handle_of(id)}"
    with daemon.client() as nobody, daemon.client(tokens.of["carts-ops"]) as carts:
        for method in ("GET", "DELETE"):
            nobody.call(method, "/v1" + path).problem(403, "forbidden")
            shop.call(method, "/v1" + path).problem(403, "forbidden")
            carts.call(method, "/v1" + path).problem(403, "forbidden")
            carts.call(method, "/v1/stores/default" + path).problem(403, "forbidden")
            carts.call(method, "/v1/stores/nowhere" + path).problem(404, "not-found")
        carts.get("/v1/stores/carts" + path).problem(404, "not-found")
    assert shop.session("GET", id).status == 200


def test_admin_alone_does_not_reach_the_data(shop, ops):
    id = shop.create().id
    ops.session("GET", id).problem(403, "forbidden")


def test_a_named_store_has_handles_of_its_own(shop, ops):
    id = new_id()
    assert shop.call("PUT", "/v1/stores/carts/session", {}, {"Session-Id": id}).status == 201
    path = f"/handles/{handle_of(id)}"
    assert ops.get("/v1/stores/carts" + path).json["store"] == "carts"
    ops.get("/v1" + path).problem(404, "not-found")
    assert ops.call("DELETE", "/v1/stores/carts" + path).status == 204
    shop.call("GET", "/v1/stores/carts/session", headers={"Session-Id": id}).problem(410, "ended")


def test_every_end_by_handle_is_one_audit_line_that_names_who_did_it(daemon, shop, ops):
    ids = [shop.create().id for _ in range(30)]
    for id in ids:
        ops.call("DELETE", f"/v1/handles/{handle_of(id)}")
    for id in ids:
        line = daemon.logged("admin action", handle=handle_of(id))
        assert line["level"] == "info" and line["request_id"]
        wanted = {"audit": True, "token": "ops", "action": "end", "store": "default", "status": 204}
        assert wanted.items() <= line.items()
        assert id not in daemon.log_text


def test_a_refused_end_is_no_admin_action_and_is_logged_as_refused(start, tokens):
    daemon = start(tokens_file=str(tokens.path))
    with daemon.client(tokens.of["shop"]) as shop, daemon.client(tokens.of["ops"]) as ops:
        shop.call("DELETE", f"/v1/handles/{handle_of(new_id())}").problem(403, "forbidden")
        ops.call("DELETE", "/v1/handles/none").problem(400, "malformed")
    daemon.logged("request refused", status=403, route="/v1/handles", method="DELETE")
    daemon.stop()
    assert "admin action" not in daemon.log_text


def print_handle(folder, text, *arguments, **environment):
    return run("--handle", *arguments, folder=folder, input=text, COATCHECK_STORE="memory://", **environment)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_handle_of_an_id_on_standard_input_is_printed(folder, end):
    id = new_id()
    done = print_handle(folder, id + end)
    assert (done.returncode, done.stdout, done.stderr) == (0, handle_of(id) + "\n", "")


def test_the_handle_is_printed_under_the_configured_key(start, folder):
    (folder / "key").write_text("k" * 32 + "\n")
    config = folder / "coatcheck.yaml"
    config.write_text(f"handle_key_file: {folder}/key\n")
    with start(handle_key_file=str(folder / "key")).client() as client:
        id = client.create().id
        handle = client.session("GET", id, "/meta").json["handle"]
    assert print_handle(folder, id, "--config", config).stdout == handle + "\n"
    assert print_handle(folder, id, COATCHECK_CONFIG=str(config)).stdout == handle + "\n"
    assert print_handle(folder, id).stdout == handle_of(id) + "\n" != handle + "\n"


@pytest.mark.parametrize("text", ["", "\n", "PLANTEDshort", "PLANTED with spaces in it", "PLANTED" * 50,
                                  "PLANTEDid-of-one-session\nPLANTEDid-of-another-one\n"])
def test_what_is_no_id_on_standard_input_is_refused_and_not_repeated(folder, text):
    done = print_handle(folder, text)
    assert (done.returncode, done.stdout) == (1, "")
    assert "16 to 256 characters" in done.stderr and "PLANTED" not in done.stderr
