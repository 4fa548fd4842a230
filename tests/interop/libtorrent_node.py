"""One libtorrent session with only its DHT on, as a program of its own.

It prints JSON lines: {"event": "listening", "host", "port"} once, {"event": "contacts", "count"}
whenever the number of contacts in its routing tables changed. Its node ID is asked for over the
wire, because it follows the external address that others report (BEP 42).

A *settled* node starts with an ID that conforms to its address, as one that has run here before
does. Any other takes a new ID as soon as one reply tells it its address, and is forgotten under the
old one by libtorrents that had it.

A *strict* node insists on IDs that conform to their addresses (`dht_enforce_node_id`): it answers
no others, and hands out no others.

It can announce a peer under an info-hash, and look for the peers announced under one: {"event":
"peer", "host", "port"} for each that was found. It can put and get items (BEP 44): {"event": "put",
"target", "stored_on"} for each put, {"event": "item", "value", "seq"} for each version that was
found, `seq` null for an immutable one.

Two ways in, and the difference matters: libtorrent never puts a *router* (`dht_bootstrap_nodes`)
into its routing table, so that only a node given as saved from an earlier session (`--saved`) can
be adopted and handed out by it.
"""

import argparse
import hashlib
import ipaddress
import json
import secrets
import sys
import time

import libtorrent
from nacl.signing import SigningKey

SEARCH_EVERY_S = 3.0


