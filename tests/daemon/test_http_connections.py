"""Connections that are kept, requests that are pipelined, cut up or announced."""

import json
import re
import time

import pytest

from calls import new_id
from raw import Raw, drip, raw

HOST = "Host: localhost\r\n"
HEALTH = f"GET /healthz HTTP/1.1\r\n{HOST}\r\n"


@pytest.fixture(scope="module")
def daemon(start_shared):
    return start_shared()


@pytest.fixture
def connection(daemon):
    with Raw(daemon) as one:
        yield one


def put(id, body="{}", fields=""):
    return (f"PUT /v1/session HTTP/1.1\r\n{HOST}Session-Id: {id}\r\n{fields}Content-Length: {len(body)}\r\n\r\n{body}")


def put_chunked(id, chunks, trailers=""):
    body = "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in chunks) + f"0\r\n{trailers}\r\n"
    return f"PUT /v1/session HTTP/1.1\r\n{HOST}Session-Id: {id}\r\nTransfer-Encoding: chunked\r\n\r\n{body}"


def get(id, fields=""):
    return f"GET /v1/session HTTP/1.1\r\n{HOST}Session-Id: {id}\r\n{fields}\r\n"


def test_a_connection_is_kept(connection):
    for _ in range(10):
        answer = connection.send(HEALTH).answer()
        assert answer.status == 200 and answer.headers["Connection"] is None


@pytest.mark.parametrize("field", ["Connection: close", "connection: Close", "Connection: x, close",
                                   "Connection: close, x"])
def test_connection_close_closes_after_the_answer(connection, field):
    answer = connection.send(f"GET /healthz HTTP/1.1\r\n{HOST}{field}\r\n\r\n" + HEALTH).answer()
    assert answer.status == 200 and answer.headers["Connection"] == "close"
    assert connection.is_closed()


def test_http_1_0_closes_unless_asked_to_keep(connection, daemon):
    answer = connection.send("GET /healthz HTTP/1.0\r\n\r\n").answer()
    assert answer.json == {"alive": True} and answer.headers["Connection"] == "close"
    assert connection.is_closed()
    with raw(daemon, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") as kept:
        answer = kept.answer()
        assert answer.status == 200 and answer.headers["Connection"] == "keep-alive"
        assert kept.is_kept()


def test_http_1_0_works_without_a_host(connection):
    id = new_id()
    for request in (put(id), get(id)):
        answer = connection.send(request.replace("HTTP/1.1\r\n" + HOST,
                                                 "HTTP/1.0\r\nConnection: keep-alive\r\n")).answer()
        assert answer.status in (200, 201)


def test_ordinary_problems_keep_the_connection(connection):
    for request, status in ((get(new_id()), 404), (get("short"), 400), (put(new_id(), "no json"), 400),
                            (put(new_id(), "[]"), 422), (get(new_id(), "Accept: text/html\r\n"), 406)):
        assert connection.send(request).answer().status == status
    assert connection.is_kept()


def test_head_has_no_content_but_its_length(connection):
    id = new_id()
    connection.send(put(id, '{"a": 1}')).answer()
    head = connection.send(get(id).replace("GET", "HEAD")).answer(to_head=True)
    assert head.status == 200 and head.headers["Content-Length"] == "7"
    for path in ("/healthz", "/readyz", "/metrics", "/v1/stores", "/nothing", "/v1/sessions/" + new_id()):
        answer = connection.send(f"HEAD {path} HTTP/1.1\r\n{HOST}\r\n").answer(to_head=True)
        assert int(answer.headers["Content-Length"]) > 0
    assert connection.is_kept()


def test_every_answer_has_a_date_and_is_not_to_be_stored(connection):
    for request in (HEALTH, get(new_id()), put(new_id()), "GET /nothing HTTP/1.1\r\n" + HOST + "\r\n",
                    "OPTIONS * HTTP/1.1\r\n" + HOST + "\r\n", "GET * HTTP/1.1\r\n" + HOST + "\r\n"):
        answer = connection.send(request).answer()
        assert re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
                            answer.headers["Date"])
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] is None


