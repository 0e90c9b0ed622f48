"""When sessions end, over every store."""

import datetime
import time

import pytest

from calls import new_id
from patience import until
from paths import Session

CLOCK = 0.002  # the daemon cuts times to milliseconds


@pytest.fixture(scope="module")
def daemon(start_shared, new_store, any_store):
    return start_shared(new_store(any_store), stores={"default": {"tombstone": "1s"}})


@pytest.fixture
def session(api):
    return Session(api, new_id())


def seconds(moment):
    return datetime.datetime.fromisoformat(moment).timestamp()


def watch_the_end(look):
    """Looks until it is 410. Returns when the last look that found it began, and when the one that did not returned."""
    last_found = 0
    while True:
        began = time.time()
        answer = look()
        if answer.status == 410:
            return last_found, time.time()
        assert answer.status == 200, answer
        last_found = began
        time.sleep(0.005)


def test_an_unused_session_ends_between_1_0_and_1_1_of_its_idle_timeout(session):
    begin = time.time()
    session.put({}, Session_Idle_Timeout=2)
    stored = time.time()
    last_found, gone = watch_the_end(session.peek)
    assert gone > begin + 2.0 - CLOCK
    assert last_found < stored + 2.2 + CLOCK


@pytest.mark.parametrize("method, action", [("GET", "?peek"), ("HEAD", ""), ("GET", "/meta")])
def test_looking_does_not_extend(session, method, action):
    session.put({}, Session_Idle_Timeout=1)
    stored = time.time()
    last_found, _ = watch_the_end(lambda: session.call(method, action))
    assert last_found < stored + 1.1 + CLOCK


def test_each_kind_of_use_extends(api):
    uses = {
        "GET": lambda s: s.get(),
        "304": lambda s: s.get(If_None_Match="*"),
        "touch": lambda s: s.touch(),
        "PUT": lambda s: s.put({}),
        "PUT If-Match": lambda s: s.put({}, If_Match="*"),
    }
    used = {name: Session(api, new_id()) for name in uses}
    for session in used.values():
        session.put({}, Session_Idle_Timeout=1)
    begin = time.time()
    while time.time() < begin + 2.4:
        for name, session in used.items():
            assert uses[name](session).status in (200, 204, 304), name
        time.sleep(0.05)


def test_a_session_ends_1_0_to_1_1_after_its_last_use(session):
    session.put({}, Session_Idle_Timeout=1)
    time.sleep(0.5)
    begin = time.time()
    assert session.get().status == 200
    used = time.time()
    last_found, gone = watch_the_end(session.peek)
    assert gone > begin + 1.0 - CLOCK
    assert last_found < used + 1.1 + CLOCK


@pytest.mark.parametrize("use", ["get", "touch"])
def test_an_extension_is_not_written_within_the_first_tenth(session, use):
    session.put({}, Session_Idle_Timeout=100)
    before = session.meta().json
    assert getattr(session, use)().status in (200, 204)
    after = session.meta().json
    assert (after["last_seen"], after["expires"]) == (before["last_seen"], before["expires"])


def test_an_extension_is_written_after_the_first_tenth(session):
    session.put({}, Session_Idle_Timeout=2)
    before = session.meta().json

    def used():
        answer = session.touch()
        meta = session.meta().json
        return meta["last_seen"] != before["last_seen"] and (answer, meta)

    answer, after = until(used)
    assert seconds(after["last_seen"]) - seconds(before["last_seen"]) > 0.2
    assert seconds(after["expires"]) - seconds(after["last_seen"]) == pytest.approx(2.2, abs=0.0015)
    assert answer.expires_in == 2


def test_a_write_is_a_use_that_is_always_written(session):
    session.put({}, Session_Idle_Timeout=100)
    before = session.meta().json
    time.sleep(0.01)
    session.put({})
    after = session.meta().json
    assert after["last_seen"] > before["last_seen"] and after["created"] == before["created"]


def test_expires_in_is_rounded_down_and_a_tenth_ahead(session):
    assert session.put({}, Session_Idle_Timeout=15).expires_in == 16  # of 16.5
    assert session.put({}, Session_Idle_Timeout=1000).expires_in == 1100
    assert session.get().expires_in in (1099, 1100)
    assert session.put({}, Session_Absolute_Timeout=50).expires_in in (49, 50)


def test_the_longest_timeout_is_400_days(session):
    assert session.put({}, Session_Idle_Timeout=34560000).expires_in == 34560000 * 11 // 10
    assert session.put({}, Session_Absolute_Timeout=34560000).expires_in in (34559999, 34560000)


def test_an_absolute_end_is_exact_whatever_the_use(session):
    begin = time.time()
    session.put({}, Session_Absolute_Timeout=1, Session_Idle_Timeout=60)
    stored = time.time()
    meta = session.meta().json
    assert seconds(meta["ends"]) - seconds(meta["created"]) == pytest.approx(1)
    assert (meta["expires"], meta["absolute_timeout"]) == (meta["ends"], 1)
    last_found, gone = watch_the_end(session.get)
    assert gone > begin + 1.0 - CLOCK
    assert last_found < stored + 1.0 + CLOCK


def test_an_absolute_end_counts_from_the_creation_and_can_be_moved(session):
    session.put({}, Session_Absolute_Timeout=100)
    time.sleep(0.02)
    session.put({}, Session_Absolute_Timeout=200)
    meta = session.meta().json
    assert seconds(meta["ends"]) - seconds(meta["created"]) == pytest.approx(200)
    session.put({})
    assert session.meta().json["ends"] == meta["ends"]


def test_an_absolute_end_moved_into_the_past_ends_the_session_at_once(session):
    session.put({})
    time.sleep(1.05)
    assert session.put({"last": True}, Session_Absolute_Timeout=1).status == 204
    session.get().problem(410, "ended")


def test_timeouts_are_kept_by_writes_that_send_none(session):
    session.put({}, Session_Idle_Timeout=77, Session_Absolute_Timeout=777)
    session.put({})
    assert (session.meta().json["idle_timeout"], session.meta().json["absolute_timeout"]) == (77, 777)


def is_forgotten_later(session, no_earlier_than, no_later_than):
    last_remembered = began = time.time()
    while (answer := session.get()).status == 410:
        last_remembered = began
        time.sleep(0.005)
        began = time.time()
    answer.problem(404, "not-found")
    assert time.time() > no_earlier_than - CLOCK
    assert last_remembered < no_later_than + CLOCK


def test_what_was_deleted_is_410_as_long_as_it_is_remembered_then_404(session):
    session.put({}, Session_Subject="user-42")
    begin = time.time()
    session.delete()
    is_forgotten_later(session, begin + 1.0, time.time() + 1.0)
    session.put({}, If_Match="*").problem(412, "precondition-failed")
    assert session.put({}).status == 201
    assert session.meta().json["subject"] is None


def test_what_has_expired_is_410_as_long_as_it_is_remembered_then_404(session):
    begin = time.time()
    session.put({}, Session_Absolute_Timeout=1)
    stored = time.time()
    until(lambda: session.peek().status == 410)
    session.put({}).problem(410, "ended")
    is_forgotten_later(session, begin + 2.0, stored + 2.0)


def test_another_delete_lengthens_the_memory(session):
    session.delete()
    time.sleep(0.5)
    begin = time.time()
    session.delete()
    is_forgotten_later(session, begin + 1.0, time.time() + 1.0)
