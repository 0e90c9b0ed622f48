"""A store that hangs behind a daemon that works."""

import signal
import time

import pytest


@pytest.mark.parametrize("shop", ["redis over a Unix socket"], indirect=True)
def test_a_store_that_hangs_is_an_error_in_time_and_logs_nobody_out(shop, browser):
    here, there = shop.flask, shop.express
    browser.post(f"{here}/login/ann")
    shop.signal("redis", signal.SIGSTOP)
    started = time.monotonic()
    answer = browser.post(f"{here}/cart/apple")
    took = time.monotonic() - started
    shop.signal("redis", signal.SIGCONT)
    assert answer.status_code >= 500 and "Set-Cookie" not in answer.headers
    assert took < 6.5
    deadline = time.monotonic() + 10
    while browser.get(there).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert browser.get(there).json()["user"] == "ann"
    assert browser.get(here).json()["user"] == "ann"
