"""What the binary says of its backends is what the README says."""

import pathlib
import re

import pytest

from running import run

README = pathlib.Path(__file__).parents[2] / "README.md"


def rows(text):
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_readme_has_the_table_that_the_binary_prints(folder):
    done = run("--list-backends", folder=folder)
    assert done.returncode == 0
    section = README.read_text().partition("\n## Backends\n")[2].partition("\n## ")[0]
    assert rows(section) == rows(done.stdout), "paste what coatcheckd --list-backends prints"


def test_every_scheme_of_the_build_is_in_the_table(folder):
    table = run("--list-backends", folder=folder).stdout
    schemes = re.search("backends:(.*)", run("--version", folder=folder).stdout)[1].split()
    assert schemes
    shown = re.findall(r"`([a-z+]+)(?:://|…)", table)
    for scheme in schemes:
        assert any(scheme.startswith(word) for word in shown), scheme


def test_a_store_without_tables_has_no_schema_to_print(folder):
    done = run("--print-schema", folder=folder, COATCHECK_STORE="memory://")
    assert done.returncode == 1 and "no store" in done.stderr and not done.stdout


def test_the_stores_resource_tells_what_an_acknowledgement_means(start):
    with start("memory://").client() as api:
        store = api.get("/v1/stores").json["stores"]["default"]
    assert store["capabilities"] == {"conditional_writes": "daemon", "tombstones": "kept", "durable": False,
                                     "subjects": True}
    assert "memory" in store["acknowledgement"]["means"] and "gone" in store["acknowledgement"]["warning"]
    assert store["backends"] == [{"kind": "memory", "state": "up", "circuit": "closed"}]


@pytest.mark.parametrize("url, warns", [("memory://", True), ("sqlite", False)])
def test_the_log_warns_of_a_store_that_is_weaker_than_sessions_deserve(start, folder, url, warns):
    daemon = start(f"sqlite://{folder}/sessions.db" if url == "sqlite" else url)
    assert daemon.logged("store up", store="default")["acknowledged"]
    if warns:
        assert daemon.logged("store weaker than sessions deserve", store="default")["warning"]
    else:
        assert "weaker" not in daemon.log_text
