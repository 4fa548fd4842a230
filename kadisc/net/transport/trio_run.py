"""kadisc runs on trio; what tells a program that runs on something else."""

from __future__ import annotations

import sys

import trio

from ...errors import UsageError


def require_trio(name: str) -> None:
    """Raises UsageError where ``name`` is called outside of a trio run: without this, the first use
    of trio would end in an AttributeError of its own that names neither cause nor remedy.
    """
    if trio.lowlevel.in_trio_run():
        return
    if _in_asyncio():
        raise UsageError(
            f"{name} runs on trio, and this program runs on asyncio: start it with"
            " trio.run(main) in place of asyncio.run(main()); a program that must stay on asyncio"
            " asks a running node over its control socket (examples/ask_from_asyncio.py)"
        )
    raise UsageError(f"{name} runs on trio: call it in a function that trio.run(main) runs")


def _in_asyncio() -> bool:
    asyncio = sys.modules.get("asyncio")  # not imported for this: a program on it has done so
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
