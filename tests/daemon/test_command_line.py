"""The command line and the configuration."""

import signal
import sqlite3

import pytest
import yaml

from patience import until
from running import run


@pytest.fixture
def config(folder):
    def write(text):
        path = folder / "coatcheck.yaml"
        path.write_text(text)
        return path
    return write


def test_version_names_the_backends(folder):
    done = run("--version", folder=folder)
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert first.startswith("coatcheckd ") and {"memory", "sqlite"} < set(second.removeprefix("backends: ").split())


def test_help_names_every_option_and_variable(folder):
    for option in ("--help", "-h"):
        done = run(option, folder=folder)
        assert done.returncode == 0 and done.stderr == ""
        for word in ("--check", "--config", "--handle", "--health", "--insecure", "--list-backends", "--new-key",
                     "--new-token", "--print-schema", "--scope", "--stores", "--version", "COATCHECK_STORE",
                     "COATCHECK_LISTEN", "COATCHECK_OPS_LISTEN", "COATCHECK_TOKENS_FILE", "COATCHECK_TOKEN",
                     "COATCHECK_THREADS", "COATCHECK_LOG_LEVEL", "COATCHECK_LOG_FORMAT", "COATCHECK_CONFIG",
                     "COATCHECK_STORE_FILE", "COATCHECK_TOKEN_FILE", "COATCHECK_ENCRYPTION_KEY_FILES"):
            assert word in done.stdout


@pytest.mark.parametrize("arguments", [["--unknown"], ["positional"], ["--check", "--version"], ["--scope", "app"],
                                       ["--config"], ["--handle", "id-on-the-command-line"], ["--handle", "--check"],
                                       ["--new-token", "x", "--scope", "root"]])
def test_a_wrong_command_line_says_so_with_exit_status_2(folder, arguments):
    done = run(*arguments, folder=folder)
    assert done.returncode == 2 and done.stderr.startswith("coatcheckd: ") and done.stdout == ""


def test_check_prints_what_is_in_effect_and_that_is_a_configuration_too(folder, config):
    path = config("stores:\n"
                  "  default: {url: 'memory://', idle_timeout: 90m}\n"
                  "  carts: {url: 'memory://', adopt_ids: false}\n"
                  "limits: {body: 65536}\n")
    first = run("--check", "--config", path, folder=folder, COATCHECK_LISTEN="127.0.0.1:1234", COATCHECK_THREADS="3")
    assert first.returncode == 0, first.stderr
    effective = yaml.safe_load(first.stdout)
    assert effective["stores"]["default"]["idle_timeout"] == "90m"
    assert effective["stores"]["carts"]["adopt_ids"] in (False, "false")
    assert effective["limits"]["body"] == "64KiB"
    assert (effective["listen"], str(effective["threads"])) == ("127.0.0.1:1234", "3")
    assert run("--check", "--config", config(first.stdout), folder=folder).stdout == first.stdout


def test_check_shows_no_secret(folder):
    done = run("--check", folder=folder, COATCHECK_TOKEN="0123456789secret",
               COATCHECK_STORE="redis://u:secret-word@localhost:1/0")
    assert done.returncode == 0, done.stderr
    assert "localhost:1" in done.stdout and "secret" not in done.stdout + done.stderr


def test_the_configuration_may_be_named_by_the_environment(folder, config):
    path = config("stores: {default: {url: 'memory://'}}\nthreads: 7\n")
    done = run("--check", folder=folder, COATCHECK_CONFIG=str(path))
    assert str(yaml.safe_load(done.stdout)["threads"]) == "7"


def test_the_environment_wins_over_the_file(folder, config):
    done = run("--check", "--config", config("threads: 7\nlog: {level: warn}\n"), folder=folder, COATCHECK_THREADS="2",
               COATCHECK_STORE="memory://")
    effective = yaml.safe_load(done.stdout)
    assert (str(effective["threads"]), effective["log"]["level"]) == ("2", "warn")


def test_a_secret_may_come_from_a_file(folder):
    (folder / "url").write_text("memory://\n")
    done = run("--check", folder=folder, COATCHECK_STORE_FILE=str(folder / "url"))
    assert yaml.safe_load(done.stdout)["stores"]["default"]["url"] == "memory://"


def test_every_mistake_is_reported_at_once_with_its_place(folder, config):
    path = config("listen: nowhere\n"
                  "thread: 2\n"
                  "limits:\n"
                  "  body: 1\n"
                  "  bodi_timeout: 3s\n"
                  "stores:\n"
                  "  default: {url: 'memory://', idle_timeout: 0s}\n"
                  "  BAD: {url: 'memory://'}\n"
                  "  other: {}\n"
                  "  third: {url: 'postgress://x'}\n"
                  "log: {level: loud}\n"
                  "ids_in_path: maybe\n")
    done = run("--check", "--config", path, folder=folder, COATCHECK_THREADS="none", COATCHECK_STROE="memory://")
    assert done.returncode == 1 and done.stdout == ""
    for mistake in (":1: listen", ":2: thread", ":4: limits.body", ":5: limits.bodi_timeout",
                    ":7: stores.default.idle_timeout",
                    "BAD", "stores.other.url", ":10: stores.third.url", ":11: log.level", ":12: ids_in_path",
                    "COATCHECK_THREADS", "COATCHECK_STROE"):
        assert mistake in done.stderr, f"{mistake} not in:\n{done.stderr}"


@pytest.mark.parametrize("name, meant", [("COATCHECK_STROE", "COATCHECK_STORE"),
                                         ("COATCHECK_LISTN", "COATCHECK_LISTEN")])
