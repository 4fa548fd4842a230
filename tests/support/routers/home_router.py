"""A home router that maps ports: miniupnpd with nft chains of its own."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ..child_programs import until
from .internet import Router

_RULES: Final = """flush ruleset
table inet filter {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan" accept
    jump miniupnpd
  }
  chain miniupnpd {
  }
  chain input {
    type filter hook input priority 0;
    iifname "WAN" ct state new meta l4proto udp drop
    BLOCKED
  }
  chain output {
    type filter hook output priority 0;
    QUIET
  }
  chain prerouting {
    type nat hook prerouting priority -100;
    jump prerouting_miniupnpd
  }
  chain postrouting {
    type nat hook postrouting priority 100;
    jump postrouting_miniupnpd
    oifname "WAN" meta nfproto ipv4 masquerade
  }
  chain prerouting_miniupnpd {
  }
  chain postrouting_miniupnpd {
  }
}
"""
_CONFIGURATION: Final = """ext_ifname=WAN
listening_ip=lan
enable_upnp=UPNP
enable_natpmp=yes
secure_mode=yes
port=5000
uuid=68555350-3352-3883-2883-335030522880
serial=1
model_number=1
min_lifetime=LEAST
max_lifetime=86400
notify_interval=60
lease_file=LEASES
ipv6_disable=no
upnp_table_name=filter
upnp_nat_table_name=filter
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1024-65535 0.0.0.0/0 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""
PCP_VERSION, NATPMP_VERSION = 2, 0
_FIRST_BYTE: Final = 'iifname "lan" udp dport 5351 @th,64,8 {version} drop'
"""Requests whose first byte of the payload, the version, is this one are lost."""


class HomeRouter:
    """``protocols``: those of PCP, NAT-PMP and UPnP (``pcp``, ``natpmp``, ``upnp``) that it speaks;
    miniupnpd has one switch for PCP and NAT-PMP, so the firewall drops what it shall not get.
    ``announces``: whether its notices of a new address, to 224.0.0.1, arrive.
    """

    def __init__(
        self,
        router: Router,
        folder: Path,
        *,
        protocols: Iterable[str] = ("pcp", "natpmp"),
        announces: bool = True,
        least_lease_s: int = 60,
    ) -> None:
        self.router = router
        self._folder = folder / f"igd-{router.name}"
        self._folder.mkdir(exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        spoken = set(protocols)
        blocked = [
            _FIRST_BYTE.format(version=version)
            for name, version in (("pcp", PCP_VERSION), ("natpmp", NATPMP_VERSION))
            if name not in spoken
        ]
        quiet = "" if announces else "udp dport 5350 drop"
        rules = _RULES.replace("BLOCKED", "\n    ".join(blocked))
        self._rules = rules.replace("QUIET", quiet)
        text = _CONFIGURATION.replace("UPNP", "yes" if "upnp" in spoken else "no")
        text = text.replace("LEAST", str(least_lease_s))
        self._text = text.replace("LEASES", str(self._folder / "leases"))

    def start(self) -> None:
        """Returns when the daemon answers. The rules of before, and mappings, are gone."""
        self.router.run("nft", "-f", "-", given=self._rules.replace("WAN", self.router.wan))
        configuration = self._folder / "conf"
        configuration.write_text(self._text.replace("WAN", self.router.wan))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.router.within, "miniupnpd", "-d", "-f", str(configuration)]
                + ["-P", str(self._folder / "pid")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        until("miniupnpd is ready", self._is_ready, 15, every_s=0.1)

    def _is_ready(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log_tail()
        return ":5351 " in self.router.run("ss", "-lun")

    def stop(self) -> None:
        """By SIGKILL: the daemon cleans nothing up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self, *, forgets: bool = True) -> None:
        """``forgets``: without its leases, as after a loss of power."""
        self.stop()
        if forgets:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / "leases").unlink()
        self.start()

    def mappings(self) -> list[str]:
        """The rules of the daemon in nft, one a mapping."""
        rules = self.router.run("nft", "list", "chain", "inet", "filter", "prerouting_miniupnpd")
        return [line.strip() for line in rules.splitlines() if "dnat" in line]

    def nonces(self) -> list[str]:
        """Of the mappings by PCP that were granted since the start, each once, in hex."""
        log = (self._folder / "log").read_text(errors="replace")
        return list(dict.fromkeys(re.findall(r"PCP MAP: added mapping .*PCP MAP (\w+)'", log)))

    def log_tail(self) -> str:
        return "\n".join((self._folder / "log").read_text(errors="replace").splitlines()[-15:])
