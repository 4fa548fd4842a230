"""docs/how-to/first-steps.md: each block runs, in its order, in one shell and one empty folder;
what the page says is printed is printed.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kadisc.cli.main import build_parser
from tests.support.printed import difference, shape

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "first-steps.md"
INSTALL, OTHER_TERMINAL = "install", "terminal 1"
PORTS = ("7001", "7002", "7003", "7012")
"""Those of the page that the nodes listen at; the test takes free ones."""


@dataclass(frozen=True)
class Block:
    language: str
    title: str
    text: str
    printed: str
    """The output that the page shows below it."""


def blocks() -> list[Block]:
    fence = re.compile(r"^```(\w+)(?: title=\"(.*?)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    found: list[Block] = []
    for language, title, text in fence.findall(PAGE.read_text("utf-8")):
        if language == "text":
            last = found[-1]
            found[-1] = Block(last.language, last.title, last.text, text)
        else:
            found.append(Block(language, title, text, ""))
    return found


def free_ports() -> dict[str, str]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in PORTS]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {port: str(each.getsockname()[1]) for port, each in zip(PORTS, sockets, strict=True)}
    finally:
        for each in sockets:
            each.close()


def script(parts: list[Block], ports: dict[str, str]) -> str:
    """One shell for all blocks, as the reader has one. The output of block N, as a
    terminal shows it, is in the file N of ``$OUTPUT``.
    """

    def with_ports(text: str) -> str:
        for port, other in ports.items():
            text = re.sub(rf"(?<=:){port}\b", other, text)
        return text

    lines = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"]
    for number, block in enumerate(parts):
        if block.language == "python":
            lines.append(
                f"cat > {block.title} <<'END OF FILE'\n{with_ports(block.text)}END OF FILE"
            )
            continue
        text, printed = with_ports(block.text), f'> "$OUTPUT/{number}" 2>&1'
        if block.title == OTHER_TERMINAL:
            folder = re.findall(r"--state-dir (\S+)", text)[0]
            lines += [f"{{ exec {text.strip()}; }} {printed} & devnet=$!"]
            joined = f"grep -q '20 nodes have joined' \"$OUTPUT/{number}\""
            lines += [f"until {joined}; do sleep 0.1; done"]
            lines += [f"test -S {folder}/control.sock"]
            continue
        if block.title == INSTALL:
            text = f"cd repository\n{text}cd .."
        lines += [f"{{\n{text}\n}} {printed}", f"echo {number} done"]
        if "--state-dir devnet" in text:
            lines += ["kill $devnet", "wait $devnet"]  # q in the other terminal
    return "\n".join(lines) + "\n"


def run_all(parts: list[Block], folder: Path, path: str, timeout_s: float) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KADISC")},
        "HOME": str(folder),
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    if any(block.title == INSTALL for block in parts):
        del environment["PYTHONPATH"]
    output = folder / "output"
    output.mkdir()
    environment |= {"OUTPUT": str(output), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        ["bash", "-c", script(parts, free_ports())],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    outputs = {
        number: (output / str(number)).read_text() if (output / str(number)).exists() else ""
        for number in range(len(parts))
    }
    assert done.returncode == 0, (done.stdout, done.stderr, outputs)
    for number, block in enumerate(parts):
        if block.language == "sh" and block.title not in (INSTALL, OTHER_TERMINAL):
            fault = difference(block.printed.splitlines(), outputs[number].splitlines())
            assert fault is None, (fault, block.text, outputs[number])
        else:
            shapes = [shape(line) for line in outputs[number].splitlines()]
            for line in block.printed.splitlines():
                assert shape(line) in shapes, (line, outputs[number])


def commands() -> Iterator[list[str]]:
    for block in blocks():
        if block.language != "sh":
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line.partition(" > ")[0].partition(" || ")[0])
            if words[0] == "kadisc":
                yield words[1:]


def test_each_command_has_the_options_that_the_page_gives_it() -> None:
    parser = build_parser()
    assert len(list(commands())) > 15
    for words in commands():
        if words == ["--version"]:
            continue
        if words[0].startswith("-"):
            words = ["run", *words]
        options, left_over = parser.parse_known_args(words)
        assert left_over == []
        assert callable(options.execute)


@pytest.mark.real
@pytest.mark.timeout(700)
def test_each_block_runs_and_prints_what_the_page_says(tmp_path: Path) -> None:
    parts = [block for block in blocks() if block.title != INSTALL]
    beside_python = tmp_path / "bin"
    beside_python.mkdir()
    for name, module in (("kadisc", "-m kadisc "), ("python", "")):
        program = beside_python / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module}"$@"\n')
        program.chmod(0o755)
    folder = tmp_path / "empty"
    folder.mkdir()
    run_all(parts, folder, f"{beside_python}:{os.environ['PATH']}", 500)
    page = (folder / "kadisc-first-steps" / "lookup.html").read_text("utf-8")
    assert page.count("data:image") >= 2, "charts"


@pytest.mark.real
@pytest.mark.timeout(700)
def test_it_can_be_installed_as_the_page_says(tmp_path: Path) -> None:
    """In a copy of the repository and an environment of its own, from the package index."""
    copy = tmp_path / "repository"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(copy)], check=True, timeout=60
    )
    parts = [block for block in blocks() if block.title == INSTALL]
    assert len(parts) == 1
    run_all(parts, tmp_path, "/usr/local/bin:/usr/bin:/bin", 600)
