"""The files of commit 2a67823, read value by value. That a node runs with them is seen in
``tests/terminal``."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from kadisc import Config, UsageError
from kadisc.net.config_file import read_settings
from kadisc.net.state.state_file import read_state
from tests.support.old_files import ALL_KEYS, PLAIN, STATE, copy_of_state

RENAMED: dict[str, str] = {}
"""Keys of ``all_keys.toml`` that have another name by now, and that name, both from the top as in
``core.table.k``. The old name is refused with an error that says the new one."""


# --- The configuration ---------------------------------------------------------------------------


def keys_in(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each key from the top, with its value."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from keys_in(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def read(path: Path) -> dict[str, Any]:
    """Each key of a configuration file, with the value that the program has taken from it."""
    settings = read_settings(path)
    found = {}
    for key in dict(keys_in(tomllib.loads(path.read_text()))):
        value: Any = settings
        for name in key.split("."):
            value = getattr(value, name)
        found[key] = list(value) if isinstance(value, tuple) else value
    return found


def config_from(path: Path) -> Config:
    """As a node takes it."""
    return read_settings(path).config()


def test_plain_keys_have_their_values() -> None:
    assert read(PLAIN) == dict(keys_in(tomllib.loads(PLAIN.read_text())))


def test_plain_keys_reach_the_node() -> None:
    config = config_from(PLAIN)
    assert (config.bind, config.bootstrap) == (("127.0.0.1:0",), ("127.78.9.9:20901",))
    assert (config.peers, config.routers) == (("127.78.9.10:20902",), ())
    assert (config.network, config.services) == (
        "plain network",
        {"eth": 30303, "fork": b"\xab\xcd"},
    )
    assert (config.publish_record, config.save_interval_s) == (False, 12.5)
    core = config.core
    assert (core.read_only, core.allow_private, core.max_datagram_bytes) == (True, True, 4096)
    assert core.restricted_to == ("127.0.0.0/8",)
    assert core.banned == ("127.66.0.0/16", "127.67.0.0/16")
    assert (core.table.k, core.table.bucket_sizes) == (9, (64, 32, 9))
    assert (core.query.timeout_s, core.lookup.alpha) == (8.0, 4)
    assert (core.store.max_items, core.store.item_lifetime_s) == (500, 3600.0)
    assert core.defences.diversity_caps is False
    assert core.defences.record_rules is False
    assert core.defences.traffic_limits is True


def test_all_keys_have_their_values(tmp_path: Path) -> None:
    """Under their names of today."""
    given = dict(keys_in(tomllib.loads(ALL_KEYS.read_text())))
    assert set(RENAMED) <= set(given)
    path = tmp_path / "config.toml"
    today = {RENAMED.get(key, key): value for key, value in given.items()}
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in today.items()))
    assert read(path) == today


def test_all_keys_are_read_or_refused_with_their_new_names(tmp_path: Path) -> None:
    """Each in a file of its own: an error names the first key that is wrong."""
    path = tmp_path / "config.toml"
    for key, value in keys_in(tomllib.loads(ALL_KEYS.read_text())):
        path.write_text(f"{key} = {json.dumps(value)}\n")
        if key not in RENAMED:
            assert read(path) == {key: value}
            continue
        with pytest.raises(UsageError) as caught:
            read_settings(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert key in str(caught.value)
        assert RENAMED[key] in str(caught.value)


# --- The state file ------------------------------------------------------------------------------


def test_the_state_file_has_its_values(tmp_path: Path) -> None:
    state = read_state(copy_of_state(tmp_path) / "state.sqlite3")
    assert state is not None
    assert (state.left_out, state.seed) == (0, bytes.fromhex(STATE["seed"]))
    assert {family.value for family in state.addresses} == set(STATE["addresses"])
    assert set(state.contacts) == set(state.peer_networks) == set(STATE["networks"])
    for network, wanted in STATE["networks"].items():
        contacts = [
            {
                "family": saved.contact.family.value,
                "id": f"{saved.contact.id:040x}",
                "host": str(ip_address(bytes(saved.contact.endpoint[:-2]))),
                "port": int.from_bytes(saved.contact.endpoint[-2:], "big"),
                "age_s": saved.age_s,
                "verified_s_ago": saved.verified_s_ago,
                "rtt_s": saved.rtt_s,
                "client": saved.client.hex() if saved.client is not None else None,
            }
            for saved in state.contacts[network]
        ]
        assert contacts == wanted["contacts"]
        assert state.peer_networks[network].sequence == wanted["sequence"]
        items = [(each.value.hex(), each.sequence) for each in state.published[network]]
        assert items == [(each["bencoded"], each["sequence"] or 0) for each in wanted["kept_items"]]
