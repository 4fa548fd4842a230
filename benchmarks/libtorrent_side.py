"""libtorrent, with its DHT alone and its limits lifted, as the other side of a benchmark.

By default it takes 5 messages a second from one address and sends 8,000 bytes a second: both are
set out of the way, so that its code is measured and not its manners. Saved nodes come in as from an
earlier session, since a bootstrap node never gets into libtorrent's table.

Commands are JSON lines: {"ask": "contacts"} gives the size of its tables, {"ask": "peer", "target"}
how long the first peer took.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from typing import Any

import libtorrent

from kadisc.core.addressing.bep42 import with_bep42_prefix
from kadisc.endpoints import parse_endpoint

OUT_OF_THE_WAY = 500_000_000


def open_session(listen: str, saved: list[str], router: str) -> Any:
    own_ip = bytes(parse_endpoint(listen))[:4]
    own_id = with_bep42_prefix(own_ip, int.from_bytes(own_ip * 5, "big")).to_bytes(20, "big")
    state = {
        b"nodes": [bytes(parse_endpoint(each)) for each in saved],
        b"node-id": [own_id + own_ip],
    }
    params = libtorrent.read_session_params(libtorrent.bencode({b"dht state": state}))
    params.settings = {
        "listen_interfaces": listen,
        "dht_bootstrap_nodes": router,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "dht_block_ratelimit": OUT_OF_THE_WAY,
        "dht_upload_rate_limit": OUT_OF_THE_WAY,
        "alert_mask": libtorrent.alert.category_t.status_notification
        | libtorrent.alert.category_t.dht_operation_notification,
    }
    return libtorrent.session(params)


class Alerts:
    """What the session tells; ``answered`` are the info-hashes for which somebody named a peer."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.answered: set[str] = set()

    def wait(self, kind: Any, within_s: float, *, unless_answered: str = "") -> Any:
        """The next one of that kind; None if there is none in time, or as soon as that info-hash is
        answered.
        """
        until = time.monotonic() + within_s
        while (left_s := until - time.monotonic()) > 0:
            if self._session.wait_for_alert(max(1, int(left_s * 1000))) is None:
                continue
            awaited = None
            for alert in self._session.pop_alerts():
                if isinstance(alert, libtorrent.listen_failed_alert):
                    sys.exit(f"libtorrent cannot listen: {alert.message()}")
                if isinstance(alert, libtorrent.dht_get_peers_reply_alert):
                    self.answered.add(str(alert.info_hash))
                if isinstance(alert, kind):
                    awaited = alert
            if awaited is not None or unless_answered in self.answered:
                return awaited
        return None


def contacts(session: Any, alerts: Alerts) -> int:
    session.post_dht_stats()
    alert = alerts.wait(libtorrent.dht_stats_alert, 5.0)
    return sum(bucket["num_nodes"] for bucket in alert.routing_table) if alert else 0


def is_searching(session: Any, alerts: Alerts, target: str) -> bool:
    session.post_dht_stats()
    alert = alerts.wait(libtorrent.dht_stats_alert, 1.0, unless_answered=target)
    return alert is None or any(
        request["outstanding_requests"] > 0
        for request in alert.active_requests
        if "get_peers" in request["type"]
    )


def first_peer(
    session: Any, alerts: Alerts, target: str, within_s: float, started: float
) -> dict[str, Any]:
    """Begun before the bootstrap node is known to it, a search ends at once and says nothing: so it
    is begun again until one is under way.
    """
    until = started + within_s
    while time.monotonic() < until:
        session.dht_get_peers(libtorrent.sha1_hash(bytes.fromhex(target)))
        while time.monotonic() < until:
            alerts.wait(libtorrent.dht_get_peers_reply_alert, 0.02, unless_answered=target)
            if target in alerts.answered:
                return {"first_peer_s": time.monotonic() - started}
            if not is_searching(session, alerts, target):
                break
    return {"first_peer_s": math.inf}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--saved", action="append", default=[], metavar="HOST:PORT")
    parser.add_argument("--router", default="", metavar="HOST:PORT")
    arguments = parser.parse_args()
    session = open_session(arguments.listen, arguments.saved, arguments.router)
    # Turned on before the sockets are open, the DHT forgets the saved nodes.
    alerts = Alerts(session)
    alerts.wait(libtorrent.listen_succeeded_alert, 10.0)
    opened = time.monotonic()
    session.apply_settings({"enable_dht": True})
    print(json.dumps({"event": "listening"}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        if question["ask"] == "contacts":
            answer: dict[str, Any] = {"contacts": contacts(session, alerts)}
        else:
            answer = first_peer(
                session,
                alerts,
                question["target"],
                question["within_s"],
                opened if question["cold"] else time.monotonic(),
            )
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
