"""What a running node logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.contract.events import Joined, PeerLost, PeerVerified
from ..endpoints import Family, format_endpoint
from ..ids import format_id
from ..observe.describe import (
    count,
    family_name,
    fields_of,
    level_of,
    reason_of,
    words_for,
)
from ..observe.event_document import fine_fields_of, fine_words_for
from ..observe.event_names import NAME_OF, Fine, Notable
from ..observe.log_stamp import INFO
from ..service.log import Log
from ..service.log_lines import DEBUG, LogEntry

if TYPE_CHECKING:
    from ..net.api.node import Node


MAX_KNOWN_PEERS = 10_000


class RunLog:
    """Makes entries of a node's events, and of what the command itself does."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._known_peers: set[bytes] = set()
        """Keys of peers that were logged as found: a new record of one is no news."""

    def listening(self, nodes: Sequence[Node]) -> None:
        listening = [
            (format_id(node.own_ids[family]), format_endpoint(endpoint))
            for node in nodes
            for family, endpoint in node.local_endpoints.items()
        ]
        first = listening[: len(nodes[0].own_ids)]
        if self.log.form == "json":
            words = " and ".join(f"{endpoint} as {node_id}" for node_id, endpoint in first)
            each = [{"id": node_id, "endpoints": [endpoint]} for node_id, endpoint in listening]
            self._tell("listening", "listening", words, nodes=each)
            return
        for node_id, endpoint in first:
            self._tell("listening", "listening", f"{endpoint} as {node_id}")
        if len(nodes) > 1:
            more = count(len(nodes) - 1, "more node")
            words = f"{more} on this machine, such as {listening[-1][1]}"
            self._tell("devnet", "devnet", words)

    def controlled(self, node: Node) -> None:
        """Logs where commands find the node; nothing for a node without a control socket."""
        from ..control.socket_file import socket_path

        folder = node.config.state_dir
        if folder is None or not (path := socket_path(folder)).exists():
            return
        words = f"kadisc status --state-dir {folder}"
        where = {"path": str(path), "state_dir": str(folder)}
        self._tell("control_socket", "control", words, **where)

    def event(self, event: Notable) -> None:
        if isinstance(event, PeerVerified | PeerLost) and not self._is_news(event):
            return
        name, words = words_for(event)
        fields = fields_of(event)
        family = fields.get("family")
        self.log.tell(
            LogEntry(
                level_of(event),
                NAME_OF[type(event)],
                name,
                words,
                fields,
                family if isinstance(family, str) else None,
                reason_of(event),
            )
        )

    def fine(self, event: Fine) -> None:
        """Logs an event of which there are many."""
        if self.log.writes(DEBUG):
            name, words = fine_words_for(event)
            entry = LogEntry(DEBUG, NAME_OF[type(event)], name, words, fine_fields_of(event))
            self.log.tell(entry)

    def _is_news(self, event: PeerVerified | PeerLost) -> bool:
        key = event.peer.key
        if isinstance(event, PeerLost):
            self._known_peers.discard(key)
        elif key in self._known_peers:
            return False
        elif len(self._known_peers) < MAX_KNOWN_PEERS:
            self._known_peers.add(key)
        return True

    def joined(self, nodes: Sequence[Node], family: Family) -> None:
        """Logs that the first node has joined, and how many of the others."""
        dhts = [dht for node in nodes for dht in node.snapshot().dhts if dht.family is family]
        contacts = [dht.contacts for dht in dhts if dht.joined]
        self.event(Joined(family, dhts[0].contacts))
        if len(nodes) > 1:
            fewest = min(contacts)
            each = f"{fewest}" if fewest == max(contacts) else f"{fewest} to {max(contacts)}"
            self._tell(
                "devnet_joined",
                "devnet",
                f"{len(contacts)} of {len(nodes)} nodes have joined, with {each} contacts each",
                joined=len(contacts),
                of=len(nodes),
            )

    def summary(self, node: Node) -> None:
        """Logs what the node has, each minute."""
        snapshot = node.snapshot()
        received, sent = snapshot.counters["received"], snapshot.counters["sent"]
        if self.log.form == "json":
            for dht in snapshot.dhts:
                words = f"{count(dht.contacts, 'contact')} over {family_name(dht.family)}"
                fields = {"contacts": dht.contacts, "online": dht.online}
                entry = LogEntry(INFO, "contacts", "contacts", words, fields, dht.family.value)
                self.log.tell(entry, unlimited=True)
            return
        known = ", ".join(
            f"{count(dht.contacts, 'contact')} over {family_name(dht.family)}"
            for dht in snapshot.dhts
        )
        self._tell("contacts", "contacts", f"{known}; {received} datagrams in, {sent} out")

    def set_level(self, level: str) -> None:
        """The least level that is written from now on."""
        self.log.level = level

    def stopped(self, signal_name: str | None, by: str | None = None) -> None:
        """``signal_name``: that of the signal that ended the node. ``by``: what else did."""
        self.log.tell_left_out(all_of_them=True)
        by = signal_name or by
        self._tell("stopped", "stopped", f"by {by}" if by else "", signal=signal_name)

    def _tell(self, event: str, name: str, words: str, **fields: object) -> None:
        """For what the command itself does, once or once a minute."""
        self.log.tell(LogEntry(INFO, event, name, words, fields), unlimited=True)
