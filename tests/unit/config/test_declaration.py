"""Each field of the configuration is declared with a description and with what is allowed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.cli.main import build_parser
from kadisc.config import PUBLIC_ROUTERS, Config
from kadisc.config.declaration import SHARE, Bounds, Form
from kadisc.config.keys import GROUPS, KEYS, complaints, config_with

NUMBERS = ("int", "float", "tuple[int, ...]")


@pytest.mark.parametrize("name", KEYS)
def test_a_description_is_whole_sentences(name: str) -> None:
    text = KEYS[name].setting.description
    assert text[0].isupper()
    assert text.endswith(".")
    assert not text.endswith("..")
    assert len(text.split()) >= 5
    assert "  " not in text


@pytest.mark.parametrize("name", KEYS)
def test_a_description_is_of_one_key(name: str) -> None:
    text = KEYS[name].setting.description
    assert [key.name for key in KEYS.values() if key.setting.description == text] == [name]


@pytest.mark.parametrize("name", KEYS)
def test_it_is_declared_which_values_are_allowed(name: str) -> None:
    key = KEYS[name]
    allowed = key.setting.allowed
    assert isinstance(allowed, Bounds) == (key.kind in NUMBERS)
    assert (allowed is Form.SWITCH) == (key.kind == "bool")


def test_run_or_feed_has_every_option_that_is_declared() -> None:
    parser = build_parser()
    run, feed = parser.parse_args(["run"]), parser.parse_args(["feed", "handshake"])
    declared = [name for name, key in KEYS.items() if key.setting.option is not None]
    assert len(declared) >= 16
    assert all(hasattr(run, name) or hasattr(feed, name) for name in declared)


def test_every_group_is_described() -> None:
    for name, group in GROUPS.items():
        text = group.__doc__ or ""
        assert text.rstrip().endswith("."), name
        assert "..." not in text, name


def test_the_defaults_are_within_their_bounds() -> None:
    assert list(complaints(Config())) == []
    assert list(complaints(config_with({}))) == []


@pytest.mark.parametrize(
    ("bounds", "value", "complaint"),
    [
        (Bounds(1, 9), 1, None),
        (Bounds(1, 9), 9, None),
        (Bounds(1, 9), 0, "expected a number from 1 to 9, not 0"),
        (Bounds(1, 9), 10, "expected a number from 1 to 9, not 10"),
        (Bounds(1, 9), float("nan"), "expected a number from 1 to 9, not nan"),
        (Bounds(1, 9), float("inf"), "expected a number from 1 to 9, not inf"),
        (SHARE, 0.0, None),
        (SHARE, 1.5, "expected a number from 0 to 1, not 1.5"),
        (Bounds(1, 9), (8, 4), None),
        (Bounds(1, 9), (8, 0), "expected a list of 1 to 160 numbers from 1 to 9"),
        (Bounds(1, 9), (), "expected a list of 1 to 160 numbers from 1 to 9"),
        (Bounds(1, 9), (8,) * 161, "expected a list of 1 to 160 numbers from 1 to 9"),
    ],
)
def test_bounds_say_what_was_expected(bounds: Bounds, value: object, complaint: str | None) -> None:
    assert bounds.complaint(value) == complaint


def test_no_caps_turns_off_the_limits_per_address_range_whatever_else_is_said() -> None:
    defences = config_with({"no_caps": True, "core.defences.lookup_caps": True}).core.defences
    off = {name for name in KEYS if name.startswith("core.defences.")}
    off = {name for name in off if not getattr(defences, name.rpartition(".")[2])}
    assert {name.removeprefix("core.defences.") for name in off} == {
        "diversity_caps",
        "lookup_caps",
        "book_groups",
        "store_shares",
    }


def test_no_routers_leaves_no_public_router_to_ask() -> None:
    assert config_with({}).routers == PUBLIC_ROUTERS
    for values in ({"no_routers": True}, {"no_routers": True, "routers": ("192.0.2.1:6881",)}):
        assert config_with(values).routers == ()
    assert replace(Config(), routers=PUBLIC_ROUTERS, no_routers=True).settled().routers == ()
