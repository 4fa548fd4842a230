"""Tables: endpoints are whole at every width, and no text of others is markup."""

from __future__ import annotations

import pytest

from kadisc.cli.tables import TableColumn, print_nodes, print_table
from kadisc.control.methods.find import ClosestNode, FindDocument

ENDPOINTS = [
    "[fd12:3456::2]:6881",
    "[2a00:a:b:cd:ab:1::2]:6881",
    "[2a00:aaaa:bbbb:cccc:dddd:eeee:ffff:1111]:65535",
    "192.0.2.1:6881",
]


def found() -> FindDocument:
    nodes = [
        ClosestNode(f"{number:040x}", endpoint, "", 0, 12345.678, "[bold]:cd:[/bold] ☂")
        for number, endpoint in enumerate(ENDPOINTS, start=0x8000)
    ]
    return FindDocument("0" * 40, nodes, 1.0, 8, 2)


@pytest.mark.parametrize("width", [1, 20, 40, 61, 80, 81, 100, 120, 200])
def test_find_shortens_the_id_and_never_the_endpoint(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_nodes(found())
    head, names, *rows, last = capsys.readouterr().out.splitlines()
    assert head == "closest to " + "0" * 40
    assert names.split()[0] == "distance"
    assert last == "4 nodes in 1.00 s, 8 datagrams sent, 2 hops"
    for endpoint, row in zip(ENDPOINTS, rows, strict=True):
        assert endpoint in row.split()
        assert "12345.7 ms" in row
        assert row.split()[1].startswith("00000000")
        assert len(row) <= max(width, 2 * 4 + 8 + 9 + 47 + 10 + 6)
    if width == 200:
        assert all("[bold]:cd:[/bold] ☂" in row and "…" not in row for row in rows)


def test_without_a_terminal_nothing_is_shortened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_nodes(found())
    assert all(node.id in capsys.readouterr().out for node in found().nodes[:1])


def test_wide_and_combining_characters_keep_the_columns_aligned(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    print_table(
        [TableColumn("a", least=4), TableColumn("b")],
        [("日本語日本語", "x"), ("e\u0301", "y\x1b[m")],
    )
    assert capsys.readouterr().out.splitlines() == [
        "a       b",
        "日本…   x",
        "e\u0301       y?[m",
    ]
