"""The soak, inside of its namespace: python -m tests.soak.scenario soak MINUTES PROMETHEUS SCRATCH
CHAIN_NODES LIMIT_S prints one JSON document.

40 nodes of a network in /16s of their own: six `kadisc run`, each a process with metrics and a
state folder, and 34 in two processes. Two of the six stand beside Litecoin nodes, each with its
`kadisc feed`. Prometheus scrapes the six with the rules of `ops/`; `kadisc watch` draws one of them
on a terminal, with another view from time to time, and a second one prints JSON.

The document: ``memory`` by process: kB resident after the warm-up and at the end, and the share
that came in between; ``alerts``: the worst state of each; ``repeated``: lines of a log that came
more than 5 times in a minute, without their times; ``busiest``: for each event and reason the most
lines in one minute after the warm-up; ``watched``: what the watchers read; ``cpu``: shares of a
core.
"""

import contextlib
import fcntl
import json
import os
import pty
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..chains.programs import ROOT, Feed, Litecoin, Members, RunningKadisc
from ..support.child_programs import Client, until
from ..support.scenario_inside import end_with_parent, perform

NODES, SINGLE = 40, 6
NETWORK = "soak"
WARM_UP_S = 600.0
"""Until then caches fill: growth counts from there on."""
EDGE_S = 120.0
"""The memory after the warm-up and at the end is the median of so long."""
SAMPLE_S = 5.0
MAX_SAME_LINES = 5
STATES = ("inactive", "pending", "firing")


def host(number: int) -> str:
    return f"45.{10 + number}.0.1"


def metrics_address(number: int) -> str:
    return f"127.0.0.1:{9500 + number}"


class Reader:
    """Reads what a program writes, and keeps nothing but counts of it."""

    def __init__(self, file: int) -> None:
        self.bytes = 0
        self.lines = 0
        self._file = file
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other side of a terminal is closed
            while chunk := os.read(self._file, 65536):
                self.bytes += len(chunk)
                self.lines += chunk.count(b"\n")


