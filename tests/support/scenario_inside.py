"""The process in which a scenario happens, as `scenario_runs` starts it."""

import os
import sys
import threading
import traceback
from collections.abc import Callable

from .child_programs import NotSeenError


def end_with_parent() -> None:
    """Ends this process when its standard input does, whatever it does meanwhile."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()


def perform(scenario: Callable[[], object], limit_s: float) -> str | None:
    """Runs a scenario, and returns what went wrong: what it waited for and did not see, a
    traceback, or that it takes too long.
    """
    failure: list[str] = []

    def run() -> None:
        try:
            scenario()
        except NotSeenError as error:
            failure.append(str(error))
        except Exception:  # noqa: BLE001 whatever it is, the document says it
            failure.append(traceback.format_exc())

    performance = threading.Thread(target=run, daemon=True)
    performance.start()
    performance.join(limit_s)
    if performance.is_alive():
        return f"not done within {limit_s:g} s"
    return failure[0] if failure else None
