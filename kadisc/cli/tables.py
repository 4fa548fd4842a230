"""Tables on stdout."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..control.methods.find import ClosestNode, FindDocument
from ..ids import NodeId, parse_id, shared_prefix_bits
from ..observe.describe import count
from ..text import one_line, printable
from .output import wants_color


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leaves the error to `main`; rich would exit with a failure."""
        raise BrokenPipeError


def console_on_stdout(width: int = 160) -> Console:
    """``width``: that of a table if stdout is not a terminal."""
    return _Console(
        color_system="auto" if wants_color(sys.stdout) else None,
        highlight=False,
        width=None if sys.stdout.isatty() else width,
    )


def print_nodes(found: FindDocument) -> None:
    """Prints the closest nodes."""
    console = console_on_stdout()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("distance", justify="right", no_wrap=True)
    table.add_column("node", no_wrap=True)
    table.add_column("endpoint", no_wrap=True)
    table.add_column("rtt", justify="right", no_wrap=True)
    table.add_column("client", no_wrap=True)
    for node in found.nodes:
        table.add_row(*map(_cell, _row(node, parse_id(found.target))))
    console.print(Text.assemble("closest to ", (printable(found.target), "bold")))
    console.print(table)
    console.print(
        f"{count(len(found.nodes), 'node')} in {found.elapsed_s:.2f} s, "
        f"{count(found.queries, 'datagram')} sent, {count(found.hops, 'hop')}"
    )


def _cell(text: str) -> Text:
    """Not as markup: rich would take an IPv6 address in brackets for a style."""
    return Text(one_line(text))


def _row(node: ClosestNode, target: NodeId) -> tuple[str, ...]:
    # The distance as a power of two, because each further query halves it.
    node_id = parse_id(node.id)
    distance = "0" if node_id == target else f"2^{159 - shared_prefix_bits(node_id, target)}"
    rtt = "-" if node.rtt_ms is None else f"{node.rtt_ms:.1f} ms"
    return distance, node.id, node.endpoint, rtt, node.client or "-"
