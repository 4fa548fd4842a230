"""The programs of the lab, each a child process with a folder of its own: chain nodes, the kadisc
beside each, and the `kadisc feed` between the two.
"""

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from ..support.child_programs import Client, Endpoint, NotSeenError, show, until

ROOT = Path(__file__).parents[2]
START_S = 60.0
"""A chain node may take long to start where others start beside it."""
UDP_PORT = 7001


class ChainProgram(Client):
    """``endpoint``: its port for peers. ``programs``: as scripts/chain-nodes printed it."""

    rpc_port = 0
    authorization: str | None = None

    def __init__(self, name: str, endpoint: Endpoint, scratch: Path, programs: Path) -> None:
        super().__init__(name, endpoint, scratch)
        self.programs = programs

    @property
    def rpc_url(self) -> str:
        return f"http://{self.endpoint[0]}:{self.rpc_port}"

    def rpc(self, method: str, *params: Any, path: str = "/", **named: Any) -> Any:
        """The result; raises NotSeenError."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": named or list(params)}
        headers = {"Content-Type": "application/json"}
        if (authorization := self.secret()) is not None:
            headers["Authorization"] = f"Basic {base64.b64encode(authorization).decode()}"
        request = urllib.request.Request(
            self.rpc_url + path, json.dumps(body).encode(), headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                document = json.load(answer)
                if document.get("error") is not None:
                    raise NotSeenError(f"{self.name}: {method}: {document['error']}")
                return document["result"]
        except (OSError, KeyError, ValueError) as error:
            detail = error.read() if isinstance(error, urllib.error.HTTPError) else b""
            raise NotSeenError(f"{self.name}: {method}: {error} {detail!r}") from None

    def secret(self) -> bytes | None:
        return None

    def answers(self) -> bool:
        self.alive()
        try:
            self.look()
        except NotSeenError:
            return False
        return True

    def look(self) -> Any:
        raise NotImplementedError

    def await_start(self) -> None:
        until(f"{self}: its RPC", self.answers, START_S, every_s=0.2)


class Litecoin(ChainProgram):
    """litecoind. It reports each message in its log, and knows no other node."""

    rpc_port = 9332
    chain = "regtest"

    def start(self, *options: str, chain: str = "regtest", waits: bool = True) -> Self:
        host, port = self.endpoint
        self.chain = chain
        self.spawn(
            str(self.programs / "bin" / "litecoind"),
            *([f"-{chain}"] if chain != "main" else []),
            f"-datadir={self.folder}",
            f"-bind={host}:{port}",
            f"-rpcbind={host}",
            f"-rpcport={self.rpc_port}",
            "-rpcallowip=45.0.0.0/8",
            *("-dnsseed=0", "-discover=0", "-listenonion=0", "-upnp=0", "-printtoconsole=0"),
            *("-dbcache=4", "-maxmempool=5", "-par=1"),
            *options,
        )
        if waits:
            self.await_start()
        return self

    @property
    def cookie(self) -> Path:
        return self.folder / (".cookie" if self.chain == "main" else f"{self.chain}/.cookie")

    def secret(self) -> bytes | None:
        return self.cookie.read_bytes() if self.cookie.exists() else b"none:none"

    def look(self) -> Any:
        return self.rpc("getnetworkinfo")

    def outbound(self) -> list[str]:
        return [peer["addr"] for peer in self.rpc("getpeerinfo") if not peer["inbound"]]

    def kill(self) -> None:
        """Like a crash."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


class Handshake(ChainProgram):
    """hsd, which keeps its chain in memory."""

    rpc_port = 14037
    ADDRESS = "rs1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqn6kda"
    """Of nobody, whose hash is zeros; for the reward of a block."""

    def start(self) -> Self:
        host, port = self.endpoint
        self.spawn(
            str(self.programs / "npm" / "bin" / "hsd"),
            *("--network=regtest", f"--prefix={self.folder}", "--no-wallet=true", "--no-dns=true"),
            *(f"--host={host}", f"--port={port}", "--listen=true", "--discover=false"),
            *(f"--http-host={host}", "--no-auth=true", f"--brontide-port={port + 1}"),
        )
        return self

    def look(self) -> Any:
        return self.rpc("getnetworkinfo")

    def outbound(self) -> list[str]:
        return [peer["addr"] for peer in self.rpc("getpeerinfo") if not peer["inbound"]]


class Bcoin(Handshake):
    """bcoin, which keeps its chain in memory and speaks Bitcoin's protocol."""

    rpc_port = 48332
    ADDRESS = "rb1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqce7sck"

    def start(self) -> Self:
        host, port = self.endpoint
        self.spawn(
            str(self.programs / "npm" / "bin" / "bcoin"),
            *("--network=regtest", f"--prefix={self.folder}", "--no-wallet=true"),
            *(f"--host={host}", f"--port={port}", "--listen=true", "--discover=false"),
            *(f"--http-host={host}", f"--http-port={self.rpc_port}", "--no-auth=true"),
        )
        return self


class EthereumJs(ChainProgram):
    """It binds the wildcard address, so that two of them on one machine have different ports."""

    rpc_port = 8545

    def start(self) -> Self:
        host, port = self.endpoint
        self.spawn(
            str(self.programs / "npm" / "bin" / "ethereumjs"),
            *("--network=sepolia", f"--dataDir={self.folder}", f"--port={port}"),
            *(f"--extIP={host}", "--rpc", f"--rpcAddr={host}", f"--rpcPort={self.rpc_port}"),
            *("--discDns=false", "--discV4=false"),
        )
        return self

    def look(self) -> Any:
        return self.rpc("web3_clientVersion")

    def connected(self) -> list[str]:
        peers = self.rpc("admin_peers")
        return [
            peer["network"]["remoteAddress"]
            for peer in peers
            if peer["protocols"]["eth"]["version"] is not None
        ]


