"""The folder of the state: who may write it, what a planted link does, and what happens when the
lock or the folder goes away.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from kadisc.contacts import Contact
from kadisc.core.contract.saved_state import SavedContact, SavedDht, SavedState
from kadisc.endpoints import Family
from kadisc.errors import StateUnusable, UsageError
from kadisc.net.state import identity_file, private_files, state_folder
from kadisc.net.state.private_files import UnsafeFolder, check_folder, replace_file
from kadisc.net.state.state_file import read_state, replace_state
from kadisc.net.state.state_folder import StateFolder, Unsaved, read_seed
from kadisc.observe.shell_events import StateUnsaved
from tests.support.world import address

from .test_state_file import SEED, full_state

NOTHING = SavedState(())


def opened(folder: Path) -> StateFolder:
    node = StateFolder(folder)
    node.open()
    return node


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the user that is not the node's, with a mode of its own."""
    path = tmp_path / "victim"
    path.write_text("precious")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    "name", ["state.sqlite3", "state.sqlite3.new", "identity", "identity.new", "state.lock"]
)
def test_a_planted_link_leads_to_no_other_file(tmp_path: Path, victim: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    (folder / name).symlink_to(victim)
    node = StateFolder(folder, optional=True)
    node.open()
    try:
        node.save(SEED, "n", NOTHING)
    except Unsaved:
        assert name in ("state.lock", "state.sqlite3", "identity")
    node.close()
    assert victim.read_text() == "precious"
    assert victim.stat().st_mode & 0o777 == 0o644


def test_new_files_have_names_that_nobody_can_plant(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_files.secrets, "token_hex", lambda count: "known")
    beside = tmp_path / "state.known.new"
    beside.symlink_to(victim)
    with pytest.raises(FileExistsError):
        replace_file(tmp_path / "state", b"image")
    assert victim.read_text() == "precious"
    assert beside.is_symlink()


def test_what_crashes_have_left_is_removed_at_the_start(tmp_path: Path) -> None:
    for name in ("state.sqlite3.0123.new", "identity.4567.new", "mine.new"):
        (tmp_path / name).write_text("half")
    opened(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.new", "state.lock"]


# --- whose folder it is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "is_safe"), [(0o700, True), (0o755, True), (0o777, False), (0o1777, False)]
)
def test_a_folder_that_everybody_may_write_is_refused(
    tmp_path: Path, mode: int, is_safe: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    if is_safe:
        opened(folder).close()
        return
    with pytest.raises(UsageError, match="others may write into the state folder"):
        StateFolder(folder).open()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("group_name", "members", "is_safe"),
    [("me", [], True), ("me", ["me"], True), ("me", ["me", "you"], False), ("staff", [], False)],
)
def test_the_private_group_of_the_user_may_write(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    group_name: str,
    members: list[str],
    is_safe: bool,
) -> None:
    """A umask of 002 goes with a group for each user; a group with others in it is not private."""
    import grp
    import pwd
    from types import SimpleNamespace

    tmp_path.chmod(0o770)
    gid = tmp_path.stat().st_gid
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name="me", pw_gid=gid))
    monkeypatch.setattr(
        grp, "getgrgid", lambda number: SimpleNamespace(gr_name=group_name, gr_mem=members)
    )
    if is_safe:
        check_folder(tmp_path)
    else:
        with pytest.raises(UnsafeFolder, match="chmod go-w"):
            check_folder(tmp_path)


def test_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).close()
    node = opened(tmp_path)
    node.save(SEED, "n", NOTHING)
    node.close()
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(UsageError, match=r"belongs to .*; use a folder of your own"):
        StateFolder(tmp_path).open()
    assert read_seed(tmp_path) is None, "nothing planted is read either"


def test_a_folder_that_everybody_may_replace_is_refused(tmp_path: Path) -> None:
    """Above it, the sticky bit keeps others from renaming it, as in /tmp."""
    above = tmp_path / "above"
    folder = above / "folder"
    folder.mkdir(mode=0o700, parents=True)
    above.chmod(0o1777)
    opened(folder).close()
    above.chmod(0o777)
    with pytest.raises(UsageError, match="others may replace the state folder"):
        StateFolder(folder).open()


# --- what goes away -------------------------------------------------------------------------------


def test_a_lock_that_was_removed_is_noticed_before_a_save(tmp_path: Path) -> None:
    """A second node with the same key cannot write into the same folder unnoticed."""
    first = opened(tmp_path)
    first.save(SEED, "n", NOTHING)
    (tmp_path / "state.lock").unlink()
    second = opened(tmp_path)
    with pytest.raises(Unsaved, match="another node uses the state folder"):
        first.save(SEED, "n", NOTHING)
    assert not first.is_locked
    second.save(SEED, "n", NOTHING)
    second.close()
    first.save(SEED, "n", NOTHING)
    with pytest.raises(UsageError, match="another node"):
        StateFolder(tmp_path).open()
    first.close()


def test_a_lock_that_was_removed_is_taken_again_where_nobody_else_has_it(tmp_path: Path) -> None:
    node = opened(tmp_path)
    (tmp_path / "state.lock").unlink()
    node.save(SEED, "n", NOTHING)
    with pytest.raises(UsageError, match="another node"):
        StateFolder(tmp_path).open()
    node.close()


