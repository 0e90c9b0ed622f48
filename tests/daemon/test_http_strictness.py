"""What is ambiguous HTTP is refused, the connection closes, and nothing behind it is answered (RFC 9112)."""

import threading

import pytest

from calls import new_id
from raw import raw

HOST = "Host: localhost\r\n"
BEHIND = f"GET /healthz HTTP/1.1\r\n{HOST}\r\n"  # what a smuggler would have answered
MALFORMED, NOT_SERVED = (400, "malformed"), (501, "unsupported")
PUT = f"PUT /v1/session HTTP/1.1\r\n{HOST}Session-Id: {new_id()}\r\n"


@pytest.fixture(scope="module")
def daemon(start_shared):
    return start_shared()


@pytest.fixture(autouse=True, scope="module")
def good_client(daemon):
    """Somebody who is served all the time."""
    failures, stop = [], threading.Event()

    def serve():
        with daemon.client() as client:
            while not stop.wait(0.005):
                answer = client.create({"n": 1})
                if client.get(answer.headers["Location"]).json != {"n": 1}:
                    failures.append(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    stop.set()
    thread.join()
    assert not failures


def is_refused(daemon, request, status, name, to_head=False):
    with raw(daemon, request + BEHIND * 2) as connection:
        answer = connection.answer(to_head)
        if not to_head:
            answer.problem(status, name)
        assert answer.status == status
        assert answer.headers["Connection"] == "close"
        return connection.is_closed()


@pytest.mark.parametrize("hosts", [
    "", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost\r\nhost: other\r\n", "Host:\r\n", "Host: \r\n",
    "Host: a,b\r\n", "Host: localhost, localhost\r\n", "Host: user@localhost\r\n", "Host: user:pw@localhost\r\n",
    "Host: localhost/\r\n", "Host: localhost/path\r\n", "Host: http://localhost\r\n", "Host: localhost:80:80\r\n",
    "Host: localhost:port\r\n", "Host: localhost:123456\r\n", "Host: local host\r\n", "Host: localhost#x\r\n",
    "Host: localhost?x\r\n", "Host: [::1\r\n", "Host: ::1\r\n", "Host: [localhost]\r\n", "Host: loc\\alhost\r\n",
    "Host: localh\xf6st\r\n", "Host: localhost%00\r\n", "Host: :80\r\n", f"Host: {'x' * 300}\r\n"])
def test_a_host_that_is_missing_doubled_or_odd_is_refused(daemon, hosts):
    assert is_refused(daemon, f"GET /healthz HTTP/1.1\r\n{hosts}\r\n", *MALFORMED)


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "localhost:8642", "127.0.0.1", "127.0.0.1:1", "[::1]",
                                  "[::1]:8642", "localhost:"])
def test_a_host_of_loopback_is_served_whatever_its_port(daemon, host):
    with raw(daemon, f"GET /v1/stores HTTP/1.1\r\nHost: {host}\r\n\r\n") as connection:
        assert connection.answer().status == 200


@pytest.mark.parametrize("codings", [
    "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked, identity", "identity", "", " ", "identity, chunked",
    "chunked\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: identity", "chunked,", ", chunked"])
def test_a_transfer_encoding_that_is_no_single_chunked_is_refused(daemon, codings):
    assert is_refused(daemon, f"{PUT}Transfer-Encoding: {codings}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n", *MALFORMED)


@pytest.mark.parametrize("coding", ["gzip", "xchunked", "chunkedx", '"chunked"', "chunked;q=1", "x chunked"])
def test_another_transfer_encoding_is_not_served(daemon, coding):
    assert is_refused(daemon, f"{PUT}Transfer-Encoding: {coding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n", *NOT_SERVED)


@pytest.mark.parametrize("fields", [
    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    "Content-Length: 2\r\nContent-Length: 2\r\n", "Content-Length: 2\r\nContent-Length: 3\r\n",
    "Content-Length: 2, 2\r\n", "Content-Length: +2\r\n", "Content-Length: -2\r\n", "Content-Length: 0x2\r\n",
    "Content-Length: 2 2\r\n", "Content-Length: two\r\n", "Content-Length:\r\n", "Content-Length: 2.0\r\n",
    "Content-Length: 99999999999999999999999\r\n", "Content-Length: 18446744073709551618\r\n"])
