"""What the service manager is told: sd_notify(3), by hand.

The manager names a Unix datagram socket in ``NOTIFY_SOCKET``: a path, or with ``@`` in front a name
in Linux's abstract namespace. A message is a datagram of lines ``KEY=value``. The socket may be
full, gone, or never have been there. None of that ends or delays the node: what could not be sent
is sent with the next message, and the first failure is told.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Final

from ..text import one_line

SOCKET_VARIABLE: Final = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE: Final = "WATCHDOG_USEC"
WATCHDOG_PID_VARIABLE: Final = "WATCHDOG_PID"
MAX_STATUS: Final = 200
"""Characters of STATUS=; ``systemctl status`` shows one line."""
_MAX_DIGITS: Final = 18


class Notifier:
    """Tells the service manager; without an address nothing is sent.

    Args:
        address: The value of ``NOTIFY_SOCKET``.
        watchdog_s: After how many seconds without `alive` the manager ends the node; None: never.
        warn: Is called once with words where the manager cannot be told, until it can again.
    """

    def __init__(
        self,
        address: str | None,
        watchdog_s: float | None = None,
        warn: Callable[[str], None] = lambda words: None,
    ) -> None:
        self.watchdog_s = watchdog_s if address else None
        self._address = address
        self._warn = warn
        self._status = ""
        self._unsent: dict[str, str] = {}
        """What the manager does not know yet, by key."""
        self._is_failing = False
        self._is_stopping = False

    @classmethod
    def from_environment(
        cls,
        warn: Callable[[str], None],
        variables: MutableMapping[str, str] = os.environ,
    ) -> Notifier:
        """The one that the environment names. The variables are removed: programs that the node
        starts are not the service.
        """
        address = variables.pop(SOCKET_VARIABLE, None)
        usec = variables.pop(WATCHDOG_VARIABLE, "")
        pid = variables.pop(WATCHDOG_PID_VARIABLE, "")
        is_ours = not pid or pid == str(os.getpid())
        is_number = usec.isascii() and usec.isdigit() and len(usec) <= _MAX_DIGITS
        watchdog_s = int(usec) / 1e6 if is_ours and is_number and int(usec) else None
        return cls(address or None, watchdog_s, warn)

    @property
    def is_wanted(self) -> bool:
        """Whether there is a service manager to tell."""
        return self._address is not None

    def ready(self) -> None:
        """The node serves: at the start, and again at the end of a reload."""
        self._tell({"READY": "1"})

    def reloading(self) -> None:
        """The configuration is read anew; `ready` ends it (``Type=notify-reload``)."""
        usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._unsent.pop("READY", None)
        self._tell({"RELOADING": "1", "MONOTONIC_USEC": str(usec)})

    @contextmanager
    def reload(self) -> Iterator[None]:
        """For the block that reads the configuration anew, whatever comes of it."""
        self.reloading()
        try:
            yield
        finally:
            if not self._is_stopping:
                self.ready()

    def status(self, words: str) -> None:
        """A line for people; it is sent where it differs from the last one."""
        words = one_line(words, MAX_STATUS)
        if words != self._status:
            self._status = words
            self._tell({"STATUS": words})
        elif self._unsent:
            self._tell({})

    def alive(self) -> None:
        """For the watchdog: the node works now. It is not sent later."""
        self._tell({}, at_once={"WATCHDOG": "1"})

    def stopping(self) -> None:
        """The node ends; told once."""
        if not self._is_stopping:
            self._is_stopping = True
            self._unsent.clear()
            self._tell({"STOPPING": "1", "STATUS": "stopping"})

    def _tell(self, fields: dict[str, str], at_once: dict[str, str] | None = None) -> None:
        if self._address is None:
            return
        self._unsent |= fields
        message = self._unsent | (at_once or {})
        lines = "".join(f"{key}={value}\n" for key, value in message.items())
        try:
            # A socket for each message: they are few, and none can be left over.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(lines.encode("utf-8", "replace"), _place(self._address))
        except (OSError, ValueError) as error:
            self._failed(error)
        else:
            self._unsent.clear()
            self._is_failing = False

    def _failed(self, error: OSError | ValueError) -> None:
        if not self._is_failing:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._warn(
                f"warning: the service manager cannot be told at {self._address}, retrying:"
                f" {reason.lower()}"
            )
        self._is_failing = True


def _place(address: str) -> str | bytes:
    """The address for the system. Raises ValueError."""
    if address.startswith("@") and len(address) > 1:
        return b"\0" + os.fsencode(address[1:])
    if not address.startswith("/"):
        raise ValueError("a path or @NAME is expected")
    return os.fsencode(address)
