"""GET /v1/events: what happens to sessions, as it happens."""

import base64
import hashlib
import re
import signal
import socket
import time

import pytest

from authority import Authority
from calls import new_id
from event_reader import Events
from patience import FACTOR, until
from raw import Raw, raw
from tokens import Tokens

BUFFERED = 4096
MOST_READERS = 64


def handle_of(id):
    return base64.urlsafe_b64encode(hashlib.sha256(id.encode()).digest()).decode().rstrip("=")


@pytest.fixture
def tokens(folder):
    tokens = Tokens(folder / "tokens")
    tokens.write(tokens.line("ops", "admin"), tokens.line("carts", "admin", "carts"), tokens.line("shop", "app"),
                 tokens.line("probe", "metrics"))
    return tokens


@pytest.fixture
def daemon(start, tokens):
    return start(tokens_file=str(tokens.path), stores={"carts": {"url": "memory://"}})


@pytest.fixture
def api(daemon):
    with daemon.client() as client:
        yield client


@pytest.fixture
def follow(daemon, tokens):
    """follow(query, last_id=…, token=name): a reader that has begun."""
    opened = []

    def follow(query="", token="ops", **more):
        opened.append(Events(daemon, tokens.of[token], query, **more))
        return opened[-1].begin()

    yield follow
    for one in opened:
        one.connection.socket.close()


def metric(daemon, name):
    with daemon.client() as client:
        return int(re.search(rf"^{name} (\d+)$", client.get("/metrics").body.decode(), re.MULTILINE)[1])


def fill(api, count):
    """Makes more events than any reader wants."""
    request = b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    api.connection.connect()
    for done in range(0, count, 128):
        n = min(128, count - done)
        api.connection.sock.sendall(request * n)
        received = b""
        while received.count(b"\r\n\r\n") < n:
            received += api.connection.sock.recv(65536)
        assert received.count(b"HTTP/1.1 201 ") == n


def test_what_happens_is_told_in_order(api, follow):
    reader = follow()
    first = api.create({"n": 1}, Session_Subject="user-42").id
    second = new_id()
    api.session("PUT", second, body={})
    api.session("PUT", second, body={"n": 2})
    api.session("GET", second)
    api.session("DELETE", first)
    third = api.session("POST", second, "/rotate").json["id"]
    api.session("DELETE", second)  # over already
    api.call("DELETE", "/v1/sessions", None, {"Session-Subject": "user-42"})
    api.session("PUT", third, body={}, Session_Subject="user-42")
    api.call("DELETE", "/v1/sessions", None, {"Session-Subject": "user-42"})
    events = reader.take(5)
    assert [(e.name, e.data["handle"]) for e in events] == [
        ("created", handle_of(first)), ("created", handle_of(second)), ("ended", handle_of(first)),
        ("rotated", handle_of(second)), ("ended", handle_of(third))]
    assert len({e.id for e in events}) == 5
    created, _, ended, rotated, revoked = (e.data for e in events)
    assert rotated["to"] == handle_of(third)
    assert (revoked["reason"], revoked["subject"]) == ("revoked", "user-42")
    assert ended["subject"] == "user-42"
    assert created.keys() == {"at", "store", "handle", "subject"}
    assert (created["store"], created["subject"]) == ("default", "user-42")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", created["at"])
    assert ended["reason"] == "deleted"
    assert reader.is_quiet()


def test_what_end_all_ended_is_not_ended_again_by_a_logout(daemon, follow, tokens):
    with daemon.client(tokens.of["shop"]) as shop, daemon.client(tokens.of["ops"]) as ops:
        reader = follow()
        over = shop.create().id
        assert ops.call("POST", "/v1/stores/default/end-all").status == 202
        assert shop.session("DELETE", over).status == 204
        marker = shop.create().id
        assert [e.data["handle"] for e in reader.take(2)] == [handle_of(over), handle_of(marker)]


def test_the_answer_is_an_unending_event_stream(follow):
    header = follow().header
    assert "\r\nContent-Type: text/event-stream\r\n" in header
    assert "\r\nCache-Control: no-store\r\n" in header
    assert "\r\nTransfer-Encoding: chunked\r\n" in header
    assert "Content-Length" not in header


def test_a_write_that_fails_is_no_event(api, follow):
    reader = follow()
    id = new_id()
    api.session("PUT", id, body={}, If_Match="*").problem(412, "precondition-failed")
    api.session("PATCH", id, body=b"{}", Content_Type="application/merge-patch+json").problem(404, "not-found")
    api.session("DELETE", "short").problem(400, "malformed")
    marker = api.create().id
    assert reader.event().data["handle"] == handle_of(marker)


