"""The operations on one session are linearizable, as Porcupine sees them."""

import os
import pathlib
import subprocess

import pytest

from processes import Daemon, store

CHECKER = pathlib.Path(__file__).parent / "linearizability"
SEED = os.environ.get("LINEARIZABILITY_SEED", "1")


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    binary = tmp_path_factory.mktemp("go") / "linearizability"
    subprocess.run(["go", "build", "-o", binary, "."], cwd=CHECKER, check=True)
    return binary


def check(checker, *urls, operations=2000):
    done = subprocess.run([checker, "-url", ",".join(urls), "-clients", "16", "-operations", str(operations),
                           "-sessions", "8", "-seed", SEED], text=True, capture_output=True)
    print(done.stdout, done.stderr)
    return done.returncode


@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis"])
def test_32000_operations_of_16_clients_are_linearizable(kind, checker, tmp_path):
    with store(kind, tmp_path) as url:
        daemon = Daemon(url, tmp_path)
        try:
            assert check(checker, daemon.url) == 0
        finally:
            daemon.kill()


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_two_daemons_on_one_store_are_linearizable(kind, checker, tmp_path):
    with store(kind, tmp_path) as url:
        daemons = []
        try:
            daemons = [Daemon(url, tmp_path), Daemon(url, tmp_path)]
            assert check(checker, *(d.url for d in daemons), operations=500) == 0
        finally:
            for daemon in daemons:
                daemon.kill()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_daemon_that_does_not_compare_versions_is_found_out(kind, checker, tmp_path):
    with store(kind, tmp_path) as url:
        daemon = Daemon(url, tmp_path, binary=os.environ["COATCHECKD_WITHOUT_COMPARE"])
        try:
            assert check(checker, daemon.url) == 1
        finally:
            daemon.kill()