def test_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    node = opened(folder)
    node.save(SEED, "n", NOTHING)
    shutil.rmtree(tmp_path / "a")
    node.save(SEED, "n", NOTHING)
    assert read_seed(folder) == SEED
    assert folder.stat().st_mode & 0o777 == 0o700
    node.close()


def test_a_folder_that_others_may_write_meanwhile_is_not_written(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    node = opened(folder)
    folder.chmod(0o777)
    (folder / "state.lock").unlink()
    with pytest.raises(Unsaved, match="others may write"):
        node.save(SEED, "n", NOTHING)
    folder.chmod(0o700)
    node.save(SEED, "n", NOTHING)
    node.close()


def test_a_lock_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "state.lock")
    node = StateFolder(tmp_path, optional=True)
    node.open()
    with pytest.raises(Unsaved):
        node.save(SEED, "n", NOTHING)
    assert not node.is_locked


def test_a_save_does_not_read_back_what_other_networks_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read a full state takes longer than to write it, at each save."""
    folder = tmp_path / "folder"
    first = opened(folder)
    contact = SavedContact(Contact(5, address(1)), 1.0, 1.0)
    first.save(SEED, "other", SavedState((SavedDht(Family.IPV4, None, (contact,)),)))
    first.close()
    node = opened(folder)

    def unread(path: Path) -> None:
        raise AssertionError("the file is read back")

    monkeypatch.setattr(state_folder, "read_state", unread)
    for age_s in (1.0, 2.0):
        mine = SavedContact(Contact(6, address(2)), age_s, 1.0)
        node.save(SEED, "mine", SavedState((SavedDht(Family.IPV4, None, (mine,)),)))
    monkeypatch.undo()
    node.close()
    kept = read_state(folder / "state.sqlite3")
    assert kept is not None
    assert kept.contacts == {"other": (contact,), "mine": (mine,)}
    assert read_seed(folder) == SEED


# --- folders that were asked for ------------------------------------------------------------------


def refused(*_: object, **__: object) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_folder_that_cannot_be_written_is_refused_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a" / "b"
    monkeypatch.setattr(state_folder, "check_writable", refused)
    with pytest.raises(StateUnusable, match=r"b: read-only file system; .*--ephemeral"):
        StateFolder(folder).open()
    assert list(tmp_path.iterdir()) == []
    node = StateFolder(folder, optional=True)
    assert [type(notice) for notice in node.open()[1]] == [StateUnsaved]
    node.close()


def test_a_full_disk_is_no_reason_not_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StateFolder(tmp_path).open()
    monkeypatch.setattr(state_folder, "check_writable", full)
    node = StateFolder(tmp_path / "another")
    assert [type(notice) for notice in node.open()[1]] == [StateUnsaved]
    node.close()


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_folder_whose_key_cannot_be_read_is_refused(tmp_path: Path, is_lost: bool) -> None:
    """With the key of the file of the identity, the node is the one that was meant."""
    replace_state(tmp_path / "state.sqlite3", full_state())
    image = (tmp_path / "state.sqlite3").read_bytes()
    (tmp_path / "state.sqlite3").write_bytes(image[:60] + (9).to_bytes(4, "big") + image[64:])
    if not is_lost:
        kept = identity_file.KeptIdentity(SEED)
        (tmp_path / "identity").write_bytes(identity_file.encode_identity(kept))
    node = StateFolder(tmp_path)
    if is_lost:
        with pytest.raises(StateUnusable, match="later version"):
            node.open()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["state.sqlite3"]
    else:
        kept_state, [notice] = node.open()
        assert (kept_state.seed, type(notice)) == (SEED, StateUnsaved)
        node.close()


@pytest.mark.parametrize("folder", ["~nosuchuser/x", "a\0b"])
def test_a_path_that_leads_nowhere_is_refused(folder: str) -> None:
    with pytest.raises(StateUnusable):
        StateFolder(folder)


def test_a_folder_that_has_another_key_meanwhile_is_not_written(tmp_path: Path) -> None:
    node = StateFolder(tmp_path / "own")
    node.open()
    node.save(SEED, "n", SavedState(()))
    other = StateFolder(tmp_path / "other")
    other.open()
    other.save(b"x" * 32, "n", SavedState(()))
    other.close()
    shutil.rmtree(tmp_path / "own")
    (tmp_path / "other").rename(tmp_path / "own")
    before = (tmp_path / "own" / "identity").read_bytes()
    with pytest.raises(Unsaved, match="another node's: it has another key"):
        node.save(SEED, "n", SavedState(()))
    assert (tmp_path / "own" / "identity").read_bytes() == before
    node.close()


def test_it_is_told_that_a_folder_was_made_again(tmp_path: Path) -> None:
    node = StateFolder(tmp_path / "own")
    node.open()
    assert not node.save(SEED, "n", SavedState(()))
    assert node.is_in_place
    shutil.rmtree(tmp_path / "own")
    assert not node.is_in_place
    assert node.save(SEED, "n", SavedState(()))
    assert not node.save(SEED, "n", SavedState(()))
    node.close()
