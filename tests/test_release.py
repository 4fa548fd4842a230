"""What is released: the checks of scripts/release see what is wrong, and the wheel of these sources
passes them. The how-to of installing is typed as it stands by a user without rights.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.printed import shape

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-to" / "install.md"
USER = "nobody"
PIP = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps")


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import release_checks

    return release_checks


def small_wheel(folder: Path, checks: ModuleType, **changes: str | None) -> Path:
    """A wheel with what the checks demand, and what ``changes`` says: the text by path, None for a
    file that is left out.
    """
    info, data = "kadisc-1.dist-info", "kadisc-1.data/data"
    files: dict[str, str | None] = {f"{data}/{shared}": "x" for shared in checks.SHARED}
    for name in ("py.typed", "feed/presets.toml", "cli/generated/_kadisc", "core/engine.py"):
        files[f"kadisc/{name}"] = "x"
    files[f"{info}/licenses/LICENSE"] = "x"
    files[f"{info}/METADATA"] = (
        "Name: kadisc\nAuthor: kadisc contributors\nLicense-Expression: MIT\nKeywords: dht\n"
    )
    files |= changes
    made = folder / "kadisc-1-py3-none-any.whl"
    written = {name: text for name, text in files.items() if text is not None}
    with zipfile.ZipFile(made, "w") as packed:
        for name, text in written.items():
            packed.writestr(name, text)
        rows = [f"{name},{checks.hash_of(text.encode())},1\n" for name, text in written.items()]
        packed.writestr(f"{info}/RECORD", "".join([*rows, f"{info}/RECORD,,\n"]))
    return made


def test_a_sound_wheel_passes(tmp_path: Path, checks: ModuleType) -> None:
    checks.check_wheel(small_wheel(tmp_path, checks), compiled=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tests/test_x.py": "x"}, "has ['tests']"),
        ({"benchmarks/compare": "x"}, "has ['benchmarks']"),
        ({"kadisc/__pycache__/x.pyc": "x"}, "has compiled caches"),
        ({"kadisc/core/engine.so": "x"}, "has 1 libraries"),
        ({"kadisc-1.data/data/share/man/man1/kadisc.1": None}, "has no share/man/man1/kadisc.1"),
        ({"kadisc/feed/presets.toml": None}, "has no kadisc/feed/presets.toml"),
        ({"kadisc-1.dist-info/licenses/LICENSE": None}, "has no licence"),
        ({"kadisc-1.dist-info/METADATA": "Name: kadisc\n"}, "does not say 'Author: kadisc con"),
    ],
)
def test_an_unsound_wheel_is_refused(
    changes: dict[str, str | None], words: str, tmp_path: Path, checks: ModuleType
) -> None:
    with pytest.raises(checks.Unsound, match=re.escape(words)):
        checks.check_wheel(small_wheel(tmp_path, checks, **changes), compiled=False)


def test_a_wheel_that_is_not_compiled_as_a_whole_is_refused(
    tmp_path: Path, checks: ModuleType
) -> None:
    wheel = small_wheel(tmp_path, checks)
    with pytest.raises(checks.Unsound, match=re.escape("does not have ['kadisc/core/engine']")):
        checks.check_wheel(wheel, compiled=True)
    library = "kadisc/core/engine.cpython-311-x86_64-linux-gnu.so"
    checks.check_wheel(small_wheel(tmp_path, checks, **{library: "x"}), compiled=True)


def test_a_changed_file_is_refused(tmp_path: Path, checks: ModuleType) -> None:
    wheel = small_wheel(tmp_path, checks)
    with zipfile.ZipFile(wheel) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(wheel, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, b"y" if name == "kadisc/core/engine.py" else content)
    with pytest.raises(checks.Unsound, match="is not what RECORD tells"):
        checks.check_wheel(wheel, compiled=False)


def test_a_wheel_is_packed_in_one_order_whatever_the_order_was(
    tmp_path: Path, checks: ModuleType
) -> None:
    wheel = small_wheel(tmp_path, checks)
    with zipfile.ZipFile(wheel) as packed:
        files = [(name, packed.read(name)) for name in packed.namelist()]
    other = tmp_path / "other.whl"
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("kadisc/", b"")  # as auditwheel does
        for name, content in reversed(files):
            packed.writestr(zipfile.ZipInfo(name, (2020, 2, 2, 2, 2, 2)), content)
    made = [
        checks.repacked(each, tmp_path / f"{number}.whl", 1_700_000_000).read_bytes()
        for number, each in enumerate((wheel, other))
    ]
    assert made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "0.whl") as packed:
        assert packed.namelist()[-1].endswith("RECORD")
    checks.check_wheel(
        shutil.copy(tmp_path / "0.whl", tmp_path / "kadisc-1-py3-none-any.whl"), compiled=False
    )


def test_an_sdist_without_the_tests_is_refused(tmp_path: Path, checks: ModuleType) -> None:
    made = tmp_path / "kadisc-1.tar.gz"
    with tarfile.open(made, "w:gz") as packed:
        for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
            packed.add(ROOT / name, f"kadisc-1/{name}")
    with pytest.raises(checks.Unsound, match="has no scripts/release"):
        checks.check_sdist(made)


@pytest.fixture(scope="module")
def wheel() -> Iterator[Path]:
    """The pure wheel of these sources; the first build fetches hatchling."""
    with tempfile.TemporaryDirectory(prefix="kadisc-wheel-") as folder:
        Path(folder).chmod(0o755)
        tree = Path(folder) / "tree"
        tree.mkdir()
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, tree / name)
        ignored = shutil.ignore_patterns("__pycache__", "*.so")
        shutil.copytree(ROOT / "kadisc", tree / "kadisc", ignore=ignored)
        built = subprocess.run(
            [*PIP, "--wheel-dir", f"{folder}/dist", tree],
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert built.returncode == 0, built.stderr
        [made] = Path(folder, "dist").glob("*.whl")
        yield made


@pytest.mark.real
@pytest.mark.timeout(900)
def test_the_wheel_works_where_nothing_else_of_kadisc_is(
    wheel: Path, tmp_path: Path, checks: ModuleType
) -> None:
    """Only what kadisc depends on is shared with this environment."""
    checks.check_wheel(wheel, compiled=False)
    checks.try_out(wheel, tmp_path / "fresh", libraries=sysconfig.get_path("purelib"))


# --- the how-to -----------------------------------------------------------------------------------


def blocks() -> list[tuple[str, list[str]]]:
    """What the page has typed, each with the lines that it shows below."""
    fence = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    found: list[tuple[str, list[str]]] = []
    for language, text in fence.findall(PAGE.read_text("utf-8")):
        if language == "sh":
            found.append((text, []))
        elif language == "text":
            found[-1][1].extend(text.splitlines())
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_rights_joins_a_devnet_by_the_lines_of_the_page(wheel: Path) -> None:
    user = pwd.getpwnam(USER)
    typed = blocks()
    assert len(typed) == 5
    with tempfile.TemporaryDirectory(prefix="kadisc-home-") as folder:
        home = Path(folder)
        (home / "dist").mkdir()
        shutil.copy(wheel, home / "dist" / "kadisc-0.1.0-py3-none-any.whl")
        lines = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"]
        for number, (text, _) in enumerate(typed):
            lines.append(f"{{\n{text}\n}} > output-{number} 2>&1")
        for path in (home, home / "dist", *(home / "dist").iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
        of_pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        done = subprocess.run(
            ["bash", "-c", "\n".join(lines)],
            cwd=home,
            env={"HOME": folder, "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
            | of_pip,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=800,
        )
        outputs = [path.read_text("utf-8") for path in sorted(home.glob("output-*"))]
    assert done.returncode == 0, (done.stdout, done.stderr, outputs)
    for (_, shown), output in zip(typed, outputs, strict=True):
        shapes = {shape(line) for line in output.replace(folder, "/home/me").splitlines()}
        for line in shown:
            # How far the devnet is, and which version of Python is here, differ.
            if line != "..." and not line.startswith("  serving"):
                assert shape(line) in shapes, (line, output)
