"""The log of a running node on stdout: lines for people, or JSON lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..core.contract.events import Joined, PeerLost, PeerVerified
from ..endpoints import Family, format_endpoint
from ..ids import format_id
from ..observe.describe import Notable, count, family_name, level_of, record_of, words_for
from ..observe.log_stamp import INFO, WARNING, stamped
from .output import log_line, print_json, say

if TYPE_CHECKING:
    from ..net.api.node import Node


MAX_PEER_LINES = 30
"""Lines about peers that were found or lost between two summaries, a minute; others are counted. A
network of thousands, or keys that an attacker makes, must not fill the log.
"""
MAX_KNOWN_PEERS = 10_000


class RunLog:
    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._known_peers: set[bytes] = set()
        """Keys of peers that were logged as found: a new record of one is no news."""
        self._peer_lines = 0
        self._found = self._lost_peers = 0
        """Peers found and lost since the last summary without a line."""
        self._lost = 0
        """Lines that could not be written since the last successful one."""

    def listening(self, nodes: Sequence[Node]) -> None:
        listening = [
            (format_id(node.own_ids[family]), format_endpoint(endpoint))
            for node in nodes
            for family, endpoint in node.local_endpoints.items()
        ]
        if self._as_json:
            self._json(
                {
                    "event": "listening",
                    "nodes": [
                        {"id": node_id, "endpoints": [endpoint]} for node_id, endpoint in listening
                    ],
                }
            )
            return
        for node_id, endpoint in listening[: len(nodes[0].own_ids)]:
            self._line("listening", f"{endpoint} as {node_id}")
        if len(nodes) > 1:
            self._line(
                "devnet",
                f"{count(len(nodes) - 1, 'more node')} on this machine, such as {listening[-1][1]}",
            )

    def controlled(self, node: Node) -> None:
        """Logs where commands find the node; nothing for a node without a control socket."""
        from ..control.socket_file import socket_path

        folder = node.config.state_dir
        if folder is None or not (path := socket_path(folder)).exists():
            return
        if self._as_json:
            self._json({"event": "control_socket", "path": str(path), "state_dir": str(folder)})
        else:
            self._line("control", f"kadisc status --state-dir {folder}")

    def event(self, event: Notable) -> None:
        if isinstance(event, PeerVerified | PeerLost) and not self._has_line(event):
            return
        if self._as_json:
            self._json(record_of(event), level_of(event))
        else:
            self._line(*words_for(event), level=level_of(event))

    def _has_line(self, event: PeerVerified | PeerLost) -> bool:
        key = event.peer.key
        if isinstance(event, PeerLost):
            self._known_peers.discard(key)
        elif key in self._known_peers:
            return False
        elif len(self._known_peers) < MAX_KNOWN_PEERS:
            self._known_peers.add(key)
        if self._peer_lines < MAX_PEER_LINES:
            self._peer_lines += 1
            return True
        if isinstance(event, PeerLost):
            self._lost_peers += 1
        else:
            self._found += 1
        return False

    def peers_left_out(self) -> None:
        """Logs how many peers were found and lost without a line of their own since the last call,
        if any, and allows as many lines again.
        """
        found, lost = self._found, self._lost_peers
        self._found = self._lost_peers = self._peer_lines = 0
        if not found and not lost:
            return
        if self._as_json:
            self._json({"event": "peers_omitted", "verified": found, "lost": lost})
        else:
            self._line("peer", f"{found} more found and {lost} more lost in the last minute")

    def joined(self, nodes: Sequence[Node], family: Family) -> None:
        """Logs that the first node has joined, and how many of the others."""
        dhts = [dht for node in nodes for dht in node.snapshot().dhts if dht.family is family]
        contacts = [dht.contacts for dht in dhts if dht.joined]
        self.event(Joined(family, dhts[0].contacts))
        if len(nodes) > 1 and not self._as_json:
            fewest = min(contacts)
            each = f"{fewest}" if fewest == max(contacts) else f"{fewest} to {max(contacts)}"
            self._line(
                "devnet",
                f"{len(contacts)} of {len(nodes)} nodes have joined, with {each} contacts each",
            )

    def summary(self, node: Node) -> None:
        self.peers_left_out()
        snapshot = node.snapshot()
        if self._as_json:
            for dht in snapshot.dhts:
                self._json(
                    {
                        "event": "contacts",
                        "family": dht.family.value,
                        "contacts": dht.contacts,
                        "online": dht.online,
                    }
                )
            return
        known = ", ".join(
            f"{count(dht.contacts, 'contact')} over {family_name(dht.family)}"
            for dht in snapshot.dhts
        )
        received, sent = snapshot.counters["received"], snapshot.counters["sent"]
        self._line("contacts", f"{known}; {received} datagrams in, {sent} out")

    def stopped(self, signal_name: str | None) -> None:
        """``signal_name``: that of the signal that ended the node."""
        if self._as_json:
            self._json({"event": "stopped", "signal": signal_name})
        else:
            self._line("stopped", f"by {signal_name}" if signal_name is not None else "")

    def _json(self, record: Mapping[str, object], level: str = INFO) -> None:
        self._write(
            lambda: print_json(stamped(level, record)),
            lambda: print_json(stamped(WARNING, {"event": "lines_lost", "lines": self._lost})),
        )

    def _line(self, name: str, words: str = "", *, level: str = INFO) -> None:
        self._write(
            lambda: log_line(level, name, words),
            lambda: log_line(
                WARNING, "log", f"{count(self._lost, 'line')} before this could not be written"
            ),
        )

    def _write(self, write: Callable[[], None], report_lost: Callable[[], None]) -> None:
        """A full disk does not end the node: lines are lost, and their number is logged when
        writing works again. A closed reader (BrokenPipeError) ends it.
        """
        try:
            if self._lost:
                report_lost()
                self._lost = 0
            write()
        except BrokenPipeError:
            raise
        except OSError as error:
            if not self._lost:
                reason = (error.strerror or str(error)).lower()
                say(f"the log cannot be written, retrying: {reason}")
            self._lost += 1
            _discard_buffer()


def _discard_buffer() -> None:
    """Discards the buffer of stdout: otherwise its rest would be written later, between other
    lines, or cause an error at exit.
    """
    output = sys.stdout.fileno()
    null = os.open(os.devnull, os.O_WRONLY)
    saved = os.dup(output)
    os.dup2(null, output)
    sys.stdout.flush()
    os.dup2(saved, output)
    os.close(saved)
    os.close(null)
