"""Encryption at rest: what the store's own files show, and what becomes of records under other keys."""

import contextlib
import socket
import sqlite3

import pytest

import store_servers
from calls import new_id
from patience import FACTOR
from running import run

DATA = {"PLANTEDkey": "PLANTEDvalue"}


@pytest.fixture
def key(folder):
    """key(name): the file of a new key."""
    def make(name):
        path = folder / name
        path.write_text(run("--new-key", folder=folder).stdout)
        path.chmod(0o600)
        return str(path)
    return make


@pytest.fixture
def file(folder):
    return folder / "sessions.db"


@pytest.fixture
def encrypted(start, file):
    """encrypted(key files…, realm=…): a daemon over the file; without key files, without encryption."""
    def begin(*keys, **more):
        return start(f"sqlite://{file}", **({"encryption": {"keys": list(keys), **more}} if keys else {}))
    return begin


@contextlib.contextmanager
def serving(daemon):
    """A client of the daemon, which is stopped afterwards, so that another can take its place."""
    with daemon.client() as client:
        yield client
    daemon.stop()


def change(file, sql, *values):
    with sqlite3.connect(file) as db:
        changed = db.execute(sql, values).rowcount
    db.close()
    return changed


def opened(client):
    """coatcheck_store_records_opened_total by key, without those at zero."""
    counts = {}
    for line in client.get("/metrics").body.decode().splitlines():
        if line.startswith("coatcheck_store_records_opened_total{"):
            labels, _, value = line.partition("} ")
            assert 'store="default"' in labels
            counts[labels.split('key="')[1].rstrip('"')] = int(float(value))
    return {name: n for name, n in counts.items() if n}


def data_of(client, id):
    answer = client.session("GET", id)
    assert answer.status == 200, answer
    return answer.json


def handle_of(client, id):
    return client.session("GET", id, "/meta").json["handle"]


def test_a_new_key_is_one_line_and_never_the_same(folder):
    first, second = (run("--new-key", folder=folder) for _ in range(2))
    for done in (first, second):
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.endswith("\n") and len(done.stdout) == 44
    assert first.stdout != second.stdout


def test_data_is_not_in_the_sqlite_files_and_comes_back(encrypted, folder, file, key):
    daemon = encrypted(key("k"))
    id = new_id()
    with daemon.client() as client:
        for method, wanted in (("PUT", 201), ("PUT", 204), ("PATCH", 200)):
            headers = {"Content_Type": "application/merge-patch+json"} if method == "PATCH" else {}
            assert client.session(method, id, body=DATA, **headers).status == wanted
        assert data_of(client, id) == DATA
        assert client.session("GET", id, "/meta").json["size"] == len(b"\x81\xaaPLANTEDkey\xacPLANTEDvalue")
        stored = [path for path in folder.iterdir() if path.name.startswith("sessions.db")]
        assert {path.name for path in stored} >= {"sessions.db", "sessions.db-wal"}
        for path in stored:
            assert b"PLANTED" not in path.read_bytes(), path
    daemon.stop()
    assert b"PLANTED" not in file.read_bytes()
    with serving(encrypted(str(folder / "k"))) as client:
        assert data_of(client, id) == DATA


def redis(server, *words):
    with socket.create_connection(("127.0.0.1", server.port), 10 * FACTOR) as connection:
        connection.sendall(" ".join(words).encode() + b"\r\n")
        return connection.recv(65536)


def test_data_is_not_in_a_dump_of_redis(start, folder, key):
    if " redis" not in run("--version", folder=folder).stdout:
        store_servers.missing("a build with the redis backend")
    with store_servers.server("redis", "--rdbcompression", "no") as server:
        dumps = []
        for settings in ({}, {"encryption": {"keys": [key("k")]}}):
            daemon = start(server.url(), **settings)
            with serving(daemon) as client:
                id = new_id()
                assert client.session("PUT", id, body=DATA).status == 201
                assert data_of(client, id) == DATA
                assert redis(server, "SAVE") == b"+OK\r\n"
            with open(f"{server.folder}/dump.rdb", "rb") as dump:
                dumps.append(dump.read())
            redis(server, "FLUSHALL")
        plain, sealed = dumps
        assert b"PLANTEDvalue" in plain
        assert b"coatcheck:" in sealed and b"PLANTED" not in sealed


