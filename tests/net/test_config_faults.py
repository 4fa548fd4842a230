"""All faults of a configuration file at once, with their lines."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.config.keys import KEYS
from kadisc.errors import UsageError
from kadisc.net.config_faults import MAX_FAULTS, faults_in
from kadisc.net.config_file import MAX_FILE_BYTES, read_values
from kadisc.net.contradictions import ORDERED
from kadisc.net.toml_lines import key_lines

PATIENCE_S = 60
MANY = """\
bnid = ["0.0.0.0:6881"]
network = "x
bind = ["0.0.0.0:6881", "0.0.0.0:6882", "nonsense"]
ban = [
  "10.0.0.0/8",
  "10.0.0.0/33", 5,
]
lan = "only"
port_mapping = "upnp"
bootstrap_retry_s = 100
reachable = "perhaps"

[core.table]
k = 99999999
network = "late"
spares_per_bucket = 3
k = 3
[cor]
x = 1
"""
"""Faults of every kind but those of the whole file."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def faults(path: Path, text: str) -> list[tuple[int | None, str]]:
    path.write_text(text, encoding="utf-8")
    found, has_more = faults_in(path)
    assert not has_more
    return [(fault.line, fault.message) for fault in found]


def test_all_faults_are_told_by_their_lines(path: Path) -> None:
    found = faults(path, MANY)
    assert [line for line, _ in found] == [1, 2, 3, 4, 4, 9, 10, 11, 14, 15, 16, 17, 18]
    words = [message for _, message in found]
    assert words[0] == "there is no key bnid; did you mean bind?"
    assert words[1].startswith("is not TOML: the text in quotes does not end in its line")
    assert words[2].startswith("bind[2]: cannot listen on nonsense")
    assert words[3].startswith("ban[1]: expected a network")
    assert words[4] == "ban[2]: expected a text in quotes, not a whole number"
    assert words[5] == 'port_mapping: lan is "only", so no port would be forwarded'
    assert words[6].endswith("bootstrap_retry_max_s is 60.0: it must not be less")
    assert words[7] == "reachable: expected auto, yes or no, not 'perhaps'"
    assert words[8] == "core.table.k: expected a number from 1 to 100, not 99999999"
    assert words[9].endswith("network stands above the first [table] of the file")
    assert words[10] == "core.table.spares_per_bucket is now core.table.replacements_per_bucket"
    assert words[11].startswith("is not TOML: cannot overwrite a value")
    assert words[12] == "there is no key cor; did you mean core?"


def test_a_list_that_is_not_closed_hides_no_other_fault(path: Path) -> None:
    found = faults(path, 'network = "x"\nbind = ["0.0.0.0:6881",\n  "x"\nk = 1\nreachable = "no"\n')
    assert found == [
        (2, "is not TOML: unclosed array"),
        (4, "there is no key k"),
    ]


def test_a_sound_file_has_none(path: Path) -> None:
    assert faults(path, 'network = "x"\n[core.table]\nk = 8\n') == []
    assert faults(path, "") == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('routers = ["192.0.2.1:6881"]\nno_routers = true', "routers"),
        ('lan = "only"\nrouters = ["192.0.2.1:6881"]', "routers"),
        ('lan = "only"\nmap_port = ["tcp:9333"]', "map_port"),
        ('port_mapping = "off"\nmap_port = ["tcp:9333"]', "map_port"),
        ('port_mapping = "off"\ngateway = ["192.168.1.1"]', "gateway"),
        ('bind = ["0.0.0.0:6881", "127.0.0.1:6882"]', "bind"),
        ('external = ["45.1.2.3", "45.1.2.4"]', "external"),
        ('bind = ["0.0.0.0:6881"]\nexternal = ["2a01::1"]', "external"),
        ('netrestrict = ["10.0.0.0/8"]\nban = ["10.0.0.0/8"]', "netrestrict"),
        ('read_only = true\nreachable = "yes"', "reachable"),
        ("bootstrap_retry_s = 100", "bootstrap_retry_s"),
        ("bootstrap_retry_max_s = 1", "bootstrap_retry_max_s"),
        ("[core.query]\nmin_stall_s = 3", "core.query.min_stall_s"),
    ],
)
def test_values_that_contradict_each_other(path: Path, text: str, key: str) -> None:
    """The node is not started with them either."""
    found = faults(path, text)
    assert [message.partition(": ")[0] for _, message in found] == [key]
    with pytest.raises(UsageError, match=f"{path}: {key}: "):
        read_values(path)


