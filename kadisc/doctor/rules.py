"""What the rules of a firewall do with a UDP datagram: those of nft as JSON, and those of iptables
as `iptables-save` prints them. Pure functions on what the programs print.

Only what is certain is told: a rule with a condition that is not understood here (a mark, a set, an
expression of another kind) counts as one that does not apply. A datagram is a new one, from an
address elsewhere, on an interface that is not loopback.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from .machine import FirewallRule

DROPS: Final = ("drop", "reject")
MAX_JUMPS: Final = 16
MAX_WORDS: Final = 160


class Fate(Enum):
    ACCEPTED = "accepted"
    DROPPED = "dropped"
    ON = "on"
    """No rule of the chain decided."""


@dataclass(frozen=True, slots=True)
class FirewallProbe:
    """The datagram. ``hook``: ``input`` or ``output``; ``port``: the node's own, that a datagram
    comes to and goes from; ``is_ipv6``: its family.
    """

    hook: str
    port: int
    is_ipv6: bool = False


@dataclass(slots=True)
class Ruleset:
    """The base chains, by family, table and name, with the rules of all chains."""

    chains: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    rules: dict[tuple[str, str, str], list[dict[str, Any]]] = field(default_factory=dict)
    count: int = 0


def parse_nft(text: str) -> Ruleset:
    """From ``nft -j list ruleset``. Raises ValueError."""
    found = Ruleset()
    document = json.loads(text)
    items = document.get("nftables") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise ValueError("not the output of nft -j list ruleset")
    for item in items:
        if not isinstance(item, dict):
            continue
        if isinstance(chain := item.get("chain"), dict):
            found.chains[_place(chain, "name")] = chain
        elif isinstance(rule := item.get("rule"), dict):
            found.rules.setdefault(_place(rule, "chain"), []).append(rule)
            found.count += 1
    return found


def _place(item: Mapping[str, Any], name: str) -> tuple[str, str, str]:
    return str(item.get("family")), str(item.get("table")), str(item.get(name))


def dropping_in_nft(rules: Ruleset, probes: Sequence[FirewallProbe]) -> tuple[FirewallRule, ...]:
    """The rules and policies that drop one of the datagrams, each once."""
    found: dict[tuple[str, str], FirewallRule] = {}
    for probe in probes:
        for place, chain in rules.chains.items():
            if chain.get("hook") != probe.hook or chain.get("type", "filter") != "filter":
                continue
            if place[0] == ("ip" if probe.is_ipv6 else "ip6"):
                continue
            fate, rule = _walk(rules, place, probe, MAX_JUMPS)
            if fate is Fate.ON and chain.get("policy") == "drop":
                fate = Fate.DROPPED
            if fate is Fate.DROPPED:
                told = _told(rule, place, probe)
                found.setdefault((told.where, told.remedy), told)
    return tuple(found.values())


def _told(
    rule: Mapping[str, Any] | None, place: tuple[str, str, str], probe: FirewallProbe
) -> FirewallRule:
    family, table, name = place
    where = "in" if probe.hook == "input" else "out"
    which = f"udp dport {probe.port}" if where == "in" else f"udp sport {probe.port}"
    if rule is None:
        return FirewallRule(
            where,
            probe.port,
            f"the policy of chain {family} {table} {name} is drop, and no rule accepts it",
            f"nft insert rule {family} {table} {name} {which} accept",
        )
    family, table, name = _place(rule, "chain")
    words = " ".join(_words(each) for each in _expressions(rule) if isinstance(each, dict))
    return FirewallRule(
        where,
        probe.port,
        f"{words[:MAX_WORDS]} in chain {family} {table} {name}",
        f"nft delete rule {family} {table} {name} handle {rule.get('handle')}",
    )


def _walk(
    rules: Ruleset, place: tuple[str, str, str], probe: FirewallProbe, jumps: int
) -> tuple[Fate, Mapping[str, Any] | None]:
    """What a chain does, and the rule that does it."""
    for rule in rules.rules.get(place, ()):
        for each in _expressions(rule):
            if not isinstance(each, dict) or len(each) != 1:
                break
            [(kind, value)] = each.items()
            if kind == "accept":
                return Fate.ACCEPTED, rule
            if kind == "return":
                return Fate.ON, None
            if kind in DROPS:
                return Fate.DROPPED, rule
            if kind in ("jump", "goto") and jumps and isinstance(value, dict):
                fate, decided = _walk(
                    rules, (*place[:2], str(value.get("target"))), probe, jumps - 1
                )
                if fate is not Fate.ON or kind == "goto":
                    return fate, decided if fate is not Fate.ON else None
                continue
            if kind in ("counter", "log", "comment"):
                continue
            if kind == "match" and isinstance(value, dict) and _applies(value, probe):
                continue
            break  # a condition that does not hold, or that is not understood
    return Fate.ON, None


def _expressions(rule: Mapping[str, Any]) -> Sequence[Any]:
    found = rule.get("expr")
    return found if isinstance(found, list) else ()


def _applies(match: Mapping[str, Any], probe: FirewallProbe) -> bool:
    """Whether a condition certainly holds."""
    left, right, op = match.get("left"), match.get("right"), match.get("op", "==")
    known = _known(left, probe)
    if known is None:
        return False
    holds = any(_is_in(each, right) for each in known)
    return not holds if op == "!=" else holds and op in ("==", "in")


def _known(left: Any, probe: FirewallProbe) -> tuple[Any, ...] | None:
    """What the left side of a condition is for the datagram; None where that is not known."""
    if not isinstance(left, dict):
        return None
    family = "ipv6" if probe.is_ipv6 else "ipv4"
    if isinstance(meta := left.get("meta"), dict):
        return {
            "l4proto": ("udp", 17),
            "nfproto": (family,),
            "protocol": ("ip6" if probe.is_ipv6 else "ip",),
        }.get(str(meta.get("key")))
    if isinstance(ct := left.get("ct"), dict):
        return ("new",) if ct.get("key") == "state" else None
    if isinstance(payload := left.get("payload"), dict):
        protocol, name = payload.get("protocol"), payload.get("field")
        if protocol in ("udp", "th"):
            own = "dport" if probe.hook == "input" else "sport"
            return (probe.port,) if name == own else None
        if (protocol, name) in (("ip", "protocol"), ("ip6", "nexthdr")):
            return ("udp", 17) if (protocol == "ip6") is probe.is_ipv6 else None
    return None


def _is_in(value: Any, right: Any) -> bool:
    if isinstance(right, dict):
        if isinstance(each := right.get("range"), list) and len(each) == 2:
            low, high = each
            return isinstance(value, int) and isinstance(low, int) and low <= value <= high
        if "set" in right:
            right = right["set"]
    if isinstance(right, list):
        return any(_is_in(value, each) for each in right)
    return bool(value == right) and not isinstance(right, dict)


def _words(expression: Mapping[str, Any]) -> str:
    """One expression as nft writes it, as far as it is understood."""
    [(kind, value), *_] = expression.items() or [("", None)]
    if kind != "match" or not isinstance(value, dict):
        return str(kind)
    left, op = value.get("left"), value.get("op", "==")
    name = "..."
    if isinstance(left, dict):
        [(of, fields), *_] = left.items() or [("", None)]
        if isinstance(fields, dict):
            parts = [str(fields[key]) for key in ("protocol", "key", "field") if key in fields]
            name = " ".join(parts if of == "payload" else [str(of), *parts])
    sign = "" if op in ("==", "in") else f" {op}"
    return f"{name}{sign} {_right_words(value.get('right'))}"


def _right_words(right: Any) -> str:
    if isinstance(right, dict) and isinstance(each := right.get("range"), list):
        return "-".join(map(str, each))
    if isinstance(right, dict) and "set" in right:
        right = right["set"]
    if isinstance(right, list):
        return "{ " + ", ".join(_right_words(each) for each in right) + " }"
    return str(right)


# --- iptables -------------------------------------------------------------------------------------

_POLICY: Final = re.compile(r":(\S+) (ACCEPT|DROP|-)\b")


def dropping_in_iptables(
    text: str, probes: Sequence[FirewallProbe], tool: str = "iptables"
) -> tuple[FirewallRule, ...]:
    """From ``iptables-save -t filter``: the rules and policies that drop one of the datagrams."""
    policies: dict[str, str] = {}
    rules: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        if (policy := _POLICY.match(line)) is not None:
            policies[policy[1]] = policy[2]
        elif line.startswith("-A "):
            try:
                split = shlex.split(line)
            except ValueError:
                continue
            rules.setdefault(split[1], []).append(split[2:])
    found: dict[str, FirewallRule] = {}
    for probe in probes:
        chain = "INPUT" if probe.hook == "input" else "OUTPUT"
        fate, where, rule = _walk_iptables(rules, chain, probe, MAX_JUMPS)
        side = "in" if probe.hook == "input" else "out"
        which = "--dport" if side == "in" else "--sport"
        if fate is Fate.DROPPED:
            words = " ".join(map(shlex.quote, rule))
            told = FirewallRule(
                side, probe.port, f"{words} in chain {where}", f"{tool} -D {where} {words}"
            )
        elif fate is Fate.ON and policies.get(chain) == "DROP":
            told = FirewallRule(
                side,
                probe.port,
                f"the policy of chain {chain} is DROP, and no rule accepts it",
                f"{tool} -I {chain} -p udp {which} {probe.port} -j ACCEPT",
            )
        else:
            continue
        found.setdefault(told.remedy, told)
    return tuple(found.values())


def count_iptables(text: str) -> int:
    return sum(line.startswith("-A ") for line in text.splitlines())


def _walk_iptables(
    rules: Mapping[str, list[list[str]]], chain: str, probe: FirewallProbe, jumps: int
) -> tuple[Fate, str, Sequence[str]]:
    for words in rules.get(chain, ()):
        target = _iptables_target(words, probe)
        if target is None:
            continue
        if target in ("DROP", "REJECT"):
            return Fate.DROPPED, chain, words
        if target == "ACCEPT":
            return Fate.ACCEPTED, chain, words
        if target == "RETURN":
            return Fate.ON, chain, ()
        if target in rules and jumps:
            fate, where, rule = _walk_iptables(rules, target, probe, jumps - 1)
            if fate is not Fate.ON:
                return fate, where, rule
    return Fate.ON, chain, ()


def _iptables_target(words: Sequence[str], probe: FirewallProbe) -> str | None:
    """The target of a rule whose conditions certainly hold; None for any other rule."""
    target = None
    for name, values in _options(words):
        if name in ("-j", "--jump", "-g", "--goto"):
            target = values[0] if values else None
        elif name in ("-p", "--protocol"):
            if values not in (["udp"], ["17"], ["all"]):
                return None
        elif name in ("--dport", "--sport", "--dports", "--sports"):
            own = "--dport" if probe.hook == "input" else "--sport"
            if not name.startswith(own) or not values or not _has_port(values[0], probe.port):
                return None
        elif name in ("--state", "--ctstate"):
            if not values or "NEW" not in values[0].split(","):
                return None
        elif name in ("-m", "--match"):
            if not values or values[0] not in ("udp", "multiport", "state", "conntrack", "comment"):
                return None
        elif name not in ("--comment", "--reject-with"):
            return None
    return target


def _options(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    name: str | None = None
    values: list[str] = []
    for word in words:
        if word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            if name is not None:
                yield name, values
            name, values = word, []
        elif word == "!":
            yield "!", []  # a condition that is turned round: not understood
        else:
            values.append(word)
    if name is not None:
        yield name, values


def _has_port(text: str, port: int) -> bool:
    for each in text.split(","):
        low, _, high = each.partition(":")
        if low.isdigit() and (high or low).isdigit() and int(low) <= port <= int(high or low):
            return True
    return False
