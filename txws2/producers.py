"""A producer of an application, whose errors end its own connection."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from txws2.outbox import PushProducer

__all__ = ["GuardedProducer"]


@implementer(IPushProducer)
class GuardedProducer:
    """Asks an application's producer, until that raises.

    Args:
        producer: the producer.
        failed: called with an exception of any class; the producer is asked nothing more then.
    """

    def __init__(self, producer: PushProducer, failed: Callable[[BaseException], object]) -> None:
        self._producer = producer
        self._failed = failed
        self._asks = True

    def __repr__(self) -> str:
        return repr(self._producer)

    def pauseProducing(self) -> None:
        """Have it produce nothing for now."""
        self._ask(self._producer.pauseProducing)

    def resumeProducing(self) -> None:
        """Have it produce again."""
        self._ask(self._producer.resumeProducing)

    def stopProducing(self) -> None:
        """Have it produce nothing any more."""
        self._ask(self._producer.stopProducing)

    def _ask(self, call: Callable[[], object]) -> None:
        if self._asks:
            try:
                call()
            except BaseException as exc:
                self._asks = False
                self._failed(exc)
