"""The grammar of bencode with either engine, and why the stock decoder of bencode.py must never see
a datagram.
"""

from __future__ import annotations

import random
import subprocess
import sys
from types import SimpleNamespace

import bencodepy
import pytest

from kadisc.errors import DecodeError
from kadisc.wire import bencode
from kadisc.wire.bencode import ENGINES, MAX_DEPTH, MAX_INT, MIN_INT, CodecEngine

every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)


def refusal(engine: CodecEngine, data: bytes, *, allow_slow: bool = True) -> str:
    with pytest.raises(DecodeError) as caught:
        engine.decode(data, allow_slow=allow_slow)
    assert caught.value.tid is None
    return caught.value.reason


VALUES = [
    (b"0:", b""),
    (b"4:spam", b"spam"),
    (b"3:e:d", b"e:d"),
    (b"1023:" + bytes(1023), bytes(1023)),
    (b"1024:" + bytes(1024), bytes(1024)),
    (b"100000:" + bytes(100_000), bytes(100_000)),
    (b"i0e", 0),
    (b"i-7e", -7),
    (b"i%de" % MAX_INT, MAX_INT),
    (b"i%de" % MIN_INT, MIN_INT),
    (b"le", []),
    (b"li1e1:ad1:bleee", [1, b"a", {b"b": []}]),
    (b"de", {}),
    (b"d0:0:e", {b"": b""}),
    (b"d0:i1e1:ai2ee", {b"": 1, b"a": 2}),
    (b"d1:ai1e2:aai2e1:bi3ee", {b"a": 1, b"aa": 2, b"b": 3}),
    (b"d1:\x7fi1e1:\x80i2ee", {b"\x7f": 1, b"\x80": 2}),
]


@every_engine
@pytest.mark.parametrize(("data", "value"), VALUES, ids=lambda case: repr(case)[:30])
def test_values_are_decoded_and_encoded(
    engine: CodecEngine, data: bytes, value: bencode.Value
) -> None:
    assert engine.decode(data) == value
    assert engine.decode(data, allow_slow=False) == value
    assert engine.encode(value) == data


@every_engine
def test_unsorted_keys_are_accepted_and_sent_sorted(engine: CodecEngine) -> None:
    value = engine.decode(b"d1:bi1e1:ai2e1:cd1:yi3e0:i4eee")
    assert value == {b"a": 2, b"b": 1, b"c": {b"": 4, b"y": 3}}
    assert engine.encode(value) == b"d1:ai2e1:bi1e1:cd0:i4e1:yi3eee"


REFUSALS = [
    (b"", "truncated"),
    (b"5:spam", "truncated"),
    (b"1:", "truncated"),
    (b"999999999999999999:a", "truncated"),
    (b"l", "truncated"),
    (b"li1e", "truncated"),
    (b"d", "truncated"),
    (b"d1:a", "truncated"),
    (b"d9:a", "truncated"),
    (b"d1:ai1e", "truncated"),
    (b"e", "bad-prefix"),
    (b":", "bad-prefix"),
    (b"-1:a", "bad-prefix"),
    (b"+1:a", "bad-prefix"),
    (b" 1:a", "bad-prefix"),
    (b"x", "bad-prefix"),
    (b"\xff", "bad-prefix"),
    (b"d1:ae", "bad-prefix"),
    (b"d0:0:1:a-5:e", "bad-prefix"),
    (b"01:a", "bad-length"),
    (b"00:", "bad-length"),
    (b"1 :a", "bad-length"),
    (b"1_0:abcdefghij", "bad-length"),
    (b"12", "bad-length"),
    (b"1", "bad-length"),
    (b"1;a", "bad-length"),
    (b"18446744073709551617:a", "bad-length"),
    (b"9" * 3000 + b":a", "bad-length"),
    (b"d01:ai1ee", "bad-length"),
    (b"d1", "bad-length"),
    (b"d12", "bad-length"),
    (b"ie", "bad-int"),
    (b"i-e", "bad-int"),
    (b"i", "bad-int"),
    (b"i5", "bad-int"),
    (b"i-0e", "bad-int"),
    (b"i-05e", "bad-int"),
    (b"i00e", "bad-int"),
    (b"i05e", "bad-int"),
    (b"i+5e", "bad-int"),
    (b"i5_0e", "bad-int"),
    (b"i 5e", "bad-int"),
    (b"i5 e", "bad-int"),
    (b"i--5e", "bad-int"),
    (b"i5.0e", "bad-int"),
    (b"i\xd9\xa5e", "bad-int"),  # a digit in Arabic script, which int() takes in text
    (b"i%de" % (MAX_INT + 1), "int-range"),
    (b"i%de" % (MIN_INT - 1), "int-range"),
    (b"i" + b"1" * 21 + b"e", "int-range"),
    (b"i" + b"1" * 5000 + b"e", "int-range"),  # more digits than int() converts
    (b"d1:ad1:bli99999999999999999999eeee", "int-range"),
    (b"di1ei2ee", "bad-key"),
    (b"dlei2ee", "bad-key"),
    (b"d-1:ai1ee", "bad-key"),
    (b"d:i1ee", "bad-key"),
    (b"d0:0:-5:", "bad-key"),
    (b"d1:ai1e1:ai2ee", "duplicate-key"),
    (b"d0:i1e0:i2ee", "duplicate-key"),
    (b"d1:bi1e1:ai1e1:bi2ee", "duplicate-key"),
    (b"ld1:ai1e1:ai2eee", "duplicate-key"),
    (b"l" * 11 + b"e" * 11, "too-deep"),
    (b"d1:a" * 11 + b"de" + b"e" * 11, "too-deep"),
    (b"l" * 11 + b"e" * 11 + b"i-0e", "too-deep"),
    (b"l" * 100_000, "too-deep"),
    (b"l" * 4000 + b"e" * 4000, "too-deep"),
    (b"l" * 1_000_000 + b"e" * 1_000_000, "too-deep"),
    (b"i1ei2e", "trailing-data"),
    (b"4:spam\n", "trailing-data"),
    (b"dee", "trailing-data"),
]


