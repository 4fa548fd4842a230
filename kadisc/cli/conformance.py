"""``kadisc conformance``: tests a node for the protocol and for known attacks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..text import one_line

if TYPE_CHECKING:
    from ..conformance.case import Case, Finding
    from ..conformance.probe import ConformanceProbe, Pace

SUMMARY = "test whether a node conforms to the protocol"
DESCRIPTION = (
    "Tests any node that speaks KRPC (kadisc, libtorrent, Transmission, aria2 and others): "
    "sends valid and invalid queries and judges the answers. Sends few datagrams, slowly, and "
    "uses random info-hashes only. Cases that flood a node, fill its store or may crash a faulty "
    "one run on loopback; elsewhere only with --destructive."
)
EXAMPLES = """\
examples:
  kadisc conformance 127.0.0.1:6881
  kadisc conformance 192.0.2.1:6881 --case tid-long --case token-wrong
  kadisc conformance 192.0.2.1:6881 --destructive --json
  kadisc conformance --list

exit codes: 0 no FAIL; 1 at least one, or no answer; 2 wrong usage;
3 no such --source; 130 Ctrl-C"""

_COLORS = {"pass": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}
RESOLVE_S = 5.0
MAX_SOURCES = 128


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "host",
        metavar="HOST:PORT",
        nargs="?",
        help="a name or an address; IPv6 in brackets, as in [2001:db8::1]:6881",
    )
    parser.add_argument(
        "--case", action="append", metavar="NAME", default=[], help="run only this case; repeatable"
    )
    parser.add_argument(
        "--list", action="store_true", help="list the cases, and what each one tests"
    )
    parser.add_argument(
        "--destructive",
        action="store_true",
        help="also cases that flood a node, fill its store or may crash it; only on your own",
    )
    parser.add_argument(
        "--source",
        action="append",
        metavar="IP",
        default=[],
        help=(
            "send from this address; repeatable, some cases need two (default: 104 addresses of "
            "127/8 for a node on loopback, otherwise one)"
        ),
    )
    parser.add_argument(
        "--rate",
        metavar="N",
        type=float,
        default=4.0,
        help="datagrams per second from one address; libtorrent bans an address at 5 (default: 4)",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=2.0,
        help="seconds to wait for an answer; each query is sent twice (default: 2)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def execute(options: argparse.Namespace) -> int:
    from ..conformance.suite import CASES, chosen
    from ..errors import UsageError
    from .tasks import run_until_signalled

    if options.list:
        _print_list(CASES, as_json=options.json)
        return 0
    if options.host is None:
        raise UsageError("a node is required: kadisc conformance HOST:PORT")
    cases, pace, sources = chosen(options.case), _pace(options), _sources(options.source)
    return run_until_signalled(lambda: _test(options, cases, pace, sources))


def _pace(options: argparse.Namespace) -> Pace:
    from ..conformance.probe import Pace
    from ..errors import UsageError

    if not 0.1 <= options.rate <= 10_000:
        raise UsageError("--rate is 0.1 to 10000 datagrams per second")
    if not 0.01 <= options.timeout <= 60:
        raise UsageError("--timeout is 0.01 to 60 seconds")
    return Pace(per_s=options.rate, timeout_s=options.timeout)


def _sources(texts: Sequence[str]) -> tuple[str, ...]:
    from ..endpoints import host_of, make_endpoint
    from ..errors import UsageError

    if len(texts) > MAX_SOURCES:
        raise UsageError(f"--source: at most {MAX_SOURCES}")
    try:
        return tuple(host_of(make_endpoint(text, 1)) for text in texts)
    except ValueError as error:
        raise UsageError(f"--source: {error}") from None


async def _test(
    options: argparse.Namespace, cases: Sequence[Case], pace: Pace, sources: Sequence[str]
) -> int:
    import trio

    from ..conformance.probe import open_probe
    from ..conformance.suite import run_suite
    from ..errors import UsageError
    from ..net.join.resolve import resolve
    from ..observe.describe import count
    from .exit_codes import DONE, FAILED
    from .output import ProgressLine, error_document, print_json

    [target, *_] = await resolve(options.host, RESOLVE_S)
    if any((":" in source) != (len(target) == 18) for source in sources):
        raise UsageError("--source: not of the same address family as the node")
    line, began = ProgressLine(), trio.current_time()

    async with open_probe(target, sources=sources, pace=pace) as probe:

        def progress(index: int, case: Case) -> None:
            line.show(f"{index + 1}/{len(cases)} {case.name}, {probe.count.sent} datagrams sent")

        try:
            findings = await run_suite(
                probe, cases, destructive=options.destructive, progress=progress
            )
        finally:
            line.clear()
        document = _document(probe, findings, trio.current_time() - began)
    failed = document["failed"]
    if options.json:
        problem = f"{count(failed, 'case')} of {len(findings)} failed"
        print_json(document | (error_document("cases_failed", problem) if failed else {}))
    else:
        print_findings(document)
    return FAILED if failed else DONE


def _document(
    probe: ConformanceProbe, findings: Sequence[Finding], elapsed_s: float
) -> dict[str, Any]:
    from ..conformance.verdict import CaseOutcome
    from ..endpoints import format_endpoint
    from ..observe.clients import describe_client

    def number(outcome: CaseOutcome) -> int:
        return sum(finding.outcome is outcome for finding in findings)

    return {
        "target": format_endpoint(probe.target),
        "id": probe.node_id.hex(),
        "client": describe_client(probe.version),
        "cases": [
            {
                "name": finding.case.name,
                "outcome": finding.outcome.value,
                "evidence": _printable(finding.evidence),
                "source": finding.case.source,
                "proves": finding.case.proves,
            }
            for finding in findings
        ],
        "passed": number(CaseOutcome.PASS),
        "warned": number(CaseOutcome.WARN),
        "failed": number(CaseOutcome.FAIL),
        "skipped": number(CaseOutcome.SKIP),
        "datagrams_sent": probe.count.sent,
        "bytes_sent": probe.count.sent_bytes,
        "datagrams_received": probe.count.received,
        "bytes_received": probe.count.received_bytes,
        "elapsed_s": round(elapsed_s, 3),
    }


def _printable(text: str) -> str:
    """The evidence as printable text, because it quotes what the node sent."""
    return one_line(text, 300)


def print_findings(document: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..observe.describe import count
    from .output import wants_color

    class StdoutConsole(Console):
        def on_broken_pipe(self) -> None:
            """Leaves the error to `main`; rich would exit with a failure."""
            raise BrokenPipeError

    # Every text is a Text: in a str, rich would take an IPv6 address for a style or an emoji.
    console = StdoutConsole(
        color_system="auto" if wants_color(sys.stdout) else None,
        highlight=False,
        width=None if sys.stdout.isatty() else 160,
    )
    console.print(
        Text(f"{document['target']}  {document['client'] or 'no client version'}  {document['id']}")
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("case", "outcome", "source"):
        table.add_column(name, no_wrap=True)
    table.add_column("evidence", overflow="fold")
    for case in document["cases"]:
        table.add_row(
            Text(case["name"]),
            Text(case["outcome"].upper(), _COLORS[case["outcome"]]),
            Text(case["source"]),
            Text(case["evidence"]),
        )
    console.print(table)
    numbers = ", ".join(
        f"{document[key]} {key}" for key in ("passed", "warned", "failed", "skipped")
    )
    sent, received = count(document["datagrams_sent"], "datagram"), document["datagrams_received"]
    console.print(
        Text(
            f"{numbers}; {sent} ({document['bytes_sent']} bytes) sent, {received} received, "
            f"in {document['elapsed_s']:.1f} s"
        )
    )


def _print_list(cases: Sequence[Case], *, as_json: bool) -> None:
    from .output import print_json

    if as_json:
        print_json(
            [
                {
                    "name": case.name,
                    "source": case.source,
                    "proves": case.proves,
                    "destructive": case.destructive,
                }
                for case in cases
            ]
        )
        return
    width = max(len(case.name) for case in cases)
    for case in cases:
        note = " (--destructive)" if case.destructive else ""
        print(f"{case.name:<{width}}  {case.source:<8}  {case.proves}{note}")
