"""Whether the transport reads, and how a peer is still heard while it doesn't."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime

__all__ = ["READ_AHEAD", "Reading"]

READ_AHEAD = 256 * 1024
"""Bytes of messages that may wait before reading stops altogether."""

_SIP_INTERVAL = 1.0


class Reading:
    """Pauses and resumes a transport.

    While it is paused, the peer's sends come to a halt, and its pings wait behind what isn't
    read. So once a second it is resumed until it is paused again: control frames get through,
    and a peer that has gone is noticed. That goes on until what waits takes up 256 KiB.

    Args:
        transport: what to pause and resume.
        clock: tells when a second has passed.

    Attributes:
        paused: whether it is.
        listening: False if reading has paused since `listen`, so that the peer's silence
            meanwhile means nothing.
    """

    __slots__ = ("_clock", "_sip", "_transport", "listening", "paused")

    def __init__(self, transport: IPushProducer, clock: IReactorTime) -> None:
        self._transport = transport
        self._clock = clock
        self._sip: IDelayedCall | None = None
        self.paused = False
        self.listening = True

    def listen(self) -> None:
        """Note from now on whether reading pauses: `listening` tells."""
        self.listening = not self.paused

    def pause(self, waiting: int) -> None:
        """Stop reading.

        Args:
            waiting: bytes that have been read and that nobody has taken.
        """
        if not self.paused:
            self.paused = True
            self.listening = False
            self._transport.pauseProducing()
            if waiting < READ_AHEAD:
                self._sip = self._clock.callLater(_SIP_INTERVAL, self.resume)

    def resume(self) -> None:
        """Read again, if it is paused."""
        if self.paused:
            self.close()
            self._transport.resumeProducing()

    def close(self) -> None:
        """Leave the transport alone: it is gone."""
        self.paused = False
        if self._sip is not None and self._sip.active():
            self._sip.cancel()
        self._sip = None
