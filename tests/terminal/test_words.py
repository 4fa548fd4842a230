"""Clients and events as text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from kadisc.cli.run_log import RunLog
from kadisc.contacts import Contact
from kadisc.core.contract.events import (
    AddressChanged,
    CameOnline,
    ContactAdded,
    ContactRemoved,
    Joined,
    NatKindChanged,
    OwnAddressShared,
    PeerLost,
    PeersBeyondCaps,
    PeerVerified,
    ReachabilityChanged,
    ServiceTested,
    SuspiciousLookup,
    WentOffline,
)
from kadisc.core.contract.reach_verdict import NAT_KINDS, ReachVerdict
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.endpoints import Family, parse_endpoint
from kadisc.observe import event_names
from kadisc.observe.admin_events import Administered, ConfigReloaded, ReloadRefused
from kadisc.observe.clients import describe_client
from kadisc.observe.describe import level_of, record_of, words_for
from kadisc.observe.event_kinds import KINDS
from kadisc.observe.event_names import NOTABLE, Notable
from kadisc.observe.log_stamp import stamped
from kadisc.observe.mappings import MappingSnapshot
from kadisc.observe.shell_events import (
    BootstrapFailing,
    BootstrapWorking,
    ControlSocketMissing,
    ControlSocketRemade,
    HostUnresolved,
    LanChanged,
    MappingChanged,
    NetworkChanged,
    NoContactsLeft,
    NothingToJoin,
    SelfCheckFailed,
    ShellEvent,
    SocketBack,
    SocketLost,
    StateDamaged,
    StateFolderRemade,
    StateKeptBack,
    StateSaved,
    StateSetAside,
    StateUnsaved,
)
from kadisc.service.log import Log
from kadisc.service.repeat_limit import LINES, WINDOW_S

from ..support.json_schema import SchemaChecker


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (None, None),
        (b"", None),
        (b"KD\x00\x01", "KD 0.1"),
        (b"LT\x02\x11", "LT 2.1.1"),
        (b"LT\x02\x09", "LT 2.0.9"),
        (b"LT\x01\x2c", "LT 1.2.12"),
        (b"LT\x01\x01", "LT 1.1"),
        (b"UT\xb3\xd6", "UT 46038"),
        (b"A2\x00\x03", "A2 0.3"),
        (b"XX\x02\x01", "XX 0x0201"),
        (b"LT", "LT"),
        (b"LT1234567", "LT 0x31323334353637"),
        (b"\x00\x01\x02\x03", "0x00010203"),
        (b"A", "0x41"),
        (b"\xe4\xf6\x00\x01", "0xe4f60001"),
        (b"\x1b[31mred", "0x1b5b33316d726564"),
        (b"XX" + b"y" * 500, "XX 0x" + "79" * 14),
    ],
)
def test_the_text_for_a_client(version: bytes | None, words: str | None) -> None:
    assert describe_client(version) == words


PEER = VerifiedPeer(bytes(32), parse_endpoint("45.1.2.3:7001"), 5, b"", 1, {"eth": 30303})
EVENTS: list[Notable] = [
    AddressChanged(Family.IPV4, bytes(4), 6881, 7, 12),
    CameOnline(Family.IPV4),
    Joined(Family.IPV6, 1),
    *(NatKindChanged(Family.IPV4, kind) for kind in NAT_KINDS),
    *(ReachabilityChanged(Family.IPV4, verdict, None, None) for verdict in ReachVerdict),
    ReachabilityChanged(Family.IPV6, ReachVerdict.YES, parse_endpoint("[2001:db8::1]:1"), "mapped"),
    *(ServiceTested("eth", 30303, answer, 3, 5) for answer in ("open", "closed", "unsure")),
    WentOffline(Family.IPV4),
    BootstrapFailing(Family.IPV4, "none answers"),
    BootstrapWorking(Family.IPV4),
    HostUnresolved("x:1", "the name x cannot be resolved"),
    LanChanged("eth0", 2, 1),
    MappingChanged(MappingSnapshot("udp", Family.IPV4, 6881)),
    NetworkChanged(3600.0),
    NetworkChanged(cause="gateway", families=(Family.IPV6,)),
    SocketLost(Family.IPV4, parse_endpoint("45.2.3.4:1")),
    SocketBack(Family.IPV4, parse_endpoint("45.2.3.4:1")),
    NoContactsLeft(Family.IPV6),
    NothingToJoin(),
    OwnAddressShared(parse_endpoint("45.2.3.4:1"), parse_endpoint("45.2.3.4:2")),
    PeersBeyondCaps(bytes(3), 5, 4, 1),
    SuspiciousLookup(7, Family.IPV4, 1000.0, 30, 12),
    StateUnsaved("no space left"),
    StateSaved(),
    StateFolderRemade("folder"),
    ControlSocketRemade("control.sock"),
    ControlSocketMissing("it is not a socket"),
    StateSetAside("state", "state.damaged-1", "it is empty"),
    PeerVerified(PEER),
    PeerLost(PEER, "silent"),
    SelfCheckFailed("a bucket is out of order: 3"),
    StateKeptBack(2, False),
    StateKeptBack(3, True),
    StateDamaged("state", "3 entries left out"),
    Administered("ban", "45.1.0.0/16", 1e9, 2, 1, 3),
    *(Administered(action, "45.1.0.0/16") for action in ("ban", "unban", "ban_ended")),
    *(Administered(action, "45.1.2.3:1") for action in ("peer_added", "peer_removed")),
    ConfigReloaded(("ban",), ("bind",)),
    ReloadRefused("config.toml is not TOML"),
]


@pytest.mark.parametrize("event", EVENTS)
def test_every_notable_event_has_a_text_and_a_record(event: Notable) -> None:
    name, words = words_for(event)
    assert name
    assert "\n" not in words
    assert json.loads(json.dumps(record_of(event)))["event"]


def test_each_event_can_be_subscribed_to_by_its_name() -> None:
    for event in EVENTS:
        name = record_of(event)["event"]
        assert event_names.EVENTS[str(name)] is type(event)
    assert set(event_names.EVENTS.values()) == {*NOTABLE, *get_args(event_names.Fine)}


SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/log.schema.json").read_text())
OF_THE_COMMAND = {
    *("listening", "control_socket", "devnet_joined", "contacts"),
    *("lines_omitted", "lines_lost", "stopped"),
}


def test_each_event_has_a_schema_and_a_line_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    checker = SchemaChecker(SCHEMA)
    assert SCHEMA["$defs"].keys() == event_names.EVENTS.keys() | OF_THE_COMMAND
    log = RunLog(Log("json", print, level="debug"))
    for event in EVENTS:
        log.log.tell_left_out(all_of_them=True)
        log.event(event)
    contact = Contact(7, PEER.endpoint)
    for fine in (ContactAdded(contact, 3), ContactRemoved(contact, 3, "silent")):
        log.fine(fine)
    log.stopped("SIGTERM")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len({line["event"] for line in lines}) >= len({type(event) for event in EVENTS}) + 3
    for line in lines:
        assert checker.faults(line, line["event"]) == []
        assert checker.faults(line) == []


def test_the_list_has_all_notable_events() -> None:
    assert {type(event) for event in EVENTS} == set(NOTABLE) == set(get_args(Notable))
    assert set(get_args(ShellEvent)) <= set(NOTABLE)


@pytest.mark.parametrize(
    ("event", "level", "name", "words"),
    [
        (StateSaved(), "info", "state", "state is saved again"),
        (StateUnsaved("full"), "warning", "state", "full; state is not saved, retrying in the"),
        (
            ReachabilityChanged(
                Family.IPV4, ReachVerdict.YES, parse_endpoint("45.1.2.3:7001"), "mapped"
            ),
            "info",
            "reach",
            "IPv4: strangers reach this node at 45.1.2.3:7001 through the port mapping",
        ),
        (
            ReachabilityChanged(Family.IPV4, ReachVerdict.NO, None, None),
            "warning",
            "reach",
            "IPv4: strangers do not reach this node; kadisc doctor says what to do",
        ),
        (
            ServiceTested("eth", 30303, "closed", 0, 5),
            "warning",
            "service",
            "eth: TCP port 30303 is closed from outside: 0 of 5 helpers got a connection",
        ),
        (PeerVerified(PEER), "info", "peer", "found 45.1.2.3:7001 (key 0000000000000000, eth"),
        (PeerLost(PEER, "silent"), "info", "peer", "lost 45.1.2.3:7001 (key 0000000000000000): no"),
    ],
)
def test_a_line_has_date_time_zone_and_level(
    event: Notable, level: str, name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    RunLog(Log("text", print)).event(event)
    when, rest = capsys.readouterr().out.split(" ", 1)
    assert datetime.fromisoformat(when).utcoffset() is not None
    assert abs((datetime.now(UTC) - datetime.fromisoformat(when)).total_seconds()) < 60
    assert rest.startswith(f"{level:<7} {name:<10} {words}")
    RunLog(Log("json", print)).event(event)
    record = json.loads(capsys.readouterr().out)
    assert datetime.fromisoformat(record["ts"]).utcoffset() is not None
    assert (record["level"], record["event"]) == (level_of(event), record_of(event)["event"])
    RunLog(Log("journal", print)).event(event)
    priority = 4 if level == "warning" else 6
    assert capsys.readouterr().out.startswith(f"<{priority}>{name}: {words}")


def test_every_event_has_words_for_many_of_its_kind() -> None:
    assert set(event_names.EVENTS) < set(KINDS)
    assert not any("_" in words for words in KINDS.values())


@pytest.mark.parametrize("as_json", [True, False])
def test_peers_that_come_and_go_do_not_fill_the_log(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    log = RunLog(Log("json" if as_json else "text", print, now=lambda: now))
    peers = [replace(PEER, key=number.to_bytes(32, "big")) for number in range(500)]
    for peer in peers:
        log.event(PeerVerified(peer))
        log.event(PeerVerified(replace(peer, sequence=2)))
    for peer in peers[:100]:
        log.event(PeerLost(peer, "silent"))
    assert len(capsys.readouterr().out.splitlines()) == 2 * LINES
    now = WINDOW_S
    log.log.tell_left_out()
    found, lost = capsys.readouterr().out.splitlines()
    if as_json:
        record = json.loads(lost)
        assert (record["event"], record["of"]) == ("lines_omitted", "peer_lost")
        assert (record["reason"], record["lines"]) == ("silent", 95)
    else:
        assert found.endswith("peer       495 more in the last minute: peers found")
        assert lost.endswith("peer       95 more in the last minute: peers lost (silent)")
    log.event(PeerLost(peers[-1], "moved"))
    log.log.tell_left_out()
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_path_that_is_no_text_can_be_sent_as_json() -> None:
    """The socket's encoder takes no surrogates; the error would end the node."""
    record = stamped("warning", record_of(StateFolderRemade("/tmp/\udcff")))
    assert json.loads(msgspec.json.encode(record))["folder"] == "/tmp/?"