class Monero(ChainProgram):
    rpc_port = 18081
    ADDRESS = (
        "42ey1afDFnn4886T7196doS9GPMzexD9gXpsZJDwVjeRVdFCSoHnv7KPbBeGpzJB"
        "zHRCAs9UxqeoyFQMYbqSWYTfJJQAWDm"
    )
    """Of monerod's own functional tests; for the reward of a block."""

    def start(self, config: Path | None = None) -> Self:
        host, port = self.endpoint
        self.spawn(
            str(self.programs / "bin" / "monerod"),
            *("--regtest", "--fixed-difficulty=1", "--allow-local-ip", "--no-igd", "--no-zmq"),
            *("--disable-dns-checkpoints", "--check-updates=disabled", "--non-interactive"),
            *(f"--data-dir={self.folder}", f"--p2p-bind-ip={host}", f"--p2p-bind-port={port}"),
            *(f"--rpc-bind-ip={host}", f"--rpc-bind-port={self.rpc_port}"),
            *("--confirm-external-bind", "--db-sync-mode=fastest:async"),
            *([f"--config-file={config}"] if config is not None else []),
        )
        return self

    def look(self) -> Any:
        return self.rpc("get_info", path="/json_rpc")

    def mine(self) -> str:
        """The hash of a new block."""
        mined = self.rpc(
            "generateblocks", path="/json_rpc", amount_of_blocks=1, wallet_address=self.ADDRESS
        )
        return str(mined["blocks"][0])

    def outbound(self) -> int:
        return int(self.look()["outgoing_connections_count"])

    def addresses(self) -> list[str]:
        connections = self.rpc("get_connections", path="/json_rpc")["connections"]
        return [each["address"] for each in connections if not each["incoming"]]


class RunningKadisc(Client):
    """`kadisc run` at a host, with the service of the chain node there."""

    def __init__(self, name: str, host: str, scratch: Path, network: str) -> None:
        super().__init__(name, (host, UDP_PORT), scratch)
        self.network = network

    def start(
        self, *bootstrap: str, services: Sequence[str] = (), options: Sequence[str] = ()
    ) -> Self:
        """``bootstrap``: hosts."""
        self.spawn(
            *(sys.executable, "-m", "kadisc", "run", "--json", "--no-dashboard"),
            f"--bind={show(self.endpoint)}",
            f"--network={self.network}",
            f"--state-dir={self.state}",
            *(f"--bootstrap={host}:{UDP_PORT}" for host in bootstrap),
            *(f"--service={service}" for service in services),
            *options,
        )
        self.await_event("listening", START_S)
        return self

    @property
    def state(self) -> Path:
        return self.folder / "kadisc"

    @property
    def socket(self) -> Path:
        return self.state / "control.sock"

    def tell(self, *words: str) -> dict[str, Any]:
        """A command that asks this node; its document."""
        done = subprocess.run(
            [sys.executable, "-m", "kadisc", *words, f"--state-dir={self.state}", "--json"],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            env=self.environment(),
        )
        try:
            document: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise NotSeenError(f"kadisc {words[0]}: {done.stderr or done.stdout}") from None
        return document

    def peers(self, service: str = "p2p") -> list[str]:
        """The addresses of that service that `kadisc peers` gives."""
        found = self.tell("peers", self.network, "--service", service)
        return [peer["addresses"][service] for peer in found["peers"]]


class Feed(Client):
    """`kadisc feed` between a running kadisc and a chain node."""

    def start(self, kadisc: RunningKadisc, preset: str, *options: str) -> Self:
        words = (sys.executable, "-m", "kadisc", "feed", preset)
        own = ("--json", f"--network={kadisc.network}", f"--state-dir={kadisc.state}")
        self.spawn(*words, *own, *options)
        return self

    def ended(self) -> int | None:
        """Its exit code, None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def warnings(self, kind: str) -> list[str]:
        """What it warned of, of that kind; nothing before it was started."""
        if self._process is None:
            return []
        return [each["message"] for each in self.events(kind) if each["level"] == "warning"]

    def about(self, kind: str, address: str) -> list[dict[str, Any]]:
        """The events of a kind about an address."""
        return [event for event in self.events(kind) if event.get("peer") == address]


class Members(Client):
    """The nodes of `members.py`: several of a network in one process."""

    def start(self, network: str, bootstrap: str, service: str, *hosts: str) -> Self:
        words = (sys.executable, "-m", "tests.chains.members", network)
        self.spawn(*words, f"{bootstrap}:{UDP_PORT}", service, *hosts, PYTHONPATH=str(ROOT))
        self.await_event("listening", START_S)
        return self


class Decoys(Client):
    """The servers of `decoys.py`."""

    def start(self, *servers: str) -> Self:
        """Each KIND@HOST:PORT."""
        self.spawn(sys.executable, "-m", "tests.chains.decoys", *servers, PYTHONPATH=str(ROOT))
        self.await_event("listening", START_S)
        return self

    def connections(self) -> dict[str, int]:
        """How often each kind was connected to."""
        kinds = [event["kind"] for event in self.events("connection")]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}
