"""Limits of size, time and number, and that one client's trouble is not another's."""

import time

import pytest

from calls import new_id
from patience import FACTOR, until
from raw import Raw, drip, raw

HOST = "Host: localhost\r\n"
HEALTH = f"GET /healthz HTTP/1.1\r\n{HOST}\r\n"
BODY_LIMIT = 100_000


@pytest.fixture(scope="module")
def daemon(start_shared):
    return start_shared(limits={"body": BODY_LIMIT, "connections": 20})


@pytest.fixture(scope="module")
def hasty(start_shared):
    """Waits for nobody."""
    return start_shared(limits={"header_timeout": "500ms", "body_timeout": "500ms", "idle_timeout": "500ms"})


@pytest.fixture
def connection(daemon):
    with Raw(daemon) as one:
        yield one


def put(length, fields=""):
    return f"PUT /v1/session HTTP/1.1\r\n{HOST}Session-Id: {new_id()}\r\n{fields}Content-Length: {length}\r\n\r\n"


def head_of(size):
    """The header of a request, of that size in all."""
    start, end = f"GET /healthz HTTP/1.1\r\n{HOST}X-A: ", "\r\n\r\n"
    return start + "b" * (size - len(start) - len(end)) + end


def test_a_header_of_8_kib_is_taken_and_a_larger_one_is_431(connection):
    assert connection.send(head_of(8192)).answer().status == 200
    connection.send(head_of(8193)).answer().problem(431, "header-too-large")
    assert connection.is_closed()


@pytest.mark.parametrize("header", [
    f"GET /healthz HTTP/1.1\r\n{HOST}" + "X-A: b\r\n" * 2000 + "\r\n",
    f"GET /healthz HTTP/1.1\r\n{HOST}X-{'a' * 20000}",
    f"GET /healthz HTTP/1.1\r\nHost: {'x' * 20000}"])
def test_a_header_without_end_is_431(connection, header):
    connection.send(header).answer().problem(431, "header-too-large")
    assert connection.is_closed()


def test_a_header_that_comes_slowly_is_measured_as_a_whole(connection):
    connection.send(f"GET /healthz HTTP/1.1\r\n{HOST}")
    for _ in range(300):
        connection.send("X-A: " + "b" * 23 + "\r\n")
    connection.answer().problem(431, "header-too-large")


def test_a_target_of_2048_bytes_is_taken_and_a_longer_one_is_414(connection, daemon):
    path = "/v1/sessions/"
    connection.send(f"GET {path}{'x' * (2048 - len(path))} HTTP/1.1\r\n{HOST}\r\n").answer().problem(400, "malformed")
    connection.send(f"GET {path}{'x' * (2049 - len(path))} HTTP/1.1\r\n{HOST}\r\n").answer().problem(414,
                                                                                                     "uri-too-long")
    assert connection.is_closed()
    with raw(daemon, f"GET /{'x' * 20000} HTTP/1.1\r\n{HOST}\r\n") as another:
        another.answer().problem(414, "uri-too-long")


def test_an_announced_body_over_the_limit_is_413_before_it_is_read(connection):
    answer = connection.send(put(BODY_LIMIT + 1)).answer()
    assert answer.problem(413, "too-large")["limit"] == BODY_LIMIT
    assert answer.headers["Connection"] == "close"
    assert connection.is_closed()


@pytest.mark.parametrize("size", [2**32, 2**63 - 1, 2**64 - 1])
def test_an_announced_body_of_any_size_is_413(connection, size):
    assert connection.send(put(size)).answer().problem(413, "too-large")["limit"] == BODY_LIMIT


def test_413_can_be_read_by_a_client_that_sends_it_all_first(connection):
    connection.send(put(4 * BODY_LIMIT) + "x" * 4 * BODY_LIMIT)
    assert connection.answer().problem(413, "too-large")["limit"] == BODY_LIMIT


def test_a_chunked_body_over_the_limit_is_413(connection):
    chunk = "8000\r\n" + "x" * 0x8000 + "\r\n"
    connection.send(put(0).replace("Content-Length: 0", "Transfer-Encoding: chunked") + chunk * 4)
    assert connection.answer().problem(413, "too-large")["limit"] == BODY_LIMIT


