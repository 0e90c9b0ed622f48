"""Lease locks: who holds one, who waits, and what neither can hold up."""

import threading
import time

import pytest

from calls import new_id
from patience import FACTOR

FORMS = [{"lease_ms": 0}, {"lease_ms": 60001}, {"lease_ms": "1"}, {"lease_ms": 1.5}, {"wait_ms": -1},
         {"wait_ms": 30001}, {"lease": 5}, {"lease_ms": [1]}]


@pytest.fixture
def session(api):
    id = new_id()
    assert api.session("PUT", id, body={"n": 0}).status == 201
    return id


@pytest.fixture(scope="module", params=["memory", "sqlite", "redis"])
def several(request, start_shared, new_store):
    """Clients of one store's sessions: through two daemons where the store is shared."""
    store = new_store(request.param)
    daemons = [start_shared(store)]
    daemons.append(daemons[0] if request.param == "memory" else start_shared(store))
    return daemons


def lock(client, id, lease_ms=30000, wait_ms=0):
    return client.session("POST", id, "/lock", {"lease_ms": lease_ms, "wait_ms": wait_ms})


def token_of(answer):
    assert answer.status == 200, answer
    return answer.json["token"]


def test_a_lock_is_granted_once_and_its_token_grows(api, session):
    first = token_of(lock(api, session))
    problem = lock(api, session).problem(423, "locked")
    assert 0 <= problem["lock_age_ms"] < 20000 * FACTOR
    assert api.session("DELETE", session, "/lock", Session_Lock=first).status == 204
    second = token_of(lock(api, session))
    assert first < second < 2**53


def test_writes_without_the_token_are_423_and_with_it_they_are_done(api, session):
    token = token_of(lock(api, session))
    patch = {"Content-Type": "application/merge-patch+json"}
    for call in (lambda **h: api.session("PUT", session, body={"n": 1}, **h),
                 lambda **h: api.session("PUT", session, body={"n": 1}, If_Match="*", **h),
                 lambda **h: api.call("PATCH", "/v1/session", b'{"p":1}', {"Session-Id": session, **patch, **{
                     name.replace("_", "-"): str(value) for name, value in h.items()}})):
        assert "lock_age_ms" in call().problem(423, "locked")
        call(Session_Lock=token - 1).problem(423, "locked")
        assert call(Session_Lock=token).status in (200, 204)
    api.session("POST", session, "/rotate").problem(423, "locked")
    assert api.session("GET", session).json == {"n": 1, "p": 1}
    assert api.session("POST", session, "/touch").status == 204


def test_a_token_works_past_its_lease_until_another_is_granted(api, session):
    token = token_of(lock(api, session, lease_ms=1))
    other = token_of(lock(api, session, lease_ms=1, wait_ms=5000))
    assert other > token
    api.session("PUT", session, body={}, Session_Lock=token).problem(423, "locked")
    assert api.session("PUT", session, body={}, Session_Lock=other).status == 204
    time.sleep(0.01)
    assert api.session("PUT", session, body={}, Session_Lock=other).status == 204
    assert api.session("PUT", session, body={}).status == 204


def test_a_token_of_a_session_that_was_never_locked_is_423_without_an_age(api, session):
    problem = api.session("PUT", session, body={}, Session_Lock=1).problem(423, "locked")
    assert "lock_age_ms" not in problem


def test_a_lock_that_is_not_ones_own_is_not_given_back(api, session):
    token = token_of(lock(api, session))
    api.session("DELETE", session, "/lock", Session_Lock=token - 1).problem(423, "locked")
    api.session("DELETE", session, "/lock").problem(400, "malformed")
    api.session("DELETE", session, "/lock", Session_Lock="x").problem(400, "malformed")
    api.session("PUT", session, body={}).problem(423, "locked")
    assert api.session("DELETE", session, "/lock", Session_Lock=token).status == 204
    assert api.session("DELETE", session, "/lock", Session_Lock=token).status == 204
    assert api.session("PUT", session, body={}).status == 204


def test_a_logout_is_not_held_up_and_ends_the_wait_for_the_lock(daemon, api, session):
    token_of(lock(api, session))
    answers = []

    def wait():
        with daemon.client() as other:
            answers.append(lock(other, session, wait_ms=20000))

    waiter = threading.Thread(target=wait)
    begin = time.monotonic()
    waiter.start()
    while lock(api, session).status != 423:
        pass
    assert api.session("DELETE", session).status == 204
    waiter.join()
    answers[0].problem(410, "ended")
    assert time.monotonic() - begin < 10 * FACTOR


