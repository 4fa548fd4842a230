"""The public names of ``import kadisc``, and what their import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kadisc


@pytest.mark.parametrize("module", ["kadisc", "kadisc.ids", "kadisc.endpoints", "kadisc.core.core"])
def test_the_core_and_the_nouns_import_no_trio(module: str) -> None:
    # Not asked of the core: crc32c looks up its own version, and the package that tells it imports
    # socket.
    names = (
        ("trio", "asyncio", "rich")
        if module == "kadisc.core.core"
        else ("trio", "asyncio", "rich", "socket")
    )
    program = f"import sys, {module}; print([name for name in {names} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists() -> None:
    for name in kadisc.__all__:
        assert getattr(kadisc, name) is not None
    assert set(kadisc.__all__) == set(dir(kadisc))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = kadisc.nonsense


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(kadisc.__file__).read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.asname or alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported | {"__version__"} == set(kadisc.__all__)
