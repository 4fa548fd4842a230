"""Whether a saved state is the one that is loaded.

Promise: a state that a node exports comes out of the state file as it went in, entry by entry, and
a new node that restores it and exports it at once has lost none of its contacts and peers. What a
file cannot hold, such as a negative age, would be left out there without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, TypeAlias

from ...core.addressing.external_address import Confidence, ExternalAddress
from ...core.contract.saved_state import SavedState
from ...core.core import Core
from ...endpoints import family_of
from ..model.host import Host
from ..model.members import NETWORK, Members
from ..options import SimOptions
from .violation import Broken

Reload: TypeAlias = Callable[[SavedState, str, "Random | None"], SavedState]
"""A state, and the name of its network, through the bytes of the state file and back; those are
damaged where there is a source of chance. It is given by the caller, because the simulator knows
nothing of files.
"""


class SavedStateOracle:
    name: Final = "saved-state"
    needs: Final[tuple[str, ...]] = ()

    def __init__(
        self, broken: Broken, options: SimOptions, members: Members, reload: Reload
    ) -> None:
        self._broken = broken
        self._options = options
        self._members = members
        self._reload = reload

    def check(self, host: Host, now: float) -> SavedState:
        """Returns the state as it comes out of the file."""
        exported = host.node.export_state(now + host.skew_s)
        loaded = self._reload(exported, NETWORK, None)
        for saved in exported.dhts:
            again = next((dht for dht in loaded.dhts if dht.family is saved.family), None)
            if again is None or set(again.contacts) != set(saved.contacts):
                self._broken(host, f"contacts of {saved.family.value} differ after the file")
            if again.ip != saved.ip:
                self._broken(host, f"the own address {saved.ip!r} is {again.ip!r} after the file")
        if exported.peer_network != loaded.peer_network:
            self._broken(host, "the book, the verdicts or the sequence differ after the file")
        self._compare_again(host, loaded, now)
        return loaded

    def _compare_again(self, host: Host, loaded: SavedState, now: float) -> None:
        again = self._restored(host, loaded, now).export_state(now)
        for saved, second in zip(loaded.dhts, again.dhts, strict=False):
            before = {contact.contact for contact in saved.contacts}
            after = {contact.contact for contact in second.contacts}
            if lost := before - after - {host.contact}:
                self._broken(
                    host,
                    f"{len(lost)} of {len(before)} saved contacts are lost by a restart, as "
                    f"{min(lost)}",
                )
        if loaded.peer_network is not None and again.peer_network is not None:
            peers = {
                (peer.endpoint, peer.tried)
                for peer in loaded.peer_network.book.peers
                if peer.endpoint != host.outside
            }
            kept = {(peer.endpoint, peer.tried) for peer in again.peer_network.book.peers}
            if lost_peers := peers - kept:
                self._broken(
                    host,
                    f"{len(lost_peers)} of {len(peers)} peers of the book are lost by a restart",
                )
            if again.peer_network.sequence < loaded.peer_network.sequence:
                self._broken(host, "the sequence of the record went back by a restart")

    def _restored(self, host: Host, loaded: SavedState, now: float) -> Core:
        """A node at the same place that has restored the state, and was never in the world."""
        family = family_of(host.endpoint)
        membership = None
        if host.identity is not None:
            membership = self._members.membership(host.identity, now)
        node = Core(
            self._options.core,
            Random(0),
            {family: host.id},
            now,
            addresses={
                family: ExternalAddress(
                    self._options.core.address,
                    host.outside[:-2],
                    host.outside[-2:],
                    Confidence.VOTED,
                )
            },
            membership=membership,
        )
        node.restore(loaded, now)
        return node