def test_the_lock_of_what_is_not_there_is_404(api):
    lock(api, new_id()).problem(404, "not-found")
    api.session("DELETE", new_id(), "/lock", Session_Lock=1).problem(404, "not-found")


@pytest.mark.parametrize("body", FORMS)
def test_a_lock_that_is_asked_for_wrongly_is_400(api, session, body):
    api.session("POST", session, "/lock", body).problem(400, "malformed")


def test_without_a_body_a_lock_has_ten_seconds_and_does_not_wait(api, session):
    assert api.session("POST", session, "/lock").json["lease_ms"] == 10000
    begin = time.monotonic()
    api.session("POST", session, "/lock").problem(423, "locked")
    assert time.monotonic() - begin < 5 * FACTOR


def test_a_rotation_by_the_holder_carries_the_lock_over(api, session):
    token = token_of(lock(api, session))
    answer = api.session("POST", session, "/rotate", {"grace_s": 30}, Session_Lock=token)
    new = answer.json["id"]
    for id in (session, new):
        api.session("PUT", id, body={}).problem(423, "locked")
        assert api.session("PUT", id, body={}, Session_Lock=token).status == 204
    assert api.session("DELETE", session, "/lock", Session_Lock=token).status == 204
    assert api.session("PUT", new, body={}).status == 204


def test_counting_under_the_lock_loses_nothing(several):
    """Each takes the lock, reads, adds one and writes with its token."""
    id, workers, rounds = new_id(), 16, 4
    with several[0].client() as client:
        assert client.session("PUT", id, body={"n": 0}).status == 201
    failures, tokens = [], []

    def work(number):
        try:
            with several[number % 2].client() as client:
                for _ in range(rounds):
                    token = token_of(lock(client, id, wait_ms=30000))
                    tokens.append(token)
                    n = client.session("GET", id).json["n"]
                    assert client.session("PUT", id, body={"n": n + 1}, Session_Lock=token).status == 204
                    assert client.session("DELETE", id, "/lock", Session_Lock=token).status == 204
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with several[1].client() as client:
        assert client.session("GET", id).json["n"] == workers * rounds
    assert len(set(tokens)) == len(tokens)


def test_a_holder_that_crashed_costs_its_lease_and_no_more(several):
    id = new_id()
    with several[0].client() as client, several[1].client() as other:
        client.session("PUT", id, body={})
        crashed = token_of(lock(client, id, lease_ms=600))
        begin = time.monotonic()
        token = token_of(lock(other, id, wait_ms=20000))
        took = time.monotonic() - begin
        assert token > crashed
        assert 0.3 < took < 0.6 + 1.5 * FACTOR
        # The fencing token: what the crashed one still sends changes nothing.
        client.session("PUT", id, body={"late": 1}, Session_Lock=crashed).problem(423, "locked")


def test_waiters_are_served_in_the_order_in_which_they_came(start, new_store):
    daemon = start(new_store("memory"))
    id, order = new_id(), []
    with daemon.client() as client:
        client.session("PUT", id, body={})
        token = token_of(lock(client, id))

        def wait(number):
            with daemon.client() as mine:
                granted = token_of(lock(mine, id, wait_ms=20000))
                order.append(number)
                mine.session("DELETE", id, "/lock", Session_Lock=granted)

        threads = []
        for number in range(8):
            threads.append(threading.Thread(target=wait, args=(number,)))
            threads[-1].start()
            time.sleep(0.1 * FACTOR)  # nothing shows that a waiter has arrived
        client.session("DELETE", id, "/lock", Session_Lock=token)
        for thread in threads:
            thread.join()
    assert order == list(range(8))


def test_more_than_64_waiters_of_one_session_are_429(start, new_store):
    daemon = start(new_store("memory"))
    id, answers = new_id(), []
    with daemon.client() as client:
        client.session("PUT", id, body={})
        token_of(lock(client, id, lease_ms=60000))

        def wait():
            with daemon.client() as mine:
                answers.append(lock(mine, id, wait_ms=2000))

        threads = [threading.Thread(target=wait) for _ in range(80)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = [a for a in answers if a.status == 429]
        assert 0 < len(refused) <= 16
        for answer in refused:
            answer.problem(429, "too-many-waiters")
            assert answer.headers["Retry-After"]
        assert {a.status for a in answers} == {423, 429}
        assert client.session("GET", id).status == 200
