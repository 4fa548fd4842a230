"""The JSON document of an event, for programs that subscribe to it; and of the finer events, what
`describe.py` has of the others.
"""

from __future__ import annotations

from ..contacts import Contact
from ..core.contract.events import ContactAdded, ContactRemoved, RecordChanged
from ..endpoints import format_endpoint
from ..ids import format_id
from ..wire.records import decode_record
from .describe import level_of, record_of, words_for
from .event_names import NAME_OF, Fine, Notable
from .log_stamp import INFO, stamped
from .services import services_document


def event_document(event: Notable | Fine) -> dict[str, object]:
    """The JSON object of an event, with its time and level, and ``message``: the event in words."""
    if isinstance(event, ContactAdded | ContactRemoved | RecordChanged):
        words = {"message": fine_words_for(event)[1]}
        return stamped(INFO, {"event": NAME_OF[type(event)], **fine_fields_of(event), **words})
    return stamped(level_of(event), {**record_of(event), "message": words_for(event)[1]})


def fine_fields_of(event: Fine) -> dict[str, object]:
    """The event as a JSON object, without its name."""
    match event:
        case ContactAdded(contact, bucket):
            return {**_contact_fields(contact), "bucket": bucket}
        case ContactRemoved(contact, bucket, reason):
            return {**_contact_fields(contact), "bucket": bucket, "reason": reason}
        case RecordChanged(sequence, record):
            read = decode_record(record)
            return {
                "sequence": sequence,
                "endpoints": [format_endpoint(each) for each in read.endpoints.values()],
                "services": services_document(read.services),
            }


def fine_words_for(event: Fine) -> tuple[str, str]:
    """A short name and a line of text."""
    match event:
        case ContactAdded(contact, bucket):
            return "added", _contact_words(contact, bucket)
        case ContactRemoved(contact, bucket, reason):
            return "removed", f"{_contact_words(contact, bucket)}: {reason}"
        case RecordChanged(sequence, _):
            return "record", f"the own record has sequence {sequence} now"


def _contact_fields(contact: Contact) -> dict[str, object]:
    return {"id": format_id(contact.id), "endpoint": format_endpoint(contact.endpoint)}


def _contact_words(contact: Contact, bucket: int) -> str:
    endpoint = format_endpoint(contact.endpoint)
    return f"{format_id(contact.id)[:8]} at {endpoint}, bucket {bucket}"
