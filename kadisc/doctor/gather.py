"""Takes the facts of a node, after tests that are under way have ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

import trio

from ..core.contract.reach_verdict import ReachVerdict
from ..core.reach.reach_snapshot import ReachSnapshot
from ..core.snapshot import DhtSnapshot
from ..endpoints import Family, format_subnet, netgroup_prefix
from ..net.api.node import Node
from ..net.api.peer_stream import service_filter
from ..net.environment import may_watch
from ..net.link.interfaces import LinkState, LinkUnreadable, read_links
from ..net.mapping.arguments import mapped_ports
from ..observe.describe import family_name
from ..observe.reachability import untested_words
from ..observe.socket_snapshot import SocketSnapshot
from ..service_values import ServiceAddress, ServiceValue
from ..wire.records import decode_record
from .facts import FORK, DoctorFacts, FamilyFacts
from .names import MAX_WAIT_S

LOOK_AGAIN_S: Final = 0.25
TELL_EVERY_S: Final = 1.0

Tell = Callable[[Mapping[str, object]], None]


async def gather(
    node: Node, *, is_lasting: bool, wait_s: float, tell: Tell | None = None
) -> DoctorFacts:
    """The facts, as soon as nothing is under way that would change them, and after ``wait_s``
    seconds at most. ``tell`` gets ``{"waiting": {"for": [...], "elapsed_s": ...}}`` each second.
    """
    await trio.lowlevel.checkpoint()
    began = trio.current_time()
    told_at = began
    while (what := under_way(facts := facts_of(node, is_lasting=is_lasting))) and (
        trio.current_time() < began + wait_s
    ):
        if tell is not None and trio.current_time() >= told_at:
            told_at += TELL_EVERY_S
            elapsed_s = round(trio.current_time() - began, 1)
            tell({"waiting": {"for": list(what), "elapsed_s": elapsed_s}})
        await trio.sleep(LOOK_AGAIN_S)
    links = _links([each.family for each in facts.families])
    return replace(
        facts,
        families=tuple(replace(each, link=links.get(each.family)) for each in facts.families),
    )


def _links(families: Iterable[Family]) -> Mapping[Family, LinkState]:
    """The addresses and routes of this machine; none where the system does not tell them."""
    try:
        return read_links(families) if may_watch() else {}
    except LinkUnreadable:
        return {}


def facts_of(node: Node, *, is_lasting: bool) -> DoctorFacts:
    """The facts at this moment, without those of the links."""
    config, snapshot = node.config, node.snapshot()
    # The first of a family is the common one, before those at the addresses of the host.
    sockets: dict[Family, list[SocketSnapshot]] = {}
    for each in node.sockets():
        sockets.setdefault(each.family, []).append(each)
    tests = config.core.tests_reachability
    reach = {by.family: by for by in snapshot.reach if tests}
    return DoctorFacts(
        is_lasting=is_lasting,
        uptime_s=node.uptime_s,
        read_only=config.core.read_only,
        tests_reach=tests,
        waits_for_contact=node.waits_for_contact,
        families=tuple(
            FamilyFacts(
                dht,
                sockets[dht.family][0],
                config.core.address.first_voters,
                reach.get(dht.family),
                local_sockets=tuple(sockets[dht.family][1:]),
                untested=untested_words(dht.address.ip, lan_only=config.lan == "only"),
                largest_network=_largest_network(dht),
                doubtful=sum(
                    entry.failures > 0 for bucket in dht.buckets for entry in bucket.entries
                ),
            )
            for dht in snapshot.dhts
        ),
        state_dir=config.state_dir,
        keeps_state=node.keeps_state,
        cannot_save=node.cannot_save,
        port_mapping=config.port_mapping,
        map_ports=mapped_ports(config.map_port),
        mappings=node.mappings(),
        offered=_ports_of(node.services),
        not_believed=_not_believed(node),
        check_services=config.core.check_services,
        services=snapshot.services,
        lan=node.lan(),
        network=config.network,
        is_private_network=not set(node.hosts) & set(config.routers),
        peers_online=snapshot.peer_network.online if snapshot.peer_network is not None else 0,
        peers_of_own_fork=_peers_of_own_fork(node),
    )


def _largest_network(dht: DhtSnapshot) -> tuple[str, int] | None:
    """The /16 (IPv6 /32) with most contacts, and how many."""
    networks = Counter(
        netgroup_prefix(entry.contact.endpoint)
        for bucket in dht.buckets
        for entry in bucket.entries
    )
    if not networks:
        return None
    prefix, most = networks.most_common(1)[0]
    return format_subnet(prefix), most


def _peers_of_own_fork(node: Node) -> int | None:
    fork = node.services.get(FORK)
    if fork is None or isinstance(fork, ServiceAddress) or not node.own_network.is_joined:
        return None
    same = service_filter(None, {FORK: fork})
    return len(node.own_network.peers(1, offering=same, verified_within_s=None, but_not=()))


def _not_believed(node: Node) -> dict[str, str]:
    """The record has no service at a host outside of the node's own subnet."""
    if not node.own_network.is_joined:
        return {}
    believed = decode_record(node.record).services
    return {
        name: str(value)
        for name, value in node.services.items()
        if isinstance(value, ServiceAddress) and name not in believed
    }


def _ports_of(services: Mapping[str, ServiceValue]) -> dict[str, int]:
    return {name: value for name, value in services.items() if isinstance(value, int)}


def under_way(facts: DoctorFacts) -> tuple[str, ...]:
    """What may still change the findings within seconds, as words for people."""
    is_young = facts.uptime_s < MAX_WAIT_S
    if is_young and not any(each.dht.joined for each in facts.families):
        return ("the node to join",)
    what = [
        f"the test of {family_name(each.family)}"
        for each in facts.families_in_use
        if each.reach is not None
        and each.untested is None
        and (each.reach.is_testing or (is_young and _is_open(each.reach)))
    ]
    in_use = [each.family for each in facts.families_in_use]
    what += [
        f"the router to map {each.protocol} port {each.internal}"
        for each in facts.mappings
        if each.state == "asking" and each.family in in_use
    ]
    tested = {each.service for each in facts.services}
    if is_young and facts.tests_reach and facts.check_services and not facts.is_private:
        what += [f"the test of {name}" for name in facts.offered if name not in tested]
    return tuple(what)


def _is_open(reach: ReachSnapshot) -> bool:
    return reach.verdict in (ReachVerdict.UNKNOWN, ReachVerdict.LIKELY)
