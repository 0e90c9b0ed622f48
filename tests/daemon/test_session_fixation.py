"""Nobody gets into a session by an id that was known before its login."""

import pytest

from calls import new_id


@pytest.mark.parametrize("grace", [0, 60])
def test_a_login_changes_the_id_and_the_old_one_is_over_at_once(api, grace):
    planted = new_id()
    assert api.session("PUT", planted, body={"cart": ["apple"]}).status == 201
    login = api.session("POST", planted, "/rotate", {"grace_s": grace}, Session_Subject="ada")
    assert login.status == 200 and login.json["id"] != planted
    api.session("GET", planted).problem(410, "ended")
    api.session("PUT", planted, body={}).problem(410, "ended")
    api.session("POST", planted, "/rotate", {"grace_s": grace}).problem(410, "ended")
    assert api.session("GET", login.json["id"]).json == {"cart": ["apple"]}
    assert api.session("GET", login.json["id"], "/meta").json["subject"] == "ada"


def test_an_id_of_somebody_elses_choice_is_not_adopted_where_that_is_forbidden(start, new_store, any_store):
    with start(stores={"default": {"url": new_store(any_store), "adopt_ids": False}}).client() as client:
        client.session("PUT", new_id(), body={}).problem(404, "not-found")
        assert client.session("GET", client.create().id).status == 200
