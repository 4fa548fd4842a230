"""The files of commit 2a67823 are read: a node started on its state folder, its exported address
book imported, its configuration used."""

from __future__ import annotations

import json
import select
import signal
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kadisc.control.methods.why import source_words
from tests.support.old_files import (
    ALL_KEYS,
    BOOK,
    EXPECTED,
    NETWORK,
    PLAIN,
    SECOND_NETWORK,
    STATE,
    copy_of_state,
    with_names_of_today,
    write_config,
)

from .commands import PATIENCE_S, devnet, kadisc, next_event, running

ALONE = """
routers = []
netrestrict = ["127.0.0.0/8", "::1/128"]
allow_private = true

[core.query]
timeout_s = 300.0
"""
"""A configuration for a node that gets no answers; its queries do not time out during a test."""

AMONG_OTHERS = """
routers = []
netrestrict = ["127.0.0.0/8", "::1/128"]
allow_private = true
publish_delay_s = 0.1
"""

OF_A_PEER = (
    "source",
    "table",
    "failures",
    "rtt_s",
    "key",
    "id",
    "record",
    "sequence",
    "services",
)
"""The fields that do not change while no peer answers."""
AGES = ("first_seen_s_ago", "first_verified_s_ago", "verified_s_ago")


@dataclass
class Node:
    """A running node, queried through the command line."""

    network: str
    state_dir: Path
    config: Path

    def run_options(self) -> list[str]:
        return ["--state-dir", str(self.state_dir), "--config", str(self.config)]

    def run(self, *arguments: str) -> dict[str, Any]:
        done = kadisc(*arguments, *self.run_options(), "--json")
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def book(self) -> dict[str, dict[str, Any]]:
        """The exported lines, by endpoint."""
        done = kadisc("book", "export", *self.run_options())
        assert done.returncode == 0, done.stderr
        head, *lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert head["network"] == self.network
        return {line["endpoint"]: line for line in lines}


@contextmanager
def node_on(
    state_dir: Path,
    config: str,
    *options: str,
    network: str = NETWORK,
    bind: str = "127.0.0.1:0",
) -> Iterator[Node]:
    """A node with this state folder, which stops and saves at the end of the block."""
    file = state_dir.parent / "config.toml"
    file.write_text(f'network = "{network}"\n{config}')
    node = Node(network, state_dir, file)
    with running("run", "--bind", bind, "--json", *options, *node.run_options()) as process:
        next_event(process, "listening")
        until_answered(node)
        yield node
        process.send_signal(signal.SIGTERM)
        told, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, "")
        assert "state_" not in told  # nothing was set aside, damaged or left unsaved


def until_answered(node: Node) -> None:
    """Waits for the control socket, which opens a moment after the UDP sockets."""
    deadline = time.monotonic() + PATIENCE_S
    while kadisc("status", *node.run_options()).returncode != 0:
        assert time.monotonic() < deadline


# --- the state folder ----------------------------------------------------------------------------


@pytest.fixture(
    scope="module",
    params=[(NETWORK, 0), (NETWORK, 1), (SECOND_NETWORK, 1)],
    ids=["at once", "after a run", "the other network after a run"],
)
def node(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Node]:
    """Started on the old folder, directly or after a run of the first network, which has rewritten
    the folder with all of its contents.
    """
    network, earlier_runs = request.param
    folder = copy_of_state(tmp_path_factory.mktemp("old"))
    for _ in range(earlier_runs):
        with node_on(folder, ALONE):
            pass
    # Without an address in --bind, the node uses the saved external address.
    with node_on(folder, ALONE, network=network, bind="0.0.0.0:0") as node:
        yield node


