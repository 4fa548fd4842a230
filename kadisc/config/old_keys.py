"""Keys of the configuration file that were renamed or removed, with the names of today.

An old key is refused with an error that names the new one: to read it silently would keep two names
for one thing, and to call it unknown would leave the operator to search for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OLD_KEYS: Final[Mapping[str, str]] = {
    "core.table.spares_per_bucket": "core.table.replacements_per_bucket",
    "core.table.per_unit": "core.table.per_host",
    "core.table.per_narrow_in_bucket": "core.table.per_subnet_in_bucket",
    "core.table.per_narrow_in_table": "core.table.per_subnet_in_table",
    "core.table.per_wide_in_table": "core.table.per_netgroup_in_table",
    "core.table.per_system_in_table": "core.table.per_asn_in_table",
    "core.query.join_yields_s": "core.query.join_yield_s",
    "core.lookup.last_chances": "core.lookup.silent_retries",
    "core.lookup.per_narrow": "core.lookup.per_subnet",
    "core.maintenance.newcomer_check_interval_s": "core.maintenance.new_neighbour_check_interval_s",
    "core.maintenance.pinned_check_s": "core.maintenance.static_peer_check_s",
    "core.maintenance.newcomer_silence_s": "core.maintenance.new_neighbour_silence_s",
    "core.maintenance.candidates_per_narrow": "core.maintenance.candidates_per_subnet",
    "core.maintenance.candidate_checks_per_narrow": "core.maintenance.candidate_checks_per_subnet",
    "core.serving.max_per_narrow_in_info_hash": "core.serving.max_per_subnet_in_info_hash",
    "core.serving.max_stored_per_narrow": "core.serving.max_stored_per_subnet",
    "core.limits.address_queries_per_s": "core.limits.host_queries_per_s",
    "core.limits.address_query_burst": "core.limits.host_query_burst",
    "core.limits.network_queries_per_s": "core.limits.subnet_queries_per_s",
    "core.limits.network_query_burst": "core.limits.subnet_query_burst",
    "core.limits.address_reply_bytes_per_s": "core.limits.host_reply_bytes_per_s",
    "core.limits.address_reply_burst_bytes": "core.limits.host_reply_burst_bytes",
    "core.limits.network_reply_bytes_per_s": "core.limits.subnet_reply_bytes_per_s",
    "core.limits.network_reply_burst_bytes": "core.limits.subnet_reply_burst_bytes",
    "core.limits.address_asked_bytes_per_s": "core.limits.host_query_bytes_per_s",
    "core.limits.address_asked_burst_bytes": "core.limits.host_query_burst_bytes",
    "core.limits.network_asked_bytes_per_s": "core.limits.subnet_query_bytes_per_s",
    "core.limits.network_asked_burst_bytes": "core.limits.subnet_query_burst_bytes",
    "core.limits.total_asked_bytes_per_s": "core.limits.total_query_bytes_per_s",
    "core.limits.total_asked_burst_bytes": "core.limits.total_query_burst_bytes",
    "core.limits.max_proven": "core.limits.max_proven_sources",
    "core.gossip.reservoir_per_wide": "core.gossip.reservoir_per_netgroup",
    "core.gossip.candidates_per_narrow": "core.gossip.candidates_per_subnet",
    "core.gossip.candidates_per_wide": "core.gossip.candidates_per_netgroup",
    "core.gossip.checks_per_unit_per_hour": "core.gossip.checks_per_host_per_hour",
    "core.gossip.checks_per_narrow_per_hour": "core.gossip.checks_per_subnet_per_hour",
    "core.gossip.partners_from_walk": "core.gossip.partners_from_lookups",
    "core.book.tried_buckets_per_wide": "core.book.tried_buckets_per_netgroup",
    "core.book.tried_places_per_narrow": "core.book.tried_places_per_subnet",
    "core.book.recently_met_s": "core.book.recently_verified_s",
    "core.book.given_within_s": "core.book.returnable_for_s",
    "core.tags.announce_interval_s": "core.rendezvous.announce_interval_s",
    "core.tags.retry_s": "core.rendezvous.retry_s",
    "core.tags.stagger_s": "core.rendezvous.stagger_s",
    "core.tags.first_pause_s": "core.rendezvous.first_pause_s",
    "core.tags.max_pause_s": "core.rendezvous.max_pause_s",
    "core.tags.enough_peers": "core.rendezvous.enough_peers",
    "core.tags.jitter": "core.rendezvous.jitter",
    "core.tags.paths": "core.rendezvous.paths",
    "core.tags.candidates_per_tag": "core.rendezvous.candidates_per_key",
    "core.store.items_per_narrow": "core.store.items_per_subnet",
    "core.store.items_per_wide": "core.store.items_per_netgroup",
    "core.defences.tied_ids": "core.defences.bep42_ids",
    "core.defences.fast_lane": "core.defences.proven_sources",
    "core.defences.even_networks": "core.defences.subnet_sampling",
    "core.defences.mourning": "core.defences.mass_failure",
    "core.defences.bucket_shares": "core.defences.bucket_quota",
}
"""Complete for every key that commit 2a67823 knew."""
OLD_GROUPS: Final[Mapping[str, str]] = {"core.tags": "core.rendezvous"}
"""Tables that were renamed as a whole."""
REMOVED_KEYS: Final[Mapping[str, str]] = {
    "core.serving.max_limited_prefixes": "core.limits.cell_bits",
    "core.gossip.max_check_counts": "core.limits.cell_bits",
}
"""Keys without a successor, each with the key that bounds now what it bounded."""


def refusal_of(key: str) -> str | None:
    """Why an old key is refused; None for any other key."""
    if key in OLD_KEYS:
        return f"is now {OLD_KEYS[key]}"
    if key in REMOVED_KEYS:
        return f"is gone: {REMOVED_KEYS[key]} bounds that now"
    return None
