"""Words for the reasons that the core counts by name."""

from __future__ import annotations

WORDS = {
    "banned": "banned by the operator",
    "barred": "blocked",
    "barred-destination": "to a banned address",
    "candidate-checked-lately": "checked recently",
    "candidate-known": "already known",
    "candidate-source": "limit of who named it",
    "candidate-subnet": "subnet full",
    "cap-host": "host limit",
    "cap-netgroup": "netgroup limit",
    "cap-subnet-bucket": "subnet limit of bucket",
    "cap-subnet-table": "subnet limit of table",
    "errors": "errors alone",
    "other-id": "another ID answers",
    "own-id": "own ID",
    "peer-candidate-known": "peer already known",
    "peer-candidate-netgroup": "peer netgroup full",
    "peer-candidate-source": "source limit",
    "peer-candidate-subnet": "peer subnet full",
    "reported-contact-unusable": "unusable address",
    "reported-peer-own": "own address",
    "reported-peer-unusable": "unusable address of a peer",
    "silent": "no answer",
}


def reason_words(reason: str) -> str:
    """``already known`` for ``candidate-known``; a reason without an entry loses its hyphens."""
    return WORDS.get(reason, reason.replace("-", " "))
