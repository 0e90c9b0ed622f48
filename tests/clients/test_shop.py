"""One visitor, one cookie, two frameworks."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Browser


@pytest.fixture(params=["from Flask to Express", "from Express to Flask"])
def sides(request, shop):
    both = shop.flask, shop.express
    return both if request.param == "from Flask to Express" else both[::-1]


def test_who_logs_in_on_one_side_finds_the_cart_on_the_other(sides, browser):
    here, there = sides
    browser.post(f"{here}/login/ann")
    browser.post(f"{here}/cart/apple")
    assert browser.get(there).json() == {"user": "ann", "cart": ["apple"]}
    browser.post(f"{there}/cart/pear")
    assert browser.get(here).json() == {"user": "ann", "cart": ["apple", "pear"]}


def test_a_cart_from_before_the_login_is_still_there_under_a_new_id(sides, browser):
    here, there = sides
    browser.post(f"{here}/cart/apple")
    thief = browser.thief()
    browser.post(f"{there}/login/ann")
    assert browser.cookie != thief.cookie
    assert browser.get(here).json() == {"user": "ann", "cart": ["apple"]}
    assert thief.get(here).json() == thief.get(there).json() == {}


def test_a_logout_on_one_side_is_a_logout_on_the_other(sides, browser):
    here, there = sides
    browser.post(f"{here}/login/ann")
    thief = browser.thief()
    browser.post(f"{there}/logout")
    for visitor in (browser, thief):
        assert visitor.get(here).json() == visitor.get(there).json() == {}


def test_a_save_that_comes_after_the_logout_brings_nothing_back(sides, browser):
    here, there = sides
    browser.post(f"{here}/login/ann")
    thief = browser.thief()
    late = threading.Thread(target=browser.thief().post, args=(f"{here}/slow/cart/apple",))
    late.start()
    time.sleep(0.3)
    browser.post(f"{there}/logout")
    late.join()
    assert thief.get(here).json() == thief.get(there).json() == {}


def test_of_logins_on_both_sides_at_once_one_gets_the_cart(shop, browser):
    browser.post(f"{shop.flask}/cart/apple")

    def login(number):
        visitor = browser.thief()
        return visitor, visitor.post(f"{(shop.flask, shop.express)[number % 2]}/login/ann")

    with ThreadPoolExecutor(8) as pool:
        visits = list(pool.map(login, range(8)))
    assert {answer.status_code for _, answer in visits} <= {200, 409}
    carts = [visitor for visitor, _ in visits if "cart" in visitor.get(shop.flask).json()]
    assert len(carts) == 1
    assert carts[0].get(shop.express).json() == {"user": "ann", "cart": ["apple"]}
    assert browser.get(shop.flask).json() == {}


def test_requests_to_both_sides_at_once_lose_nothing(shop, browser):
    browser.post(f"{shop.flask}/login/ann")

    def put(number):
        side = (shop.flask, shop.express)[number % 2]
        return browser.thief().post(f"{side}/put/item{number}/x").status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, range(24))) == {200}
    assert set(browser.get(shop.flask).json()) == {"user", *(f"item{number}" for number in range(24))}


def test_visitors_are_never_mixed_up(shop):
    def visit(number):
        with Browser() as browser:
            browser.post(f"{(shop.flask, shop.express)[number % 2]}/login/visitor{number}")
            return all(
                browser.get(side).json() == {"user": f"visitor{number}"}
                for _ in range(5)
                for side in (shop.flask, shop.express)
            )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(visit, range(24)))


def test_both_sides_see_the_same_values(sides, browser):
    here, there = sides
    browser.post(f"{here}/values")
    assert browser.get(f"{there}/values").json() == {}
    browser.post(f"{there}/put/user/ann")
    assert browser.get(f"{here}/values").json() == {}


def test_nothing_of_a_frameworks_own_is_in_the_data(shop, browser):
    browser.post(f"{shop.express}/cart/apple")
    browser.post(f"{shop.flask}/cart/pear")
    assert browser.get(shop.flask).json() == {"cart": ["apple", "pear"]}


def test_visitors_without_a_session_get_no_cookie(shop, browser):
    for side in (shop.flask, shop.express):
        browser.get(side)
        browser.get(f"{side}/hello")
    assert browser.cookie is None


def test_a_cookie_that_another_secret_signed_is_no_session(sides, browser):
    here, there = sides
    browser.post(f"{here}/login/ann")
    forged = browser.cookie[:-3] + ("AAA" if browser.cookie[-3:] != "AAA" else "BBB")
    browser.cookies.clear()
    browser.cookies.set("sid", forged)
    assert browser.get(here).json() == browser.get(there).json() == {}


def test_nobody_is_logged_out_by_a_killed_daemon(shop, browser):
    browser.post(f"{shop.flask}/login/ann")
    browser.post(f"{shop.express}/cart/apple")
    cookie = browser.cookie
    shop.kill("coatcheckd")
    for side in (shop.flask, shop.express):
        answer = browser.get(side)
        assert answer.status_code >= 500
        assert "Set-Cookie" not in answer.headers
    shop.start_again("coatcheckd")
    for side in (shop.flask, shop.express):
        for _ in range(12):  # so that most workers have their turn
            assert browser.get(side).json() == {"user": "ann", "cart": ["apple"]}
    assert browser.cookie == cookie
    browser.post(f"{shop.express}/cart/pear")
    assert browser.get(shop.flask).json()["cart"] == ["apple", "pear"]
