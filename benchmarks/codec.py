"""What a message costs: microseconds to decode and to encode, for each kind of message and each
engine.

Run ``python benchmarks/codec.py``. The baseline, bencode.py as it comes (values only: no checks, no
messages), is measured in the same rounds as ours, taken in turns, so that a busy machine slows all
alike; each number is the median of the rounds.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

import bencodepy

from kadisc.config import CLIENT_VERSION
from kadisc.endpoints import Endpoint
from kadisc.wire import bencode, decoding, encoding, krpc
from kadisc.wire.messages import AnnouncePeer, Error, FindNode, GetPeers, Message, Ping, Reply

ROUNDS = 15
CALLS_PER_ROUND = 4000


def sample_messages() -> dict[str, Message]:
    """One message of each kind, as large as they are on Mainline: 8 contacts in a list of nodes."""
    rng = random.Random(20)
    tid, sender, target, version = (
        rng.randbytes(4),
        rng.getrandbits(160),
        rng.getrandbits(160),
        CLIENT_VERSION,
    )
    nodes, seen_as = rng.randbytes(8 * 26), Endpoint(rng.randbytes(6))
    values = [Endpoint(rng.randbytes(5) + b"\1") for _ in range(50)]
    return {
        "ping": Ping(tid, sender, version=version),
        "find_node": FindNode(tid, sender, target, version=version),
        "find_node, want": FindNode(
            tid, sender, target, frozenset((b"n4", b"n6")), version=version
        ),
        "get_peers": GetPeers(tid, sender, target, version=version),
        "announce_peer": AnnouncePeer(
            tid, sender, target, 6881, rng.randbytes(8), True, version=version
        ),
        "reply: id": Reply(tid, sender, seen_as=seen_as, version=version),
        "reply: 8 nodes": Reply(tid, sender, nodes=nodes, seen_as=seen_as, version=version),
        "reply: 50 values": Reply(
            tid,
            sender,
            nodes=nodes,
            values=values,
            token=rng.randbytes(8),
            seen_as=seen_as,
            version=version,
        ),
        "error": Error(tid, 203, "target must be 20 bytes", version),
    }


def cost_us(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(CALLS_PER_ROUND):
        call()
    return (time.perf_counter() - started) / CALLS_PER_ROUND * 1e6


def contenders(
    message: Message,
) -> tuple[dict[str, Callable[[], object]], dict[str, Callable[[], object]]]:
    """Decoders and encoders of one message by name: the baseline, then our whole way from bytes to
    message and back: by way of each engine, and as it is done, which for usual messages is a
    shorter one.
    """
    payload, fields = krpc.encode(message), encoding.fields_of(message)
    decoders: dict[str, Callable[[], object]] = {"stock": lambda: bencodepy.decode(payload)}
    encoders: dict[str, Callable[[], object]] = {"stock": lambda: bencodepy.encode(fields)}
    for name, decode, encode in reversed(bencode.ENGINES):
        decoders[name] = lambda decode=decode: decoding.message_from(decode(payload))  # type: ignore[misc]
        encoders[name] = lambda encode=encode: encode(encoding.fields_of(message))  # type: ignore[misc]
    decoders["kadisc"], encoders["kadisc"] = (
        lambda: krpc.decode(payload),
        lambda: krpc.encode(message),
    )
    return decoders, encoders


def measure(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    rounds = [{name: cost_us(call) for name, call in calls.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(one[name] for one in rounds) for name in calls}


def main() -> None:
    engines = [*(engine.name for engine in reversed(bencode.ENGINES)), "kadisc"]
    print(
        f"us per message, median of {ROUNDS} rounds of {CALLS_PER_ROUND}; stock: "
        "bencode.py's own decoder and encoder, bare values"
    )
    print(
        f"{'':18}{'bytes':>6}  {'':6}{'stock':>8}"
        + "".join(f"{name:>12}{'x stock':>10}" for name in engines)
    )
    for kind, message in sample_messages().items():
        for verb, calls in zip(("decode", "encode"), contenders(message), strict=True):
            costs = measure(calls)
            ours = "".join(
                f"{costs[name]:12.2f}{costs['stock'] / costs[name]:9.1f}x" for name in engines
            )
            print(f"{kind:18}{len(krpc.encode(message)):6}  {verb:6}{costs['stock']:8.2f}{ours}")


if __name__ == "__main__":
    main()
