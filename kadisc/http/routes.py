"""The paths of the server, and what each answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from ..control.methods.status import status_document
from ..control.methods.why import why_document
from ..control.metric_facts import metric_facts, not_ready
from ..errors import UsageError
from ..net.api.node import Node
from ..net.api.peer_stream import VERIFIED_WITHIN_S, service_filter
from ..observe.metrics import metric_families
from ..observe.peer_document import peer_document
from ..observe.services import where_from
from .access import Access
from .exposition import Exposition
from .paths import PathAnswers, split_target
from .requests import HttpRequest, HttpResponse, plain

MAX_PEERS: Final = 1000
LAG_LIMIT_S: Final = 5.0
"""A node whose event loop is so late is not healthy."""
_JSON: Final = "application/json"


class Routes(PathAnswers):
    """Answers requests about one node. ``lag_s`` returns how late its event loop last was."""

    def __init__(
        self, node: Node, access: Access, lag_s: Callable[[], float], *, has_api: bool
    ) -> None:
        super().__init__(access)
        self._node = node
        self._lag_s = lag_s
        self._exposition = Exposition(lambda: metric_families(metric_facts(node)))
        self._paths = {
            "/metrics": self._metrics,
            "/healthz": self._health,
            "/readyz": self._readiness,
        }
        if has_api:
            self._paths |= {
                "/v1/status": self._status,
                "/v1/peers": self._peers,
                "/v1/why": self._why,
            }

    def _metrics(self, request: HttpRequest) -> HttpResponse:
        body, content_type = self._exposition.render(request.headers.get("accept", ""))
        return HttpResponse(200, body, content_type)

    def _health(self, request: HttpRequest) -> HttpResponse:
        closed = [each for each in self._node.sockets() if each.state.value in ("lost", "taken")]
        lag_s = self._lag_s()
        if lag_s >= LAG_LIMIT_S:
            return plain(503, f"the event loop is {lag_s:.1f} s late")
        if closed:
            return plain(503, f"{len(closed)} sockets are closed: {closed[0].reason}")
        return plain(200, "ok")

    def _readiness(self, request: HttpRequest) -> HttpResponse:
        because = not_ready(self._node, self._node.snapshot())
        document = {"ready": not because, "because": list(because)}
        return _json(503 if because else 200, document)

    def _status(self, request: HttpRequest) -> HttpResponse:
        return _json(200, status_document(self._node))

    def _peers(self, request: HttpRequest) -> HttpResponse:
        params = _params(request, ("network", "service", "where", "count", "format"))
        own = self._node.own_network
        if params.get("network", own.name) != own.name:
            raise UsageError(f"this node is of the network {own.name}")
        name, _, value = params.get("where", "").partition("=")
        peers = own.peers(
            _count(params.get("count", "50")),
            offering=service_filter(
                params.get("service"), where_from({name: value or None}) if name else None
            ),
            verified_within_s=VERIFIED_WITHIN_S,
            but_not=(),
        )
        documents = [peer_document(peer) for peer in peers]
        self._node.use_counts.peers_given["http"] += len(documents)
        match params.get("format", "json"):
            case "json":
                return _json(200, {"peers": documents})
            case "ndjson":
                body = b"".join(msgspec.json.encode(each) + b"\n" for each in documents)
                return HttpResponse(200, body, "application/x-ndjson")
            case "text":
                service = params.get("service")
                lines = [
                    each.addresses.get(service, each.endpoint) if service else each.endpoint
                    for each in documents
                ]
                return plain(200, "\n".join(lines)) if lines else HttpResponse(200, b"")
            case other:
                raise UsageError(f"format is json, ndjson or text, not {other[:20]!r}")

    def _why(self, request: HttpRequest) -> HttpResponse:
        peer = _params(request, ("peer",)).get("peer")
        if peer is None:
            raise UsageError("?peer= is missing: a key or HOST:PORT")
        return _json(200, why_document(self._node, peer))


def _json(status: int, document: object) -> HttpResponse:
    return HttpResponse(status, msgspec.json.encode(document) + b"\n", _JSON)


def _params(request: HttpRequest, known: tuple[str, ...]) -> Mapping[str, str]:
    """The parameters of the query. Raises UsageError for one that does not exist."""
    pairs = parse_qsl(split_target(request).query, max_num_fields=16)
    for name, _ in pairs:
        if name not in known:
            raise UsageError(f"no parameter {name[:20]!r}; there are {', '.join(known)}")
    return dict(pairs)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= len(text) <= 4:
        raise UsageError(f"count is a number from 1 to {MAX_PEERS}")
    count = int(text)
    if not 1 <= count <= MAX_PEERS:
        raise UsageError(f"count is a number from 1 to {MAX_PEERS}")
    return count
