"""The state of a node between runs: restarts after `kill -9` while all bootstrap hosts are dead,
and folders that are locked, full or damaged.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kadisc.net.state.start_mark import MARK_NAME
from kadisc.net.state.state_file import SCHEMA_VERSION, read_state

from .commands import COMMAND, PATIENCE_S, devnet, environment, kadisc, next_event, running

BACK_WITHIN_S = 10.0
"""Five times the expected two seconds."""


@pytest.fixture(scope="module")
def entrance() -> Iterator[str]:
    with devnet(20) as nodes:
        yield nodes[0]["endpoints"][0]


@pytest.fixture(scope="module")
def experienced(entrance: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a node that had joined the devnet."""
    folder = tmp_path_factory.mktemp("experienced")
    with running("run", "--bootstrap", entrance, *common(folder)) as process:
        next_event(process, "joined")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, "")
    assert contacts_in(folder) >= 8
    return folder


@pytest.fixture
def known(experienced: Path, tmp_path: Path) -> Path:
    """A copy of that folder, which the test may change."""
    (tmp_path / "state.sqlite3").write_bytes((experienced / "state.sqlite3").read_bytes())
    return tmp_path


def common(folder: Path) -> list[str]:
    return ["--bind", "127.0.0.1:0", "--state-dir", str(folder), "--json"]


def contacts_in(folder: Path) -> int:
    kept = read_state(folder / "state.sqlite3")
    return len(kept.contacts.get("mainline", ())) if kept is not None else 0


