"""What the log says."""

import json
import os
import pty
import re
import subprocess

import pytest

from calls import new_id
from patience import until
from raw import raw
from running import BINARY, plain_environment

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_lines_are_json_where_there_is_no_terminal(start):
    daemon = start(log={"level": "debug"})
    with daemon.client() as client:
        client.create()
        client.session("GET", "short")
        daemon.logged("request refused")
    daemon.stop()
    for line in daemon.lines:
        if line:
            entry = json.loads(line)
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["ts"])
            assert entry["level"] in ("debug", "info", "warn", "error") and entry["msg"]


def test_lines_are_text_on_a_terminal(folder):
    ours, theirs = pty.openpty()
    environment = {**plain_environment(folder), "COATCHECK_LISTEN": "127.0.0.1:0", "COATCHECK_STORE": "memory://"}
    process = subprocess.Popen([BINARY], stderr=theirs, env=environment)
    os.close(theirs)
    try:
        text = b""
        while b"ready" not in text:
            text += os.read(ours, 10000)
    finally:
        process.terminate()
        assert process.wait() == 0
        os.close(ours)
    assert b"listening address=127.0.0.1:" in text and b"{" not in text


def test_the_format_can_be_chosen(folder):
    for chosen, sign in (("text", " listening address="), ("json", '"msg":"listening"')):
        process = subprocess.Popen([BINARY], stderr=subprocess.PIPE, text=True, env={
            **plain_environment(folder), "COATCHECK_LISTEN": "127.0.0.1:0", "COATCHECK_STORE": "memory://",
            "COATCHECK_LOG_FORMAT": chosen})
        line = process.stderr.readline()
        process.terminate()
        process.communicate()
        assert sign in line and process.returncode == 0


@pytest.mark.parametrize("status, ask", [
    (400, lambda c: c.session("GET", "short", traceparent=TRACEPARENT)),
    (404, lambda c: c.session("GET", new_id(), traceparent=TRACEPARENT)),
    (405, lambda c: c.call("PUT", "/healthz", headers={"traceparent": TRACEPARENT})),
    (412, lambda c: c.session("PUT", new_id(), body={}, If_Match="*", traceparent=TRACEPARENT)),
    (415, lambda c: c.session("PUT", new_id(), body=b"{}", Content_Type="text/plain", traceparent=TRACEPARENT)),
    (421, lambda c: c.call("GET", "/v1/stores", headers={"Host": "x.example", "traceparent": TRACEPARENT})),
    (404, lambda c: c.session("POST", new_id(), "/rotate", body={}, traceparent=TRACEPARENT)),
])
def test_a_problem_and_its_log_line_share_a_request_id_and_the_trace(start, status, ask):
    daemon = start(log={"level": "debug"})
    with daemon.client() as client:
        answer = ask(client)
    id = json.loads(answer.body)["request_id"]
    line = until(lambda: [entry for entry in daemon.log if entry.get("request_id") == id])[0]
    assert answer.status == status == line["status"]
    assert line["trace_id"] == TRACE
    assert line["method"] in ("GET", "PUT", "POST") and line["route"]


def test_a_refused_connection_has_its_line_too(start):
    daemon = start()
    with raw(daemon, "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        id = connection.answer().problem(400, "malformed")["request_id"]
    daemon.logged("request refused", request_id=id, status=400)


def test_a_connection_over_the_limit_has_its_line_too(start):
    daemon = start(limits={"connections": 1})
    with daemon.client() as client:
        client.get("/healthz")
        with raw(daemon, "") as connection:
            id = connection.answer().problem(503, "unavailable")["request_id"]
    daemon.logged("connection refused", request_id=id, status=503)


@pytest.mark.parametrize("traceparent", ["", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "x", TRACEPARENT.upper(),
                                         "00-" + "z" * 52])
def test_a_trace_that_is_none_is_not_logged(start, traceparent):
    daemon = start()
    with daemon.client() as client:
        client.session("GET", "short", traceparent=traceparent)
    assert daemon.logged("request refused")["trace_id"] == ""


def test_a_line_names_the_session_by_its_handle(start):
    daemon = start(log={"level": "debug"})
    with daemon.client() as client:
        id = client.create().id
        handle = client.session("GET", id, "/meta").json["handle"]
    daemon.logged("request", handle=handle, route="/v1/session/meta", store="default", method="GET", status=200)
    assert id not in daemon.log_text


def test_at_its_default_level_everyday_answers_write_no_line(start):
    daemon = start()
    daemon.logged("store weaker than sessions deserve")
    with daemon.client() as client:
        before = len(daemon.lines)
        id = client.create().id
        client.session("GET", id)
        client.session("GET", new_id())
        client.session("PUT", id, body={}, If_None_Match="*")
        client.session("DELETE", id)
        client.session("GET", id)
        client.session("GET", "short")
    daemon.logged("request refused")
    assert len(daemon.lines) == before + 1


def test_a_flood_of_one_kind_of_line_is_cut_and_counted(start):
    daemon = start()
    with daemon.client() as client:
        for _ in range(300):
            client.session("GET", "short")
    daemon.stop()
    lines = [entry for entry in daemon.log if entry["msg"] == "request refused"]
    suppressed = sum(entry.get("suppressed", 0) for entry in lines)
    assert suppressed > 0
    assert len([entry for entry in lines if "suppressed" not in entry]) + suppressed == 300
