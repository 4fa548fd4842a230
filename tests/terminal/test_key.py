"""``kadisc key``: what it shows, where the secret goes, and what an import refuses."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pty
import stat
import subprocess
from pathlib import Path

import pytest

from kadisc.cli.main import main
from kadisc.core.contract.identity import Identity
from kadisc.endpoints import Family
from kadisc.net.state.identity_file import KeptIdentity, decode_identity, encode_identity
from kadisc.net.state.key_file import encode_key

from .commands import COMMAND, PATIENCE_S, environment, kadisc, next_event, running

SEED, OTHER = bytes(range(32)), bytes(range(1, 33))
KEY, OTHER_KEY = (Identity(seed).public_key.hex() for seed in (SEED, OTHER))
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder with a key and an address."""
    made = tmp_path / "state"
    made.mkdir(mode=0o700)
    (made / "identity").write_bytes(
        encode_identity(KeptIdentity(SEED, {Family.IPV4: bytes((45, 1, 2, 3))}, {"x": 7}))
    )
    return made


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "node.pem"
    path.write_text(encode_key(SEED))
    path.chmod(0o600)
    return path


def run_key(*words: str | Path) -> int:
    return main(["key", *map(str, words)])


# --- show -----------------------------------------------------------------------------------------


def test_show_has_the_key_and_the_ids_but_not_the_secret(folder: Path, capsys: Printed) -> None:
    assert run_key("show", "--state-dir", folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"key     {KEY}"
    assert lines[1].startswith("ipv4    ")
    assert lines[1].endswith(" at 45.1.2.3")
    assert run_key("show", "--state-dir", folder, "--json") == 0
    printed = capsys.readouterr().out
    assert SEED.hex() not in printed
    document = json.loads(printed)
    assert (document["public_key"], document["running"]) == (KEY, False)
    assert document["ids"][0]["address"] == "45.1.2.3"
    assert len(document["ids"][0]["id"]) == 40


def test_show_without_an_address(tmp_path: Path, pem: Path, capsys: Printed) -> None:
    assert run_key("import", pem, "--state-dir", tmp_path / "new") == 0
    assert run_key("show", "--state-dir", tmp_path / "new") == 0
    assert "not known yet" in capsys.readouterr().out


def test_what_has_no_key_is_said(tmp_path: Path, folder: Path, capsys: Printed) -> None:
    assert run_key("show", "--state-dir", tmp_path / "none") == 1
    assert "there is no state folder" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    (folder / "identity").write_bytes(b"damaged")
    assert run_key("show", "--state-dir", folder) == 4
    assert "the key cannot be read" in capsys.readouterr().err
    (folder / "identity").unlink()
    assert run_key("export", "--state-dir", folder, tmp_path / "out") == 1
    assert not (tmp_path / "out").exists()
    folder.chmod(0o777)
    assert run_key("show", "--state-dir", folder) == 4
    assert "others may write" in capsys.readouterr().err


# --- export ---------------------------------------------------------------------------------------


def test_export_makes_a_file_of_mode_600_and_overwrites_none(
    tmp_path: Path, folder: Path, capsys: Printed
) -> None:
    out = tmp_path / "out.pem"
    before = os.umask(0)
    try:
        assert run_key("export", out, "--state-dir", folder) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text() == encode_key(SEED)
    printed = capsys.readouterr()
    assert "PRIVATE" not in printed.out + printed.err
    out.write_text("other")
    assert run_key("export", out, "--state-dir", folder) == 2
    assert out.read_text() == "other"
    (tmp_path / "link").symlink_to(tmp_path / "target")
    assert run_key("export", tmp_path / "link", "--state-dir", folder) == 2
    assert not (tmp_path / "target").exists()
    assert run_key("export", tmp_path / "no" / "folder", "--state-dir", folder) == 2


def exported(folder: Path, *words: str, stdout: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "key", "export", "--state-dir", str(folder), *words],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        env=environment(),
    )


def test_a_terminal_gets_the_secret_with_a_flag_alone(folder: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        done = exported(folder, stdout=theirs)
        assert done.returncode == 2
        assert "--show-secret" in done.stderr
        done = exported(folder, "--show-secret", stdout=theirs)
        assert done.returncode == 0
        shown = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    # Nothing of the first run came before it.
    assert shown.replace("\r\n", "\n") == encode_key(SEED)


def test_a_file_that_others_may_read_does_not_get_the_secret(folder: Path, tmp_path: Path) -> None:
    for mode, code in ((0o644, 2), (0o600, 0)):
        path = tmp_path / f"{mode:o}"
        path.touch()
        path.chmod(mode)
        with path.open("w") as file:
            done = exported(folder, stdout=file.fileno())
        assert done.returncode == code
        assert path.read_text() == ("" if code else encode_key(SEED))
    assert exported(folder, stdout=subprocess.PIPE).stdout == encode_key(SEED)


# --- import ---------------------------------------------------------------------------------------


def test_import_into_a_new_folder(tmp_path: Path, pem: Path, capsys: Printed) -> None:
    folder = tmp_path / "new"
    assert run_key("import", pem, "--state-dir", folder) == 0
    assert capsys.readouterr().err == (
        f"kadisc: {folder} has the key {KEY} now; no other node should run with it\n"
    )
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "identity").stat().st_mode) == 0o600
    assert decode_identity((folder / "identity").read_bytes()).seed == SEED
    assert run_key("import", pem, "--state-dir", folder, "--json") == 0
    assert json.loads(capsys.readouterr().out)["new"] is False


