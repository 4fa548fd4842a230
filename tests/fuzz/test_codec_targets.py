"""The targets of the codec fuzzer without atheris: what is kept, and some random inputs, find
nothing; and each oracle finds a fault that is planted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kadisc.errors import DecodeError
from kadisc.wire.messages import Ping
from tests.fuzz.codec import __main__ as command
from tests.fuzz.codec import corpus
from tests.fuzz.codec.corpus import first_inputs, folder_of, kept_inputs
from tests.fuzz.codec.failures import Failure, failure_of, smallest
from tests.fuzz.codec.reached import reached, smallest_that_reach
from tests.fuzz.codec.registry import BY_NAME, TARGETS
from tests.fuzz.codec.target import Target, require, run_one
from tests.fuzz.codec.unguided import run_unguided

MAX_CORPUS_BYTES = 300_000
SEED = 1


def shown(failure: Failure) -> str:
    return f"{failure.target}: {failure.signature}: {failure.text}: {failure.data.hex()}"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_fails_of_what_is_kept(target: Target) -> None:
    for data in first_inputs(target):
        failure = failure_of(target, data)
        assert failure is None, shown(failure)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_fails_of_some_random_inputs(target: Target) -> None:
    outcome = run_unguided(target, SEED, runs=target.quick_runs)
    assert outcome.inputs == target.quick_runs
    assert not outcome.failures, "\n".join(map(shown, outcome.failures.values()))


def test_the_corpus_is_small_and_of_known_targets() -> None:
    folders = [path for path in corpus.CORPUS.iterdir() if path.is_dir()]
    assert {path.name for path in folders} <= {*BY_NAME}
    files = [path for folder in folders for path in folder.iterdir()]
    assert sum(path.stat().st_size for path in files) <= MAX_CORPUS_BYTES
    for target in TARGETS:
        assert len(kept_inputs(target)) <= corpus.MAX_FILES
        assert all(len(data) <= target.max_bytes for data in kept_inputs(target)), target.name


# --- each oracle sees a planted fault -------------------------------------------------------------


def _raise(*_: Any, **__: Any) -> Any:
    raise KeyError("planted")


def _refuse(*_: Any, **__: Any) -> Any:
    raise DecodeError("planted-reason")


PLANTED = [
    ("messages", "kadisc.wire.usual.read_query", lambda payload: Ping(b"aaaa", 1)),
    ("messages", "kadisc.wire.krpc.message_from", _raise),
    ("messages", "kadisc.wire.krpc.message_from", _refuse),
    ("messages", "kadisc.wire.usual.write_reply", lambda reply: b"de"),
    ("messages", "kadisc.wire.compact.contacts_from", lambda raw, family: []),
    ("records", "kadisc.wire.records.scope_of", _raise),
    ("records", "kadisc.wire.records.to_be_signed", lambda fields: b"de"),
    ("items", "kadisc.wire.items.is_canonical", lambda value: True),
    ("items", "kadisc.wire.items.whole_number", lambda raw: 5),
    ("book-lines", "kadisc.observe.book_lines.parse_endpoint", _raise),
    ("book-lines", "kadisc.observe.book_lines.services_document", lambda services: {}),
    ("state-file", "kadisc.net.state.state_file.id_from_bytes", _raise),
    ("state-rows", "kadisc.net.state.state_file.checked_nonce", _raise),
    ("state-rows", "kadisc.core.book.address_book.entry_of", _raise),
    ("identity", "kadisc.net.state.identity_file.ADDRESS_BYTES", {}),
    ("beacons", "kadisc.net.lan.beacons.MAX_PER_S", 1000),
    ("beacons", "kadisc.wire.beacon.hint_of", _raise),
    ("gateway", "kadisc.net.mapping.results.MIN_LEASE_S", 0),
    ("gateway", "kadisc.net.mapping.pcp.narrow_ip", lambda ip: ip[:5]),
    ("upnp", "kadisc.net.mapping.upnp_child.is_at", lambda url, gateway: True),
    ("upnp", "kadisc.net.mapping.upnp._printable", str),
    ("control-lines", "kadisc.control.protocol.msgspec.json.encode", lambda message: b"\n"),
    ("config-file", "kadisc.net.config_file.refusal_of", _raise),
    ("config-file", "kadisc.net.config_file.config_with", _raise),
    ("arguments", "kadisc.observe.services.service_value", _raise),
    ("addresses", "kadisc.endpoints.make_endpoint", _raise),
    ("addresses", "kadisc.endpoints.format_ip", lambda ip: "1.2.3.4"),
    ("http-requests", "kadisc.http.routes.parse_qsl", _raise),
    ("http-requests", "kadisc.http.paths.split_target", lambda request: urlsplit(request.target)),
    ("chain-nodes", "kadisc.feed.chain_node.one_line", str),
    ("chain-nodes", "kadisc.feed.bitcoin_version._unlike", _raise),
    ("as-map", "kadisc.as_map.AsMap._number", _raise),
]


@pytest.mark.parametrize(
    ("name", "place", "instead"), PLANTED, ids=[f"{name} {place}" for name, place, _ in PLANTED]
)
def test_a_planted_fault_is_found(
    name: str, place: str, instead: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = BY_NAME[name]
    inputs = first_inputs(target)
    assert all(failure_of(target, data) is None for data in inputs), "before"
    monkeypatch.setattr(place, instead)
    assert any(failure_of(target, data) is not None for data in inputs)


# --- the fuzzer itself ----------------------------------------------------------------------------


def _fails_with_two_letters(data: bytes) -> None:
    require(not (b"a" in data and data.endswith(b"b")), "a, and b at the end")


TOY = Target("toy", "no a before a b at the end", _fails_with_two_letters, lambda: [b"xxaxxb"])


def test_a_failing_input_becomes_as_small_as_it_can() -> None:
    failure = failure_of(TOY, b"--a" + b"-" * 500 + b"b")
    assert failure is not None
    assert smallest(failure, TOY).data == b"ab"


def test_random_changes_reach_what_stands_a_few_changes_away() -> None:
    target = Target("toy", "", _fails_with_two_letters, lambda: [b"xxxxb", b"a"])
    assert run_unguided(target, SEED, runs=2000).failures


def test_an_input_that_takes_long_fails() -> None:
    def slow(data: bytes) -> None:
        sum(range(3_000_000 if data else 1))

    target = Target("toy", "", slow, intended_s=0.0001)
    assert failure_of(target, b"") is None
    failure = failure_of(target, b"x")
    assert failure is not None
    assert failure.signature.startswith("TooSlow")


def test_the_command_replays_an_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "input"
    file.write_bytes(b"d1:t1:x1:y1:qe")
    assert command.main(["--target", "messages", "--replay", str(file)]) == 0
    monkeypatch.setattr("kadisc.wire.krpc.message_from", _raise)
    with pytest.raises(KeyError):
        command.main(["--target", "messages", "--replay", str(file)])
    assert "KeyError at tests/fuzz/test_codec_targets.py" in capsys.readouterr().out


def test_the_command_finds_a_fault_and_says_how_to_replay_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kadisc.wire.records.scope_of", _raise)
    words = ["--target", "records", "--unguided", "--minutes", "0.01", "--seed", "1"]
    assert command.main([*words, "--failures", str(tmp_path)]) == 1
    [replay] = [line for line in capsys.readouterr().out.splitlines() if "--replay" in line]
    path = Path(replay.split("--replay ")[1])
    assert path.parent == tmp_path
    with pytest.raises(KeyError):
        run_one(BY_NAME["records"], path.read_bytes())
    monkeypatch.undo()
    assert command.main([*words, "--failures", str(tmp_path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["records"]["inputs"] > 0
    assert summary["records"]["failures"] == []


def test_every_target_has_a_folder_of_its_own() -> None:
    assert len({folder_of(target) for target in TARGETS}) == len(TARGETS)
    assert all(target.oracle for target in TARGETS)


def test_what_is_kept_are_the_smaller_inputs_that_reach_something_new() -> None:
    target = BY_NAME["as-map"]
    inputs = sorted(first_inputs(target), key=len)
    chosen = smallest_that_reach(target, [*reversed(inputs), inputs[-1] + b"\0"])
    assert 1 < len(chosen) < len(inputs)
    assert [len(each) for each in chosen] == sorted(map(len, chosen))
    all_of_them = set().union(*(reached(target, each) for each in inputs))
    assert set().union(*(reached(target, each) for each in chosen)) == all_of_them != set()
    assert smallest_that_reach(target, [inputs[0], inputs[0]]) == [inputs[0]]
