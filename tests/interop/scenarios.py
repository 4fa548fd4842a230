"""What happens inside the lab: python -m interop.scenarios SCENARIO SUBJECT SCRATCH PROGRAMS
LIMIT_S prints one JSON document.

A scenario is a function that starts clients, waits for what must come true, and notes when it did.
The subject is the client on trial: kadisc, or libtorrent in its place, which shows that the lab and
the other clients do what the scenario needs.

The document: {"steps": {what came true: seconds since the start}, "ids": {client: its node ID},
"replies": {client: the names of the clients that it hands out}, "find": what `kadisc find random`
printed or null, "elapsed_s"}, "queries_to_transmission" where that is counted, and what else a
scenario notes; with {"error", "logs"} when something did not come true in time, and {"unavailable":
reason} when this machine has no such network.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from ..support.child_programs import Client, show, until
from ..support.scenario_inside import end_with_parent, perform
from .clients import Kadisc, Libtorrent, Transmission
from .krpc_probe import Endpoint, Probe
from .libtorrent_node import conforming_id, conforms

JOIN_S = 60.0
ADOPT_S = 100.0  # Transmission asks one random contact every 5 to 25 s, libtorrent one every 5 s
PORT = 6881
SUBJECTS: dict[str, type[Kadisc] | type[Libtorrent]] = {"kadisc": Kadisc, "libtorrent": Libtorrent}


class NoSuchNetworkError(Exception):
    pass


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise NoSuchNetworkError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def open_network_4() -> None:
    """Globally routable addresses, so that address checks and votes are in force; 45/8 is special
    to no client.
    """
    ip("link", "set", "lo", "up")
    ip("addr", "add", "local", "45.0.0.0/8", "dev", "lo")


def open_network_6() -> None:
    ip("link", "set", "lo", "up")
    for place in range(1, 10):
        ip("-6", "addr", "add", f"{address_6(place)[0]}/128", "dev", "lo", "nodad")
    ip(
        "-6", "route", "add", "default", "dev", "lo"
    )  # Transmission uses IPv6 only where it sees a way out


def address_4(place: int, port: int = PORT) -> Endpoint:
    return f"45.{place}.2.3", port


def address_6(place: int, port: int = PORT) -> Endpoint:
    return f"2a0{place}:beef::1", port


def conforming_probe(source: Endpoint) -> Probe:
    """One that strict nodes answer too."""
    return Probe(source, conforming_id(ip_address(source[0])))


class Stage:
    """The clients of one scenario, each in a /16 (IPv6: /32) of its own, and the notes taken of
    them.
    """

    def __init__(
        self, subject: str, scratch: Path, programs: Path, address: Callable[..., Endpoint]
    ) -> None:
        self._scratch = scratch
        self._programs = programs
        self.address = address
        self._started = time.monotonic()
        self.cast: dict[str, Client] = {}
        self.seen: dict[str, Any] = {"steps": {}, "ids": {}, "replies": {}, "find": None}
        self.probe = conforming_probe(address(9, 0))
        self.subject = SUBJECTS[subject]("subject", address(1), scratch)
        self.cast["subject"] = self.subject

    def libtorrent(self, name: str, place: int) -> Libtorrent:
        client = Libtorrent(name, self.address(place), self._scratch)
        self.cast[name] = client
        return client

    def transmission(self, name: str, place: int) -> Transmission:
        client = Transmission(name, self.address(place), self._scratch, self._programs)
        self.cast[name] = client
        return client

    def note(self, step: str) -> None:
        self.seen["steps"][step] = round(time.monotonic() - self._started, 1)

    def hands_out(self, replier: Client, wanted: Client) -> bool:
        """Whether `replier` answers a search for `wanted`'s ID, asked of itself now, with that ID
        at its address.
        """
        if (
            not (replier.alive() and wanted.alive())
            or (pong := self.probe.ping(wanted.endpoint)) is None
        ):
            return False
        reply = self.probe.find_node(replier.endpoint, pong["id"])
        if reply is None:
            return False
        self.seen["ids"] |= {wanted.name: pong["id"], replier.name: reply["id"]}
        names = {client.endpoint: client.name for client in self.cast.values()}
        self.seen["replies"][replier.name] = sorted(
            names.get((node["host"], node["port"]), node["host"]) for node in reply["nodes"]
        )
        return any(
            (node["id"], node["host"], node["port"]) == (pong["id"], *wanted.endpoint)
            for node in reply["nodes"]
        )

    def await_handed_out(self, replier: Client, wanted: Client) -> None:
        step = f"{replier.name} hands out {wanted.name}"
        until(step, lambda: self.hands_out(replier, wanted), ADOPT_S)
        self.note(step)

    def await_joined(self, client: Kadisc | Libtorrent) -> None:
        client.await_joined(JOIN_S)
        self.note(f"{client.name} joined")

    def find_through(self, bootstrap: Client) -> None:
        """`kadisc find random` by a new node; all are asked for their IDs afterwards."""
        self.seen["find"] = self.subject.find(self.address(8, 0), bootstrap.endpoint)
        for client in self.cast.values():
            if pong := self.probe.ping(client.endpoint):
                self.seen["ids"][client.name] = pong["id"]
        self.note("find")


def bootstrap_of_others(stage: Stage) -> None:
    """The subject is alone, then others come who know only it: libtorrent and Transmission by their
    saved nodes, another libtorrent by a router.
    """
    subject = stage.subject.start()
    stage.note("subject listens")
    libtorrent = stage.libtorrent("libtorrent", 2).start(subject.endpoint)
    transmission = stage.transmission("transmission", 3).start(subject.endpoint)
    stage.await_handed_out(transmission, subject)
    stage.await_handed_out(libtorrent, subject)
    stage.await_handed_out(subject, transmission)
    stage.await_handed_out(subject, libtorrent)
    # libtorrent asks a router once, at its start, so it must come last; what it then knows, it has
    # from the subject alone.
    routed = stage.libtorrent("routed", 4).start(routers=(subject.endpoint,))
    stage.await_handed_out(routed, libtorrent)
    stage.find_through(subject)


def joins_by_libtorrent(stage: Stage) -> None:
    """libtorrent has been there for long; the subject knows only it."""
    libtorrent = stage.libtorrent("libtorrent", 2).start(settled=True)
    subject = stage.subject.start(libtorrent.endpoint)
    stage.await_joined(subject)
    stage.await_handed_out(libtorrent, subject)
    stage.await_handed_out(subject, libtorrent)
    stage.find_through(libtorrent)


def joins_by_transmission(stage: Stage) -> None:
    """Transmission is there, the subject knows only it. No probe is sent to Transmission before it
    has heard from the subject: it would remember the probe as well, and ask whichever of the two
    chance picks.
    """
    transmission = stage.transmission("transmission", 3).start()
    subject = stage.subject.start(transmission.endpoint)
    stage.await_joined(subject)
    until("transmission queries the subject and is answered", transmission.answers, ADOPT_S)
    stage.note("transmission was answered")
    stage.seen["queries_to_transmission"] = transmission.queries()
    stage.await_handed_out(transmission, subject)
    stage.await_handed_out(subject, transmission)
    stage.find_through(transmission)


OURS, THEIRS = (
    "0123456789abcdef0123456789abcdef01234567",
    "fedcba9876543210fedcba9876543210fedcba98",
)


def shares_peers(stage: Stage) -> None:
    """A peer that the subject's program announces is found by libtorrent, and the reverse.
    Libtorrent in its place does both itself.
    """
    router = stage.libtorrent("router", 2).start(settled=True)
    seeker = stage.libtorrent("seeker", 3).start(router.endpoint, settled=True, finds=OURS)
    owner = stage.libtorrent("owner", 4).start(
        router.endpoint, settled=True, announces=f"{THEIRS}:5555"
    )
    for client in (seeker, owner):
        stage.await_joined(client)
    subject = stage.subject
    if isinstance(subject, Libtorrent):
        subject.start(router.endpoint, settled=True, announces=f"{OURS}:4444", finds=THEIRS)
        announcer = subject.endpoint[0]
        subject.await_peer((owner.endpoint[0], 5555), JOIN_S)
    else:
        announcer = stage.address(7)[0]
        done = subject.ask(
            "announce",
            OURS,
            "--port=4444",
            f"--bind={show((announcer, 0))}",
            f"--bootstrap={show(router.endpoint)}",
        )
        stage.seen["announced"] = json.loads(done.stdout or "{}") | {"said": done.stderr}
        stage.note("subject announced")

        def look() -> bool:
            done = subject.ask(
                "peers",
                THEIRS,
                f"--bind={show(stage.address(8, 0))}",
                f"--bootstrap={show(router.endpoint)}",
            )
            stage.seen["peers"] = json.loads(done.stdout or "{}") | {"said": done.stderr}
            return done.returncode == 0

        until("the subject finds the peer that libtorrent announces", look, JOIN_S)
    stage.note("subject found")
    seeker.await_peer((announcer, 4444), JOIN_S)
    stage.note("libtorrent found")


OURS_TEXT, THEIRS_TEXT = "from the subject", "from libtorrent"
OUR_SEED, THEIR_SEED, SALT = "11" * 32, "22" * 32, "salt"


def target_of(text: str) -> str:
    return hashlib.sha1(b"%d:%b" % (len(text), text.encode())).hexdigest()


def mutable_target_of(key: str) -> str:
    return hashlib.sha1(bytes.fromhex(key) + SALT.encode()).hexdigest()


def shares_items(stage: Stage) -> None:
    """Items that the subject puts are got by libtorrent, and the reverse, immutable and mutable
    (BEP 44); each also stores for the others.
    """
    their_key = bytes(SigningKey(bytes.fromhex(THEIR_SEED)).verify_key).hex()
    router = stage.libtorrent("router", 2).start(settled=True)
    subject = stage.subject
    if isinstance(subject, Libtorrent):
        our_key = bytes(SigningKey(bytes.fromhex(OUR_SEED)).verify_key).hex()
        wanted = (f"--get={target_of(THEIRS_TEXT)}", f"--get-mutable={their_key}:{SALT}")
        subject.start(
            router.endpoint,
            settled=True,
            items=(
                f"--put={OURS_TEXT}",
                f"--put-mutable={OUR_SEED}:{SALT}:{OURS_TEXT} too",
                *wanted,
            ),
        )
    else:
        subject.start(router.endpoint)
        stage.await_joined(subject)
        our_key = json.loads(subject.tell("status").stdout)["public_key"]
    owner = stage.libtorrent("owner", 4)
    owner.start(
        router.endpoint,
        settled=True,
        items=(f"--put={THEIRS_TEXT}", f"--put-mutable={THEIR_SEED}:{SALT}:{THEIRS_TEXT} too"),
    )
    stage.await_joined(owner)
    owner.await_put(2, JOIN_S)
    stage.note("libtorrent put")
    if isinstance(subject, Kadisc):
        puts = [
            subject.tell("put", OURS_TEXT),
            subject.tell("put", f"{OURS_TEXT} too", "--mutable", f"--salt={SALT}"),
        ]
        stage.seen["puts"] = [
            json.loads(done.stdout or "{}") | {"said": done.stderr} for done in puts
        ]
        stage.note("subject put")
    items = (f"--get={target_of(OURS_TEXT)}", f"--get-mutable={our_key}:{SALT}")
    getter = stage.libtorrent("getter", 5).start(router.endpoint, settled=True, items=items)
    stage.seen["libtorrent_got"] = [
        getter.await_item(OURS_TEXT, JOIN_S),
        getter.await_item(f"{OURS_TEXT} too", JOIN_S),
    ]
    stage.note("libtorrent got")
    if isinstance(subject, Libtorrent):
        stage.seen["subject_got"] = [
            subject.await_item(THEIRS_TEXT, JOIN_S),
            subject.await_item(f"{THEIRS_TEXT} too", JOIN_S),
        ]
    else:
        # A node of the moment, which holds nothing itself.
        there = (f"--bind={show(stage.address(8, 0))}", f"--bootstrap={show(router.endpoint)}")
        gets = [
            subject.ask("get", target_of(THEIRS_TEXT), *there),
            subject.ask("get", mutable_target_of(their_key), f"--salt={SALT}", *there),
        ]
        stage.seen["subject_got"] = [
            json.loads(done.stdout or "{}") | {"said": done.stderr} for done in gets
        ]
        stage.seen["counters"] = json.loads(subject.tell("status").stdout)["counters"]
    stage.note("subject got")
    for target in (target_of(THEIRS_TEXT), mutable_target_of(their_key)):
        reply = stage.probe.ask("get", subject.endpoint, target=bytes.fromhex(target))
        stage.seen.setdefault("subject_stores", []).append(reply is not None and reply["has_item"])


def agrees_on_its_address(stage: Stage) -> None:
    """The subject listens everywhere and knows nothing of its address. Libtorrents tell it, and a
    strict one hands it out afterwards.
    """
    ip(
        "route",
        "replace",
        "local",
        "45.0.0.0/8",
        "dev",
        "lo",
        "table",
        "local",
        "src",
        stage.address(1)[0],
    )  # the way out of who listens everywhere
    router = stage.libtorrent("router", 2).start(settled=True)
    others = [
        stage.libtorrent(f"other{place}", place).start(router.endpoint, settled=True)
        for place in (3, 4)
    ]
    strict = stage.libtorrent("strict", 5).start(router.endpoint, settled=True, strict=True)
    for client in (*others, strict):
        stage.await_joined(client)
    subject, here = stage.subject, stage.address(1, 7881)
    subject.endpoint = here
    with conforming_probe((here[0], 0)) as probe:
        pong = probe.ping(router.endpoint)
        stage.seen["libtorrent_says"] = pong and pong["seen_as"] and pong["seen_as"][0]
    if isinstance(subject, Libtorrent):
        subject.start(router.endpoint, settled=True)
    else:
        subject.start(
            router.endpoint, bind="0.0.0.0:7881", config="[core.address]\nfirst_voters = 3\n"
        )
        event = subject.await_event("address_changed", JOIN_S)
        stage.seen["subject_says"] = event
        stage.note("subject knows its address")
    stage.await_handed_out(strict, subject)
    stage.seen["conforms"] = conforms(
        bytes.fromhex(stage.seen["ids"]["subject"]), ip_address(here[0])
    )


SOURCES = [f"45.{place}.7.1" for place in range(21, 29)] + [
    f"45.30.7.{host}" for host in range(1, 57)
]
FAULTS_OF_LIBTORRENT = ("announce-port-0", "silent-queriers", "address-votes")
FAULTS_OF_TRANSMISSION = (
    "tid-long",
    "token-other-hash",
    "unsolicited-pong",
    "constant-tids",
    "claimed-id",
)


def conformance(stage: Stage, target: Client, cases: tuple[str, ...]) -> None:
    """What `kadisc conformance` says of it. Faster than usual: so few cases are no 50 messages in
    10 s from one address.
    """
    words = [f"--source={source}" for source in SOURCES] + [f"--case={case}" for case in cases]
    asker = Kadisc("conformance", stage.address(8), target.folder)
    done = asker.ask("conformance", show(target.endpoint), "--destructive", "--rate=20", *words)
    stage.seen["conformance"] = json.loads(done.stdout or "{}") | {
        "said": done.stderr,
        "code": done.returncode,
    }
    stage.note("judged")


def is_judged(stage: Stage) -> None:
    """The subject has a neighbour, so that somebody has told it its address and there is somebody
    to hand out.
    """
    router = stage.libtorrent("router", 2).start(settled=True)
    stage.subject.start(router.endpoint)
    stage.await_joined(stage.subject)
    conformance(stage, stage.subject, FAULTS_OF_LIBTORRENT + FAULTS_OF_TRANSMISSION)


def transmission_is_judged(stage: Stage) -> None:
    """Among others whom it has asked, so that there are some to hand out."""
    others = [stage.libtorrent(f"other{place}", place).start(settled=True) for place in (2, 4)]
    transmission = stage.transmission("transmission", 3).start(
        *(other.endpoint for other in others)
    )
    until("transmission is answered", transmission.answers, ADOPT_S)
    conformance(stage, transmission, FAULTS_OF_TRANSMISSION)


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    scenario.__name__: scenario
    for scenario in (
        bootstrap_of_others,
        joins_by_libtorrent,
        joins_by_transmission,
        shares_peers,
        shares_items,
        agrees_on_its_address,
        is_judged,
        transmission_is_judged,
    )
}


def play(name: str, subject: str, scratch: Path, programs: Path, limit_s: float) -> dict[str, Any]:
    """`name` is a scenario and the family of addresses it runs on: joins_by_libtorrent/6."""
    scenario, _, family = name.partition("/")
    started = time.monotonic()
    try:
        (open_network_6 if family == "6" else open_network_4)()
    except NoSuchNetworkError as error:
        return {"unavailable": str(error)}
    stage = Stage(subject, scratch, programs, address_6 if family == "6" else address_4)
    failure = perform(lambda: SCENARIOS[scenario](stage), limit_s)
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
    name, subject, scratch, programs, limit_s = sys.argv[1:]
    end_with_parent()
    print(
        json.dumps(play(name, subject, Path(scratch), Path(programs), float(limit_s))), flush=True
    )
    os._exit(0)  # whatever thread is left


if __name__ == "__main__":
    main()
