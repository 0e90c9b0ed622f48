"""Fixtures: daemons to call, and the stores that they keep their sessions in."""

import itertools
import pathlib
import tempfile

import pytest
import yaml

import running
from stores import STORES, missing, new_store, redis_url, shared_server  # noqa: F401, fixtures of the tests

numbers = itertools.count()


@pytest.fixture
def need():
    return missing


@pytest.fixture
def folder():
    """A temporary folder whose path is short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="coatcheck-") as path:
        yield pathlib.Path(path)


@pytest.fixture(scope="module", params=STORES)
def any_store(request):
    """The kind of store; a test that takes this, or what builds on it, runs once for each."""
    return request.param


def settings_file(folder, settings):
    path = pathlib.Path(folder) / f"coatcheck{next(numbers)}.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def starter(folder):
    """start(store=URL, listen=[…], settings={…}, arguments=[…], environment={…}, wrapper=[…]) and the daemons."""
    started = []

    def start(store="memory://", listen="127.0.0.1:0", settings=None, arguments=(), environment=None, wrapper=(),
              **other_settings):
        settings = {"listen": listen, "threads": 2, **(settings or {}), **other_settings}
        stores = settings.setdefault("stores", {})
        stores["default"] = {"url": store, **stores.get("default", {})}
        one = running.Daemon(folder, ["--config", settings_file(folder, settings), *arguments], environment, wrapper)
        started.append(one)
        return one.wait_ready()

    return start, started


def stop_all(started):
    failures = []
    for one in started:
        try:
            one.stop()
        except AssertionError as e:
            failures.append(str(e))
    assert not failures, "\n".join(failures)


@pytest.fixture
def start(folder):
    """Starts a daemon with settings of the test's own; it has to end well when the test does."""
    start, started = starter(folder)
    yield start
    stop_all(started)


@pytest.fixture(scope="module")
def start_shared(tmp_path_factory):
    """The same for daemons that the tests of a file share."""
    start, started = starter(tmp_path_factory.mktemp("daemon"))
    yield start
    stop_all(started)


@pytest.fixture(scope="module")
def daemon(start_shared, new_store, any_store):
    """A daemon over each kind of store, shared by the tests of a file."""
    return start_shared(new_store(any_store))


@pytest.fixture
def api(daemon):
    with daemon.client() as client:
        yield client
