"""Chain nodes without an RPC that takes peers: a command is run for each peer, or a file is written
that the chain node reads when it starts.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import trio

from ..errors import UsageError
from .chain_node import ChainLook, Offered
from .chain_peer import ChainPeer
from .report import FeedReport
from .templates import filled

COMMAND_S: Final = 30.0
"""The time limit of a command."""
THEN_S: Final = 1800.0
"""The least time between two runs of ``--then``, which restarts a chain node."""
FILL_S: Final = 60.0
"""How long the file waits for as many peers as are wanted before ``--then`` is run first."""

_VERDICTS: Final[Mapping[int, Literal["good", "bad", "busy", "wrong-network"]]] = {
    0: "good",
    1: "bad",
    3: "wrong-network",
    75: "busy",
}
"""By exit code; 75 is EX_TEMPFAIL."""


class CommandTarget:
    """A command for each peer, without a shell. It counts as connected until it is lost."""

    waits_s = 0.0

    def __init__(self, command: Sequence[str], report: FeedReport) -> None:
        self.name = Path(command[0]).name
        self._command = list(command)
        self._report = report
        self._standing: OrderedDict[str, ChainPeer] = OrderedDict()

    async def look(self) -> ChainLook:
        await trio.lowlevel.checkpoint()
        return _standing_look(self._standing, self.name)

    async def offer(self, peer: ChainPeer) -> Offered:
        command = [str(filled(word, peer)) for word in self._command]
        code = await _run(command, _environment(peer), self._report)
        verdict = _VERDICTS.get(code) if code is not None else None
        if verdict == "good":
            self._standing[peer.key] = peer
            return Offered("good", "the command took it")
        words = "the command did not run" if code is None else f"the command ended with code {code}"
        return Offered(verdict or "bad", words, {"exit_code": code})

    async def withdraw(self, peer: ChainPeer) -> None:
        await trio.lowlevel.checkpoint()
        self._standing.pop(peer.key, None)

    def access_changed(self) -> bool:
        return False


class FileTarget:
    """A file with a line for each peer, replaced as a whole. ``then``: a command that is run after
    that, split at spaces, at most every half hour.
    """

    waits_s = 0.0

    def __init__(
        self, path: Path, line: str, want: int, then: Sequence[str], report: FeedReport
    ) -> None:
        self.name = str(path)
        self._path = path
        self._line = line
        self.want = want
        """With so many peers the command is run at once."""
        self._then = list(then)
        self._report = report
        self._standing: OrderedDict[str, ChainPeer] = OrderedDict()
        self._began = trio.current_time()
        self._then_at: float | None = None
        self._is_changed = False

    async def look(self) -> ChainLook:
        await self._run_then()
        return _standing_look(self._standing, self.name)

    async def offer(self, peer: ChainPeer) -> Offered:
        filled(self._line, peer)
        self._standing[peer.key] = peer
        self._write()
        self._is_changed = True
        await trio.lowlevel.checkpoint()
        return Offered()

    async def withdraw(self, peer: ChainPeer) -> None:
        await trio.lowlevel.checkpoint()
        if self._standing.pop(peer.key, None) is not None:
            self._write()

    def access_changed(self) -> bool:
        return False

    def _write(self) -> None:
        lines = [str(filled(self._line, peer)) for peer in self._standing.values()]
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise UsageError(
                f"{self._path} cannot be written: {(error.strerror or str(error)).lower()}"
            ) from None

    async def _run_then(self) -> None:
        now = trio.current_time()
        if not self._then or not self._is_changed:
            return
        if self._then_at is not None:
            is_time = now - self._then_at >= THEN_S
        else:
            is_time = len(self._standing) >= self.want or now - self._began >= FILL_S
        if is_time:
            self._then_at, self._is_changed = now, False
            code = await _run(self._then, {}, self._report)
            if code is not None:
                self._report.tell("then", f"{self._then[0]} ended with code {code}", exit_code=code)


def _standing_look(standing: Mapping[str, ChainPeer], name: str) -> ChainLook:
    addresses = frozenset(peer.address for peer in standing.values())
    return ChainLook(len(standing), addresses, words=name)


def _environment(peer: ChainPeer) -> dict[str, str]:
    return {
        "KADISC_PEER_HOST": peer.host,
        "KADISC_PEER_PORT": str(peer.port),
        "KADISC_PEER_ADDRESS": str(peer),
        "KADISC_PEER_KEY": peer.key,
        **{
            f"KADISC_PEER_SERVICE_{name.upper()}": str(value)
            for name, value in peer.services.items()
        },
    }


async def _run(
    command: Sequence[str], environment: Mapping[str, str], report: FeedReport
) -> int | None:
    """The exit code; None if the command cannot be run or takes too long. Its output goes to
    stderr.
    """
    try:
        with trio.fail_after(COMMAND_S):
            done = await trio.run_process(
                list(command),
                stdin=b"",
                stdout=sys.stderr.fileno(),
                check=False,
                env={**os.environ, **environment},
            )
    except OSError as error:
        report.warn("command", f"{command[0]}: {(error.strerror or str(error)).lower()}")
        return None
    except trio.TooSlowError:
        report.warn("command", f"{command[0]} took more than {COMMAND_S:g} s and was ended")
        return None
    return done.returncode
