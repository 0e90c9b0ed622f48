"""Data as JSON and MessagePack, and what is refused."""

import json
import math
import re

import msgpack
import pytest

from calls import new_id
from paths import Session

JSON, MSGPACK, VND = "application/json", "application/msgpack", "application/vnd.msgpack"
LIMIT = 4096


@pytest.fixture(scope="module")
def small(start_shared):
    """A daemon that takes 4 KiB."""
    return start_shared(limits={"body": LIMIT})


@pytest.fixture
def small_api(small):
    with small.client() as client:
        yield client


@pytest.fixture(scope="module")
def daemon(start_shared):
    return start_shared()


@pytest.fixture
def session(api):
    return Session(api, new_id())


def put_json(session, text):
    return session.put(text if isinstance(text, bytes) else text.encode(), Content_Type=JSON)


def packed(session):
    answer = session.get(Accept=MSGPACK)
    assert answer.headers["Content-Type"] == MSGPACK, answer
    return msgpack.unpackb(answer.body, strict_map_key=False)


@pytest.mark.parametrize("type", [MSGPACK, VND])
def test_msgpack_comes_back_byte_for_byte_whatever_its_widths(session, type):
    # 7 as uint32, a float32, a string as str16, a bin8 and an ext8.
    body = bytes.fromhex("85 a161 ce00000007 a162 ca3fc00000 a163 da000178 a164 c40200ff a165 c70203 0102")
    assert session.put(body, Content_Type=type).status == 201
    answer = session.get(Accept=type)
    assert (answer.body, answer.headers["Content-Type"]) == (body, type)
    assert session.meta().json["size"] == len(body)


@pytest.mark.parametrize("type", [None, JSON, "application/json; charset=utf-8", "Application/JSON",
                                  'application/json;charset="utf-8";v=1', "application/json ; x=y"])
def test_json_is_taken_as(session, type):
    headers = {"Content_Type": type} if type else {}
    assert session.put(b'{"a": 1}', **headers).status == 201
    assert packed(session) == {"a": 1}


@pytest.mark.parametrize("type", ["application/msgpack; x=y", "APPLICATION/MSGPACK", VND])
def test_msgpack_is_taken_as(session, type):
    assert session.put(msgpack.packb({"a": 1}), Content_Type=type).status == 201
    assert session.get().json == {"a": 1}


@pytest.mark.parametrize("type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "", "json",
                                  "application/json, application/msgpack", "application/merge-patch+json",
                                  "application/jsonx", "application/problem+json"])
def test_another_content_type_is_415(api, session, type):
    session.put(b"{}", Content_Type=type).problem(415, "unsupported-media-type")
    api.call("POST", "/v1/sessions", b"{}", {"Content-Type": type}).problem(415, "unsupported-media-type")
    session.get().problem(404, "not-found")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "x"])
def test_a_content_encoding_is_415(session, coding):
    session.put(b"{}", Content_Encoding=coding).problem(415, "unsupported-media-type")


@pytest.mark.parametrize("coding", ["identity", "Identity"])
def test_identity_is_no_content_encoding(session, coding):
    assert session.put(b"{}", Content_Encoding=coding).status == 201


@pytest.mark.parametrize("accept, type", [
    ("*/*", JSON), ("application/*", JSON), (JSON, JSON), (MSGPACK, MSGPACK), (VND, VND),
    (f"{MSGPACK}, {JSON}", JSON), (f"{JSON};q=0.5, {MSGPACK}", MSGPACK), (f"{MSGPACK};q=0.9, */*;q=0.1", MSGPACK),
    (f"{JSON};q=0, */*", MSGPACK), (f"{JSON};q=0.3,{VND};q=0.4", VND), ("text/html, */*;q=0.01", JSON),
    (f"text/html, {MSGPACK};q=0.001", MSGPACK), ("APPLICATION/MSGPACK", MSGPACK), (f"{MSGPACK} ; q=1.000", MSGPACK),
    (f"{JSON};q=0.2, application/*;q=0.8", MSGPACK), (f" , {MSGPACK},,", MSGPACK)])
