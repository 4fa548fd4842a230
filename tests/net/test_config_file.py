"""The configuration file: what it may say, and the one line about what it may not."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kadisc.config import PUBLIC_ROUTERS, Config, Defences, TableConfig
from kadisc.config.declaration import Bounds
from kadisc.config.keys import KEYS
from kadisc.config.old_keys import OLD_KEYS, REMOVED_KEYS
from kadisc.errors import UsageError
from kadisc.net.config_file import config_from, read_values

EVERYTHING = """
bind = ["0.0.0.0:6881", "[::]:6881"]
external = ["45.1.2.3:7000", "2a01::1"]
bootstrap = ["node.example.org:6881"]
routers = []
peer = ["192.168.1.2:6881"]
network = "my chain"
netrestrict = ["10.0.0.0/8", "192.168.0.0/16"]
ban = ["10.6.6.0/24"]
state_dir = "/var/lib/kadisc"
allow_private = true
no_caps = true
unlimited = true
read_only = true
bootstrap_retry_s = 1
save_interval_s = 12.5

[core]
max_datagram_bytes = 4096

[core.table]
k = 20
bucket_sizes = [256, 128]

[core.address]
first_voters = 3

[core.defences]
ping_before_evict = false
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_everything(path: Path) -> None:
    path.write_text(EVERYTHING)
    config = config_from(read_values(path))
    assert config.bind == ("0.0.0.0:6881", "[::]:6881")
    assert config.external == ("45.1.2.3:7000", "2a01::1")
    assert (config.bootstrap, config.routers, config.peer) == (
        ("node.example.org:6881",),
        (),
        ("192.168.1.2:6881",),
    )
    assert (config.network, config.state_dir) == ("my chain", "/var/lib/kadisc")
    assert (config.bootstrap_retry_s, config.save_interval_s) == (1.0, 12.5)
    core = config.core
    assert (core.netrestrict, core.ban) == (("10.0.0.0/8", "192.168.0.0/16"), ("10.6.6.0/24",))
    assert (core.allow_private, core.unlimited, core.read_only, core.max_datagram_bytes) == (
        True,
        True,
        True,
        4096,
    )
    assert core.table == TableConfig(k=20, bucket_sizes=(256, 128))
    assert core.address.first_voters == 3
    assert core.defences == Defences(
        ping_before_evict=False,
        diversity_caps=False,
        lookup_caps=False,
        book_groups=False,
        store_shares=False,
    )
    assert isinstance(config.bootstrap_retry_s, float)


def test_nothing_is_the_default(path: Path) -> None:
    path.write_text("# nothing\n")
    assert read_values(path) == {}
    assert config_from({}) == replace(Config(), bind=(), routers=PUBLIC_ROUTERS)


