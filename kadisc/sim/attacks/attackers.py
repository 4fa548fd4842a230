"""The number of attackers and their addresses."""

from __future__ import annotations

from collections import Counter

from ...endpoints import Endpoint, Family, netgroup_prefix
from ...errors import UsageError
from ..lab import Lab
from ..model.population import FIRST_BYTES, Residence
from ..options import SimOptions

PER_PREFIX = 256
PORT_BYTES = 2
UNUSED_32 = bytes.fromhex("26001234")
"""An IPv6 /32 in which no honest host is."""


def part_of(options: SimOptions) -> int:
    """The number of adversaries that make up ``attack.share`` of the nodes that accept unsolicited
    queries, in a network of ``nodes``.
    """
    share, nat = options.attack.share, options.network.nat
    honest = options.population.reachable + (1.0 - options.population.reachable) * nat.open_share
    return round(share * honest * options.nodes / (1.0 - share + share * honest))


def addresses_in(lab: Lab, addresses: int, prefixes: int, *, thin: bool = False) -> list[Residence]:
    """Addresses spread evenly over ``prefixes`` /24 subnets, each in a /16 of its own: the best
    choice of an attacker. ``thin``: each subnet in another of the /8s in which autonomous systems
    have the fewest networks. In IPv6, evenly over so many /48s of one /32, as a broker gives them
    away. Raises UsageError.
    """
    if lab.family is Family.IPV6:
        return addresses_of_one_operator(lab, addresses, prefixes)
    if prefixes < 1 or addresses > PER_PREFIX * prefixes or prefixes > 256 * len(FIRST_BYTES):
        raise UsageError(
            f"{addresses} addresses do not fit into {prefixes} /24 subnets of {PER_PREFIX}: "
            "see attack.addresses and attack.prefixes"
        )
    rng = lab.rng
    blocks = (
        _thin_blocks(lab, prefixes) if thin else rng.sample(range(256 * len(FIRST_BYTES)), prefixes)
    )
    networks = [
        bytes((FIRST_BYTES[block // 256], block % 256, rng.randrange(256))) for block in blocks
    ]
    ips = [
        networks[number % prefixes] + bytes((number // prefixes,)) for number in range(addresses)
    ]
    return [_home(lab, ip) for ip in ips]


def addresses_of_one_operator(lab: Lab, addresses: int, subnets: int) -> list[Residence]:
    """Addresses spread evenly over so many /24s of one unused /16; in IPv6 each in a /64 of its
    own, over so many /48s of one unused /32. Raises UsageError.
    """
    is_ipv6 = lab.family is Family.IPV6
    most_subnets, in_subnet = (1 << 16, 1 << 16) if is_ipv6 else (256, PER_PREFIX)
    if not 0 < subnets <= most_subnets or addresses > in_subnet * subnets:
        raise UsageError(
            f"{addresses} addresses do not fit into {subnets} subnets of one operator: "
            "see attack.addresses and attack.prefixes"
        )
    ips = []
    unused = UNUSED_32 if is_ipv6 else _unused_16(lab)
    for number in range(addresses):
        subnet, host = number % subnets, number // subnets
        if is_ipv6:
            low = subnet.to_bytes(2, "big") + host.to_bytes(2, "big")
            ips.append(unused + low + bytes(7) + b"\1")
        else:
            ips.append(unused + bytes((subnet, host)))
    return [_home(lab, ip) for ip in ips]


def home_beside(lab: Lab, endpoint: Endpoint) -> Residence:
    """A new address in the netgroup in which the endpoint is: its /16, or IPv6 /32."""
    netgroup = netgroup_prefix(endpoint)
    ip_bytes = len(endpoint) - PORT_BYTES
    while True:
        ip = netgroup + lab.rng.randbytes(ip_bytes - len(netgroup))
        if not lab.population.is_taken(Endpoint(ip + bytes(PORT_BYTES))):
            return _home(lab, ip)


def _home(lab: Lab, ip: bytes) -> Residence:
    endpoint = Endpoint(ip + lab.rng.randrange(1024, 65_536).to_bytes(2, "big"))
    lab.population.move_in(endpoint)
    system = lab.rng.choice(lab.population.systems)
    return Residence(endpoint, system, lab.options.network.latency.access_median_s)


def _unused_16(lab: Lab) -> bytes:
    used = {block for system in lab.population.systems for block in system.blocks}
    while True:
        network = bytes((lab.rng.choice(FIRST_BYTES), lab.rng.randrange(256)))
        if network not in used:
            return network


def _thin_blocks(lab: Lab, count: int) -> list[int]:
    """Numbers of unused /16s, one from each /8 in turn, the /8 with the fewest networks first."""
    used = {block for system in lab.population.systems for block in system.blocks}
    crowd = Counter(block[0] for block in used)
    thinnest = sorted(range(len(FIRST_BYTES)), key=lambda index: (crowd[FIRST_BYTES[index]], index))
    free = [
        [second for second in range(256) if bytes((FIRST_BYTES[index], second)) not in used]
        for index in thinnest
    ]
    return [
        256 * thinnest[i % len(thinnest)] + free[i % len(thinnest)][i // len(thinnest)]
        for i in range(count)
    ]
