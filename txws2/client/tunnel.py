"""The connection to a proxy: it asks for a tunnel, and then carries the wrapped protocol."""

from __future__ import annotations

from contextlib import suppress

from twisted.internet.defer import Deferred
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from txws2._time.deadlines import call_off
from txws2._transport.capabilities import abort
from txws2.client.tls_failures import tls_failure
from txws2.exceptions import ProxyError
from txws2.wire.http.bodies import BODY_PATIENCE
from txws2.wire.proxy.connect import HTTPTunnel
from txws2.wire.proxy.socks import SOCKSTunnel
from txws2.wire.proxy.urls import Proxy

__all__ = ["Tunnel", "TunnelFactory"]


class Tunnel(Protocol):
    """Negotiates with the proxy, and then passes all data on to the wrapped protocol.

    Attributes:
        is_lost: True if the connection to the proxy has ended.
        is_cancelled: True if the Deferred of the tunnel was cancelled.
    """

    factory: TunnelFactory

    is_lost = False
    is_cancelled = False
    _inner: IProtocol | None = None
    _negotiation: HTTPTunnel | SOCKSTunnel
    # Fires with the protocol at this end of the tunnel; None while the proxy isn't asked.
    _asked: Deferred[IProtocol] | None = None
    _opening = b""
    # The timer for the end of a refusal.
    _waiting: IDelayedCall | None = None
    _reason: Failure = connectionDone

    def ask(self, negotiation: HTTPTunnel | SOCKSTunnel, opening: bytes) -> Deferred[IProtocol]:
        """Ask the proxy for a tunnel.

        Args:
            negotiation: parses the proxy's answers. If it permits another request after a
                refusal, the connection stays open.
            opening: the bytes to send first.

        Returns:
            A Deferred of the protocol at this end of the tunnel.
        """
        self._negotiation = negotiation
        asked: Deferred[IProtocol] = Deferred(self._cancel)
        self._asked = asked
        self._opening = opening
        if self.is_lost:
            self._tell_end()
        elif self.connected:
            self.connectionMade()
        return asked

    def connectionMade(self) -> None:
        """Send the first bytes, if `ask` was called before."""
        if self._opening:
            assert self.transport is not None
            self.transport.write(self._opening)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes of the proxy's answer, or bytes that come through the tunnel."""
        if self._inner is not None:
            self._inner.dataReceived(data)
        elif self._asked is not None:
            self._negotiate(data)
        elif not self.is_lost:
            self._hear_unasked(data)

    def _negotiate(self, data: bytes) -> None:
        negotiation = self._negotiation
        try:
            reply = negotiation.receive(data)
        except BaseException:
            asked = self._take_asked()
            if not negotiation.can_ask_again:
                self.hang_up()
            asked.errback()
            return
        if reply:
            assert self.transport is not None
            self.transport.write(reply)
        if negotiation.complete:
            self._hand_over(negotiation.rest)
        elif self._waiting is None and negotiation.given_up() is not None:
            # The proxy refuses, but the end of its response may never come.
            clock = self.factory.clock
            self._waiting = clock.callLater(BODY_PATIENCE, self._give_up, self._asked)

    def _hear_unasked(self, data: bytes) -> None:
        """Take the end of a refusal; hang up if more comes, which would count as an answer."""
        with suppress(ProxyError):
            self._negotiation.receive(data)
        if not self._negotiation.can_ask_again:
            self.hang_up()

    def _hand_over(self, early: bytes) -> None:
        assert self.transport is not None
        asked = self._take_asked()
        try:
            inner = self.factory.wrapped.buildProtocol(self.transport.getPeer())
            if inner is None:
                raise NoProtocol
            self._inner = inner
            inner.makeConnection(self.transport)
            if early:
                inner.dataReceived(early)
        except BaseException:
            self.hang_up()
            asked.errback()
        else:
            asked.callback(inner)

    def _take_asked(self) -> Deferred[IProtocol]:
        self._stop_waiting()
        asked, self._asked = self._asked, None
        assert asked is not None
        return asked

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        call_off(waiting)

    def _cancel(self, asked: Deferred[IProtocol]) -> None:
        self.is_cancelled = True
        self._give_up(asked)

    def _give_up(self, asked: Deferred[IProtocol]) -> None:
        """Wait no longer for the end of the proxy's response."""
        self._stop_waiting()
        self._asked = None
        self.hang_up()
        # The head of a refusal tells the application more than the timeout.
        refusal = self._negotiation.given_up()
        if refusal is not None:
            asked.errback(refusal)

    def hang_up(self) -> None:
        """End the connection to the proxy."""
        assert self.transport is not None
        if not self.is_lost:
            self.is_lost = True
            abort(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the wrapped protocol, or fail the Deferred of the tunnel."""
        self.is_lost = True
        self._reason = reason
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif self._asked is not None:
            self._tell_end()

    def _tell_end(self) -> None:
        cause = self._reason.value
        assert cause is not None
        try:
            error = self._error(cause)
        except BaseException as exc:
            error = ProxyError(f"lost the proxy {self.factory.proxy}: {cause}")
            error.__cause__ = exc
        self._take_asked().errback(error)

    def _error(self, cause: BaseException) -> ProxyError:
        assert self.transport is not None
        proxy = self.factory.proxy
        insecure = tls_failure(cause, self.transport, proxy.host)
        if insecure is None:
            error = self._negotiation.ended()
        else:
            error = ProxyError(f"can't reach the proxy {proxy}: {insecure}")
        error.__cause__ = insecure or cause
        return error


class TunnelFactory(Factory):
    """Makes the connection to a proxy.

    Args:
        wrapped: the factory of the protocol to connect through the tunnel.
        proxy: the proxy.
        clock: the clock for the timer.
    """

    protocol = Tunnel  # type: ignore[assignment]
    noisy = False

    def __init__(
        self,
        wrapped: IProtocolFactory,
        proxy: Proxy,
        clock: IReactorTime,
    ) -> None:
        self.wrapped = wrapped
        self.proxy = proxy
        self.clock = clock

    def doStart(self) -> None:
        """Start the wrapped factory, too."""
        self.wrapped.doStart()
        super().doStart()  # type: ignore[no-untyped-call]

    def doStop(self) -> None:
        """Stop the wrapped factory, too."""
        self.wrapped.doStop()
        super().doStop()  # type: ignore[no-untyped-call]
