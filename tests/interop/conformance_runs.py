"""``kadisc conformance`` against other implementations, each in a network namespace of its own: the
runs of docs/explanation/conformance.md.

::

    python -m tests.interop.conformance_runs kadisc libtorrent transmission aria2 --into FOLDER
    python -m tests.interop.conformance_runs bittorrent-dht --npm FOLDER --into FOLDER

``--npm`` is a folder in which ``npm install bittorrent-dht`` was run. Each run writes NAME.json and
prints what did not pass. Every address of 45.0.0.0/8 is at home there; the client under test is at
45.1.2.3:6881 and knows two libtorrents.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ..support.child_programs import Client, until
from ..support.namespaces import ENVIRONMENT, NAMESPACES
from .clients import Kadisc, Libtorrent, Transmission
from .lab import fetch_clients

TARGET = ("45.1.2.3", 6881)
FRIENDS = (("45.2.2.3", 6891), ("45.3.2.3", 6891))
"""At a port of their own: aria2 binds its port on all addresses."""
SET_UP = (
    "ip link set lo up",
    "ip addr add 45.1.2.3/32 dev lo",
    # What binds no address answers from that of the client under test.
    "ip route add local 45.0.0.0/8 dev lo src 45.1.2.3",
)
SOURCES = (
    *(f"45.{place}.7.1" for place in range(21, 29)),
    *(f"45.40.{place}.1" for place in range(1, 41)),
    *(f"45.30.7.{place}" for place in range(1, 57)),
)
SETTLE_S = 30.0
"""For the client to have met both libtorrents."""
START_S = 30.0
MODULE_SCRIPT = """
import crypto from 'node:crypto';
import { pathToFileURL } from 'node:url';
const place = process.argv[2] + '/node_modules/bittorrent-dht/index.js';
const { Client } = await import(pathToFileURL(place));
const head = Buffer.from('302a300506032b6570032100', 'hex');
const verify = (signature, text, key) =>
  crypto.verify(
    null, text, { key: Buffer.concat([head, key]), format: 'der', type: 'spki' }, signature);
const dht = new Client({ bootstrap: ['45.2.2.3:6891', '45.3.2.3:6891'], verify });
dht.listen(6881, '45.1.2.3', () => console.log('listening'));
dht.on('error', (error) => console.log(String(error)));
"""


class Aria2(Client):
    """aria2c with a download that never ends, without which it opens no DHT."""

    program = ""

    def start(self) -> None:
        self.spawn(
            self.program,
            "--enable-dht=true",
            "--dht-listen-port=6881",
            "--listen-port=6882",
            f"--dht-file-path={self.folder}/dht.dat",
            f"--dht-entry-point={FRIENDS[0][0]}:{FRIENDS[0][1]}",
            f"--dir={self.folder}",
            "--bt-stop-timeout=0",
            f"magnet:?xt=urn:btih:{'5a' * 20}",
        )


class BittorrentDht(Client):
    """The package of that name from npm."""

    npm = ""

    def start(self) -> None:
        script = self.folder / "node.mjs"
        script.write_text(MODULE_SCRIPT)
        self.spawn("node", str(script), self.npm)
        until("listening", lambda: "listening" in (self.folder / "stdout").read_text(), START_S)


def start(name: str, scratch: Path, npm: str) -> Client:
    """Starts the client under test, which knows two libtorrents."""
    for number, endpoint in enumerate(FRIENDS):
        Libtorrent(f"friend{number}", endpoint, scratch).start(*FRIENDS[:number])
    if name == "kadisc":
        client: Client = Kadisc(name, TARGET, scratch).start(*FRIENDS)
    elif name == "libtorrent":
        client = Libtorrent(name, TARGET, scratch).start(*FRIENDS)
    elif name == "transmission":
        client = Transmission(name, TARGET, scratch, fetch_clients()).start(*FRIENDS)
    elif name == "aria2":
        client = Aria2(name, TARGET, scratch)
        client.program = str(fetch_clients() / "bin" / "aria2c")
        client.start()
    else:
        client = BittorrentDht(name, TARGET, scratch)
        client.npm = npm
        client.start()
    return client


def inside(name: str, npm: str, cases: list[str]) -> None:
    """Part of the run that is in the namespace: prints the document."""
    for command in SET_UP:
        subprocess.run(command.split(), check=True, env=ENVIRONMENT)
    with tempfile.TemporaryDirectory() as scratch:
        client = start(name, Path(scratch), npm)
        time.sleep(SETTLE_S)
        sources = [word for source in SOURCES for word in ("--source", source)]
        chosen = [word for case in cases for word in ("--case", case)]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "kadisc", "conformance", "45.1.2.3:6881"),
                *("--destructive", "--timeout", "1", "--json"),
                *sources,
                *chosen,
            ],
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, 1) or '"target"' not in done.stdout:
            said = [(client.folder / each).read_text()[-2000:] for each in ("stdout", "stderr")]
            print(done.stderr, *said, file=sys.stderr)
        print(done.stdout)


def told(document: dict, say: Callable[[str], None] = print) -> None:  # type: ignore[type-arg]
    say(f"{document['target']}  {document['client'] or 'no client version'}  {document['id']}")
    for case in document["cases"]:
        if case["outcome"] != "pass":
            outcome = case["outcome"].upper()
            say(f"{case['name']:<22} {outcome:<7}  {case['source']:<8}  {case['evidence']}")
    numbers = ", ".join(
        f"{document[key]} {key}" for key in ("passed", "warned", "failed", "skipped")
    )
    say(
        f"{numbers}; {document['datagrams_sent']} datagrams ({document['bytes_sent']} bytes) sent, "
        f"{document['datagrams_received']} received, in {document['elapsed_s']:.1f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = ("kadisc", "libtorrent", "transmission", "aria2", "bittorrent-dht")
    parser.add_argument("names", nargs="+", choices=names)
    parser.add_argument("--into", type=Path, default=Path.cwd())
    parser.add_argument("--npm", default="")
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.names[0], options.npm, options.case)
        return
    for name in options.names:
        chosen = [word for case in options.case for word in ("--case", case)]
        done = subprocess.run(
            [
                *(*NAMESPACES, sys.executable, "-m", "tests.interop.conformance_runs", name),
                *("--inside", "--npm", options.npm, *chosen),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        document = json.loads(done.stdout or "{}")
        if "target" not in document:
            print(f"== {name}: {document}", flush=True)
            continue
        (options.into / f"{name}.json").write_text(json.dumps(document, indent=1))
        print(f"== {name}")
        told(document)
        print(flush=True)


if __name__ == "__main__":
    main()