def test_a_chunk_of_any_announced_size_is_413(connection):
    connection.send(put(0).replace("Content-Length: 0", "Transfer-Encoding: chunked") + "7fffffffffffffff\r\n")
    assert connection.answer().problem(413, "too-large")["limit"] == BODY_LIMIT


def test_a_chunked_body_that_is_nearly_all_framing_is_refused(connection):
    one = "1;" + "a" * 1000 + "=b\r\n{\r\n"
    connection.send(put(0).replace("Content-Length: 0", "Transfer-Encoding: chunked"))
    with pytest.raises(OSError):
        while True:
            connection.send(one * 100)
    # The answer may have been lost with the reset, but nothing was accepted.


def seconds_until(answered):
    begin = time.monotonic()
    answered()
    return time.monotonic() - begin


def test_a_header_that_is_too_slow_is_408(hasty):
    with raw(hasty, "GET /healthz HTTP/1.1\r\nHost: loc") as connection:
        took = seconds_until(lambda: connection.answer().problem(408, "request-timeout"))
        assert 0.4 < took < 2 * FACTOR
        assert connection.is_closed()


def test_a_header_that_drips_is_408_all_the_same(hasty):
    with Raw(hasty) as connection:
        begin = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() < begin + 10 * FACTOR:
                drip(connection, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 4000, pause=0.02)
        assert 0.4 < time.monotonic() - begin < 3 * FACTOR


@pytest.mark.parametrize("start", [put(100) + "{", put(100),
                                   put(0).replace("Content-Length: 0", "Transfer-Encoding: chunked"),
                                   put(0).replace("Content-Length: 0", "Transfer-Encoding: chunked") + "2\r\n{",
                                   put(0).replace("Content-Length: 0",
                                                  "Transfer-Encoding: chunked") + "2\r\n{}\r\n0\r\n"])
def test_a_body_that_is_too_slow_is_408(hasty, start):
    with raw(hasty, start) as connection:
        took = seconds_until(lambda: connection.answer().problem(408, "request-timeout"))
        assert 0.4 < took < 2 * FACTOR
        assert connection.is_closed()


def test_an_idle_connection_is_closed_without_a_word(hasty):
    with Raw(hasty) as fresh, raw(hasty, HEALTH) as used:
        assert used.answer().status == 200
        assert 0.3 < seconds_until(used.is_closed) < 2 * FACTOR
        assert fresh.is_closed()


def test_a_connection_in_use_is_not_closed(hasty):
    with Raw(hasty) as connection:
        begin = time.monotonic()
        while time.monotonic() < begin + 1.5:
            assert connection.is_kept()
            time.sleep(0.1)


def test_slow_clients_hold_up_nobody(hasty):
    slow = [raw(hasty, "POST /v1/sessions HTTP/1.1\r\n" if n % 2 else put(1000)) for n in range(200)]
    with hasty.client() as good:
        begin = time.monotonic()
        for _ in range(50):
            assert good.create({"n": 1}).status == 201
        assert time.monotonic() - begin < 2 * FACTOR
    for one in slow:
        one.socket.close()


def test_a_client_that_does_not_read_its_answers_holds_up_nobody(daemon):
    with Raw(daemon) as greedy, daemon.client() as good:
        id = new_id()
        good.session("PUT", id, body={"a": "x" * 90_000})
        greedy.socket.settimeout(0.2)
        with pytest.raises(OSError):  # both directions fill up
            while True:
                greedy.send(f"GET /v1/session HTTP/1.1\r\n{HOST}Session-Id: {id}\r\n\r\n" * 50)
        for _ in range(20):
            assert good.create({"n": 1}).status == 201


def test_connections_over_the_limit_are_503_until_others_close(daemon):
    kept = []
    try:
        for _ in range(20):
            kept.append(raw(daemon, HEALTH))
            assert kept[-1].answer().status == 200
        with Raw(daemon) as one_more:
            answer = one_more.answer()
            answer.problem(503, "unavailable")
            assert answer.headers["Retry-After"] and answer.headers["Connection"] == "close"
            assert one_more.is_closed()
        assert all(one.is_kept() for one in kept)
    finally:
        for one in kept:
            one.socket.close()
    until(lambda: raw(daemon, HEALTH).answer().status == 200)
