"""ops/container: what it copies is there, and the command line takes its commands. No image can be
pulled where these tests run.
"""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path

import yaml

from kadisc.cli.main import build_parser

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "ops" / "container" / "Containerfile"
COMPOSE = ROOT / "ops" / "container" / "compose.yaml"
FOLDER = "/var/lib/kadisc"


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in CONTAINERFILE.read_text().splitlines() if line and line[0] != "#"]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def of(name: str) -> list[str]:
    return [rest for each, rest in instructions() if each == name]


def assert_is_taken(words: list[str]) -> None:
    options, left_over = build_parser().parse_known_args(words)
    assert left_over == []
    assert callable(options.execute)


def test_what_is_copied_is_there_and_is_all_that_the_build_needs() -> None:
    copied = set()
    for rest in of("COPY"):
        *sources, target = rest.split()
        if not sources[0].startswith("--from="):
            assert target.startswith("./")
            copied.update(sources)
    assert copied == {"pyproject.toml", "README.md", "LICENSE", "kadisc"}
    assert all((ROOT / each).exists() for each in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    version = project["tool"]["hatch"]["version"]["path"]
    needed = [project["project"]["readme"], *project["project"]["license-files"], version]
    assert all(each.split("/")[0] in copied for each in needed)
    [install] = [rest for rest in of("RUN") if "pip install" in rest]
    [extras] = [word for word in shlex.split(install) if word.startswith(".")]
    named = extras.removeprefix(".[").removesuffix("]").split(",")
    assert set(named) <= project["project"]["optional-dependencies"].keys()


def test_the_commands_are_taken() -> None:
    [entry], [command] = of("ENTRYPOINT"), of("CMD")
    assert json.loads(entry) == ["kadisc"]
    assert_is_taken(json.loads(command))
    [health] = of("HEALTHCHECK")
    program, *words = json.loads(health[health.index("[") :])
    assert program == "kadisc"
    assert_is_taken(words)
    compose = yaml.safe_load(COMPOSE.read_text())
    assert_is_taken(compose["services"]["kadisc"]["command"])


def test_user_folder_and_network_fit_together() -> None:
    assert (of("USER"), of("VOLUME")) == (["65532:65532"], [FOLDER])
    [variables] = of("ENV")
    assert f"KADISC_STATE_DIR={FOLDER}" in variables.split()
    assert any(f"-o 65532 -g 65532 -m 0700 {FOLDER}" in rest for rest in of("RUN"))
    compose = yaml.safe_load(COMPOSE.read_text())
    service = compose["services"]["kadisc"]
    assert service["network_mode"] == "host"
    assert service["volumes"] == [f"state:{FOLDER}"]
    build = service["build"]
    assert (COMPOSE.parent / build["context"] / build["dockerfile"]).resolve() == CONTAINERFILE
    stages = [rest.split() for rest in of("FROM")]
    assert [stage[0] for stage in stages] == 2 * ["docker.io/library/python:3.11-slim-bookworm"]
    assert [stage[1:] for stage in stages] == [["AS", "build"], []]
