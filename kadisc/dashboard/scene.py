"""The contents of one frame, as values: the same scene in the same size gives the same frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.snapshot import Snapshot
from ..endpoints import Family
from ..observe.lan import LanSnapshot
from ..observe.mappings import MappingSnapshot
from .tail import TailLine
from .traffic import NO_FLOW, Flow


@dataclass(frozen=True, slots=True)
class Facts:
    """Constants of a run. ``listening``: the local endpoints, as ``host:port``. ``state_dir``: the
    folder of the control socket, if commands do not find it by themselves.
    """

    version: str
    network: str
    listening: Mapping[Family, str]
    state_dir: str = ""


@dataclass(frozen=True, slots=True)
class Others:
    """The other nodes in this process (a devnet)."""

    alive: int
    joined: int


@dataclass(frozen=True, slots=True)
class View:
    """The state that keys change. ``scroll``: the number of rows above the deepest buckets."""

    scroll: int = 0
    paused: bool = False
    help: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    facts: Facts
    snapshot: Snapshot
    uptime_s: float
    flow_in: Flow = NO_FLOW
    flow_out: Flow = NO_FLOW
    tail: tuple[TailLine, ...] = ()
    others: Others | None = None
    view: View = field(default_factory=View)
    mappings: tuple[MappingSnapshot, ...] = ()
    """The ports that routers were asked to forward."""
    lan: LanSnapshot = field(default_factory=LanSnapshot)
    """The nodes on the links of this machine."""
