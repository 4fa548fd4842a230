"""A saved state through the bytes of the state file and back, without a file: for tests and for
simulations of restarts.
"""

from __future__ import annotations

from random import Random

from ...core.contract.saved_state import SavedState
from .damage import DamagedState, NewerState
from .state_file import KeptState, decode_state, encode_state

MAX_DAMAGE = 8
"""The most bytes that are changed in a damaged file."""


def reloaded(state: SavedState, network: str, damage: Random | None = None) -> SavedState:
    """The state as a later run reads it. ``damage``: bytes of the file are changed, or its end is
    lost; where nothing can be read, the state is empty.
    """
    kept = KeptState(
        addresses={dht.family: dht.ip for dht in state.dhts if dht.ip is not None},
        contacts={network: tuple(each for dht in state.dhts for each in dht.contacts)},
        published={network: state.published} if state.published else {},
        runs=state.runs,
    )
    if state.peer_network is not None:
        kept.peer_networks[network] = state.peer_network
    image = encode_state(kept)
    if damage is not None:
        image = _damaged(image, damage)
    try:
        return decode_state(image).saved_state(network)
    except (DamagedState, NewerState):
        return SavedState(())


def _damaged(image: bytes, rng: Random) -> bytes:
    if rng.random() < 0.3:
        return image[: rng.randrange(len(image))]
    changed = bytearray(image)
    for _ in range(rng.randint(1, MAX_DAMAGE)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)
