"""A host with several addresses."""

from tests.routers.scenarios.links import ADDRESSES

SCENARIO = ADDRESSES
