"""What the rules of nft and iptables do with the datagrams of a node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kadisc.doctor.rules import (
    FirewallProbe,
    count_iptables,
    dropping_in_iptables,
    dropping_in_nft,
    parse_nft,
)

IN, OUT = FirewallProbe("input", 6881), FirewallProbe("output", 6881)
IN_6 = FirewallProbe("input", 6881, is_ipv6=True)
DROP, ACCEPT = {"drop": None}, {"accept": None}


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def udp(field: str, right: Any, op: str = "==") -> dict[str, Any]:
    return match({"payload": {"protocol": "udp", "field": field}}, right, op)


def meta(key: str, right: Any, op: str = "==") -> dict[str, Any]:
    return match({"meta": {"key": key}}, right, op)


def state(*words: str) -> dict[str, Any]:
    return match({"ct": {"key": "state"}}, list(words), "in")


def ruleset(*rules: list[Any], policy: str = "accept", hook: str = "input", **more: Any) -> Any:
    family = more.pop("family", "inet")
    place = {"family": family, "table": "t"}
    items: list[Any] = [{"metainfo": {"version": "1.0"}}, {"table": {"name": "t"}}]
    chain = {"name": "c", "type": "filter", "hook": hook, "policy": policy} | more
    items.append({"chain": place | chain})
    items += [
        {"rule": place | {"chain": "c", "handle": number, "expr": rule}}
        for number, rule in enumerate(rules, start=1)
    ]
    return items


def remedies(items: Any, *probes: FirewallProbe) -> list[str]:
    found = dropping_in_nft(parse_nft(json.dumps({"nftables": items})), probes or (IN,))
    return [each.remedy for each in found]


def deletes(handle: int, family: str = "inet", chain: str = "c") -> list[str]:
    return [f"nft delete rule {family} t {chain} handle {handle}"]


@pytest.mark.parametrize(
    ("rules", "dropping"),
    [
        ([], None),
        ([[DROP]], 1),
        ([[{"counter": {"packets": 1}}, {"log": None}, DROP]], 1),
        ([[{"reject": None}]], 1),
        ([[ACCEPT], [DROP]], None),
        ([[udp("dport", 6881), DROP]], 1),
        ([[udp("dport", 6882), DROP]], None),
        ([[udp("dport", 6881, "!="), DROP]], None),
        ([[udp("dport", 53, "!="), DROP]], 1),
        ([[udp("dport", {"range": [6881, 6889]}), DROP]], 1),
        ([[udp("dport", {"range": [6882, 6889]}), DROP]], None),
        ([[udp("dport", {"set": [53, {"range": [6000, 7000]}]}), DROP]], 1),
        ([[udp("sport", 6881), DROP]], None),
        ([[meta("l4proto", "udp"), DROP]], 1),
        ([[meta("l4proto", "tcp"), DROP]], None),
        ([[meta("nfproto", "ipv6"), DROP]], None),
        ([[meta("mark", 7), DROP]], None),  # not understood
        ([[meta("iifname", "eth1"), DROP]], None),
        ([[udp("dport", "@ports"), DROP]], None),
        ([[state("established", "related"), ACCEPT], [DROP]], 2),
        ([[state("new"), DROP]], 1),
        ([[state("invalid"), DROP]], None),
        ([[{"return": None}], [DROP]], None),
    ],
)
def test_one_chain_of_nft(rules: list[Any], dropping: int | None) -> None:
    assert remedies(ruleset(*rules)) == (deletes(dropping) if dropping else [])


def test_the_policy_drops_what_no_rule_accepts() -> None:
    wanted = ["nft insert rule inet t c udp dport 6881 accept"]
    assert remedies(ruleset(policy="drop")) == wanted
    assert remedies(ruleset([udp("dport", 6881), ACCEPT], policy="drop")) == []
    assert remedies(ruleset([{"return": None}], policy="drop")) == wanted
    out = ruleset(policy="drop", hook="output")
    assert remedies(out, OUT) == ["nft insert rule inet t c udp sport 6881 accept"]
    assert remedies(out, IN) == []


def test_families_and_kinds_of_chains() -> None:
    assert remedies(ruleset([DROP], family="ip"), IN_6) == []
    assert remedies(ruleset([DROP], family="ip6"), IN_6) == deletes(1, "ip6")
    assert remedies(ruleset([DROP], hook="forward")) == []
    assert remedies(ruleset([DROP], type="nat")) == []


def test_chains_that_are_jumped_to() -> None:
    place = {"family": "inet", "table": "t"}
    to_guard = [{"jump": {"target": "guard"}}]
    items = ruleset(to_guard, [udp("dport", 6881), ACCEPT], policy="drop")
    items.append({"chain": place | {"name": "guard"}})
    assert remedies(items) == []  # it decides nothing
    rule = {"chain": "guard", "handle": 9, "expr": [udp("dport", 6881), DROP]}
    items.append({"rule": place | rule})
    assert remedies(items) == deletes(9, chain="guard")
    loop = ruleset([{"jump": {"target": "c"}}])
    assert remedies(loop) == []  # the kernel refuses such, a file may have it


def test_one_rule_for_two_sockets_is_told_once() -> None:
    assert remedies(ruleset([DROP]), IN, IN_6) == deletes(1)


def test_the_words_of_a_rule() -> None:
    items = ruleset([udp("dport", {"range": [1, 9999]}), meta("l4proto", "udp"), DROP])
    [found] = dropping_in_nft(parse_nft(json.dumps({"nftables": items})), [IN])
    assert found.words == "udp dport 1-9999 meta l4proto udp drop in chain inet t c"


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '{"nftables": 7}'])
def test_what_is_no_ruleset(text: str) -> None:
    with pytest.raises(ValueError, match=r"not the output|Expecting value"):
        parse_nft(text)


def test_odd_rules_are_passed_over() -> None:
    odd = [[], [7], [{"match": 7}], [{"a": 1, "b": 2}], [match(7, 7), DROP]]
    place = {"family": "inet", "table": "t", "chain": "c"}
    items = [*ruleset(*odd, [{"jump": 7}]), 7, {"chain": 7}, {"rule": place | {"expr": None}}]
    assert remedies(items) == []


def iptables(*lines: str, policy: str = "ACCEPT") -> list[str]:
    text = "\n".join(["*filter", f":INPUT {policy} [0:0]", ":OUTPUT ACCEPT [0:0]", *lines])
    return [each.remedy for each in dropping_in_iptables(text, [IN, OUT])]


@pytest.mark.parametrize(
    ("lines", "remedy"),
    [
        ([], None),
        (["-A INPUT -p udp -m udp --dport 6881 -j DROP"], "-p udp -m udp --dport 6881 -j DROP"),
        (["-A INPUT -p udp -m udp --dport 6000:7000 -j REJECT"], "--dport 6000:7000 -j REJECT"),
        (["-A INPUT -p udp -m multiport --dports 53,6881 -j DROP"], "--dports 53,6881 -j DROP"),
        (["-A INPUT -p udp -m udp --dport 53 -j DROP"], None),
        (["-A INPUT -p tcp -j DROP"], None),
        (["-A INPUT -j DROP"], "-j DROP"),
        (["-A INPUT -i lo -j ACCEPT", "-A INPUT -j DROP"], "-j DROP"),
        (["-A INPUT ! -i lo -j DROP"], None),  # not understood
        (["-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A INPUT -j DROP"], ""),
        (["-A INPUT -m conntrack --ctstate NEW -j DROP"], "--ctstate NEW -j DROP"),
        (["-A INPUT -p udp --dport 6881 -j ACCEPT", "-A INPUT -j DROP"], None),
        (["-A INPUT -m mark --mark 7 -j DROP"], None),
        (["-A INPUT -s 10.0.0.0/8 -j DROP"], None),
        (["-A INPUT -j DOCKER", "-A DOCKER -p udp -j DROP"], "iptables -D DOCKER -p udp -j DROP"),
        (["-A INPUT -j DOCKER", "-A DOCKER -j RETURN"], None),
        (['-A INPUT -m comment --comment "no p2p" -j DROP'], "--comment 'no p2p' -j DROP"),
        (["-A INPUT -p udp --dport 'unclosed -j DROP"], None),
    ],
)
def test_iptables(lines: list[str], remedy: str | None) -> None:
    found = iptables(*lines)
    if remedy is None:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith("iptables -D ")
        assert found[0].endswith(remedy)


def test_policies_of_iptables() -> None:
    assert iptables(policy="DROP") == ["iptables -I INPUT -p udp --dport 6881 -j ACCEPT"]
    assert iptables("-A INPUT -p udp --dport 6881 -j ACCEPT", policy="DROP") == []
    assert count_iptables("*filter\n-A INPUT -j DROP\n# x\n-A X -j Y\n") == 2
