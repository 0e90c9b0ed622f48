"""The daemon's HTTP interface, as far as a session adapter needs it."""

import os
import re
import socket
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgpack
import urllib3
from urllib3.connection import HTTPConnection

_TIMEOUT = urllib3.Timeout(total=3)  # above the daemon's own deadline of 2 s, so that its 504 arrives
_CONNECTIONS = 32  # kept open per process; more threads than that open and close theirs
_LONGEST = 400 * 86400  # seconds; what the daemon allows, and browsers too
_ID = re.compile(r"[A-Za-z0-9._~,:-]{16,256}")


class CoatcheckError(Exception):
    """The daemon refused a request: a wrong token, too much data, a mistake in the configuration."""


class OutageError(CoatcheckError):
    """The daemon did not answer or cannot do it now. A write may have landed nevertheless."""


class Gone(Exception):
    """The session that was to be written has ended, or was never there."""


class Stale(Exception):
    """The session has been written by somebody else since it was loaded."""


class Stored(NamedTuple):
    body: bytes  # MessagePack
    version: str  # an ETag
    id: str  # where it is: the new one, if it was asked for by an old id within its grace


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


class Daemon:
    """Safe to share between threads, and across a fork: each process opens its own connections, on first use.

    Every method raises OutageError or CoatcheckError, beside what it names.
    """

    def __init__(self, url: str, token: str | None = None, token_file: str | None = None, store: str | None = None):
        """`url`: http://host:port or unix:/path. `token_file` is read at every request, so it can be replaced."""
        parts = urlsplit(url)
        if not (parts.scheme == "http" and parts.netloc or parts.scheme == "unix" and parts.path):
            raise ValueError(f"COATCHECK_URL is {url!r}, not http://host:port or unix:/path")
        self._url = parts
        self._token = token
        self._token_file = token_file
        self._path = f"/v1/stores/{store}/session" if store else "/v1/session"
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._pool_owner: int | None = None

    def load(self, id: str, *, use: bool = True) -> Stored | None:
        """None if there is no such session (any more). `use` extends its idle time."""
        answer = self._call_again("GET", id, "" if use else "?peek")
        if answer.status in (404, 410):
            return None
        if answer.status != 200:
            raise _refusal(answer)
        return Stored(answer.data, answer.headers["ETag"], answer.headers.get("Session-Id", id))

    def create(self, id: str, body: bytes, idle: int) -> None:
        """Raises Gone if the id has been used. `idle` in seconds."""
        answer = self._write("PUT", id, body, idle, {"If-None-Match": "*"})
        if answer.status in (410, 412):
            raise Gone
        if answer.status != 201:
            raise _refusal(answer)

    def save(self, id: str, body: bytes, idle: int, version: str) -> None:
        """`version`: the one that is replaced, or `*` for any. Raises Gone, and Stale if the version is another."""
        answer = self._write("PUT", id, body, idle, {"If-Match": version})
        if answer.status == 410 or answer.status == 412 and version == "*":
            raise Gone
        if answer.status == 412:
            raise Stale
        if answer.status != 204:
            raise _refusal(answer)

    def patch(self, id: str, patch: bytes, idle: int, version: str | None) -> None:
        """`version`: the one that is changed, or None for any. Raises Gone, and Stale if the version is another."""
        condition = {"If-Match": version} if version else {}
        answer = self._write("PATCH", id, patch, idle, condition | {"Prefer": "return=minimal"})
        if answer.status in (404, 410):
            raise Gone
        if answer.status == 412:
            raise Stale
        if answer.status not in (200, 204):
            raise _refusal(answer)

    def rotate(self, former: str, id: str, idle: int, grace: int) -> str:
        """Returns the id that the session has from now on: `id`, or another if it was rotated within its grace.

        Raises Gone. For `grace` seconds the former one leads to it, too.
        """
        body = msgpack.packb({"id": id, "grace_s": grace})
        answer = self._call_again("POST", former, "/rotate", _content(idle), body)
        if answer.status in (404, 410):
            raise Gone
        if answer.status != 200:
            raise _refusal(answer)
        return answer.headers["Session-Id"]

    def end(self, id: str) -> None:
        answer = self._call_again("DELETE", id)
        if answer.status != 204:
            raise _refusal(answer)

    def _write(
        self, method: str, id: str, body: bytes, idle: int, headers: dict[str, str]
    ) -> urllib3.BaseHTTPResponse:
        return self._call(method, id, "", headers | _content(idle), body)

    def _call_again(self, *request: Any) -> urllib3.BaseHTTPResponse:
        """Once more where no answer came in time: only for what may be done twice."""
        try:
            answer = self._call(*request)
        except OutageError:
            return self._call(*request)
        return self._call(*request) if answer.status == 504 else answer

    def _call(
        self, method: str, id: str, suffix: str = "", headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Session-Id": id, "Accept": "application/msgpack"} | (headers or {})
        token = Path(self._token_file).read_text().strip() if self._token_file else self._token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            return self._connections().urlopen(
                method, self._path + suffix, body, headers, retries=False, timeout=_TIMEOUT
            )
        except urllib3.exceptions.HTTPError as error:
            raise OutageError(f"no answer to {method}: {error}") from error

    def _connections(self) -> urllib3.HTTPConnectionPool:
        if self._pool_owner != os.getpid():  # after a fork, the parent's connections are the parent's
            self._pool = (
                _UnixPool(self._url.path)
                if self._url.scheme == "unix"
                else urllib3.HTTPConnectionPool(self._url.hostname, self._url.port or 80, maxsize=_CONNECTIONS)
            )
            self._pool_owner = os.getpid()
        return self._pool


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, **options):
        super().__init__("localhost", **options)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(3)
        self.sock.connect(self._path)


class _UnixPool(urllib3.HTTPConnectionPool):
    def __init__(self, path: str):
        super().__init__("localhost", maxsize=_CONNECTIONS)
        self._path = path

    def _new_conn(self) -> _UnixConnection:
        return _UnixConnection(self._path)


def _content(idle: int) -> dict[str, str]:
    return {"Content-Type": "application/msgpack", "Session-Idle-Timeout": str(min(max(idle, 1), _LONGEST))}


def _refusal(answer: urllib3.BaseHTTPResponse) -> CoatcheckError:
    kind = OutageError if answer.status >= 500 else CoatcheckError
    return kind(f"the daemon answered {answer.status}: {answer.data.decode(errors='replace')}")
