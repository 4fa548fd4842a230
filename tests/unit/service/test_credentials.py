"""Secrets in the folder that the service manager names."""

from __future__ import annotations

from pathlib import Path

import pytest

from kadisc.cli.launch import take_key
from kadisc.cli.main import main
from kadisc.core.contract.identity import Identity
from kadisc.errors import StateUnusable, UsageError
from kadisc.net.state.key_file import encode_key
from kadisc.net.state.key_store import read_key
from kadisc.service.credentials import KEY, RPC_PASSWORD, credential


def given(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return path


def test_a_credential_is_found_in_the_folder_that_is_named(tmp_path: Path) -> None:
    (tmp_path / KEY).write_text("x")
    assert credential(KEY, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == tmp_path / KEY
    assert credential(RPC_PASSWORD, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None
    for variables in ({}, {"CREDENTIALS_DIRECTORY": ""}, {"CREDENTIALS_DIRECTORY": "/nonexistent"}):
        assert credential(KEY, variables) is None
    with pytest.raises(UsageError, match="CREDENTIALS_DIRECTORY"):
        credential(KEY, {"CREDENTIALS_DIRECTORY": str(tmp_path / KEY)})


def test_the_key_of_the_manager_is_that_of_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    path = given(tmp_path / "credentials", KEY, encode_key(bytes(range(32))), monkeypatch)
    take_key(str(state))
    assert read_key(state).identity.public_key == Identity(bytes(range(32))).public_key
    assert capsys.readouterr().err == f"kadisc: {state} has the key of the credential {KEY} now\n"
    take_key(str(state))
    assert capsys.readouterr().err == ""
    path.chmod(0o600)
    path.write_text(encode_key(bytes(32)))
    with pytest.raises(StateUnusable, match="another key"):
        take_key(str(state))
    path.write_text("nonsense")
    with pytest.raises(UsageError, match=KEY):
        take_key(str(state))
    with pytest.raises(UsageError, match="state folder"):
        take_key(None)
    assert read_key(state).identity.public_key == Identity(bytes(range(32))).public_key


def test_the_feed_takes_its_password_from_the_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["feed", "geth", "--rpc-user", "me", "--once", "--state-dir", str(tmp_path / "none")]
    assert main(words) == 2
    assert RPC_PASSWORD in capsys.readouterr().err
    given(tmp_path / "credentials", RPC_PASSWORD, "secret", monkeypatch)
    assert main(words) == 1  # no node runs
    assert "no node runs" in capsys.readouterr().err
