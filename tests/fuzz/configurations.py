"""Configurations drawn from the declared bounds of every key of the core: the smallest values, the
largest, and anything between.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from kadisc.config import Config, CoreConfig
from kadisc.config.declaration import Bounds, Choice
from kadisc.config.keys import KEYS, Key, complaints, with_value

LARGEST_COUNT: Final = 2_000
"""Counts above this make a store that no case fills."""
LARGEST_SLOTS: Final = 100
"""Of one kind in the view: each peer that is verified is compared with all of them."""
SHARES: Final = (0.0, 0.0, 0.02, 0.1, 0.3, 1.0)
"""Which part of the keys is drawn."""
CORE_KEYS: Final = {
    name: key
    for name, key in KEYS.items()
    if key.path[0] == "core" or name in ("read_only", "reachable", "help_others", "check_services")
}
SUBNETS: Final = ("99.9.0.0/16", "12.1.0.0/24", "2a05:1::/32")


def draw(rng: Random) -> dict[str, Any]:
    """Values by the names of their keys, as they are saved with a case."""
    share = rng.choice(SHARES)
    tiny = rng.random() < 0.25
    values = {
        name: _value(rng, key, tiny=tiny) for name, key in CORE_KEYS.items() if rng.random() < share
    }
    if rng.random() < 0.3:
        switches = [name for name in CORE_KEYS if name.startswith("core.defences.")]
        off = switches if rng.random() < 0.2 else rng.sample(switches, rng.randint(1, 6))
        values |= dict.fromkeys(off, False)
    elif rng.random() < 0.8:  # else as `share` has drawn them
        values = {name: each for name, each in values.items() if "defences" not in name}
    for name, values_of in {
        "allow_private": (True,),
        "unlimited": (True,),
        "ban": ([SUBNETS[0]], list(SUBNETS[1:])),
        "netrestrict": (["0.0.0.0/1"],),
    }.items():
        if rng.random() < 0.08:
            values[name] = rng.choice(values_of)
    return values


def _value(rng: Random, key: Key, *, tiny: bool) -> Any:
    allowed, default = key.setting.allowed, key.default
    if isinstance(allowed, Choice):
        return rng.choice(allowed.words)
    if not isinstance(allowed, Bounds):
        return rng.random() < 0.5
    if isinstance(default, tuple):
        return [_number(rng, allowed, default[0], tiny=tiny) for _ in range(rng.randint(1, 6))]
    drawn = _number(rng, allowed, default, tiny=tiny)
    return min(drawn, LARGEST_SLOTS) if "slots" in key.name else drawn


def _number(rng: Random, allowed: Bounds, default: float, *, tiny: bool) -> float:
    least, most = allowed.least, allowed.most
    is_count = isinstance(default, int)
    if is_count:
        most = min(most, LARGEST_COUNT)
    if tiny and rng.random() < 0.7:
        drawn = least + (rng.choice((0, 0, 1, 2)) if is_count else 0)
    else:
        drawn = rng.choice(
            (
                least,
                least + 1,
                least + 7 * rng.random(),
                default / 10,
                default * rng.random(),
                default * 4,
                most,
            )
        )
    drawn = min(max(drawn, least), most)
    return int(drawn) if is_count else float(drawn)


def core_config(values: Mapping[str, Any]) -> CoreConfig:
    """The configuration with these values. Raises ValueError for one that the file would refuse."""
    config = Config()
    for name, value in values.items():
        path = KEYS[name].path
        config = with_value(config, path, tuple(value) if isinstance(value, list) else value)
    if refused := list(complaints(config)):
        raise ValueError(f"the fuzzer has drawn values out of bounds: {refused}")
    return config.settled().core