def test_empty_lines_before_a_request_are_skipped(connection):
    for _ in range(3):
        assert connection.send("\r\n\r\n" + HEALTH).answer().status == 200


def test_field_names_and_the_space_around_values_do_not_matter(connection):
    id = new_id()
    request = f"PUT /v1/session HTTP/1.1\r\nhOST:localhost\r\nsession-ID: \t {id} \t\r\nCONTENT-length:2\r\n\r\n{{}}"
    assert connection.send(request).answer().status == 201
    assert connection.send(get(id)).answer().status == 200


def test_a_hundred_requests_in_one_write_are_answered_in_order(connection):
    ids = [new_id() for _ in range(50)]
    connection.send("".join(put(id, f'{{"n":{i}}}') + get(id) for i, id in enumerate(ids)))
    for i in range(50):
        assert connection.answer().status == 201
        assert connection.answer().json == {"n": i}
    assert connection.is_kept()


def test_pipelined_requests_of_every_kind_are_answered_in_order(connection):
    id = new_id()
    requests = [(put(id, '{"n":1}'), 201), (put_chunked(id, ['{"n"', ":2}"]), 204), (get(id), 200),
                (put(id, "[]"), 422), ("HEAD" + get(id)[3:], 200), ("BREW" + get(id)[3:], 405),
                (put_chunked(id, ["no json"], "X-A: b\r\n"), 400), ("DELETE" + get(id)[3:], 204), (get(id), 410),
                (HEALTH, 200)]
    connection.send("".join(request for request, _ in requests))
    for request, status in requests:
        answer = connection.answer(to_head=request.startswith("HEAD"))
        assert answer.status == status, request
    assert connection.is_kept()


def test_a_hundred_requests_byte_by_byte_are_answered_in_order(connection):
    odd = f"GET /healthz?odd HTTP/1.1\r\n{HOST}\r\n"
    drip(connection, ((HEALTH + odd) * 50).encode())
    for n in range(100):
        assert connection.answer().status == (400 if n % 2 else 200)


def test_a_request_may_come_in_two_pieces_cut_anywhere(daemon):
    id = new_id()
    request = put_chunked(id, ['{"a":', '"', "x" * 20, '"}'], "X-Trailer: 1\r\n") + put(id, '{"a":"b"}') + get(id)
    with Raw(daemon) as connection:
        assert connection.send(put(id)).answer().status == 201
        for cut in range(1, len(request)):
            connection.send(request[:cut])
            time.sleep(0.0005)
            connection.send(request[cut:])
            assert [connection.answer().status for _ in range(2)] == [204, 204], cut
            assert connection.answer().json == {"a": "b"}


def test_a_request_may_come_byte_by_byte(daemon):
    id = new_id()
    with Raw(daemon) as connection:
        drip(connection, (put_chunked(id, ['{"a"', ":1}"], "X-Trailer: 1\r\n") + get(id)).encode(), pause=0.001)
        assert connection.answer().status == 201
        assert connection.answer().json == {"a": 1}


@pytest.mark.parametrize("request_text", [
    put_chunked("x" * 20, ['{"a":1}']), put_chunked("x" * 20, list('{"a":1}')),
    put_chunked("x" * 20, ['{"a":1}'], "X-A: b\r\nX-C: d\r\n"),
    put_chunked("x" * 20, ['{"a":1}']).replace("7\r\n", "7;name=value;other=\"quo ted\"\r\n"),
    put_chunked("x" * 20, ['{"a":1}']).replace("7\r\n", "0007\r\n"),
    put_chunked("x" * 20, ['{"a":"' + "b" * 26 + '"}']).replace("22\r\n", "022\r\n")])
def test_a_chunked_body_is_whole_and_what_follows_it_is_answered(connection, request_text):
    connection.send(request_text + get("x" * 20))
    assert connection.answer().status in (201, 204)
    assert list(connection.answer().json) == ["a"]
    assert connection.is_kept()


