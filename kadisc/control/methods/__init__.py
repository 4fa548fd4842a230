"""What can be asked for: one method a file, all of them named here."""

from __future__ import annotations

from typing import Any

from ..call import Method
from .announce import ANNOUNCE
from .find import FIND
from .peers import PEERS
from .ping import PING
from .status import STATUS
from .subscribe import SUBSCRIBE

METHODS: dict[str, Method[Any, Any]] = {method.name: method for method in (STATUS, FIND, PING, PEERS, ANNOUNCE, SUBSCRIBE)}
