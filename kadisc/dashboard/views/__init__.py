"""The views of the live display, one a file. This module lists them all, in the order of their
keys.
"""

from __future__ import annotations

from typing import Final

from ..view import View
from .address import ADDRESS
from .chain import CHAIN
from .contacts import CONTACTS
from .log import LOG
from .lookups import LOOKUPS
from .overview import OVERVIEW
from .peers import PEERS
from .traffic import TRAFFIC

VIEWS: Final[tuple[View, ...]] = (
    OVERVIEW,
    CONTACTS,
    PEERS,
    LOOKUPS,
    TRAFFIC,
    ADDRESS,
    CHAIN,
    LOG,
)


def view_named(name: str) -> View:
    """The view with this name; the first where there is none."""
    return next((view for view in VIEWS if view.name == name), VIEWS[0])
