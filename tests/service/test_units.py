"""The units of ops/systemd: systemd-analyze has nothing to say against them, and the command line
takes their commands.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kadisc.cli.main import build_parser
from kadisc.config.keys import KEYS

from ..support.namespaces import UnavailableError
from ..support.scenario_results import unavailable
from ..support.scenario_runs import fetch_programs

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "ops" / "systemd").glob("*.service"))
INSTALLED = "/opt/kadisc/bin/kadisc"
PATIENCE_S = 120


def settings(unit: Path) -> list[tuple[str, str]]:
    lines = [line for line in unit.read_text().splitlines() if line and line[0] not in "#["]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def of(unit: Path, name: str) -> list[str]:
    return [value for each, value in settings(unit) if each == name]


def test_there_are_the_units_of_node_and_feed() -> None:
    assert [unit.name for unit in UNITS] == ["kadisc-feed@.service", "kadisc@.service"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_command_is_one_of_ours_and_ends_as_the_unit_expects(unit: Path) -> None:
    [command] = of(unit, "ExecStart")
    words = command.split()
    assert words[0] == INSTALLED
    words = [word.replace("%i", "mychain") for word in words[1:]]
    if "$FEED" in words:
        example = re.search(r"FEED=(.*)", unit.read_text())
        assert example is not None
        words[words.index("$FEED") :] = example[1].split()
    options, left_over = build_parser().parse_known_args(words)
    assert left_over == []
    assert callable(options.execute)
    assert of(unit, "Type") == ["notify"]
    assert of(unit, "RestartPreventExitStatus") == ["2"]  # that of a wrong configuration
    assert of(unit, "Environment") == ["KADISC_STATE_DIR=%S/kadisc/%i"]
    assert of(unit, "StateDirectory") == ["kadisc/%i"]


def test_both_units_of_an_instance_have_one_user_and_one_folder() -> None:
    node, feed = (dict(settings(unit)) for unit in UNITS)
    for name in ("User", "DynamicUser", "StateDirectory", "StateDirectoryMode", "Environment"):
        assert node[name] == feed[name]
    assert KEYS["state_dir"].default is None


@pytest.fixture(scope="module")
def analyze() -> Path:
    try:
        return Path(fetch_programs("systemd-programs")) / "bin" / "systemd-analyze"
    except UnavailableError as error:
        unavailable(str(error))
        raise AssertionError from error


@pytest.mark.real
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_has_nothing_against_the_unit(unit: Path, analyze: Path, tmp_path: Path) -> None:
    """Its command is replaced by one that is there, as no kadisc is installed."""
    text = unit.read_text().replace(INSTALLED, sys.executable)
    for each in UNITS:  # one wants the other
        (tmp_path / each.name).write_text(text if each == unit else each.read_text())
    instance = tmp_path / unit.name.replace("@.", "@mychain.")
    instance.write_text(text)
    units = f"{tmp_path}:{analyze.parents[1]}/lib/systemd/system:/lib/systemd/system"
    variables = {**os.environ, "SYSTEMD_UNIT_PATH": units, "LC_ALL": "C"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(analyze), *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=variables,
        )

    verified = run("verify", "--recursive-errors=no", str(instance))
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    rated = run("security", "--offline=true", "--threshold=20", "--no-pager", str(instance))
    assert rated.returncode == 0, rated.stdout
    [level] = re.findall(r"Overall exposure level for \S+: (\d+\.\d+)", rated.stdout)
    assert float(level) <= 2.0

    (tmp_path / "bad@.service").write_text(text.replace("ProtectSystem=strict", "ProtectSystme=x"))
    bad = tmp_path / "bad@mychain.service"
    bad.write_text((tmp_path / "bad@.service").read_text())
    assert "ProtectSystme" in run("verify", "--recursive-errors=no", str(bad)).stderr
