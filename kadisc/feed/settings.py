"""The settings of one run of ``kadisc feed``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """``preset``: its name. ``want``: outbound peers of the chain node beyond which nobody is
    offered. ``advertise``: the service that is withdrawn while the chain node is down, with its
    port (None: that of the record). ``rpc_host``: where its port is looked for too. Times are in
    seconds: between two looks at the chain node, after an error of it at most, after a refusal of
    its RPC.
    """

    want: int = 8
    preset: str = ""
    advertise: str | None = None
    port: int | None = None
    rpc_host: str | None = None
    dry_run: bool = False
    once: bool = False
    look_s: float = 15.0
    quick_look_s: float = 1.0
    refused_s: float = 300.0
    down_s: float = 60.0
    node_back_off_s: float = 30.0
