"""What follows from the name of a network: its tag, the info-hashes under which its nodes announce
themselves, and the target of a node's peer record. The shell gets them here alone.
"""

from __future__ import annotations

from ...ids import NodeId
from ...wire.items import target_of_key
from .rendezvous import info_hashes, network_tag


class NetworkKeys:
    """``name``: as the operator gives it. ``tag``: 20 bytes (SHA-1) that stand for the network in
    records and queries, and the salt of a peer record on the DHT (BEP 44).
    """

    __slots__ = ("name", "tag")

    def __init__(self, name: str) -> None:
        self.name = name
        self.tag = network_tag(name)

    @property
    def info_hashes(self) -> tuple[NodeId, ...]:
        """The info-hashes that nodes of the network announce themselves under (BEP 5)."""
        return info_hashes(self.tag)

    def record_target(self, public_key: bytes) -> NodeId:
        """Where the owner of a key (32 bytes, Ed25519) stores its peer record."""
        return target_of_key(public_key, self.tag)
