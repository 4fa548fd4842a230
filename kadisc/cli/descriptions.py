"""Sentences that the help texts of several commands share."""

from __future__ import annotations

NODE_OF_A_LOOKUP = (
    "Uses the running node if there is one, otherwise a temporary read-only node "
    "(--bootstrap forces that)."
)
NODE_OF_A_PING = (
    "Uses the running node if there is one, otherwise a temporary read-only node "
    "(--bind forces that)."
)
NEEDS_A_RUNNING_NODE = "Exit code 1 if no node runs with this state folder."
