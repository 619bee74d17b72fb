"""The progress of sent bytes, which is asked for before a connection is given up."""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import suppress
from typing import NamedTuple

from twisted.internet.interfaces import ITransport

from txws2._transport.capabilities import socket_of, unsent_by
from txws2._transport.outbox import Outbox

try:
    from fcntl import ioctl
    from termios import TIOCOUTQ
except ImportError:  # pragma: no cover
    # Windows has neither, and no other way to find it out.
    ioctl = None  # type: ignore[assignment]

__all__ = ["Progress", "progress_of", "room_in"]

# The fields of struct tcp_info in Linux 5.5. Later versions only add fields at the end.
_TCP_INFO = struct.Struct("=6xB113xQ16xI8xI40xQQ12xI")

_ASKS_TCP = sys.platform == "linux"


class Progress(NamedTuple):
    """The progress of the sent bytes.

    Attributes:
        unsent: bytes that wait at this end, including those in the system's buffer.
        asked: the number of times that the transport has asked for more.
        acknowledged: bytes that the system of the other end has received; None if not known.
        room: bytes that the other end's system has offered room for, in all.
        rounding: the part of `room` that may be due to rounding.
    """

    unsent: int
    asked: int
    acknowledged: int | None = None
    room: int = 0
    rounding: int = 0

    @property
    def arrived(self) -> bool:
        """True if the other end's system is known to have received all bytes."""
        return self.acknowledged is not None and not self.unsent

    @property
    def blocked(self) -> bool:
        """True if the other end's system has no room for the bytes that wait.

        A system announces new room only when it has enough of it (RFC 9293 section 3.8.6.2.2): a
        sixteenth of its buffer, or two segments, which have 64 KiB on the loopback. So it may take
        13 seconds until a peer that reads 10 KB/s shows progress.
        """
        acknowledged = self.acknowledged
        return acknowledged is not None and self.unsent > self.room - acknowledged

    def since(self, earlier: Progress) -> bool:
        """Tell whether the peer has read something since then, as far as that is known.

        When an application hangs, its system still acknowledges bytes until its buffer is full.
        When an application reads, its system announces more room, even if nothing new arrives. As
        long as there is room, the network may be slow, until all bytes that waited then have
        arrived.
        """
        acknowledged, before = self.acknowledged, earlier.acknowledged
        if acknowledged is None or before is None:
            return self.asked > earlier.asked or self.unsent < earlier.unsent
        if self.room - earlier.room > self.rounding - earlier.rounding:
            return True
        return before < acknowledged < before + earlier.unsent and self.room > acknowledged


def progress_of(transport: ITransport, outbox: Outbox | None) -> Progress:
    """Return the progress of a connection; this takes up to 4 microseconds.

    Args:
        transport: the transport that the outbox writes to.
        outbox: the outbox, in which frames may wait; None if there is none yet.
    """
    waiting, asked = (0, 0) if outbox is None else (outbox.waiting, outbox.asked)
    below = socket_of(transport)
    if below is None:
        return Progress(waiting, asked)
    waiting += unsent_by(below)
    told = _ask_tcp(below.socket)
    if told is None:
        return Progress(waiting + _queued(below.socket), asked)
    queued, acknowledged, room, rounding = told
    return Progress(waiting + queued, asked, acknowledged, room, rounding)


def room_in(sock: socket.socket) -> int:
    """Return about how many bytes a socket takes now; 0 if that isn't known."""
    try:
        size = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    except OSError:
        return 0
    return max(0, size - _queued(sock)) if ioctl is not None else 0


def _ask_tcp(sock: socket.socket) -> tuple[int, int, int, int] | None:
    """Return the number of bytes in a socket's buffer, and the last three fields of a `Progress`.

    Return None if the system doesn't tell: it isn't Linux, or is older than Linux 5.5, or imitates
    Linux and leaves these fields empty.
    """
    if not _ASKS_TCP:
        return None
    with suppress(OSError):
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        if len(told) == _TCP_INFO.size:
            scales, acknowledged, unsent, segments, sent, again, window = _TCP_INFO.unpack(told)
            if acknowledged:
                queued = max(0, unsent + sent - again - acknowledged)
                # RFC 7323 section 2.3: a window is a multiple of this unit. A window must not
                # shrink, so it is rounded up at each segment.
                unit = 1 << (scales & 0xF if sys.byteorder == "little" else scales >> 4)
                return queued, acknowledged, acknowledged + window, segments * unit
    return None


def _queued(sock: socket.socket) -> int:
    """Return the number of bytes in a socket's buffer; 0 if that is not known."""
    if ioctl is not None:
        # A closed socket has no descriptor.
        with suppress(OSError, ValueError):
            return int.from_bytes(ioctl(sock, TIOCOUTQ, bytes(4)), sys.byteorder)
    return 0
