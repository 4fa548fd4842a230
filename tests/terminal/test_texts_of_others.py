"""What other nodes and files say is shown as it is by every command: never read as markup, and
endpoints are never cut. The documents are made from their types, so a new field is covered as well.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from kadisc.cli import asking, conformance
from kadisc.cli.main import main
from kadisc.control.call import Method
from kadisc.control.methods.status import ServiceStatus
from kadisc.observe.peer_document import PeerDocument

TEXT = "<<[bold red]:cd: [link=x]fd12:3456::2[/]>>"
HOST = "2a00:a:b:cd:ab:1::2"
ENDPOINT = f"[{HOST}]:6881"
ID, KEY = "ab" * 20, "cd" * 32
BY_NAME: dict[str, Any] = {
    "host": HOST,
    "endpoint": ENDPOINT,
    "endpoints": [ENDPOINT],
    "seen_as": ENDPOINT,
    "peer": ENDPOINT,
    "also_at": [ENDPOINT],
    "addresses": {"p2p": ENDPOINT},
    "source": ENDPOINT,
    "services": {"p2p": 9333, "fork": "0xabcd"},
    "id": ID,
    "target": ID,
    "infohash": ID,
    "key": KEY,
    "public_key": KEY,
    "counters": {"received": 1, "sent": 1},
    "value": TEXT,
    # Words of kadisc itself, of which commands know all.
    "family": "ipv6",
    "verdict": "no",
    "method": "pcp",
    "answer": "open",
    "external": ENDPOINT,
}


def filled(kind: Any, name: str = "") -> Any:
    """A document of a type, full of texts that look like markup."""
    if kind == dict[str, ServiceStatus]:
        return {TEXT: filled(ServiceStatus)}
    if name in BY_NAME:
        return BY_NAME[name]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return kind(**{each: filled(hints[each], each) for each in kind.__struct_fields__})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return arguments[0]
    if origin in (list, tuple):
        return [filled(arguments[0], name)]
    if origin is dict:
        return {TEXT: filled(arguments[1])}
    if origin in (types.UnionType, typing.Union):
        return filled(arguments[0], name)
    return {str: TEXT, int: 3, float: 1.5, bool: True}.get(kind, TEXT)


COMMANDS = [
    ["find", ID],
    ["peers", "testnet"],
    ["peers", "testnet", "--service", "p2p"],
    ["peers", ID],
    ["announce", ID, "--port", "1"],
    ["put", "x"],
    ["get", ID],
    ["resolve", KEY],
    ["ping", ENDPOINT],
    ["status"],
    ["record"],
    ["why", ENDPOINT],
    ["feedback", ENDPOINT, "good"],
]


def of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every method is answered with a document that is full of such texts."""

    def tell_of_peers(tell: Callable[[Mapping[str, object]], None] | None) -> None:
        if tell is not None:
            tell({"peer": msgspec.to_builtins(filled(PeerDocument))})

    async def ask(options: Any, method: Method[Any, Any], params: Any, **more: Any) -> Any:
        tell_of_peers(more.get("tell"))
        return filled(method.result)

    monkeypatch.setattr(asking, "ask", ask)
    monkeypatch.setattr(asking, "ask_in_network", ask)
    monkeypatch.setattr(asking, "ask_running", ask)


def judge(output: str) -> None:
    output = re.sub(r"\n +", " ", output)  # long lines are wrapped at spaces, and indented
    for part in output.split("<<")[1:]:
        shortened, is_shortened, _ = part.partition("…")
        assert part.startswith(TEXT[2:]) or (is_shortened and TEXT[2:].startswith(shortened))
    assert output.count(HOST[:5]) == output.count(HOST)
    assert output.count(f"[{HOST}") == output.count(ENDPOINT) > 0
    assert output.isascii() or "\N{OPTICAL DISC}" not in output


@pytest.mark.parametrize("width", ["20", "80", "200"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_reads_it_as_markup_or_cuts_an_endpoint(
    words: list[str],
    width: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    of_others(monkeypatch)
    monkeypatch.setenv("COLUMNS", width)
    assert main(words) == 0
    output = capsys.readouterr().out
    if words[0] == "get":
        output += ENDPOINT  # a value alone
    judge(output)


def test_nor_does_the_table_of_conformance(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("passed", "warned", "failed", "skipped", "datagrams_sent", "bytes_sent")
    document: dict[str, Any] = dict.fromkeys((*names, "datagrams_received"), 1)
    case = {"name": TEXT, "outcome": "fail", "source": TEXT, "evidence": f"{TEXT} {ENDPOINT}"}
    document |= {"target": ENDPOINT, "client": TEXT, "id": ID, "elapsed_s": 1.0, "cases": [case]}
    conformance.print_findings(document)
    judge(capsys.readouterr().out)