def test_the_preferred_acceptable_type_is_answered(api, session, accept, type):
    session.put({"a": 1})
    for answer in (session.get(Accept=accept), session.meta(Accept=accept),
                   api.call("GET", "/v1/stores", headers={"Accept": accept}),
                   api.call("POST", "/v1/sessions", headers={"Accept": accept})):
        assert answer.status in (200, 201)
        assert answer.headers["Content-Type"] == type
        assert json.loads(answer.body) if type == JSON else msgpack.unpackb(answer.body)


def store_operations(api):
    count = re.compile(r'^coatcheck_store_operation_seconds_count\{store="default",operation="(\w+)"\} (\d+)$', re.M)
    return {name: int(n) for name, n in count.findall(api.get("/metrics").body.decode())}


@pytest.mark.parametrize("accept", ["text/html", "text/*", f"{JSON};q=0", "*/*;q=0", f"{MSGPACK};q=0.000, text/plain",
                                    "application/xml", "image/png, text/*;q=0.5"])
def test_an_accept_that_admits_neither_is_406_and_nothing_is_done(api, session, accept):
    session.put({"a": 1})
    before = store_operations(api)
    for answer in (session.get(Accept=accept), session.meta(Accept=accept),
                   api.call("GET", "/v1/stores", headers={"Accept": accept}),
                   api.call("POST", "/v1/sessions", {}, {"Accept": accept})):
        answer.problem(406, "not-acceptable")
    assert store_operations(api)["put"] == before["put"]
    assert store_operations(api)["extend"] == before["extend"]


def test_accept_does_not_matter_where_there_is_nothing_to_answer(session):
    assert session.put({}, Accept="text/html").status == 201
    assert session.touch(Accept="text/html").status == 204
    assert session.delete(Accept="text/html").status == 204


def test_problems_are_json_whatever_is_accepted(session):
    session.get(Accept=MSGPACK).problem(404, "not-found")


VIEWS = [
    ({"a": b"\x89PNG"}, '{"a":{"$bytes":"iVBORw=="}}'),
    ({"a": b""}, '{"a":{"$bytes":""}}'),
    ({"a": msgpack.Timestamp(1795420800, 250_000_000)}, '{"a":{"$time":"2026-11-23T08:00:00.250Z"}}'),
    ({"a": msgpack.Timestamp(0)}, '{"a":{"$time":"1970-01-01T00:00:00Z"}}'),
    ({"a": msgpack.ExtType(7, b"\x01\x02")}, '{"a":{"$ext":[7,"AQI="]}}'),
    ({"a": msgpack.ExtType(127, b"")}, '{"a":{"$ext":[127,""]}}'),
    ({"a": {1: "window", 2: "aisle"}}, '{"a":{"$map":[[1,"window"],[2,"aisle"]]}}'),
    ({"a": math.inf}, '{"a":{"$float":"Infinity"}}'),
    ({"a": -math.inf}, '{"a":{"$float":"-Infinity"}}'),
    ({"$ref": 7, "$$two": 8}, '{"$$ref":7,"$$$two":8}'),
    ({"$": 1}, '{"$$":1}'),
    ({"a": 42.0, "b": 1e300, "c": -0.0}, None),
    ({"a": 2**64 - 1, "b": -2**63, "c": 2**53 + 1}, f'{{"a":{2**64 - 1},"b":{-2**63},"c":{2**53 + 1}}}'),
    ({"a": [None, True, False, "", [], {}]}, '{"a":[null,true,false,"",[],{}]}'),
    ({"é": "😀\u0000\n\"\\"}, None),
]


@pytest.mark.parametrize("data, view", VIEWS)
def test_the_json_view_keeps_every_value(session, data, view):
    session.put(msgpack.packb(data), Content_Type=MSGPACK)
    answer = session.get()
    if view:
        assert answer.body.decode() == view
    back = Session(session.client, new_id())
    assert put_json(back, answer.body).status == 201
    assert packed(back) == data
    assert [type(v) for v in packed(back).values()] == [type(v) for v in data.values()]


def test_nan_is_an_escape_too(session):
    session.put(msgpack.packb({"a": math.nan}), Content_Type=MSGPACK)
    assert session.get().body == b'{"a":{"$float":"NaN"}}'
    put_json(session, '{"a":{"$float":"NaN"}}')
    assert math.isnan(packed(session)["a"])


def test_a_time_is_read_with_any_offset(session):
    put_json(session, '{"a": {"$time": "2026-11-23T10:00:00.123456789+02:00"}}')
    assert packed(session)["a"] == msgpack.Timestamp(1795420800, 123456789)


