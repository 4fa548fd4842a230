"""Other programs, from their registries into a cache folder outside of the tree."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

INSTALL_S = 300.0
DONE = "installed"


class NotInstalled(Exception):
    """A program cannot be had here; the message says why."""


def default_cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "kadisc-discover"


def from_npm(cache: Path, *packages: str) -> Path:
    """The folder that has node_modules. Raises NotInstalled."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise NotInstalled(f"the program {tool} is missing (Debian packages nodejs and npm)")

    def install(folder: Path) -> None:
        (folder / "package.json").write_text('{"private": true}\n')
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
        carry_out(["npm", "install", *quiet, *packages], folder)

    return installed(cache, packages, install)


def from_pypi(cache: Path, *packages: str) -> Path:
    """A folder for PYTHONPATH. Raises NotInstalled."""

    def install(folder: Path) -> None:
        quiet = ("--quiet", "--no-deps", "--target", str(folder))
        carry_out([sys.executable, "-m", "pip", "install", *quiet, *packages], folder)

    return installed(cache, packages, install)


def from_pypi_unless_there(module: str, cache: Path, *packages: str) -> Path | None:
    """None where this Python has the module already."""
    if importlib.util.find_spec(module) is not None:
        return None
    return from_pypi(cache, *packages)


def installed(cache: Path, packages: tuple[str, ...], install: Callable[[Path], None]) -> Path:
    """A folder of their own, so that they do not have to agree with others on what they need."""
    name = "+".join(packages).replace("/", "_").replace("@", "_")
    folder = cache / name
    if not (folder / DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"{' '.join(packages)}: installing into {folder}", file=sys.stderr, flush=True)
        install(folder)
        (folder / DONE).touch()
    return folder


def carry_out(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{command[0]} did not end within {INSTALL_S:.0f} s") from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "rror" in line] or [
            "no reason given"
        ]
        raise NotInstalled(f"cannot be installed: {errors[0].strip()}")
