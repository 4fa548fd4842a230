"""The loop of ``kadisc feed``, the same for all chain nodes: look at its peers, take a candidate,
shake hands, offer it, see what became of it, and tell the running node.

Three tasks share one `Feeder`: `_follow` takes peers from the running node, `_look` asks the chain
node and judges what was offered, `_try` begins handshakes while the chain node has fewer peers than
it wants. A fourth one tells the running node of all that, for its live views (`telling.py`).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import trio

from ..errors import Closed, KadiscError, NotRunning
from ..net.transport.nurseries import open_flat_nursery
from ..observe.feed_metrics import FeedCounts
from ..observe.feed_states import FeedState
from .advertising import ServiceAdvertiser
from .candidates import FeedCandidates, FeedLimits
from .chain_node import ChainLook, ChainTarget, Offered, RpcRefused, RpcUnreachable
from .chain_peer import ChainPeer
from .handshake import Handshake
from .node_link import OwnPlace, RunningNodeLink
from .report import FeedReport
from .settings import FeedSettings
from .telling import feed_state, keep_told
from .templates import LacksService

ONCE_S: Final = 60.0
"""How long ``--once`` goes on while the chain node has fewer peers than it wants."""
MAX_STANDING: Final = 1000
CONFIRM_S: Final = 600.0
"""How long after the running node is back a peer that it does not tell of again counts as lost."""
_WAKE_S: Final = 1.0
_OWN_S: Final = 10.0
"""How often the running node is asked for its own addresses and services."""


class _Awaited:
    __slots__ = ("at", "peer")

    def __init__(self, peer: ChainPeer, at: float) -> None:
        self.peer = peer
        self.at = at


class Feeder:
    def __init__(
        self,
        node: RunningNodeLink,
        target: ChainTarget,
        handshake: Handshake,
        report: FeedReport,
        settings: FeedSettings,
        limits: FeedLimits,
    ) -> None:
        self._node = node
        self._target = target
        self._handshake = handshake
        self._report = report
        self._settings = settings
        self._candidates = FeedCandidates(limits, trio.current_time())
        self.counts = FeedCounts()
        """What the metrics count."""
        self._advertiser = ServiceAdvertiser(
            node,
            report,
            settings.advertise if not settings.dry_run else None,
            settings.port,
            settings.rpc_host,
            settings.down_s,
        )
        self._awaited: dict[str, _Awaited] = {}
        """What was offered and is not connected yet, by key."""
        self._offering: set[str] = set()
        """Keys of those whose offer is underway: a command takes a while."""
        self._standing: dict[str, ChainPeer] = {}
        """What was offered and taken, by key; those that are ``_gone`` are taken back."""
        self._gone: set[str] = set()
        self._unconfirmed: set[str] = set()
        """Those of them that the running node has not told of since the last connection to it."""
        self._confirm_by = math.inf
        self._look_result: ChainLook | None = None
        self._own = OwnPlace()
        self._own_at = -math.inf
        self._own_failures = 0
        self._following_since = math.inf
        self._is_node_told = False
        """Whether it was told that the running node is gone, since it was there last."""
        self._is_verdict_told = False
        self._trouble: str | None = None
        self._last_words = ""
        self._trouble_words: str | None = None
        self._began_at = trio.current_time()
        self._looked_at: float | None = None
        self._wake = trio.Event()

    async def run(self) -> bool:
        """Runs until it is cancelled; with ``once`` until enough is connected, or a minute. Returns
        whether the chain node has a peer.
        """
        async with open_flat_nursery() as nursery:
            nursery.start_soon(self._follow)
            nursery.start_soon(self._look)
            nursery.start_soon(self._try)
            nursery.start_soon(keep_told, self._node, self.state)
            if not self._settings.once:
                await trio.sleep_forever()
            with trio.move_on_after(ONCE_S):
                while not self._has_enough():
                    await self._woken()
            nursery.cancel_scope.cancel()
        return self._look_result is not None and self._look_result.outbound > 0

    @property
    def status_words(self) -> str:
        """The state in a few words, for a service manager."""
        if self._look_result is not None:
            return self._last_words
        if self._trouble == "refused":
            return "the chain node refuses the feed"
        return "the chain node is down" if self._trouble is not None else "starting"

    def state(self) -> FeedState:
        """What it is doing, for those who watch the running node."""
        return feed_state(
            self._settings,
            self._target.name,
            self._report.journal,
            self._candidates,
            self._look_result,
            self._standing.values(),
            awaited=len(self._awaited),
            began_at=self._began_at,
            looked_at=self._looked_at,
            trouble=self._trouble,
            trouble_words=self._trouble_words,
            is_offered=self._own.offered is not None,
        )

    def set_want(self, want: int) -> None:
        """From now on nobody is offered while the chain node has so many outbound peers."""
        self._settings = replace(self._settings, want=want)
        self._wake.set()

    def _has_enough(self) -> bool:
        look = self._look_result
        return look is not None and look.outbound >= self._settings.want

    # --- peers of the running node ----------------------------------------------------------------

    async def _follow(self) -> None:
        wait_s = 1.0
        while True:
            began = self._following_since = trio.current_time()
            self._candidates.forget()
            self._unconfirmed = set(self._standing)
            self._confirm_by = began + CONFIRM_S
            try:
                await self._node.run(self._found, self._lost)
            except KadiscError as error:
                self._following_since = math.inf
                if trio.current_time() - began > self._settings.node_back_off_s:
                    wait_s = 1.0
                self._node_is_gone(error)
            await trio.sleep(wait_s)
            wait_s = min(2 * wait_s, self._settings.node_back_off_s)

    def _node_is_gone(self, error: KadiscError) -> None:
        """In one line, whichever task sees it first and however long it lasts."""
        if not self._is_node_told:
            self._report.warn("node", f"{error}; trying again")
        self._is_node_told = True

    def _node_answers(self) -> None:
        is_following = trio.current_time() - self._following_since >= _WAKE_S
        if self._is_node_told and is_following:
            self._is_node_told = False
            self._report.tell("node", "the running node is there again")

    def _found(self, peer: ChainPeer) -> None:
        if peer.key != self._own.key:
            self._candidates.found(peer)
            self._gone.discard(peer.key)
            self._unconfirmed.discard(peer.key)
            self._wake.set()

    def _lost(self, key: str) -> None:
        self._candidates.lost(key)
        if key in self._standing:
            self._gone.add(key)

    # --- the chain node ---------------------------------------------------------------------------

    async def _look(self) -> None:
        while True:
            await self._look_once()
            if self._trouble == "refused":
                wait_s = self._settings.refused_s
            elif self._awaited or (self._settings.once and not self._has_enough()):
                wait_s = self._settings.quick_look_s
            else:
                wait_s = self._settings.look_s
            with trio.move_on_after(wait_s):
                while not (self._awaited or self._may_be_let_in()):
                    await self._woken()
                await trio.sleep(self._settings.quick_look_s)

    def _may_be_let_in(self) -> bool:
        return self._trouble == "refused" and self._target.access_changed()

    async def _look_once(self) -> None:
        is_up = True
        await self._see_own_place()  # before anybody is offered, who may be this node itself
        try:
            look = await self._target.look()
        except RpcUnreachable as error:
            is_up = False
            self._in_trouble("down", f"{error}; trying again")
        except RpcRefused as error:
            self._in_trouble("refused", f"{error}; trying again every 5 minutes")
        else:
            await self._looked(look)
        if await self._advertiser.looked(self._own, is_up=is_up):
            self._own_at = -math.inf

    def _in_trouble(self, kind: str, words: str) -> None:
        self._look_result = None
        self._trouble_words = words
        if self._trouble != kind:
            self._report.warn("chain", words)
        self._trouble = kind

    async def _looked(self, look: ChainLook) -> None:
        if self._trouble is not None:
            self._candidates.chain_restarted()
            self.counts.offers["failed"] += len(self._awaited)
            self._awaited.clear()
            self._trouble = None
            self._last_words = ""  # that it is back is told, though it has as many peers as before
        self._look_result = look
        self._looked_at = trio.current_time()
        name = look.words or self._target.name
        words = f"{name}, {look.outbound} of {self._settings.want} outbound peers"
        if words != self._last_words:
            self._report.tell("chain", words, outbound=look.outbound, want=self._settings.want)
        self._last_words = words
        now = trio.current_time()
        for key, awaited in list(self._awaited.items()):
            await self._judge_awaited(key, awaited, look, now)
        if now >= self._confirm_by:
            self._gone |= self._unconfirmed & self._standing.keys()
            self._unconfirmed.clear()
        for key in list(self._gone):
            await self._take_back(key, look)
        self._wake.set()

    async def _take_back(self, key: str, look: ChainLook) -> None:
        """The peer has left, or no longer offers the service. A chain node that is connected to it
        all the same keeps it for as long.
        """
        peer = self._standing.get(key)
        if peer is None:
            self._gone.discard(key)
            return
        if self._target.waits_s and look.connected_to(peer):
            return
        self._gone.discard(key)
        del self._standing[key]
        self._report.tell("lost", f"{peer}", peer=str(peer))
        with contextlib.suppress(RpcUnreachable, RpcRefused):
            await self._target.withdraw(peer)

    async def _judge_awaited(
        self, key: str, awaited: _Awaited, look: ChainLook, now: float
    ) -> None:
        peer, waited_s = awaited.peer, now - awaited.at
        if look.has(peer):
            del self._awaited[key]
            self.counts.offers["connected"] += 1
            self._candidates.connected(peer.address)
            self._stands(peer)
            self._report.tell(
                "connected",
                f"{peer}  after {waited_s:.1f} s -> good",
                peer=str(peer),
                after_s=round(waited_s, 1),
                verdict="good",
            )
            await self._feedback(key, "good")
        elif waited_s > self._target.waits_s:
            del self._awaited[key]
            if not look.has_room or look.outbound >= self._settings.want:
                self.counts.offers["overtaken"] += 1
                return  # the chain node took others: that says nothing of this one
            self.counts.offers["not-connected"] += 1
            words = f"{peer}  not connected after {waited_s:.0f} s -> bad"
            self._report.tell("refused", words, peer=str(peer), verdict="bad")
            await self._feedback(key, "bad")

    # --- handshakes and offers --------------------------------------------------------------------

    async def _try(self) -> None:
        async with open_flat_nursery() as nursery:
            while True:
                while (peer := self._next()) is not None:
                    nursery.start_soon(self._shake_hands, peer)
                await self._woken()

    def _is_own(self, peer: ChainPeer) -> bool:
        return self._advertiser.is_own(peer, self._own)

    def _next(self) -> ChainPeer | None:
        look = self._look_result
        if look is None or not look.has_room:
            return None
        underway = len(self._awaited) + len(self._offering) + self._candidates.in_flight
        if look.outbound + underway >= self._settings.want:
            return None
        return self._candidates.take(
            trio.current_time(),
            lambda peer: look.has(peer) or self._is_own(peer),
            self._awaited.keys() | self._offering,
        )

    async def _shake_hands(self, peer: ChainPeer) -> None:
        outcome = await self._handshake(peer.host, peer.port)
        verdict = self._candidates.ended(peer, outcome)
        result = "no-route" if outcome.is_own_fault else outcome.verdict or "sound"
        self.counts.handshakes[result] += 1
        if outcome.is_sound:
            await self._offer(peer, outcome.words, outcome.fields)
        else:
            await self._refused(peer, outcome.words, verdict, outcome.fields)
        self._wake.set()

    async def _offer(self, peer: ChainPeer, words: str, fields: Mapping[str, object]) -> None:
        if self._settings.dry_run:
            self.counts.offers["not-made"] += 1
            self._report.tell("would-offer", f"{peer}  {words}", peer=str(peer), **fields)
            return
        began = trio.current_time()
        self._offering.add(peer.key)
        try:
            offered = await self._target.offer(peer)
        except LacksService as error:
            offered = Offered("bad", str(error))
        except (RpcUnreachable, RpcRefused):
            self.counts.offers["failed"] += 1
            return  # the next look says what is wrong
        finally:
            self._offering.discard(peer.key)
        if offered.verdict in ("bad", "busy", "wrong-network"):
            self.counts.offers["refused"] += 1
            await self._refused(peer, offered.words, offered.verdict, offered.fields)
            return
        self._report.tell("offered", f"{peer}  {words}", peer=str(peer), **fields)
        if self._target.waits_s:
            self._awaited[peer.key] = _Awaited(peer, began)
        else:
            await self._taken(peer, offered)

    async def _taken(self, peer: ChainPeer, offered: Offered) -> None:
        """A target that says at once whether it takes a peer has taken this one."""
        self.counts.offers["accepted"] += 1
        self._candidates.connected(peer.address)
        self._stands(peer)
        self._look_result = await self._target.look()
        if offered.verdict is not None:
            words = f"{peer}  {offered.words} -> {offered.verdict}"
            self._report.tell("accepted", words, peer=str(peer), verdict=offered.verdict)
            await self._feedback(peer.key, offered.verdict)

    def _stands(self, peer: ChainPeer) -> None:
        self._standing[peer.key] = peer
        while len(self._standing) > MAX_STANDING:
            key = next(iter(self._standing))
            del self._standing[key]
            self._gone.discard(key)

    async def _refused(
        self, peer: ChainPeer, words: str, verdict: str | None, fields: Mapping[str, object]
    ) -> None:
        judged = f" -> {verdict}" if verdict is not None else ""
        self._report.tell(
            "refused", f"{peer}  {words}{judged}", peer=str(peer), verdict=verdict, **fields
        )
        if verdict in ("bad", "wrong-network"):
            self._candidates.lost(peer.key)
        if verdict is not None:
            await self._feedback(peer.key, verdict)

    # --- what the running node is told ------------------------------------------------------------

    async def _feedback(self, key: str, verdict: str) -> None:
        if self._settings.dry_run:
            return
        try:
            await self._node.feedback(key, verdict)
        except (NotRunning, Closed) as error:
            self._node_is_gone(error)
        except KadiscError as error:
            if not self._is_verdict_told:
                self._report.warn("node", f"a verdict was not noted: {error}")
            self._is_verdict_told = True
        else:
            self._is_verdict_told = False

    async def _see_own_place(self) -> None:
        now = trio.current_time()
        if now - self._own_at < min(_OWN_S, self._settings.look_s):
            return
        try:
            self._own = await self._node.own_place()
        except KadiscError as error:
            self._own_failures += 1
            if self._own_failures > 1:  # a restart is told by the task that follows its peers
                self._node_is_gone(error)
            return
        self._own_failures = 0
        self._own_at = now
        self._node_answers()

    async def _woken(self) -> None:
        """Until something happened, or a second has passed: a wait may have ended."""
        with trio.move_on_after(_WAKE_S):
            await self._wake.wait()
        if self._wake.is_set():
            self._wake = trio.Event()