def test_a_reader_that_comes_back_misses_nothing(api, follow):
    with follow() as reader:
        ids = [api.create().id for _ in range(3)]
        read = [reader.event().data["handle"]]
        last_id = reader.last_id
    ids += [api.create().id for _ in range(5)]
    again = follow(last_id=last_id)
    ids.append(api.create().id)
    read += [e.data["handle"] for e in again.take(8)]
    assert read == [handle_of(id) for id in ids]


def test_a_reader_that_was_shown_nothing_can_come_back(api, follow):
    with follow() as reader:
        place = re.search(rb"^id: (.+)$", reader.text, re.MULTILINE)[1].decode()
    id = api.create().id
    assert follow(last_id=place).event().data["handle"] == handle_of(id)


def test_a_gap_is_told_when_the_buffer_has_wrapped(api, follow):
    with follow() as reader:
        api.create()
        first = reader.event().id
        api.create()
        second = reader.event().id
    fill(api, BUFFERED - 1)
    assert follow(last_id=second).event().name == "created"  # no gap: what it knows is the last that was forgotten
    fill(api, 1)
    resumed = follow(last_id=first)
    events = resumed.take(1 + BUFFERED)
    assert events[0].name == "gap" and events[0].data == {}
    assert {e.name for e in events[1:]} == {"created"}
    assert resumed.is_quiet()
    assert follow(last_id=events[0].id).event().id == events[1].id, "a gap is told once"


@pytest.mark.parametrize("last_id", ["1", "-1", "x" * 4000, "0000000000000000-1", "ffffffffffffffff-18446744073709551616",
                                     "{start}", "{start}-", "{start}-99999", "{start}--1", "{start}-1 ; x", "*", "\xff\xfe"])
def test_a_cursor_that_the_daemon_did_not_make_is_a_gap(api, follow, last_id):
    api.create()
    start = follow().text.split(b"id: ")[1].split(b"-")[0].decode()
    reader = follow(last_id=last_id.replace("{start}", start))
    assert [e.name for e in reader.take(2)] == ["gap", "created"]


def test_an_empty_cursor_is_none(api, follow):
    api.create()
    reader = follow(last_id="")
    id = api.create().id
    assert reader.event().data["handle"] == handle_of(id)


