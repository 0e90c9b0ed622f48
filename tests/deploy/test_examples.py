"""The examples in deploy/ are configurations that the daemon itself accepts."""

import os
import pathlib
import re
import subprocess

import pytest
import yaml

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
DAEMON = os.environ["COATCHECKD"]


def check(environment, *arguments):
    """Runs coatcheckd --check in no environment but this one; returns what is in effect, as it printed it."""
    done = subprocess.run([DAEMON, "--check", *arguments], env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def keys_of(settings, path=()):
    for key, value in settings.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from keys_of(value, (*path, key))


def test_the_example_configuration_is_accepted(tmp_path):
    check({"XDG_STATE_HOME": str(tmp_path)}, "--config", str(DEPLOY / "coatcheck.yaml"))


def test_what_the_example_calls_defaults_are_the_defaults(tmp_path):
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    assert check(environment, "--config", str(DEPLOY / "coatcheck.yaml")) == check(environment)


def test_the_example_names_every_key_that_is_in_effect(tmp_path):
    named = set(re.findall(r"^[# ]*([a-z_]+):", (DEPLOY / "coatcheck.yaml").read_text(), re.MULTILINE))
    effective = yaml.safe_load(check({"XDG_STATE_HOME": str(tmp_path)}))
    assert {path[-1] for path in keys_of(effective)} <= named


def test_a_misspelt_key_is_refused(tmp_path):
    copy = tmp_path / "coatcheck.yaml"
    copy.write_text((DEPLOY / "coatcheck.yaml").read_text().replace("idle_timeout: 1d", "idle_timout: 1d"))
    done = subprocess.run([DAEMON, "--check", "--config", str(copy)], env={"XDG_STATE_HOME": str(tmp_path)},
                          text=True, capture_output=True)
    assert done.returncode != 0
    assert "idle_timout" in done.stderr


@pytest.mark.parametrize("name", ["compose.yaml", "compose-network.yaml"])
def test_the_compose_files_configure_the_daemon(name, tmp_path):
    (tmp_path / "coatcheck-token").write_text("0123456789abcdef0123456789abcdef\n")
    service = yaml.safe_load((DEPLOY / name).read_text())["services"]["coatcheck"]
    here = {key: value.replace("/run/secrets", str(tmp_path)) for key, value in service["environment"].items()}
    check({"XDG_STATE_HOME": str(tmp_path), **here})


def test_the_kubernetes_manifest_configures_the_daemon(tmp_path):
    secret, deployment = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    for name, content in secret["stringData"].items():
        (tmp_path / name).write_text(content)
    sidecar = deployment["spec"]["template"]["spec"]["initContainers"][0]
    here = {one["name"]: one["value"].replace("/etc/coatcheck", str(tmp_path)) for one in sidecar["env"]}
    check(here)


def test_systemd_accepts_the_unit(tmp_path):
    unit = tmp_path / "coatcheck.service"
    unit.write_text((DEPLOY / "coatcheck.service").read_text().replace("/usr/local/bin/coatcheckd", DAEMON))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], text=True, capture_output=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