def test_a_key_is_rotated_without_logging_anybody_out(encrypted, key):
    old, new = key("old"), key("new")
    ids = [new_id() for _ in range(3)]
    with serving(encrypted(old)) as client:
        for id in ids:
            client.session("PUT", id, body=DATA)
        assert data_of(client, ids[0]) == DATA
        [old_name] = opened(client)

    # Distributed: it opens, and does not encrypt yet.
    with serving(encrypted(old, new)) as client:
        client.session("PUT", ids[0], body=DATA)
        for id in ids:
            assert data_of(client, id) == DATA
        assert set(opened(client)) == {old_name}

    # Promoted: what is written is encrypted anew.
    with serving(encrypted(new, old)) as client:
        for id in ids:
            assert client.session("PUT", id, body={"n": 1}, If_Match="*").status == 204
        before = opened(client)
        for id in ids:
            assert data_of(client, id) == {"n": 1}
        after = opened(client)
        [new_name] = set(after) - {old_name}
        assert after[old_name] == before[old_name] == 3, "the old key's counter stands still"
        assert after[new_name] == 3

    # Retired.
    with serving(encrypted(new)) as client:
        for id in ids:
            assert data_of(client, id) == {"n": 1}
        assert opened(client) == {new_name: 3}


@pytest.mark.parametrize("has_other_key", [True, False])
def test_a_record_under_an_unknown_key_is_503_and_stays_until_it_is_ended(encrypted, key, has_other_key):
    mine, other = key("mine"), key("other")
    id, kept = new_id(), new_id()
    with serving(encrypted(mine)) as client:
        for one in (id, kept):
            client.session("PUT", one, body=DATA)
        version = client.session("GET", id).etag
    stranger = encrypted(*[other] if has_other_key else [])
    with serving(stranger) as client:
        calls = [("GET", "", None, {}), ("HEAD", "", None, {}), ("GET", "/meta", None, {}), ("PUT", "", {"n": 1}, {}),
                 ("PUT", "", {"n": 1}, {"If_Match": "*"}), ("PUT", "", {"n": 1}, {"If_Match": version}),
                 ("PUT", "", {"n": 1}, {"If_None_Match": "*"}),
                 ("PATCH", "", {"n": 1}, {"Content_Type": "application/merge-patch+json"})]
        for method, action, body, headers in calls:
            answer = client.session(method, id, action, body, **headers)
            assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0, (method, headers, answer)
            assert answer.headers["Session-Unreadable"] is None
            if method != "HEAD":
                assert "key" in answer.problem(503, "unknown-key")["detail"]
        assert client.session("DELETE", id).status == 204
        client.session("GET", id).problem(410, "ended")
        assert 'error="unknown-key"' in client.get("/metrics").body.decode()
    with serving(encrypted(mine)) as client:
        client.session("GET", id).problem(410, "ended")
        assert data_of(client, kept) == DATA


def test_a_store_without_keys_has_no_counters_of_keys(encrypted):
    with serving(encrypted()) as client:
        client.create(DATA)
        assert opened(client) == {}


@pytest.mark.parametrize("set_to", ["payload = zeroblob(length(payload))", "payload = x'80'", "payload = x''",
                                    "subject = 'eve'", "created = created + 1", "absolute_end = absolute_end - 1",
                                    "version = version + 1", "kind = 3", "kind = 4",
                                    "payload = substr(payload, 1, length(payload) - 1)"])
def test_a_record_that_was_changed_at_rest_is_unreadable_and_kept(encrypted, file, key, set_to):
    daemon = encrypted(key("k"))
    id = new_id()
    with serving(daemon) as client:
        client.session("PUT", id, body=DATA, Session_Absolute_Timeout=86400, Session_Subject="ada")
        assert change(file, f"UPDATE sessions SET {set_to} WHERE subject = 'ada'") == 1
        for method, body in (("GET", None), ("PUT", {"n": 1}), ("GET", None)):
            answer = client.session(method, id, body=body)
            answer.problem(404, "unreadable")
            assert answer.headers["Session-Unreadable"] == "1"
        assert 'coatcheck_sessions_unreadable_total{store="default"} 3' in client.get("/metrics").body.decode()
        assert client.session("DELETE", id).status == 204
        client.session("GET", id).problem(410, "ended")


def test_two_records_that_were_swapped_at_rest_are_refused(encrypted, file, key):
    daemon = encrypted(key("k"))
    ada, eve = new_id(), new_id()
    with serving(daemon) as client:
        for id, name in ((ada, "ada"), (eve, "eve")):
            client.session("PUT", id, body={"user": name})
        handles = [handle_of(client, id) for id in (ada, eve)]
        for source, target in ((handles[0], "moving"), (handles[1], handles[0]), ("moving", handles[1])):
            assert change(file, "UPDATE sessions SET handle = ? WHERE handle = ?", target, source) == 1
        for id in (ada, eve):
            client.session("GET", id).problem(404, "unreadable")


def test_a_record_of_another_realm_is_unreadable(encrypted, key):
    k, id = key("k"), new_id()
    with serving(encrypted(k, realm="shop")) as client:
        client.session("PUT", id, body=DATA)
    with serving(encrypted(k, realm="bank")) as client:
        client.session("GET", id).problem(404, "unreadable")
    with serving(encrypted(k, realm="shop")) as client:
        assert data_of(client, id) == DATA


