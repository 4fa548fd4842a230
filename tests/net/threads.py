"""Blocking calls in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

T = TypeVar("T")


async def call_here(call: Callable[[], T], **_: bool) -> T:
    """In place of `in_thread`: the call runs in the event loop, because a virtual clock would jump
    while a thread works.
    """
    await trio.lowlevel.checkpoint()
    return call()
