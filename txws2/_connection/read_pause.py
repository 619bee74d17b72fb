"""Pausing the transport's reading, without missing control frames or the peer's end."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime

__all__ = ["MESSAGE_OVERHEAD", "READ_AHEAD", "Reading"]

READ_AHEAD = 256 * 1024
"""Bytes of waiting messages at which reading stops altogether."""

MESSAGE_OVERHEAD = 64
"""Bytes that are added to the size of each waiting message, so that empty ones count, too."""

_PROBE_INTERVAL = 1.0


class Reading:
    """Pauses and resumes a transport, for either of two reasons.

    The inbox pauses reading when too many messages wait there. The application holds reading for
    as long as it likes. Then the peer's sends come to a halt, and its pings wait behind bytes that
    aren't read. So reading is resumed once a second until something has come: control frames get
    through, and the end of the peer is noticed. This goes on until 256 KiB of messages wait.

    A compressed read may have more than 256 KiB of messages. Then the rest of it isn't decoded
    before the application has taken some, just as if it had not been read.

    Args:
        transport: the transport to pause and resume.
        clock: the clock.

    Attributes:
        paused: True if the inbox has paused reading.
        held: True if the application holds reading.
        stopped: True if the rest of a read waits.
        listening: False if reading has paused since `listen`, so that the peer's silence
            meanwhile means nothing.
    """

    __slots__ = ("_clock", "_probe", "_rest", "_transport", "held", "listening", "paused")

    def __init__(self, transport: IPushProducer, clock: IReactorTime) -> None:
        self._transport = transport
        self._clock = clock
        self._probe: IDelayedCall | None = None
        # Receives the rest of a read, or leaves it for later; None if there is none.
        self._rest: Callable[[], None] | None = None
        self.paused = self.held = False
        self.listening = True

    @property
    def stopped(self) -> bool:
        """True if the rest of a read waits."""
        return self._rest is not None

    def listen(self) -> None:
        """Note in `listening` any pause from now on."""
        self.listening = not self._pausing

    def pause(self, waiting: int) -> None:
        """Stop reading.

        Args:
            waiting: bytes of the messages that wait.
        """
        if not self.paused:
            self._stop()
            self.paused = True
            self._probe_later(waiting)

    def resume(self) -> None:
        """Read again, unless it is held."""
        if self.paused or self.stopped:
            self.paused = False
            self._go_on()

    def hold(self) -> None:
        """Stop reading until `release`."""
        if not self.held:
            self._stop()
            self.held = True
            self._probe_later(0)

    def hold_on(self, waiting: int) -> None:
        """Pause again after a probe in which something has come, if reading is held.

        Args:
            waiting: bytes of the messages that wait.
        """
        if self.held and self._probe is None:
            self._transport.pauseProducing()
            self._probe_later(waiting)

    def release(self) -> None:
        """Read again, unless it is paused."""
        if self.held:
            self.held = False
            self._go_on()

    def stop(self, rest: Callable[[], None]) -> None:
        """Stop reading, as the rest of a read waits.

        Args:
            rest: called when reading might go on; it calls `start` and receives the rest, unless
                too much still waits.
        """
        self._stop()
        self._end_probes()
        self._rest = rest

    def start(self) -> None:
        """Read again after the rest, which is received now."""
        self._rest = None

    def close(self) -> None:
        """Leave the transport alone from now on: it is gone."""
        self.paused = self.held = False
        self._rest = None
        self._end_probes()

    @property
    def _pausing(self) -> bool:
        return self.paused or self.held or self.stopped

    def _stop(self) -> None:
        self.listening = False
        if not self._pausing:
            self._transport.pauseProducing()

    def _go_on(self) -> None:
        if self._rest is not None and not (self.paused or self.held):
            self._rest()
        if not self._pausing:
            self._end_probes()
            self._transport.resumeProducing()

    def _probe_later(self, waiting: int) -> None:
        if self._probe is None and waiting < READ_AHEAD and not self.stopped:
            self._probe = self._clock.callLater(_PROBE_INTERVAL, self._begin_probe)

    def _begin_probe(self) -> None:
        self._probe = None
        # If the inbox is still full, it pauses again as soon as it gets something.
        self.paused = False
        self._transport.resumeProducing()

    def _end_probes(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None
