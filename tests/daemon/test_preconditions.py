"""The caller chooses per request how concurrent writes meet; the same over every store."""

import pytest

from calls import new_id
from paths import Session, each_form

STRANGE = '"no version of ours"'
OTHER = '"0123456789abcdef"'
NONE_SUCH = [OTHER, STRANGE, '""', f"{OTHER}, {STRANGE}"]


@pytest.fixture
def session(api):
    one = Session(api, new_id())
    one.etag = one.put({"n": 1}).etag
    return one


@pytest.fixture
def unknown(api):
    return Session(api, new_id())


def is_refused(answer, etag):
    """412 that names the current version in the header and in the problem."""
    assert answer.etag == etag
    assert answer.problem(412, "precondition-failed")["etag"] == etag
    return True


def is_refused_without_version(answer):
    assert answer.headers["ETag"] is None
    assert "etag" not in answer.problem(412, "precondition-failed")
    return True


def test_without_a_precondition_the_last_write_wins(session):
    assert session.put({"n": 2}).status == 204
    assert session.put({"n": 3}).status == 204
    assert session.get().json == {"n": 3}


def test_the_version_changes_with_every_write_even_of_the_same_data(session):
    etags = [session.etag] + [session.put({"n": 1}).etag for _ in range(5)]
    assert len(set(etags)) == len(etags)
    assert session.get().etag == etags[-1]


def test_the_version_does_not_change_with_use(session):
    for answer in (session.get(), session.peek(), session.head(), session.touch(), session.meta()):
        assert answer.etag == session.etag


@each_form
def test_a_write_over_the_version_it_read_is_taken(api, session, form):
    answer = Session(api, session.id, form).put({"n": 2}, If_Match=session.etag)
    assert answer.status == 204 and answer.etag != session.etag
    assert session.get().json == {"n": 2}


@each_form
def test_a_write_over_an_older_version_is_refused_and_changes_nothing(api, session, form):
    now = session.put({"n": 2}).etag
    assert is_refused(Session(api, session.id, form).put({"n": 3}, If_Match=session.etag), now)
    assert (session.get().json, session.get().etag) == ({"n": 2}, now)


def test_a_refused_write_changes_no_subject_and_no_timeout(session):
    before = session.meta().json
    session.put({}, If_Match=OTHER, Session_Subject="thief", Session_Idle_Timeout=5)
    session.put({}, If_None_Match="*", Session_Subject="thief", Session_Idle_Timeout=5)
    after = session.meta().json
    assert (after["subject"], after["idle_timeout"]) == (before["subject"], before["idle_timeout"])


@pytest.mark.parametrize("others", NONE_SUCH)
def test_a_tag_of_nobody_matches_nothing(session, unknown, others):
    assert is_refused(session.put({}, If_Match=others), session.etag)
    assert is_refused_without_version(unknown.put({}, If_Match=others))
    unknown.get().problem(404, "not-found")


@pytest.mark.parametrize("before, after", [(OTHER + ", ", ""), ("", ", " + OTHER), (STRANGE + ",", "," + OTHER),
                                           ("W/" + OTHER + " ,\t", ""), (",, ", " ,,")])
def test_one_of_a_list_has_to_match(session, before, after):
    assert session.put({"n": 2}, If_Match=before + session.etag + after).status == 204
    assert is_refused(session.put({"n": 3}, If_Match=before + session.etag + after), session.get().etag)


def test_a_list_may_come_in_several_fields(api, session):
    connection = api.connection
    connection.putrequest("PUT", "/v1/session")
    for name, value in (("Session-Id", session.id), ("If-Match", OTHER), ("If-Match", session.etag),
                        ("Content-Length", "2")):
        connection.putheader(name, value)
    connection.endheaders(b"{}")
    response = connection.getresponse()
    response.read()
    assert response.status == 204


def test_a_list_on_a_session_that_is_not_there_is_refused(unknown):
    assert is_refused_without_version(unknown.put({}, If_Match=f"{OTHER}, {STRANGE}"))


