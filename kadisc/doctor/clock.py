"""The check ``clock``: whether this machine's clock is right. Records carry the time, and one with
an older time than the last does not replace it.

No node of the network is asked: what a node says of the time is its own choice.
"""

from __future__ import annotations

from statistics import median

from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped, warning
from .machine import ClockFacts, MachineFacts, Unknown

MOST_S = 300.0
_SET = "timedatectl set-ntp true, or start systemd-timesyncd, chrony or ntpd"


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.clock
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    return (_of(known),)


def _of(known: ClockFacts) -> DoctorFinding:
    if known.ahead_of_saved_s is not None and known.ahead_of_saved_s < -MOST_S:
        return failure(
            "",
            f"the clock is {_time(-known.ahead_of_saved_s)} behind the time of the last record "
            "that this node made",
            _SET,
        )
    if known.sources:
        ahead_s = median(each.ahead_s for each in known.sources)
        names = ", ".join(each.name for each in known.sources)
        if abs(ahead_s) > MOST_S:
            way = "ahead of" if ahead_s > 0 else "behind"
            return failure("", f"the clock is {_time(abs(ahead_s))} {way} {names}", _SET)
        return ok("", f"within {max(1, round(abs(ahead_s)))} s of {names}")
    for name, reason in known.failed:
        return warning(
            "", f"{name} told no time: {reason}", "give --rpc the URL of an HTTP server that runs"
        )
    if known.is_synchronised is False:
        # A container has no daemon of its own, and a machine may be set by other means.
        return skipped(
            "",
            "no time daemon keeps the kernel's clock, and no other clock was asked; --rpc URL "
            "compares it with an HTTP server's",
        )
    if known.is_synchronised:
        return ok("", "a time daemon keeps it")
    return skipped("", "no other clock was asked; --rpc URL compares it with an HTTP server's")


def _time(seconds: float) -> str:
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


CLOCK = DoctorCheck("clock", look=look, needs=("clock",))
