"""What the daemon asks of the kernel for a store of files: no link is followed, and no write is answered before it is on
the disk. (kill -9 cannot see a missing sync, since the page cache outlives the process.)"""

import re
import shutil

import pytest

import running
from stores import missing

CALLS = "open,openat,openat2,creat,rename,renameat,renameat2,link,linkat,symlink,fsync,fdatasync,write,pwrite64,sendmsg,sendto"
CALL = re.compile(r"(?P<start>\d+\.\d+) (?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<result>-?\d+)(?P<path><[^>]*>)?.*"
                  r" <(?P<took>\d+\.\d+)>$")
ID = "files-in-a-folder-0001"
HOSTILE = ("../../../../etc/passwd", "/etc/passwd-and-more", "..%2f..%2f..%2fetc%2fpasswd", ".....................",
           "CON:::::::::::::::::::", "-rf-----------------")


class Call:
    def __init__(self, match):
        self.name, self.arguments = match["name"], match["arguments"]
        self.start = float(match["start"])
        self.end = self.start + float(match["took"])
        self.failed = int(match["result"]) < 0
        self.first = (re.match(r"\w+<([^>]*)>", self.arguments) or ["", ""])[1]  # the path of the first descriptor

    def __repr__(self):
        return f"{self.name}({self.arguments})"


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """Some requests, and (the store's folder, what each thread called)."""
    if not shutil.which("strace"):
        missing("strace")
    folder = tmp_path_factory.mktemp("calls")
    store = folder / "sessions"
    wrapper = ["strace", "-D", "-ff", "-y", "-ttt", "-T", "-s", "64", "-e", f"trace={CALLS}", "-o", folder / "trace"]
    daemon = running.Daemon(folder, wrapper=wrapper, environment={"COATCHECK_STORE": f"file://{store}",
                                                                  "COATCHECK_LISTEN": "127.0.0.1:0"}).wait_ready()
    try:
        with daemon.client() as client:
            for body in ({"n": 1}, {"n": 2}, {"n": 3}):
                assert client.session("PUT", ID, body=body).status in (201, 204)
            assert client.session("GET", ID).status == 200
            assert client.session("DELETE", ID).status == 204
            for hostile in HOSTILE:
                assert client.session("PUT", hostile, body={"n": 1}).status in (201, 400)
    finally:
        daemon.stop()
    threads = []
    for file in folder.glob("trace.*"):
        matches = map(CALL.match, file.read_text(errors="replace").splitlines())
        threads.append([Call(m) for m in matches if m])
    return store, threads


def test_every_open_below_the_folder_is_of_one_component_and_follows_no_link(traced):
    store, threads = traced
    opens = [c for calls in threads for c in calls if c.name == "openat" and c.first.startswith(str(store))]
    assert len(opens) > 20
    for call in opens:
        assert "O_NOFOLLOW" in call.arguments, call
        assert re.match(r'\w+<[^>]*>, "[^/"]+", ', call.arguments), call
    below = f'"{store}/'
    assert not [c for calls in threads for c in calls if below in c.arguments], "a path instead of a folder and a name"
    assert not [c for calls in threads for c in calls if "passwd" in c.arguments and not c.name.startswith("send")]


def test_a_write_is_answered_after_file_and_folder_are_synced(traced):
    store, threads = traced
    answers = sorted(c.start for calls in threads for c in calls if c.name in ("sendmsg", "sendto") and
                     re.search(r"HTTP/1.1 20[14]", c.arguments))
    writes = []
    for calls in threads:
        calls = [c for c in calls if c.first.startswith(str(store)) and not c.failed]
        for i, call in enumerate(calls):
            if not call.name.startswith("rename") or f"{store}/sessions/" not in call.arguments:
                continue
            temporary, leaf = re.match(r'\w+<([^>]*)>, "([^"]*)", \w+<([^>]*)>', call.arguments).group(0, 3)
            name = re.search(r'"([^"]*)"', temporary)[1]
            before, after = calls[:i], calls[i + 1:]
            assert before[-1].name == "fsync" and before[-1].first == f"{store}/tmp/{name}", before[-3:]
            assert after[0].name == "fsync" and after[0].first == leaf, after[:3]
            writes.append(after[0].end)
    assert len(writes) >= 4  # three writes and a tombstone
    assert len(answers) >= 4
    for done, answered in zip(sorted(writes), answers):
        assert done <= answered, "an answer before its sync"
