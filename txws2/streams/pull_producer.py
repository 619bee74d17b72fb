"""A pull producer as a push producer."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import (
    IDelayedCall,
    IPullProducer,
    IPushProducer,
    IReactorTime,
)
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["PullToPush"]

# For a reactor, this is the next turn. With a delay of 0, Clock.advance(0) would never return,
# because each call makes another one for the same time.
_TURN = 1e-8


@implementer(IPushProducer)
class PullToPush:
    """Calls a pull producer in every turn of the reactor, until it is paused.

    Args:
        producer: the pull producer.
        clock: calls back in each turn.
        failed: called with the Failure when the producer raises. The producer isn't called again.
    """

    def __init__(
        self, producer: IPullProducer, clock: IReactorTime, failed: Callable[[Failure], None]
    ) -> None:
        self._producer = producer
        self._clock = clock
        self._failed = failed
        self._running = False
        self._turn: IDelayedCall | None = None

    def resumeProducing(self) -> None:
        """Call the producer from the next turn on."""
        self._running = True
        if self._turn is None:
            self._turn = self._clock.callLater(_TURN, self._pull)

    def pauseProducing(self) -> None:
        """Call the producer no more."""
        self._running = False
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def stopProducing(self) -> None:
        """Call the producer no more, and stop it."""
        self.pauseProducing()
        self._producer.stopProducing()

    def _pull(self) -> None:
        self._turn = None
        try:
            self._producer.resumeProducing()
        except BaseException:
            self._running = False
            self._failed(Failure())
        if self._running:
            self.resumeProducing()
