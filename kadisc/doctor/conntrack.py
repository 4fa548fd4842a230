"""The check ``conntrack``: whether this machine's table of connections has room for the node's."""

from __future__ import annotations

from collections.abc import Iterator

from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped, warning
from .machine import ConntrackFacts, MachineFacts, Unknown

FULL = 0.8
LEAST_TIMEOUT_S = 30
"""An answer takes up to 15 s, and a node that is asked for help sends after as long."""
_MAX, _TIMEOUT = "net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_udp_timeout"


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.conntrack
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    if not known.is_there:
        return (ok("", "this machine follows no connections"),)
    if wrong := tuple(_wrong(known)):
        return wrong
    used = f"{known.entries} of {known.most} entries used" if known.most else "no limit is told"
    return (ok("", f"{used}, UDP kept for {known.udp_timeout_s or '?'} s"),)


def _wrong(known: ConntrackFacts) -> Iterator[DoctorFinding]:
    if known.most and known.entries is not None and known.entries > FULL * known.most:
        is_full = known.entries >= known.most
        yield (failure if is_full else warning)(
            "",
            f"{known.entries} of {known.most} entries are used: further datagrams are "
            + ("lost" if is_full else "lost soon"),
            f"sysctl -w {_MAX}={2 * known.most}",
        )
    if known.udp_timeout_s is not None and known.udp_timeout_s < LEAST_TIMEOUT_S:
        yield warning(
            "",
            f"a UDP entry is forgotten after {known.udp_timeout_s} s, and an answer may take "
            "longer",
            f"sysctl -w {_TIMEOUT}={LEAST_TIMEOUT_S}",
        )
    if known.udp_stream_timeout_s is not None and known.udp_stream_timeout_s < LEAST_TIMEOUT_S:
        yield warning(
            "",
            f"a UDP entry with answers is forgotten after {known.udp_stream_timeout_s} s",
            f"sysctl -w {_TIMEOUT}_stream={4 * LEAST_TIMEOUT_S}",
        )


CONNTRACK = DoctorCheck("conntrack", look=look, needs=("conntrack",))