@contextmanager
def dead_host() -> Iterator[str]:
    """A host that does not answer; its port is bound, so that no other process gets it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{silent.getsockname()[1]}"


@pytest.mark.parametrize("restarts", [8, pytest.param(50, marks=pytest.mark.real)])
def test_after_each_kill_it_rejoins_through_saved_contacts(known: Path, restarts: int) -> None:
    rng = random.Random(50)
    with dead_host() as dead:
        for _ in range(restarts):
            with running(
                "run", "--bootstrap", dead, "--bootstrap", "nonsense.invalid:1", *common(known)
            ) as process:
                next_event(process, "listening")
                started = time.monotonic()
                assert next_event(process, "joined")["contacts"] >= 8
                took_s = time.monotonic() - started
                assert took_s < BACK_WITHIN_S
                # The node saves when it has joined: the kill comes before, during or after that.
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(rng.uniform(0.0, 0.05))
                process.kill()
            assert contacts_in(known) >= 8
            # A third start in a row that was killed so soon would begin without the saved contacts
            # (`test_restarts.py`). This is about what a kill leaves in the file: each of these runs
            # counts as one that went on for longer.
            (known / MARK_NAME).unlink()


def test_the_same_key_gives_the_same_id(tmp_path: Path) -> None:
    # The external address determines the ID, so no reports of other nodes are needed.
    external = ["--external", "45.1.2.3:6881"]
    ids = []
    for folder in (tmp_path / "a", tmp_path / "a", tmp_path / "b"):
        with (
            dead_host() as dead,
            running("run", "--bootstrap", dead, *external, *common(folder)) as process,
        ):
            ids.append(next_event(process, "listening")["nodes"][0]["id"])
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
    assert ids[0] == ids[1] != ids[2]
    # By BEP 42 the first digits follow from the address and the last three bits.
    assert all(
        node_id[:5] == ids[0][:5] or int(node_id[-1], 16) % 8 != int(ids[0][-1], 16) % 8
        for node_id in ids
    )


def test_a_second_node_in_a_folder_is_an_error_of_one_line(known: Path) -> None:
    with dead_host() as dead, running("run", "--bootstrap", dead, *common(known)) as process:
        next_event(process, "listening")
        done = kadisc("run", "--bootstrap", dead, *common(known))
        assert done.returncode == 4
        assert done.stderr == (
            f"kadisc: another node uses the state folder {known} (process {process.pid}); "
            "give each node its own --state-dir\n"
        )
        process.kill()
        process.wait()
    with dead_host() as dead, running("run", "--bootstrap", dead, *common(known)) as process:
        next_event(process, "listening")


def test_commands_read_the_state_and_write_nothing(
    known: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = tmp_path_factory.mktemp("config") / "config.toml"
    config.write_text("routers = []\n")
    before = _everything_in(known)
    options = ["--state-dir", str(known), "--config", str(config), "--json"]
    done = kadisc("find", "random", *options)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["nodes"]) == 8
    assert done.stderr.startswith("kadisc: no --bootstrap given: starting from ")
    assert "contacts of the last run" in done.stderr
    assert kadisc("peers", "0" * 40, *options).returncode == 1
    assert kadisc("announce", "0" * 40, "--port", "1", *options).returncode == 0
    assert _everything_in(known) == before


def test_commands_read_the_state_while_the_node_runs(known: Path) -> None:
    with dead_host() as dead, running("run", "--bootstrap", dead, *common(known)) as process:
        next_event(process, "joined")
        done = kadisc("find", "random", "--state-dir", str(known), "--json")
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)["nodes"]) == 8


def _everything_in(folder: Path) -> dict[str, tuple[int, bytes]]:
    found = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    return found | {".": (folder.stat().st_mtime_ns, b"")}


def test_without_contacts_and_bootstrap_the_error_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("routers = []\n")
    done = kadisc(
        "find", "random", "--state-dir", str(tmp_path), "--config", str(tmp_path / "config.toml")
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "kadisc: no --bootstrap given, and no contacts saved by an earlier run",
        "kadisc: no network: there is no node to ask; give --bootstrap HOST:PORT of a node of the "
        "network, or start one here with kadisc run",
    ]


def test_contacts_that_may_not_be_asked_are_told(known: Path, tmp_path: Path) -> None:
    (tmp_path / "strict.toml").write_text('netrestrict = ["10.0.0.0/24"]\n')
    strict = ["--config", str(tmp_path / "strict.toml")]
    for command in (["find", "5" * 40], ["peers", "testnet"]):
        done = kadisc(*command, *strict, "--no-routers", "--state-dir", str(known))
        assert done.returncode == 1
        assert "of the last run may not be asked, by netrestrict or ban" in done.stderr
        assert "no answer" not in done.stderr


def test_peers_of_no_network_are_not_looked_for(known: Path) -> None:
    done = kadisc("peers", "--no-routers", "--state-dir", str(known))
    assert (done.returncode, done.stdout) == (2, "")
    assert "name the network (not 'mainline'" in done.stderr


def test_a_named_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = kadisc("find", "random", "--no-routers", "--state-dir", str(tmp_path / "mistyped"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == (
        f"kadisc: there is no state folder {tmp_path / 'mistyped'}; using a temporary node"
    )


# --- damage ---------------------------------------------------------------------------------------


def _first_warning(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    """The event with this name; the node must still run."""
    warning = next_event(process, name)
    assert process.poll() is None
    return warning


def test_a_damaged_file_is_set_aside(known: Path, entrance: str) -> None:
    image = (known / "state.sqlite3").read_bytes()
    (known / "state.sqlite3").write_bytes(image[:100])
    with running("run", "--bootstrap", entrance, *common(known)) as process:
        warning = _first_warning(process, "state_set_aside")
        assert warning["renamed_to"] == f"{known}/state.sqlite3.damaged-1"
        next_event(process, "joined")
        process.terminate()
        output, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, "")
        assert "state" not in output
    assert (known / "state.sqlite3.damaged-1").read_bytes() == image[:100]
    assert contacts_in(known) >= 8


def test_a_file_of_a_later_version_is_not_changed(
    known: Path, experienced: Path, entrance: str
) -> None:
    (known / "identity").write_bytes((experienced / "identity").read_bytes())
    image = (known / "state.sqlite3").read_bytes()
    newer = image[:60] + (SCHEMA_VERSION + 1).to_bytes(4, "big") + image[64:]
    (known / "state.sqlite3").write_bytes(newer)
    with running("run", "--bootstrap", entrance, *common(known)) as process:
        assert "later version" in _first_warning(process, "state_unsaved")["reason"]
        next_event(process, "joined")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    assert (known / "state.sqlite3").read_bytes() == newer


def _small_files() -> None:
    # As on a full disk, a write ends in the middle of the file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))


def test_a_full_disk_neither_stops_the_node_nor_damages_the_state(
    known: Path, entrance: str
) -> None:
    before = (known / "state.sqlite3").read_bytes()
    process = subprocess.Popen(
        [*COMMAND, "run", "--bootstrap", entrance, *common(known)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=_small_files,
    )
    try:
        assert (
            "cannot be written: file too large"
            in _first_warning(process, "state_unsaved")["reason"]
        )
        process.terminate()
        output, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert "state_unsaved" not in output  # it is reported once
    assert (known / "state.sqlite3").read_bytes() == before
    # A file as small as that of the key can still be written.
    left = {path.name for path in known.iterdir()}
    assert left == {"identity", "state.lock", "state.sqlite3"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
@pytest.mark.parametrize("forbidden", ["reading the file", "writing the folder"])
def test_missing_permissions_are_told_before_the_start(
    known: Path, entrance: str, forbidden: str
) -> None:
    changed = known / "state.sqlite3" if forbidden == "reading the file" else known
    changed.chmod(0 if forbidden == "reading the file" else 0o500)
    try:
        done = kadisc("run", "--bootstrap", entrance, *common(known))
        assert (done.returncode, "denied" in done.stderr) == (4, True)
    finally:
        changed.chmod(0o700)


def test_a_devnet_saves_no_state_without_state_dir(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for options in ([], ["--state-dir", str(tmp_path / "kept")]):
        process = subprocess.Popen(
            [*COMMAND, "run", "--devnet", "9", "--bind", "127.0.0.1:0", "--json", *options],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(XDG_STATE_HOME=str(home)),
        )
        try:
            next_event(process, "joined")
            process.terminate()
            process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            process.communicate()
    assert not home.exists()
    assert contacts_in(tmp_path / "kept") == 8
