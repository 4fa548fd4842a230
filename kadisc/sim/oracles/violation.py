"""What an oracle says of a promise that is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeAlias

from ...endpoints import format_endpoint
from ...errors import KadiscError
from ..model.host import Host

Broken: TypeAlias = Callable[[Host, str], NoReturn]
"""Called by an oracle with the host and the evidence; raises `Violation`."""


class Violation(KadiscError):
    """A promise of the core does not hold. ``oracle``: its name; ``node``: number and endpoint of
    the host; ``at_s``: the simulated time; ``evidence``: what is wrong. They are empty where the
    run failed otherwise.
    """

    def __init__(
        self,
        text: str,
        *,
        oracle: str = "",
        node: str = "",
        at_s: float | None = None,
        evidence: str = "",
    ) -> None:
        super().__init__(text)
        self.oracle = oracle
        self.node = node
        self.at_s = at_s
        self.evidence = evidence


def violation(oracle: str, host: Host, at_s: float, evidence: str) -> Violation:
    return Violation(
        f"{oracle}: host {host.number} at {at_s:.6f} s: {evidence}",
        oracle=oracle,
        node=f"{host.number} {format_endpoint(host.endpoint)}",
        at_s=at_s,
        evidence=evidence,
    )