@pytest.mark.parametrize("number, is_float", [("42", False), ("-1", False), ("42.0", True), ("1e3", True), ("0", False),
                                              ("1E-2", True), ("-0.0", True)])
def test_floats_stay_floats_and_integers_integers(session, number, is_float):
    put_json(session, f'{{"a": {number}}}')
    assert isinstance(packed(session)["a"], float) is is_float
    text = session.get().body.decode()[len('{"a":'):-1]
    assert (("." in text) or ("e" in text)) is is_float


@pytest.mark.parametrize("text", ['{"a":1,"b":2,"a":3}', '{"a":{"x":1},"b":2,"a":3}'])
def test_of_duplicate_keys_the_last_one_wins(session, text):
    put_json(session, text)
    assert session.get().json == {"a": 3, "b": 2}
    assert packed(session) == {"a": 3, "b": 2}


def test_of_duplicate_keys_in_msgpack_the_last_one_wins(session):
    session.put(bytes.fromhex("83 a161 01 a162 02 a161 03"), Content_Type=MSGPACK)
    assert session.get().json == {"a": 3, "b": 2}
    assert packed(session) == {"a": 3, "b": 2}


@pytest.mark.parametrize("text", ['{"$unknown": 1}', '{"a": {"$bytes": "AA==", "b": 1}}',
                                  '{"a": {"b": 1, "$time": ""}}',
                                  '{"a": {"$ref": 1}}', '{"$": 1}'])
def test_a_dollar_key_that_is_no_escape_is_malformed_and_told_how_to_write_it(session, text):
    assert "$$" in put_json(session, text).problem(400, "malformed")["detail"]


@pytest.mark.parametrize("text", [
    '{"a": {"$bytes": "AA="}}', '{"a": {"$bytes": "A-_="}}', '{"a": {"$bytes": 1}}', '{"a": {"$time": "yesterday"}}',
    '{"a": {"$time": "2026-13-01T00:00:00Z"}}', '{"a": {"$time": "2026-11-23 08:00:00"}}', '{"a": {"$ext": [128, ""]}}',
    '{"a": {"$ext": [1]}}', '{"a": {"$ext": ["1", ""]}}', '{"a": {"$map": [[1]]}}', '{"a": {"$map": {}}}',
    '{"a": {"$float": "nan"}}', '{"a": {"$float": 1.5}}'])
def test_an_escape_that_is_wrong_is_malformed(session, text):
    put_json(session, text).problem(400, "malformed")


BROKEN = [
    (b"{", 1), (b'{"a":}', 5), (b'{"a":1,}', 7), (b"nope", None), (b'{"a":NaN}', 5), (b'{"a":Infinity}', 5),
    (b'{"a":1}x', 7), (b'{"a":1}{}', 7), (b"{'a':1}", 1), (b'{"a":01}', None), (b'{"a":"\xff"}', 6),
    (b'{"a":"\xed\xa0\x80"}', None), (b'{"a":"\\ud800"}', None), (b'{"a":"\\udc00x"}', None), (b'{"a":"\n"}', 6),
    (b'{"a":18446744073709551616}', None), (b'{"a":-9223372036854775809}', None), (b'{"a":1e999}', None),
    (b"\xef\xbb\xbf{}", 0), (b'{"a":1', 6), (b" ", None), (b"\x00", 0), (b'{"a":' + b"1" * 400 + b"}", None),
    (b'{"a" 1}', 5), (b'{"\xc3\x28":1}', None),
]


@pytest.mark.parametrize("body, offset", BROKEN)
def test_what_is_no_json_is_malformed_with_the_byte_where_it_shows(session, body, offset):
    problem = put_json(session, body).problem(400, "malformed")
    assert 0 <= problem["offset"] <= len(body)
    if offset is not None:
        assert problem["offset"] == offset, problem
    session.get().problem(404, "not-found")


@pytest.mark.parametrize("body", ["c1", "81a161", "81", "81a161c1", "8101", "81a1ff01", "81a161a1ff", "80 80",
                                  "df00000001",
                                  "81a161dd7fffffff", "81a161c6ffffffff00", "81 c0 01", "d9", "81a161d6ff"])
