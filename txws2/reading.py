"""Whether the transport reads, and how a peer is still heard while it doesn't."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime

__all__ = ["READ_AHEAD", "Reading"]

READ_AHEAD = 256 * 1024
"""Bytes of messages that may wait before reading stops altogether."""

_SIP_INTERVAL = 1.0


class Reading:
    """Pauses and resumes a transport, for either of two reasons.

    The inbox pauses when too much waits there. The peer's sends then come to a halt, and its
    pings wait behind what isn't read. So once a second reading is resumed until it is paused
    again: control frames get through, and a peer that has gone is noticed. That goes on until
    what waits takes up 256 KiB.

    The application holds it for as long as it likes, and nothing is read meanwhile.

    Args:
        transport: what to pause and resume.
        clock: tells when a second has passed.

    Attributes:
        paused: whether the inbox has paused it.
        held: whether the application holds it.
        listening: False if reading has paused since `listen`, so that the peer's silence
            meanwhile means nothing.
    """

    __slots__ = ("_clock", "_sip", "_transport", "held", "listening", "paused")

    def __init__(self, transport: IPushProducer, clock: IReactorTime) -> None:
        self._transport = transport
        self._clock = clock
        self._sip: IDelayedCall | None = None
        self.paused = self.held = False
        self.listening = True

    def listen(self) -> None:
        """Note from now on whether reading pauses: `listening` tells."""
        self.listening = not (self.paused or self.held)

    def pause(self, waiting: int) -> None:
        """Stop reading.

        Args:
            waiting: bytes that have been read and that nobody has taken.
        """
        if not self.paused:
            self._stop()
            self.paused = True
            if waiting < READ_AHEAD:
                self._sip = self._clock.callLater(_SIP_INTERVAL, self.resume)

    def resume(self) -> None:
        """Read again, unless it is held."""
        if self.paused:
            self._end_pause()
            self._go_on()

    def hold(self) -> None:
        """Stop reading until `release`."""
        if not self.held:
            self._stop()
            self.held = True

    def release(self) -> None:
        """Read again, unless it is paused."""
        if self.held:
            self.held = False
            self._go_on()

    def close(self) -> None:
        """Leave the transport alone: it is gone."""
        self.held = False
        self._end_pause()

    def _stop(self) -> None:
        self.listening = False
        if not (self.paused or self.held):
            self._transport.pauseProducing()

    def _go_on(self) -> None:
        if not (self.paused or self.held):
            self._transport.resumeProducing()

    def _end_pause(self) -> None:
        self.paused = False
        if self._sip is not None and self._sip.active():
            self._sip.cancel()
        self._sip = None
