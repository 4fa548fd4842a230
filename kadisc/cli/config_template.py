"""A configuration file to begin with: every key with its description, what it takes and its
default, from the declarations that the reference page is made from. Keys are comments, but those
that a purpose sets.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..config.keys import GROUPS, KEYS, Key
from ..config.words import KINDS, bounds_words, example_of

_WIDTH: Final = 98
_HEAD: Final = """\
Save this as ~/.config/kadisc/config.toml, or name it with kadisc run --config FILE, and check it
with kadisc config check FILE. A line that begins with #name is a key with its default; without the
# it is set. An option of the command line wins over this file."""
_CORE: Final = "core"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a file is for. ``values``: the keys that are set, with a note each; ``then``: the
    command that is to run beside the node.
    """

    about: str
    values: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    then: str = ""


PURPOSES: Final[Mapping[str, Purpose]] = {
    "plain": Purpose("A node of Mainline, without a network of its own."),
    "bitcoin": Purpose(
        "Beside Bitcoin Core or one of its descendants (Litecoin, Dogecoin, Bitcoin Cash, Dash).",
        {"network": "btc", "service": ("p2p=8333",)},
        {
            "network": "All nodes that are to find each other have the same name here: btc, ltc,"
            " btc-testnet and so on.",
            "service": "The port where your chain node takes peers: 8333 for Bitcoin, 9333 for"
            " Litecoin.",
        },
        "kadisc feed bitcoin --chain btc --rpc-cookie ~/.bitcoin/.cookie --advertise p2p",
    ),
    "geth": Purpose(
        "Beside go-ethereum, or another node with its admin methods (reth, Besu, Erigon).",
        {"network": "my-ethereum", "service": ("p2p=30303",)},
        {
            "network": "All nodes that are to find each other have the same name here.",
            "service": "The port where your chain node takes peers. For peers that run geth add the"
            ' public key of your node, compressed to 33 bytes: "enode=0x02...".',
        },
        "kadisc feed geth --rpc http://127.0.0.1:8545 --advertise p2p",
    ),
    "cometbft": Purpose(
        "Beside CometBFT or Tendermint.",
        {"network": "my-chain-1", "service": ("p2p=26656",)},
        {
            "network": "All nodes that are to find each other have the same name here: the chain ID"
            " is a good one.",
            "service": "The port where your chain node takes peers. Add the ID of your node (20"
            ' bytes; cometbft show-node-id), without which others cannot dial it: "node=0x...".',
        },
        "kadisc feed cometbft --rpc http://127.0.0.1:26657 --advertise p2p",
    ),
}


def template(purpose: str, *, with_core: bool) -> str:
    """The text of a file. ``purpose``: of `PURPOSES`; ``with_core``: also the numbers of the
    protocol, which few operators change.
    """
    chosen = PURPOSES[purpose]
    lines = [*_comment(f"kadisc: {chosen.about}"), "#", *_comment(_HEAD)]
    if chosen.then:
        lines += ["#", *_comment("Then run beside kadisc run:"), f"#   {chosen.then}"]
    for name in ("", *GROUPS):
        if name.partition(".")[0] == _CORE and not with_core:
            continue
        if name:
            about = " ".join((GROUPS[name].__doc__ or "").split())
            lines += ["", *(_comment(about) if about else ()), f"[{name}]"]
        # What is set stands first, where it is seen.
        for key in sorted(_of(name), key=lambda key: key.name not in chosen.values):
            lines += ["", *_key(key, chosen)]
    if not with_core:
        more = "The tables [core...], the numbers of the protocol: kadisc config init --all."
        lines += ["", *_comment(more)]
    return "\n".join(lines) + "\n"


def _of(group: str) -> Iterable[Key]:
    return [key for key in KEYS.values() if key.name.rpartition(".")[0] == group]


def _key(key: Key, purpose: Purpose) -> Iterator[str]:
    name = key.path[-1]
    bounds = bounds_words(key)
    takes = KINDS[key.kind] + (f", {bounds}" if bounds else "")
    yield from _comment(f"{key.setting.description} ({takes[:1].upper()}{takes[1:]}.)")
    if key.name in purpose.values:
        yield from _comment(purpose.notes[key.name])
        yield f"{name} = {in_toml(purpose.values[key.name])}"
        return
    example = "" if key.default is not None else "    # an example: by default it is not set"
    yield f"#{name} = {in_toml(example_of(key))}{example}"


def _comment(text: str) -> list[str]:
    words = " ".join(text.replace("``", "`").split())
    return [f"# {line}" for line in textwrap.wrap(words, _WIDTH, break_on_hyphens=False)]


def in_toml(value: Any) -> str:
    """A value as the file has it. JSON writes the texts, numbers and lists of a configuration as
    TOML does.
    """
    return json.dumps(list(value) if isinstance(value, tuple) else value).replace("\x7f", "\\u007f")
