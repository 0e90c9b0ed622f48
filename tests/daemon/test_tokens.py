"""Who may call what with which token."""

import os
import re
import signal

import pytest

import running
from calls import Client, new_id
from patience import until
from tokens import Tokens

ID = {"Session-Id": new_id()}
STORES = {"carts": {"url": "memory://"}}


@pytest.fixture
def tokens(folder):
    return Tokens(folder / "tokens")


@pytest.fixture
def daemon(start, tokens):
    """Reachable from beyond loopback as far as it knows, so that it needs a token."""
    tokens.write(tokens.line("shop", "app"), tokens.line("carts", "app", "carts"), tokens.line("probe", "metrics"),
                 tokens.line("ops", "admin"), tokens.line("both", "app,metrics", "default,carts"))
    return start(listen="0.0.0.0:0", tokens_file=str(tokens.path), stores=STORES)


@pytest.fixture
def status(daemon, tokens):
    """status(method, path, token's name): what a call of it answers."""
    def ask(method, path, name=None, headers=None):
        with local(daemon, tokens.of[name] if name else None) as client:
            answer = client.call(method, path, {} if method == "PUT" else None, headers)
            if answer.status >= 400:
                answer.problem(answer.status,
                               {400: "malformed", 401: "unauthorized", 403: "forbidden", 404: "not-found",
                                               501: "unsupported"}[answer.status])
            return answer.status
    return ask


def local(daemon, token=None):
    return Client(f"127.0.0.1:{daemon.port}", token)


def test_without_a_token_everything_but_health_is_401(daemon, status):
    for path in ("/v1/stores", "/v1/session", "/metrics", "/v1/events", "/nothing"):
        assert status("GET", path, headers=ID) == 401
    with local(daemon) as client:
        assert client.get("/v1/stores").headers["WWW-Authenticate"] == "Bearer"
        assert client.get("/healthz").status == 200
        assert client.get("/readyz").json == {"ready": True, "draining": False}


@pytest.mark.parametrize("authorization",
                         ["Bearer wrong", "Bearer", "Bearer ", "Basic c2hvcDpzaG9w", "", "{}", "Bearer {} x",
                                           "Bearer x{}", "Token {}"])
def test_an_unknown_or_odd_token_is_401(daemon, tokens, authorization):
    with local(daemon) as client:
        headers = {"Authorization": authorization.format(tokens.of["shop"])}
        client.call("GET", "/v1/stores", headers=headers).problem(401, "unauthorized")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_has_no_case(daemon, tokens, scheme):
    with local(daemon) as client:
        assert client.call("GET", "/v1/stores",
                           headers={"Authorization": f"{scheme} {tokens.of['shop']}"}).status == 200


def test_the_scope_app_is_for_sessions(status):
    assert status("PUT", "/v1/session", "shop", ID) == 201
    assert status("GET", "/v1/stores/carts/session", "shop", ID) == 404
    assert status("GET", "/metrics", "shop") == 403
    assert status("GET", "/v1/events", "shop") == 403
    assert status("POST", "/v1/stores/default/end-all", "shop") == 403


def test_the_scope_metrics_is_for_metrics(status):
    assert status("GET", "/metrics", "probe") == 200
    for method in ("GET", "PUT", "DELETE"):
        assert status(method, "/v1/session", "probe", ID) == 403
    assert status("GET", "/v1/events", "probe") == 403


def test_the_scope_admin_is_for_operators(status):
    assert status("GET", f"/v1/handles/{'x' * 43}", "ops") == 404
    assert status("POST", "/v1/stores/default/end-all", "ops") == 202
    assert status("GET", "/v1/session", "ops", ID) == 403
    assert status("GET", "/metrics", "ops") == 403


def test_a_token_is_for_the_stores_that_it_names(status):
    assert status("PUT", "/v1/stores/carts/session", "carts", ID) == 201
    assert status("PUT", "/v1/session", "carts", ID) == 403
    assert status("GET", "/v1/stores/unknown/session", "carts", ID) == 404
    assert status("PUT", "/v1/session", "both", ID) == 201
    assert status("GET", "/metrics", "both") == 200


@pytest.mark.parametrize("name, seen", [("shop", {"default", "carts"}), ("carts", {"carts"}),
                                        ("ops", {"default", "carts"}),
                                        ("probe", set())])
def test_a_caller_sees_the_stores_that_it_may_use(daemon, tokens, name, seen):
    with local(daemon, tokens.of[name]) as client:
        assert set(client.get("/v1/stores").json["stores"]) == seen


def test_readyz_shows_the_stores_to_who_has_a_token(daemon, tokens):
    with local(daemon, tokens.of["shop"]) as client:
        assert client.get("/readyz").json["stores"] == {"default": "up", "carts": "up"}
    with local(daemon, "wrong") as client:
        assert "stores" not in client.get("/readyz").json


def test_loopback_needs_no_token_but_one_that_is_sent_is_checked(start, tokens):
    tokens.write(tokens.line("carts", "app", "carts"))
    daemon = start(tokens_file=str(tokens.path), stores=STORES)
    with daemon.client() as nobody:
        assert nobody.get("/v1/stores").status == 200
        assert nobody.get("/metrics").status == 200
        nobody.get("/v1/events").problem(403, "forbidden")
    with daemon.client("wrong" * 10) as client:
        client.get("/v1/stores").problem(401, "unauthorized")
    with daemon.client(tokens.of["carts"]) as client:
        client.session("GET", ID["Session-Id"]).problem(403, "forbidden")