def test_two_cursors_are_malformed(daemon, tokens):
    fields = f"Authorization: Bearer {tokens.of['ops']}\r\nLast-Event-ID: a\r\nLast-Event-ID: b\r\n"
    with raw(daemon, f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n") as connection:
        connection.answer().problem(400, "malformed")


def test_a_restart_is_a_gap(start, tokens, daemon, follow):
    with daemon.client() as api:
        reader = follow()
        api.create()
        last = reader.event().id
    other = start(tokens_file=str(tokens.path))
    with other.client() as api, Events(other, tokens.of["ops"], last_id=last).begin() as reader:
        id = api.create().id
        gap, created = reader.take(2)
        assert gap.name == "gap" and created.data["handle"] == handle_of(id)


def test_one_store_or_one_subject_can_be_followed(api, follow):
    readers = {query: follow(query) for query in (
        "?store=carts", "?store=default", "?subject=a%2Bb%40x%20%C3%BC", "?store=carts&subject=bo", "")}
    mail = "a+b@x ü".encode()
    made = {}
    for name, path, subject in (("a", "/v1/sessions", mail), ("b", "/v1/stores/carts/sessions", mail),
                                ("c", "/v1/stores/carts/sessions", b"bo"), ("d", "/v1/sessions", b"bob")):
        made[handle_of(api.call("POST", path, {}, {"Session-Subject": subject}).json["id"])] = name
    for query, expected in (("?store=carts", "bc"), ("?store=default", "ad"), ("?subject=a%2Bb%40x%20%C3%BC", "ab"),
                            ("?store=carts&subject=bo", "c"), ("", "abcd")):
        assert "".join(made[e.data["handle"]] for e in readers[query].take(len(expected))) == expected
        assert readers[query].is_quiet()


def test_a_token_shows_the_stores_that_it_names(api, follow):
    reader = follow(token="carts")
    api.create()
    id = api.call("POST", "/v1/stores/carts/sessions").json["id"]
    event = reader.event()
    assert (event.data["store"], event.data["handle"]) == ("carts", handle_of(id))
    assert reader.is_quiet()


@pytest.mark.parametrize("query, status, problem", [
    ("?store=default", 403, "forbidden"), ("?store=nothing", 404, "not-found"), ("?store=", 400, "malformed"),
    ("?stores=carts", 400, "malformed"), ("?store=carts&store=carts", 400, "malformed"),
    ("?subject=%", 400, "malformed"), ("?subject=a+b", 400, "malformed"), ("?peek", 400, "malformed")])
def test_a_filter_that_makes_no_sense_is_refused(daemon, tokens, query, status, problem):
    with daemon.client(tokens.of["carts"]) as client:
        client.get("/v1/events" + query).problem(status, problem)


def test_only_an_admin_may_follow(daemon, tokens):
    for name in ("shop", "probe"):
        with daemon.client(tokens.of[name]) as client:
            client.get("/v1/events").problem(403, "forbidden")
    with daemon.client() as nobody:
        nobody.get("/v1/events").problem(403, "forbidden")
    with daemon.client("wrong") as stranger:
        stranger.get("/v1/events").problem(401, "unauthorized")


def test_head_and_post_are_not_for_events(daemon, tokens):
    with daemon.client(tokens.of["ops"]) as client:
        for method in ("HEAD", "POST"):
            answer = client.call(method, "/v1/events")
            assert answer.status == 405 and answer.headers["Allow"] == "GET, OPTIONS"
        assert client.call("OPTIONS", "/v1/events").status == 204


def test_a_token_that_is_taken_away_ends_the_stream(daemon, api, tokens, follow):
    reader = follow()
    tokens.write(tokens.line("carts", "admin", "carts"))
    daemon.signal(signal.SIGHUP)
    daemon.logged("tokens and certificates read again")
    api.create()
    assert reader.event() is None and reader.is_complete


def test_a_subject_cannot_forge_an_event(api, follow):
    subject = 'x\\n\\nevent: ended\\ndata: {"}\u2028\u0085ü'
    reader = follow()
    api.call("POST", "/v1/sessions", {}, {"Session-Subject": subject.encode()})
    api.create()
    forged, other = reader.take(2)
    assert (forged.name, forged.data["subject"]) == ("created", subject)
    assert other.name == "created" and other.data["subject"] is None


def test_http_1_0_is_served_until_the_connection_closes(daemon, api, follow):
    reader = follow(version="1.0")
    assert "Transfer-Encoding" not in reader.header and "\r\nConnection: close" in reader.header
    id = api.create().id
    assert reader.event().data["handle"] == handle_of(id)
    daemon.signal(signal.SIGTERM)
    assert reader.is_over()
    assert daemon.wait() == 0


def test_streams_go_over_tls(start, tokens, folder):
    ca = Authority(folder)
    certificate, key = ca.issue("server", 1)
    daemon = start(tokens_file=str(tokens.path), tls={"certificate_file": str(certificate), "key_file": str(key)})

    def secure(daemon):
        connection = Raw(daemon)
        connection.socket = ca.context().wrap_socket(connection.socket, server_hostname="localhost")
        return connection

    with daemon.client(tls=ca.context()) as api:
        for _ in range(2):
            with Events(daemon, tokens.of["ops"], raw=secure).begin() as reader:
                id = api.create().id
                assert reader.event().data["handle"] == handle_of(id)
        readers = b"coatcheck_event_readers 0"
        until(lambda: readers in api.get("/metrics").body)
        reader = Events(daemon, tokens.of["ops"], raw=secure).begin()
        daemon.signal(signal.SIGTERM)
        assert reader.is_over() and reader.is_complete
        reader.connection.socket.close()
    assert daemon.wait() == 0


def test_answers_before_the_stream_come_before_it(daemon, tokens, api):
    fields = f"Host: localhost\r\nAuthorization: Bearer {tokens.of['ops']}\r\n\r\n"
    with raw(daemon, f"GET /healthz HTTP/1.1\r\n{fields}GET /v1/events HTTP/1.1\r\n{fields}"
                     f"GET /healthz HTTP/1.1\r\n{fields}") as connection:
        assert connection.answer().json == {"alive": True}
        assert b"text/event-stream" in connection.header()


@pytest.mark.parametrize("how", ["close", "half-close", "reset"])
def test_a_client_that_leaves_is_noticed(daemon, follow, how):
    reader = follow()
    assert metric(daemon, "coatcheck_event_readers") == 1
    if how == "half-close":
        reader.connection.socket.shutdown(socket.SHUT_WR)
    else:
        if how == "reset":
            reader.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        reader.connection.socket.close()
    until(lambda: metric(daemon, "coatcheck_event_readers") == 0)
    assert metric(daemon, "coatcheck_event_readers_dropped_total") == 0


def test_a_quiet_stream_has_a_heartbeat(api, follow):
    reader = follow("?subject=nobody")
    begin = time.monotonic()
    api.create()
    first = re.search(rb"id: (.+)\n", reader.text)[1]
    reader.text = b""
    reader.connection.socket.settimeout(20 * FACTOR)
    assert reader.more()
    assert 14 < time.monotonic() - begin
    assert reader.text.startswith(b":\nid: ") and first not in reader.text, "its cursor moves though nothing was shown"


def test_more_readers_than_there_may_be_are_told_to_come_back(daemon, tokens, follow):
    readers = [follow() for _ in range(MOST_READERS)]
    with daemon.client(tokens.of["ops"]) as client:
        answer = client.get("/v1/events")
        answer.problem(503, "unavailable")
        assert answer.headers["Retry-After"]
        readers.pop().connection.socket.close()
        until(lambda: metric(daemon, "coatcheck_event_readers") == MOST_READERS - 1)
    follow()


def test_many_readers_get_everything(api, follow):
    readers = [follow() for _ in range(20)]
    ids = [handle_of(api.create().id) for _ in range(200)]
    for reader in readers:
        assert [e.data["handle"] for e in reader.take(200)] == ids


class Sleepy(Raw):
    """A client whose receive buffer is small."""

    def __init__(self, daemon):
        host, _, port = daemon.address.rpartition(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(30 * FACTOR)
        self.socket.connect((host, int(port)))
        self.received = b""


def test_a_reader_that_does_not_read_is_dropped_and_disturbs_nobody(daemon, api, follow):
    slow = [follow(raw=Sleepy) for _ in range(4)]
    quick = follow()
    longest = 0
    give_up = time.monotonic() + 40 * FACTOR
    with daemon.client() as other:
        while metric(daemon, "coatcheck_event_readers") > 1:
            assert time.monotonic() < give_up
            fill(api, 256)
            begin = time.monotonic()
            id = other.create({"n": 1}).id
            longest = max(longest, time.monotonic() - begin)
            assert quick.take(257)[-1].data["handle"] == handle_of(id)
    assert longest < 0.5 * FACTOR
    assert metric(daemon, "coatcheck_event_readers_dropped_total") == len(slow)
    daemon.logged("event reader dropped")
    for reader in slow:
        assert reader.is_over() and not reader.is_complete


def test_a_reader_that_the_buffer_overtakes_is_dropped(daemon, api, follow):
    slow = follow(raw=Sleepy)
    give_up = time.monotonic() + 30 * FACTOR
    while metric(daemon, "coatcheck_event_readers_dropped_total") == 0:
        assert time.monotonic() < give_up
        fill(api, 1024)
        slow.text += slow.connection.socket.recv(1024)
    assert metric(daemon, "coatcheck_event_readers") == 0


def test_a_drain_ends_streams_at_once(daemon, api, follow):
    readers = [follow() for _ in range(3)]
    begin = time.monotonic()
    daemon.signal(signal.SIGTERM)
    for reader in readers:
        assert reader.event() is None and reader.is_complete
    api.close()
    for reader in readers:
        reader.connection.socket.close()
    assert daemon.wait() == 0
    assert time.monotonic() - begin < 1.5 * FACTOR


def test_a_drain_does_not_wait_for_a_reader_that_does_not_read(daemon, api, follow):
    follow(raw=Sleepy)
    fill(api, BUFFERED)
    api.close()
    begin = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert time.monotonic() - begin < 2.5 * FACTOR


def test_streams_go_on_during_the_drain_delay(start, tokens):
    daemon = start(tokens_file=str(tokens.path), drain_delay="500ms")
    with daemon.client() as api, Events(daemon, tokens.of["ops"]).begin() as reader:
        daemon.signal(signal.SIGTERM)
        daemon.logged("draining")
        id = api.create().id
        assert reader.event().data["handle"] == handle_of(id)
        assert reader.is_over() and reader.is_complete
    assert daemon.wait() == 0


def test_who_follows_is_in_the_log_as_an_operator(daemon, follow):
    follow("?store=carts", token="carts")
    line = daemon.logged("admin action", action="events")
    wanted = {"audit": True, "token": "carts", "store": "carts", "of_one_subject": False, "status": 200}
    assert wanted.items() <= line.items()
    follow("?subject=PLANTED")
    assert daemon.logged("admin action", action="events", token="ops")["of_one_subject"] is True
    assert "PLANTED" not in daemon.log_text
