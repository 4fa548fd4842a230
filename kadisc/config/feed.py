"""The feed."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import Commands, Option, setting, within


@dataclass(frozen=True, slots=True)
class FeedConfig:
    """What `kadisc feed` gives to a chain node."""

    want: int = setting(
        8,
        within(1, 1000),
        "The feed offers no peer while the chain node has so many outbound peers.",
        option=Option(
            Commands.FEED,
            "N",
            "offer none while the chain node has so many outbound peers (default: 8)",
            name="want",
        ),
    )
