"""HTTP as bytes over a socket, for what no well-behaved client sends."""

import socket
import time

import patience
from calls import Answer


class Raw:
    """One connection."""

    def __init__(self, daemon):
        host, _, port = daemon.address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), 10 * patience.FACTOR)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def more(self):
        """Reads what comes next; false at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.received += data
        return bool(data)

    def header(self):
        while b"\r\n\r\n" not in self.received:
            assert self.more(), f"closed within a header: {self.received!r}"
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        return head

    def answer(self, to_head=False):
        """The next response, interim ones too. Fails when the connection closes before."""
        lines = self.header().decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        headers = Headers(line.split(": ", 1) for line in lines[1:])
        length = int(headers["Content-Length"] or 0)
        if to_head or int(status) in (204, 304) or int(status) < 200:
            length = 0
        while len(self.received) < length:
            assert self.more(), f"closed within a body: {self.received!r}"
        body, self.received = self.received[:length], self.received[length:]
        return Answer(int(status), headers, body)

    def is_closed(self):
        """Waits for the end of the connection, over which nothing more may come."""
        while self.more():
            pass
        assert self.received == b"", self.received
        return True

    def is_kept(self):
        """Whether another request is answered."""
        self.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return self.answer().status == 200


class Headers(dict):
    def __init__(self, pairs):
        super().__init__((name.lower(), value) for name, value in pairs)

    def __getitem__(self, name):
        return self.get(name.lower())


def raw(daemon, data):
    """A new connection over which `data` has been sent."""
    return Raw(daemon).send(data)


def drip(connection, data, pause=0.0):
    """Sends byte by byte."""
    for i in range(len(data)):
        connection.send(data[i:i + 1])
        if pause:
            time.sleep(pause)
    return connection