def test_a_trailer_means_nothing(connection):
    id, other = new_id(), new_id()
    connection.send(put_chunked(id, ["{}"], f"Session-Id: {other}\r\nIf-Match: *\r\nHost: other\r\n"))
    assert connection.answer().status == 201
    assert connection.send(get(other)).answer().status == 404
    assert connection.send(get(id)).answer().status == 200


def test_an_empty_chunked_body_is_no_content(connection):
    connection.send(put_chunked(new_id(), []))
    connection.answer().problem(400, "malformed")
    connection.send(put_chunked("", []).replace("PUT /v1/session", "POST /v1/sessions").replace("Session-Id: \r\n", ""))
    assert connection.answer().status == 201


def expecting(id, version="1.1", expectation="100-continue", length=2):
    return (f"PUT /v1/session HTTP/{version}\r\n{HOST}Session-Id: {id}\r\nExpect: {expectation}\r\n"
            f"Connection: keep-alive\r\nContent-Length: {length}\r\n\r\n")


@pytest.mark.parametrize("expectation", ["100-continue", "100-Continue"])
def test_100_continue_is_sent_before_the_body(connection, expectation):
    connection.send(expecting(new_id(), expectation=expectation))
    assert connection.answer().status == 100
    assert connection.send("{}").answer().status == 201
    assert connection.is_kept()


def test_100_continue_is_sent_for_a_chunked_body(connection):
    connection.send(expecting(new_id()).replace("Content-Length: 2", "Transfer-Encoding: chunked"))
    assert connection.answer().status == 100
    assert connection.send("2\r\n{}\r\n0\r\n\r\n").answer().status == 201


def test_100_continue_is_not_sent_when_the_body_is_there(connection):
    assert connection.send(expecting(new_id()) + "{}").answer().status == 201


def test_100_continue_is_not_sent_when_there_is_no_body(connection):
    assert connection.send(f"GET /healthz HTTP/1.1\r\n{HOST}Expect: 100-continue\r\n\r\n").answer().status == 200


def test_100_continue_is_not_sent_to_http_1_0(connection):
    connection.send(expecting(new_id(), version="1.0"))
    connection.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        connection.more()
    connection.socket.settimeout(10)
    assert connection.send("{}").answer().status == 201


def test_a_body_that_is_too_large_gets_413_instead_of_100_continue(connection):
    connection.send(expecting(new_id(), length=1048577))
    assert connection.answer().problem(413, "too-large")["limit"] == 1048576
    assert connection.is_closed()


@pytest.mark.parametrize("expectation", ["200-ok", "100-continue, x", "x", ""])
def test_any_other_expectation_is_417(connection, expectation):
    connection.send(expecting(new_id(), expectation=expectation)).answer().problem(417, "expectation-failed")
    assert connection.is_closed()


def test_a_body_may_be_larger_than_what_a_socket_takes_at_once(connection):
    id, body = new_id(), json.dumps({"a": "x" * 1_000_000})
    assert connection.send(put(id, body)).answer().status == 201
    assert connection.send(get(id)).answer().json == json.loads(body)
    assert connection.send(put_chunked(id,
                                       [body[i:i + 997] for i in range(0, len(body),
                                                                       997)]) + get(id)).answer().status == 204
    assert connection.answer().json == json.loads(body)


def test_a_client_that_leaves_in_the_middle_harms_nobody(daemon):
    for cut in ("GET", "GET /healthz HTTP/1.1\r\n", put(new_id())[:-1], put_chunked(new_id(), ["{}"])[:-4],
                HEALTH * 50):
        for _ in range(5):
            raw(daemon, cut).socket.close()
    with raw(daemon, HEALTH) as connection:
        assert connection.answer().status == 200


def test_a_client_that_sends_the_end_of_its_stream_is_still_answered(connection):
    connection.send(HEALTH * 3).socket.shutdown(1)
    for _ in range(3):
        assert connection.answer().status == 200
    assert connection.is_closed()
