"""When file descriptors run out, and with many connections."""

import os
import pathlib
import resource
import shutil
import socket
import time

import pytest

from patience import FACTOR, until
from raw import Raw, raw

HEALTH = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def cpu_seconds(daemon):
    fields = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(daemon):
    return int(pathlib.Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_when_descriptors_run_out_it_pauses_without_spinning_and_recovers(start, need):
    if not shutil.which("prlimit"):
        need("prlimit")
    daemon = start(wrapper=["prlimit", "--nofile=64"])
    waiting = [Raw(daemon) for _ in range(100)]
    try:
        daemon.logged("cannot accept")
        before, begin = cpu_seconds(daemon), time.monotonic()
        time.sleep(1)
        share = (cpu_seconds(daemon) - before) / (time.monotonic() - begin)
        assert share < 0.1, "it spins"
        assert waiting[0].send(HEALTH).answer().status == 200  # who was there is served
        for connection in waiting[:60]:
            connection.socket.close()
        for connection in waiting[60:]:
            assert connection.send(HEALTH).answer().status == 200  # who waited, too
    finally:
        for connection in waiting:
            connection.socket.close()
    with daemon.client() as client:
        assert client.create({"n": 1}).status == 201


def test_two_thousand_idle_connections_cost_little_and_slow_nobody(start, need):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 5000:
        need("5,000 file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 5000), hard))
    daemon = start()
    with daemon.client() as client:
        client.create()
        before = resident_bytes(daemon)
        idle = [Raw(daemon) for _ in range(2000)]
        try:
            until(lambda: b"coatcheck_connections 2001\n" in client.get("/metrics").body, 20)
            assert resident_bytes(daemon) - before < 32e6 * FACTOR
            begin = time.monotonic()
            for _ in range(100):
                assert client.create({"n": 1}).status == 201
            assert time.monotonic() - begin < 2 * FACTOR
            for connection in idle[::20]:
                assert connection.send(HEALTH).answer().status == 200
        finally:
            for connection in idle:
                connection.socket.close()
        until(lambda: b"coatcheck_connections 1\n" in client.get("/metrics").body, 20)


def test_connections_that_come_and_go_leave_nothing(start):
    daemon = start()
    descriptors = f"/proc/{daemon.process.pid}/fd"

    def churn():
        for n in range(300):
            with raw(daemon, HEALTH[:None if n % 2 else 10]) as connection:
                if n % 2:
                    connection.answer()

    with daemon.client() as client:
        client.get("/healthz")
        churn()
        until(lambda: b"coatcheck_connections 1\n" in client.get("/metrics").body)
        before = len(os.listdir(descriptors))
        churn()
        until(lambda: b"coatcheck_connections 1\n" in client.get("/metrics").body)
        assert len(os.listdir(descriptors)) == before


@pytest.mark.parametrize("resets", [True, False])
def test_clients_that_vanish_while_they_are_answered_harm_nobody(start, resets):
    daemon = start()
    with daemon.client() as client:
        id = client.create({"a": "x" * 500_000}).id
        for _ in range(30):
            one = raw(daemon, f"GET /v1/session HTTP/1.1\r\nHost: localhost\r\nSession-Id: {id}\r\n\r\n" * 4)
            if resets:
                one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.socket.close()
        assert client.session("GET", id).status == 200
        until(lambda: b"coatcheck_connections 1\n" in client.get("/metrics").body)
