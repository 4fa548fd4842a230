"""Datagrams by the batch: Linux' sendmmsg and recvmmsg, which Python's socket does not have.

A load generator must not be what is measured. One system call for up to 64 datagrams, all encoded
beforehand, costs some 2 us each instead of the 10 us of a loop over sendto and recvfrom; `serve.py`
prints how far that carries on the machine at hand.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Sequence

BATCH = 64
BUFFER_BYTES = 2048
IP_PKTINFO = 8
_DONT_WAIT = socket.MSG_DONTWAIT
_PKTINFO = struct.Struct("@Nii iiI")
"""cmsghdr (length, level, type), then in_pktinfo (interface, source address, destination address).
"""


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Msghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.POINTER(_Iovec)),
        ("iov_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Mmsghdr(ctypes.Structure):
    _fields_ = (("header", _Msghdr), ("length", ctypes.c_uint))


_libc = ctypes.CDLL(None, use_errno=True)
_SIZE = ctypes.sizeof(_Mmsghdr)


def _address(host: str, port: int) -> bytes:
    return (
        struct.pack("=H", socket.AF_INET)
        + port.to_bytes(2, "big")
        + socket.inet_aton(host)
        + bytes(8)
    )


def _call(name: str, descriptor: int, first: object, count: int, *rest: object) -> int:
    """How many went; 0 where it would block."""
    done: int = getattr(_libc, name)(descriptor, first, count, _DONT_WAIT, *rest)
    if done >= 0:
        return done
    code = ctypes.get_errno()
    if code in (11, 105):  # EAGAIN, ENOBUFS
        return 0
    raise OSError(code, os.strerror(code))


class Ring:
    """Datagrams to one destination, sent round and round, each from the IPv4 address that belongs
    to it.
    """

    def __init__(
        self, sock: socket.socket, datagrams: Sequence[tuple[bytes, str]], host: str, port: int
    ) -> None:
        self._descriptor = sock.fileno()
        self._count = len(datagrams)
        self._next = 0
        self._messages = (_Mmsghdr * self._count)()
        self._name = ctypes.create_string_buffer(_address(host, port), 16)
        self._kept: list[object] = []  # what the messages point to
        for message, (payload, source) in zip(self._messages, datagrams, strict=True):
            data, iov = ctypes.create_string_buffer(payload, len(payload)), _Iovec()
            iov.base, iov.length = ctypes.addressof(data), len(payload)
            control = ctypes.create_string_buffer(
                struct.pack("@Nii", 28, socket.IPPROTO_IP, IP_PKTINFO)
                + bytes(4)
                + socket.inet_aton(source)
                + bytes(8)
            )
            message.header.name, message.header.name_length = ctypes.addressof(self._name), 16
            message.header.iov, message.header.iov_length = ctypes.pointer(iov), 1
            message.header.control, message.header.control_length = ctypes.addressof(control), 28
            self._kept += [data, iov, control]

    def send(self, count: int) -> int:
        count = min(count, BATCH, self._count - self._next)
        sent = _call(
            "sendmmsg", self._descriptor, ctypes.byref(self._messages, self._next * _SIZE), count
        )
        self._next = (self._next + sent) % self._count
        return sent


class Inbox:
    """Reads a batch at a time into buffers of its own."""

    def __init__(self, sock: socket.socket) -> None:
        self._descriptor = sock.fileno()
        self._messages = (_Mmsghdr * BATCH)()
        self.buffers = [bytearray(BUFFER_BYTES) for _ in range(BATCH)]
        names = (ctypes.c_char * 16 * BATCH)()
        self._kept: list[object] = [names]
        self._iovs = []
        for index, (message, buffer) in enumerate(zip(self._messages, self.buffers, strict=True)):
            data, iov = (ctypes.c_char * BUFFER_BYTES).from_buffer(buffer), _Iovec()
            iov.base, iov.length = ctypes.addressof(data), BUFFER_BYTES
            message.header.name, message.header.name_length = ctypes.addressof(names[index]), 16
            message.header.iov, message.header.iov_length = ctypes.pointer(iov), 1
            self._iovs.append(iov)
            self._kept += [data]

    def receive(self) -> int:
        return _call("recvmmsg", self._descriptor, self._messages, BATCH, None)

    def length(self, index: int) -> int:
        return int(self._messages[index].length)

    def echo(self, count: int) -> None:
        """Sends what was read last back to where it came from."""
        for index in range(count):
            self._iovs[index].length = self._messages[index].length
        _call("sendmmsg", self._descriptor, self._messages, count)
        for index in range(count):
            self._iovs[index].length = BUFFER_BYTES
