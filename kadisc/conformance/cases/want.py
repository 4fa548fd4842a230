"""``want``: the families of contacts in an answer (BEP 32)."""

from __future__ import annotations

import secrets

from ...endpoints import Family, family_of
from ..case import Case
from ..probe import ConformanceProbe
from ..verdict import Warned
from .answers import contacts_in


async def _families(probe: ConformanceProbe, want: list[bytes] | None) -> set[str]:
    body, _ = await probe.reply("find_node", target=secrets.token_bytes(20), want=want)
    return {"n4" if family is Family.IPV4 else "n6" for family in contacts_in(body)}


def _words(families: set[str]) -> str:
    return " and ".join(sorted(families)) or "neither"


async def _only(probe: ConformanceProbe, wanted: str) -> str:
    got = await _families(probe, [wanted.encode()])
    if got - {wanted}:
        raise Warned(f"{wanted} wanted, {_words(got)} sent")
    return f"{wanted} wanted, {_words(got)} sent"


async def want_n4(probe: ConformanceProbe) -> str:
    return await _only(probe, "n4")


async def want_n6(probe: ConformanceProbe) -> str:
    return await _only(probe, "n6")


async def want_both(probe: ConformanceProbe) -> str:
    got = await _families(probe, [b"n4", b"n6"])
    return f"both wanted, {_words(got)} sent"


async def want_unknown(probe: ConformanceProbe) -> str:
    usual = "n4" if family_of(probe.target) is Family.IPV4 else "n6"
    got = await _families(probe, [b"n9", usual.encode(), b"x" * 30])
    if usual not in got:
        raise Warned(f"n9 and {usual} wanted, {_words(got)} sent")
    return f"n9 and {usual} wanted, {_words(got)} sent"


CASES = (
    Case("want-n4", "BEP 32", "want = n4 gives nodes and no nodes6", want_n4),
    Case("want-n6", "BEP 32", "want = n6 gives nodes6 and no nodes", want_n6),
    Case("want-both", "BEP 32", "both wanted: what is sent consists of whole contacts", want_both),
    Case("want-unknown", "BEP 32", "unknown strings in want are ignored", want_unknown),
)
