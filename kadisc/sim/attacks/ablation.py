"""Ablations: the same attack on the same network with each relevant defence off in turn, and with
all of them off.

Each variant has a world of its own and the same seed. ``paper`` is Kademlia as published: it
matches replies, and a full bucket pings its oldest entry before it replaces it; nothing else is on.
``all off`` has neither of these, like some deployed clients. The wide buckets (128, 64, 32, 16, 8)
stay in both. Answers stay bounded too: Kademlia answers with k contacts, and an answer with a whole
table would exceed the MTU, so that every lookup would fail even without an attack.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from ...config import Defences
from ..lab import Lab
from ..measure.statistics import Metrics
from ..options import SimOptions

ALL_OFF = replace(
    Defences(**{field.name: False for field in fields(Defences)}), bounded_answers=True
)
PAPER = replace(ALL_OFF, exact_matching=True, ping_before_evict=True)


@dataclass(frozen=True, slots=True)
class Variant:
    """``name``: as shown in the table."""

    name: str
    options: SimOptions


def with_defences(options: SimOptions, defences: Defences) -> SimOptions:
    return replace(options, core=replace(options.core, defences=defences))


def without(options: SimOptions, *names: str) -> SimOptions:
    """The options with these defences off."""
    return with_defences(options, replace(options.core.defences, **dict.fromkeys(names, False)))


def first_vote_decides(options: SimOptions) -> SimOptions:
    """The options with the numbers of votes on the own address that other implementations have."""
    address = replace(options.core.address, first_voters=1, change_voters=1)
    return replace(options, core=replace(options.core, address=address))


def variants(options: SimOptions, relevant: Sequence[str]) -> list[Variant]:
    """The options as given; with ``attack.ablations`` also without each of the ``relevant``
    defences, and the two variants of plain Kademlia.
    """
    as_given = Variant("all on" if options.core.defences == Defences() else "as set", options)
    if not options.attack.ablations:
        return [as_given]
    plain = [
        Variant("paper", with_defences(options, PAPER)),
        Variant("all off", with_defences(options, ALL_OFF)),
    ]
    return [as_given, *each_off(options, relevant), *plain]


def each_off(options: SimOptions, names: Sequence[str]) -> list[Variant]:
    """One variant without each of these defences."""
    return [Variant(f"no {name.replace('_', ' ')}", without(options, name)) for name in names]


def with_and_without(
    lab: Lab, defence: str, attack: Callable[[Lab], Metrics], columns: Mapping[str, str]
) -> Metrics:
    """The ablations of an attack that one defence is for: the options as given, and without it."""
    which = [Variant("as set", lab.options)]
    if lab.options.attack.ablations:
        which += each_off(lab.options, (defence,))
    return ablations(lab, which, attack, columns)


def ablations(
    lab: Lab, which: Sequence[Variant], attack: Callable[[Lab], Metrics], columns: Mapping[str, str]
) -> Metrics:
    """The metrics of the first variant, which runs in ``lab`` itself; and under ``ablations`` a row
    for each variant. ``columns``: the metric under each heading of that table.
    """
    measured = [attack(lab)]
    for variant in which[1:]:
        other = lab.another(variant.options)
        measured.append(attack(other))
        lab.absorb(other)
        del other
        gc.unfreeze()  # a whole network, full of cycles, that is no longer needed
        gc.collect()
    rows = [
        {"defences": variant.name, **{heading: metrics[name] for heading, name in columns.items()}}
        for variant, metrics in zip(which, measured, strict=True)
    ]
    return {**measured[0], "ablations": rows}
