"""The methods of the control socket, one a file. This module lists them all."""

from __future__ import annotations

from typing import Any

from ..call import Method
from .administration import PEER_ADD, PEER_BAN, PEER_LIST, PEER_REMOVE, PEER_UNBAN
from .announce import ANNOUNCE
from .book import BOOK_EXPORT, BOOK_IMPORT
from .config import CONFIG
from .contacts import CONTACTS
from .doctor import DOCTOR
from .feed_state import FEED_STATE
from .feedback import FEEDBACK
from .find import FIND
from .follow_peers import FOLLOW_PEERS
from .get import GET
from .metrics import METRICS
from .network_peers import NETWORK_PEERS
from .peers import PEERS
from .ping import PING
from .put import PUT
from .record import RECORD
from .reload import RELOAD, STOP
from .resolve import RESOLVE
from .set_service import SET_SERVICE
from .status import STATUS
from .subscribe import SUBSCRIBE
from .watch import WATCH
from .why import WHY

_ALL = (
    STATUS,
    DOCTOR,
    FIND,
    CONTACTS,
    PING,
    PEERS,
    ANNOUNCE,
    PUT,
    GET,
    RESOLVE,
    NETWORK_PEERS,
    FOLLOW_PEERS,
    RECORD,
    CONFIG,
    SET_SERVICE,
    WHY,
    FEEDBACK,
    FEED_STATE,
    BOOK_EXPORT,
    BOOK_IMPORT,
    PEER_LIST,
    PEER_ADD,
    PEER_REMOVE,
    PEER_BAN,
    PEER_UNBAN,
    RELOAD,
    STOP,
    METRICS,
    SUBSCRIBE,
    WATCH,
)
METHODS: dict[str, Method[Any, Any]] = {method.name: method for method in _ALL}
