"""Concurrent writers of one session, through one daemon and through two."""

import threading

import pytest

from calls import new_id
from patience import FACTOR
from paths import Session

WRITERS = 100
# What a writer adds; retries grow with the number of writers, and a build with a sanitizer is slow at them.
EACH = 3 if FACTOR == 1 else 1


@pytest.fixture(scope="module")
def one(start_shared, new_store, any_store):
    daemon = start_shared(new_store(any_store))
    return [daemon]


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def two(request, start_shared, new_store):
    store = new_store(request.param)
    return [start_shared(store), start_shared(store)]


def all_at_once(work):
    """Runs work(0), work(1), … in threads of their own, from one moment on; fails as they do."""
    start, failures = threading.Barrier(WRITERS), []

    def run(number):
        try:
            start.wait()
            work(number)
        except BaseException as e:
            failures.append(e)
            raise

    threads = [threading.Thread(target=run, args=(n,)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def count_up(daemons):
    """Each writer reads, adds one and saves over what it read, again and again until it is taken."""
    id = new_id()
    with daemons[0].client() as client:
        Session(client, id).put({"count": 0, "by": {}})
    refused = []

    def write(number):
        with daemons[number % len(daemons)].client() as client:
            session = Session(client, id)
            for _ in range(EACH):
                while True:
                    read = session.get()
                    data = read.json
                    data["count"] += 1
                    data["by"][str(number)] = data["by"].get(str(number), 0) + 1
                    answer = session.put(data, If_Match=read.etag)
                    if answer.status == 204:
                        break
                    assert answer.problem(412, "precondition-failed")["etag"] == answer.etag != read.etag
                    refused.append(number)

    all_at_once(write)
    assert refused, "they did not meet"
    with daemons[-1].client() as client:
        data = Session(client, id).get().json
    assert data["count"] == WRITERS * EACH
    assert data["by"] == {str(n): EACH for n in range(WRITERS)}


def overwrite(daemons):
    """Without a precondition the last write wins, whole."""
    id = new_id()
    values = [{"by": n, "filler": [n] * 500} for n in range(WRITERS)]
    etags = {}

    def write(number):
        with daemons[number % len(daemons)].client() as client:
            session = Session(client, id)
            etags[number] = session.put(values[number]).etag
            read = session.get().json
            assert read == values[read["by"]]

    all_at_once(write)
    assert len(set(etags.values())) == WRITERS
    for daemon in daemons:
        with daemon.client() as client:
            last = Session(client, id).get()
            assert last.json == values[last.json["by"]]
            assert last.etag == etags[last.json["by"]]


def create(daemons):
    """Of all that create only if there is nothing, one succeeds."""
    id = new_id()
    created = []

    def write(number):
        with daemons[number % len(daemons)].client() as client:
            answer = Session(client, id).put({"by": number}, If_None_Match="*")
            if answer.status == 201:
                created.append(number)
            else:
                answer.problem(412, "precondition-failed")

    all_at_once(write)
    assert len(created) == 1
    with daemons[-1].client() as client:
        assert Session(client, id).get().json == {"by": created[0]}


def end(daemons):
    """A delete among writers: nothing comes back after it."""
    id = new_id()
    with daemons[0].client() as client:
        Session(client, id).put({"n": -1})
    ended = threading.Event()

    def write(number):
        with daemons[number % len(daemons)].client() as client:
            session = Session(client, id)
            if number == WRITERS // 2:
                assert session.delete().status == 204
                ended.set()
            for _ in range(5):
                over = ended.is_set()
                answer = session.put({"n": number}, **({"If_Match": "*"} if number % 3 else {}))
                assert answer.status == 410 if over else answer.status in (204, 410), answer

    all_at_once(write)
    for daemon in daemons:
        with daemon.client() as client:
            Session(client, id).get().problem(410, "ended")


def use(daemons):
    """Reads that extend, among writers, take no write back."""
    id = new_id()
    with daemons[0].client() as client:
        Session(client, id).put({"n": 0}, Session_Idle_Timeout=1)
    done = threading.Event()
    written = []

    def work(number):
        with daemons[number % len(daemons)].client() as client:
            session = Session(client, id)
            if number == 0:
                try:
                    for n in range(1, 60):
                        written.append(session.put({"n": n}, If_Match="*").etag)
                        assert session.get().json == {"n": n}
                finally:
                    done.set()
            while not done.wait(0.02):
                assert session.touch().status == 204
                assert session.get().status == 200

    all_at_once(work)
    with daemons[-1].client() as client:
        last = Session(client, id).peek()
        assert (last.json, last.etag) == ({"n": 59}, written[-1])


each_way = pytest.mark.parametrize("meet", [count_up, overwrite, create, end, use], ids=lambda f: f.__name__)


@each_way
def test_writers_meet_in_one_daemon(one, meet):
    meet(one)


@each_way
def test_writers_meet_in_two_daemons_over_one_store(two, meet):
    meet(two)
