"""What a running node tells on stdout: lines for people, or JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.events import Joined
from ..endpoints import Family, format_endpoint
from ..ids import format_id
from ..observe.describe import Notable, count, family_name, record_of, words_for
from .output import log_line, print_json

if TYPE_CHECKING:
    from ..net.node import LiveNode


class RunLog:
    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def listening(self, nodes: Sequence[LiveNode]) -> None:
        places = [(format_id(node.own_ids[family]), format_endpoint(endpoint)) for node in nodes for family, endpoint in node.local_endpoints.items()]
        if self._as_json:
            print_json({"event": "listening", "nodes": [{"id": node_id, "endpoints": [endpoint]} for node_id, endpoint in places]})
            return
        for node_id, endpoint in places[: len(nodes[0].own_ids)]:
            log_line("listening", f"{endpoint} as {node_id}")
        if len(nodes) > 1:
            log_line("devnet", f"{count(len(nodes) - 1, 'more node')} on this machine, such as {places[-1][1]}")

    def event(self, event: Notable) -> None:
        if self._as_json:
            print_json(record_of(event))
        else:
            log_line(*words_for(event))

    def joined(self, nodes: Sequence[LiveNode], family: Family) -> None:
        """The first node has joined, and with it those others that could."""
        overlays = [overlay for node in nodes for overlay in node.snapshot().overlays if overlay.family is family]
        contacts = [overlay.contacts for overlay in overlays if overlay.joined]
        self.event(Joined(family, overlays[0].contacts))
        if len(nodes) > 1 and not self._as_json:
            log_line("devnet", f"{len(contacts)} of {len(nodes)} nodes have joined; each knows {min(contacts)} to {max(contacts)} others")

    def summary(self, node: LiveNode) -> None:
        picture = node.snapshot()
        if self._as_json:
            for overlay in picture.overlays:
                print_json({"event": "contacts", "family": overlay.family.value, "contacts": overlay.contacts, "online": overlay.online})
            return
        known = ", ".join(f"{count(overlay.contacts, 'contact')} over {family_name(overlay.family)}" for overlay in picture.overlays)
        received, sent = picture.counters["received"], picture.counters["sent"]
        log_line("contacts", f"{known}; so far {received} datagrams in, {sent} out")

    def stopped(self) -> None:
        if self._as_json:
            print_json({"event": "stopped"})
        else:
            log_line("stopped", "as asked; sockets are closed")
