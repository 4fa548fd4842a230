"""What a ban by command may be, and what says so where one cannot be lifted; files of bans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kadisc.config import Config
from kadisc.endpoints import make_endpoint
from kadisc.errors import Busy, NotFound, UsageError
from kadisc.net.admin.ban_files import MAX_NETWORKS, read_ban_files
from kadisc.net.admin.bans import Bans
from kadisc.net.state.administration_file import MAX_BANS, SavedBan
from kadisc.networks import NetworkSet


def bans(*of_config: str, files: dict[str, NetworkSet] | None = None) -> Bans:
    return Bans(replace(Config(), ban=of_config).settled(), files or {})


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        (" 2001:DB8::1 ", "2001:db8::1/128"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
def test_a_ban_is_noted_in_one_form(text: str, network: str) -> None:
    noted = bans()
    assert noted.ban(text, None) == network
    assert noted.unban(text) == network
    assert not noted.banned()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "expected a network such as"),
        ("", "expected a network such as"),
        ("192.0.2.7:6881", "whatever the port"),
        ("[2001:db8::1]:6881", "whatever the port"),
        ("192.0.2.0/33", "expected a network such as"),
        ("0.0.0.0/0", "every address"),
        ("::/0", "every address"),
        ("x" * 10_000, "expected a network such as"),
    ],
)
def test_what_is_no_network_and_every_address_is_refused(text: str, words: str) -> None:
    noted = bans()
    with pytest.raises(UsageError, match=words):
        noted.ban(text, None)
    assert not noted.by_command


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("203.0.113.0/24", "is not banned; see"),
        ("198.51.100.0/24", "by the configuration"),
        ("198.51.100.9", "as a part of 198.51.100.0/24, by the configuration"),
        ("192.0.2.9", "as a part of 192.0.2.0/24: unban that"),
        ("192.0.0.0/16", "is not banned; see"),
        ("233.252.0.1", "by /lists/a: take it out there"),
    ],
)
def test_a_ban_that_cannot_be_lifted_says_why(text: str, words: str) -> None:
    noted = bans("198.51.100.0/24", files={"/lists/a": NetworkSet(["233.252.0.0/24"])})
    noted.ban("192.0.2.0/24", None)
    with pytest.raises(NotFound, match=words):
        noted.unban(text)
    assert list(noted.by_command) == ["192.0.2.0/24"]


def test_bans_end_one_after_the_other_and_can_be_prolonged() -> None:
    noted = bans()
    noted.ban("192.0.2.1", 10.0)
    noted.ban("192.0.2.2", 20.0)
    noted.ban("192.0.2.3", None)
    noted.ban("192.0.2.1", 30.0)
    assert noted.next_end_s() == 20.0
    assert noted.expire(20.0) == ["192.0.2.2/32"]
    assert noted.expire(29.9) == []
    assert noted.expire(1e12) == ["192.0.2.1/32"]
    assert noted.next_end_s() is None
    assert noted.saved() == (SavedBan("192.0.2.3/32", None),)


def test_bans_by_command_are_bounded() -> None:
    noted = bans()
    for number in range(MAX_BANS):
        noted.ban(f"10.0.{number >> 8}.{number & 255}", None)
    with pytest.raises(Busy, match="--ban-file"):
        noted.ban("192.0.2.1", None)
    noted.ban("10.0.0.1", 5.0)  # one that is there already


def test_a_file_of_bans_is_read_as_others_publish_them(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(
        b"\xef\xbb\xbf# a list\r\n\r\n192.0.2.0/24 ; SBL1\r\n2001:db8::/32# all\n  198.51.100.7\n"
    )
    [networks] = read_ban_files([str(path)]).values()
    assert len(networks) == 3
    for host in ("192.0.2.9", "2001:db8::9", "198.51.100.7"):
        assert make_endpoint(host, 1) in networks
    assert make_endpoint("198.51.100.8", 1) not in networks


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"192.0.2.0/24\n\nnonsense\n", "list, line 3: expected a network"),
        (b"\xff\xfe", "no.* text in UTF-8|not a text in UTF-8"),
        (b"#" * (9 << 20), "more than 8 MiB"),
        (b"10.0.0.1\n" * (MAX_NETWORKS + 1), "more than 200,000 networks"),
        (None, "cannot be read: no such file"),
    ],
)
def test_a_file_that_is_no_list_is_refused(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "list"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        read_ban_files([str(path)])


def test_a_folder_and_an_endless_device_are_refused(tmp_path: Path) -> None:
    for path in (str(tmp_path), "/dev/zero", "~nosuchuser/list"):
        with pytest.raises(UsageError):
            read_ban_files([path])
