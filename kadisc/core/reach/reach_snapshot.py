"""The reachability of a node at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from ...endpoints import Endpoint, Family
from ..contract.reach_verdict import ReachVerdict
from .endpoint_test import EndpointTest


@dataclass(frozen=True, slots=True)
class TestedEndpoint:
    """The test of one endpoint: that which other nodes see, or that of a port mapping.

    ``state``: ``unknown``, ``testing``, ``proven`` or ``failed``. ``proofs``: strangers that
    helpers sent and that got in; ``misses``: netgroups of helpers whose strangers did not. Both are
    of the test that runs, or of the last one.
    """

    endpoint: Endpoint
    is_mapped: bool
    state: str
    proofs: int
    misses: int


@dataclass(frozen=True, slots=True)
class ReachSnapshot:
    """Whether strangers reach the node in one address family.

    ``endpoint``: where they do, or where it is tested; None while no port is decided. ``how``:
    ``direct``, ``mapped`` or None. ``nat``: one of `NAT_KINDS`. ``proven_s_ago``: since a stranger
    got in last. ``one_way``: strangers get in, but the answers to them do not arrive. ``helpers``:
    the netgroups of peers that may help, of which a no needs ``helpers_needed``. ``since_s``: how
    long the verdict holds. ``reached_by``: the stranger that got in last, by a ``query`` of its own
    or by a ``probe`` that a helper had it send (``reached_how``). ``tests``: of each endpoint.
    """

    family: Family
    verdict: ReachVerdict
    endpoint: Endpoint | None
    how: str | None
    nat: str
    proven_s_ago: float | None
    one_way: bool
    helpers: int
    helpers_needed: int
    is_testing: bool
    since_s: float = 0.0
    reached_by: Endpoint | None = None
    reached_how: str | None = None
    tests: tuple[TestedEndpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceReach:
    """Whether a TCP port of a service can be reached from outside. ``answer``: ``open``,
    ``closed`` or ``unsure``; ``accepted`` of the ``asked`` helpers got a connection.
    """

    service: str
    port: int
    answer: str
    accepted: int = 0
    asked: int = 0


def tested(
    test: EndpointTest | None, endpoint: Endpoint | None, *, is_mapped: bool
) -> tuple[TestedEndpoint, ...]:
    """The test of an endpoint, as a tuple of one; empty where there is none."""
    if test is None or endpoint is None:
        return ()
    return (TestedEndpoint(endpoint, is_mapped, test.state.value, test.proofs, test.misses),)