def test_a_body_whose_length_is_ambiguous_is_refused(daemon, fields):
    assert is_refused(daemon, f"{PUT}{fields}\r\n{{}}", *MALFORMED)


@pytest.mark.parametrize("body", [
    "x\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "+2\r\n{}\r\n0\r\n\r\n", "0x2\r\n{}\r\n0\r\n\r\n",
    "2\r\n{}0\r\n\r\n",
    "2\r\n{}xx0\r\n\r\n", "\r\n2\r\n{}\r\n0\r\n\r\n", " 2\r\n{}\r\n0\r\n\r\n", "2\n{}\r\n0\r\n\r\n",
    "2\r\n{}\n0\r\n\r\n",
    "ffffffffffffffff2\r\n{}\r\n0\r\n\r\n", "2;a\rb\r\n{}\r\n0\r\n\r\n", "2\r\n{}\r\n0\r\nbad trailer\r\n\r\n"])
def test_a_chunk_that_is_none_is_refused(daemon, body):
    with raw(daemon, f"{PUT}Transfer-Encoding: chunked\r\n\r\n{body}{BEHIND}") as connection:
        answer = connection.answer()
        assert answer.status in (400, 413), answer
        assert answer.headers["Connection"] == "close"
        assert connection.is_closed()


def test_http_1_0_has_no_chunked_bodies(daemon):
    request = f"PUT /v1/session HTTP/1.0\r\nSession-Id: {new_id()}\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert is_refused(daemon, request + "2\r\n{}\r\n0\r\n\r\n", *MALFORMED)


@pytest.mark.parametrize("fields", [
    HOST + "X-A: b\r\n c\r\n", HOST + "X-A: b\r\n\tc\r\n", HOST + "X-A:\r\n b\r\n", " X-A: b\r\n" + HOST,
    HOST + "X-A : b\r\n", HOST + "X-A\t: b\r\n", "Host : localhost\r\n", HOST + "X A: b\r\n", HOST + ": b\r\n",
    HOST + "X-A\r\n", HOST + "X-A: b\rc\r\n", HOST + "X-A: b\nX-C: d\r\n", HOST + "X-A: b\0c\r\n", HOST + "X\0A: b\r\n",
    HOST + "X-A: b\x01c\r\n", HOST + "X-A: b\x7fc\r\n", HOST + "X-\xc3: b\r\n", HOST + "X(A): b\r\n", HOST + "\r"])
def test_a_header_field_that_is_none_is_refused(daemon, fields):
    assert is_refused(daemon, f"GET /healthz HTTP/1.1\r\n{fields}\r\n", *MALFORMED)


@pytest.mark.parametrize("name", ["Session-Id", "Authorization", "Content-Type", "Content-Encoding", "Expect", "Origin",
                                  "Session-Idle-Timeout", "Session-Absolute-Timeout", "Session-Subject",
                                  "Session-Label", "Session-Lock"])
def test_a_header_of_the_contract_that_comes_twice_is_refused(daemon, name):
    assert is_refused(daemon, f"GET /healthz HTTP/1.1\r\n{HOST}{name}: 1\r\n{name.lower()}: 1\r\n\r\n", *MALFORMED)


@pytest.mark.parametrize("line", [
    "GET  /healthz HTTP/1.1", "GET\t/healthz HTTP/1.1", "GET /healthz  HTTP/1.1", "GET /healthz", "GET /healthz ",
    "GET",
    "/healthz HTTP/1.1", " GET /healthz HTTP/1.1", "GET /healthz HTTP/1.1 ", "GET /healthz HTTP/1.1 x",
    "GET /heal thz HTTP/1.1", "G@T /healthz HTTP/1.1", "GET /healthz http/1.1", "GET /healthz HTTP/x.1",
    "GET /healthz HTTP/11", "GET /healthz HTTP/1.", "GET /healthz HTTP/1.10", "GET /healthz XTTP/1.1",
    "GET healthz HTTP/1.1", "GET \\healthz HTTP/1.1", "GET ?x HTTP/1.1", "GET /health\x00z HTTP/1.1",
    "GET /health\x01z HTTP/1.1", "GET /health\x7fz HTTP/1.1", "GET /h\xc3\xa9 HTTP/1.1", "GET /h\xff HTTP/1.1",
    "GET /healthz\rx HTTP/1.1", "GET /healthz HTTP/1.1\rx", "\x16\x03\x01\x02\x00\x01\x00", "\x00"])