def kept(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = STATE["networks"][node.network]
    return found


def one_of(peers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A verified peer with services and one address only."""
    peers = [each for each in peers if each["table"] == "tried" and each.get("services")]
    keys = [each["key"] for each in peers]
    return next(each for each in peers if keys.count(each["key"]) == 1)


def test_it_has_the_saved_key_and_address(node: Node) -> None:
    status = node.run("status")
    assert (status["public_key"], status["network"]) == (STATE["public_key"], node.network)
    [family] = status["families"]
    assert (family["address"]["host"], family["address"]["confidence"]) == (
        STATE["addresses"]["ipv4"],
        "remembered",
    )


def test_it_starts_with_the_saved_contacts(node: Node) -> None:
    contacts = [each for each in kept(node)["contacts"] if each["family"] == "ipv4"]
    [family] = node.run("status")["families"]
    assert family["contacts"] == 0
    assert 0 < family["candidates"] <= len(contacts)


def test_the_sequence_of_its_record_continues(node: Node) -> None:
    record = node.run("record")
    assert (record["key"], record["network"]) == (STATE["public_key"], node.network)
    # The saved sequence is many years ahead of this machine's clock.
    assert kept(node)["sequence"] < record["sequence"] < kept(node)["sequence"] + 100


def test_it_has_the_saved_address_book(node: Node) -> None:
    book = node.book()
    wanted = {each["endpoint"]: each for each in kept(node)["book"]["peers"]}
    assert set(book) == set(wanted)
    for endpoint, peer in wanted.items():
        found = book[endpoint]
        assert [found.get(name) for name in OF_A_PEER] == [peer.get(name) for name in OF_A_PEER]
        for age in AGES:
            assert (age in found) == (age in peer)
            assert peer.get(age, 0.0) <= found.get(age, 0.0) <= peer.get(age, 0.0) + 600
        # A few are reported again at the start, to be checked first.
        assert found["heard_times"] >= peer["heard_times"]
    verified = [peer for peer in book.values() if "verified_s_ago" in peer]
    assert len(verified) == kept(node)["book"]["verified"]
    assert len(book) - len(verified) == kept(node)["book"]["unverified"]


def test_why_shows_the_saved_history_of_a_peer(node: Node) -> None:
    peer = one_of(kept(node)["book"]["peers"])
    for name in (peer["key"], peer["endpoint"]):
        why = node.run("why", name)
        assert (why["peer"], why["key"], why["table"]) == (peer["endpoint"], peer["key"], "tried")
        words = source_words(peer["source"])
        assert (why["verified_in_this_run"], why["source"]) == (False, words)
        assert (why["sequence"], why["failures"]) == (peer["sequence"], peer["failures"])
        assert why["first_verified_s_ago"] >= round(peer["first_verified_s_ago"], 1)


def test_every_saved_contact_gets_a_query(tmp_path: Path) -> None:
    contacts = STATE["networks"][NETWORK]["contacts"]
    with ExitStack() as stack:
        waiting = []
        for contact in contacts:
            if contact["family"] == "ipv4":
                there = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                there.bind((contact["host"], contact["port"]))
                waiting.append(there)
        stack.enter_context(node_on(copy_of_state(tmp_path), ALONE))
        deadline = time.monotonic() + PATIENCE_S
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} got no query"
            asked, _, _ = select.select(waiting, [], [], 1.0)
            waiting = [there for there in waiting if there not in asked]


def test_a_temporary_node_starts_from_the_saved_contacts(tmp_path: Path) -> None:
    contacts = [c for c in STATE["networks"][NETWORK]["contacts"] if c["family"] == "ipv4"]
    config = tmp_path / "config.toml"
    config.write_text(f'network = "{NETWORK}"\n{ALONE.replace("300.0", "1.0")}')
    place = ["--state-dir", str(copy_of_state(tmp_path)), "--config", str(config)]
    done = kadisc("find", "random", "--bind", "127.0.0.1:0", *place)
    assert done.returncode == 1
    assert f"starting from {len(contacts)} contacts of the last run" in done.stderr


def test_the_saved_items_are_published_in_the_same_versions(tmp_path: Path) -> None:
    with devnet(9) as nodes:
        endpoints = [node["endpoints"][0] for node in nodes[:3]]
        bootstrap = [word for endpoint in endpoints for word in ("--bootstrap", endpoint)]

        def get(item: dict[str, Any]) -> dict[str, Any]:
            salt = ["--salt", f"0x{item['salt']}"] if item["salt"] else []
            own = ["--bind", "127.0.0.1:0", "--allow-private", "--json", *bootstrap]
            found: dict[str, Any] = json.loads(kadisc("get", item["target"], *salt, *own).stdout)
            return found

        with node_on(copy_of_state(tmp_path), AMONG_OTHERS, *bootstrap):
            deadline = time.monotonic() + PATIENCE_S
            for item in STATE["networks"][NETWORK]["kept_items"]:
                while not (found := get(item))["found"]:
                    assert time.monotonic() < deadline, item
                assert (found["bencoded"], found["key"]) == (item["bencoded"], item["key"])
                assert (found["seq"], found["sig"]) == (item["sequence"], item["signature"])
            [other] = STATE["networks"][SECOND_NETWORK]["kept_items"]
            assert not get(other)["found"], "only a node in the other network puts this item"


# --- the exported address book -------------------------------------------------------------------


def test_the_exported_book_is_imported_into_the_same_node(tmp_path: Path) -> None:
    """With the same key, which determines the places in the book, all peers have a place."""
    folder = copy_of_state(tmp_path)
    with closing(sqlite3.connect(folder / "state.sqlite3")) as database:
        for table in ("book", "contacts", "published"):
            database.execute(f"DELETE FROM {table}")
        database.commit()
    lines = [json.loads(line) for line in BOOK.read_text().splitlines()[1:]]
    with node_on(folder, ALONE) as node:
        assert node.book() == {}
        done = node.run("book", "import", str(BOOK))
        assert (done["added"], done["skipped"]) == (len(lines), 0)
        done = node.run("book", "import", str(BOOK))
        assert (done["added"], done["skipped"], done["known"]) == (0, len(lines), len(lines))
        book = node.book()
        assert set(book) == {line["endpoint"] for line in lines}
        for line in lines:
            found = book[line["endpoint"]]
            assert [found.get(name) for name in OF_A_PEER] == [line.get(name) for name in OF_A_PEER]
        verified = [peer for peer in book.values() if "verified_s_ago" in peer]
        assert len(verified) == EXPECTED["book_export"]["verified"]
        assert len(book) - len(verified) == EXPECTED["book_export"]["unverified"]
        assert node.run("status")["families"][0]["contacts"] == 0
        peer = one_of(verified)
        why = node.run("why", peer["key"])
        assert (why["peer"], why["verified_in_this_run"]) == (peer["endpoint"], False)


def test_the_exported_book_is_imported_into_another_node(tmp_path: Path) -> None:
    lines = BOOK.read_text().splitlines()[1:]
    with node_on(tmp_path / "state", ALONE) as node:
        imported = node.run("book", "import", str(BOOK))
        assert imported["added"] + imported["skipped"] == len(lines)
        assert imported["added"] > 0.7 * len(lines)  # some share a place with others, at random
        assert len(node.book()) == imported["added"]


def test_the_exported_book_is_only_for_its_network(tmp_path: Path) -> None:
    with node_on(tmp_path / "state", ALONE, network=SECOND_NETWORK) as node:
        done = kadisc("book", "import", str(BOOK), *node.run_options())
        assert done.returncode == 2
        assert f"of the network '{NETWORK}', not of '{SECOND_NETWORK}'" in done.stderr


# --- the configuration ---------------------------------------------------------------------------


def test_a_renamed_key_is_an_error_that_names_the_new_one() -> None:
    done = kadisc("status", "--config", str(PLAIN))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"kadisc: {PLAIN}: core.tags.announce_interval_s"
        " is now core.rendezvous.announce_interval_s\n"
    )


def test_a_node_runs_with_the_plain_configuration(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.toml", with_names_of_today(PLAIN))
    node = Node("plain network", tmp_path / "state", config)
    with running("run", "--json", *node.run_options()) as process:
        next_event(process, "listening")
        until_answered(node)
        status, record = node.run("status"), node.run("record")
        assert (status["network"], status["read_only"]) == ("plain network", True)
        assert status["families"][0]["endpoint"].startswith("127.0.0.1:")
        assert record["services"] == {"eth": 30303, "fork": "0xabcd"}


def test_a_command_takes_all_keys(tmp_path: Path) -> None:
    """The file is valid; no node runs with the folder in it."""
    config = write_config(tmp_path / "config.toml", with_names_of_today(ALL_KEYS))
    done = kadisc("status", "--config", str(config))
    assert done.returncode == 1
    assert done.stderr.startswith("kadisc: no node runs with the state folder kept;")