@every_engine
@pytest.mark.parametrize(("data", "reason"), REFUSALS, ids=lambda case: repr(case)[:30])
def test_refusals(engine: CodecEngine, data: bytes, reason: str) -> None:
    assert refusal(engine, data) == reason
    assert refusal(engine, data, allow_slow=False) == "slow-decode-budget"


def test_every_reason_is_in_the_table_above() -> None:
    assert {reason for _, reason in REFUSALS} | {"slow-decode-budget"} == set(bencode.REASONS)


@every_engine
def test_without_the_slow_decoder_only_sorted_dicts_are_accepted(engine: CodecEngine) -> None:
    unsorted = b"d1:a1:x1:bd1:di1e1:ci2eee"
    assert engine.decode(unsorted) == {b"a": b"x", b"b": {b"c": 2, b"d": 1}}
    assert refusal(engine, unsorted, allow_slow=False) == "slow-decode-budget"


@every_engine
def test_depth_counts_nested_containers_not_items(engine: CodecEngine) -> None:
    deepest = b"l" * MAX_DEPTH + b"i1e" + b"e" * MAX_DEPTH
    assert engine.decode(deepest) == [[[[[[[[[[1]]]]]]]]]]
    many = b"l" + deepest[1:-1] * 20 + b"de" * 20 + b"e"
    assert len(engine.decode(many)) == 40  # type: ignore[arg-type]


@every_engine
def test_long_runs_of_digits_in_strings_are_accepted(engine: CodecEngine) -> None:
    """They look like ints out of range to the first check of the fast engine."""
    value = {b"a": b"i12345678901234567890", b"b": [MAX_INT, MIN_INT, {}], b"c": b"e" * 30}
    assert engine.decode(engine.encode(value)) == value


# --- The stock decoder of bencode.py 4.1.0 --------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "misread"),
    [
        (b"i+5e", 5),
        (b"i5_0e", 50),
        (b"i 5 e", 5),
        (b"1 :a", b"a"),
        (b"1_0:abcdefghij", b"abcdefghij"),
        (b"d1:ai1e1:ai2ee", {b"a": 2}),
    ],
)
def test_the_stock_decoder_accepts_what_both_engines_refuse(
    data: bytes, misread: bencode.Value
) -> None:
    assert bencodepy.decode(data) == misread
    for engine in ENGINES:
        assert refusal(engine, data) in {"bad-int", "bad-length", "duplicate-key"}


def test_the_stock_decoder_hangs_on_eight_bytes() -> None:
    """In a process of its own, which prints when it begins. A second is ten thousand times as long
    as a decode takes.
    """
    program = "import bencodepy; print('begun', flush=True); bencodepy.decode(b'd0:0:-5:')"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"begun\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=1)
        finally:
            process.kill()


@every_engine
@pytest.mark.timeout(10)
def test_the_engines_refuse_those_eight_bytes(engine: CodecEngine) -> None:
    assert refusal(engine, b"d0:0:-5:") == "bad-key"


@every_engine
@pytest.mark.timeout(60)
def test_no_short_input_hangs(engine: CodecEngine) -> None:
    """Strings of the bytes that move a cursor: all with up to 5 bytes, and many with up to 14."""
    rng = random.Random(1)
    alphabet = b"d-05:iel1"
    longer = (bytes(rng.choices(alphabet, k=rng.randint(6, 14))) for _ in range(30_000))
    for data in (*all_strings(alphabet, 5), *longer):
        try:
            engine.decode(data)
        except DecodeError as error:
            assert error.reason in bencode.REASONS


def all_strings(alphabet: bytes, longest: int) -> list[bytes]:
    found, last = [b""], [b""]
    for _ in range(longest - 1):
        last = [head + bytes((byte,)) for head in last for byte in alphabet]
        found += last
    return found


# --- Which engine ---------------------------------------------------------------------------------


def test_the_fastest_installed_engine_is_the_one_in_use() -> None:
    assert ENGINES[-1] == bencode.BENCODE_PY
    assert (bencode.ENGINE, bencode.decode, bencode.encode) == ENGINES[0]


def test_without_bencode2_bencode_py_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bencode2", None)
    assert bencode.find_bencode2() is None


def test_the_python_form_of_bencode2_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no faster than bencode.py, and recurses thousands deep."""
    monkeypatch.setitem(sys.modules, "bencode2", SimpleNamespace(COMPILED=False))
    assert bencode.find_bencode2() is None


@every_engine
def test_a_nested_value_is_encoded_with_sorted_keys(engine: CodecEngine) -> None:
    value = {b"z": [1, b"two", [3], {b"four": -4}], b"a": b"", b"m": {b"x": {}, b"": []}}
    assert engine.encode(value) == b"d1:a0:1:md0:le1:xdee1:zli1e3:twoli3eed4:fouri-4eeee"
