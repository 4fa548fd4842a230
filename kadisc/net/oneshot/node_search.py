"""The lookup behind ``kadisc find``, with the results of all families."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.contract.events import FoundNode, LookupResult, Outcome
from ...endpoints import Endpoint, Family
from ...ids import NodeId
from ..api.node import Node
from .multi_family import MultiFamilyLookup


class NodeSearch(MultiFamilyLookup):
    """Finds the ``k`` nodes closest to a target, over ``paths`` disjoint paths in each family."""

    def __init__(self, node: Node, target: NodeId, k: int, paths: int) -> None:
        super().__init__(node, target)
        self.k = k
        self.results: list[LookupResult] = []
        self._paths = paths

    @property
    def nodes(self) -> list[FoundNode]:
        """The k closest of all families, closest first."""
        merged = [node for result in self.results for node in result.closest]
        return sorted(merged, key=lambda node: node.contact.id ^ self.target)[: self.k]

    @property
    def region(self) -> list[FoundNode]:
        """The other nodes of the region around the target, of suspicious lookups."""
        merged = [node for result in self.results for node in result.region]
        chosen = {node.contact.endpoint for node in self.nodes}
        others = [node for node in merged if node.contact.endpoint not in chosen]
        return sorted(others, key=lambda each: each.contact.id ^ self.target)

    @property
    def suspicious(self) -> bool:
        """Whether one of the lookups was."""
        return any(result.suspicious for result in self.results)

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        answers = await self.follow_to_end(
            self.node.lookup(self.target, k=self.k, paths=self._paths, family=family, seeds=seeds)
        )
        if answers.outcome is not Outcome.DONE:
            return False
        self.results.append(answers.result)
        return True
