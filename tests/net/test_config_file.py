"""The configuration file: what it may say, and the one line about what it may not."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from kadisc.config import PUBLIC_ROUTERS, Config, CoreConfig, Defences, TableConfig
from kadisc.errors import UsageError
from kadisc.net.config_file import CoreTables, Settings, read_settings

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
    config = read_settings(path).config()
    assert config.bind == ("0.0.0.0:6881", "[::]:6881")
    assert config.external == ("45.1.2.3:7000", "2a01::1")
    assert (config.bootstrap, config.routers, config.peers) == (
        ("node.example.org:6881",),
        (),
        ("192.168.1.2:6881",),
    )
    assert (config.network, config.state_dir) == ("my chain", "/var/lib/kadisc")
    assert (config.bootstrap_retry_s, config.save_interval_s) == (1.0, 12.5)
    core = config.core
    assert (core.restricted_to, core.banned) == (("10.0.0.0/8", "192.168.0.0/16"), ("10.6.6.0/24",))
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
    assert read_settings(path) == Settings()
    assert Settings().config() == replace(Config(), bind=(), routers=PUBLIC_ROUTERS)


def test_every_number_of_the_program_can_be_set() -> None:
    """Whoever adds one to the configuration is reminded of the file, where two have other names;
    only for programs: how often an announce is repeated.
    """
    said_otherwise = {"read_only", "allow_private", "banned", "restricted_to", "unlimited"}
    assert {each.name for each in fields(CoreConfig)} - said_otherwise == {
        each.name for each in fields(CoreTables)
    }
    assert {each.name for each in fields(Config)} - {
        "peers",
        "services",
        "announce_interval_s",
    } <= {each.name for each in fields(Settings)}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("bnid = []", "there is no key bnid; did you mean bind?"),
        ("[core.tabel]\nk = 8", "there is no key core.tabel; did you mean core.table?"),
        ("[core.table]\nK = 8", "there is no key core.table.K; did you mean core.table.k?"),
        ("[core.table]\nzzzzzz = 8", "there is no key core.table.zzzzzz"),
        ("[core]\nbanned = []", "there is no key core.banned"),
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
        ("state_dir = 2000-01-01", "state_dir: expected a text in quotes, not date"),
        ("[core.table]\nk = 0", "core.table.k: expected a number above 0, not 0"),
        (
            "[core.table]\nspares_per_bucket = -1",
            "core.table.replacements_per_bucket: expected a number of at least 0, not -1",
        ),
        (
            "[core.table]\nbucket_sizes = []",
            "core.table.bucket_sizes: expected a list of numbers above 0",
        ),
        (
            "[core.table]\nbucket_sizes = [8, 0]",
            "core.table.bucket_sizes: expected a list of numbers above 0",
        ),
        ("save_interval_s = nan", "save_interval_s: expected a number above 0, not nan"),
        ("save_interval_s = inf", "save_interval_s: expected a number above 0, not inf"),
        (
            "[core.address]\nagreement = 75",
            "core.address.agreement: expected a share of at most 1, not 75.0",
        ),
        (
            'ban = ["10.0.0.0/40"]',
            "ban: expected a network such as 192.0.2.0/24 or 2001:db8::/32: '10.0.0.0/40'",
        ),
        ('netrestrict = ["here"]', "netrestrict: expected a network such as"),
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
        ("bind = \nban = []", "is not TOML: Invalid value (at line 1, column 8)"),
    ],
)
def test_what_is_wrong_is_named(path: Path, text: str, complaint: str) -> None:
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_settings(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_named(path: Path) -> None:
    with pytest.raises(UsageError, match=r"config.toml cannot be read: no such file or directory"):
        read_settings(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not a text in UTF-8"):
        read_settings(path)
    with pytest.raises(UsageError, match="cannot be read: is a directory"):
        read_settings(path.parent)


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(UsageError, match="at most 1024 KiB"):
        read_settings(Path("/dev/zero"))
