"""What may be in a session, and how it comes back through the daemon."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import uuid4

import pytest
from markupsafe import Markup

from coatcheck.codec import decode, encode, rebase, snapshot
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
