"""The file of bans and static peers by command: what is written is read, and nothing else is."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.net.state.administration_file import (
    MAX_BANS,
    SavedAdministration,
    SavedBan,
    decode_administration,
    encode_administration,
    read_administration,
    write_administration,
)
from kadisc.net.state.damage import DamagedState, NewerState
from kadisc.observe.shell_events import StateDamaged, StateSetAside

SAVED = SavedAdministration(
    (SavedBan("192.0.2.0/24", 1795597328.5), SavedBan("2001:db8::/32")),
    ("192.0.2.7:6881", "[2001:db8::1]:5", "peer.example.org:6881"),
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_administration(tmp_path) == (SavedAdministration(), None)
    write_administration(tmp_path, SAVED)
    assert read_administration(tmp_path) == (SAVED, None)
    assert (tmp_path / "administration").stat().st_mode & 0o777 == 0o600


DOCUMENT = json.loads(encode_administration(SAVED))


@pytest.mark.parametrize(
    "changed",
    [
        {"bans": None},
        {"bans": [{}]},
        {"bans": [{"network": "nonsense", "until": None}]},
        {"bans": [{"network": "192.0.2.0/24", "until": -1}]},
        {"bans": [{"network": "192.0.2.0/24", "until": 1e300}]},
        {"bans": [{"network": "192.0.2.0/24", "until": float("nan")}]},
        {"bans": [{"network": 5, "until": None}] * (MAX_BANS + 1)},
        {"peers": [5]},
        {"peers": ["nonsense"]},
        {"peers": ["host:0"]},
        {"peers": "192.0.2.7:6881"},
        {"kadisc-administration": None},
    ],
)
def test_a_file_that_is_not_sound_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(DamagedState):
        decode_administration(json.dumps(DOCUMENT | changed).encode())


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_raise_damage_alone(image: bytes) -> None:
    with suppress(DamagedState, NewerState):
        decode_administration(image)


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "administration"
    path.write_text(json.dumps({"kadisc-administration": 2}))
    saved, notice = read_administration(tmp_path)
    assert saved == SavedAdministration() and isinstance(notice, StateDamaged)
    assert path.exists()


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "administration"
    path.write_bytes(b"x" * 100)
    saved, notice = read_administration(tmp_path)
    assert saved == SavedAdministration() and isinstance(notice, StateSetAside)
    assert not path.exists()
