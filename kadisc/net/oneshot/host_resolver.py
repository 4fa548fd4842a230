"""The endpoints of the bootstrap hosts, as they become known.

A lookup begins as soon as one host is resolved: a name server that never answers does not delay it.
A host that is resolved a moment later takes part in the same lookup.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio

from ...endpoints import Endpoint, Family, family_of
from ..join.resolve import Unresolved, resolve

_GRACE_S = 0.3
"""The first host that is resolved waits so long for others."""
_NEXT_SOURCE_S = 1.0
"""The pause between one source of hosts and the next."""


class HostResolver:
    """Resolves hosts in tasks of ``nursery``: those of the first source after ``delay_s``, those of
    each further source a second after the one before.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        sources: Sequence[Sequence[str]],
        timeout_s: float,
        *,
        delay_s: float = 0.0,
    ) -> None:
        self._found: list[Endpoint] = []
        self._unresolved = sum(map(len, sources))
        self._resolving = 0
        self._changed = trio.Event()
        self.reasons: list[str] = []
        """Texts that say why names could not be resolved."""
        for number, hosts in enumerate(sources):
            for host in hosts:
                nursery.start_soon(
                    self._resolve, host, timeout_s, delay_s + number * _NEXT_SOURCE_S
                )

    async def more(self, family: Family, known: int) -> list[Endpoint]:
        """The endpoints of a family after the first ``known`` ones, as soon as there are any; none
        where all hosts are resolved.
        """
        while len(self._of(family)) <= known and self._unresolved:
            await self._changed.wait()
        with trio.move_on_after(_GRACE_S):
            while self._resolving:
                await self._changed.wait()
        return self._of(family)[known:]

    def _of(self, family: Family) -> list[Endpoint]:
        return [endpoint for endpoint in self._found if family_of(endpoint) is family]

    async def _resolve(self, host: str, timeout_s: float, delay_s: float) -> None:
        if delay_s:
            await trio.sleep(delay_s)
        self._resolving += 1
        try:
            self._found += await resolve(host, timeout_s)
        except Unresolved as error:
            self.reasons.append(str(error))
        self._resolving -= 1
        self._unresolved -= 1
        self._changed.set()
        self._changed = trio.Event()
