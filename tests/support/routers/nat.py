"""Kinds of NAT by nft, as routers have them."""

from __future__ import annotations

from typing import Final

from .internet import UDP_TIMEOUT_S, Router

KINDS: Final = (
    "preserving",
    "shifted",
    "random",
    "fully-random",
    "full-cone",
    "address-restricted",
    "blocked",
)
"""The port stays; is moved by the router, the same for all destinations; is another one for each
destination; or for each flow; all may send to a mapped port; those that were sent to may, from any
port; no UDP goes out.
"""

_MASQUERADE: Final = {
    "random": "masquerade random",
    "fully-random": "masquerade fully-random",
    "shifted": "meta l4proto udp masquerade to :20000-20999",
}
_FIREWALL: Final = """
table ip fw {
  chain input {
    type filter hook input priority 0;
    iifname "WAN" ct state new drop
  }
  chain forward {
    type filter hook forward priority 0;
    iifname "WAN" ct state new ct status & dnat == 0 drop
  }
}
"""
_EXTRA: Final = {
    "full-cone": """
table ip cone {
  chain pre {
    type nat hook prerouting priority -100;
    iifname "WAN" meta l4proto udp dnat to HOST
  }
}
""",
    "one-way": """
table ip cone {
  chain pre {
    type nat hook prerouting priority -100;
    iifname "WAN" meta l4proto udp dnat to HOST
  }
}
table ip oneway {
  chain f {
    type filter hook forward priority -10;
    oifname "WAN" meta l4proto udp ct direction reply drop
  }
}
""",
    "one-to-one": """
table ip cone {
  chain pre {
    type nat hook prerouting priority -100;
    iifname "WAN" dnat to HOST
  }
}
""",
    "hairpin": """
table ip cone {
  chain pre {
    type nat hook prerouting priority -100;
    fib daddr type local meta l4proto udp ip daddr 45.0.0.0/8 dnat to HOST
  }
  chain post {
    type nat hook postrouting priority 100;
    iifname "lan" oifname "lan" ct status & dnat != 0 masquerade
  }
}
""",
    "address-restricted": """
table ip adf {
  set seen {
    type ipv4_addr
    flags timeout
    timeout TIMEOUT
    size 4096
  }
  chain out {
    type filter hook forward priority -5;
    oifname "WAN" meta l4proto udp update @seen { ip daddr }
  }
  chain pre {
    type nat hook prerouting priority -100;
    iifname "WAN" meta l4proto udp ip saddr @seen dnat to HOST
  }
}
""",
    "blocked": """
table ip blk {
  chain f {
    type filter hook forward priority -10;
    oifname "WAN" meta l4proto udp drop
  }
}
""",
}
_FIREWALL_6: Final = """
table ip6 fw {
  chain forward {
    type filter hook forward priority 0;
    iifname "WAN" ct state new drop
  }
}
"""


def set_nat(router: Router, kind: str, host: str) -> None:
    """Rules and connections of before are forgotten. ``kind``: one of `KINDS`, ``one-to-one`` (all
    that comes goes to the host, as in clouds), ``hairpin`` (full-cone, also from inside) or
    ``one-way`` (full-cone, but answers to what others began do not get out, as where they would
    leave by another route).
    ``host``: the inner address that a forwarding kind forwards to. Strangers' packets to the router
    itself are dropped, and IPv6 from outside, as usual routers do.
    """
    masquerade = _MASQUERADE.get(kind, "masquerade")
    rules = f"""flush ruleset
table ip nat {{
  chain post {{
    type nat hook postrouting priority 100;
    oifname "WAN" {masquerade}
  }}
}}
{_FIREWALL}{_EXTRA.get(kind, "")}{_FIREWALL_6}"""
    router.run(
        "nft",
        "-f",
        "-",
        given=rules.replace("WAN", router.wan)
        .replace("HOST", host)
        .replace("TIMEOUT", f"{UDP_TIMEOUT_S}s"),
    )
    forget_connections(router)


def forget_connections(router: Router) -> None:
    router.run("sh", "-c", "conntrack -F 2>/dev/null || true")
