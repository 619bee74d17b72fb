"""A pull producer, driven so that it is a push producer to others."""

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

__all__ = ["Pulling"]

# To a reactor that is no more than the next turn. A Clock that is moved by nothing would never
# have done with calls that put themselves off by nothing.
_TURN = 1e-8


@implementer(IPushProducer)
class Pulling:
    """Asks a pull producer for more in every turn of the reactor, until it is paused.

    Args:
        producer: what is asked.
        clock: whose turns they are.
        failed: called with the Failure when the producer raises; it isn't asked again.
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
        """Ask from the next turn on."""
        self._running = True
        if self._turn is None:
            self._turn = self._clock.callLater(_TURN, self._pull)

    def pauseProducing(self) -> None:
        """Ask no more."""
        self._running = False
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def stopProducing(self) -> None:
        """Ask no more, and tell the producer that nothing is wanted."""
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
