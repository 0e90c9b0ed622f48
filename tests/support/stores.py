"""The stores that tests keep their sessions in, each on the real thing."""

import itertools

import pytest

import running
import store_servers
from store_servers import missing  # noqa: F401, for conftest.py

STORES = ("memory", "sqlite", "redis")
numbers = itertools.count()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """A real Redis of this run's own."""
    if " redis" not in running.run("--version", folder=tmp_path_factory.getbasetemp()).stdout:
        missing("a build with the redis backend")
    with store_servers.server("redis") as server:
        yield server.url()


@pytest.fixture(scope="session")
def new_store(request, tmp_path_factory):
    """new_store(kind): the URL of an empty store."""
    def make(kind):
        if kind == "memory":
            return "memory://"
        if kind == "sqlite":
            return f"sqlite://{tmp_path_factory.mktemp('sqlite')}/sessions.db"
        return f"{request.getfixturevalue('redis_url')}?prefix=test{next(numbers)}:"
    return make
