"""What a file that is to be released must have, and must do in a fresh environment. For
scripts/release.py and tests/test_release.py; needs Python alone.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHARED = (
    "share/man/man1/kadisc.1",
    "share/bash-completion/completions/kadisc",
    "share/zsh/site-functions/_kadisc",
    "share/fish/vendor_completions.d/kadisc.fish",
)
SIMULATION = ("sim", "run", "lookup", "--nodes", "40", "--minutes", "1", "--seed", "5", "--json")
NODES = 10
PATIENCE_S = 600
_FOREIGN = ("tests", "benchmarks", "scripts", "examples", "docs", "ops")
_TIME = (1980, 1, 1, 0, 0, 0)
"""The least that a zip can have."""


class Unsound(Exception):
    """A file lacks something, has too much, or does not do what it must."""


# --- what is in them ------------------------------------------------------------------------------


def check_wheel(wheel: Path, *, compiled: bool) -> None:
    """Raises Unsound."""
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        text = packed.read(metadata).decode("utf-8")
        _check_record(packed)
    tops = {name.partition("/")[0] for name in names}
    libraries = {name for name in names if name.endswith(".so")}
    data = [top for top in tops if top.endswith(".data")]
    _demand(not tops.intersection(_FOREIGN), wheel, f"has {sorted(tops.intersection(_FOREIGN))}")
    _demand(not any("__pycache__" in name for name in names), wheel, "has compiled caches")
    _demand(len(data) == 1, wheel, "has no shared data")
    for shared in SHARED:
        _demand(f"{data[0]}/data/{shared}" in names, wheel, f"has no {shared}")
    for needed in ("kadisc/py.typed", "kadisc/feed/presets.toml", "kadisc/cli/generated/_kadisc"):
        _demand(needed in names, wheel, f"has no {needed}")
    for field in ("Author: kadisc contributors", "License-Expression: MIT", "Keywords: "):
        _demand(f"\n{field}" in text, wheel, f"does not say {field!r}")
    _demand(any(name.endswith("licenses/LICENSE") for name in names), wheel, "has no licence")
    if not compiled:
        _demand(wheel.name.endswith("-py3-none-any.whl"), wheel, "is not for every Python")
        _demand(not libraries, wheel, f"has {len(libraries)} libraries")
        return
    _demand(not wheel.name.endswith("-linux_x86_64.whl"), wheel, "is for no manylinux")
    missing = {
        module
        for module in _compiled_modules(names)
        if not any(each.startswith(f"{module}.") for each in libraries)
    }
    _demand(not missing, wheel, f"does not have {sorted(missing)[:3]} compiled")


def check_sdist(sdist: Path) -> None:
    """Raises Unsound."""
    with tarfile.open(sdist) as packed:
        names = [name.partition("/")[2] for name in packed.getnames()]
    for needed in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "scripts/release"):
        _demand(needed in names, sdist, f"has no {needed}")
    for folder in ("kadisc/", "tests/", "docs/", "examples/", "benchmarks/", "ops/"):
        _demand(any(name.startswith(folder) for name in names), sdist, f"has no {folder}")
    for ending in (".so", ".pyc", ".log"):
        _demand(not any(name.endswith(ending) for name in names), sdist, f"has *{ending}")
    _demand(not any(name.startswith((".git/", ".venv")) for name in names), sdist, "has .git")


def _compiled_modules(names: list[str]) -> set[str]:
    """What pyproject.toml gives to mypyc, as paths without an ending."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]
    modules = set()
    for pattern in hook["include"]:
        folder, _, last = pattern.rpartition("/")
        for name in names:
            in_folder = name.rpartition("/")[0] == folder and name.endswith(".py")
            if in_folder and last in ("*.py", name.rpartition("/")[2]):
                modules.add(name)
    modules -= {name for name in modules if name.endswith("__init__.py")}
    return {name.removesuffix(".py") for name in modules - set(hook["exclude"])}


def _check_record(packed: zipfile.ZipFile) -> None:
    """Each file has the hash that RECORD tells."""
    [record] = [name for name in packed.namelist() if name.endswith(".dist-info/RECORD")]
    rows = list(csv.reader(io.StringIO(packed.read(record).decode("utf-8"))))
    told = {name for name, _, _ in rows}
    _demand(told == set(packed.namelist()), Path(str(packed.filename)), "has a wrong RECORD")
    for name, digest, _ in rows:
        if name != record:
            is_right = digest == hash_of(packed.read(name))
            _demand(is_right, Path(name), "is not what RECORD tells")


