"""The check ``state``: whether the node can save its key, contacts and address book."""

from __future__ import annotations

from .facts import DoctorFacts
from .finding import DoctorCheck, DoctorFinding, ok, warning


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    if not facts.is_lasting:
        return (ok("", "not tested: the node of this command saves nothing"),)
    if facts.state_dir is None:
        return (
            warning(
                "",
                "the node keeps no state: its next run has a new key and knows no node",
                "start it with --state-dir DIR, and without --ephemeral",
            ),
        )
    if not facts.keeps_state:
        return (
            warning(
                "",
                f"the folder {facts.state_dir} cannot be written, so nothing is saved",
                "make the folder writable for the user of the node; it retries by itself",
            ),
        )
    if facts.cannot_save:
        return (
            warning(
                "",
                f"the last attempt to save key, contacts and address book in {facts.state_dir} "
                "failed",
                "the log says why, such as a full disk; the node retries by itself",
            ),
        )
    return (ok("", f"saved in {facts.state_dir}"),)


STATE = DoctorCheck("state", find)
