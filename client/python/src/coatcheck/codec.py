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


def patch(base: Snapshot, now: Snapshot) -> bytes | None:
    """The merge patch (RFC 7396) that makes `now` of `base`. None if there is none, since in a patch null means removal."""
    old = {key: decode(value) for key, value in base.items() if value != now.get(key)}
    new = {key: decode(value) for key, value in now.items() if value != base.get(key)}
    try:
        return _pack(_difference(old, new))
    except _HoldsNull:
        return None


class _HoldsNull(Exception):
    pass


def _difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if not _merges(value):
            if key not in old or _pack(old[key]) != _pack(value):  # 1, 1.0 and True are equal and not the same
                if value is None:
                    raise _HoldsNull
                changes[key] = value
        elif key not in old or not _merges(old[key]):
            changes[key] = _difference({}, value)
        elif inner := _difference(old[key], value):
            changes[key] = inner
    return changes


def _merges(value: Any) -> bool:
    """Whether it is a map to a merge patch. One with keys that are not strings is replaced whole, as a list is."""
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


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
