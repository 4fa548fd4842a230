"""What a node must not lose: the secret of its key, its addresses, its sequences. It survives
damage to any one of the files, a crash between them, and files of older versions.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadisc.core.contract.saved_state import (
    SavedBook,
    SavedContact,
    SavedDht,
    SavedPeerNetwork,
    SavedState,
)
from kadisc.endpoints import Family
from kadisc.net.state import state_folder
from kadisc.net.state.damage import DamagedState, NewerState
from kadisc.net.state.identity_file import KeptIdentity, decode_identity, encode_identity
from kadisc.net.state.state_file import SCHEMA_VERSION, encode_state, read_state, replace_state
from kadisc.net.state.state_folder import StateFolder, Unsaved, read_saved_state, read_seed
from kadisc.observe.shell_events import StateDamaged, StateSetAside, StateUnsaved
from tests.support.old_files import NETWORK, SECOND_NETWORK, STATE, copy_of_state

from .test_state_file import SEED, contact, full_state, with_items

KEPT = KeptIdentity(
    SEED, {Family.IPV4: bytes((45, 1, 2, 3)), Family.IPV6: bytes(range(16))}, {"my ☂": 7, "n": 0}
)


def saved(sequence: int, contacts: int = 3) -> SavedState:
    return SavedState(
        (
            SavedDht(
                Family.IPV4,
                bytes((45, 1, 2, 3)),
                tuple(contact(number) for number in range(contacts)),
            ),
        ),
        SavedPeerNetwork(sequence, SavedBook()),
    )


def sequence_in(folder: Path, network: str = "n") -> int:
    network_state = read_saved_state(folder, network).peer_network
    return network_state.sequence if network_state is not None else -1


def save_in(folder: Path, state: SavedState, seed: bytes = SEED) -> tuple[object, ...]:
    """One run of a node: its notices at the start."""
    state_of_node = StateFolder(folder)
    try:
        kept, notices = state_of_node.open()
        state_of_node.save(kept.seed or seed, "n", state)
    finally:
        state_of_node.close()
    return notices


# --- the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [KeptIdentity(), KeptIdentity(SEED), KEPT])
def test_what_is_written_is_read(kept: KeptIdentity) -> None:
    assert decode_identity(encode_identity(kept)) == kept
    assert encode_identity(kept).isascii()


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damage_to_one_of_the_two_lines_loses_nothing(data: st.DataObject) -> None:
    image = encode_identity(KEPT)
    half, second = len(image) // 2, data.draw(st.booleans())
    damaged = bytearray(image)
    for _ in range(data.draw(st.integers(1, 20))):
        at = data.draw(st.integers(0, half - 2)) + half * second
        byte = data.draw(st.integers(0, 255).filter(lambda value: value != 10))
        damaged[at] = byte
    assert decode_identity(bytes(damaged)) == KEPT
    cut = data.draw(st.integers(half, len(image)))
    assert decode_identity(image[:cut]) == KEPT


@given(st.binary(max_size=300) | st.integers(0, 400).map(lambda n: encode_identity(KEPT)[:n]))
def test_no_bytes_raise_another_exception(image: bytes) -> None:
    try:
        assert decode_identity(image) == KEPT
    except DamagedState as damage:
        assert str(damage).isprintable()


def with_checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:16].encode() + b" " + text + b"\n"


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"kadisc-identity": 1, "seed": "00", "addresses": {}, "sequences": {}}',
        b'{"kadisc-identity": 1, "seed": 5, "addresses": {}, "sequences": {}}',
        b'{"kadisc-identity": 1, "seed": null, "addresses": {"ipv8": "00"}, "sequences": {}}',
        b'{"kadisc-identity": 1, "seed": null, "addresses": {"ipv4": "00"}, "sequences": {}}',
        b'{"kadisc-identity": 1, "seed": null, "addresses": {}, "sequences": {"n": -1}}',
        b'{"kadisc-identity": 1, "seed": null, "addresses": {}, "sequences": {"n": 1e999}}',
        b'{"kadisc-identity": 1, "seed": null, "addresses": {}, "sequences": {"\\ud800": 5}}',
        b'{"kadisc-identity": "x", "seed": null, "addresses": {}, "sequences": {}}',
    ],
)
def test_what_kadisc_never_writes_is_damage(text: bytes) -> None:
    with pytest.raises(DamagedState):
        decode_identity(with_checksum(text))


def test_a_later_version_is_not_damage() -> None:
    with pytest.raises(NewerState):
        decode_identity(with_checksum(b'{"kadisc-identity": 2, "other": 1}'))


# --- the two files together -----------------------------------------------------------------------


def test_no_damage_to_the_state_file_costs_the_key(tmp_path: Path) -> None:
    """Bytes, pages and tables at random; the node starts, saves and has what it must not lose."""
    save_in(tmp_path / "whole", saved(41))
    image = (tmp_path / "whole" / "state.sqlite3").read_bytes()
    rng = random.Random(1)
    for number in range(60):
        folder = Path(shutil.copytree(tmp_path / "whole", tmp_path / f"damaged{number}"))
        damaged = bytearray(image)
        for _ in range(rng.choice((1, 3, 30, 3000))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        cut = rng.choice((len(image), len(image), rng.randrange(len(image))))
        (folder / "state.sqlite3").write_bytes(damaged[:cut])
        assert read_seed(folder) == SEED
        state_of_node = StateFolder(folder)
        kept, notices = state_of_node.open()
        assert kept.seed == SEED
        assert kept.addresses[Family.IPV4] == bytes((45, 1, 2, 3))
        assert kept.peer_networks["n"].sequence == 41
        assert len(notices) <= 1
        if not any(isinstance(notice, StateUnsaved) for notice in notices):
            state_of_node.save(b"x" * 32, "n", saved(42))
            assert (read_seed(folder), sequence_in(folder)) == (SEED, 42)
        state_of_node.close()


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_no_damage_to_the_file_of_the_identity_costs_the_key_either(
    tmp_path: Path, damage: bytes | None
) -> None:
    save_in(tmp_path, saved(41))
    if damage is None:
        (tmp_path / "identity").unlink()
    else:
        (tmp_path / "identity").write_bytes(damage)
    notices = save_in(tmp_path, saved(42), seed=b"x" * 32)
    assert [type(notice) for notice in notices] == ([] if damage is None else [StateSetAside])
    assert decode_identity((tmp_path / "identity").read_bytes()).seed == SEED
    assert sequence_in(tmp_path) == 42
    assert (tmp_path / "identity").stat().st_mode & 0o777 == 0o600


def test_rows_that_are_left_out_are_told_once(tmp_path: Path) -> None:
    state = with_items()
    state.contacts["n"] = (contact(1), SavedContact(contact(2).contact, -1.0, 1.0))
    replace_state(tmp_path / "state.sqlite3", state)
    [notice] = save_in(tmp_path, saved(5))
    assert isinstance(notice, StateDamaged)
    assert notice.reason == "1 entry left out"
    assert save_in(tmp_path, saved(6)) == ()


def test_after_a_crash_between_the_two_files_the_larger_sequence_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_in(tmp_path, saved(41))
    old = (tmp_path / "identity").read_bytes()

    def crash(path: Path, state: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(state_folder, "replace_state", crash)
        save_in(tmp_path, saved(45))
    assert sequence_in(tmp_path) == 45, "the identity is written first"
    save_in(tmp_path, saved(47))
    (tmp_path / "identity").write_bytes(old)  # from a backup
    assert sequence_in(tmp_path) == 47


def test_of_two_keys_the_one_in_the_file_of_the_identity_counts(tmp_path: Path) -> None:
    save_in(tmp_path, saved(41))
    replace_state(tmp_path / "state.sqlite3", full_state())
    (tmp_path / "identity").write_bytes(encode_identity(KeptIdentity(b"y" * 32)))
    assert read_seed(tmp_path) == b"y" * 32


def test_the_identity_is_written_only_where_it_has_changed(tmp_path: Path) -> None:
    save_in(tmp_path, saved(41))
    before = (tmp_path / "identity").stat()
    save_in(tmp_path, saved(41, contacts=9))
    assert (tmp_path / "identity").stat().st_ino == before.st_ino
    save_in(tmp_path, saved(42))
    assert (tmp_path / "identity").stat().st_ino != before.st_ino


def test_the_key_of_an_older_version_moves_at_the_first_save(tmp_path: Path) -> None:
    folder = copy_of_state(tmp_path)
    seed = bytes.fromhex(STATE["seed"])
    assert read_seed(folder) == seed
    assert not (folder / "identity").exists(), "reading writes nothing"
    before = {name: sequence_in(folder, name) for name in (NETWORK, SECOND_NETWORK)}
    assert save_in(folder, saved(1)) == ()
    kept = decode_identity((folder / "identity").read_bytes())
    assert kept.seed == seed
    assert kept.sequences == before | {"n": 1}


def test_an_older_version_refuses_the_file_and_leaves_it(tmp_path: Path) -> None:
    """Its schema number is larger, so that no second sequence begins beside this one."""
    save_in(tmp_path, saved(41))
    image = (tmp_path / "state.sqlite3").read_bytes()
    assert int.from_bytes(image[60:64], "big") == SCHEMA_VERSION
    newer = image[:60] + (SCHEMA_VERSION + 1).to_bytes(4, "big") + image[64:]
    (tmp_path / "state.sqlite3").write_bytes(newer)
    node = StateFolder(tmp_path)
    kept, [notice] = node.open()
    assert isinstance(notice, StateUnsaved)
    assert kept.seed == SEED
    with pytest.raises(Unsaved):
        node.save(SEED, "n", saved(42))
    node.close()
    assert (tmp_path / "state.sqlite3").read_bytes() == newer


def test_no_contact_of_a_negative_age_is_written_twice(tmp_path: Path) -> None:
    state = full_state(3)
    state.contacts["mainline"] += (SavedContact(contact(9).contact, -5.0, 0.0),)
    (tmp_path / "state").write_bytes(encode_state(state))
    found = read_state(tmp_path / "state")
    assert found is not None
    assert found.contacts["mainline"] == state.contacts["mainline"][:-1]
