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

LIMITS = {
    "limit": "query limit",
    "limit.proven": "query limit, proven",
    "time": "time limit",
    "time.proven": "time limit, proven",
    "reply-bytes": "reply bytes",
    "asked-bytes": "query bytes",
    "proven-reply-bytes": "reply bytes, proven",
    "proven-asked-bytes": "query bytes, proven",
}
LEVELS = {"address": "host", "network": "subnet", "netgroup": "netgroup", "total": "all"}


def reason_words(reason: str) -> str:
    """``already known`` for ``candidate-known``; a reason without an entry loses its hyphens. Of a
    limit: ``query limit (host)`` for ``limit.address``.
    """
    if reason in WORDS:
        return WORDS[reason]
    limit, _, level = reason.rpartition(".")
    if limit in LIMITS and level in LEVELS:
        return f"{LIMITS[limit]} ({LEVELS[level]})"
    return reason.replace("-", " ")
