"""The image as users get it: built from the Dockerfile, run non-root on a read-only root file system, without network."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
VOLUME = "/var/lib/coatcheck"


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout.strip()


def buildah(*arguments):
    storage = {**os.environ, "CONTAINERS_STORAGE_CONF": str(ROOT / "build/image/storage.conf")}
    return run("buildah", *arguments, env=storage)


class Container:
    """One run of the image in namespaces of its own: read-only root, user, environment and command as the image says."""

    def __init__(self, root, image, volume):
        user, group = image["User"].split(":")
        script = f"""
            mount --bind {root} {root}
            mount --bind {volume} {root}{VOLUME}
            mount -t proc proc {root}/proc
            mount -t tmpfs tmpfs {root}/dev && touch {root}/dev/null && mount --bind /dev/null {root}/dev/null
            mount -o remount,ro,bind {root}
            ip link set lo up
            exec setpriv --reuid {user} --regid {group} --clear-groups --no-new-privs --bounding-set=-all \\
                env -i {' '.join(image["Env"])} chroot-is-below
        """
        # chroot needs its capability, so it comes before the privileges go.
        script = script.replace("exec setpriv", f"exec chroot {root} setpriv").replace("chroot-is-below", " ".join(image["Entrypoint"]))
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-euc", script], stderr=subprocess.PIPE, text=True
        )
        self.image = image

    def pid(self):
        """Of the daemon, which is the namespace's init."""
        unshare = self.process.pid
        while not (children := pathlib.Path(f"/proc/{unshare}/task/{unshare}/children").read_text()):
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.01)
        return int(children)

    def inside(self, *command):
        """Runs a command of the image in the container, as its user."""
        user, group = self.image["User"].split(":")
        enter = ["nsenter", "-t", str(self.pid()), "-m", "-n", "-p", "-r", "-w", "-S", user, "-G", group]
        return subprocess.run([*enter, "env", "-i", *self.image["Env"], *command], text=True, capture_output=True)

    def http(self, method, path, *arguments):
        """The answer's body, or curl's error as an exception. curl is the host's; the network is the container's."""
        return run(
            *("nsenter", "-t", str(self.pid()), "-n", "curl", "-sS", "--fail-with-body", "-X", method),
            *(f"http://127.0.0.1:8642{path}", *arguments),
        )

    def wait_until_healthy(self):
        end = time.monotonic() + 10
        while self.inside(*self.image["Healthcheck"]["Test"][1:]).returncode != 0:
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < end, "not healthy within 10 s"
            time.sleep(0.05)

    def stop(self):
        """Asks as `docker stop` does and returns the exit status."""
        if self.process.poll() is None:
            os.kill(self.pid(), 15)
        return self.process.wait(timeout=20)


@pytest.fixture(scope="module")
def image():
    if os.geteuid() != 0 or not (shutil.which("buildah") and shutil.which("debootstrap")):
        pytest.skip("building the image takes root, buildah and debootstrap")
    print(run(HERE / "build").splitlines()[-1])
    return json.loads(buildah("inspect", "--type", "image", "coatcheck"))["Docker"]["config"]


@pytest.fixture(scope="module")
def root(image):
    container = buildah("from", "--pull-never", "coatcheck")
    yield buildah("mount", container)
    buildah("rm", container)


@pytest.fixture
def start(image, root, tmp_path):
    """Starts containers that share one volume, which starts out as the image's own folder, as Docker has it."""
    volume = tmp_path / "volume"
    run("cp", "-a", f"{root}{VOLUME}", str(volume))
    started = []

    def start_one():
        started.append(Container(root, image, volume))
        started[-1].wait_until_healthy()
        return started[-1]

    yield start_one
    for container in started:
        container.stop()


def test_the_image_says_what_an_orchestrator_reads(image):
    assert image["User"].split(":")[0].isdigit() and image["User"].split(":")[0] != "0"
    assert image["Healthcheck"]["Test"][0] == "CMD"
    assert VOLUME in image["Volumes"]
    assert image["Labels"]["org.opencontainers.image.title"] == "Coatcheck"


def test_the_daemon_runs_as_nobody_special_and_keeps_sessions(start):
    container = start()
    status = pathlib.Path(f"/proc/{container.pid()}/status").read_text()
    assert "Uid:\t65532\t65532\t65532\t65532" in status
    assert "CapEff:\t0000000000000000" in status
    assert container.inside("touch", "/usr/local/bin/other").returncode != 0  # the root is read-only indeed
    container.http("PUT", "/v1/sessions/0123456789abcdef", "-H", "Content-Type: application/json", "-d", '{"cart":3}')
    assert json.loads(container.http("GET", "/v1/sessions/0123456789abcdef")) == {"cart": 3}


def test_sessions_survive_a_new_container_on_the_same_volume(start):
    first = start()
    first.http("PUT", "/v1/sessions/0123456789abcdef", "-H", "Content-Type: application/json", "-d", '{"cart":4}')
    assert first.stop() == 0
    assert json.loads(start().http("GET", "/v1/sessions/0123456789abcdef")) == {"cart": 4}


def test_the_health_check_fails_where_no_daemon_answers(start):
    container = start()
    assert container.inside(*container.image["Healthcheck"]["Test"][1:]).returncode == 0
    unheard = container.inside("env", "COATCHECK_LISTEN=127.0.0.1:9", *container.image["Healthcheck"]["Test"][1:])
    assert unheard.returncode != 0
