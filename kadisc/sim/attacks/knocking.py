"""Attackers that ask every witness of a network to ping endpoints of their choice."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...endpoints import Endpoint
from ...ids import random_id
from ..adversaries.knocker import Knocker
from ..lab import Lab
from ..model.host import Host
from ..model.network import HEADER_BYTES

KNOCK_BYTES = 138 + HEADER_BYTES
"""A knock over IPv4 with a token of 8 bytes, on the wire."""


def knockers(lab: Lab, target: Callable[[], Endpoint]) -> list[Host]:
    """``attack.addresses`` of them, that begin now: each knocks at each witness every
    ``attack.interval_s``, and names what ``target`` returns.
    """
    attack = lab.options.attack
    rng = Random(f"knockers {lab.options.seed}")
    witnesses = [host.outside for host in lab.acceptors() if host.identity is not None]
    hosts = [
        lab.new_adversary(Knocker(random_id(rng), witnesses, target, attack.interval_s, rng))
        for _ in range(attack.addresses)
    ]
    for host in hosts:
        lab.boot(host)
    return hosts
