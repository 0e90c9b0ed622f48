"""Calling the daemon as an ordinary HTTP client does."""

import base64
import hashlib
import http.client
import json
import re
import secrets
import socket

import patience

ETAG = re.compile(r'^"[0-9a-f]{16}"$')


def new_id():
    return secrets.token_urlsafe(32)


def handle_of(id):
    """Without a key."""
    return base64.urlsafe_b64encode(hashlib.sha256(id.encode()).digest()).decode().rstrip("=")


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:300]!r}>"

    @property
    def json(self):
        assert self.headers["Content-Type"] == "application/json", self
        return json.loads(self.body)

    @property
    def etag(self):
        assert ETAG.match(self.headers["ETag"] or ""), self
        return self.headers["ETag"]

    @property
    def expires_in(self):
        return int(self.headers["Session-Expires-In"])

    def problem(self, status, name):
        """The problem that this answer is, which must be that one."""
        assert self.status == status, self
        assert self.headers["Content-Type"] == "application/problem+json", self
        members = json.loads(self.body)
        assert members["type"] == f"urn:coatcheck:problem:{name}", self
        assert members["status"] == status
        assert members["title"] and members["detail"] and members["request_id"]
        return members


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    """One kept connection, for one thread. `address` is host:port or unix:path, as the daemon logs it."""

    def __init__(self, address, token=None, tls=None):
        timeout = 20 * patience.FACTOR
        self.token = token
        if address.startswith("unix:"):
            self.connection = UnixConnection(address.removeprefix("unix:").split("?")[0], timeout)
        elif tls:
            self.connection = http.client.HTTPSConnection(address, timeout=timeout, context=tls)
        else:
            self.connection = http.client.HTTPConnection(address, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def call(self, method, path, body=None, headers=None):
        """`body`: bytes, or what is to be sent as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def create(self, body=None, **headers):
        """POST /v1/sessions; header names with _ for -. The id is in the answer's `id`."""
        answer = self.call("POST", "/v1/sessions", body, named(headers))
        assert answer.status == 201, answer
        answer.id = answer.json["id"]
        return answer

    def session(self, method, id, action="", body=None, **headers):
        """A call of /v1/session with the id in the header; header names with _ for -."""
        return self.call(method, "/v1/session" + action, body, {"Session-Id": id, **named(headers)})


def named(headers):
    return {name.replace("_", "-"): str(value) for name, value in headers.items()}
