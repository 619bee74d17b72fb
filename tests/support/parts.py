"""The parts of a message that a test makes one by one."""

from twisted.internet.defer import Deferred


class Parts:
    """An asynchronous iterable whose parts a test makes one by one."""

    def __init__(self):
        self._next = Deferred()

    def give(self, part):
        ready, self._next = self._next, Deferred()
        ready.callback(part)

    def end(self, exception=StopAsyncIteration):
        self._next.errback(exception())

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self._next
