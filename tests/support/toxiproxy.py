"""Toxiproxy: a TCP proxy that breaks what goes through it (https://github.com/Shopify/toxiproxy)."""

import http.client
import itertools
import json
import pathlib
import subprocess

import patience
from store_servers import answers, free_port

ROOT = pathlib.Path(__file__).parents[2]
numbers = itertools.count()


def build():
    """The program, built from its Go module if that has not been done."""
    binary = ROOT / "build/toxiproxy"
    subprocess.run(["go", "build", "-o", binary, "github.com/Shopify/toxiproxy/v2/cmd/server"],
                   cwd=ROOT / "tests/faults/toxiproxy", check=True)
    return binary


class Toxiproxy:
    def __init__(self, binary):
        self.port = free_port()
        self.process = subprocess.Popen([binary, "-port", str(self.port)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        patience.until(lambda: answers(self.port))

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status < 300, (path, answer.status, text)

    def proxy(self, upstream_port):
        return Proxy(self, upstream_port)


class Proxy:
    def __init__(self, toxiproxy, upstream_port):
        self.toxiproxy = toxiproxy
        self.name = f"proxy{next(numbers)}"
        self.port = free_port()
        self.toxics = []
        toxiproxy.call("POST", "/proxies", {"name": self.name, "listen": f"127.0.0.1:{self.port}",
                                            "upstream": f"127.0.0.1:{upstream_port}", "enabled": True})

    def enable(self, whether):
        """Without it, connections are cut and refused."""
        self.toxiproxy.call("POST", f"/proxies/{self.name}", {"enabled": whether})

    def add(self, kind, stream="downstream", **attributes):
        name = f"{kind}_{stream}"
        self.toxiproxy.call("POST", f"/proxies/{self.name}/toxics",
                            {"name": name, "type": kind, "stream": stream, "attributes": attributes})
        self.toxics.append(name)

    def heal(self):
        self.enable(True)
        while self.toxics:
            self.toxiproxy.call("DELETE", f"/proxies/{self.name}/toxics/{self.toxics.pop()}")
