"""A Deferred of something that can be closed, for `async with`."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Protocol, Self, TypeVar

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
        # An application's class may have another method of this name.
        return WebSocketProtocol.close(opened)
    return opened.close()


class Opening(Eventual[T]):
    """A Deferred of a connection or of a server.

    `async with` waits for it, and closes what it brought on leaving.
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
            # What a program means that forgets to await it.
            advice = "" if name.startswith("_") else "; await it first, or use `async with`"
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}{advice}",
                name=name,
                obj=self,
            )

    @classmethod
    def of(cls, deferred: Deferred[T]) -> Self:
        """Return an Opening with this Deferred's result; cancelling it cancels that."""

        def cancel(_: Deferred[T]) -> None:
            opening._cancelled = True
            # An attempt that can't be cancelled is left to itself.
            isolated(deferred.cancel)

        opening = cls(cancel)
        deferred.addBoth(opening._settle)
        return opening

    def _settle(self, result: T | Failure) -> None:
        if self._cancelled or self.called:
            # Whatever a stage makes of being cancelled, the caller gets a CancelledError; and
            # what came about nonetheless, or too late, has nobody to use it.
            if not isinstance(result, Failure):
                _close(result)
        elif isinstance(result, Failure):
            self.errback(result)
        else:
            self.callback(result)

    def withdraw(self, result: T) -> None:
        """Close what has been opened for nobody."""
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
        """Close it, as leaving the connection or the server itself does."""
        opened = self._opened
        if isinstance(opened, WebSocketProtocol):
            await WebSocketProtocol.__aexit__(opened, kind, exception, traceback)
        else:
            await opened.__aexit__(kind, exception, traceback)
