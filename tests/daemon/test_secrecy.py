"""Ids, data and tokens are seen by nobody but their callers."""

import socket
import time

import pytest

from calls import named
from patience import FACTOR
from raw import raw
from running import run

ID = "PLANTEDid0123456789abcdefPLANTED"
OTHER_ID = "PLANTEDid-of-a-link-in-a-mailPLANTED"
TOKEN = "PLANTEDtoken0123456789abcdef"
DATA = {"PLANTEDkey": "PLANTEDvalue"}
PLANTED = b"PLANTED"


@pytest.fixture
def daemon(start, new_store, any_store):
    return start(new_store(any_store), log={"level": "debug"}, environment={"COATCHECK_TOKEN": TOKEN},
                 limits={"header_timeout": "300ms", "body_timeout": "300ms"})


def everything(daemon, pause):
    """A session's whole life, and every way to fail, with planted texts in all places."""
    answers = []
    with daemon.client(TOKEN) as client, daemon.client("PLANTEDwrong-token") as stranger, daemon.client() as nobody:
        for caller in (client, stranger, nobody):
            def call(method, path="/v1/session", body=None, caller=caller, **headers):
                answers.append(caller.call(method, path, body, named({"Session-Id": ID, **headers})))
                time.sleep(pause)
            for body in (DATA, DATA, b'{"PLANTED": nope', b'["PLANTED"]', b"\xffPLANTED", b'{"$PLANTED": 1}',
                         b'{"a":"PLANTED' + b"x" * 1048576 + b'"}', b'{"PLANTED":"\xff"}'):
                call("PUT", body=body)
            call("PUT", body=DATA, If_Match='"PLANTEDPLANTED00"')
            call("PUT", body=DATA, If_Match="PLANTED")
            call("PUT", body=DATA, Session_Subject="PLANTEDsubject", Session_Label="PLANTEDlabel")
            call("PUT", body=DATA, Session_Idle_Timeout="PLANTED")
            call("PUT", body=DATA, Content_Type="application/PLANTED")
            call("PUT", body=DATA, Expect="PLANTED")
            caller.close()
            call("GET", Accept="application/PLANTED")
            call("GET", Host="PLANTED.example")
            call("GET", Origin="https://PLANTED.example")
            call("GET", "/v1/session?PLANTED")
            call("GET", "/v1/session/PLANTED")
            call("GET", f"/v1/sessions/{OTHER_ID}")
            call("GET", "/v1/sessions/PLANTED")
            call("GET", "/v1/stores/PLANTED/session")
            call("PLANTED")
            for path in ("/touch", "/lock", "/rotate"):
                call("POST", "/v1/session" + path)
            call("GET", "/v1/session/meta", Accept="text/PLANTED")
            call("PATCH", body=DATA)
            call("DELETE")
            call("PUT", body=DATA)
            call("GET")
    head = f"PUT /v1/session HTTP/1.1\r\nHost: localhost\r\nSession-Id: {ID}\r\n"
    for request in (head + "PLANTED : x\r\n\r\n", head + "X: y\r\n PLANTED\r\n\r\n", "GET PLANTED HTTP/1.1\r\n\r\n",
                    head + "Content-Length: PLANTED\r\n\r\n", head + "Transfer-Encoding: PLANTED\r\n\r\n",
                    head + "Transfer-Encoding: chunked\r\n\r\nPLANTED\r\n", head + "X-A: " + "PLANTED" * 2000,
                    "GET /" + "PLANTED" * 500 + " HTTP/1.1\r\n\r\n", "PLANTED\r\n\r\n", head,
                    head + "Content-Length: 99\r\n\r\nPLANTED"):
        with raw(daemon, request) as connection:
            answers.append(connection.answer())
    return answers


@pytest.fixture
def problems(daemon, any_store):
    # The log has at most ten lines of a kind in a second: once, slowly enough to see them all.
    pause = 0.11 if any_store == "memory" else 0
    return [answer for answer in everything(daemon, pause) if answer.status >= 400]


def test_a_planted_text_comes_back_in_no_problem_no_metric_and_no_log_line(daemon, any_store, problems):
    assert {answer.status for answer in problems} >= {400, 401, 404, 406, 408, 410, 412, 413, 415, 417, 421, 422, 431,
                                                      501}
    for answer in problems:
        assert PLANTED not in answer.body, answer
        assert not [value for value in answer.headers.values() if "PLANTED" in value], answer
    with daemon.client(TOKEN) as client, daemon.client() as nobody:
        assert PLANTED not in nobody.get("/metrics").body
        assert PLANTED not in client.get("/v1/stores").body
    daemon.stop()
    assert len(daemon.log) > (len(problems) if any_store == "memory" else 20)
    assert "PLANTED" not in daemon.log_text


def test_an_id_is_not_in_the_data_folder(start, folder):
    daemon = start(f"sqlite://{folder}/data/sessions.db", environment={"COATCHECK_TOKEN": TOKEN})
    with daemon.client(TOKEN) as client:
        for id in ("PLANTEDid-that-is-still-there", "PLANTEDid-that-has-been-ended"):
            assert client.session("PUT", id, body={"visible": "DATA"}).status == 201
        client.session("DELETE", id)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(b"DATA" in path.read_bytes() for path in files)  # data is plain there
    for path in files:
        assert b"PLANTEDid" not in path.read_bytes(), path
        assert b"PLANTEDtoken" not in path.read_bytes(), path


def test_an_id_is_not_what_redis_is_told(start, redis_url):
    daemon = start(f"{redis_url}?prefix=secrecy:")
    host, _, port = redis_url.removeprefix("redis://").removesuffix("/0").partition(":")
    with socket.create_connection((host, int(port)), 10 * FACTOR) as monitor:
        monitor.sendall(b"MONITOR\r\n")
        seen = b""
        with daemon.client() as client:
            client.session("PUT", ID, body={"n": 1})
            handle = client.session("GET", ID, "/meta").json["handle"]
            client.session("DELETE", ID)
        with socket.create_connection((host, int(port))) as last:
            last.sendall(b"ECHO the-end\r\n")
        while b"the-end" not in seen:
            seen += monitor.recv(65536)
    assert handle.encode() in seen
    assert PLANTED not in seen


def test_the_configuration_is_shown_without_secrets(folder):
    done = run("--check", folder=folder, COATCHECK_TOKEN=TOKEN,
               COATCHECK_STORE="redis://user:PLANTEDpassword@localhost:1/0")
    assert done.returncode == 0 and "redis://" in done.stdout
    assert "PLANTED" not in done.stdout + done.stderr


def test_a_handle_is_an_hmac_under_a_key_if_there_is_one(start, folder):
    (folder / "key").write_text("k" * 32)
    handles = []
    for settings in ({}, {"handle_key_file": str(folder / "key")}):
        with start(**settings).client() as client:
            client.session("PUT", ID, body={})
            handles.append(client.session("GET", ID, "/meta").json["handle"])
    assert handles[0] != handles[1]