def test_a_loopback_caller_is_never_admin(start):
    with start().client() as nobody:
        for method, path in (("GET", "/v1/events"), ("GET", f"/v1/handles/{'x' * 43}"),
                             ("POST", "/v1/stores/default/end-all")):
            nobody.call(method, path).problem(403, "forbidden")


def test_beyond_loopback_it_refuses_to_start_without_tokens(folder):
    for listen in ("0.0.0.0:0", "[::]:0", "127.0.0.1:0,0.0.0.0:0"):
        done = running.run(folder=folder, COATCHECK_LISTEN=listen, COATCHECK_STORE="memory://")
        assert done.returncode == 1
        assert "0.0.0.0:0" in done.stderr or "[::]:0" in done.stderr
        assert "--new-token" in done.stderr and "--insecure" in done.stderr


def test_insecure_listens_beyond_loopback_without_tokens(start):
    daemon = start(listen="0.0.0.0:0", arguments=["--insecure"])
    with local(daemon) as client:
        assert client.create({}).status == 201


def test_one_token_may_come_in_the_environment(start):
    token = "0123456789abcdef" * 2
    daemon = start(listen="0.0.0.0:0", environment={"COATCHECK_TOKEN": token})
    with local(daemon, token) as client:
        assert client.create({}).status == 201
        client.get("/metrics").problem(403, "forbidden")
    with local(daemon) as client:
        client.get("/v1/stores").problem(401, "unauthorized")


def test_one_token_may_come_in_a_file(start, folder):
    token = "0123456789abcdef" * 2
    (folder / "secret").write_text(token + "\n")
    daemon = start(listen="0.0.0.0:0", environment={"COATCHECK_TOKEN_FILE": str(folder / "secret")})
    with local(daemon, token) as client:
        assert client.create({}).status == 201


def test_a_new_token_works_with_the_line_that_is_printed(start, tokens, folder):
    done = running.run("--new-token", "shop", "--scope", "app,metrics", "--stores", "default", folder=folder)
    assert done.returncode == 0
    token = re.search(r"^ +(cc_[A-Za-z0-9_-]{43})$", done.stdout, re.MULTILINE)[1]
    line = re.search(r"^ +(shop app,metrics default sha256:[0-9a-f]{64})$", done.stdout, re.MULTILINE)[1]
    daemon = start(listen="0.0.0.0:0", tokens_file=str(tokens.write(line + "\n").path), stores=STORES)
    with local(daemon, token) as client:
        assert client.create({}).status == 201
        assert client.get("/metrics").status == 200
        client.call("POST", "/v1/stores/carts/sessions").problem(403, "forbidden")


def knows(daemon, token):
    with local(daemon, token) as client:
        return client.get("/v1/stores").status == 200


def test_tokens_are_read_again_on_sighup(daemon, tokens):
    tokens.write(tokens.line("fresh", "app"))
    daemon.signal(signal.SIGHUP)
    until(lambda: knows(daemon, tokens.of["fresh"]))
    assert not knows(daemon, tokens.of["shop"])


def test_tokens_are_read_again_when_the_file_changes(daemon, tokens):
    with local(daemon, tokens.of["shop"]) as kept:
        assert kept.get("/v1/stores").status == 200
        tokens.write(tokens.line("fresh", "app"))
        until(lambda: knows(daemon, tokens.of["fresh"]))
        kept.get("/v1/stores").problem(401, "unauthorized")  # on the connection that was there before, too


def test_tokens_are_read_again_when_a_link_is_swapped_as_kubernetes_does(start, folder):
    def version(name, *lines):
        (folder / name).mkdir()
        made = Tokens(folder / name / "tokens").write(*lines)
        (folder / "..fresh").symlink_to(name)
        os.replace(folder / "..fresh", folder / "..data")
        return made

    names = Tokens(None)
    version("..one", names.line("first", "app"))
    (folder / "tokens").symlink_to("..data/tokens")
    daemon = start(listen="0.0.0.0:0", tokens_file=str(folder / "tokens"))
    assert knows(daemon, names.of["first"])
    version("..two", names.line("second", "app"))
    until(lambda: knows(daemon, names.of["second"]))
    assert not knows(daemon, names.of["first"])


@pytest.mark.parametrize("broken", ["", "shop app *\n", "shop root * sha256:" + "0" * 64 + "\n",
                                    "shop app * sha256:12\n"])
def test_a_broken_tokens_file_stops_the_start_and_later_changes_nothing(daemon, tokens, folder, broken):
    tokens.write(broken)
    daemon.signal(signal.SIGHUP)
    daemon.logged("the old tokens and certificates stay in use")
    assert knows(daemon, tokens.of["shop"])
    done = running.run(folder=folder, COATCHECK_LISTEN="127.0.0.1:0", COATCHECK_STORE="memory://",
                       COATCHECK_TOKENS_FILE=str(tokens.path))
    assert done.returncode == 1 and str(tokens.path) in done.stderr


def test_a_tokens_file_that_goes_away_changes_nothing(daemon, tokens):
    tokens.path.unlink()
    daemon.logged("the old tokens and certificates stay in use")
    assert knows(daemon, tokens.of["shop"])
