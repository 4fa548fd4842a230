"""Words for the reasons that the core counts by name."""

from __future__ import annotations

_WORDS = {
    "barred": "blocked",
    "candidate-checked-lately": "checked recently",
    "candidate-known": "already known",
    "candidate-narrow": "subnet full",
    "candidate-subnet": "subnet full",
    "cap-address": "host limit",
    "cap-host": "host limit",
    "cap-narrow-bucket": "subnet limit of bucket",
    "cap-narrow-table": "subnet limit of table",
    "cap-subnet-bucket": "subnet limit of bucket",
    "cap-subnet-table": "subnet limit of table",
    "cap-wide": "netgroup limit",
    "cap-netgroup": "netgroup limit",
    "hearsay-own": "own address",
    "hearsay-unusable": "unusable address",
    "own-id": "own ID",
    "peer-candidate-known": "peer already known",
    "peer-candidate-narrow": "peer subnet full",
    "peer-candidate-netgroup": "peer netgroup full",
    "peer-candidate-source": "source limit",
    "peer-candidate-subnet": "peer subnet full",
    "peer-candidate-wide": "peer netgroup full",
    "report-own": "own address",
    "report-unusable": "unusable address",
    "silent": "no answer",
}


def reason_words(reason: str) -> str:
    """``already known`` for ``candidate-known``; a reason without an entry loses its hyphens."""
    return _WORDS.get(reason, reason.replace("-", " "))
