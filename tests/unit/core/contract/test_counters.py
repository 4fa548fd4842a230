"""The counters and their flat form."""

from __future__ import annotations

from kadisc.core.contract import purposes
from kadisc.core.contract.counters import Counters


def test_the_flat_form_has_every_number_under_a_dotted_name() -> None:
    counters = Counters(received=3, received_bytes=300, sent=1, sent_bytes=65)
    counters.accept("reply")
    counters.accept("reply")
    counters.drop("unmatched-reply")
    counters.query_sent("find_node", purposes.REFRESH)
    counters.query_sent("find_node", purposes.CONTACT_CHECK)
    counters.refuse("cap-subnet-bucket")
    counters.refuse("reported-contact-unusable", 4)
    flat = counters.as_dict()
    assert flat == {
        "received": 3,
        "received_bytes": 300,
        "sent": 1,
        "sent_bytes": 65,
        "checks_sent": 0,
        "retransmissions": 0,
        "accepted.reply": 2,
        "dropped.unmatched-reply": 1,
        "queries_sent.find_node": 2,
        "queries_for.contact-check": 1,
        "queries_for.refresh": 1,
        "refused.cap-subnet-bucket": 1,
        "refused.reported-contact-unusable": 4,
    }
    assert flat["received"] == sum(
        count for name, count in flat.items() if name.startswith(("accepted.", "dropped."))
    )
