"""Storing items (BEP 44) and sampling info-hashes (BEP 51), if the node supports them. Values and
keys are random, and are not republished.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from nacl.signing import SigningKey

from ...wire.error_codes import (
    BAD_SIGNATURE,
    CAS_MISMATCH,
    PROTOCOL,
    SEQUENCE_TOO_LOW,
    VALUE_TOO_BIG,
)
from .. import datagrams
from ..case import Case
from ..datagrams import Fields
from ..probe import ConformanceProbe, ProbeAnswer
from ..verdict import Failed, Skipped, Warned

MAX_INTERVAL_S = 21_600


async def _token(probe: ConformanceProbe, target: bytes) -> bytes:
    """The token of a ``get``. Raises Skipped if there is none: a node without ``get`` answers like
    find_node, without a token, or with an error.
    """
    answer = await probe.ask("get", target=target)
    body = answer.body if answer is not None else None
    token = body.get(b"token") if body is not None else None
    if type(token) is not bytes:
        raise Skipped("get and put are not supported")
    return token


async def _put(probe: ConformanceProbe, target: bytes, **arguments: Any) -> ProbeAnswer | None:
    return await probe.ask("put", token=await _token(probe, target), **arguments)


async def _got(probe: ConformanceProbe, target: bytes) -> Fields:
    body, _ = await probe.reply("get", asker=probe.open(1), target=target)
    return body


def _accepted(answer: ProbeAnswer | None, what: str) -> None:
    if answer is None or answer.body is None:
        said = "no answer" if answer is None else answer.words()
        raise Failed(f"{what}: {said}")


def _refused(answer: ProbeAnswer | None, what: str, *codes: int) -> str:
    if answer is None:
        raise Warned(f"{what}: no answer instead of error {codes[0]}")
    if answer.body is not None:
        raise Failed(f"{what} was accepted with {answer.words()}")
    if answer.code not in codes:
        raise Warned(f"{what}: {answer.words()} instead of {codes[0]}")
    return f"{what}: error {answer.code}"


def signed(key: SigningKey, value: bytes, seq: int, salt: bytes = b"") -> dict[str, Any]:
    """The arguments of a mutable put, without its token."""
    head = datagrams.write(b"salt") + datagrams.write(salt) if salt else b""
    text = head + b"3:seq" + datagrams.write(seq) + b"1:v" + datagrams.write(value)
    arguments = {
        "k": bytes(key.verify_key),
        "seq": seq,
        "sig": key.sign(text).signature,
        "v": value,
    }
    return arguments | ({"salt": salt} if salt else {})


def place_of(key: SigningKey, salt: bytes = b"") -> bytes:
    return hashlib.sha1(bytes(key.verify_key) + salt).digest()


async def immutable(probe: ConformanceProbe) -> str:
    value = secrets.token_bytes(40)
    target = hashlib.sha1(datagrams.write(value)).digest()
    _accepted(await _put(probe, target, v=value), "a put of 40 bytes")
    got = (await _got(probe, target)).get(b"v")
    if got != value:
        raise Failed(f"{value.hex()[:12]}... put, {got!r} returned")
    return "40 bytes put and returned"


async def mutable(probe: ConformanceProbe) -> str:
    key, value, salt = SigningKey.generate(), secrets.token_bytes(40), b"conformance"
    target, arguments = place_of(key, salt), signed(key, value, 1, salt)
    _accepted(await _put(probe, target, **arguments), "a mutable put with a salt")
    got = await _got(probe, target)
    wrong = [name for name in ("k", "seq", "sig", "v") if got.get(name.encode()) != arguments[name]]
    if wrong:
        raise Failed(f"the returned item differs from what was put: {', '.join(wrong)}")
    return "a value with salt put and returned, with its key, sequence number and signature"


async def put_token(probe: ConformanceProbe) -> str:
    value = secrets.token_bytes(40)
    target = hashlib.sha1(datagrams.write(value)).digest()
    await _token(probe, target)
    answer = await probe.ask("put", token=secrets.token_bytes(8), v=value)
    return _refused(answer, "a put with a random token", PROTOCOL)


async def put_signature(probe: ConformanceProbe) -> str:
    key = SigningKey.generate()
    arguments = signed(key, secrets.token_bytes(40), 1) | {"sig": secrets.token_bytes(64)}
    return _refused(
        await _put(probe, place_of(key), **arguments), "a wrong signature", BAD_SIGNATURE, PROTOCOL
    )


async def put_too_big(probe: ConformanceProbe) -> str:
    value = secrets.token_bytes(1001)
    target = hashlib.sha1(datagrams.write(value)).digest()
    return _refused(await _put(probe, target, v=value), "a value of 1,001 bytes", VALUE_TOO_BIG)


async def put_older(probe: ConformanceProbe) -> str:
    key = SigningKey.generate()
    _accepted(await _put(probe, place_of(key), **signed(key, b"new", 5)), "a mutable put")
    return _refused(
        await _put(probe, place_of(key), **signed(key, b"old", 4)),
        "seq 4 after seq 5",
        SEQUENCE_TOO_LOW,
    )


async def put_cas(probe: ConformanceProbe) -> str:
    key = SigningKey.generate()
    _accepted(await _put(probe, place_of(key), **signed(key, b"first", 5)), "a mutable put")
    return _refused(
        await _put(probe, place_of(key), **signed(key, b"second", 6), cas=4),
        "cas 4 where seq is 5",
        CAS_MISMATCH,
    )


async def samples(probe: ConformanceProbe) -> str:
    answer = await probe.ask("sample_infohashes", target=secrets.token_bytes(20))
    body = answer.body if answer is not None else None
    if body is None or b"samples" not in body:
        raise Skipped("sample_infohashes is not supported")
    given, interval, number = body[b"samples"], body.get(b"interval"), body.get(b"num")
    if type(given) is not bytes or len(given) % 20:
        raise Failed("samples are not whole info-hashes of 20 bytes")
    if type(interval) is not int or not 0 <= interval <= MAX_INTERVAL_S:
        raise Failed(f"interval = {interval!r}, not 0 to {MAX_INTERVAL_S} s")
    if type(number) is not int or number < len(given) // 20:
        raise Failed(f"num = {number!r}, with {len(given) // 20} samples")
    return f"{len(given) // 20} samples of {number}, interval {interval} s"


CASES = (
    Case("put-immutable", "BEP 44", "an immutable value is returned as it was put", immutable),
    Case(
        "put-mutable",
        "BEP 44",
        "a mutable value with salt is returned with its key, sequence number and signature",
        mutable,
    ),
    Case("put-token", "BEP 44", "a put with a random token is refused", put_token),
    Case("put-signature", "BEP 44", "a wrong signature is refused with 206", put_signature),
    Case(
        "put-too-big", "BEP 44", "a value of more than 1,000 bytes is refused with 205", put_too_big
    ),
    Case("put-older", "BEP 44", "a smaller sequence number is refused with 302", put_older),
    Case(
        "put-cas",
        "BEP 44",
        "compare-and-swap with another sequence number is refused with 301",
        put_cas,
    ),
    Case(
        "samples",
        "BEP 51",
        "sample_infohashes: whole info-hashes, interval and num within bounds",
        samples,
    ),
)