def test_an_existing_store_is_switched_on_without_logging_anybody_out(encrypted, file, key):
    k = key("k")
    used, idle = new_id(), new_id()
    with serving(encrypted()) as client:
        for id in (used, idle):
            client.session("PUT", id, body=DATA)
    assert b"PLANTED" in file.read_bytes()

    with serving(encrypted(k)) as client:
        assert "not encrypted" in client.session("GET", used).problem(503, "unknown-key")["detail"]
        client.session("PUT", used, body={}).problem(503, "unknown-key")

    with serving(encrypted(k, plain_records="accept")) as client:
        assert data_of(client, used) == data_of(client, idle) == DATA
        assert opened(client) == {"plain": 2}
        assert client.session("PUT", used, body=DATA).status == 204
        assert data_of(client, used) == DATA
        assert opened(client)["plain"] == 3, "the write looked too"

    with serving(encrypted(k)) as client:
        assert data_of(client, used) == DATA
        client.session("GET", idle).problem(503, "unknown-key")


def test_uses_of_an_encrypted_session_extend_it_and_ends_stick(encrypted, key):
    with serving(encrypted(key("k"))) as client:
        made = client.create(DATA, Session_Idle_Timeout=1000)
        assert client.session("POST", made.id, "/touch").status == 204
        assert client.session("GET", made.id, "/meta").json["idle_timeout"] == 1000
        assert client.session("PUT", made.id, body=DATA, If_None_Match="*").status == 412
        client.session("DELETE", made.id)
        client.session("PUT", made.id, body=DATA).problem(410, "ended")


def test_what_is_no_key_stops_the_start_and_is_not_quoted(folder, key):
    good = key("good")
    text = (folder / "good").read_text().strip()
    for content, word in (("", "0 characters"), (text[:-1], "42 characters"), (text + "=", "44 characters"),
                          (text + "\n" + text, "87 characters"), ("+" * 43, "base64url"), (text, "same key")):
        (folder / "bad").write_text(content + "\n")
        for check in (["--check"], []):
            done = run(*check, folder=folder, COATCHECK_ENCRYPTION_KEY_FILES=f"{good},{folder}/bad",
                       COATCHECK_STORE="memory://", COATCHECK_LISTEN="127.0.0.1:0")
            assert done.returncode == 1 and done.stdout == "", content
            assert f"encryption.keys: {folder}/bad" in done.stderr and word in done.stderr, done.stderr
            assert text[:-1] not in done.stderr


@pytest.mark.parametrize("settings, mistake", [
    ("realm: shop", "encryption.keys: is missing"),
    ("keys: /nowhere/key", "encryption.keys: /nowhere/key cannot be read"),
    ("keys: []", "encryption.keys: expects a value"),
    ("{keys: /dev/null, plain_records: maybe}", "'maybe' is not one of refuse, accept"),
    ("{keys: /dev/null, realm: " + "x" * 256 + "}", "at most 255 bytes"),
    ("{keys: /dev/null, relm: shop}", "did you mean"),
])
def test_a_mistake_in_the_configuration_is_named(folder, settings, mistake):
    path = folder / "coatcheck.yaml"
    path.write_text("encryption: " + (settings if settings.startswith("{") else "{" + settings + "}") + "\n")
    done = run("--check", "--config", path, folder=folder, COATCHECK_STORE="memory://")
    assert done.returncode == 1 and mistake in done.stderr, done.stderr


def test_check_shows_the_files_and_not_the_keys(folder, key):
    files = [key("one"), key("two")]
    done = run("--check", folder=folder, COATCHECK_ENCRYPTION_KEY_FILES=", ".join(files), COATCHECK_STORE="memory://")
    assert done.returncode == 0, done.stderr
    assert all(path in done.stdout for path in files) and "realm: coatcheck" in done.stdout
    for name in ("one", "two"):
        assert (folder / name).read_text().strip() not in done.stdout + done.stderr
    path = folder / "coatcheck.yaml"
    path.write_text(done.stdout)
    assert run("--check", "--config", path, folder=folder).stdout == done.stdout
    assert "encryption" not in run("--check", folder=folder, COATCHECK_STORE="memory://").stdout


def test_a_key_that_everybody_can_read_is_warned_of(encrypted, folder, key):
    path = key("k")
    (folder / "k").chmod(0o644)
    daemon = encrypted(path)
    assert daemon.logged("the encryption key is readable by everybody")["file"] == path
    assert (folder / "k").read_text().strip() not in daemon.log_text


def test_the_log_says_which_key_is_missing(encrypted, key):
    mine, id = key("mine"), new_id()
    with serving(encrypted(mine)) as client:
        client.session("PUT", id, body=DATA)
        client.session("GET", id)
        [name] = opened(client)
    daemon = encrypted(key("other"))
    with daemon.client() as client:
        client.session("GET", id).problem(503, "unknown-key")
    assert name in daemon.logged("request failed", status=503)["error"]
