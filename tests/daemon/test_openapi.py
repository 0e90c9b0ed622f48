"""proto/openapi.yaml is valid, and the daemon keeps to it."""

import pathlib
import re
import subprocess
import sys

import pytest
import yaml
from openapi_spec_validator import validate

from running import plain_environment
from tokens import Tokens

HERE = pathlib.Path(__file__).parent
PROTO = HERE.parents[1] / "proto"
OPENAPI = PROTO / "openapi.yaml"


def test_the_description_is_valid_openapi():
    validate(yaml.safe_load(OPENAPI.read_text()))


def test_every_problem_of_the_page_for_people_is_in_it_and_no_other():
    page = (PROTO / "README.md").read_text()
    named = set(re.findall(r"^\| \d{3} \| `([a-z0-9-]+)` \|", page, re.MULTILINE))
    described = yaml.safe_load(OPENAPI.read_text())["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert {f"urn:coatcheck:problem:{name}" for name in named} == set(described)


@pytest.mark.parametrize("caller", ["nobody", "operator"])
def test_generated_requests_get_answers_as_described(start, folder, caller):
    tokens = Tokens(folder / "tokens")
    tokens.write(tokens.line("ops", "app,metrics,admin"))
    daemon = start(tokens_file=str(tokens.path))
    which = {"nobody": [],
             "operator": ["--include-tag", "operators", "--phases", "examples,coverage,fuzzing",
                          "--header", f"Authorization: Bearer {tokens.of['ops']}"]}
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run", OPENAPI, "--url",
         f"http://{daemon.address}", *which[caller], "--no-color"],
        cwd=folder, capture_output=True, text=True,  # it leaves files where it runs
        env={**plain_environment(folder), "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)})
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
