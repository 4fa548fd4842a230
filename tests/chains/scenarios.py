"""What happens inside the lab: python -m tests.chains.scenarios SCENARIO SCRATCH PROGRAMS LIMIT_S
prints one JSON document.

A scenario is a function that starts programs, waits for what must come true, and notes when it did.

The document: {"steps": {what came true: seconds since the start}, "elapsed_s", and what else a
scenario notes}; with {"error", "logs"} when something did not come true in time.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..support.child_programs import Client, until
from ..support.scenario_inside import end_with_parent, perform
from .programs import (
    Bcoin,
    Decoys,
    EthereumJs,
    Feed,
    Handshake,
    Litecoin,
    Members,
    Monero,
    RunningKadisc,
)

CONNECT_S = 100.0
A, B, C = "45.10.0.1", "45.20.0.1", "45.30.0.1"
BESIDE_B = "45.20.0.9"
QUICK = ("--look-every=2", "--down-after=6")


class ChainStage:
    """The programs of one scenario, and the notes taken of them."""

    def __init__(self, scratch: Path, programs: Path) -> None:
        self.scratch = scratch
        self.programs = programs
        self._started = time.monotonic()
        self.cast: dict[str, Client] = {}
        self.seen: dict[str, Any] = {"steps": {}}

    def note(self, step: str) -> float:
        at = round(time.monotonic() - self._started, 1)
        self.seen["steps"][step] = at
        return at

    def litecoin(self, name: str, host: str, port: int = 9333) -> Litecoin:
        node = Litecoin(name, (host, port), self.scratch, self.programs)
        self.cast[name] = node
        return node

    def kadisc(self, name: str, host: str, network: str) -> RunningKadisc:
        node = RunningKadisc(name, host, self.scratch, network)
        self.cast[name] = node
        return node

    def feed(self, name: str) -> Feed:
        feed = Feed(name, ("", 0), self.scratch)
        self.cast[name] = feed
        return feed


def litecoin_options(node: Litecoin) -> tuple[str, ...]:
    return (f"--rpc={node.rpc_url}", f"--rpc-cookie={node.cookie}", "--chain=ltc-regtest")


def connects_litecoin(stage: ChainStage) -> None:
    connects_and_dies(stage, *QUICK)


def keeps_real_timers(stage: ChainStage) -> None:
    connects_and_dies(stage)


def connects_and_dies(stage: ChainStage, *timers: str) -> None:
    """Two Litecoin nodes that know nobody, each with its kadisc and its feed; then one dies."""
    sides = {}
    for name, host, other in (("a", A, B), ("b", B, A)):
        chain = stage.litecoin(f"litecoin-{name}", host).start(waits=name == "a")
        kadisc = stage.kadisc(f"kadisc-{name}", host, "ltc").start(other, services=["p2p=9333"])
        if name == "b":
            stage.note("second started")
        feed = stage.feed(f"feed-{name}").start(
            kadisc, "bitcoin", *litecoin_options(chain), "--advertise=p2p", *timers
        )
        sides[name] = (chain, kadisc, feed)
    (chain_a, _, feed_a), (chain_b, kadisc_b, feed_b) = sides["a"], sides["b"]
    chain_b.await_start()
    until(
        "one is connected to the other",
        lambda: f"{A}:9333" in chain_b.outbound() or f"{B}:9333" in chain_a.outbound(),
        CONNECT_S,
    )
    stage.note("connected")
    until(
        "a verdict",
        lambda: feed_a.about("connected", f"{B}:9333") or feed_b.about("connected", f"{A}:9333"),
        CONNECT_S,
    )
    anybody = chain_a.rpc("getdescriptorinfo", "raw(51)")["descriptor"]
    mined = chain_a.rpc("generatetodescriptor", 1, anybody)[0]
    until("the block", lambda: chain_b.rpc("getbestblockhash") == mined, CONNECT_S)
    stage.note("block")
    assert f"{A}:9333" in kadisc_b.peers()
    chain_a.kill()
    stage.note("killed")
    until("A is gone", lambda: f"{A}:9333" not in kadisc_b.peers(), 150.0, every_s=1.0)
    stage.note("gone")
    chain_a.start()
    stage.note("restarted")
    until("A is back", lambda: f"{A}:9333" in kadisc_b.peers(), 150.0, every_s=1.0)
    stage.note("back")
    stage.seen["feed"] = {
        name: [event["event"] for event in map(json.loads, lines(feed))]
        for name, (_, _, feed) in sides.items()
    }


def recovers_litecoin(stage: ChainStage) -> None:
    """A feed between nodes that fail one after the other: the password of the RPC is wrong, the
    chain node dies, the running node is restarted, the control socket is gone. Then a peer comes.
    """
    own = stage.litecoin("litecoin-a", A).start(waits=False)
    kadisc = stage.kadisc("kadisc-a", A, "ltc").start(services=["p2p=9333"])
    own.await_start()
    cookie = stage.scratch / "cookie"
    cookie.write_text("__cookie__:wrong")
    options = (f"--rpc={own.rpc_url}", f"--rpc-cookie={cookie}", "--chain=ltc-regtest", *QUICK)
    feed = stage.feed("feed")
    told: dict[str, list[str]] = {}
    stage.seen["told"] = told

    def fails(what: str, kind: str, harm: Callable[[], object]) -> None:
        """Waits for the warning, and for others after it, of which there should be none."""
        before = len(feed.warnings(kind))
        harm()
        until(what, lambda: len(feed.warnings(kind)) > before, CONNECT_S)
        stage.note(f"{what}: told")
        time.sleep(3.0)
        told[what] = feed.warnings(kind)[before:]

    def recovers(what: str, kind: str, mend: Callable[[], object]) -> None:
        def good() -> int:
            return len(feed.events(kind)) - len(feed.warnings(kind))

        before = good()
        mend()
        stage.note(f"{what}: mended")
        until(f"{what} is there again", lambda: good() > before, CONNECT_S, every_s=0.1)
        stage.note(f"{what}: recovered")

    def right_cookie() -> None:
        cookie.unlink()
        cookie.symlink_to(own.cookie)

    fails(
        "password",
        "chain",
        lambda: feed.start(kadisc, "bitcoin", *options, "--advertise=p2p"),
    )
    recovers("password", "chain", right_cookie)
    fails("chain node", "chain", own.kill)
    recovers("chain node", "chain", own.start)
    fails("running node", "node", kadisc.stop)
    recovers("running node", "node", lambda: kadisc.start(services=["p2p=9333"]))
    away = kadisc.socket.with_name("away.sock")
    fails("control socket", "node", lambda: kadisc.socket.rename(away))
    recovers("control socket", "node", lambda: away.rename(kadisc.socket))

    stage.litecoin("litecoin-b", B).start()
    stage.kadisc("kadisc-b", B, "ltc").start(A, services=["p2p=9333"])
    until("connected", lambda: feed.about("connected", f"{B}:9333"), CONNECT_S)
    stage.note("connected")
    stage.seen["code"] = feed.ended()
    stage.seen["transcript"] = lines(feed)


def lines(feed: Feed) -> list[str]:
    return (feed.folder / "stdout").read_text().splitlines()


DECOYS = {
    "http": "45.31.0.1",
    "silent": "45.32.0.1",
    "closing": "45.33.0.1",
    "babbling": "45.34.0.1",
    "nobody": "45.35.0.1",
    "mainnet": "45.36.0.1",
    "full": "45.37.0.1",
}


def judges_decoys(stage: ChainStage) -> None:
    """A sound node and seven that are not, each advertised by a sound kadisc."""
    servers = [
        f"{kind}@{host}:9333"
        for kind, host in DECOYS.items()
        if kind in ("http", "silent", "closing", "babbling")
    ]
    decoys = Decoys("decoys", ("", 0), stage.scratch)
    stage.cast["decoys"] = decoys
    decoys.start(*servers)
    own = stage.litecoin("litecoin-own", A).start(waits=False)
    stage.litecoin("litecoin-sound", B).start(waits=False)
    stage.litecoin("litecoin-mainnet", DECOYS["mainnet"]).start(chain="main", waits=False)
    full = stage.litecoin("litecoin-full", DECOYS["full"])
    full.start("-maxconnections=8", waits=False)
    kadisc = stage.kadisc("kadisc-own", A, "ltc").start(services=["p2p=9333"])
    members = Members("members", ("", 0), stage.scratch)
    stage.cast["members"] = members
    members.start("ltc", A, "p2p=9333", B, *DECOYS.values())
    for name in ("own", "sound", "mainnet", "full"):
        chain = stage.cast[f"litecoin-{name}"]
        assert isinstance(chain, Litecoin)
        chain.await_start()
    stage.note("started")
    feed = stage.feed("feed").start(kadisc, "bitcoin", *litecoin_options(own))

    def verdicts() -> dict[str, str]:
        return {
            kind: event["verdict"]
            for kind, host in DECOYS.items()
            for event in feed.about("refused", f"{host}:9333")
        }

    until("all are judged", lambda: len(verdicts()) == len(DECOYS), CONNECT_S)
    stage.note("judged")
    until("the sound one", lambda: f"{B}:9333" in own.outbound(), CONNECT_S)
    stage.note("connected")
    stage.seen["verdicts"] = verdicts()
    stage.seen["words"] = [event["message"] for event in feed.events("refused")]
    stage.seen["given"] = sorted(kadisc.peers())
    time.sleep(10.0)
    stage.seen["offered"] = [event["peer"] for event in feed.events("offered")]
    stage.seen["tried"] = len(feed.events("refused"))
    stage.seen["connections"] = decoys.connections()


def connects_handshake(stage: ChainStage) -> None:
    """Two hsd nodes; one has a feed."""
    nodes = [
        Handshake(name, (host, 14038), stage.scratch, stage.programs).start()
        for name, host in (("hsd-a", A), ("hsd-b", B))
    ]
    stage.cast |= {node.name: node for node in nodes}
    kadisc_a = stage.kadisc("kadisc-a", A, "hns").start(services=["p2p=14038"])
    stage.kadisc("kadisc-b", B, "hns").start(A, services=["p2p=14038"])
    for node in nodes:
        node.await_start()
    stage.note("started")
    feed = stage.feed("feed").start(kadisc_a, "handshake", f"--rpc={nodes[0].rpc_url}")
    until("connected", lambda: f"{B}:14038" in nodes[0].outbound(), CONNECT_S)
    stage.note("connected")
    until("a verdict", lambda: feed.about("connected", f"{B}:14038"), CONNECT_S)
    mined = nodes[1].rpc("generatetoaddress", 1, Handshake.ADDRESS)[0]
    until("the block", lambda: nodes[0].rpc("getbestblockhash") == mined, CONNECT_S)
    stage.note("block")
    stage.seen["events"] = lines(feed)


def connects_bcoin(stage: ChainStage) -> None:
    """Three bcoin nodes. One has a feed of the preset, which shakes hands as Bitcoin does; another
    has one that is told by options alone how its RPC is asked. The third is at another host than
    its kadisc, as in a container of its own. They pass addresses on, so that the last one comes
    when the others are connected.
    """
    nodes = {
        name: Bcoin(f"bcoin-{name}", (host, 48444), stage.scratch, stage.programs).start()
        for name, host in (("a", A), ("b", BESIDE_B), ("c", C))
    }
    stage.cast |= {node.name: node for node in nodes.values()}
    for node in nodes.values():
        node.await_start()
    stage.note("started")
    handshake = ("--check=handshake", "--chain=btc-regtest", "--look-every=2")
    place = f"{BESIDE_B}:48444"
    stage.kadisc("kadisc-b", B, "btc").start(services=[f"p2p={place}"])
    kadisc_c = stage.kadisc("kadisc-c", C, "btc").start(B, services=["p2p=48444"])
    by_options = stage.feed("feed-c").start(
        kadisc_c,
        "jsonrpc",
        *(f"--rpc={nodes['c'].rpc_url}", "--method=addnode", '--params=["{address}", "onetry"]'),
        *("--peers-method=getpeerinfo", "--peers-address=addr", "--want=1", *handshake),
    )
    until("connected", lambda: by_options.about("connected", place), CONNECT_S)
    stage.note("connected by jsonrpc")
    kadisc_a = stage.kadisc("kadisc-a", A, "btc").start(B, services=["p2p=48444"])
    by_preset = stage.feed("feed-a").start(
        kadisc_a, "handshake", f"--rpc={nodes['a'].rpc_url}", *handshake
    )
    until("connected", lambda: by_preset.events("connected"), CONNECT_S)
    stage.note("connected by the preset")
    mined = nodes["b"].rpc("generatetoaddress", 1, Bcoin.ADDRESS)[0]
    until(
        "the block",
        lambda: all(nodes[name].rpc("getbestblockhash") == mined for name in ("a", "c")),
        CONNECT_S,
    )
    stage.note("block")
    stage.seen["outbound"] = nodes["c"].outbound()
    stage.seen["words"] = [
        event["message"] for feed in (by_options, by_preset) for event in feed.events("offered")
    ]


def connects_ethereumjs(stage: ChainStage) -> None:
    """Two EthereumJS nodes; one has a feed."""
    nodes = [
        EthereumJs(name, endpoint, stage.scratch, stage.programs).start()
        for name, endpoint in (("eth-a", (A, 30303)), ("eth-b", (B, 30304)))
    ]
    stage.cast |= {node.name: node for node in nodes}
    kadisc_a = stage.kadisc("kadisc-a", A, "sepolia").start(services=["p2p=30303"])
    stage.kadisc("kadisc-b", B, "sepolia").start(A, services=["p2p=30304"])
    for node in nodes:
        node.await_start()
    stage.note("started")
    feed = stage.feed("feed").start(kadisc_a, "ethereumjs", f"--rpc={nodes[0].rpc_url}")
    until("connected", lambda: f"{B}:30304" in nodes[0].connected(), CONNECT_S)
    stage.note("connected")
    until("a verdict", lambda: feed.about("connected", f"{B}:30304"), CONNECT_S)
    stage.seen["events"] = lines(feed)


def connects_monero(stage: ChainStage) -> None:
    """monerod takes peers when it starts alone, from a file that the feed writes before."""
    other = Monero("monero-b", (B, 18080), stage.scratch, stage.programs).start()
    own = Monero("monero-a", (A, 18080), stage.scratch, stage.programs)
    stage.cast |= {other.name: other, own.name: own}
    kadisc = stage.kadisc("kadisc-a", A, "xmr").start()
    stage.kadisc("kadisc-b", B, "xmr").start(A, services=["p2p=18080"])
    other.await_start()
    stage.note("started")
    peers = stage.scratch / "peers.conf"
    text = "--format=add-priority-node={address}"
    feed = stage.feed("feed").start(kadisc, "file", f"--out={peers}", text, "--want=1", "--once")
    until("the feed ends", lambda: feed.ended() is not None, CONNECT_S)
    stage.seen["code"], stage.seen["file"] = feed.ended(), peers.read_text()
    stage.note("written")
    own.start(peers).await_start()
    until("connected", lambda: own.outbound() == 1, CONNECT_S)
    stage.note("connected")
    stage.seen["peers"] = own.addresses()
    mined = other.mine()
    until("the block", lambda: own.look()["top_block_hash"] == mined, CONNECT_S)
    stage.note("block")


NEED_NPM = ("connects_handshake", "connects_bcoin", "connects_ethereumjs")
SCENARIOS: dict[str, Callable[[ChainStage], None]] = {
    scenario.__name__: scenario
    for scenario in (
        connects_litecoin,
        keeps_real_timers,
        recovers_litecoin,
        judges_decoys,
        connects_handshake,
        connects_bcoin,
        connects_ethereumjs,
        connects_monero,
    )
}


def play(name: str, scratch: Path, programs: Path, limit_s: float) -> dict[str, Any]:
    started = time.monotonic()
    for words in ("link set lo up", "addr add local 45.0.0.0/8 dev lo"):
        done = subprocess.run(["ip", *words.split()], capture_output=True, text=True)
        if done.returncode != 0:
            return {"unavailable": f"ip {words}: {done.stderr.strip()}"}
    if name in NEED_NPM and not (programs / "npm" / "bin").exists():
        return {
            "unavailable": "npm did not bring hsd, bcoin and ethereumjs; see scripts/chain-nodes"
        }
    stage = ChainStage(scratch, programs)
    failure = perform(lambda: SCENARIOS[name](stage), limit_s)
    document = stage.seen | {"elapsed_s": round(time.monotonic() - started, 1)}
    if failure:
        document |= {
            "error": failure,
            "logs": {client.name: client.log_tail() for client in stage.cast.values()},
        }
    for client in stage.cast.values():
        client.stop()
    return document


def main() -> None:
    name, scratch, programs, limit_s = sys.argv[1:]
    end_with_parent()
    print(json.dumps(play(name, Path(scratch), Path(programs), float(limit_s))), flush=True)
    os._exit(0)  # whatever thread is left


if __name__ == "__main__":
    main()
