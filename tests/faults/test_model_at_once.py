"""Random operations of many clients at once on one session and its ids, on every backend, in rounds: what must hold of
their answers and of what is there afterwards, whatever their order was. In some rounds a daemon is killed on the way,
where the store outlives it; what was on its way to that may have been done or not.

MODEL_SEED repeats the choices of a run, MODEL_ROUNDS lengthens one.
"""

import concurrent.futures
import http.client
import os
import random
import threading
import time

import pytest

from daemons import KINDS, Daemons, encryption

SEED = int(os.environ.get("MODEL_SEED", time.time_ns() % 1_000_000))
ROUNDS = int(os.environ.get("MODEL_ROUNDS", "10"))
CLIENTS = 8
OPERATIONS = 4  # of each client in a round
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


class Round:
    """A session, under `first`, and what its clients know of it."""

    def __init__(self, daemons, pool, rng, prefix):
        self.daemons = daemons
        self.pool = pool
        self.rng = rng
        self.prefix = prefix
        self.kills = daemons.survives and rng.random() < 0.4
        self.first = f"{prefix}-first"
        self.ids = [self.first]   # that were answered
        self.tried = set()        # that were asked for
        self.lost = set()         # of those, without an answer
        self.patched = set()      # keys, acknowledged
        self.maybe_patched = set()
        self.history = []
        answer = self.call(0, "PUT", "", self.first, {})
        assert answer.status == 201
        self.etag = answer.etag

    def call(self, client, method, action, id, body=None, **headers):
        """None if the daemon was killed."""
        began = time.monotonic()
        try:
            answer = self.daemons.call(client, method, action, id, body,
                                       {name.replace("_", "-"): value for name, value in headers.items()})
        except (OSError, http.client.HTTPException):
            assert self.kills
            answer = None
        self.history.append((began, time.monotonic(), client, method, action, id, body, headers, answer))
        return answer

    def at_once(self, work):
        """work(client, rng) by all; with a kill among them if this is such a round."""
        start = threading.Barrier(CLIENTS + 1)

        def run(client, rng):
            start.wait()
            return work(client, rng)
        running = [self.pool.submit(run, client, random.Random(self.rng.random())) for client in range(CLIENTS)]
        start.wait()
        if self.kills:
            time.sleep(self.rng.random() * 0.03)
            self.daemons.replace(self.rng.randrange(2))
        return [one.result() for one in running]

    # What clients do. Each returns the status, None if there was no answer.

    def patch(self, client, id, key):
        self.maybe_patched.add(key)
        answer = self.call(client, "PATCH", "", id, {key: 1}, **MERGE_PATCH)
        if answer and answer.status == 200:
            assert answer.json[key] == 1
            self.patched.add(key)
        elif answer:
            self.maybe_patched.discard(key)
        return answer and answer.status

    def rotate(self, client, id, to, grace):
        self.tried.add(to)
        answer = self.call(client, "POST", "/rotate", id, {"id": to, "grace_s": grace})
        if answer is None:
            self.lost.add(to)
        elif answer.status == 200:
            self.ids.append(answer.json["id"])
        return answer and answer.status

    def new_id(self, client, number):
        return f"{self.prefix}-{client}-{number}"

    # What is there afterwards.

    def peek(self, id):
        answers = [self.call(client, "GET", "?peek", id) for client in range(2)]
        assert answers[0].status == answers[1].status, answers
        assert answers[0].etag == answers[1].etag if answers[0].status == 200 else answers[0].status in (404, 410)
        return answers[0]

    def check_one(self, leading):
        """Exactly these ids lead to the session, which is one and has all that was acknowledged."""
        found = {id: self.peek(id) for id in leading}
        assert {answer.status for answer in found.values()} == {200}, found
        assert len({answer.etag for answer in found.values()}) == 1
        data = set(next(iter(found.values())).json)
        assert self.patched <= data <= self.maybe_patched
        for id in self.tried - set(leading):
            assert self.peek(id).status in (404, 410), id

    def check_over(self):
        for _ in range(2):
            for id in self.tried | set(self.ids):
                assert self.peek(id).status in (404, 410)
                for headers in ({"If_Match": "*"}, {"If_Match": self.etag}):
                    assert self.call(0, "PUT", "", id, {}, **headers).status in (410, 412)
        for id in self.ids:
            assert self.call(1, "PUT", "", id, {}).status == 410
            assert self.call(1, "PUT", "", id, {}, If_None_Match="*").status == 410


