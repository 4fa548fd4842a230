"""The lines of ``kadisc peers --format``: a text with fields that each peer fills."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from ..endpoints import format_host_port, split_host_port
from ..errors import UsageError
from .argument_errors import probably

_OF_EVERY_PEER: Final = ("host", "port", "address")
_OF_A_MEMBER: Final = ("key",)


class PeerFormat:
    """``text`` with ``{host}``, ``{port}``, ``{address}``, ``{key}`` and ``{NAME}``, the value of a
    service; ``{{`` and ``}}`` are braces. Host, port and address are those of ``service``, if one
    was chosen, else those where the node answers over UDP. ``services``: names that every peer has,
    because the search asks for them. ``is_member``: peers of a network, not of an info-hash.

    Raises UsageError for any other field.
    """

    def __init__(
        self, text: str, service: str | None, services: Collection[str], *, is_member: bool
    ) -> None:
        self._service = service
        known = _OF_EVERY_PEER + (_OF_A_MEMBER if is_member else ())
        self._parts: list[tuple[str, str | None]] = []
        try:
            parsed = list(string.Formatter().parse(text))
        except ValueError as error:
            raise UsageError(f"--format: {error}: {{{{ and }}}} stand for braces") from None
        for literal, field, spec, conversion in parsed:
            if field is not None and (spec or conversion):
                raise UsageError("--format: braces hold the name of a field alone, as in {host}")
            if field is not None and field not in known and field not in services:
                raise UsageError(_unknown(field, known, services, is_member=is_member))
            self._parts.append((literal, field))

    def line(self, peer: Mapping[str, Any]) -> str | None:
        """The line of a peer, given as its JSON document; None if its service is not a port, so
        that there is no such address.
        """
        values: dict[str, object] = {**peer.get("services", {}), "key": peer.get("key")}
        host, port = peer["host"], peer["port"]
        if self._service is not None:
            host, port = _host_port(peer, self._service)
        address = port is not None
        if not address and any(field in _OF_EVERY_PEER for _, field in self._parts):
            return None
        values |= {"host": host, "port": port}
        if address:
            values["address"] = format_host_port(host, port)
        filled = [values[field] if field is not None else "" for _, field in self._parts]
        return "".join(
            f"{literal}{value}" for (literal, _), value in zip(self._parts, filled, strict=True)
        )


def _unknown(
    field: str, known: tuple[str, ...], services: Iterable[str], *, is_member: bool
) -> str:
    fields = ", ".join(f"{{{name}}}" for name in known)
    hint = probably(f"{{{field}}}", [f"{{{name}}}" for name in (*known, *services)])
    problem = f"--format: there is no field {{{field}}}{hint or ';'} the fields are {fields}"
    if not is_member or hint:
        return problem
    more = f"; --where {field} asks for it" if field.isascii() and field.isalnum() else ""
    return f"{problem} and the services named by --service and --where{more}"


def _host_port(peer: Mapping[str, Any], service: str) -> tuple[str, int | None]:
    """Where a service of a peer is, given as its JSON document; without port, if it is none."""
    address: str | None = peer.get("addresses", {}).get(service)
    if address is not None:
        return split_host_port(address)
    port = peer["services"].get(service)  # a node of an earlier version tells no addresses
    return peer["host"], port if isinstance(port, int) else None