def test_an_unknown_variable_is_a_mistake_that_names_the_one_that_was_meant(folder, name, meant):
    done = run("--check", folder=folder, **{name: "memory://"})
    assert done.returncode == 1 and name in done.stderr and meant in done.stderr


def test_an_unknown_key_is_a_mistake_that_names_the_one_that_was_meant(folder, config):
    done = run("--check", "--config", config("stores: {default: {idle_timout: 1d}}\n"), folder=folder)
    assert done.returncode == 1 and "idle_timout" in done.stderr and "idle_timeout" in done.stderr


def test_what_kubernetes_sets_beside_a_service_is_no_mistake(folder):
    done = run("--check", folder=folder, COATCHECK_STORE="memory://", COATCHECK_SERVICE_HOST="10.0.0.1",
               COATCHECK_SERVICE_PORT="8642", COATCHECK_PORT="tcp://10.0.0.1:8642",
               COATCHECK_PORT_8642_TCP_ADDR="10.0.0.1")
    assert done.returncode == 0, done.stderr


def test_a_configuration_that_is_not_there_or_no_yaml_is_a_mistake(folder, config):
    for text, word in ((None, "nothing.yaml"), ("a: [1\n", "YAML"), ("- a\n", "keys")):
        path = config(text) if text else folder / "nothing.yaml"
        for check in (["--check"], []):
            done = run(*check, "--config", path, folder=folder)
            assert done.returncode == 1 and word in done.stderr


def test_two_stores_in_one_place_are_a_mistake(folder, config):
    place = f"sqlite://{folder}/a.db"
    done = run("--check", "--config", config(f"stores: {{default: {{url: '{place}'}}, other: {{url: '{place}'}}}}\n"),
               folder=folder)
    assert done.returncode == 1 and "stores.default.url" in done.stderr and "stores.other.url" in done.stderr
    redis = "redis://localhost:1/0?prefix="
    done = run("--check", "--config",
               config(f"stores: {{default: {{url: '{redis}a:'}}, other: {{url: '{redis}b:'}}}}\n"), folder=folder)
    assert done.returncode == 0, done.stderr


def test_check_makes_no_file(folder):
    assert run("--check", folder=folder, COATCHECK_STORE=f"sqlite://{folder}/data/sessions.db").returncode == 0
    assert not (folder / "data").exists()


def test_check_finds_a_damaged_sqlite_file(start, folder):
    file = folder / "sessions.db"
    daemon = start(f"sqlite://{file}")
    with daemon.client() as client:
        for _ in range(200):
            client.create({"filler": "x" * 500})
    daemon.stop()
    check = {"folder": folder, "COATCHECK_STORE": f"sqlite://{file}"}
    assert run("--check", **check).returncode == 0
    damaged = bytearray(file.read_bytes())
    for page in range(2, len(damaged) // 4096 - 2):
        damaged[page * 4096:page * 4096 + 200] = b"\xa5" * 200
    file.write_bytes(damaged)
    done = run("--check", **check)
    assert done.returncode == 1 and "sqlite" in done.stderr.lower(), done


def test_check_finds_a_file_that_is_no_database_and_one_of_another_program(folder):
    (folder / "text.db").write_text("no database " * 1000)
    with sqlite3.connect(folder / "other.db") as other:
        other.execute("create table sessions (anything)")
    other.close()
    for name in ("text.db", "other.db"):
        for check in (["--check"], []):
            before = (folder / name).read_bytes()
            done = run(*check, folder=folder, COATCHECK_STORE=f"sqlite://{folder}/{name}",
                       COATCHECK_LISTEN="127.0.0.1:0")
            assert done.returncode == 1 and name in done.stderr, done
            assert (folder / name).read_bytes() == before


def test_without_configuration_it_is_loopback_and_a_file(folder):
    done = run("--check", folder=folder)
    assert yaml.safe_load(done.stdout)["listen"] == "127.0.0.1:8642"
    assert yaml.safe_load(done.stdout)["stores"]["default"]["url"].startswith("sqlite:///")


def test_health_is_0_when_ready_and_1_when_not(start, folder):
    daemon = start(listen=["127.0.0.1:0", f"unix:{folder}/socket"], drain_delay="20s")
    targets = [f"http://{daemon.address}", f"http://localhost:{daemon.port}/", f"unix:{folder}/socket"]
    for target in targets:
        done = run("--health", target, folder=folder)
        assert done.returncode == 0 and done.stdout.count("\n") == 1, done
    assert run("--health", folder=folder, COATCHECK_LISTEN=daemon.address, COATCHECK_STORE="memory://").returncode == 0
    daemon.signal(signal.SIGTERM)
    with daemon.client() as client:
        until(lambda: client.get("/readyz").status == 503)
    for target in targets:
        assert run("--health", target, folder=folder).returncode == 1
    daemon.signal(signal.SIGTERM)
    daemon.wait()
    for target in targets:
        done = run("--health", target, folder=folder)
        assert done.returncode == 1 and "no answer" in done.stdout


def test_new_token_refuses_what_the_tokens_file_would(folder):
    for arguments in (["bad name"], ["x" * 65], ["#shop"], ["shop", "--stores", "BAD"]):
        done = run("--new-token", *arguments, folder=folder)
        assert done.returncode != 0 and done.stderr, arguments


def test_a_store_whose_file_cannot_be_made_stops_the_start(folder):
    (folder / "plain-file").write_text("")
    done = run(folder=folder, COATCHECK_STORE=f"sqlite://{folder}/plain-file/sessions.db",
               COATCHECK_LISTEN="127.0.0.1:0")
    assert done.returncode == 1 and "plain-file" in done.stderr
