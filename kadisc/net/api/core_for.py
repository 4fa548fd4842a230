"""The core of a node that runs on sockets."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from ...config import Config
from ...core.addressing.bep42 import derive_node_id
from ...core.addressing.external_address import ExternalAddress
from ...core.contract.identity import Identity
from ...core.core import Core as Core
from ...core.peers.own_record import Membership
from ...endpoints import Family
from ...errors import UsageError
from ..as_map_file import as_map_in
from ..transport.clock import Clock


def core_for(
    config: Config,
    identity: Identity,
    addresses: Mapping[Family, ExternalAddress],
    rng: Random,
    clock: Clock,
    *,
    join_network: bool,
) -> Core:
    """``addresses``: one for each family that there is a socket for. ``join_network``: of the
    network that ``config`` names. Raises UsageError.
    """
    key = identity.public_key
    own_ids = {family: derive_node_id(key, address.ip) for family, address in addresses.items()}
    membership = (
        Membership(identity, config.network, config.services, clock.wall_s())
        if join_network
        else None
    )
    as_map = as_map_in(config.asmap)
    try:
        return Core(
            config.core,
            rng,
            own_ids,
            clock.now(),
            public_key=key,
            addresses=addresses,
            membership=membership,
            as_map=as_map,
        )
    except ValueError as error:  # a network in CIDR notation
        raise UsageError(str(error)) from None
