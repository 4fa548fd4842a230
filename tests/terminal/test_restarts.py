"""Restarts of a real process in the default configuration: after a move onto an ID that a saved
contact bears, and after starts that were killed within their first minute.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import derive_node_id
from kadisc.core.contract.identity import Identity
from kadisc.core.contract.saved_state import SavedContact
from kadisc.endpoints import Family, ip_of, make_endpoint
from kadisc.net.state.start_mark import MARK_NAME
from kadisc.net.state.state_file import KeptState, read_state, replace_state

from .commands import COMMAND, PATIENCE_S, environment, next_event

SEED = bytes(range(32))
RUNS_S = 1.5
"""The fault ended the process half a second after its start."""


@contextmanager
def node(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A node with nothing configured but its folder, and no host to ask outside of this machine."""
    words = [*COMMAND, "--json", "--state-dir", str(folder), "--bootstrap", "127.0.0.1:9", *options]
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        stdin=subprocess.DEVNULL,
    ) as process:
        try:
            next_event(process, "listening")
            yield process
        finally:
            process.kill()


def known(folder: Path, *contacts: Contact) -> None:
    kept = KeptState(SEED, {Family.IPV4: bytes((45, 1, 2, 3))})
    kept.contacts["mainline"] = tuple(SavedContact(each, 9.0, 1.0) for each in contacts)
    replace_state(folder / "state.sqlite3", kept)


def contacts_in(folder: Path) -> set[Contact]:
    kept = read_state(folder / "state.sqlite3")
    assert kept is not None
    return {saved.contact for saved in kept.contacts["mainline"]}


def test_five_restarts_with_a_saved_contact_that_bears_the_id_of_this_node(tmp_path: Path) -> None:
    there = make_endpoint("62.9.8.7", 6881)
    next_id = derive_node_id(Identity(SEED).public_key, ip_of(there))
    echo = Contact(next_id, make_endpoint("127.0.0.1", 9))
    other = Contact(next_id ^ 1, make_endpoint("127.0.0.2", 9))
    known(tmp_path, echo, other)
    for _ in range(5):
        with node(tmp_path, "--external", "62.9.8.7:6881") as process:
            time.sleep(RUNS_S)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=PATIENCE_S)
            assert (process.returncode, errors) == (0, "")
    assert contacts_in(tmp_path) == {other}


def test_starts_that_are_killed_are_followed_by_one_without_contacts_that_says_so(
    tmp_path: Path,
) -> None:
    contact = Contact(7, make_endpoint("127.0.0.2", 9))
    known(tmp_path, contact)
    for number in (1, 2):
        with node(tmp_path) as process:
            time.sleep(0.5)
            assert (tmp_path / MARK_NAME).read_text() == f"{number}\n"
            process.kill()
    with node(tmp_path) as process:
        assert next_event(process, "state_kept_back")["unclean_starts"] == 2
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, "")
    assert contacts_in(tmp_path) == {contact}, "kept in the file"
    assert not (tmp_path / MARK_NAME).exists(), "an orderly end takes the mark away"
