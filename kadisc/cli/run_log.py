"""What a running node tells on stdout: lines for people, or JSON lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..core.contract.events import Joined
from ..endpoints import Family, format_endpoint
from ..ids import format_id
from ..observe.describe import Notable, count, family_name, record_of, words_for
from .output import log_line, print_json, say

if TYPE_CHECKING:
    from ..net.api.node import Node


class RunLog:
    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._lost = 0
        """Lines that could not be written since the last one that could."""

    def listening(self, nodes: Sequence[Node]) -> None:
        places = [
            (format_id(node.own_ids[family]), format_endpoint(endpoint))
            for node in nodes
            for family, endpoint in node.local_endpoints.items()
        ]
        if self._as_json:
            self._json(
                {
                    "event": "listening",
                    "nodes": [
                        {"id": node_id, "endpoints": [endpoint]} for node_id, endpoint in places
                    ],
                }
            )
            return
        for node_id, endpoint in places[: len(nodes[0].own_ids)]:
            self._line("listening", f"{endpoint} as {node_id}")
        if len(nodes) > 1:
            self._line(
                "devnet",
                f"{count(len(nodes) - 1, 'more node')} on this machine, such as {places[-1][1]}",
            )

    def event(self, event: Notable) -> None:
        if self._as_json:
            self._json(record_of(event))
        else:
            self._line(*words_for(event))

    def joined(self, nodes: Sequence[Node], family: Family) -> None:
        """The first node has joined, and with it those others that could."""
        dhts = [dht for node in nodes for dht in node.snapshot().dhts if dht.family is family]
        contacts = [dht.contacts for dht in dhts if dht.joined]
        self.event(Joined(family, dhts[0].contacts))
        if len(nodes) > 1 and not self._as_json:
            self._line(
                "devnet",
                f"{len(contacts)} of {len(nodes)} nodes have joined; each knows {min(contacts)} to {max(contacts)} others",
            )

    def summary(self, node: Node) -> None:
        picture = node.snapshot()
        if self._as_json:
            for dht in picture.dhts:
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
            for dht in picture.dhts
        )
        received, sent = picture.counters["received"], picture.counters["sent"]
        self._line("contacts", f"{known}; so far {received} datagrams in, {sent} out")

    def stopped(self) -> None:
        if self._as_json:
            self._json({"event": "stopped"})
        else:
            self._line("stopped", "as asked; sockets are closed")

    def _json(self, record: object) -> None:
        self._write(
            lambda: print_json(record),
            lambda: print_json({"event": "lines_lost", "lines": self._lost}),
        )

    def _line(self, name: str, words: str) -> None:
        self._write(
            lambda: log_line(name, words),
            lambda: log_line(
                "log", f"{count(self._lost, 'line')} before this could not be written"
            ),
        )

    def _write(self, write: Callable[[], None], tell_lost: Callable[[], None]) -> None:
        """A disk that is full is no reason for a node to end: lines are lost, and told of once
        there is room. A reader that is gone is one.
        """
        try:
            if self._lost:
                tell_lost()
                self._lost = 0
            write()
        except BrokenPipeError:
            raise
        except OSError as error:
            if not self._lost:
                say(
                    f"the log cannot be written, and goes on once it can: {(error.strerror or str(error)).lower()}"
                )
            self._lost += 1
            _forget_unwritten()


def _forget_unwritten() -> None:
    """What is left in the buffer would come out later, in the midst of other lines, or complain
    when the program ends.
    """
    output, nothing = sys.stdout.fileno(), os.open(os.devnull, os.O_WRONLY)
    kept = os.dup(output)
    os.dup2(nothing, output)
    sys.stdout.flush()
    os.dup2(kept, output)
    os.close(kept)
    os.close(nothing)