def test_a_list_on_an_ended_session_is_410(session):
    session.delete()
    session.put({}, If_Match=f"{OTHER}, {session.etag}").problem(410, "ended")


def test_weak_tags_never_match_a_write(session):
    assert is_refused(session.put({}, If_Match="W/" + session.etag), session.etag)
    assert is_refused(session.put({}, If_Match=f"W/{session.etag}, {OTHER}"), session.etag)


def test_a_star_writes_only_over_what_exists(session, unknown):
    assert session.put({"n": 2}, If_Match="*").status == 204
    assert is_refused_without_version(unknown.put({}, If_Match="*"))
    unknown.get().problem(404, "not-found")


def test_only_one_create_succeeds(session, unknown):
    assert unknown.put({"n": 1}, If_None_Match="*").status == 201
    assert is_refused(unknown.put({"n": 2}, If_None_Match="*"), unknown.get().etag)
    assert unknown.get().json == {"n": 1}


@pytest.mark.parametrize("headers", [{}, {"If_Match": "*"}, {"If_Match": OTHER}, {"If_None_Match": "*"}])
def test_every_write_over_an_ended_session_is_410(session, unknown, headers):
    session.delete()
    session.put({}, **headers).problem(410, "ended")
    unknown.delete()
    unknown.put({}, **headers).problem(410, "ended")


@pytest.mark.parametrize("tag", ["no-quotes", '"open', 'open"', "", "W/", 'W/"open', '"a" "b"', '"a", *', '*, "a"',
                                 "**"])
def test_what_is_no_tag_is_malformed(session, tag):
    session.put({}, If_Match=tag).problem(400, "malformed")
    session.get(If_None_Match=tag).problem(400, "malformed")
    assert session.get().json == {"n": 1}


@pytest.mark.parametrize("headers", [{"If_None_Match": OTHER}, {"If_None_Match": "*, *"}, {"If_None_Match": ""},
                                     {"If_None_Match": "*", "If_Match": "*"},
                                     {"If_None_Match": "*", "If_Match": OTHER}])
def test_put_takes_no_other_if_none_match(session, unknown, headers):
    session.put({}, **headers).problem(400, "malformed")
    unknown.put({}, **headers).problem(400, "malformed")


@pytest.mark.parametrize("method, action, headers", [
    ("GET", "", {"If_Match": "*"}), ("GET", "?peek", {"If_Match": OTHER}), ("DELETE", "", {"If_Match": "*"}),
    ("DELETE", "", {"If_None_Match": "*"}), ("POST", "/touch", {"If_Match": "*"}),
    ("POST", "/touch", {"If_None_Match": OTHER}), ("GET", "/meta", {"If_Match": OTHER}),
    ("GET", "/meta", {"If_None_Match": OTHER})])
def test_elsewhere_preconditions_are_malformed(session, method, action, headers):
    session.call(method, action, **headers).problem(400, "malformed")
    assert session.get().status == 200


@pytest.mark.parametrize("headers", [{"If-Match": "*"}, {"If-None-Match": "*"}])
def test_post_takes_no_precondition(api, headers):
    api.call("POST", "/v1/sessions", {}, headers).problem(400, "malformed")


@pytest.mark.parametrize("tags", ["{}", "W/{}", OTHER + ", {}", "{} , " + STRANGE, "W/" + OTHER + ",W/{}", "*"])
@pytest.mark.parametrize("how", ["GET", "GET ?peek", "HEAD"])
def test_a_read_compares_weakly(session, tags, how):
    method, _, query = how.partition(" ")
    answer = session.call(method, query, If_None_Match=tags.format(session.etag))
    assert (answer.status, answer.body, answer.etag) == (304, b"", session.etag)


@pytest.mark.parametrize("tags", NONE_SUCH)
def test_a_read_of_a_newer_version_is_whole(session, tags):
    assert session.get(If_None_Match=tags).json == {"n": 1}


def test_a_conditional_read_of_what_is_not_there_is_404_and_of_the_ended_410(session, unknown):
    unknown.get(If_None_Match="*").problem(404, "not-found")
    session.delete()
    session.get(If_None_Match=session.etag).problem(410, "ended")
