"""Announcing: tokens, ports, and what is served afterwards. All under random info-hashes, so that
nobody ever looks for what is left behind.
"""

from __future__ import annotations

import secrets

from ...endpoints import Endpoint, format_endpoint, ip_of, port_of
from ...wire.error_codes import PROTOCOL
from ..case import Case, Doubt, Fault, Skip
from ..probe import Answer, Asker, Probe

PORT = 4321


async def token_for(probe: Probe, info_hash: bytes, asker: Asker) -> bytes:
    body, _ = await probe.reply("get_peers", asker=asker, info_hash=info_hash)
    token = body.get(b"token")
    if type(token) is not bytes:
        raise Fault(f"no token in the reply to get_peers: {token!r}")
    return token


async def peers_of(probe: Probe, info_hash: bytes) -> list[bytes]:
    """What it serves to another address, where we have one."""
    body, _ = await probe.reply("get_peers", asker=probe.open(1), info_hash=info_hash)
    values = body.get(b"values", [])
    if type(values) is not list or not all(
        type(peer) is bytes and len(peer) in (6, 18) for peer in values
    ):
        raise Fault(f"values that are not 6 or 18 bytes each: {values!r}")
    return values


def _show(peers: list[bytes]) -> str:
    return ", ".join(format_endpoint(Endpoint(peer)) for peer in peers[:4]) or "nobody"


async def _refused(probe: Probe, answer: Answer | None, info_hash: bytes, what: str) -> str:
    served = await peers_of(probe, info_hash)
    if served:
        raise Fault(
            f"{what}: {'no answer' if answer is None else answer.words()}, and {_show(served)} served afterwards"
        )
    if answer is None:
        raise Doubt(f"{what}: not stored, but no error either")
    if answer.body is not None:
        raise Fault(f"{what} was answered with {answer.words()}, although nothing is stored")
    if answer.code != PROTOCOL:
        raise Doubt(f"{what}: {answer.words()} instead of {PROTOCOL}")
    return f"{what}: error {PROTOCOL}, nothing stored"


async def token_missing(probe: Probe) -> str:
    info_hash = secrets.token_bytes(20)
    return await _refused(
        probe,
        await probe.ask("announce_peer", info_hash=info_hash, port=PORT),
        info_hash,
        "no token",
    )


async def token_wrong(probe: Probe) -> str:
    info_hash, asker = secrets.token_bytes(20), probe.asker
    length = len(await token_for(probe, info_hash, asker))
    answer = await probe.ask(
        "announce_peer", info_hash=info_hash, port=PORT, token=secrets.token_bytes(length)
    )
    return await _refused(probe, answer, info_hash, "a made-up token")


async def token_of_other_hash(probe: Probe) -> str:
    info_hash = secrets.token_bytes(20)
    token = await token_for(probe, secrets.token_bytes(20), probe.asker)
    return await _refused(
        probe,
        await probe.ask("announce_peer", info_hash=info_hash, port=PORT, token=token),
        info_hash,
        "another info-hash's token",
    )


async def token_of_other_address(probe: Probe) -> str:
    if len(probe.sources) < 2:
        raise Skip("needs a second source address (--source)")
    info_hash = secrets.token_bytes(20)
    token = await token_for(probe, info_hash, probe.asker)
    answer = await probe.ask(
        "announce_peer", asker=probe.open(2), info_hash=info_hash, port=PORT, token=token
    )
    return await _refused(probe, answer, info_hash, "another address's token")


async def _announce(
    probe: Probe, info_hash: bytes, asker: Asker, port: int, implied: int | None = None
) -> Answer | None:
    token = await token_for(probe, info_hash, asker)
    return await probe.ask(
        "announce_peer",
        asker=asker,
        info_hash=info_hash,
        port=port,
        token=token,
        implied_port=implied,
    )


async def announce_served(probe: Probe) -> str:
    info_hash, asker = secrets.token_bytes(20), probe.asker
    answer = await _announce(probe, info_hash, asker, PORT)
    if answer is None or answer.body is None:
        raise Fault(
            f"an announce with the right token: {'no answer' if answer is None else answer.words()}"
        )
    wanted, served = (
        ip_of(asker.endpoint) + PORT.to_bytes(2, "big"),
        await peers_of(probe, info_hash),
    )
    if served != [wanted]:
        raise Fault(f"{_show([wanted])} announced, {_show(served)} served")
    return f"{_show(served)} announced and served"


async def implied_port(probe: Probe) -> str:
    info_hash, asker = secrets.token_bytes(20), probe.asker
    answer = await _announce(probe, info_hash, asker, PORT, 1)
    served = await peers_of(probe, info_hash)
    if served != [asker.endpoint]:
        said = "no answer" if answer is None else answer.words()
        raise Fault(
            f"announced from port {port_of(asker.endpoint)} with implied_port: {said}, {_show(served)} served"
        )
    return f"{_show(served)} served, the port that it came from"


async def port_0(probe: Probe) -> str:
    info_hash = secrets.token_bytes(20)
    answer = await _announce(probe, info_hash, probe.asker, 0)
    if answer is not None and answer.body is not None and not await peers_of(probe, info_hash):
        raise Doubt("port 0 is taken with a reply, but not served")
    return await _refused(probe, answer, info_hash, "port 0")


async def port_too_large(probe: Probe) -> str:
    info_hash = secrets.token_bytes(20)
    answer = await _announce(probe, info_hash, probe.asker, 65536 + PORT)
    if answer is not None and answer.body is not None and not await peers_of(probe, info_hash):
        raise Doubt("a port above 65535 is taken with a reply, but not served")
    return await _refused(probe, answer, info_hash, f"port {65536 + PORT}")


CASES = (
    Case(
        "announce-served",
        "BEP 5",
        "an announce with the right token is taken, and the peer served to others",
        announce_served,
    ),
    Case(
        "implied-port",
        "BEP 5",
        "implied_port = 1 announces the port that the query came from",
        implied_port,
    ),
    Case("announce-port-0", "practice", "port 0 is refused, and never served", port_0),
    Case(
        "announce-port-large",
        "practice",
        "a port above 65535 is refused, and not cut to 16 bits",
        port_too_large,
    ),
    Case(
        "token-missing",
        "BEP 5",
        "an announce without a token is refused with 203, and nothing stored",
        token_missing,
    ),
    Case(
        "token-wrong",
        "BEP 5",
        "a made-up token is refused with 203, and nothing stored",
        token_wrong,
    ),
    Case(
        "token-other-hash",
        "practice",
        "a token is good for one info-hash only",
        token_of_other_hash,
    ),
    Case(
        "token-other-address",
        "BEP 5",
        "a token is good for one address only",
        token_of_other_address,
    ),
)
