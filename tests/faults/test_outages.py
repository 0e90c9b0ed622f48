"""Every backend behind a network that breaks in each of the ways that networks do.

While it is broken an answer comes within the store's deadline, soon at once, and is never that of another request; the
other store of the daemon notices nothing; when it is whole again the store is back within a second, without a restart.
"""

import contextlib
import json
import os
import threading
import time

import pytest
import yaml

import running
import store_servers
import toxiproxy
from calls import Client, new_id
from patience import FACTOR, until

DEADLINE = 0.5                # seconds, of the store
SLACK = 0.5 * FACTOR          # what a busy machine may add
BROKEN_FOR = float(os.environ.get("OUTAGE_SECONDS", "1.2"))
RECOVERY = 1.0                # what is promised; a busy machine may take twice the SLACK more
CLIENTS = 8

WAYS = {
    "cut": lambda p: p.enable(False),
    "stalled": lambda p: p.add("timeout", timeout=0),
    "black hole": lambda p: (p.add("timeout", "upstream", timeout=0), p.add("timeout", "downstream", timeout=0)),
    "reset": lambda p: p.add("reset_peer", timeout=20),
    "cut in replies": lambda p: p.add("limit_data", bytes=300),
    "slow": lambda p: p.add("latency", latency=300, jitter=300),
    "sliced": lambda p: p.add("slicer", average_size=1, size_variation=0, delay=0),
}
# After these the network is merely slow, so answers may be right.
DELIVERING = ("slow", "sliced")


class Load:
    """Clients that read and write sessions of their own, whose data names them, and note how each answer came."""

    def __init__(self, address, base):
        self.address = address
        self.base = base
        self.stop = threading.Event()
        self.answers = []  # (when it was sent, seconds that it took, status)
        self.wrong = []
        self.threads = [threading.Thread(target=self.run) for _ in range(CLIENTS)]

    def run(self):
        with Client(self.address) as client:
            ids = [new_id() for _ in range(4)]
            for n in range(1_000_000):
                if self.stop.is_set():
                    return
                id = ids[n % len(ids)]
                sent = time.monotonic()
                if n % 3 == 0:
                    answer = client.call("PUT", self.base, {"own": id, "n": n}, {"Session-Id": id})
                else:
                    answer = client.call("GET", self.base, headers={"Session-Id": id})
                    if answer.status == 200 and json.loads(answer.body)["own"] != id:
                        self.wrong.append((id, answer))
                self.answers.append((sent, time.monotonic() - sent, answer.status))
                if answer.status not in (200, 201, 204, 404, 503, 504):
                    self.wrong.append((id, answer))
                if answer.status >= 500:
                    time.sleep(0.005)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def between(self, begin, end):
        return [a for a in list(self.answers) if begin <= a[0] < end]


def percentile(answers, part):
    times = sorted(took for _, took, _ in answers)
    return times[min(len(times) - 1, int(len(times) * part))] if times else 0.0


@pytest.fixture(scope="module")
def proxies():
    one = toxiproxy.Toxiproxy(toxiproxy.build())
    yield one
    one.stop()


@contextlib.contextmanager
def daemon_on(url, folder):
    config = folder / "coatcheck.yaml"
    config.write_text(yaml.safe_dump({
        "listen": "127.0.0.1:0", "threads": 2,
        "stores": {"default": {"url": url, "deadline": f"{int(DEADLINE * 1000)}ms"}, "other": {"url": "memory://"}}}))
    daemon = running.Daemon(folder, ["--config", config]).wait_ready()
    try:
        yield daemon
    finally:
        daemon.stop()


def state_of(client):
    return client.get("/v1/stores").json["stores"]["default"]["state"]


@pytest.mark.parametrize("kind", store_servers.BEHIND_ONE_ADDRESS)
def test_an_outage_costs_the_deadline_and_ends_by_itself(kind, proxies, tmp_path, capsys):
    figures = []
    with store_servers.server(kind) as server:
        proxy = proxies.proxy(server.port)
        with daemon_on(server.url(proxy.port), tmp_path) as daemon, Client(daemon.address) as client:
            until(lambda: state_of(client) == "up", 15)
            for way, breaks in WAYS.items():
                with Load(daemon.address, "/v1/session") as load, \
                        Load(daemon.address, "/v1/stores/other/session") as other:
                    until(lambda: any(status == 200 for *_, status in list(load.answers)), 10)
                    broken = time.monotonic()
                    breaks(proxy)
                    time.sleep(BROKEN_FOR)
                    assert client.get("/healthz").status == 200
                    healed = time.monotonic()
                    proxy.heal()
                    until(lambda: all_succeed(load, max(healed, time.monotonic() - 0.2)), 15)
                during = load.between(broken, healed)
                back = [sent + took for sent, took, status in load.between(healed, time.monotonic()) if status < 500]
                recovery = min(back) - healed
                refused = [a for a in during if a[2] >= 500]
                late_half = load.between(healed - BROKEN_FOR / 2, healed)
                figures.append((way, len(during), len(refused), percentile(during, 0.99), percentile(late_half, 0.5),
                                recovery, percentile(other.between(broken, healed), 0.99)))
                assert not load.wrong and not other.wrong, (way, load.wrong[:3], other.wrong[:3])
                assert percentile(during, 1.0) < DEADLINE * 2 + SLACK, way
                assert recovery < RECOVERY + 2 * SLACK, way
                assert all(status < 500 for *_, status in other.answers)
                if way not in DELIVERING and way != "cut in replies":
                    assert refused, way
                    assert percentile(late_half, 0.5) < 0.05 * FACTOR, f"{way}: the circuit did not open"
            assert until(lambda: state_of(client) == "up", 5)
    with capsys.disabled():
        print(f"\n{kind}: deadline {DEADLINE * 1000:.0f} ms, broken for {BROKEN_FOR} s, {CLIENTS} clients")
        print(f"  {'network':<16}{'answers':>8}{'refused':>8}{'p99 ms':>9}{'median late ms':>16}"
              f"{'back after ms':>15}{'other store p99 ms':>20}")
        for way, count, refused, p99, late, recovery, other_p99 in figures:
            print(f"  {way:<16}{count:>8}{refused:>8}{p99 * 1000:>9.1f}{late * 1000:>16.2f}{recovery * 1000:>15.0f}"
                  f"{other_p99 * 1000:>20.2f}")


def all_succeed(load, since):
    answers = load.between(since, time.monotonic())
    return len(answers) > CLIENTS and all(status < 500 for *_, status in answers)
