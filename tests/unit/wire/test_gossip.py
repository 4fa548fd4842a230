"""The bytes of gossip messages."""

from __future__ import annotations

import pytest

from kadisc.contacts import Contact
from kadisc.endpoints import Family
from kadisc.errors import DecodeError
from kadisc.wire import krpc
from kadisc.wire.gossip import PEER_BYTES, PROOF_BYTES, NamedPeer, pack_peers, peers_from
from kadisc.wire.messages import Gossip, News, Reply
from tests.support.contacts import address6
from tests.support.world import address

ID = int.from_bytes(b"abcdefghij0123456789", "big")
NET = b"mnopqrstuvwxyz123456"


def test_a_query_and_a_reply_have_exactly_these_bytes() -> None:
    assert krpc.encode(Gossip(b"aa", ID, NET, 16, b"tok", {b"k": b"x"})) == (
        b"d1:ad2:id20:abcdefghij01234567893:net20:mnopqrstuvwxyz1234563:recd1:k1:xe"
        b"5:token3:tok4:wanti16ee1:q6:gossip1:t2:aa1:y1:qe"
    )
    peers = pack_peers([NamedPeer(Contact(ID, address(1)), 4, 5)])
    assert krpc.encode(Reply(b"aa", ID, token=b"tok", news=News({b"k": b"x"}, peers))) == (
        b"d1:rd2:id20:abcdefghij01234567895:peers27:abcdefghij0123456789"
        + address(1)
        + b"\x453:recd1:k1:xe5:token3:toke1:t2:aa1:y1:re"
    )


def test_peers_have_27_or_39_bytes_with_ttl_and_age_in_the_last_byte() -> None:
    assert PEER_BYTES == {Family.IPV4: 27, Family.IPV6: 39}
    for family, where in ((Family.IPV4, address), (Family.IPV6, address6)):
        peers = [
            NamedPeer(Contact(number, where(number)), number, 15 - number) for number in range(1, 5)
        ]
        raw = pack_peers(peers)
        assert raw[PEER_BYTES[family] - 1] == 1 << 4 | 14
        assert peers_from(raw, family) == peers
        with pytest.raises(DecodeError, match="bad-peers"):
            peers_from(raw[:-1], family)


def test_a_ttl_or_age_above_15_is_sent_as_15() -> None:
    [peer] = peers_from(pack_peers([NamedPeer(Contact(1, address(1)), 99, 99)]), Family.IPV4)
    assert (peer.ttl, peer.age) == (15, 15)


def test_only_replies_with_a_token_can_be_gossip() -> None:
    """Replies without a token are not searched for the fields of gossip, because replies to
    find_node are many.
    """
    reply = krpc.decode(b"d1:rd2:id20:abcdefghij01234567893:recdee1:t2:aa1:y1:re")
    assert isinstance(reply, Reply)
    assert reply.news is None


def test_ages_and_ttls_out_of_range_are_packed_as_the_nearest_that_fits() -> None:
    """A negative age, as from a clock that went back, must not raise: any query could do that."""
    raw = pack_peers([NamedPeer(Contact(ID, address(1)), 99, -3)])
    assert peers_from(raw, Family.IPV4) == [NamedPeer(Contact(ID, address(1)), 15, 0)]


def test_a_challenge_and_a_proof_have_exactly_these_bytes() -> None:
    query = Gossip(b"aa", ID, NET, 0, challenge=b"0123456789abcdef", asked=address(1))
    assert krpc.encode(query) == (
        b"d1:ad2:ch16:0123456789abcdef2:id20:abcdefghij01234567893:net20:mnopqrstuvwxyz123456"
        b"2:to6:" + address(1) + b"4:wanti0ee1:q6:gossip1:t2:aa1:y1:qe"
    )
    assert krpc.decode(krpc.encode(query)) == query
    signature = bytes(range(64))
    reply = Reply(b"aa", ID, token=b"tok", news=News({b"k": b"x"}, proof=signature))
    without_it = Reply(b"aa", ID, token=b"tok", news=News({b"k": b"x"}))
    assert len(krpc.encode(reply)) - len(krpc.encode(without_it)) == PROOF_BYTES == 71
    assert krpc.decode(krpc.encode(reply)) == reply


@pytest.mark.parametrize(
    "fields",
    [
        b"2:ch16:0123456789abcdef",
        b"2:ch15:0123456789abcde",
        b"2:chi5e",
        b"2:chle",
    ],
)
def test_a_malformed_challenge_counts_as_not_sent(fields: bytes) -> None:
    """The first one lacks the endpoint that is asked."""
    query = krpc.decode(
        b"d1:ad" + fields + b"2:id20:abcdefghij01234567893:net20:mnopqrstuvwxyz123456"
        b"4:wanti0ee1:q6:gossip1:t2:aa1:y1:qe"
    )
    assert isinstance(query, Gossip)
    assert query.challenge is None


def test_a_proof_that_is_no_string_is_an_invalid_one() -> None:
    reply = krpc.decode(
        b"d1:rd2:id20:abcdefghij01234567892:pfi5e3:recd1:k1:xe5:token3:toke1:t2:aa1:y1:re"
    )
    assert isinstance(reply, Reply)
    assert reply.news is not None
    assert reply.news.proof == b""
