"""Where the daemon listens and whom it answers there."""

import grp
import os
import socket
import stat

import pytest

from calls import Client
from running import run


@pytest.fixture(scope="module")
def daemon(start_shared):
    return start_shared(hosts=["sessions.internal", "box"])


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
                                  "xlocalhost",
                                  "sessions.internal.evil", "[::2]", "0.0.0.0", "127.0.0.2"])
def test_a_host_that_is_not_served_is_421(api, host):
    for path in ("/v1/stores", "/metrics", "/nothing"):
        api.call("GET", path, headers={"Host": host}).problem(421, "misdirected")
    assert api.call("GET", "/healthz", headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["sessions.internal", "Sessions.Internal:80", "box", "box:8642", "localhost",
                                  "[::1]:1"])
def test_the_hosts_of_the_configuration_are_served(api, host):
    assert api.call("GET", "/v1/stores", headers={"Host": host}).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1",
                                    "localhost", "",
                                    "file://", "http://localhost.evil.example"])
def test_a_page_of_another_origin_is_403(api, daemon, origin):
    host = f"localhost:{daemon.port}"
    for method, path in (("GET", "/v1/stores"), ("POST", "/v1/sessions"), ("OPTIONS", "/v1/sessions")):
        answer = api.call(method, path, headers={"Host": host, "Origin": origin})
        answer.problem(403, "forbidden")
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_page_of_the_own_origin_is_served(api, daemon):
    host = f"localhost:{daemon.port}"
    for scheme in ("http", "https"):
        assert api.call("GET", "/v1/stores", headers={"Host": host, "Origin": f"{scheme}://{host}"}).status == 200


def test_a_caller_with_a_token_may_use_any_host_and_origin(start):
    token = "0123456789abcdef" * 2
    with start(environment={"COATCHECK_TOKEN": token}).client(token) as client:
        assert client.call("GET", "/v1/stores",
                           headers={"Host": "any.example", "Origin": "https://x.example"}).status == 200


def test_a_unix_socket_serves_without_token_whatever_the_host(start, folder):
    daemon = start(listen=f"unix:{folder}/socket")
    with daemon.client() as client:
        answer = client.call("POST", "/v1/sessions", {"n": 1}, {"Host": "app.example", "Origin": "https://app.example"})
        assert answer.status == 201
        client.get("/v1/events").problem(403, "forbidden")


def test_a_unix_socket_has_its_mode_and_group(start, folder):
    mine = grp.getgrgid(os.getgid()).gr_name
    for name, query, mode in (("default", "", 0o660), ("open", "?mode=0666", 0o666),
                              ("group", f"?mode=0640&group={mine}", 0o640)):
        start(listen=f"unix:{folder}/{name}{query}")
        found = os.stat(folder / name)
        assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == mode
        assert found.st_gid == os.getgid()


def test_a_group_that_does_not_exist_stops_the_start(folder):
    done = run(folder=folder, COATCHECK_LISTEN=f"unix:{folder}/socket?group=nosuchgroup", COATCHECK_STORE="memory://")
    assert done.returncode == 1 and "group" in done.stderr
    assert not (folder / "socket").exists()


def test_a_unix_socket_goes_with_its_daemon(start, folder):
    daemon = start(listen=f"unix:{folder}/socket")
    assert (folder / "socket").exists()
    daemon.stop()
    assert not (folder / "socket").exists()


def test_a_socket_that_a_killed_daemon_left_is_taken_over(start, folder):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "socket"))
    with start(listen=f"unix:{folder}/socket").client() as client:
        assert client.get("/healthz").status == 200


def test_a_second_daemon_on_a_unix_socket_says_so_and_harms_nothing(start, folder):
    first = start(listen=f"unix:{folder}/socket")
    done = run(folder=folder, COATCHECK_LISTEN=f"unix:{folder}/socket", COATCHECK_STORE="memory://")
    assert done.returncode == 1
    assert f"{folder}/socket" in done.stderr and "in use" in done.stderr
    with first.client() as client:
        assert client.get("/healthz").status == 200


def test_a_file_where_the_socket_should_be_is_left_alone(folder):
    (folder / "precious").write_text("data")
    done = run(folder=folder, COATCHECK_LISTEN=f"unix:{folder}/precious", COATCHECK_STORE="memory://")
    assert done.returncode == 1 and "not a socket" in done.stderr
    assert (folder / "precious").read_text() == "data"


def test_a_second_daemon_on_a_port_says_so_and_takes_no_traffic(start, folder):
    first = start()
    done = run(folder=folder, COATCHECK_LISTEN=first.address, COATCHECK_STORE="memory://")
    assert done.returncode == 1
    assert first.address in done.stderr and "in use" in done.stderr
    with first.client() as client:
        id = client.create({"n": 1}).id
    for _ in range(20):
        with first.client() as client:
            assert client.session("GET", id).status == 200


def test_a_port_is_free_again_as_soon_as_its_daemon_has_stopped(start):
    first = start()
    with first.client() as client:
        client.create()
    first.stop()
    start(listen=first.address)


def test_several_addresses_serve_the_same_sessions(start, folder):
    daemon = start(listen=["127.0.0.1:0", "127.0.0.1:0", f"unix:{folder}/socket"])
    assert len(set(daemon.addresses)) == 3
    with Client(daemon.addresses[0]) as client:
        id = client.create({"n": 1}).id
    for address in daemon.addresses:
        with Client(address) as client:
            assert client.session("GET", id).json == {"n": 1}


def test_ipv6_loopback_is_served(start, need):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        need("IPv6 on loopback")
    with start(listen="[::1]:0").client() as client:
        assert client.create().status == 201


def test_ops_listen_serves_only_what_probes_and_scrapers_ask(start):
    token = "0123456789abcdef" * 2
    daemon = start(environment={"COATCHECK_TOKEN": token, "COATCHECK_OPS_LISTEN": "0.0.0.0:0"})
    with Client(f"127.0.0.1:{daemon.addresses[1].rpartition(':')[2]}") as probe:
        headers = {"Host": "any.example"}
        assert probe.call("GET", "/healthz", headers=headers).json == {"alive": True}
        assert probe.call("GET", "/readyz?strict", headers=headers).json["stores"] == {"default": "up"}
        assert b"coatcheck_connections" in probe.call("GET", "/metrics", headers=headers).body
        for method, path in (("GET", "/v1/stores"), ("POST", "/v1/sessions"), ("GET", "/v1/session"),
                             ("GET", "/v1/events")):
            probe.call(method, path, headers={"Authorization": f"Bearer {token}"}).problem(404, "not-found")
