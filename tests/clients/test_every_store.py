"""One Flask app, unchanged, on every store: who has logged in stays so through a restart of all but the store."""

import contextlib
import sys
import time

import pytest
from conftest import APPS, COATCHECKD, ROOT, Browser, Services, free_port

import running
import store_servers

IN_PROCESS = {"memory": "memory://", "sqlite": "sqlite://{folder}/sessions.db", "file": "file://{folder}/sessions"}
KINDS = [*IN_PROCESS, *store_servers.KINDS]
rows = []


@pytest.fixture(scope="module", autouse=True)
def table(request):
    yield
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{'store':<16}{'logged in':<12}{'daemon and app restarted':<27}{'logged out':<13}{'seconds':>8}   URL")
        for kind, logged_in, stayed, logged_out, seconds, url in rows:
            print(f"{kind:<16}{logged_in:<12}{stayed:<27}{logged_out:<13}{seconds:>8.1f}   {url}")


@contextlib.contextmanager
def store_of(kind, folder):
    if kind in IN_PROCESS:
        yield IN_PROCESS[kind].format(folder=folder)
    else:
        with store_servers.server(kind) as server:
            yield server.url()


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_logged_in_stays_so(kind, tmp_path, browser):
    begin = time.monotonic()
    services = Services()
    with store_of(kind, tmp_path) as url:
        try:
            port, flask = free_port(), free_port()
            services.start("coatcheckd", [COATCHECKD], port, COATCHECK_STORE=url, COATCHECK_LISTEN=f"127.0.0.1:{port}",
                           **running.LOCAL_CREDENTIALS)
            services.start("flask", [sys.executable, "-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{flask}", "--chdir",
                                     APPS, "shop:app"],
                           flask, COATCHECK_URL=f"http://127.0.0.1:{port}", SESSION_SECRET="keyboard cat",
                           PYTHONPATH=str(ROOT / "client/python/src"), PYTHONDONTWRITEBYTECODE="1")
            shop = f"http://127.0.0.1:{flask}"
            by = time.monotonic() + 30  # some servers are asked for a table, or for their leader, at the first use
            while browser.post(f"{shop}/login/ann").status_code != 200 and time.monotonic() < by:
                time.sleep(0.1)
            browser.post(f"{shop}/cart/coat")
            logged_in = {"user": "ann", "cart": ["coat"]}
            assert browser.get(shop).json() == logged_in

            former = browser.thief()
            browser.post(f"{shop}/login/ann")
            assert (former.get(shop).json(), browser.get(shop).json()) == ({}, logged_in)

            for name in ("flask",) if kind == "memory" else ("flask", "coatcheckd"):
                services.end(name)
                services.start_again(name)
            browser.close()  # its connections, not its cookies
            assert browser.get(shop).json() == logged_in
            stayed = "app only: stayed" if kind == "memory" else "stayed logged in"

            thief = browser.thief()
            browser.post(f"{shop}/logout")
            assert browser.get(shop).json() == thief.get(shop).json() == {}
            rows.append((kind, "yes", stayed, "for good", time.monotonic() - begin, url.replace(str(tmp_path), "…")))
        finally:
            services.stop()
