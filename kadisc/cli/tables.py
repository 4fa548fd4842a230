"""Tables for people."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from ..core.events import FoundNode
from ..endpoints import format_endpoint
from ..ids import format_id, shared_prefix_bits
from ..observe.clients import describe_client
from ..observe.describe import count
from .output import wants_color
from .search import Search


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Left to `main`; rich would end the program by itself, and as a failure."""
        raise BrokenPipeError


def print_nodes(search: Search, elapsed_s: float) -> None:
    """The closest nodes, on stdout. Where that is not a terminal the table is as wide as it needs to be."""
    console = _Console(color_system="auto" if wants_color(sys.stdout) else None, highlight=False, width=None if sys.stdout.isatty() else 160)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("distance", "right"), ("node", "left"), ("endpoint", "left"), ("rtt", "right"), ("client", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
    for node in search.nodes:
        table.add_row(*_row(node, search.target))
    console.print(f"closest to [bold]{format_id(search.target)}[/bold]")
    console.print(table)
    queries, hops = sum(result.queries for result in search.results), max(result.hops for result in search.results)
    console.print(f"{count(len(search.nodes), 'node')} in {elapsed_s:.2f} s, {count(queries, 'datagram')} sent, {count(hops, 'hop')}")


def _row(node: FoundNode, target: int) -> tuple[str, ...]:
    # The distance as its power of two: that is what each further query halves.
    contact = node.contact
    distance = "0" if contact.id == target else f"2^{159 - shared_prefix_bits(contact.id, target)}"
    rtt = "-" if node.rtt_s is None else f"{node.rtt_s * 1000:.1f} ms"
    return distance, format_id(contact.id), format_endpoint(contact.endpoint), rtt, describe_client(node.client) or "-"