def paths_of_fields(group: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every field below a configuration, by the names of the fields that lead to it."""
    found: list[tuple[str, ...]] = []
    for each in fields(group):
        value = getattr(group, each.name)
        path = (*above, each.name)
        found += paths_of_fields(value, path) if is_dataclass(value) else [path]
    return found


def test_every_field_can_be_set_in_the_file(path: Path) -> None:
    """Each with a value that is not its default."""
    reached = set()
    for key in KEYS.values():
        other = another_value(key.name)
        path.write_text(f"{key.name} = {json.dumps(other)}\n")
        changed: Any = config_from(read_values(path))
        default: Any = config_from({})
        for name in key.path:
            changed, default = getattr(changed, name), getattr(default, name)
        assert changed != default, key.name
        reached.add(key.path)
    of_the_node = {
        ("core", name)
        for name in (
            *("read_only", "allow_private", "ban", "netrestrict", "unlimited"),
            *("reachable", "help_others", "check_services", "tests_reach", "external_with_port"),
        )
    }
    assert reached == set(paths_of_fields(Config())) - of_the_node


TEXTS = {
    "bind": ["127.0.0.1:1"],
    "external": ["45.1.2.3"],
    "bootstrap": ["node.example.org:6881"],
    "routers": [],
    "peer": ["192.168.1.2:6881"],
    "network": "my chain",
    "service": ["eth=30303"],
    "netrestrict": ["10.0.0.0/8"],
    "ban": ["10.0.0.0/8"],
    "ban_file": ["bans.txt"],
    "asmap": "as.map",
    "port_mapping": "upnp",
    "map_port": ["tcp:30303=40303"],
    "gateway": ["192.168.1.1"],
    "lan_interfaces": ["eth0"],
    "state_dir": "kept",
    "control.group": "users",
    "metrics.listen": "127.0.0.1:9464",
    "metrics.token_file": "token",
}


def another_value(key: str) -> Any:
    """One that is allowed, and is not the default."""
    if key in TEXTS:
        return TEXTS[key]
    default = KEYS[key].default
    if isinstance(default, str):
        return next(each for each in KEYS[key].setting.allowed.words if each != default)
    if isinstance(default, bool):
        return not default
    if isinstance(default, tuple):
        return [each + 1 for each in default]
    bounds = KEYS[key].setting.allowed
    if isinstance(bounds, Bounds) and default == bounds.most:
        return default - 1
    return default + 1 if isinstance(default, int) else default / 2


def test_no_key_is_both_old_and_in_use() -> None:
    assert not (set(OLD_KEYS) | set(REMOVED_KEYS)) & set(KEYS)
    assert set(OLD_KEYS.values()) | set(REMOVED_KEYS.values()) <= set(KEYS)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("bnid = []", "there is no key bnid; did you mean bind?"),
        ("[core.tabel]\nk = 8", "there is no key core.tabel; did you mean core.table?"),
        ("[core.table]\nK = 8", "there is no key core.table.K; did you mean core.table.k?"),
        ("[core.table]\nzzzzzz = 8", "there is no key core.table.zzzzzz"),
        (
            "[core]\nban = []",
            "there is no key core.ban; ban stands above the first [table] of the file",
        ),
        (
            '[core.address]\nfirst_voters = 3\nnetwork = "mine"',
            "there is no key core.address.network; network stands above the first [table]",
        ),
        ("[core.table]\nk = 8.5", "core.table.k: expected a whole number, not a number"),
        ("[core.table]\nk = true", "core.table.k: expected a whole number, not true or false"),
        (
            '[core.query]\ntimeout_s = "10"',
            "core.query.timeout_s: expected a number, not a text in quotes",
        ),
        ('bind = "0.0.0.0:6881"', "bind: expected a list in brackets, not a text in quotes"),
        ("bind = [6881]", "bind[0]: expected a text in quotes, not a whole number"),
        ("core = 5", "core: expected a table, not a whole number"),
        ("read_only = 1", "read_only: expected true or false, not a whole number"),
        ("state_dir = 5", "state_dir: expected a text in quotes, not a whole number"),
        ("state_dir = 2000-01-01", "state_dir: expected a text in quotes, not a date or a time"),
        ("[core.table]\nk = 0", "core.table.k: expected a number from 1 to 100, not 0"),
        (
            "[core.table]\nreplacements_per_bucket = -1",
            "core.table.replacements_per_bucket: expected a number from 0 to 1024, not -1",
        ),
        (
            "[core.table]\nbucket_sizes = []",
            "core.table.bucket_sizes: expected a list of 1 to 160 numbers from 1 to 1024",
        ),
        (
            "[core.table]\nbucket_sizes = [8, 0]",
            "core.table.bucket_sizes: expected a list of 1 to 160 numbers from 1 to 1024",
        ),
        ("save_interval_s = nan", "save_interval_s: expected a number from 0.1 to 86400, not nan"),
        ("save_interval_s = inf", "save_interval_s: expected a number from 0.1 to 86400, not inf"),
        (
            "[core.address]\nagreement = 75",
            "core.address.agreement: expected a number from 0.01 to 1, not 75.0",
        ),
        (
            'ban = ["10.0.0.0/40"]',
            "ban: expected a network such as 192.0.2.0/24 or 2001:db8::/32: '10.0.0.0/40'",
        ),
        ('ban_file = ["a\\u0000b"]', "ban_file: expected a path"),
        ('netrestrict = ["here"]', "netrestrict: expected a network such as"),
        ('state_dir = "a\\u0000b"', "state_dir: expected a path, not 'a\\x00b'"),
        ('asmap = "a\\u0000b"', "asmap: expected a path"),
        ('bootstrap = ["udp://a.example:1"]', "bootstrap: expected HOST:PORT"),
        ('bind = "0.0.0.0:6881"', "bind: expected a list in brackets, not a text in quotes"),
        ('bootstrap = ["nowhere"]', "bootstrap: expected HOST:PORT"),
        ('peer = ["1.2.3.4:0"]', "peer: a port to send to is 1 to 65535"),
        ('external = ["example.org"]', "external: expected an address as IP or IP:PORT"),
        ('external = ["0.0.0.0"]', "external: no node can be at 0.0.0.0"),
        ('bind = ["localhost:1"]', "bind: cannot listen on localhost:1: "),
        ('network = ""', "network: expected a name of 1 to 64 printable characters, not ''"),
        (
            'network = "a\\u0000b"',
            "network: expected a name of 1 to 64 printable characters, not 'a\\x00b'",
        ),
        (
            "[core.table]\nper_narrow_in_bucket = 1",
            "core.table.per_narrow_in_bucket is now core.table.per_subnet_in_bucket",
        ),
        ("[core.tags]\npaths = 4", "core.tags.paths is now core.rendezvous.paths"),
        ("[core.tags]", "core.tags is now core.rendezvous"),
        ("[core.tags]\nzzz = 1", "there is no key core.tags.zzz"),
        (
            "[core.table]\nk = 99999999",
            "core.table.k: expected a number from 1 to 100, not 99999999",
        ),
        ("socket_buffer_bytes = 5000000000", "socket_buffer_bytes: expected a number from 4096 to"),
        ("[core]\nmax_datagram_bytes = 5000000000", "expected a number from 512 to 65535"),
        ("save_interval_s = " + "9" * 5000, "is not TOML"),
        ("bind = " + "[" * 5000, "is not TOML"),
        ("[core.limits]\ncell_bits = 17", "expected a number from 1 to 16, not 17"),
        (f"save_interval_s = 1{'0' * 400}", "save_interval_s: the number is too large"),
        ('service = ["a=1", "a=2"]', "service: the service a is given twice"),
        ("bind = \nban = []", "is not TOML: Invalid value (at line 1, column 8)"),
    ],
)
def test_what_is_wrong_is_named(path: Path, text: str, complaint: str) -> None:
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_values(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_skipped(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfnetwork = 'n'\n")
    assert read_values(path) == {"network": "n"}


def test_what_is_no_file_is_named(path: Path) -> None:
    with pytest.raises(UsageError, match=r"config.toml cannot be read: no such file or directory"):
        read_values(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not a text in UTF-8"):
        read_values(path)
    with pytest.raises(UsageError, match="cannot be read: is a directory"):
        read_values(path.parent)


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(UsageError, match="at most 1024 KiB"):
        read_values(Path("/dev/zero"))
