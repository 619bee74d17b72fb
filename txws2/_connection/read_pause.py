"""Whether the transport reads, and how a peer is still heard while it doesn't."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime

__all__ = ["MESSAGE_OVERHEAD", "READ_AHEAD", "Reading"]

READ_AHEAD = 256 * 1024
"""Bytes of messages that may wait before reading stops altogether."""

MESSAGE_OVERHEAD = 64
"""Bytes that each of them counts more than it has, so that empty ones count, too."""

_SIP_INTERVAL = 1.0


class Reading:
    """Pauses and resumes a transport, for either of two reasons.

    The inbox pauses when too much waits there; the application holds it for as long as it likes.
    The peer's sends then come to a halt, and its pings wait behind what isn't read. So once a
    second reading is resumed until something has come: control frames get through, and a peer
    that has gone is noticed. That goes on until what waits takes up 256 KiB.

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
            self._sip_later(waiting)

    def resume(self) -> None:
        """Read again, unless it is held."""
        if self.paused:
            self.paused = False
            self._go_on()

    def hold(self) -> None:
        """Stop reading until `release`."""
        if not self.held:
            self._stop()
            self.held = True
            self._sip_later(0)

    def hold_on(self, waiting: int) -> None:
        """Take it that something has come although it is held.

        Args:
            waiting: bytes that have been read and that nobody has taken.
        """
        if self.held and self._sip is None:
            self._transport.pauseProducing()
            self._sip_later(waiting)

    def release(self) -> None:
        """Read again, unless it is paused."""
        if self.held:
            self.held = False
            self._go_on()

    def close(self) -> None:
        """Leave the transport alone: it is gone."""
        self.paused = self.held = False
        self._end_sips()

    def _stop(self) -> None:
        self.listening = False
        if not (self.paused or self.held):
            self._transport.pauseProducing()

    def _go_on(self) -> None:
        if not (self.paused or self.held):
            self._end_sips()
            self._transport.resumeProducing()

    def _sip_later(self, waiting: int) -> None:
        if self._sip is None and waiting < READ_AHEAD:
            self._sip = self._clock.callLater(_SIP_INTERVAL, self._take_a_sip)

    def _take_a_sip(self) -> None:
        self._sip = None
        # If it is still full, the inbox pauses again as soon as it gets something.
        self.paused = False
        self._transport.resumeProducing()

    def _end_sips(self) -> None:
        if self._sip is not None:
            self._sip.cancel()
            self._sip = None
