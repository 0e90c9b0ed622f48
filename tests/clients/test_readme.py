"""The adapter in client/README.md, as it is printed there."""

import json
import re
import subprocess

import pytest
from conftest import COATCHECKD, ROOT, TOKEN, Services, free_port

EXAMPLE = re.search(r"```perl\n(.*?)```", (ROOT / "client/README.md").read_text(), re.DOTALL).group(1)


@pytest.fixture
def perl():
    """Runs a script after the adapter; returns what it prints, as JSON."""
    services = Services()
    port = free_port()
    services.start(
        "coatcheckd",
        [COATCHECKD],
        port,
        COATCHECK_STORE="memory://",
        COATCHECK_LISTEN=f"127.0.0.1:{port}",
        COATCHECK_TOKEN=TOKEN,
    )

    def run(script, port=port):
        program = EXAMPLE.removesuffix("1;\n") + f"print $json->encode(do {{ {script} }});"
        environment = {"COATCHECK_URL": f"http://127.0.0.1:{port}", "COATCHECK_TOKEN": TOKEN}
        done = subprocess.run(["perl", "-e", program], env=environment, capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr

    yield run
    services.stop()


def test_the_example_has_no_more_than_thirty_lines():
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 30


def test_what_is_saved_is_loaded(perl):
    id, advice = perl("my $s = load(); $s->{data}{user} = 'ann'; my $advice = save($s); [$s->{id}, $advice]")
    assert advice == "set"
    assert perl(f"load('{id}')->{{data}}") == {"user": "ann"}


def test_an_unchanged_session_keeps_its_cookie(perl):
    id = perl("my $s = load(); $s->{data}{user} = 'ann'; save($s); [$s->{id}]")[0]
    assert perl(f"[save(load('{id}')), save(load())]") == ["keep", "keep"]


def test_an_unknown_id_is_not_adopted(perl):
    assert perl(f"[load('{'x' * 32}')->{{id}}]") != ["x" * 32]


def test_a_stale_write_is_refused(perl):
    script = "my $s = load(); $s->{data}{a} = 1; save($s); my ($one, $two) = map { load($s->{id}) } 1, 2;"
    assert "changed by another" in perl(script + "$one->{data}{b} = 1; save($one); $two->{data}{c} = 1; save($two)")


def test_a_write_after_the_logout_is_dropped(perl):
    script = "my $s = load(); $s->{data}{a} = 1; save($s); my ($one, $two) = map { load($s->{id}) } 1, 2;"
    assert perl(script + "$one->{data} = {}; $two->{data}{c} = 1; [save($one), save($two)]") == ["expire", "keep"]


def test_an_outage_is_an_error(perl):
    assert "refused" in perl("save({ id => 'x' x 32, data => { a => 1 }, was => '{}' })", port=free_port())
