"""Random operations on sessions and their ids, one after the other through two daemons, compared with a model, on every
backend. Daemons are killed between the steps where the store outlives them.

MODEL_SEED repeats a run, MODEL_STEPS lengthens one.
"""

import base64
import hashlib
import os
import random
import time

import pytest

import running
from daemons import KINDS, Daemons, encryption
from model import ENDED, Alias, Model, Refused

SEED = int(os.environ.get("MODEL_SEED", time.time_ns() % 1_000_000))
STEPS = int(os.environ.get("MODEL_STEPS", "250"))
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


def handle(id):
    return base64.urlsafe_b64encode(hashlib.sha256(id.encode()).digest()).rstrip(b"=").decode()


class Walk:
    """One random walk over the operations, step by step. Each method that begins with do_ is one of them."""

    def __init__(self, daemons, rng, prefix):
        self.daemons = daemons
        self.rng = rng
        self.model = Model()
        self.prefix = prefix
        self.made = 0
        self.steps = []
        self.subjects = [f"{prefix}-ada", f"{prefix}-bob", ""]
        # Subject to the ids that were lately, or were to become, the subject's: its end ends what may be in flight.
        self.suspects = {}
        stores = daemons.call(0, "GET", "/v1/stores", None).json["stores"]
        self.lists_subjects = stores["default"]["capabilities"]["subjects"]
        self.operations = [(getattr(self, name), weight) for name, weight in {
            "do_get": 6, "do_head": 1, "do_meta": 2, "do_put": 6, "do_patch": 4, "do_touch": 2, "do_rotate": 8,
            "do_end": 1, "do_lock": 1, "do_unlock": 1, "do_list": 1, "do_end_subject": 0.2}.items()]

    def new_id(self):
        self.made += 1
        return f"{self.prefix}-{self.made}"

    def an_id(self):
        """Mostly one that leads to a session."""
        at = self.rng.random()
        living = self.living()
        if living and at < 0.85:
            return self.rng.choice(living)
        return self.rng.choice(list(self.model.at)[-30:]) if living and at < 0.95 else self.new_id()

    def living(self):
        return [id for id in self.model.at if self.model.leads_on(id)][-6:]

    def data(self):
        return {f"k{self.rng.randrange(4)}": self.rng.choice([1, "two", [3], {"four": self.rng.randrange(9)}])
                for _ in range(self.rng.randrange(4))}

    def token(self, id):
        """Mostly the right one, if there is one."""
        session = self.model.leads_on(id)
        if session and session.token and self.rng.random() < 0.7:
            return session.token
        return self.rng.choice([None, None, None, 5])

    def sometimes(self, probability, choices):
        return self.rng.choice(choices) if self.rng.random() < probability else None

    def send(self, method, action, id, body=None, headers=None):
        headers = {name: str(value) for name, value in (headers or {}).items() if value is not None}
        number = self.rng.randrange(2)
        step = (number, method, action, id, body, headers)
        self.steps.append(step)
        answer = self.daemons.call(number, method, action, id, body, headers)
        self.steps[-1] = (*step, answer.status)
        return answer

    def is_refused(self, answer, refused):
        assert answer.status == refused.status, answer

    def has_etag(self, answer, session):
        assert answer.etag == session.etag

    def has_new_etag(self, answer, session):
        assert answer.etag != session.etag
        session.etag = answer.etag

    # Reads

    def do_get(self):
        id, query = self.an_id(), self.rng.choice(["", "?peek"])
        answer = self.send("GET", query, id)
        try:
            session = self.model.session(id)
        except Refused as no:
            return self.is_refused(answer, no)
        assert answer.status == 200 and answer.json == session.data
        self.has_etag(answer, session)

    def do_head(self):
        id = self.an_id()
        answer = self.send("HEAD", "", id)
        try:
            self.has_etag(answer, self.model.session(id))
        except Refused as no:
            self.is_refused(answer, no)

    def do_meta(self):
        id = self.an_id()
        answer = self.send("GET", "/meta", id)
        try:
            session = self.model.session(id)
        except Refused as no:
            return self.is_refused(answer, no)
        assert (answer.json["version"], answer.json["subject"]) == (session.etag, session.subject)

    def do_touch(self):
        id = self.an_id()
        answer = self.send("POST", "/touch", id)
        try:
            session = self.model.session(id)
        except Refused as no:
            return self.is_refused(answer, no)
        assert answer.status == 204
        self.has_etag(answer, session)

    # Writes

    def do_put(self):
        id = self.an_id() if len(self.living()) > self.rng.randrange(6) else self.new_id()
        data, subject = self.data(), self.sometimes(0.2, self.subjects)
        token = self.token(id)
        self.suspect(subject, id)
        session = self.model.leads_on(id)
        if_match = self.sometimes(0.5, ["*", session.etag if session else '"0123456789abcdef"', '"0123456789abcdef"'])
        if_none_match = None if if_match else self.sometimes(0.3, ["*"])
        answer = self.send("PUT", "", id, data, {"If-Match": if_match, "If-None-Match": if_none_match,
                                                  "Session-Lock": token, "Session-Subject": subject})
        try:
            created = self.model.put(id, data, if_match, if_none_match, token, subject)
        except Refused as no:
            return self.is_refused(answer, no)
        assert answer.status == (201 if created else 204), answer
        # A login by an old id was the last that this could do.
        self.has_new_etag(answer, session or self.model.session(id))

    def do_patch(self):
        id, patch = self.an_id(), {**self.data(), **{f"k{self.rng.randrange(4)}": None}}
        token, session = self.token(id), self.model.leads_on(id)
        if_match = self.sometimes(0.3, [session.etag, '"0123456789abcdef"', "*"]) if session else None
        answer = self.send("PATCH", "", id, patch, {**MERGE_PATCH, "If-Match": if_match, "Session-Lock": token})
        try:
            merged = self.model.patch(id, patch, if_match, token)
        except Refused as no:
            return self.is_refused(answer, no)
        assert answer.status == 200 and answer.json == merged
        self.has_new_etag(answer, self.model.session(id))

    def do_rotate(self):
        id, grace = self.an_id(), self.rng.choice([0, 60, 60])
        token, subject = self.token(id), self.sometimes(0.3, self.subjects)
        to = self.rng.choice([None, self.new_id(), self.new_id(), self.an_id()])
        session = self.model.leads_on(id)
        self.suspect(subject if subject is not None or not session else session.subject, to)
        body = {"grace_s": grace, **({"id": to} if to else {})}
        answer = self.send("POST", "/rotate", id, body, {"Session-Lock": token, "Session-Subject": subject})
        try:
            named = self.model.rotate(id, to, grace, token, subject)
        except Refused as no:
            return self.is_refused(answer, no)
        assert answer.status == 200, answer
        if named is None:
            named = answer.json["id"]
            assert named not in self.model.at
            self.model.move(named)
            self.suspect(self.model.session(named).subject, named)
        assert answer.json == {"id": named}
        assert answer.headers["Session-Id"] == named
        self.has_etag(answer, self.model.session(named))

    def do_end(self):
        id = self.an_id()
        assert self.send("DELETE", "", id).status == 204
        self.model.end(id)

    # Locks

    def do_lock(self):
        id = self.an_id()
        answer = self.send("POST", "/lock", id, {"lease_ms": 60000})
        try:
            session = self.model.lock(id)
        except Refused as no:
            return self.is_refused(answer, no)
        assert answer.status == 200, answer
        assert answer.json["token"] > session.token
        session.token = answer.json["token"]

    def do_unlock(self):
        id = self.an_id()
        token = self.token(id) or 5
        answer = self.send("DELETE", "/lock", id, headers={"Session-Lock": token})
        try:
            self.model.unlock(id, token)
        except Refused as no:
            return self.is_refused(answer, no)
        assert answer.status == 204, answer

    # Subjects

    def suspect(self, subject, id):
        if subject and id:
            self.suspects.setdefault(subject, set()).add(id)
            if self.model.leads_on(id):
                self.suspects[subject].add(self.model.place(id))

    def of_subject(self, method):
        subject = self.rng.choice(self.subjects[:2])
        answer = self.send(method, "/v1/sessions", None, headers={"Session-Subject": subject})
        if not self.lists_subjects:
            assert answer.status == 501, answer
            return subject, None
        assert answer.status == 200, answer
        return subject, answer.json

    def do_list(self):
        subject, listed = self.of_subject("GET")
        if listed:
            expected = [handle(id) for id in self.model.of_subject(subject)]
            assert sorted(s["handle"] for s in listed["sessions"]) == sorted(expected)

    def do_end_subject(self):
        subject, done = self.of_subject("DELETE")
        if not done:
            return
        ended = self.model.of_subject(subject)
        for id in ended:
            self.model.at[id] = ENDED
        also = 0
        for id in self.suspects.pop(subject, ()):
            while isinstance(there := self.model.at.get(id), Alias):
                id = there.target
            if there != ENDED and self.send("GET", "?peek", id).status == 410:
                self.model.at[id] = ENDED
                also += there is not None
        assert done["ended"] == len(ended) + also

    def run(self, steps):
        for _ in range(steps):
            operation, = self.rng.choices([o for o, _ in self.operations], [w for _, w in self.operations])
            operation()
            if self.daemons.survives and self.rng.random() < 0.015:
                self.steps.append("kill")
                self.daemons.replace(self.rng.randrange(2))
        for id in list(self.model.at):
            answer = self.send("GET", "?peek", id)
            session = self.model.leads_on(id)
            assert answer.status == (200 if session else 410), answer
            assert not session or answer.json == session.data


def walk(kind, store, folder, seed=SEED, binary=running.BINARY, **settings):
    print(f"MODEL_SEED={seed}")
    with Daemons(kind, store, folder, binary, **settings) as daemons:
        one = Walk(daemons, random.Random(f"{seed} {kind}"), f"walk-{seed}-{kind}")
        try:
            one.run(STEPS)
        except BaseException:
            print(*one.steps[-60:], sep="\n")
            raise


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_is_the_models(kind, new_store, tmp_path):
    walk(kind, new_store(kind), tmp_path)


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_every_answer_is_the_models_over_encryption(kind, new_store, tmp_path):
    walk(kind, new_store(kind), tmp_path, **encryption(tmp_path))


def test_a_daemon_that_does_not_compare_versions_is_found_out(new_store, tmp_path):
    with pytest.raises(AssertionError, match="== 412"):
        walk("memory", new_store("memory"), tmp_path, 1, os.environ["COATCHECKD_WITHOUT_COMPARE"])
