"""The attributes of a connection, for the application."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.protocol import Protocol

from txws2._connection.counters import ConnectionCounters
from txws2._connection.handle import driver_of
from txws2._connection.journal import text_of
from txws2._connection.parts import state_of
from txws2._connection.phases import SETTLED
from txws2._connection.receiver import Receiver
from txws2._transport.capabilities import Address, address_of
from txws2.wire.closing import CloseCode
from txws2.wire.connection import State
from txws2.wire.http.heads import Request, Response

__all__ = ["Facts"]


class Facts(Receiver, Protocol):  # type: ignore[misc]
    """The attributes of a connection, and its state; see `WebSocketProtocol`."""

    def __repr__(self) -> str:
        """Show class, state, peer and id; it doesn't raise, even if the transport does."""
        try:
            peer = text_of(driver_of(self).peer_address)
        except Exception:
            peer = "no peer"
        return f"<{type(self).__name__} {state_of(self).name} {peer} {driver_of(self).id}>"

    @property
    def factory(self) -> Any:
        """The factory that has made the connection; its options apply."""
        return driver_of(self).factory

    @factory.setter
    def factory(self, factory: Any) -> None:
        driver_of(self).factory = factory

    @property
    def transport(self) -> Any:  # type: ignore[override]
        """The transport; None until connectionMade is called."""
        driver = driver_of(self)
        return driver.transport if driver.connected else None

    @property
    def connected(self) -> bool:  # type: ignore[override]
        """True once connectionMade was called."""
        connected: bool = driver_of(self).connected
        return connected

    @property
    def id(self) -> str:
        """The connection's unique name; log events have it."""
        name: str = driver_of(self).id
        return name

    @property
    def request(self) -> Request:
        """The client's request.

        It is None until it is known. The type leaves None out: an open connection has a request.
        """
        return cast(Request, driver_of(self).known_request)

    @request.setter
    def request(self, request: Request) -> None:
        driver_of(self).agreement.request = request

    @property
    def response(self) -> Response:
        """The server's response; None, likewise, until it is known."""
        return cast(Response, driver_of(self).agreement.response)

    @response.setter
    def response(self, response: Response) -> None:
        driver_of(self).agreement.response = response

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol agreed on, None if there is none."""
        agreed: str | None = driver_of(self).subprotocol
        return agreed

    @subprotocol.setter
    def subprotocol(self, subprotocol: str | None) -> None:
        driver_of(self).agreement.subprotocol = subprotocol

    @property
    def state(self) -> State:
        """CONNECTING, OPEN, CLOSING or CLOSED."""
        return state_of(self)

    @property
    def close_code(self) -> int | None:
        """The close code received, 1006 if there was none; None until the connection is closed."""
        driver = driver_of(self)
        if driver.phase < SETTLED:
            return None
        code: int = CloseCode.ABNORMAL_CLOSURE
        return driver.connection.closing.code if driver.opened else code

    @property
    def close_reason(self) -> str | None:
        """The close reason received; None until the connection is closed."""
        driver = driver_of(self)
        if driver.phase < SETTLED:
            return None
        return driver.connection.closing.reason if driver.opened else ""

    @property
    def latency(self) -> float:
        """The latest round-trip time in seconds, of a ping or of the keepalive; 0 at first."""
        pings = driver_of(self).pings
        return 0.0 if pings is None else pings.latency

    @property
    def counters(self) -> ConnectionCounters:
        """The counts of the connection's traffic, and of what waits, as they are now."""
        counters: ConnectionCounters = driver_of(self).count()
        return counters

    @property
    def local_address(self) -> Address:
        """(host, port) of this end, or the path of a Unix socket."""
        return address_of(driver_of(self).transport.getHost())

    @property
    def remote_address(self) -> Address:
        """(host, port) of the other end, or the path of a Unix socket."""
        address: Address = driver_of(self).peer_address
        return address