def test_a_request_line_that_is_none_is_refused(daemon, line):
    assert is_refused(daemon, f"{line}\r\n{HOST}\r\n", *MALFORMED)


@pytest.mark.parametrize("request_text", [f"GET /healthz HTTP/1.1\n{HOST}\r\n",
                                          "GET /healthz HTTP/1.1\r\nHost: localhost\n\r\n",
                                          f"GET /healthz HTTP/1.1\r\n{HOST}\n"])
def test_bare_line_feeds_are_refused(daemon, request_text):
    assert is_refused(daemon, request_text, *MALFORMED)


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9"])
def test_another_version_is_505(daemon, version):
    assert is_refused(daemon, f"GET /healthz {version}\r\n{HOST}\r\n", 505, "http-version")


def test_the_preface_of_http_2_is_no_request(daemon):
    assert is_refused(daemon, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http-version")


@pytest.mark.parametrize("line", ["GET *", "HEAD *", "PUT *", "CONNECT localhost:80", "CONNECT /healthz", "CONNECT *",
                                  "GET ftp://localhost/", "GET localhost:8642", "GET http://", "GET http:///healthz",
                                  "GET http://user@localhost/healthz", "GET http://a,b/healthz",
                                  "GET http://local host/", "GET https:/localhost"])
def test_a_target_that_is_not_for_here_is_refused(daemon, line):
    assert is_refused(daemon, f"{line} HTTP/1.1\r\n{HOST}\r\n", *MALFORMED, to_head=line.startswith("HEAD"))


def test_trace_is_not_allowed_and_echoes_nothing(daemon):
    with raw(daemon, f"TRACE /healthz HTTP/1.1\r\n{HOST}X-Secret: planted\r\n\r\n") as connection:
        answer = connection.answer()
        answer.problem(405, "method-not-allowed")
        assert b"planted" not in answer.body
        assert connection.is_kept()


def test_an_absolute_target_is_taken_and_its_authority_is_the_host(daemon):
    with raw(daemon, f"GET http://localhost:1/healthz HTTP/1.1\r\n{HOST}\r\n") as connection:
        assert connection.answer().json == {"alive": True}
        connection.send("GET HTTP://127.0.0.1?strict HTTP/1.1\r\nHost: other.example\r\n\r\n")
        assert connection.answer().status in (400, 404)  # the path is /
        connection.send("GET http://localhost/v1/stores HTTP/1.1\r\nHost: other.example\r\n\r\n")
        assert connection.answer().status == 200
        connection.send(f"GET http://other.example/v1/stores HTTP/1.1\r\n{HOST}\r\n")
        connection.answer().problem(421, "misdirected")


def test_every_method_with_a_body_is_framed_by_its_length(daemon):
    """A body that is ignored is read all the same, so it is never taken for a request."""
    for method, path in (("GET", "/healthz"), ("DELETE", "/v1/session"), ("PROPFIND", "/healthz"), ("GET", "/nothing"),
                         ("OPTIONS", "/healthz"), ("TRACE", "/healthz"), ("POST", "/v1/session/touch")):
        head = f"{method} {path} HTTP/1.1\r\n{HOST}Session-Id: {new_id()}\r\nContent-Length: {len(BEHIND)}\r\n\r\n"
        with raw(daemon, head + BEHIND + BEHIND) as connection:
            connection.answer()
            assert connection.answer().json == {"alive": True}
            assert connection.is_kept()


def test_garbage_is_refused(daemon):
    with raw(daemon, b"\x00\xff" * 50 + b"\r\n\r\n") as connection:
        connection.answer().problem(400, "malformed")
        assert connection.is_closed()
