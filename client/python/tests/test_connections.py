"""How the adapter reaches the daemon."""

import os

import pytest
from conftest import RunningDaemon, free_port

from coatcheck.codec import encode
from coatcheck.daemon import CoatcheckError, Daemon

BODY = encode({"user": "ann"})


@pytest.fixture
def started():
    daemons = []

    def start(listen, **settings):
        daemons.append(RunningDaemon(listen, **settings))
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.stop()


def store_and_load(daemon: Daemon, id: str = "a" * 32) -> bytes:
    daemon.create(id, BODY, 60)
    return daemon.load(id).body


@pytest.mark.parametrize("slashes", ["", "//"])
def test_a_unix_socket_is_spoken_to_like_a_port(started, tmp_path, slashes):
    started(f"unix:{tmp_path}/coatcheck.sock")
    assert store_and_load(Daemon(f"unix:{slashes}{tmp_path}/coatcheck.sock")) == BODY


def test_one_connection_serves_many_requests(wire):
    daemon = Daemon(wire.url)
    for number in range(5):
        store_and_load(daemon, f"one-connection-{number}")
    assert len(wire.clients) == 1


def test_a_connection_from_before_a_restart_is_not_used_again(started):
    listen = f"127.0.0.1:{free_port()}"
    running = started(listen)
    daemon = Daemon(running.url)
    daemon.create("c" * 32, BODY, 60)
    running.stop()
    started(listen)
    daemon.create("c" * 32, BODY, 60)  # a write, which is not tried twice


def test_a_forked_child_opens_its_own_connection(daemon):
    client = Daemon(daemon.url)
    client.create("d" * 32, BODY, 60)
    client.create("e" * 32, encode({"user": "bob"}), 60)
    child = os.fork()
    if child == 0:
        os._exit(0 if all(client.load("d" * 32).body == BODY for _ in range(300)) else 1)
    bob = [client.load("e" * 32).body for _ in range(300)]
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert set(bob) == {encode({"user": "bob"})}


def test_a_token_opens_and_a_wrong_one_does_not(started):
    running = started(f"127.0.0.1:{free_port()}", COATCHECK_TOKEN=(token := "t0ken-" + "x" * 40))
    assert store_and_load(Daemon(running.url, token=token)) == BODY
    with pytest.raises(CoatcheckError, match="401"):
        Daemon(running.url, token="another").load("a" * 32)


def test_a_token_file_may_be_replaced_while_the_app_runs(started, tmp_path):
    running = started(f"127.0.0.1:{free_port()}", COATCHECK_TOKEN=(token := "t0ken-" + "x" * 40))
    file = tmp_path / "token"
    file.write_text("outdated")
    daemon = Daemon(running.url, token_file=str(file))
    with pytest.raises(CoatcheckError, match="401"):
        daemon.load("a" * 32)
    file.write_text(token + "\n")
    assert store_and_load(daemon) == BODY


def test_no_proxy_of_the_environment_gets_to_see_a_session(daemon, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert store_and_load(Daemon(daemon.url), "f" * 32) == BODY