def hash_of(content: bytes) -> str:
    """As RECORD tells it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def _demand(is_so: bool, file: Path, otherwise: str) -> None:
    if not is_so:
        raise Unsound(f"{file.name} {otherwise}")


def repacked(wheel: Path, to: Path, epoch: int) -> Path:
    """The same wheel with its files sorted (the metadata last, as the format asks) and of one time,
    so that the same sources give the same bytes.
    """
    when = max(_TIME, time.gmtime(epoch)[:6])

    def place(name: str) -> tuple[bool, bool, str]:
        return ".dist-info/" in name, name.endswith("/RECORD"), name

    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(to, "w") as new:
        # auditwheel adds entries for folders, which RECORD does not have.
        names = [name for name in old.namelist() if not name.endswith("/")]
        for name in sorted(names, key=place):
            info = zipfile.ZipInfo(name, when)
            info.external_attr = old.getinfo(name).external_attr
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return to


# --- what they do ---------------------------------------------------------------------------------


def try_out(file: Path, environment: Path, *, libraries: str | None = None) -> str:
    """Installs a wheel or sdist into a new environment, tries the command there, and returns the
    digest of a short simulation. ``libraries``: a folder that has what kadisc depends on; None: all
    is installed anew. Raises Unsound.
    """
    _run([sys.executable, "-m", "venv", *(["--without-pip"] if libraries else []), environment])
    python = environment / "bin" / "python"
    pip = [python, "-m", "pip"] if libraries is None else _pip_into(environment)
    no_others = ["--no-deps"] if libraries is not None else []
    quiet = ["--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", *quiet, *no_others, file])
    [packages] = environment.glob("lib/python*/site-packages")
    if libraries is not None:
        (packages / "libraries.pth").write_text(f"{libraries}\n")
    for name in _FOREIGN:
        _demand(not (packages / name).exists(), file, f"installs {name}")
    for shared in SHARED:
        _demand((environment / shared).is_file(), file, f"installs no {shared}")
    kadisc = environment / "bin" / "kadisc"
    where = _run([python, "-c", "import kadisc; print(kadisc.__file__)"])
    _demand(where.startswith(str(packages)), file, f"imports {where.strip()}")
    version = _run([kadisc, "--version"])
    is_compiled = "(compiled)" in version
    is_for_all = file.name.endswith(("py3-none-any.whl", ".tar.gz"))
    _demand(version.startswith("kadisc "), file, f"says {version!r}")
    _demand(is_compiled is not is_for_all, file, f"says {version.strip()!r}")
    script = _run([kadisc, "completion", "bash"])
    _demand("complete -o" in script, file, "prints no completion")
    _demand("kadisc: " in _run([kadisc, "config", "init"]), file, "prints no configuration")
    _try_devnet(kadisc, file)
    return str(json.loads(_run([kadisc, *SIMULATION]))["digest"])


def _pip_into(environment: Path) -> list[str | Path]:
    """pip of this Python, for an environment without one of its own."""
    return [sys.executable, "-m", "pip", "--python", environment / "bin" / "python"]


def _try_devnet(kadisc: Path, file: Path) -> None:
    """A devnet joins, its node is asked, and a signal ends it in order."""
    with tempfile.TemporaryDirectory(prefix="kadisc-try-") as folder:
        errors = Path(folder) / "stderr"
        with errors.open("w") as stderr:
            process = subprocess.Popen(
                [kadisc, "run", "--devnet", str(NODES), "--bind", "127.0.0.1:0", "--json"]
                + ["--state-dir", f"{folder}/state"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                cwd="/",
                env=_environment(),
            )
        try:
            assert process.stdout is not None
            names = []
            for line in process.stdout:
                names.append(json.loads(line)["event"])
                if names[-1] == "joined":
                    break
            said = f"{names}, {errors.read_text()[-500:]}"
            _demand("joined" in names, file, f"has a devnet that does not join: {said}")
            asked = _run([kadisc, "status", "--json", "--state-dir", f"{folder}/state"])
            status: dict[str, Any] = json.loads(asked)
            contacts = sum(family["contacts"] for family in status["families"])
            _demand(contacts > 0, file, "has a devnet whose node has no contacts")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_S)
            _demand(process.returncode == 0, file, f"ends with {process.returncode}")
        finally:
            process.kill()
            process.communicate()


def _environment() -> dict[str, str]:
    """That of this process, without what leads to other packages."""
    left_out = ("PYTHONPATH", "PYTHONHOME", "KADISC_STATE_DIR")
    return {name: value for name, value in os.environ.items() if name not in left_out}


def _run(command: list[Any]) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd="/",
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    if done.returncode:
        raise Unsound(f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
