"""The standing nodes of one program in `discover.py`: those of the network that is looked for, and
those that only share the DHT with it.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .newcomer import Lines, last_words
from .sides import NETWORK, OTHER_NETWORK, Launch, Swarm, environment
from .world import end_with_parent, standing_host

LEAST_SETTLE_S = 8.0
"""Since the last process was started: the first announces and exchanges are done then."""


UNCHANGED_S = 12.0
"""Buckets are full, say: some programs never know all others."""
START_S = 60.0


class SwarmFailed(Exception):
    """The standing nodes of a program cannot be run; the message says why."""


@dataclass(frozen=True)
class Size:
    """``own`` of ``nodes`` are of the network; the share ``dead`` of either kind ends."""

    nodes: int
    own: int
    dead: float

    @property
    def own_dead(self) -> int:
        return round(self.dead * self.own)

    @property
    def is_shared(self) -> bool:
        """Whether nodes of other networks are among them."""
        return self.own < self.nodes

    @property
    def others_dead(self) -> int:
        return round(self.dead * (self.nodes - self.own))


class NodeProcess:
    """Some nodes of one kind, in a process of their own. ``met``: the number of others that the
    node has met that has met fewest.
    """

    def __init__(self, launch: Launch, home: Path, *, is_shared: bool) -> None:
        home.mkdir()
        self.home = home
        self.met = 0
        self.bootstrap = ""
        self.names: dict[str, str] = {}
        with (home / "stderr").open("wb") as errors:
            self.process = subprocess.Popen(
                launch.command,
                env=environment(launch, home, is_shared=is_shared),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                preexec_fn=end_with_parent,
            )
        assert self.process.stdout is not None
        self._lines = Lines(self.process.stdout.fileno())

    def look(self, within_s: float) -> None:
        """Reads what it has told. Raises SwarmFailed if the process has ended."""
        for line in self._lines.read(within_s):
            told = json.loads(line)
            self.met = told.get("met", self.met)
            self.bootstrap = told.get("bootstrap", self.bootstrap)
            self.names |= told.get("names", {})
        if self._lines.ended:
            code = self.process.wait()
            raise SwarmFailed(f"ended with code {code}: {last_words(self.home / 'stderr')}")

    def wait_bootstrap(self) -> str:
        until = time.monotonic() + START_S
        while not self.bootstrap:
            if time.monotonic() > until:
                raise SwarmFailed(f"the first node was not there within {START_S:.0f} s")
            self.look(0.1)
        return self.bootstrap

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Standing:
    """The nodes of a swarm."""

    def __init__(self, swarm: Swarm, size: Size, folder: Path) -> None:
        self.swarm = swarm
        self._size = size
        self._folder = folder
        hosts = [standing_host(number) for number in range(size.nodes)]
        own, others = hosts[: size.own], hosts[size.own :]
        self._living, self._dead = split(own, size.own_dead)
        self._others, self._others_dead = split(others, size.others_dead)
        self.dead_hosts = self._dead + self._others_dead
        self.bootstrap = f"{self._living[0]}:{swarm.port}"
        self._started = 0.0
        self._own: list[NodeProcess] = []
        self._dead_processes: list[NodeProcess] = []
        self._processes: list[NodeProcess] = []

    def start(self) -> None:
        """Raises SwarmFailed if the first node does not come up."""
        self._folder.mkdir()
        self._started = time.monotonic()
        self._own.append(self._start("own", self._living, NETWORK, bootstrap=""))
        if self.swarm.tells_bootstrap:
            self.bootstrap = self._own[0].wait_bootstrap()
        if self._others:
            self._start("others", self._others, OTHER_NETWORK, self.bootstrap)
        if self._dead:
            self._own.append(self._start("own-dead", self._dead, NETWORK, self.bootstrap))
            self._dead_processes.append(self._own[-1])
        if self._others_dead:
            dead = self._start("others-dead", self._others_dead, OTHER_NETWORK, self.bootstrap)
            self._dead_processes.append(dead)

    def _start(self, name: str, hosts: list[str], network: str, bootstrap: str) -> NodeProcess:
        everybody = {
            NETWORK: self._living + self._dead,
            OTHER_NETWORK: self._others + self._others_dead,
        }
        settings: dict[str, Any] = {"hosts": hosts, "port": self.swarm.port, "network": network}
        settings["all"] = everybody
        if bootstrap:
            settings["bootstrap"] = bootstrap
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(settings))
        is_own = network == NETWORK
        start = self.swarm.launch if is_own else self.swarm.launch_others or self.swarm.launch
        launch = start(path)
        process = NodeProcess(launch, self._folder / name, is_shared=self._size.is_shared)
        self._processes.append(process)
        return process

    def wait_met(self, settle_s: float) -> int:
        """Until all nodes of the network have met all others, or meet no more; at most so long
        after the start.
        Returns how many others the node knows that knows fewest.
        """
        last_change = time.monotonic()
        met = -1
        while True:
            self.check()
            now, before = time.monotonic(), met
            met = min(process.met for process in self._own)
            last_change = now if met != before else last_change
            has_met = met >= self._size.own - 1 or (met > 0 and now - last_change > UNCHANGED_S)
            if now - self._started >= settle_s or (
                now - self._started >= LEAST_SETTLE_S and has_met
            ):
                return met
            time.sleep(0.1)

    def stop_dead(self) -> None:
        """They stop at once and send nothing any more, as hosts without power; the relay drops
        packets to them, so that the kernel of the world answers none in their place.
        """
        for each in self._dead_processes:
            each.process.send_signal(signal.SIGSTOP)

    def classify(self, peer: str) -> str:
        """ "member", "dead" or "other"; ``peer`` is a host or a name that the nodes told."""
        for process in self._own:
            peer = process.names.get(peer, peer)
        if peer in self._living:
            return "member"
        return "dead" if peer in self._dead else "other"

    def check(self) -> None:
        """Raises SwarmFailed if a process has ended."""
        for each in self._processes:
            each.look(0.0)

    def close(self) -> None:
        for each in self._processes:
            each.close()


def split(hosts: list[str], dead: int) -> tuple[list[str], list[str]]:
    return hosts[: len(hosts) - dead], hosts[len(hosts) - dead :]


@contextlib.contextmanager
def standing_nodes(
    swarms: list[Swarm], size: Size, folder: Path, settle_s: float, tell: Callable[[str], None]
) -> Iterator[tuple[list[Standing], dict[str, str]]]:
    """The swarms that stand, and why the others do not, by their names."""
    opened: list[Standing] = []
    failed: dict[str, str] = {}
    try:
        for swarm in swarms:
            standing = Standing(swarm, size, folder / swarm.name)
            opened.append(standing)
            try:
                standing.start()
            except SwarmFailed as why:
                failed[swarm.name] = str(why)
        ready = []
        for standing in opened:
            name = standing.swarm.name
            try:
                met = 0 if name in failed else standing.wait_met(settle_s)
            except SwarmFailed as why:
                failed[name] = str(why)
            if name in failed:
                tell(f"{name} left out: {failed[name]}")
                continue
            tell(f"{name}: each node of the network has met {met} others or more")
            ready.append(standing)
        for standing in ready:
            standing.stop_dead()
        yield ready, failed
    finally:
        for standing in opened:
            standing.close()
