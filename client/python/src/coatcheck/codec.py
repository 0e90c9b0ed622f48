"""Session data as MessagePack.

None, booleans, integers of 64 bits, floats, strings, bytes, lists, dicts and datetimes with a time zone come back as
they were; tuples come back as lists and subclasses as what they derive from. Anything else is a TypeError.
"""

from collections.abc import Mapping
from typing import Any

import msgpack

# What each key held at one moment, encoded: later changes inside a value cannot reach it.
Snapshot = dict[str, bytes]


def encode(data: Mapping[str, Any]) -> bytes:
    """Raises TypeError, naming the key, if a value has no encoding."""
    snapshot(data)
    return _pack(dict(data))


def decode(body: bytes) -> dict[str, Any]:
    # Integers as keys of inner dicts are common (quantities by product) and stay integers.
    return msgpack.unpackb(body, timestamp=3, strict_map_key=False)


def snapshot(data: Mapping[str, Any]) -> Snapshot:
    """Raises TypeError, naming the key, if a value has no encoding."""
    return {_checked(key): _packed(key, value) for key, value in data.items()}


def rebase(theirs: dict[str, Any], base: Snapshot, mine: Mapping[str, Any]) -> dict[str, Any]:
    """`theirs` with what `mine` changed since `base`, by top-level key: where both changed one key, `mine` wins."""
    now = snapshot(mine)
    kept = {key: value for key, value in theirs.items() if key not in base or key in now}
    return kept | {key: mine[key] for key in now if now[key] != base.get(key)}


def _pack(value: Any) -> bytes:
    return msgpack.packb(value, datetime=True)


def _checked(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"session[{key!r}]: the keys of a session are strings")
    return key


def _packed(key: str, value: Any) -> bytes:
    try:
        return _pack(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"session[{key!r}] cannot be stored: {error}") from error
