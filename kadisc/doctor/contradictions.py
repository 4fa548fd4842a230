"""Values of a configuration that a node takes, and that hardly mean what the operator wants. What
it refuses is told by `kadisc/net/contradictions.py`. A pure function.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..config import Config
from ..core.addressing.policy import AddressPolicy
from ..endpoints import family_of
from ..errors import UsageError
from ..net.config_file import services_of
from ..net.join.own_address import external_doubts
from ..net.join.resolve import parse_host
from .machine import Contradiction
from .setup import bound_endpoint


def contradictions(config: Config) -> tuple[Contradiction, ...]:
    return tuple(_found(config.settled()))


def _found(config: Config) -> Iterator[Contradiction]:
    bound = [bound_endpoint(each) for each in config.bind]
    local = {family_of(each): each for each in bound}
    for doubt in external_doubts(config, local):
        yield Contradiction(doubt, "give the public address, or leave external out")
    if config.core.read_only and services_of(config):
        yield Contradiction(
            "read_only and service: a node that answers no other advertises nothing",
            "leave out one of the two",
        )
    try:
        policy = AddressPolicy(config.core.allow_private, config.core.ban, config.core.netrestrict)
    except (ValueError, UsageError):
        return  # of a subnet: that is told as a fault of its key
    for text in (*config.bootstrap, *config.peer):
        endpoint = parse_host(text)
        if endpoint is not None and policy.is_barred(endpoint):
            yield Contradiction(
                f"ban and netrestrict keep the node from {text}, which it is to join by",
                "take that node out of bootstrap and peer, or change ban and netrestrict",
            )
