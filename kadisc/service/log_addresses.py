"""IP addresses in lines of the log, as the operator wants them: whole, as networks, or not at all.

They are looked for in the finished text, so that no event and no message of the system is passed
over. Host names, node IDs and keys stay as they are.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

FULL: Final = "full"
NETWORK: Final = "network"
NONE: Final = "none"
HIDDEN: Final = "(address)"

_MAYBE: Final = re.compile(
    r"(?<![\w.:])"
    r"(?P<open>\[?)"
    r"(?P<ip>\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15})"
    r"(?:%\w{1,15})?"
    r"(?P<bits>/\d{1,3})?"
    r"(?P<close>\]?)"
)
"""What may be an address or a subnet, in brackets or not."""


def masked(text: str, how: str) -> str:
    """The text with its addresses as ``how`` says: ``45.1.2.3:7001`` becomes ``45.1.2.0/24:7001``,
    or ``(address):7001``.
    """
    if how == FULL or not ("." in text or ":" in text):
        return text
    return _MAYBE.sub(lambda found: _replaced(found, how), text)


def masked_fields(value: object, how: str) -> object:
    """A JSON value with all its texts ``masked``, those in keys too."""
    if how == FULL:
        return value
    if isinstance(value, str):
        return masked(value, how)
    if isinstance(value, Mapping):
        return {masked(str(key), how): masked_fields(each, how) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked_fields(each, how) for each in value]
    return value


def _replaced(found: re.Match[str], how: str) -> str:
    ip = found["ip"].rstrip(".:")
    behind = found["ip"][len(ip) :]  # the end of a sentence, or the colon before a port
    if found["ip"].endswith("::"):
        ip, behind = found["ip"], ""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return found[0]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_unspecified or address.is_loopback:
        return found[0]
    shown = HIDDEN
    if how == NETWORK:
        most = 24 if address.version == 4 else 48
        bits = min(most, int((found["bits"] or "/128")[1:]))
        shown = str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
    return f"{found['open']}{shown}{behind}{found['close']}"
