"""The version of this package, and whether its core is compiled."""

from . import ids

__version__ = "0.1.0"

COMPILED = not ids.__file__.endswith(".py")
"""Whether the core is compiled by mypyc, from the same source: the same behaviour, faster (decision
0012).
"""
