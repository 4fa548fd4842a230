"""Who may ask: by the address that the server listens at, a token, and the header ``Host``.

A page in a browser on this machine can send requests here under a name of its own that it lets
resolve to a loopback address (DNS rebinding): such a request bears that name in ``Host`` and gets
421.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Final

from ..endpoints import Scope, make_endpoint, scope_of, split_host_port
from ..errors import UsageError

MIN_TOKEN, MAX_TOKEN = 16, 256
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")


class Access:
    """What a request has to have. ``token``: the bearer token, None where none is needed."""

    def __init__(self, listens_at: str, *, token: str | None, is_open: bool) -> None:
        """``listens_at``: HOST:PORT, or ``unix:PATH``. Raises UsageError where it is not of
        loopback and neither a token nor ``is_open`` lets other hosts in.
        """
        self.token = token
        self._is_unix = listens_at.startswith("unix:")
        if self._is_unix:
            self._hosts: frozenset[str] | None = None
            return
        host, port = split_host_port(listens_at)
        is_loopback = scope_of(make_endpoint(host, port or 1)) is Scope.LOOPBACK
        if not is_loopback and token is None and not is_open:
            raise UsageError(
                f"{listens_at} can be asked by other machines: give --metrics-token FILE, or"
                " --metrics-open if your firewall keeps them out"
            )
        names = {*_LOOPBACK_NAMES, f"[{host}]" if ":" in host else host}
        # Behind 0.0.0.0 any name of the machine is right; then the token or the firewall guards.
        is_everywhere = host in ("0.0.0.0", "::")
        self._hosts = None if is_everywhere else frozenset(names)

    def knows_host(self, value: str | None) -> bool:
        """Whether the header ``Host`` names this server; its port does not matter."""
        if self._hosts is None:
            return True
        if value is None:
            return False
        return _without_port(value.strip().lower()) in self._hosts

    def lets_in(self, authorization: str | None) -> bool:
        """Whether the header ``Authorization`` has the token, if one is needed."""
        if self.token is None:
            return True
        kind, _, given = (authorization or "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode("utf-8", "surrogateescape"), self.token.encode()
        )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def read_token(path: str) -> str:
    """The token in a file: one line of 16 to 256 visible ASCII characters. Raises UsageError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_TOKEN + 3)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"--metrics-token {path} cannot be read: {reason}") from None
    text = content.decode("latin-1").strip()
    if not MIN_TOKEN <= len(text) <= MAX_TOKEN or not all("!" <= each <= "~" for each in text):
        raise UsageError(
            f"--metrics-token {path}: expected one line of {MIN_TOKEN} to {MAX_TOKEN} visible"
            " ASCII characters without spaces"
        )
    return text
