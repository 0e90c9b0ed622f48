"""Fixtures: a daemon over each kind of store, its app and its operator, each with a token."""

import pytest

from tokens import Tokens


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    tokens = Tokens(tmp_path_factory.mktemp("tokens") / "tokens")
    return tokens.write(tokens.line("shop", "app,metrics"), tokens.line("ops", "admin"),
                        tokens.line("carts-ops", "admin", "carts"))


@pytest.fixture(scope="module")
def daemon(start_shared, new_store, any_store, tokens):
    return start_shared(new_store(any_store), tokens_file=str(tokens.path), stores={"carts": {"url": "memory://"}})


@pytest.fixture
def shop(daemon, tokens):
    with daemon.client(tokens.of["shop"]) as client:
        yield client


@pytest.fixture
def ops(daemon, tokens):
    with daemon.client(tokens.of["ops"]) as client:
        yield client
