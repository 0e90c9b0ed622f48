"""The operations on one session are linearizable, as Porcupine sees them."""

import os
import pathlib
import subprocess

import pytest
import yaml

import running
import store_servers

CHECKER = pathlib.Path(__file__).parent / "linearizability"
OTHERS = [kind for kind in store_servers.KINDS if kind != "redis"]
FOR_ONE_DAEMON = ["uwsgi"]
SEED = int(os.environ.get("LINEARIZABILITY_SEED", "1"))


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    binary = tmp_path_factory.mktemp("go") / "linearizability"
    subprocess.run(["go", "build", "-o", binary, "."], cwd=CHECKER, check=True)
    return binary


def check(checker, *urls, operations=2000, seed=SEED):
    done = subprocess.run([checker, "-url", ",".join(urls), "-clients", "16", "-operations", str(operations),
                           "-sessions", "8", "-seed", str(seed)], text=True, capture_output=True)
    print(done.stdout, done.stderr)
    return done.returncode


@pytest.fixture
def start(tmp_path):
    """start(store, binary): a daemon on a free port. It waits long: an answer that never came would tell nothing."""
    started = []

    def start(store, binary=running.BINARY):
        config = tmp_path / f"coatcheck{len(started)}.yaml"
        config.write_text(yaml.safe_dump({"listen": "127.0.0.1:0",
                                          "stores": {"default": {"url": store, "deadline": "30s"}}}))
        started.append(running.Daemon(tmp_path, ["--config", config], binary=binary).wait_ready())
        return f"http://{started[-1].address}"

    yield start
    for daemon in started:
        daemon.kill()


@pytest.mark.parametrize("kind", ["memory", "sqlite", "file", "redis"])
def test_32000_operations_of_16_clients_are_linearizable(kind, checker, start, new_store):
    assert check(checker, start(new_store(kind))) == 0


@pytest.mark.parametrize("kind", OTHERS)
def test_8000_operations_of_16_clients_are_linearizable(kind, checker, start, new_store):
    assert check(checker, start(new_store(kind)), operations=500) == 0


@pytest.mark.parametrize("kind", ["sqlite", "file", "redis", *(kind for kind in OTHERS if kind not in FOR_ONE_DAEMON)])
def test_two_daemons_on_one_store_are_linearizable(kind, checker, start, new_store):
    store = new_store(kind)
    # Another seed, and so other sessions than the test before left in the store.
    assert check(checker, start(store), start(store), operations=500, seed=SEED + 1000) == 0


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_daemon_that_does_not_compare_versions_is_found_out(kind, checker, start, new_store):
    assert check(checker, start(new_store(kind), os.environ["COATCHECKD_WITHOUT_COMPARE"])) == 1
