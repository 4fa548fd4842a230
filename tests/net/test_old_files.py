"""The files of commit 2a67823, read value by value. That a node runs with them is seen in
``tests/terminal``."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from kadisc import Config, UsageError
from kadisc.config.keys import KEYS
from kadisc.config.old_keys import OLD_KEYS, REMOVED_KEYS, refusal_of
from kadisc.net.config_file import config_from, read_values
from kadisc.net.state.state_file import read_state
from tests.support.old_files import (
    ALL_KEYS,
    BOUNDED,
    PLAIN,
    STATE,
    copy_of_state,
    keys_of,
    with_names_of_today,
    write_config,
)

RENAMED_IN_PLAIN = {
    "core.tags.announce_interval_s": "core.rendezvous.announce_interval_s",
    "core.tags.paths": "core.rendezvous.paths",
}
"""Keys of ``plain.toml`` that have another name by now, and that name."""


# --- The configuration ---------------------------------------------------------------------------


def read(path: Path) -> dict[str, Any]:
    """Each key of a configuration file, with the value that the program has taken from it."""
    values = read_values(path)
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
    }


def test_plain_keys_have_their_values(tmp_path: Path) -> None:
    """All but two are read under their old names."""
    given = keys_of(PLAIN)
    assert {key: OLD_KEYS[key] for key in given if key in OLD_KEYS} == RENAMED_IN_PLAIN
    path = tmp_path / "config.toml"
    same = {key: value for key, value in given.items() if key not in RENAMED_IN_PLAIN}
    write_config(path, same)
    assert read(path) == same


def test_plain_keys_reach_the_node(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write_config(path, with_names_of_today(PLAIN))
    config: Config = config_from(read_values(path))
    assert (config.bind, config.bootstrap) == (("127.0.0.1:0",), ("127.78.9.9:20901",))
    assert (config.peer, config.routers) == (("127.78.9.10:20902",), ())
    assert (config.network, config.service) == (
        "plain network",
        {"eth": 30303, "fork": b"\xab\xcd"},
    )
    assert (config.publish_record, config.save_interval_s) == (False, 12.5)
    core = config.core
    assert (core.read_only, core.allow_private, core.max_datagram_bytes) == (True, True, 4096)
    assert core.netrestrict == ("127.0.0.0/8",)
    assert core.ban == ("127.66.0.0/16", "127.67.0.0/16")
    assert (core.table.k, core.table.bucket_sizes) == (9, (64, 32, 9))
    assert (core.query.timeout_s, core.lookup.alpha) == (8.0, 4)
    assert (core.store.max_items, core.store.item_lifetime_s) == (500, 3600.0)
    assert core.defences.diversity_caps is False
    assert core.defences.record_rules is False
    assert core.defences.traffic_limits is True


def test_all_keys_have_their_values(tmp_path: Path) -> None:
    """Under their names of today."""
    path, today = tmp_path / "config.toml", with_names_of_today(ALL_KEYS)
    write_config(path, today)
    assert read(path) == today
    assert set(today) <= set(KEYS), "others came later"
    assert set(OLD_KEYS) | set(REMOVED_KEYS) <= set(keys_of(ALL_KEYS))


def test_all_keys_are_read_or_refused_with_their_new_names(tmp_path: Path) -> None:
    """Each in a file of its own: an error names the first key that is wrong."""
    path = tmp_path / "config.toml"
    for key, written in keys_of(ALL_KEYS).items():
        value = BOUNDED.get(key, written)
        if value != written:
            write_config(path, {key: written})
            with pytest.raises(UsageError, match=f"{key}: expected a number from 1 to {value}"):
                read_values(path)
        write_config(path, {key: value})
        if refusal_of(key) is None:
            assert read(path) == {key: value}
            continue
        with pytest.raises(UsageError) as caught:
            read_values(path)
        assert str(caught.value) == f"{path}: {key} {refusal_of(key)}"


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
