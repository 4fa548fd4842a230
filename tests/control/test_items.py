"""put, get and resolve through the control socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from .lab import open_lab

HELLO = "e5f96f6f38320f0f33959cb4d3d656452117aadb"
INVALID_PARAMS, FAILED = -32602, -32000


async def test_each_version_of_a_kept_item_replaces_the_previous_one(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=9) as lab, lab.client() as client:
        await client.ask(
            "put",
            value={"eth": 30303, "raw": "0x00ff", "list": [1, -1]},
            mutable=True,
            salt="0x736f",
            keep=True,
        )
        first = await client.result()
        assert (first["key"], first["salt"], first["stored_on"], first["kept"]) == (
            lab.node.public_key.hex(),
            "so",
            8,
            True,
        )
        assert [item.sequence for item in lab.node.publisher.persistent_items()] == [
            first["seq"]
        ], "in later runs too"
        await client.ask("put", value="second", mutable=True, salt="so", cas=first["seq"])
        second = await client.result()
        assert (second["target"], second["kept"]) == (first["target"], False)
        assert second["seq"] > first["seq"]
        assert lab.node.publisher.persistent_items() == (), "the second put was without keep"
        await client.ask("get", target=first["target"], salt="so")
        item = await client.result()
        assert (item["found"], item["value"], item["bencoded"], item["seq"], len(item["sig"])) == (
            True,
            "second",
            b"6:second".hex(),
            second["seq"],
            128,
        )
        for late in ({"cas": first["seq"]}, {"seq": first["seq"]}):
            await client.ask("put", value="late", mutable=True, salt="so", **late)
            message = await client.next()
            assert message is not None
            assert f"the sequence there is {second['seq']}" in message["error"]["message"]


async def test_missing_items_and_records_are_not_found(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=3) as lab, lab.client() as client:
        await client.ask("get", target="00" * 20)
        item = await client.result()
        assert (
            item["found"],
            item["value"],
            item["bencoded"],
            item["key"],
            item["seq"],
            item["sig"],
        ) == (False, None, None, None, None, None)
        await client.ask("resolve", key="00" * 32, network="othernet")
        record = await client.result()
        assert (record["found"], record["network"], record["endpoints"], record["record"]) == (
            False,
            "othernet",
            [],
            None,
        )


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("put", {"value": None}),
        ("put", {"value": 1.5}),
        ("put", {"value": 1 << 63}),
        ("put", {"value": "x" * 997}),
        ("put", {"value": "0xz"}),
        ("put", {"value": "x", "salt": "s"}),
        ("put", {"value": "x", "mutable": True, "salt": "s" * 65}),
        ("put", {"value": "x", "mutable": True, "seq": -1}),
        ("put", {}),
        ("get", {"target": "5"}),
        ("get", {"target": HELLO, "salt": "s" * 65}),
        ("resolve", {"key": "00"}),
    ],
)
async def test_wrong_params_are_refused_at_once(
    method: str, params: dict[str, object], tmp_path: Path
) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.ask(method, 7, **params)
        assert await client.error() == (7, INVALID_PARAMS)
        assert lab.node.operations() == ()
