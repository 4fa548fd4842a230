"""One seed of a hunt, from the plan to its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from ...core.contract.saved_state import SavedState
from ..lab import BOOTSTRAP_HOSTS, Lab, without_pauses
from ..measure.statistics import Metrics
from ..model.host import Host
from ..model.members import NETWORK
from ..oracles.saved_state import Reload
from .attackers import enlisted
from .liveness import check_recovery
from .plan import LIVENESS_S, HuntPlan
from .shell import Shells

MIN_CONTACTS: Final = 3
"""A node that restarts is left without addresses only if so many of its saved contacts are up."""


@dataclass(slots=True)
class Trial:
    """``reload``: see `oracles/saved_state.py`."""

    plan: HuntPlan
    reload: Reload | None = None
    watch: Callable[[Lab], Callable[[], None]] | None = None

    def run(self) -> Metrics:
        """Raises Violation, or whatever a core raises."""
        with without_pauses():
            return self._run()

    def _run(self) -> Metrics:
        plan, options = self.plan, self.plan.options
        lab = Lab(options, asserted=plan.asserted, reload=self.reload)
        if self.watch is not None:
            lab.world.between_slices = self.watch(lab)
        rng = Random(f"hunt {options.seed} run")
        restarts = _Restarts(lab, plan, self.reload, rng)
        lab.restart = restarts.restart
        groups = [enlisted(lab, group) for group in plan.groups]
        lab.settle(adversaries=[host for group in groups for host in group.hosts])
        shells = Shells(lab, rng)
        shells.start()
        whole_s = 60.0 * options.minutes
        turns_at = lab.world.now + rng.uniform(0.1, 0.4) * whole_s
        for group in groups:
            group.begin(lab, turns_at)
        if plan.crash:
            crashes_at = lab.world.now + rng.uniform(0.3, 0.9) * whole_s
            lab.world.at(crashes_at, _crash, lab, plan.crash, rng)
        lab.phase = "safety"
        lab.run(whole_s)
        if lab.faults is not None:
            lab.faults.stop()
        lab.phase = "liveness"
        lab.run(LIVENESS_S)
        shells.stopped = True
        check_recovery(lab, plan)
        lab.finish()
        return {
            "datagrams": lab.world.delivered,
            "virtual_s": round(lab.world.now, 1),
            "nodes_up": len(lab.world.hosts),
            "operations": shells.operations,
            "operations_refused": shells.refused,
            "restarts": restarts.count,
            "restarts_alone": restarts.alone,
            "digest": lab.world.digest.hexdigest(),
        }


class _Restarts:
    """Starts processes again by what the state file holds, sometimes a damaged one, and sometimes
    without any address beside what is saved.
    """

    def __init__(self, lab: Lab, plan: HuntPlan, reload: Reload | None, rng: Random) -> None:
        self._lab = lab
        self._plan = plan
        self._reload = reload
        self._rng = rng
        self.count = 0
        self.alone = 0

    def restart(self, host: Host, state: SavedState) -> None:
        lab, rng = self._lab, self._rng
        self.count += 1
        torn = rng.random() < self._plan.options.faults.torn_state
        alone = self._plan.starts_alone and rng.random() < 0.5
        if self._reload is not None:
            state = self._reload(state, NETWORK, rng if torn else None)
        lab.stop(host)
        again = lab.reborn(host)
        again.node.restore(state, lab.world.now)
        saved = [contact.contact for dht in state.dhts for contact in dht.contacts]
        if sum(map(lab.oracle.accepts_unsolicited, saved)) < MIN_CONTACTS:
            alone = False
        self.alone += alone
        lab.join(again, 0 if alone else BOOTSTRAP_HOSTS)


def _crash(lab: Lab, share: float, rng: Random) -> None:
    """So many nodes are gone at once, and do not come back."""
    for host in list(lab.world.hosts.values()):
        if rng.random() < share:
            lab.stop(host)
