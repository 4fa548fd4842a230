"""PCP and NAT-PMP as bytes: what is sent, and which answers count."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.net.mapping import natpmp, pcp
from kadisc.net.mapping.results import Grant, MappingRequest, Refusal, UnusableAnswer

from .scripted_router import AT_HOME_6, SOURCE, UDP, WAN, natpmp_answer, pcp_answer

NONCE = bytes(range(12))
TCP = MappingRequest("tcp", 30303, 51303, 3600)


def pcp_request(request: MappingRequest = UDP) -> bytes:
    return pcp.map_request(request, SOURCE, NONCE)


def test_a_pcp_request_is_as_rfc_6887_says() -> None:
    assert pcp_request().hex() == (
        "02010000"
        "00000e10"
        "00000000000000000000ffffc0a8010a"
        "000102030405060708090a0b"
        "11000000"
        "1ae1"
        "1ae1"
        "00000000000000000000ffff00000000"
    )


def test_a_pcp_request_for_a_pinhole_names_the_address_itself_and_no_wish() -> None:
    payload = pcp.map_request(TCP, AT_HOME_6.source, NONCE)
    assert payload[8:24] == AT_HOME_6.source
    assert payload[36:44].hex() == "06000000765fc867"
    assert payload[44:] == bytes(16)


def test_a_natpmp_request_is_as_rfc_6886_says() -> None:
    assert natpmp.map_request(TCP).hex() == "00020000765fc86700000e10"
    assert natpmp.map_request(UDP).hex() == "000100001ae11ae100000e10"
    deleted = MappingRequest("udp", 6881, 6881, 0)
    assert natpmp.map_request(deleted).hex() == "000100001ae1000000000000"


def test_a_grant_is_read() -> None:
    answer = pcp.read_answer(pcp_answer(pcp_request(), external=40_000), UDP, NONCE)
    assert answer == pcp.PcpAnswer(1000, Grant("pcp", 40_000, WAN, 3600.0))
    with_options = pcp_answer(pcp_request()) + bytes(8)
    assert isinstance(pcp.read_answer(with_options, UDP, NONCE).outcome, Grant)
    other = natpmp.read_answer(natpmp_answer(natpmp.map_request(UDP), external=40_000), UDP)
    assert other == natpmp.NatPmpAnswer(1000, Grant("natpmp", 40_000, None, 3600.0))
    address = natpmp.read_answer(natpmp_answer(natpmp.ADDRESS_REQUEST), UDP)
    assert address == natpmp.AddressAnswer(1000, WAN)


@pytest.mark.parametrize(
    ("lifetime_s", "lease_s"),
    [(0, None), (10, None), (29, None), (30, 30.0), (60, 60.0), (86_401, 86_400.0)]
    + [(0xFFFF_FFFF, 86_400.0)],
)
def test_the_lease_of_a_grant_has_bounds(lifetime_s: int, lease_s: float | None) -> None:
    by_pcp = pcp.read_answer(pcp_answer(pcp_request(), lifetime_s=lifetime_s), UDP, NONCE).outcome
    answer = natpmp.read_answer(natpmp_answer(natpmp.map_request(UDP), lifetime_s=lifetime_s), UDP)
    assert isinstance(answer, natpmp.NatPmpAnswer)
    for outcome in (by_pcp, answer.outcome):
        if lease_s is None:
            assert isinstance(outcome, Refusal)
            assert outcome.code == "short-lease"
        else:
            assert isinstance(outcome, Grant)
            assert outcome.lease_s == lease_s


def test_a_port_that_no_node_tests_is_refused() -> None:
    outcome = pcp.read_answer(pcp_answer(pcp_request(), external=1023), UDP, NONCE).outcome
    assert isinstance(outcome, Refusal)
    assert outcome.code == "low-port"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (pcp_answer(pcp_request(), nonce=bytes(12)), "nonce"),
        (pcp_answer(pcp_request(), protocol=6), "protocol"),
        (pcp_answer(pcp_request(), internal=6882), "internal-port"),
        (pcp_answer(pcp_request())[:59], "length"),
        (pcp_answer(pcp_request())[:56], "length"),
        (pcp_answer(pcp_request()) + b"x", "length"),
        (pcp_answer(pcp_request()) + bytes(1044), "length"),
        (pcp_answer(pcp_request())[:20], "length"),
        (b"\2\x82" + pcp_answer(pcp_request())[2:], "opcode"),
        (pcp_request(), "no-answer"),
        (b"", "no-answer"),
        (b"\2\x81\0", "no-answer"),
        (pcp_answer(pcp_request(), result=2, nonce=bytes(12)), "nonce"),
    ],
)
def test_what_is_no_answer_by_pcp_is_told_apart(answer: bytes, reason: str) -> None:
    with pytest.raises(UnusableAnswer, match=f"^{reason}$"):
        pcp.read_answer(answer, UDP, NONCE)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (natpmp_answer(natpmp.map_request(TCP)), "opcode"),
        (natpmp_answer(natpmp.map_request(MappingRequest("udp", 1, 1, 60))), "internal-port"),
        (natpmp_answer(natpmp.map_request(UDP)) + b"x", "length"),
        (natpmp_answer(natpmp.map_request(UDP))[:15], "length"),
        (natpmp_answer(natpmp.ADDRESS_REQUEST)[:11], "length"),
        (natpmp_answer(natpmp.map_request(UDP))[:7], "length"),
        (natpmp.map_request(UDP), "no-answer"),
        (b"", "no-answer"),
    ],
)
def test_what_is_no_answer_by_natpmp_is_told_apart(answer: bytes, reason: str) -> None:
    with pytest.raises(UnusableAnswer, match=f"^{reason}$"):
        natpmp.read_answer(answer, UDP)


@pytest.mark.parametrize("result", range(1, 16))
def test_a_refusal_counts_from_24_bytes_on(result: int) -> None:
    whole = pcp_answer(pcp_request(), result=result, lifetime_s=30)
    for answer in (whole, whole[:24], whole[:48]):
        read = pcp.read_answer(answer, UDP, NONCE)
        assert isinstance(read.outcome, Refusal)
        # An epoch counts only where the nonce shows that the answer is the router's.
        assert read.epoch == (1000 if len(answer) == 60 else None)


def test_double_nat_is_told_by_each_protocol() -> None:
    for result in (8, 12):
        answer = pcp_answer(pcp_request(), result=result, ip=bytes((192, 168, 2, 20)))
        outcome = pcp.read_answer(answer, UDP, NONCE).outcome
        assert isinstance(outcome, Refusal)
        assert outcome.code == "double-nat"
    refused = natpmp.read_answer(natpmp_answer(natpmp.map_request(UDP), result=3), UDP)
    assert isinstance(refused, natpmp.NatPmpAnswer)
    assert isinstance(refused.outcome, Refusal)
    assert refused.outcome.code == "double-nat"
    assert natpmp.read_answer(natpmp_answer(b"\0\0", result=3), UDP) == natpmp.AddressAnswer(
        1000, None
    )


def test_an_answer_in_another_version_says_that_the_router_speaks_that() -> None:
    for answer in (b"\0\x81\0\1\0\0\0\0", b"\1\x81\0\1" + bytes(20)):
        outcome = pcp.read_answer(answer, UDP, NONCE).outcome
        assert isinstance(outcome, Refusal)
        assert outcome.code == "version"
    answer = natpmp.read_answer(struct.pack("!BBBB20x", 2, 0x81, 0, 1), UDP)
    assert isinstance(answer, natpmp.NatPmpAnswer)
    assert isinstance(answer.outcome, Refusal)
    assert answer.outcome.code == "version"


@given(st.binary(max_size=1200))
def test_any_bytes_are_an_answer_or_unusable(payload: bytes) -> None:
    for read in (
        lambda: pcp.read_answer(payload, UDP, NONCE),
        lambda: natpmp.read_answer(payload, UDP),
    ):
        try:
            read()
        except UnusableAnswer as useless:
            assert str(useless)
    assert pcp.is_announcement(payload) in (True, False)
    assert natpmp.is_announcement(payload) in (True, False)


@given(st.data())
def test_a_sound_answer_with_one_byte_changed_is_read_or_unusable(data: st.DataObject) -> None:
    answer = bytearray(pcp_answer(pcp_request()))
    place = data.draw(st.integers(0, len(answer) - 1))
    answer[place] ^= data.draw(st.integers(1, 255))
    try:
        read = pcp.read_answer(bytes(answer), UDP, NONCE)
    except UnusableAnswer:
        return
    if isinstance(read.outcome, Grant):
        assert 30 <= read.outcome.lease_s <= 86_400
        assert read.outcome.external >= 1024


@given(
    st.sampled_from(["udp", "tcp"]),
    st.integers(1024, 65_535),
    st.integers(1024, 65_535),
    st.integers(30, 86_400),
    st.binary(min_size=12, max_size=12),
)
def test_what_was_asked_for_is_what_a_grant_says(
    protocol: str, internal: int, external: int, lease_s: int, nonce: bytes
) -> None:
    request = MappingRequest(protocol, internal, external, lease_s)
    answer = pcp_answer(pcp.map_request(request, SOURCE, nonce))
    outcome = pcp.read_answer(answer, request, nonce).outcome
    assert outcome == Grant("pcp", external, WAN, float(lease_s))
    other = natpmp.read_answer(natpmp_answer(natpmp.map_request(request)), request)
    assert isinstance(other, natpmp.NatPmpAnswer)
    assert other.outcome == Grant("natpmp", external, None, float(lease_s))


def test_notices_are_told_from_other_datagrams() -> None:
    announce = struct.pack("!BBBBII12x", 2, 0x80, 0, 0, 0, 0)
    assert pcp.is_announcement(announce)
    assert not pcp.is_announcement(announce[:23])
    assert not pcp.is_announcement(pcp_answer(pcp_request()))
    assert natpmp.is_announcement(natpmp_answer(b"\0\0", epoch=0))
    assert not natpmp.is_announcement(natpmp_answer(b"\0\0", result=3))
    assert not natpmp.is_announcement(natpmp_answer(natpmp.map_request(UDP)))
