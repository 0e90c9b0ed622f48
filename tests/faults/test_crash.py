"""kill -9 under load: what was acknowledged is there after the restart."""

import http.client
import os
import random
import threading
import time

import running

CYCLES = int(os.environ.get("CRASH_CYCLES", "200"))
SEED = int(os.environ.get("CRASH_SEED", time.time_ns() % 1_000_000))
WRITERS = 8
SESSIONS_EACH = 4


class Session:
    """What one writer knows of one of its sessions: the last acknowledged state, and what may have landed since."""

    def __init__(self, name):
        self.name = name
        self.generation = 0
        self.acknowledged = None  # a number, or "ended"; None: never written
        self.possible = []        # sent, and not answered

    @property
    def id(self):
        return f"{self.name}-{self.generation}"

    def may_hold(self, found):
        return found == self.acknowledged or found in self.possible

    def settle(self, found):
        """After a restart the state is known again. An ended session makes room for a new one."""
        self.acknowledged, self.possible = found, []
        if found == "ended":
            self.generation += 1
            self.acknowledged = None


def request(connection, method, session, body=None):
    headers = {"Session-Id": session.id}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, "/v1/session", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def write_until_killed(port, sessions, numbers, rng, killed, failures):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while not killed.is_set():
        session = rng.choice(sessions)
        if session.acknowledged is not None and rng.random() < 0.05:
            method, new, body, expected = "DELETE", "ended", None, (204,)
        else:
            new = next(numbers)
            method, body, expected = "PUT", f'{{"n":{new}}}', (201, 204)
        session.possible.append(new)
        try:
            status, text = request(connection, method, session, body)
        except (OSError, http.client.HTTPException):
            return
        if status not in expected:
            failures.append((method, session.id, status, text))
            return
        session.settle(new)


def read_back(port, session):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    status, text = request(connection, "GET", session)
    connection.close()
    if status == 404:
        return None
    if status == 410:
        return "ended"
    assert status == 200, (status, text)
    return int(text.removeprefix(b'{"n":').removesuffix(b"}"))


def start(url, folder):
    environment = {"COATCHECK_STORE": url, "COATCHECK_LISTEN": "127.0.0.1:0"}
    return running.Daemon(folder, environment=environment).wait_ready()


def crash_loop(url, folder, cycles, seed):
    """Returns what was lost, came back or was torn; and how many acknowledged writes there were, and the restarts' times."""
    print(f"seed {seed}")
    rng = random.Random(seed)
    numbers = iter(range(1, 1 << 60))
    sessions = [[Session(f"crash-{seed}-{w}-{s}") for s in range(SESSIONS_EACH)] for w in range(WRITERS)]
    wrong, failures, restarts, written = [], [], [], 0
    daemon = start(url, folder)
    for _ in range(cycles):
        killed = threading.Event()
        first = next(numbers)
        writers = [threading.Thread(target=write_until_killed,
                                    args=(daemon.port, own, numbers, random.Random(rng.random()), killed, failures))
                   for own in sessions]
        for writer in writers:
            writer.start()
        time.sleep(rng.uniform(0.005, 0.2))
        daemon.kill()
        killed.set()
        for writer in writers:
            writer.join()
        written += next(numbers) - first
        started = time.monotonic()
        daemon = start(url, folder)
        restarts.append(time.monotonic() - started)
        for session in (s for own in sessions for s in own):
            found = read_back(daemon.port, session)
            if not session.may_hold(found):
                wrong.append((session.id, found, session.acknowledged, session.possible))
            session.settle(found)
    daemon.kill()
    assert not failures, failures[:5]
    restarts.sort()
    print(f"{cycles} kills, {written} writes sent, restart to ready: median {restarts[len(restarts) // 2] * 1000:.0f} ms, "
          f"99th percentile {restarts[len(restarts) * 99 // 100] * 1000:.0f} ms")
    return wrong


def test_no_acknowledged_write_on_sqlite_is_lost_by_kill_9(tmp_path, new_store):
    assert crash_loop(new_store("sqlite"), tmp_path, CYCLES, SEED) == []


def test_no_acknowledged_write_in_files_is_lost_by_kill_9(tmp_path, new_store):
    store = new_store("file")
    assert crash_loop(store, tmp_path, max(CYCLES // 4, 1), SEED) == []
    assert running.run("--check", folder=tmp_path, COATCHECK_STORE=store).returncode == 0


def test_the_check_sees_the_loss_on_a_store_that_keeps_nothing(tmp_path, new_store):
    assert crash_loop(new_store("memory"), tmp_path, 3, SEED) != []
