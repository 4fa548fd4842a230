"""The file ``identity``: any bytes, and any document under a sound checksum."""

from __future__ import annotations

import hashlib
import json

from kadisc.core.contract.saved_state import SavedBook, SavedPeerNetwork
from kadisc.net.state.damage import DamagedState, NewerState
from kadisc.net.state.identity_file import (
    KeptIdentity,
    decode_identity,
    encode_identity,
)
from kadisc.net.state.state_file import KeptState, decode_state, encode_state

from ..mutation import mutate_json
from ..sound_state import sound_state
from ..target import Target, require


def check(data: bytes) -> None:
    _read(data)
    # A checksum is no secret: whoever plants a file computes it.
    line = data.replace(b"\n", b" ")
    digest = hashlib.sha256(line).hexdigest()[:16].encode()
    _read(b"torn\n" + digest + b" " + line + b"\n")


def _read(image: bytes) -> None:
    try:
        kept = decode_identity(image)
    except (DamagedState, NewerState):
        return
    require(decode_identity(encode_identity(kept)) == kept, f"{kept} did not come back")
    # The node writes all of it into its state file as well.
    networks = {
        name: SavedPeerNetwork(sequence, SavedBook()) for name, sequence in kept.sequences.items()
    }
    again = decode_state(encode_state(KeptState(kept.seed, kept.addresses, peer_networks=networks)))
    sequences = {name: each.sequence for name, each in again.peer_networks.items()}
    require(
        KeptIdentity(again.seed, again.addresses, sequences) == kept,
        f"{kept} came back from the state file as {again}",
    )


def seeds() -> list[bytes]:
    state = sound_state()
    kept = KeptIdentity(state.seed, state.addresses, {"testnet": 5, "mainline": 1 << 61})
    documents = [encode_identity(each).split(b"\n")[0][17:] for each in (kept, KeptIdentity())]
    newer = json.dumps({"kadisc-identity": 2}).encode()
    return [encode_identity(kept), *documents, newer]


IDENTITY = Target(
    "identity",
    "DamagedState and NewerState alone are raised; what was read is written to both files of the "
    "state, and reads the same",
    check,
    seeds,
    (
        b'"sequences": {',
        b'"seed": null',
        b'"ipv4"',
        b"\\ud800",
        b"1e400",
        b"true",
        b"4611686018427387904",
    ),
    mutate_json,
    max_bytes=700,
    intended_s=0.01,
    guided_by=("kadisc.net.state",),
    quick_runs=300,
)
