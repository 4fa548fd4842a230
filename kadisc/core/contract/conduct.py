"""How the node presents itself in one address family."""

from __future__ import annotations


class Conduct:
    """One mutable object for each family, which all components that ask share. Only the
    `Reachability` of the family changes it.
    """

    __slots__ = ("announces", "can_help", "closed", "is_read_only", "marks_queries", "port")

    def __init__(self, *, read_only: bool = False, announces: bool = True) -> None:
        """``read_only``: by the configuration. ``announces``: whether the node announces itself
        while nothing is known.
        """
        self.is_read_only = read_only
        """Whether the configuration says read-only: then no query is served, and nothing pushed."""
        self.marks_queries = read_only
        """Whether queries carry ``ro`` (BEP 43): other nodes then keep it out of their tables."""
        self.announces = announces and not read_only
        """Whether the node announces itself under the info-hashes of its network."""
        self.port: int | None = None
        """The port to announce, that of a port mapping; None: the port that other nodes see."""
        self.closed = False
        """Whether the own record says that strangers do not reach the node in this family."""
        self.can_help = not read_only
        """Whether the node offers to help others with their tests (``can``)."""
