"""Records as stores keep them, looked at and changed behind the daemon's back."""

import socket
import sqlite3

import patience

KINDS = {"live": 1, "ended": 2, "alias": 3, "pending": 4}


class SqliteRecords:
    def __init__(self, url):
        self.file = url.removeprefix("sqlite://")

    def _run(self, sql, *values):
        database = sqlite3.connect(self.file, timeout=10 * patience.FACTOR)
        try:
            with database:
                return database.execute(sql, values).fetchall()
        finally:
            database.close()

    def whole(self, handle):
        """All that is kept under `handle`, to be compared."""
        return self._run("SELECT * FROM sessions WHERE handle = ?", handle)

    def everything(self):
        return dict(self._run("SELECT handle, revision FROM sessions"))

    def set_format(self, handle, number):
        self._run("UPDATE sessions SET format = ? WHERE handle = ?", number, handle)

    def set_kind(self, handle, number):
        self._run("UPDATE sessions SET kind = ? WHERE handle = ?", number, handle)

    def set_payload(self, handle, payload):
        self._run("UPDATE sessions SET payload = ? WHERE handle = ?", payload, handle)

    def spoil(self, handle):
        """Makes the record one that nobody can read."""
        self._run("UPDATE sessions SET created = -1 WHERE handle = ?", handle)


class RedisRecords:
    """In the layout of proto/README.md, *At rest*."""

    def __init__(self, url):
        address, _, rest = url.removeprefix("redis://").partition("/")
        host, _, port = address.partition(":")
        self.address = host, int(port)
        self.prefix = rest.partition("prefix=")[2] or "coatcheck:"

    def _call(self, *words):
        words = [word if isinstance(word, bytes) else word.encode() for word in words]
        request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        with socket.create_connection(self.address, 10 * patience.FACTOR) as connection:
            connection.sendall(request)
            answers = connection.makefile("rb")
            kind, line = answers.read(1), answers.readline()
            assert kind != b"-", line
            return answers.read(int(line)) if kind == b"$" and int(line) >= 0 else None

    def whole(self, handle):
        return self._call("GET", self.prefix + handle)

    def _set(self, handle, record):
        self._call("SET", self.prefix + handle, record, "KEEPTTL")

    def _set_byte(self, handle, at, number):
        record = self.whole(handle)
        self._set(handle, record[:at] + bytes([number]) + record[at + 1:])

    def set_format(self, handle, number):
        self._set_byte(handle, 2, number)

    def set_kind(self, handle, number):
        self._set_byte(handle, 3, number)

    def set_payload(self, handle, payload):
        record = self.whole(handle)
        begin = 84 + int.from_bytes(record[80:82], "big") + int.from_bytes(record[82:84], "big")
        self._set(handle, record[:begin] + payload)

    def spoil(self, handle):
        self._set(handle, self.whole(handle)[:50])


def records_of(url):
    return SqliteRecords(url) if url.startswith("sqlite:") else RedisRecords(url)
