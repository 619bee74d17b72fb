"""Whether what was sent gets through: asked of a connection before it is given up."""

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
    # Windows has neither, and no way to ask.
    ioctl = None  # type: ignore[assignment]

__all__ = ["Progress", "progress_of"]

# Linux's struct tcp_info, as far as Linux 5.5 has it. It only ever grew at its end.
_TCP_INFO = struct.Struct("=6xB113xQ16xI8xI40xQQ12xI")

_ASKS_TCP = sys.platform == "linux"


class Progress(NamedTuple):
    """How far what was sent has come.

    Attributes:
        unsent: bytes that wait at this end, those in the system's buffer among them.
        asked: how often the transport has asked for more.
        acknowledged: bytes that the system of the other end has; None if ours doesn't tell.
        room: bytes that it has had room for, in all.
        rounding: bytes of that which may be due to rounding.
    """

    unsent: int
    asked: int
    acknowledged: int | None = None
    room: int = 0
    rounding: int = 0

    @property
    def arrived(self) -> bool:
        """Whether the other end's system has all of it, as far as ours tells."""
        return self.acknowledged is not None and not self.unsent

    @property
    def blocked(self) -> bool:
        """Whether the other end's system hasn't room for what waits.

        It says that it has room again only when it has enough (RFC 9293 section 3.8.6.2.2): a
        sixteenth of its buffer, or two segments, which are of 64 KiB on the loopback. So a peer
        that reads 10 KB/s may take 13 seconds until that shows.
        """
        acknowledged = self.acknowledged
        return acknowledged is not None and self.unsent > self.room - acknowledged

    def since(self, earlier: Progress) -> bool:
        """Tell whether the peer has read something since then, as far as can be told.

        The system of a peer whose application hangs still acknowledges what it has room for. An
        application that reads makes more room, whether or not something comes. And as long as
        there is room, it may be the network that is slow, until all that waited then is there.
        """
        acknowledged, before = self.acknowledged, earlier.acknowledged
        if acknowledged is None or before is None:
            return self.asked > earlier.asked or self.unsent < earlier.unsent
        if self.room - earlier.room > self.rounding - earlier.rounding:
            return True
        return before < acknowledged < before + earlier.unsent and self.room > acknowledged


def progress_of(transport: ITransport, outbox: Outbox | None) -> Progress:
    """Return how far a connection is; it costs up to 4 microseconds.

    Args:
        transport: what the outbox writes to.
        outbox: where frames wait; None if there is none yet.
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


def _ask_tcp(sock: socket.socket) -> tuple[int, int, int, int] | None:
    """Return what a socket's buffer holds, and the last three of a `Progress`.

    None if the system doesn't say: it isn't Linux, or one from before 5.5, or it only looks like
    Linux and leaves that empty.
    """
    if not _ASKS_TCP:
        return None
    with suppress(OSError):
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        if len(told) == _TCP_INFO.size:
            scales, acknowledged, unsent, segments, sent, again, window = _TCP_INFO.unpack(told)
            if acknowledged:
                queued = max(0, unsent + sent - again - acknowledged)
                # RFC 7323 section 2.3: a window is a multiple of that. Never to shrink, it is
                # rounded up at each segment.
                unit = 1 << (scales & 0xF if sys.byteorder == "little" else scales >> 4)
                return queued, acknowledged, acknowledged + window, segments * unit
    return None


def _queued(sock: socket.socket) -> int:
    """Return what a socket's buffer holds, a Unix socket's among them; 0 if there is no telling."""
    if ioctl is not None:
        # One that is closed has no descriptor.
        with suppress(OSError, ValueError):
            return int.from_bytes(ioctl(sock, TIOCOUTQ, bytes(4)), sys.byteorder)
    return 0
