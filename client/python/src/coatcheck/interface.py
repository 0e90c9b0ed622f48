"""Flask's SessionInterface over a Coatcheck daemon."""

import math
import os
import secrets
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface

from .codec import decode, encode, patch, rebase, snapshot
from .cookie import ExpressCookie, PlainCookie
from .daemon import CoatcheckError, Daemon, Gone, OutageError, Stale
from .session import ReadOnlySession, Session

_MERGES = 100  # attempts; each time another writer was faster, and that one is through


class ConflictError(CoatcheckError):
    """Another request changed the session since this one loaded it."""


class CoatcheckSessionInterface(SessionInterface):
    """`app.session_interface = CoatcheckSessionInterface(app)`, after the configuration is complete.

    Safe to share between threads and across forks. README.md lists the settings.
    """

    null_session_class = ReadOnlySession

    def __init__(self, app: Flask):
        """Raises ValueError if a setting makes no sense; does not call the daemon."""
        config = app.config
        self._permanent = config.get("SESSION_PERMANENT", True)
        self._id_bytes = config.get("SESSION_ID_LENGTH", 32)
        if self._id_bytes < 16:
            raise ValueError("SESSION_ID_LENGTH is less than 16 bytes, which can be guessed")
        self._conflict = _choice(app, "SESSION_COATCHECK_CONFLICT", "merge", "raise", "overwrite")
        self._saves = _choice(app, "SESSION_COATCHECK_SAVE", "replace", "merge")
        self._outage = _choice(app, "SESSION_COATCHECK_OUTAGE", "error", "read-only")
        express = config.get("SESSION_EXPRESS_SECRET")
        self._cookie = ExpressCookie([express] if isinstance(express, str) else express) if express else PlainCookie()
        self._daemon = Daemon(
            _setting(app, "COATCHECK_URL") or "http://127.0.0.1:8642",
            _setting(app, "COATCHECK_TOKEN"),
            _setting(app, "COATCHECK_TOKEN_FILE"),
            config.get("SESSION_COATCHECK_STORE"),
        )

    def open_session(self, app: Flask, request: Request) -> Session | ReadOnlySession:
        cookie = request.cookies.get(self.get_cookie_name(app))
        id = self._cookie.read(cookie) if cookie else None
        if id is None:
            return Session(self._new_id(), self._permanent)
        try:
            stored = self._daemon.load(id, use=app.config["SESSION_REFRESH_EACH_REQUEST"])
        except OutageError as error:
            if self._outage == "error":
                raise
            app.logger.warning("coatcheck: anonymous and read-only: %s", error)
            return ReadOnlySession()
        if stored is None:
            return Session(self._new_id(), self._permanent)
        session = Session(stored.id, self._permanent, decode(stored.body), stored.version)
        session.rotated = stored.id != id
        return session

    def regenerate(self, session: Session, grace: int = 0) -> None:
        """Gives the session a new id when the request ends, as is due at login, and ends the old one in the same step.

        `grace`: seconds, at most 60, for which the old id leads to the session, too, so that parallel requests do not
        lose it. Not where rights change: who knows the old id would gain them.
        """
        if session.version is not None:
            session.former = session.former or session.sid
            session.grace = grace
        session.sid = self._new_id()
        session.modified = True

    def save_session(self, app: Flask, session: Session, response: Response) -> None:
        # Flask comes here a second time with the page that reports the first time's error, and with no session at all
        # if opening it failed.
        if session is None:
            return
        if session.failed:
            if session.rotated:  # the browser's id is dead, whatever became of the changes
                self._set_cookie(app, session, response)
            return
        try:
            self._save(app, session, response)
        except Exception:
            session.failed = True
            raise

    def _save(self, app: Flask, session: Session, response: Response) -> None:
        if session.accessed:
            response.vary.add("Cookie")
        if not session:
            if session.modified:
                self._end(session)
                self._delete_cookie(app, response)
            return
        changed = snapshot(session) != session.base  # finds what was changed inside a value, too
        try:
            if session.former:
                self._rotate(app, session)
            if changed:
                session.modified = True
                self._write(app, session)
        except Gone:
            # The cookie stays: whoever ended or rotated the session has sent the browser what to have instead.
            app.logger.warning("coatcheck: a write was dropped, because its session has ended")
            return
        if session.rotated or self.should_set_cookie(app, session):
            self._set_cookie(app, session, response)

    def _rotate(self, app: Flask, session: Session) -> None:
        session.sid = self._daemon.rotate(session.former, session.sid, _idle(app), session.grace)
        session.former = None
        session.rotated = True

    def _write(self, app: Flask, session: Session) -> None:
        idle = _idle(app)
        if session.version is None:
            return self._daemon.create(session.sid, encode(session), idle)
        changes = patch(session.base, snapshot(session)) if self._saves == "merge" else None
        try:
            if changes is not None:
                version = session.version if self._conflict == "raise" else None
                self._daemon.patch(session.sid, changes, idle, version)
            else:
                version = "*" if self._conflict == "overwrite" else session.version
                self._daemon.save(session.sid, encode(session), idle, version)
        except Stale:
            if self._conflict == "raise":
                raise ConflictError("the session has been changed by another request") from None
            self._merge(session, idle)

    def _merge(self, session: Session, idle: int) -> None:
        for _ in range(_MERGES):
            stored = self._daemon.load(session.sid, use=False)
            if stored is None:
                raise Gone
            merged = rebase(decode(stored.body), session.base, session)
            if not merged:
                return self._daemon.end(session.sid)
            try:
                return self._daemon.save(session.sid, encode(merged), idle, stored.version)
            except Stale:
                pass
        raise ConflictError(f"the session has been changed by others {_MERGES} times in a row")

    def _end(self, session: Session) -> None:
        if session.former or session.version is not None:
            self._daemon.end(session.former or session.sid)

    def _new_id(self) -> str:
        return secrets.token_urlsafe(self._id_bytes)

    def _set_cookie(self, app: Flask, session: Session, response: Response) -> None:
        response.set_cookie(
            self.get_cookie_name(app),
            self._cookie.write(session.sid),
            expires=self.get_expiration_time(app, session),
            **self._cookie_flags(app),
        )
        response.vary.add("Cookie")

    def _delete_cookie(self, app: Flask, response: Response) -> None:
        response.delete_cookie(self.get_cookie_name(app), **self._cookie_flags(app))
        response.vary.add("Cookie")

    def _cookie_flags(self, app: Flask) -> dict[str, Any]:
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "httponly": self.get_cookie_httponly(app),
            "samesite": self.get_cookie_samesite(app),
            "partitioned": self.get_cookie_partitioned(app),
        }


def _idle(app: Flask) -> int:
    return math.ceil(app.permanent_session_lifetime.total_seconds())


def _setting(app: Flask, name: str) -> str | None:
    return app.config.get(name) or os.environ.get(name)


def _choice(app: Flask, name: str, default: str, *others: str) -> str:
    value = app.config.get(name, default)
    if value not in (default, *others):
        raise ValueError(f"{name} is {value!r}, not one of {', '.join((default, *others))}")
    return value
