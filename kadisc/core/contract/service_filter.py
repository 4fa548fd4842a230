"""Which peers an application wants, by the services of their records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...service_values import ServiceAddress, ServiceValue


class ServiceFilter:
    """``wanted``: the services that a peer must offer, name -> the value, a port or bytes, or None
    for any value. A service at another host counts by its port.
    """

    __slots__ = ("wanted",)

    def __init__(self, wanted: Mapping[str, int | bytes | None] | None = None) -> None:
        self.wanted = dict(wanted or {})

    def fits(self, services: Mapping[str, ServiceValue]) -> bool:
        for name, value in self.wanted.items():
            offered = services.get(name)
            if isinstance(offered, ServiceAddress):
                offered = offered.port
            if offered is None or (value is not None and offered != value):
                return False
        return True


EVERY_PEER: Final = ServiceFilter()
"""Wants no service."""
