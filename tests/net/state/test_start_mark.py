"""Starts that end uncleanly leave a mark, and the third in a row begins without what other nodes
have left in the state file. In virtual time, but for the real folder.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from kadisc.config import Config
from kadisc.errors import BindError
from kadisc.net.api.open import open_node
from kadisc.net.state.kept_back import split
from kadisc.net.state.start_mark import MARK_NAME, PROVEN_S, StartMark
from kadisc.net.state.state_file import read_state
from kadisc.observe.shell_events import StateKeptBack

from ..lab import joined, network, open_several
from .saving import open_with_state
from .test_state_file import with_books


def marks(folder: Path) -> int:
    """How many unclean starts in a row the next start would find."""
    mark = StartMark(folder)
    mark.leave()
    found = mark.unclean
    mark.take_back()
    return found


def crash(folder: Path, times: int = 1) -> None:
    """Leaves the folder as starts do that are killed."""
    for _ in range(times):
        StartMark(folder).leave()


def test_each_unclean_start_counts_until_an_orderly_end(tmp_path: Path) -> None:
    for number in range(4):
        assert marks(tmp_path) == number
        crash(tmp_path)
    StartMark(tmp_path).take_away()
    assert marks(tmp_path) == 0
    assert not (tmp_path / MARK_NAME).exists()


@pytest.mark.parametrize("content", [b"", b"many", b"-7", b"9" * 5000, b"\xb2"])
def test_a_mark_that_cannot_be_read_counts_once(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MARK_NAME).write_bytes(content)
    mark = StartMark(tmp_path)
    mark.leave()
    assert mark.unclean in (1, 99_999_999)
    assert (tmp_path / MARK_NAME).read_bytes().strip().isdigit()


def test_a_mark_follows_no_symbolic_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / MARK_NAME).symlink_to(victim)
    StartMark(folder).leave()
    assert victim.read_text() == "mine"


def test_a_folder_without_room_for_a_mark_stops_no_start(tmp_path: Path) -> None:
    mark = StartMark(tmp_path / "missing")
    mark.leave()
    mark.take_back()
    mark.take_away()
    assert mark.unclean == 0


def test_what_is_kept_back_grows_with_the_number_of_unclean_starts() -> None:
    saved = with_books().saved_state("mainline")
    contacts = sum(len(dht.contacts) for dht in saved.dhts)
    assert contacts
    assert saved.peer_network is not None
    assert [len(split(saved, starts)[1].contacts) for starts in range(4)] == [0, 0, *[contacts] * 2]
    assert [bool(split(saved, starts)[1].peers) for starts in range(4)] == [False] * 3 + [True]
    reduced, _ = split(saved, 3)
    assert [dht.ip for dht in reduced.dhts] == [dht.ip for dht in saved.dhts]
    assert reduced.published == saved.published
    assert reduced.peer_network is not None
    assert reduced.peer_network.sequence == saved.peer_network.sequence


def test_what_is_kept_back_is_saved_again_beside_what_is_new_and_older_by_the_run() -> None:
    saved = with_books().saved_state("mainline")
    reduced, kept = split(saved, 3)
    again = kept.added_to(reduced, 100.0)
    before = {each.contact: each for dht in saved.dhts for each in dht.contacts}
    after = {each.contact: each for dht in again.dhts for each in dht.contacts}
    assert after.keys() == before.keys()
    for contact, each in after.items():
        assert each.verified_s_ago == before[contact].verified_s_ago + 100.0
    assert again.peer_network == saved.peer_network
    assert kept.added_to(saved, 100.0) == saved, "nothing is there twice"


async def run_once(folder: Path, run_s: float = 31.0) -> list[StateKeptBack]:
    """Runs a node in a small network and returns what it says about what was kept back."""
    said: list[StateKeptBack] = []
    net = network()
    async with (
        open_several(net, 12),
        open_with_state(net, folder) as node,
        node.subscribe(StateKeptBack) as events,
    ):
        await joined(node)
        with trio.move_on_after(run_s):
            async for event in events:
                said.append(event)
    return said


def saved_contacts(folder: Path) -> int:
    kept = read_state(folder / "state.sqlite3")
    assert kept is not None
    return len(kept.contacts["mainline"])


async def test_the_third_start_in_a_row_begins_without_contacts_and_keeps_them(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    assert await run_once(tmp_path) == []
    before = saved_contacts(tmp_path)
    assert before
    crash(tmp_path)
    assert await run_once(tmp_path) == [], "one unclean start, then an orderly one"
    crash(tmp_path, times=2)
    assert await run_once(tmp_path) == [StateKeptBack(2, False)]
    # A contact or two may leave the table in a run: these were not lost with the others.
    assert saved_contacts(tmp_path) >= before - 3
    assert await run_once(tmp_path) == [], "the start before ended in order"


async def test_a_minute_of_running_takes_the_mark_away(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_with_state(network(), tmp_path):
        await trio.sleep(PROVEN_S / 2)
        assert (tmp_path / MARK_NAME).exists()
        await trio.sleep(PROVEN_S)
        assert not (tmp_path / MARK_NAME).exists()


class OfTheApplication(Exception):
    """Raised in the block of the caller."""


@pytest.mark.parametrize("error", [OfTheApplication(), KeyboardInterrupt(), SystemExit(3)])
async def test_an_error_of_the_application_is_an_orderly_end(
    tmp_path: Path, autojump_clock: MockClock, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        async with open_with_state(network(), tmp_path):
            raise error
    assert marks(tmp_path) == 0


async def test_an_error_of_the_core_is_an_unclean_end(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    def faulty(now: float) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with open_with_state(network(), tmp_path) as node:
            node.pump.core.tick = faulty  # type: ignore[method-assign]
            await trio.sleep(3600)
    assert marks(tmp_path) == 1


async def test_a_start_that_fails_before_it_begins_does_not_count(tmp_path: Path) -> None:
    crash(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config = Config(
            bind=(f"127.0.0.1:{taken.getsockname()[1]}",), state_dir=str(tmp_path), routers=()
        )
        with pytest.raises(BindError):
            async with open_node(config):
                pass
    assert marks(tmp_path) == 1
