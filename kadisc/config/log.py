"""The log."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import Commands, Heading, Option, one_of, setting


def _option(name: str, metavar: str, help_text: str) -> Option:
    return Option(Commands.LOGGING, metavar, help_text, heading=Heading.LOG, name=name)


@dataclass(frozen=True, slots=True)
class LogConfig:
    """How `kadisc run` and `kadisc feed` write their log on stdout."""

    format: str = setting(
        "auto",
        one_of("auto", "text", "json", "journal"),
        "The form of a line of the log: ``text`` for people, ``json`` for programs, ``journal``"
        " for systemd's journal (a priority such as ``<6>`` in front, and no time); ``auto`` is"
        " ``journal`` where stdout is the journal, otherwise ``text``.",
        option=_option(
            "log-format",
            "FORMAT",
            "form of the log: text, json or journal (default: journal where stdout is systemd's"
            " journal, otherwise text)",
        ),
    )
    level: str = setting(
        "info",
        one_of("debug", "info", "warning"),
        "The least level that is written: ``warning`` is what an operator may have to do something"
        " about, ``info`` everything of interest, ``debug`` each contact of the routing table too.",
        option=_option(
            "log-level",
            "LEVEL",
            "least level that is written: debug, info or warning (default: info)",
        ),
    )
    addresses: str = setting(
        "full",
        one_of("full", "network", "none"),
        "How the log names IP addresses: ``full``, as the network of each (/24, IPv6 /48), or not"
        " at all. Unspecified and loopback addresses are always written.",
        option=_option(
            "log-addresses",
            "HOW",
            "how the log names IP addresses: full, network (/24, IPv6 /48) or none (default: full)",
        ),
    )
