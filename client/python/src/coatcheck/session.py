"""What the app sees as `flask.session`."""

from typing import Any, NoReturn

from flask.sessions import NullSession, SessionMixin
from werkzeug.datastructures import CallbackDict

from .codec import Snapshot, snapshot


class Session(CallbackDict, SessionMixin):
    """The data, and beside it, never in it, what the interface has to remember until the request's end."""

    def __init__(self, sid: str, permanent: bool, data: dict[str, Any] | None = None, version: str | None = None):
        def on_update(session: "Session") -> None:
            session.modified = True

        super().__init__(data, on_update)
        self.sid = sid
        self.version = version  # as loaded; None: not stored
        self.base: Snapshot = snapshot(data or {})
        self.former: str | None = None  # the id that it is stored under until it gets the new one
        self.grace = 0  # seconds for which the former id then leads to it, too
        self.rotated = False  # it has got a new id, which the browser has to learn
        self.failed = False  # an error has been raised instead of saving it
        self._permanent = permanent
        self.modified = False

    @property
    def new(self) -> bool:
        return self.version is None

    @property
    def permanent(self) -> bool:
        return self._permanent

    @permanent.setter
    def permanent(self, value: bool) -> None:
        if self._permanent != bool(value):
            self._permanent = bool(value)
            self.modified = True


class ReadOnlySession(NullSession):
    """Stands in while the daemon is away: empty, refuses changes, and is never saved, so the cookie stays as it is."""

    def _fail(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError("the session store is away: this request is anonymous and read-only")

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = _fail
    del _fail
