"""The fact of the firewall: what nft, or else iptables, prints of its rules."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

import trio

from ...endpoints import Family, family_of, parse_endpoint, port_of
from ...net.state.damage import reason_of
from ...text import one_line
from ..machine import FirewallFacts, Unknown
from ..rules import FirewallProbe, count_iptables, dropping_in_iptables, dropping_in_nft, parse_nft
from ..setup import NodeSetup


def _program(name: str) -> str | None:
    # The last two are often missing from the path of users other than root.
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    return shutil.which(name, path=path)


def probes_of(setup: NodeSetup, bound: Sequence[str]) -> list[FirewallProbe]:
    """A datagram in and one out for each socket. ``bound``: where a node would listen that does not
    run.
    """
    found = []
    for text in setup.endpoints or bound:
        try:
            endpoint = parse_endpoint(text)
        except ValueError:
            continue  # any port: none of the rules is of one that nobody knows
        is_ipv6 = family_of(endpoint) is Family.IPV6
        found += [FirewallProbe(hook, port_of(endpoint), is_ipv6) for hook in ("input", "output")]
    return found


async def firewall_facts(probes: Sequence[FirewallProbe]) -> FirewallFacts | Unknown:
    """Runs the programs, which only read."""
    denied: list[str] = []
    if (nft := _program("nft")) is not None:
        printed = await _printed([nft, "-j", "list", "ruleset"], denied)
        if printed is not None:
            rules = parse_nft(printed)
            return FirewallFacts("nft", dropping_in_nft(rules, probes), rules.count)
    found: list[FirewallFacts] = []
    for tool, is_ipv6 in (("iptables", False), ("ip6tables", True)):
        if (save := _program(f"{tool}-save")) is None:
            continue
        printed = await _printed([save, "-t", "filter"], denied)
        if printed is not None:
            of_family = [each for each in probes if each.is_ipv6 is is_ipv6]
            dropping = dropping_in_iptables(printed, of_family, tool)
            found.append(FirewallFacts("iptables", dropping, count_iptables(printed)))
    if found:
        return FirewallFacts(
            "iptables",
            tuple(rule for each in found for rule in each.dropping),
            sum(each.rules for each in found),
        )
    if denied:
        return Unknown(f"{denied[0]}; root may read it")
    return Unknown("neither nft nor iptables-save is installed")


async def _printed(command: list[str], denied: list[str]) -> str | None:
    """What a program prints; None where it fails, with a note of why."""
    try:
        done = await trio.run_process(
            command, capture_stdout=True, capture_stderr=True, stdin=subprocess.DEVNULL, check=False
        )
    except OSError as error:
        denied.append(f"{command[0]} does not run: {reason_of(error)}")
        return None
    if done.returncode:
        words = one_line(
            done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:][0]
            if done.stderr.strip()
            else f"code {done.returncode}"
        )
        denied.append(f"{command[0]} says {words}")
        return None
    return done.stdout.decode("utf-8", "replace")
