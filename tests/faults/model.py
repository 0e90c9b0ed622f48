"""What the daemon promises of sessions and their ids, as a model small enough to be read as a whole.

No time passes in it: a grace is there or not, a lease is taken or not, and what has ended is remembered.
"""


class Session:
    def __init__(self, data, etag, subject=None):
        self.data = data
        self.etag = etag
        self.subject = subject
        self.token = 0       # of the last lock that was granted
        self.locked = False


class Alias:
    """An old id that leads to `target`, with grace and as long as the subject is the same, or was rotated to it."""

    def __init__(self, target, grace, subject):
        self.target = target
        self.grace = grace
        self.subject = subject


ENDED = "ended"


class Refused(Exception):
    """The answer that has to come instead."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


def merge(target, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


class Model:
    """Each operation returns what the answer has to tell, or raises Refused. `record` and `kept` are for new ETags: the
    daemon makes those up, so the test tells them afterwards."""

    def __init__(self):
        self.at = {}  # id: Session, Alias or ENDED

    def place(self, id):
        """The id that the session is under to which `id` leads."""
        there = self.at.get(id)
        while isinstance(there, Alias):
            if not self.has_grace(there):
                raise Refused(410)
            id = there.target
            there = self.at[id]
        if there == ENDED:
            raise Refused(410)
        if there is None:
            raise Refused(404)
        return id

    def has_grace(self, alias):
        return alias.grace and getattr(self.at[alias.target], "subject", None) == alias.subject

    def session(self, id):
        return self.at[self.place(id)]

    def leads_on(self, id):
        try:
            return self.session(id)
        except Refused:
            return None

    def check_write(self, session, token):
        if token != session.token if token is not None else session.locked:
            raise Refused(423)

    def put(self, id, data, if_match=None, if_none_match=None, token=None, subject=None):
        """True if the write creates the session."""
        try:
            session = self.session(id)
        except Refused as no:
            if no.status == 410:
                raise
            if if_match:
                raise Refused(412) from None
            self.at[id] = Session(data, None, subject or None)
            return True
        if if_none_match or (if_match and if_match not in ("*", session.etag)):
            raise Refused(412)
        self.check_write(session, token)
        session.data = data
        if subject is not None:
            session.subject = subject or None
        return False

    def patch(self, id, patch, if_match=None, token=None):
        session = self.session(id)
        if if_match and if_match not in ("*", session.etag):
            raise Refused(412)
        self.check_write(session, token)
        session.data = merge(session.data, patch)
        return session.data

    def rotate(self, id, to, grace, token=None, subject=None):
        """The id that the answer has to name; `to` is None where the daemon makes one, and so is then the answer."""
        if id == to:
            raise Refused(400)
        there = self.at.get(id)
        while isinstance(there, Alias):
            if not self.has_grace(there) and there.target != to:
                raise Refused(410)
            id = there.target
            there = self.at[id]
            if not isinstance(there, Alias):
                session = self.session(id)
                if subject is None or (subject or None) == session.subject:
                    return id
                if id == to:
                    raise Refused(412)
        session = self.session(id)
        self.check_write(session, token)
        if to is not None and to in self.at:
            raise Refused(412)
        other = subject is not None and (subject or None) != session.subject
        before = session.subject
        if other:
            session.subject = subject or None
        self.moved = (id, Alias(to, grace and not other, before))
        if to is not None:
            self.move(to)
        return to

    def move(self, to):
        """The rest of a rotation whose id is known now."""
        id, alias = self.moved
        alias.target = to
        self.at[to] = self.at[id]
        self.at[id] = alias

    def end(self, id):
        while isinstance(there := self.at.get(id), Alias):
            if not there.grace:
                return
            self.at[id], id = ENDED, there.target
        self.at[id] = ENDED

    def lock(self, id):
        session = self.session(id)
        if session.locked:
            raise Refused(423)
        session.locked = True
        return session

    def unlock(self, id, token):
        session = self.session(id)
        if session.token != token:
            raise Refused(423)
        session.locked = False

    def of_subject(self, subject):
        return [id for id, there in self.at.items() if isinstance(there, Session) and there.subject == subject]
