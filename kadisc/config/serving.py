"""What is stored for other nodes and served to them."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import setting, within


@dataclass(frozen=True, slots=True)
class ServingConfig:
    """Answers, tokens, and the announces that are stored for other nodes."""

    max_answer_bytes: int = setting(
        1024,
        within(256, 8_192),
        "An answer is at most this many bytes long (BEP 32).",
    )
    token_rotation_s: float = setting(
        300.0,
        within(1, 31_536_000),
        "The secret of tokens changes after this many seconds; a token is accepted for one to two"
        " such times (BEP 5: up to 10 minutes).",
    )
    max_info_hashes: int = setting(
        2000,
        within(1, 10_000_000),
        "Announces are stored for at most this many info-hashes. Where there is no room, the"
        " netgroup with most of them gives up the one that is worth least: far from the own ID, and"
        " announced by few netgroups.",
    )
    max_info_hashes_per_subnet: int = setting(
        64,
        within(1, 10_000_000),
        "Info-hashes that count for one /24 (IPv6 /48), of which one announced them, take at most"
        " this many places.",
    )
    max_info_hashes_per_netgroup: int = setting(
        256,
        within(1, 10_000_000),
        "Info-hashes that count for one /16 (IPv6 /32) take at most this many places, so that few"
        " address ranges cannot fill the store.",
    )
    max_peers_per_info_hash: int = setting(
        500,
        within(1, 10_000_000),
        "At most this many announces are stored for one info-hash. Where there is no room, the"
        " netgroup with most of them gives up one.",
    )
    max_peers_stored: int = setting(
        10_000,
        within(1, 10_000_000),
        "At most this many announces are stored in all. Where there is no room, the info-hash with"
        " most of them gives up one.",
    )
    max_per_subnet_in_info_hash: int = setting(
        16,
        within(1, 10_000_000),
        "At most this many announces of one /24 (IPv6 /48) are stored for one info-hash, so that no"
        " answer is all of one operator.",
    )
    max_per_netgroup_in_info_hash: int = setting(
        64,
        within(1, 10_000_000),
        "At most this many announces of one /16 (IPv6 /32) are stored for one info-hash.",
    )
    answer_fixed_s: float = setting(
        3600.0,
        within(1, 31_536_000),
        "Where more peers are stored than an answer holds, one subnet gets the same selection of"
        " them for this many seconds.",
    )
    max_stored_per_subnet: int = setting(
        256,
        within(1, 10_000_000),
        "At most this many announces of one /24 (IPv6 /48) are stored in all, so that one operator"
        " cannot fill the store.",
    )
    max_stored_per_netgroup: int = setting(
        512,
        within(1, 10_000_000),
        "At most this many announces of one /16 (IPv6 /32) are stored in all.",
    )
    peer_lifetime_s: float = setting(
        1800.0,
        within(1, 31_536_000),
        "An announce that is not repeated within this many seconds is forgotten (30 minutes).",
    )
    slow_decodes_per_s: float = setting(
        20.0,
        within(1, 1_000_000),
        "At most this many datagrams per second of one /24 (IPv6 /48) may cost a pass of the slow"
        " decoder, sustained.",
    )
    slow_decode_burst: float = setting(
        40.0,
        within(1, 1_000_000),
        "At most this many datagrams of one /24 (IPv6 /48) may cost a pass of the slow decoder at"
        " once, after a pause.",
    )
    all_slow_decodes_per_s: float = setting(
        100.0,
        within(1, 1_000_000),
        "At most this many queries per second may cost a pass of the slow decoder in all,"
        " sustained, and as many awaited answers: at 512 bytes, the most of a query that is decoded"
        " so, they take some 2 % of a core.",
    )
    all_slow_decode_burst: float = setting(
        200.0,
        within(1, 1_000_000),
        "At most this many queries may cost a pass of the slow decoder in all at once, after a"
        " pause, and as many awaited answers.",
    )


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """The items (BEP 44) and samples of info-hashes (BEP 51) that are served to other nodes."""

    max_items: int = setting(
        2000,
        within(1, 10_000_000),
        "At most this many items are stored for other nodes. Where there is no room, the netgroup"
        " with most of them gives up the one that is worth least: far from the own ID, and put by"
        " few netgroups.",
    )
    max_bytes: int = setting(
        2 << 20,
        within(1, 4_294_967_296),
        "The stored items take at most this many bytes; each counts 400 beside its value and salt.",
    )
    items_per_subnet: int = setting(
        64,
        within(1, 10_000_000),
        "Items that count for one /24 (IPv6 /48), of which one put them, take at most this many"
        " places.",
    )
    items_per_netgroup: int = setting(
        256,
        within(1, 10_000_000),
        "Items that count for one /16 (IPv6 /32) take at most this many places, so that few address"
        " ranges cannot fill the store.",
    )
    announcers_counted: int = setting(
        16,
        within(1, 1_000),
        "The netgroups (/16, IPv6 /32) that put the same item are counted up to this number; each"
        " doubling weighs as much as one bit of closeness.",
    )
    item_lifetime_s: float = setting(
        7200.0,
        within(1, 31_536_000),
        "An item that is not put again within this many seconds is forgotten (BEP 44: 2 hours).",
    )
    max_answer_bytes: int = setting(
        1232,
        within(256, 8_192),
        "A reply with a value is at most this many bytes long, which fits into the smallest IPv6"
        " packet; nodes that do not fit are left out.",
    )
    signatures_per_s: float = setting(
        2.0,
        within(0.01, 1_000_000),
        "At most this many signatures per second are checked for one /24 (IPv6 /48), sustained.",
    )
    signature_burst: float = setting(
        32.0,
        within(0.01, 1_000_000),
        "At most this many signatures are checked at once, after a pause, for one /24 (IPv6 /48).",
    )
    all_signatures_per_s: float = setting(
        200.0,
        within(0.01, 1_000_000),
        "At most this many signatures per second are checked in all, sustained, so that puts take"
        " some 2 % of a processor at most.",
    )
    all_signatures_burst: float = setting(
        400.0,
        within(0.01, 1_000_000),
        "At most this many signatures are checked in all at once, after a pause.",
    )
    sample_interval_s: float = setting(
        3600.0,
        within(1, 31_536_000),
        "The sample of info-hashes stays the same for all nodes for this many seconds (BEP 51: at"
        " most 6 hours).",
    )
    sample_size: int = setting(
        20,
        within(1, 1_000),
        "A sample holds at most this many info-hashes.",
    )
