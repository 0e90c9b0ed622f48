"""What is not served says so clearly."""

import pytest

from calls import new_id

ID = {"Session-Id": new_id()}
STORE = "/v1/stores/default"
FOR_ADMIN = [("GET", "/v1/handles/{id}"), ("DELETE", "/v1/handles/{id}"), ("GET", STORE + "/handles/{id}"),
             ("DELETE", STORE + "/handles/{id}"), ("POST", STORE + "/end-all"), ("GET", "/v1/events")]
ALLOWED = {
    "/v1/sessions": "GET POST DELETE", "/v1/session": "GET HEAD PUT PATCH DELETE",
    "/v1/sessions/{id}": "GET HEAD PUT PATCH DELETE", "/v1/session/touch": "POST", "/v1/session/meta": "GET HEAD",
    "/v1/session/rotate": "POST", "/v1/session/lock": "POST DELETE", "/v1/handles/{id}": "GET DELETE",
    STORE + "/end-all": "POST", "/v1/events": "GET", "/v1/stores": "GET HEAD", "/healthz": "GET HEAD",
    "/readyz": "GET HEAD", "/metrics": "GET HEAD",
}


@pytest.fixture(scope="module")
def daemon(start_shared):
    return start_shared()


def at(path):
    return path.replace("{id}", ID["Session-Id"])


def allowed(answer):
    return set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("method, path", FOR_ADMIN)
def test_what_is_for_operators_needs_the_scope_admin(api, method, path):
    api.call(method, at(path), {"before": "2026-01-01T00:00:00Z"}).problem(403, "forbidden")


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "TRACE", "PROPFIND", "PURGE"])
def test_a_method_that_is_not_for_the_resource_is_405(api, path, method):
    if method in ALLOWED[path].split():
        return
    answer = api.call(method, at(path))
    assert allowed(answer) == {*ALLOWED[path].split(), "OPTIONS"}
    if method == "HEAD":
        assert (answer.status, answer.body) == (405, b"")
    else:
        answer.problem(405, "method-not-allowed")


@pytest.mark.parametrize("path", ALLOWED)
def test_options_tells_what_is_allowed(api, path):
    answer = api.call("OPTIONS", at(path))
    assert (answer.status, answer.body) == (204, b"")
    assert allowed(answer) == {*ALLOWED[path].split(), "OPTIONS"}
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_options_of_the_server_tells_all_methods(api):
    answer = api.call("OPTIONS", "*")
    assert answer.status == 204
    assert allowed(answer) == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@pytest.mark.parametrize("path", [
    "/", "/v1", "/v1/", "/v2/sessions", "/v1/sessions/", "/v1/session/", "/v1/session/touch/", "/v1/session/other",
    "/v1/sessions/{id}/", "/v1/sessions/{id}/other", "/v1/sessions/{id}/touch/more", "//v1/session", "/v1//session",
    "/V1/session", "/v1/Session", "/v1/stores/", "/v1/stores/default", "/v1/stores/default/", "/v1/stores//session",
    "/v1/stores/default/default/session", "/healthz/", "/healthz/x", "/readyz/", "/metrics/", "/v1/events/",
    "/v1/handles", "/v1/handles/", "/v1/end-all", "/v1/stores/default/events", "/v1/stores/default/stores",
    "/v1/session/%2e%2e", "/.", "/v1/../healthz", "/v1/./session", "/index.html", "/favicon.ico"])
def test_any_other_path_is_404(api, path):
    api.call("GET", at(path), headers=ID if "{id}" not in path else {}).problem(404, "not-found")


@pytest.mark.parametrize("path", ["/v1/stores/other/sessions", "/v1/stores/other/session", "/v1/stores/DEFAULT/session",
                                  "/v1/stores/default%20/session", "/v1/stores/" + "x" * 500 + "/session"])
def test_a_store_that_does_not_exist_is_404(api, path):
    method, id = ("POST", {}) if path.endswith("sessions") else ("GET", ID)
    api.call(method, path, headers=id).problem(404, "not-found")


@pytest.mark.parametrize("path", ["/%68ealthz", "/%72%65adyz", "/v1/%73tores", "/%76%31/stores"])
def test_a_path_is_percent_decoded_once(api, path):
    assert api.get(path).status == 200
    api.get(path.replace("%", "%25")).problem(404, "not-found")


@pytest.mark.parametrize("path", ["/v1%2Fstores", "/healthz%00", "/%", "/%4", "/%zz", "/v1/stores/%2f/session"])
def test_a_percent_encoding_that_hides_something_is_malformed(api, path):
    api.get(path).problem(400, "malformed")


@pytest.mark.parametrize("query", ["?peak", "?peek=1", "?peek&peek", "?peek=&peek", "?peek&x=1", "?x", "?strict",
                                   "?PEEK", "?%70eek", "?peek=true", "?&peek", "?a=b&c=d"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_query_that_is_not_known_is_malformed(api, method, query):
    api.session("PUT", ID["Session-Id"], body={})
    answer = api.session(method, ID["Session-Id"], query)
    assert answer.status == 400
    if method == "GET":
        answer.problem(400, "malformed")


@pytest.mark.parametrize("method, path", [
    ("POST", "/v1/sessions?peek"), ("PUT", "/v1/session?peek"), ("DELETE", "/v1/session?peek"),
    ("POST", "/v1/session/touch?peek"), ("GET", "/v1/session/meta?peek"), ("GET", "/v1/stores?x"),
    ("GET", "/healthz?strict"), ("GET", "/readyz?strict=1"), ("GET", "/readyz?peek"), ("GET", "/metrics?name[]=x"),
    ("PUT", "/v1/session?idle=5")])
def test_a_query_where_none_belongs_is_malformed(api, method, path):
    id = ID if path.startswith("/v1/session") and not path.startswith("/v1/sessions") else {}
    api.call(method, path, {} if method != "GET" else None, id).problem(400, "malformed")


def test_unknown_headers_are_ignored(api):
    assert api.session("PUT", new_id(), body={}, X_Forwarded_For="10.0.0.1", Session_Colour="red").status == 201


@pytest.mark.parametrize("name", ["Session-Idle-Timeout", "Session-Absolute-Timeout"])
@pytest.mark.parametrize("value", ["0", "-1", "34560001", "1.5", "1s", "", "0x10", "+5", "99999999999999999999", "5 5"])
def test_a_timeout_that_is_none_is_malformed(api, name, value):
    api.call("PUT", "/v1/session", {}, {"Session-Id": new_id(), name: value}).problem(400, "malformed")


@pytest.mark.parametrize("name", ["Session-Subject", "Session-Label"])
@pytest.mark.parametrize("value", ["x" * 1025, b"\xff\xfe", "Jos\xe9".encode("latin-1")])
def test_a_subject_or_label_that_is_no_short_utf8_is_malformed(api, name, value):
    api.call("PUT", "/v1/session", {}, {"Session-Id": new_id(), name: value}).problem(400, "malformed")


@pytest.mark.parametrize("text", ["x" * 1024, "ü" * 512, "日本語 😀", 'quo"te\\', "a%20b"])
def test_a_subject_is_raw_utf8(api, text):
    id = new_id()
    assert api.call("PUT", "/v1/session", {}, {"Session-Id": id, "Session-Subject": text.encode()}).status == 201
    assert api.session("GET", id, "/meta").json["subject"] == text
