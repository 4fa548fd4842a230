"""The key ``service``, whose field is a mapping in Python and a list of texts in the file."""

from __future__ import annotations

from typing import Final

from .declaration import Commands, Form, HoldsFor, Option, Setting

SERVICE: Final = Setting(
    Form.SERVICE,
    "The node offers these services to peers of its network: each name with a port, the address of"
    " another host in its /24 (IPv6 /48), or a few bytes.",
    file_default=(),
    option=Option(
        Commands.RUN,
        "NAME=PORT|HOST:PORT|0xHEX",
        "service that this node offers to peers of its network, as in eth=30303; repeatable",
    ),
    holds_for=HoldsFor.THE_LASTING_NODE,
)