class Watcher(Client):
    """`kadisc watch` of a node: on a terminal, or as JSON."""

    reader: Reader
    _terminal: int | None = None

    def start(self, kadisc: RunningKadisc, *, in_json: bool) -> None:
        words = [sys.executable, "-P", "-m", "kadisc", "watch", f"--state-dir={kadisc.state}"]
        environment = self.environment() | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        if in_json:
            process = subprocess.Popen(
                [*words, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=environment,
            )
            assert process.stdout is not None
            self.reader = Reader(process.stdout.fileno())
        else:
            self._terminal, theirs = pty.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
            process = subprocess.Popen(
                words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
            )
            os.close(theirs)
            self.reader = Reader(self._terminal)
        self.adopt(process)

    def press(self, key: str) -> None:
        if self._terminal is not None:
            os.write(self._terminal, key.encode())


class Prometheus(Client):
    def start(self, programs: Path) -> None:
        rules = ROOT / "ops" / "prometheus" / "kadisc.rules.yml"
        targets = [metrics_address(number) for number in range(SINGLE)]
        config = {
            "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "kadisc", "static_configs": [{"targets": targets}]}],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        self.spawn(
            str(programs / "bin" / "prometheus"),
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            "--web.listen-address=127.0.0.1:9490",
        )
        until("Prometheus answers", lambda: self.up() == SINGLE, 120.0)

    def up(self) -> int:
        """How many nodes it could scrape last."""
        found = self._ask("/api/v1/query?query=sum(up)")
        return int(found["result"][0]["value"][1]) if found["result"] else 0

    def alerts(self) -> dict[str, str]:
        """The worst state of each alert, by name and node."""
        found: dict[str, str] = {}
        for each in self._ask("/api/v1/alerts").get("alerts", ()):
            labels = each["labels"]
            name = f"{labels['alertname']} {labels.get('instance', '')}"
            found[name] = max(found.get(name, STATES[0]), each["state"], key=STATES.index)
        return found

    def _ask(self, path: str) -> dict[str, Any]:
        self.alive()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:9490{path}", timeout=30) as answer:
                data: dict[str, Any] = json.load(answer)["data"]
        except OSError:
            return {"result": []}
        return data


class Soak:
    """``programs``: the chain nodes."""

    def __init__(self, scratch: Path, programs: Path, prometheus: Path, minutes: float) -> None:
        self._scratch = scratch
        self._programs = programs
        self._prometheus_programs = prometheus
        self._length_s = 60.0 * minutes
        self._warm_up_s = min(WARM_UP_S, self._length_s / 3)
        self._edge_s = min(EDGE_S, self._length_s / 6)
        self.cast: dict[str, Client] = {}
        self._members: list[Members] = []
        self._runs: list[RunningKadisc] = []
        self._feeds: list[Feed] = []
        self._watchers: list[Watcher] = []
        self._memory: dict[str, list[tuple[float, int]]] = {}
        self._alerts: dict[str, str] = {}
        self.seen: dict[str, Any] = {}

    def run(self) -> None:
        self._start()
        prometheus = Prometheus("prometheus", ("", 0), self._scratch)
        self.cast["prometheus"] = prometheus
        prometheus.start(self._prometheus_programs)
        started, ticks = time.monotonic(), 0
        cpu_before = self._cpu_s()
        while (now := time.monotonic() - started) < self._length_s:
            for client in self.cast.values():
                client.alive()
            self._sample(now)
            for name, state in prometheus.alerts().items():
                self._alerts[name] = max(self._alerts.get(name, STATES[0]), state, key=STATES.index)
            ticks += 1
            if ticks % 4 == 0:
                self._watchers[0].press("12345678"[ticks // 4 % 8])
            time.sleep(SAMPLE_S)
        self.seen |= {
            "minutes": self._length_s / 60.0,
            "up": prometheus.up(),
            "alerts": self._alerts,
            "memory": dict(self._growth()),
            "watched": {
                each.name: {"bytes": each.reader.bytes, "lines": each.reader.lines}
                for each in self._watchers
            },
            "cpu": {
                name: round((after - cpu_before[name]) / self._length_s, 4)
                for name, after in self._cpu_s().items()
            },
            "repeated": self._repeated(),
            "busiest": self._busiest(started),
        }

    def _start(self) -> None:
        chains = []
        for number in range(2):
            where = host(number), 9333
            chain = Litecoin(f"litecoin-{number}", where, self._scratch, self._programs)
            self.cast[chain.name] = chain.start(waits=False)
            chains.append(chain)
        for number in range(SINGLE):
            kadisc = RunningKadisc(f"kadisc-{number}", host(number), self._scratch, NETWORK)
            self.cast[kadisc.name] = kadisc
            kadisc.start(
                *([host(0)] if number else [host(SINGLE)]),
                services=["p2p=9333"] if number < 2 else [],
                options=[f"--metrics={metrics_address(number)}"],
            )
            self._runs.append(kadisc)
        half = (NODES - SINGLE) // 2
        for part in range(2):
            members = Members(f"members-{part}", ("", 0), self._scratch)
            self.cast[members.name] = members
            first = SINGLE + part * half
            members.start(NETWORK, host(0), "eth=30303", *map(host, range(first, first + half)))
            self._members.append(members)
        for number, chain in enumerate(chains):
            chain.await_start()
            feed = Feed(f"feed-{number}", ("", 0), self._scratch)
            self.cast[feed.name] = feed
            feed.start(
                self._runs[number],
                "bitcoin",
                *(f"--rpc={chain.rpc_url}", f"--rpc-cookie={chain.cookie}", "--chain=ltc-regtest"),
                "--advertise=p2p",
            )
            self._feeds.append(feed)
        for name, in_json in (("watch-terminal", False), ("watch-json", True)):
            watcher = Watcher(name, ("", 0), self._scratch)
            self.cast[name] = watcher
            watcher.start(self._runs[2], in_json=in_json)
            self._watchers.append(watcher)

    def _ours(self) -> list[Client]:
        """The processes of kadisc."""
        return [*self._runs, *self._members, *self._feeds, *self._watchers]

    def _sample(self, now: float) -> None:
        for client in self._ours():
            text = Path(f"/proc/{client.pid}/status").read_text()
            kilobytes = sum(
                int(line.split()[1])
                for line in text.splitlines()
                if line.startswith(("VmRSS", "VmSwap"))
            )
            self._memory.setdefault(client.name, []).append((now, kilobytes))

    def _cpu_s(self) -> dict[str, float]:
        """User and system time of each so far: the 14th and 15th field."""
        found = {}
        for client in self._ours():
            fields = Path(f"/proc/{client.pid}/stat").read_text().rpartition(")")[2].split()
            found[client.name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return found

    def _growth(self) -> Iterator[tuple[str, dict[str, float]]]:
        for name, samples in self._memory.items():
            middle = self._warm_up_s + self._edge_s
            before = [kB for at, kB in samples if self._warm_up_s <= at < middle]
            after = [kB for at, kB in samples if at >= self._length_s - self._edge_s]
            first, last = statistics.median(before), statistics.median(after)
            yield name, {"kB": first, "kB at the end": last, "growth": round(last / first - 1, 4)}

    def _lines(self) -> Iterator[tuple[str, dict[str, Any] | str]]:
        """Each line of a log, with the name of its program."""
        for client in (*self._runs, *self._members, *self._feeds):
            for stream in ("stdout", "stderr"):
                for line in (client.folder / stream).read_text(errors="replace").splitlines():
                    yield client.name, json.loads(line) if line.startswith("{") else line

    def _repeated(self) -> dict[str, int]:
        """Lines that came too often in one minute of the clock, and how often at most."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for name, line in self._lines():
            if isinstance(line, dict):
                time_text = str(line.pop("time", line.pop("ts", "")))
                counts[name, time_text[:16], json.dumps(line)] += 1
            else:
                counts[name, "", line] += 1
        found: dict[str, int] = {}
        for (name, _, text), times in counts.items():
            if times > MAX_SAME_LINES:
                found[f"{name}: {text}"] = max(times, found.get(f"{name}: {text}", 0))
        return found

    def _busiest(self, started: float) -> dict[str, int]:
        warm = time.time() - (time.monotonic() - started) + self._warm_up_s
        since = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(warm + 60.0))
        counts: Counter[tuple[str, str, str]] = Counter()
        for name, line in self._lines():
            if not isinstance(line, dict):
                continue
            at = str(line.get("time", line.get("ts", "")))
            if at[:16] >= since:
                kind = f"{line.get('event')} {line.get('reason', '')}".strip()
                counts[name, at[:16], kind] += 1
        found: dict[str, int] = {}
        for (_, _, kind), times in counts.items():
            found[kind] = max(times, found.get(kind, 0))
        return found


def main() -> None:
    _, minutes, prometheus, scratch, programs, limit_s = sys.argv[1:]
    end_with_parent()
    for words in ("link set lo up", "addr add local 45.0.0.0/8 dev lo"):
        subprocess.run(["ip", *words.split()], check=True)
    soak = Soak(Path(scratch), Path(programs), Path(prometheus), float(minutes))
    failure = perform(soak.run, float(limit_s))
    document = dict(soak.seen)
    if failure:
        logs = {client.name: client.log_tail() for client in soak.cast.values()}
        document |= {"error": failure, "logs": logs}
    for client in soak.cast.values():
        client.stop()
    print(json.dumps(document), flush=True)
    os._exit(0)  # whatever thread is left


if __name__ == "__main__":
    main()
