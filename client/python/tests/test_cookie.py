"""express-session's form of the cookie."""

import pytest

from coatcheck.cookie import ExpressCookie

ID = "5nNvvYQzHB9IwVVOqUsYbk8Fd4LpJbXg"


def test_the_signature_is_express_sessions():
    # What cookie-signature 1.2 makes of it, percent-encoded as the cookie package does.
    cookie = ExpressCookie(["keyboard cat"])
    assert cookie.write("abc") == "s%3Aabc.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU"


def test_a_signed_id_is_read_back():
    cookie = ExpressCookie(["keyboard cat"])
    assert cookie.read(cookie.write(ID)) == ID


def test_an_older_secret_still_opens_and_the_first_one_signs():
    old, new = ExpressCookie(["old"]), ExpressCookie(["new", "old"])
    assert new.read(old.write(ID)) == ID
    assert old.read(new.write(ID)) is None


@pytest.mark.parametrize(
    "value",
    [ID, f"s:{ID}", f"s:{ID}.", f"s:{ID}.AAAA", f"s%3A{ID}.AAAA", "s:.", "", ExpressCookie(["keyboard cat"]).write("short")],
)
def test_anything_else_is_no_session(value):
    assert ExpressCookie(["keyboard cat"]).read(value) is None


def test_an_app_with_an_express_secret_speaks_it(make_app):
    browser = make_app(SESSION_EXPRESS_SECRET="keyboard cat", SESSION_COOKIE_NAME="connect.sid").test_client()
    browser.post("/put/user/ann")
    assert browser.get_cookie("connect.sid").value.startswith("s%3A")
    assert browser.get("/").json == {"user": "ann"}
