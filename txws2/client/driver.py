"""The driver of the client's end: an error before the connection is open ends it at once."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure

from txws2._connection.driver import Driver
from txws2._connection.handshake import Handshake
from txws2._connection.phases import NEW, OPEN
from txws2.client.handshake import ClientHandshake

__all__ = ["ClientDriver"]


class ClientDriver(Driver):
    """The driver of the client's end of a connection."""

    __slots__ = ()

    client: ClassVar[bool] = True
    make_handshake: ClassVar[type[Handshake]] = ClientHandshake

    # A WebSocketClientFactory, whose module imports this one.
    factory: Any

    def begin(self, application: Any, transport: ITransport) -> None:
        """Take a transport; the opening handshake begins."""
        try:
            super().begin(application, transport)
        except BaseException as exc:
            self._opening_raised(exc)

    def receive_opening(self, data: bytes) -> None:
        """Take bytes of the opening handshake."""
        try:
            super().receive_opening(data)
        except BaseException as exc:
            self._opening_raised(exc)

    def application_failed(self, failure: Failure) -> None:
        """Close the connection: the application has failed."""
        super().application_failed(failure)
        if self.phase < OPEN:
            assert failure.value is not None
            self._opening_raised(failure.value)

    def give_up_opening(self) -> Exception:
        """Wait no longer for the response; return the reason for the failed handshake."""
        if isinstance(self.handshake, ClientHandshake):
            self.handshake.give_up()
        return self.ended_with()

    def _opening_raised(self, exc: BaseException) -> None:
        """Give up the connection, as this was raised before it is open."""
        if self.opened or self.phase is NEW:
            # Then the reactor ends the connection, as for every call of a transport.
            raise exc
        if isinstance(self.handshake, ClientHandshake):
            self.handshake.raised(exc)
