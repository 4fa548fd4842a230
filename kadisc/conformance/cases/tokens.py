"""Announces: tokens, ports, and the peers served afterwards. All use random info-hashes, for which
no other node looks.
"""

from __future__ import annotations

import secrets

from ...endpoints import Endpoint, format_endpoint, ip_of, port_of
from ...wire.error_codes import PROTOCOL
from ..case import Case
from ..probe import Asker, ConformanceProbe, ProbeAnswer
from ..verdict import Failed, Skipped, Warned

PORT = 4321


async def token_for(probe: ConformanceProbe, info_hash: bytes, asker: Asker) -> bytes:
    body, _ = await probe.reply("get_peers", asker=asker, info_hash=info_hash)
    token = body.get(b"token")
    if type(token) is not bytes:
        raise Failed(f"no token in the reply to get_peers: {token!r}")
    return token


async def peers_of(probe: ConformanceProbe, info_hash: bytes) -> list[bytes]:
    """The peers that the node serves to another source address, where there is one."""
    body, _ = await probe.reply("get_peers", asker=probe.open(1), info_hash=info_hash)
    values = body.get(b"values", [])
    if type(values) is not list or not all(
        type(peer) is bytes and len(peer) in (6, 18) for peer in values
    ):
        raise Failed(f"values that are not 6 or 18 bytes each: {values!r}")
    return values


def _show(peers: list[bytes]) -> str:
    return ", ".join(format_endpoint(Endpoint(peer)) for peer in peers[:4]) or "no peer"


async def _refused(
    probe: ConformanceProbe, answer: ProbeAnswer | None, info_hash: bytes, what: str
) -> str:
    served = await peers_of(probe, info_hash)
    if served:
        said = "no answer" if answer is None else answer.words()
        raise Failed(f"{what}: {said}, and {_show(served)} served afterwards")
    if answer is None:
        raise Warned(f"{what}: not stored, but no error either")
    if answer.body is not None:
        raise Failed(f"{what} was answered with {answer.words()}, although nothing is stored")
    if answer.code != PROTOCOL:
        raise Warned(f"{what}: {answer.words()} instead of {PROTOCOL}")
    return f"{what}: error {PROTOCOL}, nothing stored"


async def token_missing(probe: ConformanceProbe) -> str:
    info_hash = secrets.token_bytes(20)
    return await _refused(
        probe,
        await probe.ask("announce_peer", info_hash=info_hash, port=PORT),
        info_hash,
        "no token",
    )


async def token_wrong(probe: ConformanceProbe) -> str:
    info_hash, asker = secrets.token_bytes(20), probe.asker
    length = len(await token_for(probe, info_hash, asker))
    answer = await probe.ask(
        "announce_peer", info_hash=info_hash, port=PORT, token=secrets.token_bytes(length)
    )
    return await _refused(probe, answer, info_hash, "a random token")


async def token_of_other_hash(probe: ConformanceProbe) -> str:
    info_hash = secrets.token_bytes(20)
    token = await token_for(probe, secrets.token_bytes(20), probe.asker)
    return await _refused(
        probe,
        await probe.ask("announce_peer", info_hash=info_hash, port=PORT, token=token),
        info_hash,
        "another info-hash's token",
    )


async def token_of_other_address(probe: ConformanceProbe) -> str:
    if len(probe.sources) < 2:
        raise Skipped("needs a second source address (--source)")
    info_hash = secrets.token_bytes(20)
    token = await token_for(probe, info_hash, probe.asker)
    answer = await probe.ask(
        "announce_peer", asker=probe.open(2), info_hash=info_hash, port=PORT, token=token
    )
    return await _refused(probe, answer, info_hash, "another address's token")


async def _announce(
    probe: ConformanceProbe, info_hash: bytes, asker: Asker, port: int, implied: int | None = None
) -> ProbeAnswer | None:
    token = await token_for(probe, info_hash, asker)
    return await probe.ask(
        "announce_peer",
        asker=asker,
        info_hash=info_hash,
        port=port,
        token=token,
        implied_port=implied,
    )


async def announce_served(probe: ConformanceProbe) -> str:
    info_hash, asker = secrets.token_bytes(20), probe.asker
    answer = await _announce(probe, info_hash, asker, PORT)
    if answer is None or answer.body is None:
        raise Failed(
            f"an announce with the right token: {'no answer' if answer is None else answer.words()}"
        )
    wanted = ip_of(asker.endpoint) + PORT.to_bytes(2, "big")
    served = await peers_of(probe, info_hash)
    if served != [wanted]:
        raise Failed(f"{_show([wanted])} announced, {_show(served)} served")
    return f"{_show(served)} announced and served"


async def implied_port(probe: ConformanceProbe) -> str:
    info_hash, asker = secrets.token_bytes(20), probe.asker
    answer = await _announce(probe, info_hash, asker, PORT, 1)
    served = await peers_of(probe, info_hash)
    if served != [asker.endpoint]:
        said = "no answer" if answer is None else answer.words()
        raise Failed(
            f"announced from port {port_of(asker.endpoint)} with implied_port: {said}, "
            f"{_show(served)} served"
        )
    return f"{_show(served)} served, with the source port of the announce"


async def port_0(probe: ConformanceProbe) -> str:
    info_hash = secrets.token_bytes(20)
    answer = await _announce(probe, info_hash, probe.asker, 0)
    if answer is not None and answer.body is not None and not await peers_of(probe, info_hash):
        raise Warned("port 0 is accepted with a reply, but not served")
    return await _refused(probe, answer, info_hash, "port 0")


async def port_too_large(probe: ConformanceProbe) -> str:
    info_hash = secrets.token_bytes(20)
    answer = await _announce(probe, info_hash, probe.asker, 65536 + PORT)
    if answer is not None and answer.body is not None and not await peers_of(probe, info_hash):
        raise Warned("a port above 65535 is accepted with a reply, but not served")
    return await _refused(probe, answer, info_hash, f"port {65536 + PORT}")


CASES = (
    Case(
        "announce-served",
        "BEP 5",
        "an announce with the right token is accepted, and the peer served to others",
        announce_served,
    ),
    Case(
        "implied-port",
        "BEP 5",
        "implied_port = 1 announces the source port of the query",
        implied_port,
    ),
    Case("announce-port-0", "practice", "port 0 is refused, and never served", port_0),
    Case(
        "announce-port-large",
        "practice",
        "a port above 65535 is refused, and not truncated to 16 bits",
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
        "a random token is refused with 203, and nothing stored",
        token_wrong,
    ),
    Case(
        "token-other-hash",
        "practice",
        "a token is valid for one info-hash only",
        token_of_other_hash,
    ),
    Case(
        "token-other-address",
        "BEP 5",
        "a token is valid for one address only",
        token_of_other_address,
    ),
)
