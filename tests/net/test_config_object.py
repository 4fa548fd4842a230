"""A configuration that a program makes has the names of the file, and is checked as one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

import kadisc
from kadisc.config import Config, CoreConfig, TableConfig
from kadisc.config.keys import KEYS
from kadisc.endpoints import Family, format_endpoint, port_of
from kadisc.errors import UsageError
from kadisc.net.config_file import load_config, services_of, usable
from kadisc.wire.records import decode_record

FILE = """
bind = ["127.0.0.1:0"]
peer = ["127.9.9.9:7001"]
routers = []
network = "mychain"
service = ["p2p=9333", "fork=0xabcd"]
allow_private = true
ban = ["192.0.2.0/24"]
no_caps = true

[core.table]
k = 20
"""


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_the_file_is_the_field_of_that_name(name: str) -> None:
    value: Any = Config()
    for part in name.split("."):
        value = getattr(value, part)


def test_a_file_and_a_program_make_the_same_configuration(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    made = Config(
        bind=("127.0.0.1:0",),
        peer=("127.9.9.9:7001",),
        network="mychain",
        service={"p2p": 9333, "fork": b"\xab\xcd"},
        allow_private=True,
        ban=("192.0.2.0/24",),
        no_caps=True,
        core=CoreConfig(table=TableConfig(k=20)),
    )
    assert load_config(path) == load_config(str(path)) == usable(made)
    core = usable(made).core
    assert (core.allow_private, core.ban, core.defences.diversity_caps) == (
        True,
        ("192.0.2.0/24",),
        False,
    )
    assert usable(usable(made)) == usable(made)


def test_what_is_set_in_the_core_itself_stays() -> None:
    config = Config(ban=("192.0.2.0/24",), core=CoreConfig(read_only=True, ban=("10.0.0.0/8",)))
    core = config.settled().core
    assert (core.read_only, core.ban) == (True, ("10.0.0.0/8", "192.0.2.0/24"))


def test_lists_paths_and_services_as_in_the_file_are_taken(tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "bind": ["127.0.0.1:0"],
        "service": ["p2p=9333"],
        "state_dir": tmp_path,
    }
    config = usable(Config(**given))
    assert (config.bind, config.state_dir) == (("127.0.0.1:0",), str(tmp_path))
    assert services_of(config) == {"p2p": 9333}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bind": "0.0.0.0:1"}, r"Config.bind: expected a list of texts, as in \['0.0.0.0:1'\]"),
        ({"bind": [b"x"]}, r"Config.bind\[0\]: expected a text in quotes, not bytes"),
        ({"bootstrap": ("router",)}, "Config.bootstrap: expected HOST:PORT"),
        ({"network": 3}, "Config.network: expected a text"),
        ({"read_only": 1}, "Config.read_only: expected true or false, not a whole number"),
        ({"ban": ("x",)}, "Config.ban: expected a network such as 192.0.2.0/24"),
        ({"service": {"p2p": 0}}, "Config.service: p2p: expected a port"),
        (
            {"service": {"p2p": "9333"}},
            "Config.service: p2p: expected a port, bytes or a Service",
        ),
        ({"service": {"a b": 9}}, "Config.service: expected NAME=PORT"),
        ({"announce_interval_s": "5"}, "Config.announce_interval_s: expected a number"),
        (
            {"core": CoreConfig(table=TableConfig(k=0))},
            "Config.core.table.k: expected a number from 1 to 100",
        ),
        ({"core": None}, "has no field table"),
    ],
)
async def test_a_value_that_no_file_could_have_is_refused(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        async with kadisc.open_node(Config(**given)):
            pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("servise = []", r"mine.toml: there is no key servise; did you mean service\?"),
        ("peer = 'a:1'", "mine.toml: peer: expected a list in brackets"),
        ("bind = [", "mine.toml is not TOML"),
        (None, "mine.toml cannot be read: no such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)


async def test_a_node_opens_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    async with kadisc.open_node(load_config(path)) as node:
        assert node.own_network.name == "mychain"
        assert decode_record(node.record).services["p2p"] == 9333


async def test_an_empty_list_of_addresses_is_every_family_at_port_6881_or_another() -> None:
    config = Config(bind=(), state_dir=None)
    async with kadisc.open_node(config) as one, kadisc.open_node(config) as other:
        ports = [node.local_endpoints[Family.IPV4] for node in (one, other)]
        assert {format_endpoint(port).rpartition(":")[0] for port in ports} == {"0.0.0.0"}
        assert port_of(ports[0]) != port_of(ports[1])


@pytest.mark.parametrize(
    "opened", [lambda: kadisc.open_node(), lambda: kadisc.open_devnet(2)], ids=["node", "devnet"]
)
def test_asyncio_gets_a_sentence_that_names_trio(
    opened: Callable[[], AbstractAsyncContextManager[object]],
) -> None:
    async def main() -> None:
        async with opened():
            pass

    with pytest.raises(UsageError, match=r"runs on trio.*trio\.run\(main\) in place of asyncio"):
        asyncio.run(main())


def test_no_event_loop_at_all_gets_one_too() -> None:
    opening: Awaitable[object] = kadisc.open_node().__aenter__()
    with pytest.raises(UsageError, match=r"runs on trio: call it in a function"):
        opening.__await__().send(None)


def test_asking_does_not_import_asyncio() -> None:
    program = (
        "import sys, trio, kadisc\n"
        "async def main():\n"
        "    async with kadisc.open_node(kadisc.Config(bind=['127.0.0.1:0'])): pass\n"
        "trio.run(main)\n"
        "print('asyncio' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