def test_what_is_no_msgpack_map_is_refused(session, body):
    answer = session.put(bytes.fromhex(body), Content_Type=MSGPACK)
    assert answer.status in (400, 422)
    assert answer.problem(answer.status, "malformed" if answer.status == 400 else "not-a-map")["offset"] >= 0
    session.get().problem(404, "not-found")


@pytest.mark.parametrize("body", ["[]", "null", "1", '"text"', "true", "[{}]", '{"$bytes":"AA=="}', '{"$map":[[1,2]]}'])
def test_what_is_no_map_with_string_keys_is_422(api, session, body):
    put_json(session, body).problem(422, "not-a-map")
    api.call("POST", "/v1/sessions", body.encode()).problem(422, "not-a-map")


@pytest.mark.parametrize("value", [[], None, 1, "text", b"", {1: 2}])
def test_msgpack_that_is_no_map_with_string_keys_is_422(session, value):
    session.put(msgpack.packb(value), Content_Type=MSGPACK).problem(422, "not-a-map")


def nested(depth):
    """A map with arrays inside, `depth` deep in all."""
    return '{"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


def test_64_levels_are_taken_and_65_are_not(session):
    assert put_json(session, nested(64)).status == 201
    assert session.get().body.decode() == nested(64)
    put_json(session, nested(65)).problem(400, "malformed")
    value = []
    for _ in range(62):
        value = [value]
    assert session.put(msgpack.packb({"a": value}), Content_Type=MSGPACK).status == 204
    session.put(msgpack.packb({"a": [value]}), Content_Type=MSGPACK).problem(400, "malformed")


def test_a_hundred_thousand_levels_are_malformed(session):
    put_json(session, nested(100_000)).problem(400, "malformed")
    put_json(session, '{"a":' * 100_000).problem(400, "malformed")
    session.put(b"\x81\xa1a" + b"\x91" * 500_000, Content_Type=MSGPACK).problem(400, "malformed")


def test_a_put_without_content_is_malformed_and_changes_nothing(session):
    session.put({"a": 1})
    session.put(None).problem(400, "malformed")
    session.put(b"").problem(400, "malformed")
    assert session.get().json == {"a": 1}


def filled(size):
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


def test_a_body_over_the_limit_is_413_with_the_limit(small_api):
    session = Session(small_api, new_id())
    assert put_json(session, filled(LIMIT)).status == 201
    too_large = put_json(session, filled(LIMIT + 1))
    assert too_large.problem(413, "too-large")["limit"] == LIMIT
    assert small_api.get("/v1/stores").json["stores"]["default"]["limits"]["body"] == LIMIT
    assert session.get().body == filled(LIMIT)


def test_a_body_whose_msgpack_form_is_over_the_limit_is_413_with_the_limit(small_api):
    session = Session(small_api, new_id())
    floats = b'{"a":[' + b",".join([b"1.5"] * 900) + b"]}"  # 4 bytes each as JSON, 9 as MessagePack
    assert len(floats) < LIMIT
    assert put_json(session, floats).problem(413, "too-large")["limit"] == LIMIT
    session.get().problem(404, "not-found")


def test_msgpack_up_to_the_limit_may_be_larger_as_json(small_api):
    session = Session(small_api, new_id())
    data = {"a": "\u0001" * 4000}
    assert session.put(msgpack.packb(data), Content_Type=MSGPACK).status == 201
    assert session.get().json == data


def test_a_body_of_the_default_limit_is_taken(session):
    assert put_json(session, filled(1048576)).status == 201
    assert session.get().body == filled(1048576)
    answer = put_json(session, filled(1048577))
    assert answer.problem(413, "too-large")["limit"] == 1048576


@pytest.mark.parametrize("body", [b'{"a":1}', b"not json", b"\xff\x00"])
def test_content_of_reads_and_ends_is_ignored(session, body):
    session.put({"n": 1})
    for method, action, status in (("GET", "", 200), ("GET", "?peek", 200), ("GET", "/meta", 200), ("HEAD", "", 200),
                                   ("POST", "/touch", 204), ("DELETE", "", 204)):
        assert session.call(method, action, body, Content_Type="text/plain").status == status


@pytest.mark.parametrize("text", ["cos\nsystem\n(S'id'\ntR.", '!!python/object/apply:os.system ["id"]', "<?php 1;"])
def test_nothing_that_is_read_is_run(session, text):
    put_json(session, json.dumps({"a": text}))
    assert session.get().json == {"a": text}
