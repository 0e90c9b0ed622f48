"""Reading server-sent events, strictly as the WHATWG describes them."""

import json
import select

from raw import Raw


class Event:
    def __init__(self, name, id, data):
        self.name = name
        self.id = id
        self.data = data

    def __repr__(self):
        return f"<{self.name} {self.id} {self.data}>"


class Events:
    """A stream of GET /v1/events. `last_id` is what a client would send to go on."""

    def __init__(self, daemon, token, query="", last_id=None, version="1.1", raw=Raw):
        self.connection = raw(daemon)
        fields = f"Authorization: Bearer {token}\r\n"
        if last_id is not None:
            fields += f"Last-Event-ID: {last_id}\r\n"
        self.connection.send(f"GET /v1/events{query} HTTP/{version}\r\nHost: localhost\r\n{fields}\r\n")
        self.chunked = version == "1.1"
        self.last_id = ""
        self.text = b""
        self.comments = 0
        self.is_complete = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.socket.close()

    def begin(self):
        """Waits for the answer, and for the first bytes of the body."""
        self.header = self.connection.header().decode()
        assert self.header.startswith("HTTP/1.1 200 OK\r\n"), self.header
        while b"\n\n" not in self.text:
            assert self.more()
        return self

    def more(self):
        """Takes more of the body; false at its end."""
        if not self.chunked:
            if not self.connection.received and not self.connection.more():
                return False
            self.text += self.connection.received
            self.connection.received = b""
            return True
        while b"\r\n" not in self.connection.received:
            if not self.connection.more():
                return False
        size, _, self.connection.received = self.connection.received.partition(b"\r\n")
        size = int(size, 16)
        while len(self.connection.received) < size + 2:
            if not self.connection.more():
                return False
        chunk, self.connection.received = (self.connection.received[:size], self.connection.received[size:])
        assert self.connection.received[:2] == b"\r\n"
        self.connection.received = self.connection.received[2:]
        self.text += chunk
        self.is_complete = size == 0
        return size > 0

    def event(self):
        """The next event; None at the end of the stream."""
        while True:
            while b"\n\n" not in self.text:
                if not self.more():
                    return None
            block, _, self.text = self.text.partition(b"\n\n")
            name, data = "message", []
            for line in block.decode().split("\n"):
                field, colon, value = line.partition(":")
                value = value.removeprefix(" ")
                assert colon and field in ("", "id", "event", "data"), line
                if field == "":
                    self.comments += 1
                elif field == "id":
                    self.last_id = value
                elif field == "event":
                    name = value
                else:
                    data.append(value)
            if data:
                return Event(name, self.last_id, json.loads("\n".join(data)))

    def take(self, count):
        return [self.event() for _ in range(count)]

    def is_quiet(self):
        """Whether nothing is there to read now."""
        return not self.text and not self.connection.received and not select.select(
            [self.connection.socket], [], [], 0)[0]

    def is_over(self):
        while self.event() is not None:
            pass
        return True
