"""``kadisc put``, ``get`` and ``resolve`` with the running node and with a temporary one, and their
errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kadisc.cli.main import main

from .commands import kadisc, next_event, running


@dataclass
class Devnet:
    folder: str
    bootstrap: str
    config: str

    def temporary(self, *arguments: str) -> tuple[str, ...]:
        """Adds the options of a temporary node, which treats loopback addresses as public ones as
        the devnet does.
        """
        return (*arguments, "--bootstrap", self.bootstrap, "--allow-private")


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    folder = tmp_path_factory.mktemp("items")
    config = folder / "soon.toml"
    config.write_text("publish_delay_s = 0.01\n")
    options = (
        "--devnet",
        "12",
        "--bind",
        "127.0.0.1:0",
        "--state-dir",
        str(folder / "state"),
        "--config",
        str(config),
        "--json",
    )
    with running("run", *options) as process:
        nodes = next_event(process, "listening")["nodes"]
        next_event(process, "joined")
        yield Devnet(str(folder / "state"), nodes[1]["endpoints"][0], str(config))


def document(*arguments: str, code: int = 0) -> dict[str, Any]:
    done = kadisc(*arguments, "--json")
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_put_item_is_found_by_another_node_and_a_mutable_one_has_the_key_of_the_folder(
    net: Devnet,
) -> None:
    """With the running node and with temporary nodes."""
    value = {"eth": 30303, "bytes": "0x00ff", "list": [1, -1]}
    stored = document("put", json.dumps(value), "--parse", "--state-dir", net.folder)
    assert (stored["key"], stored["seq"], stored["stored_on"], len(stored["stored"])) == (
        None,
        None,
        8,
        8,
    )
    item = document("get", *net.temporary(stored["target"]))
    assert (item["found"], item["value"], item["key"]) == (True, value, None)
    motd = document(
        "put", *net.temporary("hello", "--mutable", "--salt", "motd"), "--state-dir", net.folder
    )
    plain = kadisc("get", motd["target"], "--salt", "motd", "--state-dir", net.folder)
    assert (plain.returncode, plain.stdout) == (0, "hello\n")
    assert f"sequence {motd['seq']}, key {motd['key']}" in plain.stderr
    older = ("older", "--mutable", "--salt", "motd", "--seq", str(motd["seq"] - 1))
    for command in (
        ("put", *older, "--state-dir", net.folder),
        ("put", *net.temporary(*older), "--state-dir", net.folder),
    ):
        error = document(*command, code=1)["error"]
        assert error == {
            "code": "conflict",
            "message": (
                f"conflict (error 302): the sequence there is {motd['seq']}; nothing was stored"
            ),
        }
    found = document("resolve", motd["key"], "--state-dir", net.folder)
    assert (found["found"], found["key"], found["network"]) == (True, motd["key"], "mainline"), (
        "the key is the running node's"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("get", "5"), "a target has 40 hex digits"),
        (("put", "x" * 1000), "an item holds at most 1000"),
        (("put", "0xf"), "whole bytes in hex"),
        (("put", "{", "--parse"), "VALUE is not JSON"),
        (("put", "1.5", "--parse"), "an item holds texts"),
        (("put", "[" * 900 + "]" * 900, "--parse"), "at most 8 lists and dicts"),
        (("put", "[" * 9000 + "]" * 9000, "--parse"), "VALUE is not JSON"),
        (("put", "x", "--seq=-1"), "a whole number from 0"),
        (("put", "x", "--cas", str(1 << 63)), "a whole number from 0"),
        (("put", "x", "--keep", "--bind=127.0.0.1:0"), "only a running node can keep"),
        (("put", "x", "--mutable", "--bind=127.0.0.1:0"), "there is no key in"),
        (("put", "x", "--salt=s", "--bind=127.0.0.1:0"), "are of mutable items"),
        (("resolve", "abc"), "a public key is 64 hex digits"),
    ],
    ids=lambda value: value[1][:5] + value[-1][:6] if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_an_error_of_one_line(
    arguments: tuple[str, ...],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for kind in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path))
    config = tmp_path / "config.toml"
    config.write_text("routers = []\n")
    try:
        code: object = main([*arguments, "--config", str(config)])
    except SystemExit as ended:  # from argparse
        code = ended.code
    assert code == (4 if "no key" in complaint else 2)
    said = capsys.readouterr()
    assert said.out == ""
    assert complaint in said.err
    note = "kadisc: no --bootstrap given, and no contacts saved by an earlier run\n"
    assert len(said.err.replace(note, "").splitlines()) == 1