def test_import_of_a_copy_of_the_identity_keeps_the_sequences(folder: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert run_key("import", folder / "identity", "--state-dir", new) == 0
    assert (new / "identity").read_bytes() == (folder / "identity").read_bytes()


def test_import_overwrites_no_key(folder: Path, tmp_path: Path, capsys: Printed) -> None:
    other = tmp_path / "other.pem"
    other.write_text(encode_key(OTHER))
    other.chmod(0o600)
    before = (folder / "identity").read_bytes()
    assert run_key("import", other, "--state-dir", folder) == 4
    said = capsys.readouterr().err
    assert KEY in said
    assert OTHER_KEY not in said
    assert "move the files identity and state.sqlite3 away" in said
    assert (folder / "identity").read_bytes() == before
    # As the message says.
    (folder / "identity").rename(tmp_path / "identity")
    assert run_key("import", other, "--state-dir", folder) == 0
    assert decode_identity((folder / "identity").read_bytes()).seed == OTHER


def test_import_leaves_a_file_of_a_later_version(folder: Path, pem: Path, capsys: Printed) -> None:
    later = encode_identity(KeptIdentity(OTHER)).replace(b'identity": 1', b'identity": 9')
    lines = []
    for line in later.splitlines():
        text = line.partition(b" ")[2]
        lines.append(hashlib.sha256(text).hexdigest()[:16].encode() + b" " + text)
    (folder / "identity").write_bytes(b"\n".join(lines))
    before = (folder / "identity").read_bytes()
    assert run_key("import", pem, "--state-dir", folder) == 4
    assert "later version" in capsys.readouterr().err
    assert (folder / "identity").read_bytes() == before


def test_import_beside_a_damaged_file_renames_it(folder: Path, pem: Path, capsys: Printed) -> None:
    (folder / "identity").write_bytes(b"damaged")
    assert run_key("import", pem, "--state-dir", folder) == 0
    assert "identity.damaged-1" in capsys.readouterr().err
    assert (folder / "identity.damaged-1").read_bytes() == b"damaged"


@pytest.mark.parametrize("content", ["", "ab" * 32, encode_key(SEED)[:60]])
def test_a_bad_file_makes_no_folder(content: str, tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "bad"
    path.write_text(content)
    assert run_key("import", path, "--state-dir", tmp_path / "new") == 2
    assert f"kadisc: {path}: " in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_is_no_file(tmp_path: Path, capsys: Printed) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "directory"),
        (tmp_path / "pipe", "not a file"),
        (Path("/dev/zero"), "not a file"),
    ):
        assert run_key("import", path, "--state-dir", tmp_path / "new") == 2
        assert words in capsys.readouterr().err


def test_a_file_that_others_may_read_is_warned_of(
    tmp_path: Path, pem: Path, capsys: Printed
) -> None:
    pem.chmod(0o644)
    assert run_key("import", pem, "--state-dir", tmp_path / "new") == 0
    assert "other users may read" in capsys.readouterr().err


def test_import_from_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(encode_key(SEED).encode()))
    monkeypatch.setattr("sys.stdin", stream)
    assert run_key("import", "-", "--state-dir", tmp_path / "new") == 0


def test_a_node_runs_with_the_imported_key_and_cannot_be_given_another(
    tmp_path: Path, pem: Path
) -> None:
    state = str(tmp_path / "state")
    assert run_key("import", pem, "--state-dir", state) == 0
    options = ("--bind", "127.0.0.1:0", "--allow-private", "--no-routers", "--state-dir", state)
    with running("run", *options, "--json") as process:
        [node] = next_event(process, "listening")["nodes"]
        shown = json.loads(kadisc("key", "show", "--state-dir", state, "--json").stdout)
        assert (shown["public_key"], shown["running"]) == (KEY, True)
        assert [each["id"] for each in shown["ids"]] == [node["id"]]
        done = kadisc("key", "import", str(pem), "--state-dir", state)
        assert done.returncode == 4
        assert f"(process {process.pid}); stop it first: kadisc stop" in done.stderr
