"""The views of the live display, one a file. This module lists them all, in the order of their
keys.
"""

from __future__ import annotations

from typing import Final

from ..view import View
from .contacts import CONTACTS
from .overview import OVERVIEW
from .peers import PEERS

VIEWS: Final[tuple[View, ...]] = (OVERVIEW, CONTACTS, PEERS)


def view_named(name: str) -> View:
    """The view with this name; the first where there is none."""
    return next((view for view in VIEWS if view.name == name), VIEWS[0])
