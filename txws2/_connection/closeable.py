"""A Deferred of a connection or a server, for `async with`."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txws2._connection.protocol import WebSocketProtocol
from txws2._deferreds.eventual import Eventual
from txws2._deferreds.isolation import isolated

__all__ = ["Opening"]


class _Closable(Protocol):
    def close(self) -> Deferred[None]: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...


T = TypeVar("T", bound=_Closable)


def _close(opened: _Closable) -> Deferred[None]:
    if isinstance(opened, WebSocketProtocol):
        # An application's class may have a method close() for something else.
        return WebSocketProtocol.close(opened)
    return opened.close()


class Opening(Eventual[T]):
    """A Deferred of a connection or of a server.

    `async with` waits for it, and closes the connection or server on leaving.
    """

    _opened: T
    _cancelled = False

    if not TYPE_CHECKING:

        @property
        def send(self) -> NoReturn:
            # The Deferreds of Twisted 24.7 have a method of this name, which would take a message
            # and send nothing. Python asks __getattr__ now.
            raise AttributeError

        def __getattr__(self, name: str) -> NoReturn:
            # A program that forgets to await this asks for an attribute of the result.
            advice = "" if name.startswith("_") else "; await it first, or use `async with`"
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}{advice}",
                name=name,
                obj=self,
            )

    def __iter__(self) -> Generator[Any, Any, T]:
        """Wait for it by `yield from`.

        Raises:
            TypeError: a loop goes on without its result.
        """
        waiting = self.__await__()
        try:
            yield next(waiting)
        except StopIteration as end:
            return cast(T, end.value)
        if not self.called:
            raise TypeError(
                f"{type(self).__name__!r} object is not iterable; write: async for, or async with, "
                "in an async def"
            )
        return (yield from waiting)

    @classmethod
    def of(cls, deferred: Deferred[T]) -> Self:
        """Return an Opening of this Deferred's result; cancelling it cancels the Deferred."""

        def cancel(_: Deferred[T]) -> None:
            opening._cancelled = True
            # An exception of the canceller is logged, and the attempt goes on.
            isolated(deferred.cancel)

        opening = cls(cancel)
        deferred.addBoth(opening._settle)
        return opening

    def _settle(self, result: T | Failure) -> None:
        if self._cancelled or self.called:
            # The caller has got a CancelledError already. If the attempt succeeds nevertheless,
            # nobody uses the result.
            if not isinstance(result, Failure):
                _close(result)
        elif isinstance(result, Failure):
            self.errback(result)
        else:
            self.callback(result)

    def withdraw(self, result: T) -> None:
        """Close a result that nobody uses."""
        isolated(_close, result)

    async def __aenter__(self) -> T:
        """Wait until it is open."""
        self._opened = await self
        return self._opened

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the result, as its own `async with` does."""
        opened = self._opened
        if isinstance(opened, WebSocketProtocol):
            await WebSocketProtocol.__aexit__(opened, kind, exception, traceback)
        else:
            await opened.__aexit__(kind, exception, traceback)
