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

from .newcomer import Lines, last_words
from .sides import NETWORK, OTHER_NETWORK, Launch, Swarm, environment
from .world import end_with_parent, standing_host

LEAST_SETTLE_S = 8.0
"""Since the last process was started: the first announces and exchanges are done then."""


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
    def others_dead(self) -> int:
        return round(self.dead * (self.nodes - self.own))


class NodeProcess:
    """Some nodes of one kind, in a process of their own."""

    def __init__(self, launch: Launch, home: Path) -> None:
        home.mkdir()
        self.home = home
        self.met = 0
        with (home / "stderr").open("wb") as errors:
            self.process = subprocess.Popen(
                launch.command,
                env=environment(launch, home),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                preexec_fn=end_with_parent,
            )
        assert self.process.stdout is not None
        self._lines = Lines(self.process.stdout.fileno())

    def look(self, within_s: float) -> None:
        """Reads how many nodes have met. Raises SwarmFailed if the process has ended."""
        for line in self._lines.read(within_s):
            self.met = json.loads(line)["met"]
        if self._lines.ended:
            code = self.process.wait()
            raise SwarmFailed(f"ended with code {code}: {last_words(self.home / 'stderr')}")


class Standing:
    """The nodes of a swarm, which have met."""

    def __init__(self, swarm: Swarm, size: Size, folder: Path) -> None:
        self.swarm = swarm
        hosts = [standing_host(number) for number in range(size.nodes)]
        own, others = hosts[: size.own], hosts[size.own :]
        living, self._dead = split(own, size.own_dead)
        others_living, others_dead = split(others, size.others_dead)
        self.dead_hosts = self._dead + others_dead
        self._members = {self._endpoint(host) for host in living}
        self.bootstrap = self._endpoint(living[0])
        self._groups = [
            ("own", living, NETWORK, False),
            ("own-dead", self._dead, NETWORK, True),
            ("others", others_living, OTHER_NETWORK, False),
            ("others-dead", others_dead, OTHER_NETWORK, True),
        ]
        self._folder = folder
        self._doomed: list[NodeProcess] = []
        self._processes: list[NodeProcess] = []

    def _endpoint(self, host: str) -> str:
        return f"{host}:{self.swarm.port}"

    def start(self) -> None:
        self._folder.mkdir()
        for name, hosts, network, is_doomed in self._groups:
            if not hosts:
                continue
            settings = {"hosts": hosts, "port": self.swarm.port, "network": network}
            if hosts[0] not in self.bootstrap:
                settings["bootstrap"] = self.bootstrap
            launch = self.swarm.launch(json.dumps(settings))
            process = NodeProcess(launch, self._folder / name)
            self._processes.append(process)
            if is_doomed:
                self._doomed.append(process)

    def wait_met(self, settle_s: float) -> int:
        """Until all nodes of the network have met all others, at most so long. Returns how many
        others the node knows that knows fewest.
        """
        began = time.monotonic()
        others = len(self._members) + len(self._dead) - 1
        own = [process for process in self._processes if process.home.name.startswith("own")]
        while True:
            for process in self._processes:
                process.look(0.0)
            met = min(process.met for process in own)
            waited_s = time.monotonic() - began
            if waited_s >= settle_s or (waited_s >= LEAST_SETTLE_S and met >= others):
                return met
            time.sleep(0.1)

    def end_doomed(self) -> None:
        """They stop in the middle of what they do and say nothing any more, as a host without
        power: the world keeps packets from them, so that no other kernel answers for them.
        """
        for each in self._doomed:
            each.process.send_signal(signal.SIGSTOP)

    def fate(self, endpoint: str) -> str:
        if endpoint in self._members:
            return "member"
        return "dead" if endpoint in map(self._endpoint, self._dead) else "stranger"

    def check(self) -> None:
        """Raises SwarmFailed if a process has ended."""
        for each in self._processes:
            each.look(0.0)

    def close(self) -> None:
        for each in self._processes:
            each.process.kill()
            each.process.wait()
            if each.process.stdout is not None:
                each.process.stdout.close()


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
            standing.start()
        ready = []
        for standing in opened:
            tell(f"{standing.swarm.name}: {size.nodes} nodes meet")
            try:
                met = standing.wait_met(settle_s)
            except SwarmFailed as why:
                failed[standing.swarm.name] = str(why)
                tell(f"{standing.swarm.name} left out: {why}")
                continue
            tell(f"{standing.swarm.name}: each node of the network has met {met} others or more")
            ready.append(standing)
        for standing in ready:
            standing.end_doomed()
        yield ready, failed
    finally:
        for standing in opened:
            standing.close()
