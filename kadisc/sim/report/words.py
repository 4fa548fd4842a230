"""Names of metrics and options in words, their units, and the format of numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORDS = {
    "learned_mrtt": "time until the closest node is known",
    "answered_mrtt": "time until all k closest have answered",
    "neighbours_mrtt": "time until a new node knows its neighbours",
    "complete_mrtt": "time until a new node's buckets are filled",
    "queries_per_s": "queries sent by a node",
    "replies_per_s": "replies sent by a node",
    "bytes_per_s": "payload sent by a node",
    "bytes_per_s_of_reachable": "payload sent by a reachable node",
    "recall": "recall of the k closest",
    "top1": "lookups that find the closest node",
    "dead": "dead contacts in answers",
    "dead_entries": "dead entries in tables",
    "yes": "reachable nodes that know it in the end",
    "no": "closed nodes that know it in the end",
    "false_yes": "closed nodes that took themselves for reachable",
    "false_no": "reachable nodes that took themselves for closed",
    "yes_helped_s": "time from four helpers until a reachable node knows it",
    "yes_cold_s": "time from its start until a reachable node knows it",
    "no_helped_s": "time from eight helpers until a closed node knows it",
    "no_cold_s": "time from its start until a closed node knows it",
    "direct": "random pairs of which one reaches the other directly",
    "bytes_per_byte": "bytes at the victim per byte of the attackers",
    "attack.addresses": "addresses of the attacker",
    "attack.prefixes": "/24s of the attacker",
    "attack.share": "share of colluding nodes",
    "network.loss.mean": "packets lost (network.loss.mean)",
    "nodes": "nodes",
}
_UNITS = {
    "mrtt": "mRTT",
    "bytes_per_s": "bytes/s",
    "per_s": "1/s",
    "ms": "ms",
    "s": "s",
    "mb": "MB",
}
_NO_SHARE = re.compile(r"(_per_s|_s|_ms|_mrtt|_mean|_mb)(_|$)|_p\d\d$")


def in_words(name: str) -> str:
    """``answered_mrtt_p99`` -> ``time until all k closest have answered, p99``."""
    if name in _WORDS:
        return _WORDS[name]
    if name.startswith("re_"):
        return f"{in_words(name.removeprefix('re_'))}, after a restart"
    stem, _, last = name.rpartition("_")
    if stem and (re.fullmatch(r"p\d\d", last) or last == "mean"):
        return f"{in_words(stem)}, {last}"
    if "." in name:
        return name
    unit = unit_of(name)
    words = name if not unit or name == unit else re.sub(r"_(mrtt|ms|s|mb)$", "", name)
    return words.replace("_", " ")


def unit_of(name: str) -> str:
    stem = re.sub(r"(_of_reachable)?(_(p\d\d|mean))?$", "", name)
    for ending, unit in _UNITS.items():
        if stem == ending or (stem.endswith(f"_{ending}") and not re.search(r"\d_to_\d+_s$", stem)):
            return unit
    return ""


def are_shares(name: str, values: Sequence[float]) -> bool:
    """Whether the values are shares, to be shown in per cent: all from 0 to 1, and the name has no
    other unit.
    """
    moment = re.sub(r"_\d+_to_\d+_s$", "", name)
    return (
        not _NO_SHARE.search(moment)
        and all(0 <= value <= 1 for value in values)
        and any(0 < value < 1 or isinstance(value, float) for value in values)
    )


def in_digits(value: float, *, share: bool = False) -> str:
    """The value with three significant digits; a share in per cent, near 100 % two decimals."""
    if share:
        percent = 100 * value
        digits = 1 if percent < 99 or percent == 100 else 2
        return f"{percent:.{digits}f} %" if percent else "0 %"
    if value == 0 or 1000 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def change_in_words(name: str, first: float, last: float, *, share: bool) -> str:
    """``recall of the k closest falls from 99.8 % to 95 %``."""
    what, unit = in_words(name), "" if share else unit_of(name)
    end = f" {unit}" if unit else ""
    if abs(last - first) <= (0.001 if share else 0.02 * max(abs(first), abs(last))):
        return f"{what} stays at {in_digits(last, share=share)}{end}"
    verb = "rises" if last > first else "falls"
    return (
        f"{what} {verb} from {in_digits(first, share=share)} to {in_digits(last, share=share)}{end}"
    )
