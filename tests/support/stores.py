"""The stores that tests keep their sessions in, each on the real thing."""

import contextlib
import itertools

import pytest

import running
import store_servers
from store_servers import missing  # noqa: F401, for conftest.py

STORES = ("memory", "sqlite", "redis")
numbers = itertools.count()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    """shared_server(kind): a real server of this run's own, the same at each call."""
    with contextlib.ExitStack() as started:
        servers = {}

        def of(kind):
            if kind not in servers:
                servers[kind] = started.enter_context(store_servers.server(kind))
            return servers[kind]
        yield of


@pytest.fixture(scope="session")
def redis_url(shared_server, tmp_path_factory):
    if " redis" not in running.run("--version", folder=tmp_path_factory.getbasetemp()).stdout:
        missing("a build with the redis backend")
    return shared_server("redis").url()


@pytest.fixture(scope="session")
def new_store(request, tmp_path_factory):
    """new_store(kind): the URL of a store; an empty one for those of STORES, shared by the run for others."""
    def make(kind):
        if kind == "memory":
            return "memory://"
        if kind == "sqlite":
            return f"sqlite://{tmp_path_factory.mktemp('sqlite')}/sessions.db"
        if kind == "file":
            return f"file://{tmp_path_factory.mktemp('file')}/sessions"
        if kind == "redis":
            return f"{request.getfixturevalue('redis_url')}?prefix=test{next(numbers)}:"
        return request.getfixturevalue("shared_server")(kind).url()
    return make