def moves_with_grace(r):
    """Through every id that somebody was given the session is there all the time, and no patch is lost."""
    def work(client, rng):
        for n in range(OPERATIONS):
            id = rng.choice(r.ids)
            what = rng.choice(["patch", "patch", "rotate", "get", "touch"])
            if what == "patch":
                assert r.patch(client, id, f"{client}.{n}") in (200, None)
            elif what == "rotate":
                assert r.rotate(client, id, r.new_id(client, n), 60) in (200, None)
            elif what == "get":
                answer = r.call(client, "GET", "", id)
                assert answer is None or answer.status == 200
            else:
                answer = r.call(client, "POST", "/touch", id)
                assert answer is None or answer.status == 204
    r.at_once(work)
    r.check_one([*r.ids, *(id for id in r.lost if r.peek(id).status == 200)])


def moves_without_grace(r):
    """One of the rotations is done, and the old id is over from then on."""
    def work(client, rng):
        statuses = []
        for n in range(OPERATIONS):
            if rng.random() < 0.4:
                statuses.append(r.rotate(client, r.first, r.new_id(client, n), 0))
            else:
                assert r.patch(client, r.first, f"{client}.{n}") in (200, 410, None)
        return statuses
    statuses = [s for of_one in r.at_once(work) for s in of_one]
    assert statuses.count(200) <= 1 and set(statuses) <= {200, 410, None}
    given = set(r.ids[1:]) or {id for id in r.lost if r.peek(id).status == 200}
    assert len(given) == 1 or (not given and set(statuses) <= {None})
    r.check_one(given or {r.first})
    for id in given:
        assert r.peek(r.first).status == 410
        assert r.call(0, "POST", "/rotate", r.first, {"id": id}).status == 200, "whoever asks for it again gets it"


def logout(r):
    """Nothing that happens at once with an end of the session, by whichever id, brings it back."""
    ending = r.rng.randrange(CLIENTS)

    def work(client, rng):
        for n in range(OPERATIONS):
            id = rng.choice(r.ids)
            what = rng.choice(["patch", "rotate", "put", "save", "touch"])
            if client == ending and n == 1:
                while (answer := r.call(client, "DELETE", "", id)) is None:
                    pass
                assert answer.status == 204
            elif what == "patch":
                assert r.patch(client, id, f"{client}.{n}") in (200, 410, None)
            elif what == "rotate":
                assert r.rotate(client, id, r.new_id(client, n), 60) in (200, 410, None)
            elif what == "touch":
                r.call(client, "POST", "/touch", id)
            else:
                answer = r.call(client, "PUT", "", id, {}, **({"If_Match": "*"} if what == "save" else {}))
                assert answer is None or answer.status in (204, 410), answer
    r.at_once(work)
    r.check_over()


def saves_of_what_was_read(r):
    """Of saves over one version one is done, through whichever id it comes."""
    def work(client, rng):
        if client < 2:
            for n in range(OPERATIONS):
                assert r.rotate(client, rng.choice(r.ids), r.new_id(client, n), 60) in (200, None)
            return None
        answer = r.call(client, "PUT", "", rng.choice(r.ids), {str(client): 1}, If_Match=r.etag)
        assert answer is None or answer.status in (204, 412)
        return (answer.status if answer else None), str(client)
    saved = [one for one in r.at_once(work) if one]
    done = {key for status, key in saved if status == 204}
    maybe = {key for status, key in saved if status is None}
    assert len(done) == 1 or (not done and maybe), saved
    r.patched, r.maybe_patched = done, done or maybe
    r.check_one([*r.ids, *(id for id in r.lost if r.peek(id).status == 200)])


def play(kind, store, folder, **settings):
    print(f"MODEL_SEED={SEED}")
    rng = random.Random(f"{SEED} {kind}")
    rounds = [moves_with_grace, moves_without_grace, logout, saves_of_what_was_read]
    with Daemons(kind, store, folder, **settings) as daemons, concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for number in range(ROUNDS):
            r = Round(daemons, pool, rng, f"round-{SEED}-{kind}-{number}")
            try:
                rounds[number % len(rounds)](r)
            except BaseException:
                began = r.history[0][0]
                for begin, end, *step in sorted(r.history, key=lambda entry: entry[:3]):
                    print(f"{(begin - began) * 1000:8.2f} to {(end - began) * 1000:8.2f} ms", *step)
                raise


@pytest.mark.parametrize("kind", KINDS)
def test_many_at_once_find_one_session(kind, new_store, tmp_path):
    play(kind, new_store(kind), tmp_path)


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_many_at_once_find_one_session_over_encryption(kind, new_store, tmp_path):
    play(kind, new_store(kind), tmp_path, **encryption(tmp_path))
