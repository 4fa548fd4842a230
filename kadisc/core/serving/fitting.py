"""Answers that are no longer than their queries."""

from __future__ import annotations

from dataclasses import replace

from ...wire import krpc
from ...wire.messages import Error, Reply


def fitting(answer: Reply | Error, query_bytes: int) -> bytes | None:
    """The answer in at most so many bytes: whole, else without the proof of key, then without the
    record, then without the fields that only help, then without the text of an error; None where
    that is still too long.
    """
    for shorten in (
        _nothing,
        _leave_out_proof,
        _leave_out_record,
        _leave_out_hints,
        _leave_out_text,
    ):
        shorten(answer)
        payload = krpc.encode(answer)
        if len(payload) <= query_bytes:
            return payload
    return None


def _nothing(answer: Reply | Error) -> None:
    pass


def _leave_out_proof(answer: Reply | Error) -> None:
    if isinstance(answer, Reply) and answer.news is not None:
        answer.news = replace(answer.news, proof=None)


def _leave_out_record(answer: Reply | Error) -> None:
    if isinstance(answer, Reply):
        answer.news = None


def _leave_out_hints(answer: Reply | Error) -> None:
    answer.seen_as = None
    answer.version = None


def _leave_out_text(answer: Reply | Error) -> None:
    if isinstance(answer, Error):
        answer.text = ""