@pytest.mark.parametrize(
    "text",
    [
        "routers = []\nno_routers = true",
        'lan = "only"\nrouters = []\nport_mapping = "off"',
        'bind = ["0.0.0.0:6881", "[::]:6881"]\nexternal = ["45.1.2.3", "2a01::1"]',
        'netrestrict = ["10.0.0.0/8"]\nban = ["10.6.0.0/16"]',
        'read_only = true\nreachable = "no"',
        "bootstrap_retry_s = 60",
        "bootstrap_retry_s = 100\nbootstrap_retry_max_s = 100",
    ],
)
def test_what_agrees_is_fine(path: Path, text: str) -> None:
    assert faults(path, text) == []
    read_values(path)


def test_the_pairs_are_keys() -> None:
    for least, most in ORDERED:
        assert KEYS[least].default <= KEYS[most].default


def test_what_is_no_file(tmp_path: Path) -> None:
    def only(path: Path) -> str:
        [fault], _ = faults_in(path)
        return f"{fault.line}: {fault.message}"

    assert only(tmp_path / "none") == "None: cannot be read: no such file or directory"
    assert only(tmp_path) == "None: cannot be read: is a directory"
    assert only(Path("/dev/zero")).startswith("None: a configuration has at most 1024 KiB")
    latin = tmp_path / "latin"
    latin.write_bytes(b'# a comment\nnetwork = "Z\xfcrich"\n')
    assert only(latin) == "2: the byte at offset 24 is no text in UTF-8"


@pytest.mark.parametrize(
    "text",
    [
        "a." * 500_000 + "a = 1",
        "[" + "a." * 500_000 + "a]",
        "x = {" + "a." * 500_000 + "a = 1}",
        "x = " + "[" * 500_000,
        "x = " + "{a=" * 300_000,
        "x = " + "9" * 100_000,
        '"' * 1_000_000,
        "x = \n" * 3_000,
        "\n".join(f"unknown{number} = 1" for number in range(4_000)),
        "ban = [" + '"1.2.3.4/33",' * 5_000 + "]",
    ],
    ids=(
        *("key", "table", "inline", "lists", "tables", "number", "quotes"),
        *("syntax", "unknown", "bans"),
    ),
)
def test_a_hostile_file_takes_no_time(path: Path, text: str) -> None:
    """A key of half a million parts would take tomllib 40 minutes, also at the start of a node."""
    assert len(text) <= MAX_FILE_BYTES
    path.write_text(text)
    began = time.monotonic()
    found, _ = faults_in(path)
    assert 0 < len(found) <= MAX_FAULTS
    with pytest.raises(UsageError):
        read_values(path)
    assert time.monotonic() - began < PATIENCE_S


def test_dots_that_are_no_keys_are_not_counted(path: Path) -> None:
    bans = ", ".join(f'"10.{number}.0.0/16"' for number in range(200))
    assert faults(path, f"ban = [{bans}]  # {'.' * 100}\n") == []


# --- Lines ----------------------------------------------------------------------------------------

TRICKY = '''\
"quoted.name" = 1 # not = a key
text = """
no_key = 1
\\"""  [no.table]
""" # [no]
literal = \'\'\'
also_no = 2\'\'\'
list = [
  "]", # ]
  { in_list = 1 },
]
inline = { a = 1, b.c = 2 }
[ "a table" . b ]
c.d = 1
[[many]]
x = 1
[[many]]
x = 2
'''


def test_lines_of_tricky_toml() -> None:
    tomllib.loads(TRICKY)
    assert key_lines(TRICKY.split("\n")) == {
        "quoted.name": 1,
        "text": 2,
        "literal": 6,
        "list": 8,
        "inline": 12,
        "a table.b": 13,
        "a table.b.c.d": 14,
        "many": 15,
        "many.x": 16,
    }


NAMES = st.text("abc_-1", min_size=1, max_size=4)
VALUES = st.sampled_from(["1", '"x = 1"', "[\n  1,\n  2,\n]", "{ y = 1 }", '"""\nz = 1\n"""'])


@given(st.dictionaries(NAMES, VALUES, max_size=5), st.dictionaries(NAMES, VALUES, max_size=5))
def test_each_key_has_the_line_at_which_it_begins(
    top: dict[str, str], table: dict[str, str]
) -> None:
    text = "".join(f"{name} = {value}\n" for name, value in top.items())
    text += "# a comment\n[table]\n"
    text += "".join(f"{name} = {value}\n" for name, value in table.items())
    document = {} if "table" in top else tomllib.loads(text)
    lines = text.split("\n")
    found = key_lines(lines)
    for name in document:
        head = "[table]" if name == "table" else f"{name} = "
        assert lines[found[name] - 1].startswith(head)
    for name in document.get("table", {}):
        assert lines[found[f"table.{name}"] - 1].startswith(f"{name} = ")
    assert len(found) == len(top) + len(table) + 1


@given(st.text("ab=\"'[]{}.#\n\\ ", max_size=60))
def test_any_text_has_lines(text: str) -> None:
    lines = text.split("\n")
    assert all(1 <= line <= len(lines) for line in key_lines(lines).values())
