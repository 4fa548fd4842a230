"""A node that takes up what a file says, and runs on for a while without any answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from kadisc.config import CoreConfig
from kadisc.core.addressing.bep42 import derive_node_id
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.contract.identity import Identity
from kadisc.core.contract.saved_state import SavedState
from kadisc.core.core import Core
from kadisc.core.peers.own_record import Membership
from kadisc.endpoints import Endpoint, Family, make_endpoint
from kadisc.net.state.state_file import KeptState, decode_state, encode_state

from .target import require

NETWORK = "testnet"
OWN = {Family.IPV4: make_endpoint("45.1.2.3", 6881), Family.IPV6: make_endpoint("2a00:1::1", 6881)}
RUN_S = 40.0
MAX_TICKS = 3000
MAX_DATAGRAMS = 3000
"""In `RUN_S`; a node that knows nobody else sends some hundred."""


def core_for(seed: bytes | None = None) -> Any:
    """A node of both families. ``seed``: of its key."""
    config = CoreConfig()
    identity = Identity(seed or b"\x07" * 32)
    addresses = {
        family: ExternalAddress(config.address, endpoint[:-2], endpoint[-2:], Confidence.CONFIGURED)
        for family, endpoint in OWN.items()
    }
    own_ids = {
        family: derive_node_id(identity.public_key, endpoint[:-2])
        for family, endpoint in OWN.items()
    }
    return Core(
        config,
        random.Random(7),
        own_ids,
        0.0,
        public_key=identity.public_key,
        addresses=addresses,
        membership=Membership(identity, NETWORK, {"eth": 30303}, 1_700_000_000.0),
    )


def run_idle(core: Any, reported: Sequence[Endpoint] = ()) -> SavedState:
    """Lets time pass; what is ``reported`` is heard of once more. Returns the state at the end,
    which must survive its file.
    """
    now, sent = 0.0, 0
    core.peer_network.report(list(reported), "operator", now)
    core.join([], now, family=Family.IPV4)
    for _ in range(MAX_TICKS):
        sent += len(core.drain_outbox())
        core.drain_events()
        deadline = core.next_deadline()
        if deadline > RUN_S:
            break
        now = max(now, deadline)
        core.tick(now)
    else:
        require(False, f"{MAX_TICKS} ticks in {now:.1f} s")
    require(sent <= MAX_DATAGRAMS, f"{sent} datagrams in {RUN_S:g} s")
    core.snapshot(now)
    saved: SavedState = core.export_state(RUN_S)
    state = KeptState(
        addresses={dht.family: dht.ip for dht in saved.dhts if dht.ip is not None},
        contacts={NETWORK: tuple(each for dht in saved.dhts for each in dht.contacts)},
        peer_networks={NETWORK: saved.peer_network} if saved.peer_network is not None else {},
    )
    again = decode_state(encode_state(state))
    require(again.left_out == 0, f"{again.left_out} entries that the node saved cannot be read")
    return saved
