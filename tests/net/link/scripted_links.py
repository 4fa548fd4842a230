"""Links of a machine as a test says they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from kadisc.endpoints import Family
from kadisc.net.link.interfaces import InterfaceAddress, LinkState, LinkUnreadable
from kadisc.net.mapping.gateway import Gateway

V4, V6 = Family.IPV4, Family.IPV6
ETH0 = InterfaceAddress("192.168.1.10", 24, "eth0", is_up=True)
HOME = LinkState(V4, (ETH0,), ETH0.ip, Gateway("192.168.1.1", "eth0"))
WLAN0 = InterfaceAddress("192.168.2.20", 24, "wlan0", is_up=True)
AWAY = LinkState(V4, (WLAN0,), WLAN0.ip, Gateway("192.168.2.1", "wlan0"))
DOWN = LinkState(V4, (replace(ETH0, is_up=False),), None, None)
NO_IPV6 = LinkState(V6, (), None, None)


class ScriptedLinks:
    def __init__(self, *links: LinkState) -> None:
        self.links = {link.family: link for link in links}
        self.looks = 0
        self.unreadable = False

    def becomes(self, link: LinkState) -> None:
        self.links[link.family] = link

    def read(self, families: Iterable[Family]) -> dict[Family, LinkState]:
        self.looks += 1
        if self.unreadable:
            raise LinkUnreadable("no")
        return {family: self.links[family] for family in families}


class NotedMapper:
    """Notes what a port mapper is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Family, ...]] = []

    def network_changed(self, families: Collection[Family]) -> None:
        self.told.append(tuple(families))
