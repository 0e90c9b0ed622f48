"""Every resource of the contract, in every form of its path, over every store."""

import base64
import hashlib
import re

import pytest

from calls import ETAG, new_id
from paths import FORMS, Session, each_form

DATA = {"user": 42, "cart": ["apple", {"pear": 2.5}], "none": None, "yes": True}
MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture
def session(api, form):
    return Session(api, new_id(), form)


def is_a_head(answer):
    assert ETAG.match(answer.headers["ETag"])
    assert 95039 <= answer.expires_in <= 95040
    return True


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/stores/default/sessions"])
def test_post_creates_under_a_new_id(api, path):
    answer = api.call("POST", path, DATA)
    assert answer.status == 201 and is_a_head(answer)
    id = answer.json["id"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", id)
    assert answer.headers["Session-Id"] == id
    assert api.get(answer.headers["Location"]).json == DATA
    assert Session(api, id).get().etag == answer.etag


def test_post_without_content_makes_an_empty_session(api):
    assert Session(api, api.create().id).get().json == {}


def test_post_makes_another_id_each_time(api):
    assert len({api.create().id for _ in range(50)}) == 50


def test_post_refuses_an_id(api):
    answer = api.call("POST", "/v1/sessions", DATA, {"Session-Id": new_id()})
    answer.problem(400, "malformed")


@each_form
def test_put_creates_then_replaces(session):
    created = session.put(DATA)
    assert created.status == 201 and is_a_head(created) and created.body == b""
    replaced = session.put({"user": 43})
    assert replaced.status == 204 and is_a_head(replaced)
    assert replaced.etag != created.etag
    assert session.get().json == {"user": 43}


@each_form
def test_get_answers_the_data_and_its_head(session):
    etag = session.put(DATA).etag
    answer = session.get()
    assert (answer.status, answer.json, answer.etag) == (200, DATA, etag) and is_a_head(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Date"].endswith(" GMT")


@each_form
@pytest.mark.parametrize("query", ["?peek", "?peek="])
def test_peek_answers_the_same(session, query):
    session.put(DATA)
    assert session.call("GET", query).json == DATA


@each_form
def test_head_answers_the_head_of_get_without_content(session):
    session.put(DATA)
    got, head = session.get(), session.head()
    assert (head.status, head.body) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == got.headers[name]
    assert session.call("HEAD", "?peek").status == 200


@each_form
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_current_copy_is_not_sent_again(session, method):
    etag = session.put(DATA).etag
    answer = session.call(method, If_None_Match=etag)
    assert (answer.status, answer.body, answer.etag) == (304, b"", etag) and is_a_head(answer)
    session.put({})
    assert session.call(method, If_None_Match=etag).status == 200


@each_form
def test_delete_ends_it_for_every_form(api, session):
    session.put(DATA)
    answer = session.delete()
    assert (answer.status, answer.body) == (204, b"")
    for form in FORMS:
        same = Session(api, session.id, form)
        for gone in (same.get(), same.peek(), same.touch(), same.meta(), same.put(DATA)):
            gone.problem(410, "ended")
        assert same.head().status == 410
    assert session.delete().status == 204


@each_form
def test_a_late_put_does_not_bring_back_what_was_ended(session):
    etag = session.put(DATA).etag
    session.delete()
    for headers in ({}, {"If_Match": etag}, {"If_Match": "*"}, {"If_None_Match": "*"}):
        session.put(DATA, **headers).problem(410, "ended")
    session.get().problem(410, "ended")


@each_form
def test_a_create_that_a_logout_overtook_is_refused(session):
    assert session.delete().status == 204  # there is nothing yet
    session.put(DATA, If_None_Match="*").problem(410, "ended")
    session.put(DATA).problem(410, "ended")


@each_form
def test_touch_answers_the_head_alone(session):
    etag = session.put(DATA).etag
    answer = session.touch()
    assert (answer.status, answer.body, answer.etag) == (204, b"", etag) and is_a_head(answer)


@each_form
def test_touch_ignores_content(session):
    session.put(DATA)
    assert session.call("POST", "/touch", {"anything": 1}).status == 204
    assert session.get().json == DATA


@each_form
def test_meta_tells_what_is_known(session):
    etag = session.put({"a": 1}, Session_Subject="user-42", Session_Label="Firefox on Linux").etag
    answer = session.meta()
    assert answer.status == 200 and answer.etag == etag and is_a_head(answer)
    meta = answer.json
    handle = base64.urlsafe_b64encode(hashlib.sha256(session.id.encode()).digest()).rstrip(b"=").decode()
    for moment in ("created", "last_seen", "expires"):
        assert MOMENT.match(meta.pop(moment))
    assert meta == {"handle": handle, "version": etag, "ends": None, "idle_timeout": 86400, "absolute_timeout": None,
                    "subject": "user-42", "label": "Firefox on Linux", "size": 4, "store": "default"}


def test_meta_of_a_session_without_subject_or_label_says_null(api):
    meta = Session(api, api.create().id).meta().json
    assert (meta["subject"], meta["label"]) == (None, None)


def test_subject_and_label_are_kept_until_they_are_sent_empty(api):
    session = Session(api, new_id())
    session.put({}, Session_Subject="user-42", Session_Label="phone")
    session.put({})
    assert (session.meta().json["subject"], session.meta().json["label"]) == ("user-42", "phone")
    session.put({}, Session_Subject="", Session_Label="")
    assert (session.meta().json["subject"], session.meta().json["label"]) == (None, None)


@each_form
def test_what_is_not_there_is_404(session):
    for answer in (session.get(), session.peek(), session.touch(), session.meta()):
        answer.problem(404, "not-found")
    assert session.head().status == 404


def test_a_handle_is_no_id(api):
    session = Session(api, api.create(DATA).id)
    Session(api, session.meta().json["handle"]).get().problem(404, "not-found")


@pytest.mark.parametrize("id", ["short", "x" * 15, "x" * 257, "bad/slash" + "x" * 16, "b@d" + "x" * 16])
def test_an_id_that_is_none_is_malformed_in_the_header(api, id):
    Session(api, id).get().problem(400, "malformed")


@pytest.mark.parametrize("id", ["short", "x" * 257, "%2e%2e%2f" + "x" * 16, "%00" + "x" * 16, "x%zz" + "x" * 16,
                                "x" * 16 + "%", "%20" + "x" * 16, "%C3%A9" + "x" * 16])
def test_an_id_that_is_none_is_malformed_in_the_path(api, id):
    Session(api, id, "path").get().problem(400, "malformed")


@pytest.mark.parametrize("id", ["x" * 16, "x" * 256, "A.b_c~d,e:f-g0123", "." * 16, "-" * 16])
def test_every_kind_of_id_works_in_both_forms(api, id):
    in_header = Session(api, id)
    assert in_header.put({"n": 1}).status in (201, 204)
    assert Session(api, id, "path").get().json == {"n": 1}
    encoded = "".join(f"%{ord(c):02X}" for c in id)
    assert Session(api, encoded, "path").get().json == {"n": 1}


def test_an_id_in_two_places_is_malformed(api):
    session = Session(api, new_id(), "path")
    session.get(Session_Id=session.id).problem(400, "malformed")


@pytest.mark.parametrize("action", ["", "/touch", "/meta"])
def test_the_header_form_needs_the_header(api, action):
    method = "POST" if action == "/touch" else "GET"
    api.call(method, "/v1/session" + action).problem(400, "malformed")


def test_stores_tells_what_each_promises(api, any_store):
    answer = api.get("/v1/stores")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == {"stores": {"default": {
        "state": "up",
        "backends": [{"kind": any_store, "state": "up", "circuit": "closed"}],
        "acknowledgement": answer.json["stores"]["default"]["acknowledgement"],
        "capabilities": {"conditional_writes": "daemon" if any_store == "memory" else "store", "tombstones": "kept",
                         "durable": any_store == "sqlite", "subjects": True},
        "limits": {"body": 1048576, "deadline_ms": 2000, "max_per_subject": None},
        "lifetimes": {"idle_timeout": 86400, "absolute_timeout": None, "anonymous_idle_timeout": None,
                      "tombstone_ms": 60000, "adopt_ids": True}}}}


def test_health_and_readiness(api):
    assert api.get("/healthz").json == {"alive": True}
    ready = {"ready": True, "draining": False, "stores": {"default": "up"}}
    assert api.get("/readyz").json == ready
    assert api.get("/readyz?strict").json == ready
    assert api.get("/readyz?strict=").json == ready


def test_metrics_are_in_prometheus_text_format(api):
    api.create()
    answer = api.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    text = answer.body.decode()
    sample = re.compile(r'^[a-z_:]+(\{([a-z_]+="[^"\\]*",?)*\})? -?[0-9.e+Inf-]+$')
    assert all(line.startswith("#") or sample.match(line) for line in text.splitlines()), text
    assert re.search(r'^coatcheck_\w*requests_total\{.*route="/v1/sessions".*\} [1-9]', text, re.MULTILINE), text
