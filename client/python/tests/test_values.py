"""What may be in a session, and how it comes back through the daemon."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from uuid import uuid4

import pytest
from markupsafe import Markup

from coatcheck.codec import decode, encode, patch, rebase, snapshot
from coatcheck.daemon import Daemon


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**63),
        2**64 - 1,
        1.0,
        0.1,
        float("inf"),
        "",
        "naïve 😀",
        b"\x00\xff",
        [],
        [1, [2, "three"]],
        {},
        {"$bytes": "not an escape", "inner": {1: "integer key"}},
        datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc),
        datetime(1901, 1, 1, tzinfo=timezone.utc),
    ],
)
def test_a_value_comes_back_as_it_was(daemon, value):
    client, id = Daemon(daemon.url), uuid4().hex
    client.create(id, encode({"value": value}), 60)
    back = decode(client.load(id).body)["value"]
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value, back",
    [
        ((1, 2), [1, 2]),
        (Markup("<b>"), "<b>"),
        (bytearray(b"x"), b"x"),
        (
            datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))),
            datetime(2024, 1, 2, 2, tzinfo=timezone.utc),
        ),
    ],
)
def test_a_value_of_another_type_comes_back_as_its_nearest(value, back):
    assert decode(encode({"value": value})) == {"value": back}


@pytest.mark.parametrize(
    "value", [{1, 2}, Decimal("1.5"), uuid4(), date(2024, 1, 2), datetime(2024, 1, 2), object(), 2**64, [{"a": {1}}]]
)
def test_a_value_without_encoding_is_a_type_error_that_names_its_key(value):
    with pytest.raises(TypeError, match=r"session\['basket'\]"):
        encode({"basket": value})


def test_a_key_that_is_no_string_is_a_type_error():
    with pytest.raises(TypeError, match=r"session\[1\]"):
        encode({1: "x"})


def test_a_snapshot_does_not_follow_later_changes():
    data = {"cart": ["apple"]}
    before = snapshot(data)
    data["cart"].append("pear")
    assert snapshot(data) != before


def test_rebase_moves_only_what_was_changed():
    base = snapshot({"same": 1, "changed": 1, "removed": 1, "removed by them": 1})
    mine = {"same": 1, "changed": 2, "added": 2, "removed by them": 1}
    theirs = {"same": 3, "changed": 3, "removed": 1, "added by them": 3}
    assert rebase(theirs, base, mine) == {"same": 3, "changed": 2, "added": 2, "added by them": 3}


def patch_of(before, after):
    changes = patch(snapshot(before), snapshot(after))
    return None if changes is None else decode(changes)


MOMENT = datetime(2024, 1, 2, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "before, after, changes",
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {}),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": None, "b": 3, "c": 4}),
        ({"cart": {"coat": 1, "hat": 2}}, {"cart": {"coat": 1, "scarf": 3}}, {"cart": {"hat": None, "scarf": 3}}),
        ({"a": {"b": {"c": 1, "d": 2}, "e": 3}}, {"a": {"b": {"c": 9, "d": 2}, "e": 3}}, {"a": {"b": {"c": 9}}}),
        ({"list": [1, {"a": 1, "b": 2}]}, {"list": [1, {"a": 1}]}, {"list": [1, {"a": 1}]}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}),
        ({"a": 1}, {"a": {}, "b": {}}, {"a": {}, "b": {}}),
        ({"a": 1}, {"a": {"b": {"c": 2}}}, {"a": {"b": {"c": 2}}}),
        ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": True}, {"a": True, "b": 1.0}, {"a": True, "b": 1.0}),
        ({"a": {"b": 1}}, {"a": {"b": 1.0}}, {"a": {"b": 1.0}}),
        ({"quantities": {1: 1, 2: 2}}, {"quantities": {1: 1, 2: 3}}, {"quantities": {1: 1, 2: 3}}),
        ({"a": {1: 1}}, {"a": {"1": 1}}, {"a": {"1": 1}}),
        ({"a": b"x", "t": MOMENT}, {"a": b"y", "t": MOMENT}, {"a": b"y"}),
        ({"x": (1, 2), "y": 1}, {"x": [1, 2], "y": 2}, {"y": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}, {}),
        # Nulls that stay, go, or stand where a patch does not look for them.
        ({"a": {"null": None, "b": 1}}, {"a": {"null": None, "b": 2}}, {"a": {"b": 2}}),
        ({"a": None, "b": {"c": None}}, {"b": {}}, {"a": None, "b": {"c": None}}),
        ({}, {"list": [None, {"a": None}], "map": {1: None}}, {"list": [None, {"a": None}], "map": {1: None}}),
    ],
)
def test_a_patch_says_what_changed_and_no_more(before, after, changes):
    assert patch_of(before, after) == changes
    assert list(map(repr, patch_of(before, after).values())) == list(map(repr, changes.values()))


@pytest.mark.parametrize(
    "before, after",
    [
        ({}, {"a": None}),
        ({"a": 1}, {"a": None}),
        ({"a": {"b": 1}}, {"a": {"b": None}}),
        ({}, {"a": {"b": {"c": None}}}),
        ({"a": [None]}, {"a": {"b": None}}),
        ({"a": {1: None}}, {"a": {"1": None}}),
    ],
)
def test_no_patch_says_a_null(before, after):
    assert patch_of(before, after) is None


@pytest.mark.parametrize("seed", range(20))
def test_the_daemon_makes_of_a_patch_what_the_app_has(daemon, seed):
    """Two random sessions of a few keys, so that they share some of them, at each level."""
    random = Random(seed)

    def value(depth):
        kind = random.randrange(9 if depth else 6)
        if kind >= 6:
            keys = range(3) if kind == 6 else "abc"
            return {key: value(depth - 1) for key in keys if random.random() < 0.6}
        return [random.randrange(3), random.random() < 0.5, 1.0, "x", b"x", [None, {"a": None}]][kind]

    client, id = Daemon(daemon.url), uuid4().hex
    before, after = ({key: value(3) for key in "abcd" if random.random() < 0.8} for _ in range(2))
    client.create(id, encode(before), 60)
    client.patch(id, patch(snapshot(before), snapshot(after)), 60, None)
    assert decode(client.load(id).body) == after
