"""The version of this package, in one place, and whether its core runs compiled."""

from . import ids

__version__ = "0.1.0"

COMPILED = not ids.__file__.endswith(".py")
"""By mypyc, from the same source: the same behaviour, faster (decision 0012)."""