def split_endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def compact(text: str) -> bytes:
    host, port = split_endpoint(text)
    return ipaddress.ip_address(host).packed + port.to_bytes(2, "big")


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def conforming_id(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, rest: bytes | None = None
) -> bytes:
    """A node ID, random or like ``rest``, whose first 21 bits belong to the address (BEP 42)."""
    node_id = bytearray(rest or secrets.token_bytes(20))
    mask = bytes.fromhex("030f3fff" if address.version == 4 else "0103070f1f3f7fff")
    masked = bytearray(byte & bit for byte, bit in zip(address.packed, mask, strict=False))
    masked[0] |= (node_id[19] & 7) << 5
    crc = crc32c(bytes(masked)).to_bytes(4, "big")
    node_id[:3] = crc[0], crc[1], crc[2] & 0xF8 | node_id[2] & 7
    return bytes(node_id)


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def conforms(node_id: bytes, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether the ID may live at the address, by BEP 42; computed without kadisc."""
    wanted = conforming_id(address, node_id)
    return (node_id[0], node_id[1], node_id[2] >> 3) == (wanted[0], wanted[1], wanted[2] >> 3)


def open_session(
    listen: str, saved: list[str], routers: list[str], settled: bool, strict: bool
) -> libtorrent.session:
    nodes = [compact(endpoint) for endpoint in saved]
    state: dict[bytes, list[bytes]] = {
        b"nodes": [node for node in nodes if len(node) == 6],
        b"nodes6": [node for node in nodes if len(node) == 18],
    }
    if settled:
        own = ipaddress.ip_address(split_endpoint(listen)[0])
        state[b"node-id"] = [conforming_id(own) + own.packed]
    params = libtorrent.read_session_params(libtorrent.bencode({b"dht state": state}))
    # Limits and diversity rules stay at their defaults: the node must get along with what people
    # run.
    params.settings = {
        "listen_interfaces": listen,
        "dht_bootstrap_nodes": ",".join(routers),
        # On at once, the DHT starts before the sockets are open and forgets the saved nodes; so
        # `main` turns it on when they are.
        "enable_dht": False,
        "enable_lsd": False,
        "dht_enforce_node_id": strict,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_mask": libtorrent.alert.category_t.status_notification
        | libtorrent.alert.category_t.error_notification
        | libtorrent.alert.category_t.dht_notification
        | libtorrent.alert.category_t.dht_operation_notification,
    }
    return libtorrent.session(params)


def expanded(seed: bytes) -> bytes:
    """The private key as libtorrent wants it (RFC 8032, section 5.1.5): 64 bytes."""
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 63 | 64
    return bytes(digest)


def trade_items(session: libtorrent.session, arguments: argparse.Namespace) -> None:
    if arguments.put:
        session.dht_put_immutable_item(arguments.put)
    if arguments.put_mutable:
        seed, salt, text = arguments.put_mutable.split(":")
        key = SigningKey(bytes.fromhex(seed))
        session.dht_put_mutable_item(
            expanded(bytes(key)), bytes(key.verify_key), text.encode(), salt.encode()
        )
    if arguments.get:
        session.dht_get_immutable_item(libtorrent.sha1_hash(bytes.fromhex(arguments.get)))
    if arguments.get_mutable:
        key_hex, _, salt = arguments.get_mutable.partition(":")
        session.dht_get_mutable_item(bytes.fromhex(key_hex), salt.encode())


def text_of(item: object) -> str:
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)


def tell_items(alert: object) -> None:
    if isinstance(alert, libtorrent.dht_put_alert):
        say(event="put", target=str(alert.target), stored_on=alert.num_success)
    elif isinstance(alert, libtorrent.dht_immutable_item_alert) and alert.item:
        say(event="item", value=text_of(alert.item), seq=None)
    elif isinstance(alert, libtorrent.dht_mutable_item_alert) and alert.item:
        say(event="item", value=text_of(alert.item), seq=alert.seq)


def search(session: libtorrent.session, announced: str | None, wanted: str | None) -> None:
    if announced:
        info_hash, _, port = announced.partition(":")
        session.dht_announce(libtorrent.sha1_hash(bytes.fromhex(info_hash)), int(port), 0)
    if wanted:
        session.dht_get_peers(libtorrent.sha1_hash(bytes.fromhex(wanted)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--saved", action="append", default=[], metavar="HOST:PORT")
    parser.add_argument("--router", action="append", default=[], metavar="HOST:PORT")
    parser.add_argument(
        "--settled", action="store_true", help="start with an ID that conforms to the address"
    )
    parser.add_argument(
        "--strict", action="store_true", help="insist on IDs that conform to their addresses"
    )
    parser.add_argument(
        "--announce", metavar="INFOHASH:PORT", help="announce a peer, again and again"
    )
    parser.add_argument("--find", metavar="INFOHASH", help="look for peers, again and again")
    parser.add_argument("--put", metavar="TEXT", help="store an immutable item, again and again")
    parser.add_argument(
        "--put-mutable",
        metavar="SEED:SALT:TEXT",
        help="store a mutable item, again and again, each time as a new version",
    )
    parser.add_argument(
        "--get", metavar="TARGET", help="look for an immutable item, again and again"
    )
    parser.add_argument(
        "--get-mutable", metavar="KEY:SALT", help="look for a mutable item, again and again"
    )
    arguments = parser.parse_args()
    session = open_session(
        arguments.listen, arguments.saved, arguments.router, arguments.settled, arguments.strict
    )
    contacts = -1
    found: set[tuple[str, int]] = set()
    next_search = time.monotonic() + SEARCH_EVERY_S
    while True:
        session.post_dht_stats()
        if time.monotonic() > next_search:
            next_search = time.monotonic() + SEARCH_EVERY_S
            search(session, arguments.announce, arguments.find)
            trade_items(session, arguments)
        for alert in session.pop_alerts():
            if isinstance(alert, libtorrent.listen_failed_alert):
                sys.exit(f"libtorrent cannot listen: {alert.message()}")
            if (
                isinstance(alert, libtorrent.listen_succeeded_alert)
                and alert.socket_type == libtorrent.socket_type_t.utp
            ):
                host, port = split_endpoint(arguments.listen)
                session.apply_settings({"enable_dht": True})
                say(event="listening", host=host, port=port)
            tell_items(alert)
            if isinstance(alert, libtorrent.dht_get_peers_reply_alert):
                for host, port in alert.peers():
                    if (host, port) not in found:
                        found.add((host, port))
                        say(event="peer", host=host, port=port)
            if isinstance(alert, libtorrent.dht_stats_alert):
                now = sum(bucket["num_nodes"] for bucket in alert.routing_table)
                if now != contacts:
                    contacts = now
                    say(event="contacts", count=contacts)
        time.sleep(0.1)


if __name__ == "__main__":
    main()
