"""The exceptions that kadisc raises on purpose.

::

    KadiscError
     +- DecodeError          bytes from the network are not a message: the fault of the sender;
     |                       never leaves receive()
     +- UsageError           an argument, option or file is wrong: the fault of the caller
     |   +- StateUnusable    the state folder cannot be used
     |       +- StateInUse   another node uses it
     +- Busy                 too many operations in flight: refused at its start, try later
     +- Closed               the node was closed, or is closing
     +- NotFound             the node does not know what the caller named
     +- NotRunning           no running node answers at the control socket
     +- BindError            no socket could be opened at the address asked for
     |   +- AddressInUse     another socket has it
     +- QueryFailed          a query got no usable answer
         +- NoAnswer         nothing came back in time, or the network refused the datagram
         +- ErrorAnswer      the other node answered with a KRPC error
             +- Conflict     another put has made a version that this one would replace
"""

from __future__ import annotations

from .contacts import Contact
from .text import MAX_MESSAGE, one_line


class KadiscError(Exception):
    """Base of all of them. Its text is one line that says what is wrong and, if possible, what to
    do. It may quote another node, a file or a name, so it is shown as `one_line` makes it.
    """

    def __str__(self) -> str:
        return one_line(super().__str__(), MAX_MESSAGE)


class DecodeError(KadiscError):
    """A datagram is not an acceptable KRPC message.

    ``reason`` is a short fixed word for the drop counters. If the datagram is recognisably a query,
    ``tid``, ``code`` and ``text`` are those of an error answer to its sender (BEP 5); otherwise
    ``tid`` is None and the datagram is dropped in silence. The code 203 is
    `kadisc.wire.error_codes.PROTOCOL`, which this module stands below.
    """

    def __init__(
        self, reason: str, tid: bytes | None = None, code: int = 203, text: str = ""
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tid = tid
        self.code = code
        self.text = text or reason


class UsageError(KadiscError):
    """An argument, option or file is wrong."""


class StateUnusable(UsageError):
    """The state folder cannot be used as asked for: it cannot be written, others may write it, or
    it has no key.
    """


class StateInUse(StateUnusable):
    """Another node uses the state folder."""


class Busy(KadiscError):
    """Too many operations are in flight; this one was refused at its start."""


class Closed(KadiscError):
    """The node was closed before the operation could end."""


class NotFound(KadiscError):
    """The node does not know the peer, or what else the caller named."""


class NotRunning(KadiscError):
    """No running node answers at the control socket."""


class BindError(KadiscError):
    """No socket could be opened at the address asked for."""


class AddressInUse(BindError):
    """Another socket has the address asked for."""


class QueryFailed(KadiscError):
    """A query got no usable answer."""


class NoAnswer(QueryFailed):
    """Nothing came back in time."""


class ErrorAnswer(QueryFailed):
    """The other node answered with a KRPC error: ``code`` (201 to 204 in BEP 5) and its ``text``,
    on one line and without control characters.
    """

    def __init__(self, code: int, text: str) -> None:
        text = one_line(text)
        super().__init__(f"the other node answered with error {code}: {text}")
        self.code = code
        self.text = text


class Conflict(ErrorAnswer):
    """Another put has stored a version of the item that this one must not replace (BEP 44):
    ``code`` 301, the stored sequence is not the expected one (``cas``), or 302, it is as high or
    higher. ``sequence``: of that version, whose signature was checked. ``stored``: the nodes that
    have stored this put all the same, because the other version was not known there; empty if
    nothing was stored.
    """

    def __init__(
        self, code: int, text: str, sequence: int, stored: tuple[Contact, ...] = ()
    ) -> None:
        super().__init__(code, text)
        nodes = "1 node has" if len(stored) == 1 else f"{len(stored)} nodes have"
        where = f"{nodes} stored this one all the same" if stored else "nothing was stored"
        self.args = (f"conflict (error {code}): {self.text}; {where}",)
        self.sequence = sequence
        self.stored = stored
