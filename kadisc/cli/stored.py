"""The nodes of an announce or a put: those that stored it, those that refused, the silent ones."""

from __future__ import annotations

from ..control.methods.announce import AnnounceDocument
from ..control.methods.put import PutDocument
from .output import show


def show_nodes(document: AnnounceDocument | PutDocument) -> None:
    for node in document.stored:
        show(f"  {node.id}  {node.endpoint}")
    for refusing in document.refused:
        show(
            f"  {refusing.id}  {refusing.endpoint}  refused: error {refusing.code}, {refusing.text}"
        )
    for silent in document.unanswered:
        show(f"  {silent.id}  {silent.endpoint}  did not answer")
