"""The programs of the lab, each a child process with a folder of its own: kadisc, libtorrent and
Transmission.

All have the same face: `start` returns when the node answers at its endpoint, `stop` ends it.
"""

import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from ..support.child_programs import Client, NotSeenError, show, until
from .krpc_probe import Endpoint, encode
from .libtorrent_node import compact

HERE = Path(__file__).parent
START_S = 20.0


class Libtorrent(Client):
    def start(
        self,
        *saved: Endpoint,
        routers: tuple[Endpoint, ...] = (),
        settled: bool = False,
        strict: bool = False,
        announces: str | None = None,
        finds: str | None = None,
        items: tuple[str, ...] = (),
    ) -> Self:
        """`saved` are nodes of an earlier session, which it adopts; `routers` are only asked for
        others. `announces` is INFOHASH:PORT, `items` options about items.
        """
        options = [f"--saved={show(node)}" for node in saved] + [
            f"--router={show(node)}" for node in routers
        ]
        options += ["--settled"] * settled + ["--strict"] * strict
        options += [f"--announce={announces}"] * bool(announces) + [f"--find={finds}"] * bool(finds)
        self.spawn(
            sys.executable,
            str(HERE / "libtorrent_node.py"),
            f"--listen={show(self.endpoint)}",
            *options,
            *items,
        )
        self.await_event("listening", START_S)
        return self

    def await_joined(self, within_s: float) -> None:
        until(
            f"{self}: a contact in its table",
            lambda: any(event["count"] for event in self.events("contacts")),
            within_s,
            every_s=0.1,
        )

    def await_peer(self, peer: Endpoint, within_s: float) -> None:
        until(
            f"{self}: the peer {show(peer)}",
            lambda: any((event["host"], event["port"]) == peer for event in self.events("peer")),
            within_s,
        )

    def await_item(self, value: str, within_s: float) -> dict[str, Any]:
        def look() -> list[dict[str, Any]]:
            return [event for event in self.events("item") if event["value"] == value]

        return until(f"{self}: the item {value}", look, within_s)[0]

    def await_put(self, count: int, within_s: float) -> None:
        """Until so many puts were each stored by somebody."""
        until(
            f"{self}: {count} puts",
            lambda: sum(event["stored_on"] > 0 for event in self.events("put")) >= count,
            within_s,
        )

    def find(self, bind: Endpoint, bootstrap: Endpoint) -> dict[str, Any] | None:
        """libtorrent has no such command."""
        return None


class Kadisc(Client):
    def start(self, *bootstrap: Endpoint, bind: str | None = None, config: str = "") -> Self:
        """`config` is the text of its configuration file."""
        if config:
            place = self.folder / "config" / "kadisc"
            place.mkdir(parents=True)
            (place / "config.toml").write_text(config)
        options = [f"--bootstrap={show(node)}" for node in bootstrap]
        self.spawn(
            sys.executable,
            "-m",
            "kadisc",
            "run",
            f"--bind={bind or show(self.endpoint)}",
            *options,
            "--no-dashboard",
            "--json",
        )
        self.await_event("listening", START_S)
        return self

    def await_joined(self, within_s: float) -> None:
        self.await_event("joined", within_s)

    def find(self, bind: Endpoint, bootstrap: Endpoint) -> dict[str, Any] | None:
        """`kadisc find random` by a node of its own that knows only `bootstrap`."""
        done = self.ask("find", "random", f"--bind={show(bind)}", f"--bootstrap={show(bootstrap)}")
        if done.returncode != 0:
            raise NotSeenError(
                f"kadisc find ended with code {done.returncode}: "
                f"{done.stderr.strip() or done.stdout.strip()}"
            )
        return json.loads(done.stdout)

    def ask(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """One of its other commands, in a folder of its own."""
        asker = type(self)(
            f"{self.name}-{command}-{secrets.token_hex(2)}", self.endpoint, self.folder
        )
        words = [sys.executable, "-m", "kadisc", command, *arguments, "--json"]
        return subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=asker.folder,
            env=asker.environment(),
        )

    def tell(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """One of its other commands, that asks the node which runs."""
        words = [sys.executable, "-m", "kadisc", command, *arguments, "--json"]
        return subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            env=self.environment(),
        )


class Transmission(Client):
    """transmission-daemon 3.00; `programs` is the folder that scripts/foreign-clients printed.

    It joins through `dht.dat`, the nodes saved at the end of an earlier session: those it pings at
    once, where the nodes of `dht.bootstrap` come only after them and one every 7 to 22 s. With
    bind-address-ipv4 also its UDP socket binds that address.
    """

    def __init__(self, name: str, endpoint: Endpoint, scratch: Path, programs: Path) -> None:
        super().__init__(name, endpoint, scratch)
        self._program = programs / "bin" / "transmission-daemon"

    def start(self, *saved: Endpoint) -> Self:
        host, port = self.endpoint
        settings = {
            "bind-address-ipv4": "127.0.0.1" if ":" in host else host,
            "bind-address-ipv6": host if ":" in host else "::1",
            "dht-enabled": True,
            "lpd-enabled": False,
            "peer-port": port,
            "peer-port-random-on-start": False,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "rpc-enabled": False,
            "utp-enabled": False,
        }
        (self.folder / "settings.json").write_text(json.dumps(settings))
        nodes = [compact(show(node)) for node in saved]
        state = {b"id": secrets.token_bytes(20)}
        state |= (
            {b"nodes": b"".join(node for node in nodes if len(node) == 6)}
            if ":" not in host
            else {b"nodes6": b"".join(nodes)}
        )
        (self.folder / "dht.dat").write_bytes(encode(state))
        self.spawn(
            str(self._program),
            "--foreground",
            "--log-debug",
            "--config-dir",
            str(self.folder),
            TR_DHT_VERBOSE="1",
        )
        until(
            f"{self}: its DHT",
            lambda: self.alive() and "DHT initialized" in self._log(),
            START_S,
            every_s=0.1,
        )
        return self

    def _log(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")

    def answers(self) -> int:
        """How many replies its own queries got, by its log; what it never had a reply from, it
        hands to nobody.
        """
        self.alive()
        log = self._log()
        return log.count("Nodes found (") + log.count("Pong!")

    def queries(self) -> int:
        """How many queries it was sent, by its log."""
        log = self._log()
        return log.count("Find node!") + log.count("Get_peers!") + log.count("Ping (")
