"""The latest events: what is kept, in which order, and that contacts push out nothing else."""

from __future__ import annotations

from kadisc.contacts import Contact
from kadisc.core.contract.events import (
    ContactAdded,
    ContactRemoved,
    FoundNode,
    NodeAnswered,
    OperationId,
)
from kadisc.endpoints import make_endpoint
from kadisc.observe.event_log import KEPT, KEPT_OF_EACH, EventLog
from kadisc.observe.event_names import types_of
from kadisc.observe.shell_events import StateSaved, StateUnsaved

CONTACT = Contact(7, make_endpoint("45.1.2.3", 6881))
ALL = types_of(["contact_added", "contact_removed", "state_saved", "state_unsaved"])


def test_contacts_that_come_and_go_push_out_nothing_else() -> None:
    clock = iter(range(1_000_000_000, 2_000_000_000))
    log = EventLog(lambda: float(next(clock)))
    log.note(NodeAnswered(OperationId(1), FoundNode(CONTACT, 0.1, None, None, 1)))
    log.note(StateUnsaved("no \x1b[31mroom"))
    for bucket in range(KEPT):
        log.note(ContactAdded(CONTACT, bucket))
        log.note(ContactRemoved(CONTACT, bucket, "silent"))
    log.note(StateSaved())
    found = log.documents(10 * KEPT, ALL)
    assert len(found) == KEPT_OF_EACH + 2
    assert [found[0]["event"], found[1]["event"], found[-1]["event"]] == [
        "state_unsaved",
        "contact_added",
        "state_saved",
    ]
    assert str(found[0]["time"])[:4] == "2001"
    assert str(found[0]["message"]).startswith("no ?[31mroom; ")
    assert [each["event"] for each in log.documents(2, ALL)] == ["contact_removed", "state_saved"]
    assert log.documents(0, ALL) == []
    assert [each["event"] for each in log.documents(9, types_of(["state_unsaved"]))] == [
        "state_unsaved"
    ]
