"""A shop as its owner runs it: a daemon over a real store, gunicorn with four workers, and Express."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).parent / "apps"
COATCHECKD = os.environ.get("COATCHECKD", ROOT / "build/release/coatcheckd")
TOKEN = "t0ken-" + "x" * 40


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address, process, seconds=20) -> None:
    """`address`: a port of the loopback, or the path of a Unix socket."""
    unix = not isinstance(address, int)
    by = time.monotonic() + seconds
    while time.monotonic() < by:
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
            if probe.connect_ex(str(address) if unix else ("127.0.0.1", address)) == 0:
                return
        assert process.poll() is None, f"{process.args[0]} ended"
        time.sleep(0.02)
    raise AssertionError(f"{process.args[0]} does not listen")


class Services:
    """Processes by name, so that a test can stop one and start it again."""

    def __init__(self):
        self.running: dict[str, subprocess.Popen] = {}
        self.recipes: dict[str, tuple] = {}

    def start(self, name: str, command: list, address, **environment: str) -> None:
        self.recipes[name] = (command, address, environment)
        with open(os.devnull, "w") as nowhere:
            self.running[name] = subprocess.Popen(
                list(map(str, command)), env={"PATH": os.environ["PATH"]} | environment, stdout=nowhere, stderr=nowhere
            )
        wait_for(address, self.running[name])

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running.pop(name).wait()

    def end(self, name: str) -> None:
        self.running[name].terminate()
        self.running.pop(name).wait(20)

    def start_again(self, name: str) -> None:
        command, address, environment = self.recipes[name]
        self.start(name, command, address, **environment)

    def signal(self, name: str, number: signal.Signals) -> None:
        self.running[name].send_signal(number)

    def stop(self) -> None:
        for process in reversed(self.running.values()):
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.running.values():
            process.wait(20)


class Shop(Services):
    flask: str  # base URLs
    express: str
    daemon: dict[str, str]  # what a client of the daemon needs in its environment
    store: str


class Browser(requests.Session):
    """Has one cookie for both halves of the shop: cookies know no ports."""

    @property
    def cookie(self) -> str | None:
        return self.cookies.get("sid")

    def thief(self) -> "Browser":
        other = Browser()
        other.cookies.update(self.cookies)
        return other


@pytest.fixture
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def node_path(tmp_path_factory):
    """connect-coatcheck as npm would publish it, beside the packages that it needs."""
    modules = tmp_path_factory.mktemp("node") / "node_modules"
    modules.mkdir()
    source = ROOT / "client/node"
    packed = subprocess.run(
        ["npm", "pack", "--silent", f"--pack-destination={modules}"], cwd=source, check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    subprocess.run(["tar", "-xzf", packed, "--transform=s/^package/connect-coatcheck/"], cwd=modules, check=True)
    for name in ("express", "express-session", "@msgpack"):
        (modules / name).symlink_to(source / "node_modules" / name)
    return modules


@pytest.fixture(
    scope="module", params=["sqlite over TCP", "redis over a Unix socket", "sqlite over TCP with a token"]
)
def shop(request, tmp_path_factory, node_path):
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop()
    try:
        if request.param.startswith("redis"):
            port = free_port()
            shop.start(
                "redis",
                ["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", folder],
                port,
            )
            shop.store = f"redis://127.0.0.1:{port}/0"
        else:
            shop.store = f"sqlite://{folder}/sessions.db"
        if "Unix" in request.param:
            address = folder / "coatcheck.sock"
            listen = f"unix:{address}"
            shop.daemon = {"COATCHECK_URL": listen}
        else:
            address = free_port()
            listen = f"127.0.0.1:{address}"
            shop.daemon = {"COATCHECK_URL": f"http://{listen}"}
        settings = {"COATCHECK_STORE": shop.store, "COATCHECK_LISTEN": listen}
        if "token" in request.param:
            (folder / "token").write_text(TOKEN + "\n")
            settings["COATCHECK_TOKEN_FILE"] = shop.daemon["COATCHECK_TOKEN_FILE"] = str(folder / "token")
        shop.start("coatcheckd", [COATCHECKD], address, **settings)
        apps = shop.daemon | {"SESSION_SECRET": "keyboard cat"}
        port = free_port()
        shop.start(
            "flask",
            [sys.executable, "-m", "gunicorn", "--preload", "-w", "4", "-b", f"127.0.0.1:{port}", "--chdir", APPS, "shop:app"],
            port,
            PYTHONPATH=str(ROOT / "client/python/src"),
            PYTHONDONTWRITEBYTECODE="1",
            **apps,
        )
        shop.flask = f"http://127.0.0.1:{port}"
        port = free_port()
        shop.start("express", ["node", APPS / "shop.js"], port, PORT=str(port), NODE_PATH=str(node_path), **apps)
        shop.express = f"http://127.0.0.1:{port}"
        yield shop
    finally:
        shop.stop()
