"""TLS on TCP listeners, with certificates of a CA made for the test."""

import os
import shutil
import signal
import socket
import ssl

import pytest

from authority import Authority
from calls import Client, new_id
from patience import until
from running import run


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(ca):
    return ca.issue("server", 1)


@pytest.fixture(scope="module")
def clients_ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("clients"), "clients")


def tls(identity, **more):
    return {"certificate_file": str(identity[0]), "key_file": str(identity[1]), **more}


def serial_of(daemon, context):
    with socket.create_connection(("127.0.0.1", daemon.port)) as plain, context.wrap_socket(
            plain, server_hostname="localhost") as secure:
        return int(secure.getpeercert()["serialNumber"], 16)


def handshake(daemon, context):
    """Fails as a client sees it; TLS 1.3 tells of a refused client's certificate with the first read."""
    with socket.create_connection(("127.0.0.1", daemon.port), 10) as plain, context.wrap_socket(
            plain, server_hostname="localhost") as secure:
        secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return secure.version(), secure.recv(1000)


def test_sessions_are_kept_over_tls(start, ca, server):
    daemon = start(tls=tls(server))
    with daemon.client(tls=ca.context()) as client:
        id, data = new_id(), {"a": "x" * 100_000}
        assert client.session("PUT", id, body=data).status == 201
        for _ in range(3):
            assert client.session("GET", id).json == data
        assert client.session("DELETE", id).status == 204


def test_what_is_no_tls_gets_no_answer(start, ca, server):
    daemon = start(tls=tls(server))
    with socket.create_connection(("127.0.0.1", daemon.port), 10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            assert b"HTTP" not in plain.recv(1000)
        except ConnectionResetError:
            pass
    with daemon.client(tls=ca.context()) as client:
        assert client.get("/healthz").status == 200


def old_context(version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_1_2_and_1_3_are_spoken_and_older_ones_refused(start, server):
    daemon = start(tls=tls(server))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert b"200 OK" in handshake(daemon, old_context(version))[1]
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises(ssl.SSLError):
            handshake(daemon, old_context(version))


def test_http_2_is_not_agreed_on(start, ca, server):
    daemon = start(tls=tls(server))
    context = ca.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", daemon.port)) as plain, context.wrap_socket(
            plain, server_hostname="localhost") as secure:
        assert secure.selected_alpn_protocol() == "http/1.1"


def test_with_a_client_ca_only_its_clients_are_served(start, ca, server, clients_ca):
    daemon = start(tls=tls(server, client_ca_file=str(clients_ca.certificate)))
    with daemon.client(tls=ca.context(clients_ca.issue("shop", 7))) as client:
        assert client.create({"n": 1}).status == 201
    for identity in (None, ca.issue("stranger", 8)):
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            handshake(daemon, ca.context(identity))


def replace(files, fresh):
    for old, new in zip(files, fresh):
        shutil.copy(new, str(old) + ".new")
        os.replace(str(old) + ".new", old)


@pytest.mark.parametrize("how", ["by itself", "on SIGHUP"])
def test_certificates_are_read_again(start, ca, folder, how):
    files = folder / "tls.crt", folder / "tls.key"
    replace(files, ca.issue("server", 11))
    daemon = start(tls=tls(files))
    with daemon.client(tls=ca.context()) as kept:
        assert kept.get("/healthz").status == 200
        assert serial_of(daemon, ca.context()) == 11
        replace(files, ca.issue("server", 12))
        if how == "on SIGHUP":
            daemon.signal(signal.SIGHUP)
        until(lambda: serial_of(daemon, ca.context()) == 12)
        assert kept.get("/healthz").status == 200


def test_a_broken_certificate_changes_nothing_while_running(start, ca, folder):
    files = folder / "tls.crt", folder / "tls.key"
    replace(files, ca.issue("server", 21))
    daemon = start(tls=tls(files))
    files[0].write_text("broken")
    daemon.signal(signal.SIGHUP)
    daemon.logged("the old tokens and certificates stay in use")
    assert serial_of(daemon, ca.context()) == 21


def test_certificates_that_do_not_fit_stop_the_start(folder, ca, server):
    other = ca.issue("other", 31)
    for certificate, key, named in ((server[0], other[1], "key_file"),
                                    (folder / "nothing", server[1], "certificate_file"),
                                    (server[1], server[1], "certificate_file"), (server[0], server[0], "key_file")):
        config = folder / "coatcheck.yaml"
        config.write_text(f"tls: {{certificate_file: {certificate}, key_file: {key}}}\nlisten: 127.0.0.1:0\n"
                          "stores: {default: {url: 'memory://'}}\n")
        for check in ([], ["--check"]):
            done = run("--config", config, *check, folder=folder)
            assert done.returncode == 1 and named in done.stderr, done.stderr


def test_a_private_key_that_everybody_can_read_is_warned_about(start, ca, folder):
    certificate, key = ca.issue("open", 41)
    key.chmod(0o644)
    daemon = start(tls=tls((certificate, key)))
    assert daemon.logged("the private key is readable by everybody")["level"] == "warn"


def test_ops_listen_and_unix_sockets_stay_plain(start, server, folder):
    daemon = start(listen=["127.0.0.1:0", f"unix:{folder}/socket"], tls=tls(server), ops_listen="127.0.0.1:0")
    for address in daemon.addresses[1:]:
        with Client(address) as client:
            assert client.get("/healthz").status == 200


def test_health_asks_over_tls(start, server, folder):
    daemon = start(tls=tls(server))
    done = run("--health", f"https://{daemon.address}", folder=folder)
    assert done.returncode == 0, done
